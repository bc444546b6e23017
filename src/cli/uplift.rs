//! `nextoffer uplift`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::terminal::{complain, count, display_width, pad, run_error, show};
use crate::{
    export::push_record,
    run::{self, ExitCode, Experiment, ExperimentOptions, ExperimentRow},
    store::atomic,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The experiment, a row a member: a Parquet file, folder, glob or URL
    file: String,
    /// Column of the arm a member was drawn into
    #[arg(long, value_name = "COLUMN")]
    arm: String,
    /// The arm that got nothing; the others are compared with it
    #[arg(long, value_name = "VALUE")]
    control: String,
    /// Columns of what came of it, numbers or flags; a column of 0 and 1 alone is a share
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', required = true)]
    outcomes: Vec<String>,
    /// Columns of what was known before the draw: they narrow the intervals (CUPED)
    #[arg(long = "covariate", value_name = "A,B,…", value_delimiter = ',')]
    covariates: Vec<String>,
    /// Shares that the arms were drawn with, such as A=0.9,B=0.1 [default: all alike]
    #[arg(long, value_name = "ARM=SHARE,…", value_delimiter = ',', value_parser = share)]
    shares: Vec<(String, f64)>,
    /// Column of groups that are shown on their own as well
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// The uplift that the control should be large enough to show, as a share of its mean
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = detect)]
    detect: f64,
    /// Write the table to this file too: .csv or .json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn share(text: &str) -> Result<(String, f64), String> {
    let wrong = || "write an arm and its share above 0, like treated=0.9".to_owned();
    let (arm, share) = text.rsplit_once('=').ok_or_else(wrong)?;
    let share: f64 = share.trim().parse().map_err(|_| wrong())?;
    if share > 0.0 && share.is_finite() { Ok((arm.trim().to_owned(), share)) } else { Err(wrong()) }
}

fn detect(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share.filter(|s| *s > 0.0 && s.is_finite()).ok_or_else(|| "write a share above 0, like 0.05".to_owned())
}

/// Compares the arms of an experiment.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let kind = arguments.out.as_ref().map(|path| path.extension().and_then(|e| e.to_str()).unwrap_or_default());
    if let Some(kind) = kind.filter(|kind| !matches!(*kind, "csv" | "json")) {
        complain(&format!("--out: `.{kind}` is neither .csv nor .json\n"));
        return ExitCode::Usage;
    }
    let options = ExperimentOptions {
        file: arguments.file.clone(),
        arm: arguments.arm.clone(),
        control: arguments.control.clone(),
        outcomes: arguments.outcomes.clone(),
        covariates: arguments.covariates.clone(),
        shares: arguments.shares.clone(),
        by: arguments.by.clone(),
        detect: arguments.detect,
    };
    let found = match run::experiment(&options) {
        Ok(found) => found,
        Err(error) => return run_error(&error),
    };
    show(&describe(&found));
    if let Some(path) = &arguments.out {
        let bytes = match kind {
            Some("json") => serde_json::to_vec_pretty(&found).map(|mut bytes| {
                bytes.push(b'\n');
                bytes
            }),
            _ => Ok(csv(&found).into_bytes()),
        };
        let Ok(bytes) = bytes else { return ExitCode::Bug };
        if let Err(error) = atomic::write(path, &bytes) {
            return run_error(&run::RunError::Output(error));
        }
        show(&format!("written to {}\n", path.display()));
    }
    if found.sample_ratio.as_ref().is_some_and(|r| !r.holds()) {
        complain("the arms do not have the sizes they were drawn with: do not trust these figures\n");
    }
    ExitCode::Done
}

const HEADER: [&str; 17] = [
    "group",
    "arm",
    "outcome",
    "members",
    "control_members",
    "mean",
    "control_mean",
    "uplift",
    "low",
    "high",
    "adjusted_uplift",
    "adjusted_low",
    "adjusted_high",
    "variance_reduction",
    "detectable",
    "control_needed",
    "is_share",
];

fn csv(found: &Experiment) -> String {
    let mut out = String::new();
    push_record(&mut out, HEADER.iter().copied());
    for row in &found.rows {
        let adjusted = row.adjusted.as_ref();
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let cells = [
            row.group.clone().unwrap_or_default(),
            row.arm.clone(),
            row.outcome.clone(),
            row.members[0].to_string(),
            row.members[1].to_string(),
            row.means[0].to_string(),
            row.means[1].to_string(),
            row.uplift.difference.to_string(),
            row.uplift.low.to_string(),
            row.uplift.high.to_string(),
            number(adjusted.map(|a| a.difference.difference)),
            number(adjusted.map(|a| a.difference.low)),
            number(adjusted.map(|a| a.difference.high)),
            number(adjusted.map(|a| a.variance_reduction)),
            row.detectable.to_string(),
            row.control_needed.map_or_else(String::new, |n| n.to_string()),
            row.is_share.to_string(),
        ];
        push_record(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// The figures as text: shares in percent, their differences in points.
fn describe(found: &Experiment) -> String {
    let mut out = String::new();
    let members: u64 = found.arms.iter().map(|(_, n)| n).sum();
    let arms: Vec<String> = found.arms.iter().map(|(arm, n)| format!("{arm} {}", count(*n))).collect();
    let _ = writeln!(out, "{}: {} members ({})", found.file, count(members), arms.join(", "));
    if found.left_out > 0 {
        let _ = writeln!(out, "{} rows lack a value and are left out", count(found.left_out));
    }
    if let Some(ratio) = &found.sample_ratio {
        let verdict = if ratio.holds() { "as drawn" } else { "MISMATCH" };
        let _ =
            writeln!(out, "sizes of the arms: chi-square {:.2}, p {:.4}: {verdict}", ratio.chi_square, ratio.p_value);
    }
    let _ = writeln!(out, "against {}, 95% intervals; differences of shares in points\n", found.control);
    let needed = format!("control for {}%", 100.0 * found.detect);
    let head =
        ["group", "arm", "outcome", "mean", "control", "uplift", "95%", "adjusted", "95%", "variance", "smallest seen"];
    let mut table: Vec<Vec<String>> =
        vec![head.iter().map(|h| (*h).to_owned()).chain(std::iter::once(needed)).collect()];
    for row in &found.rows {
        table.push(line(row));
    }
    let grouped = found.rows.iter().any(|r| r.group.is_some());
    let widths: Vec<usize> =
        (0..table[0].len()).map(|c| table.iter().map(|r| display_width(&r[c])).max().unwrap_or(0)).collect();
    for row in &table {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .filter(|(at, _)| grouped || *at > 0)
            .map(|(at, (cell, width))| match at < 3 {
                true => pad(cell, *width),
                false => format!("{}{cell}", " ".repeat(width - display_width(cell))),
            })
            .collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

fn line(row: &ExperimentRow) -> Vec<String> {
    let mean = |v: f64| if row.is_share { format!("{:.2}%", 100.0 * v) } else { format!("{v:.3}") };
    let change = |v: f64| if row.is_share { format!("{:+.2}", 100.0 * v) } else { format!("{v:+.3}") };
    let range = |low: f64, high: f64| format!("{} to {}", change(low), change(high));
    let adjusted = row.adjusted.as_ref();
    vec![
        row.group.clone().unwrap_or_else(|| "all".to_owned()),
        row.arm.clone(),
        row.outcome.clone(),
        mean(row.means[0]),
        mean(row.means[1]),
        change(row.uplift.difference),
        range(row.uplift.low, row.uplift.high),
        adjusted.map_or_else(|| "-".to_owned(), |a| change(a.difference.difference)),
        adjusted.map_or_else(|| "-".to_owned(), |a| range(a.difference.low, a.difference.high)),
        adjusted.map_or_else(|| "-".to_owned(), |a| format!("-{:.1}%", 100.0 * a.variance_reduction)),
        change(row.detectable).trim_start_matches('+').to_owned(),
        row.control_needed.map_or_else(|| "half would not do".to_owned(), count),
    ]
}
