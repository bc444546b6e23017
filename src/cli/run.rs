//! `nextoffer run`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{count, display_width, job_error, pad, run_error, show, show_report},
};
use crate::{
    base::Day,
    input::accounting::RowCounts,
    job,
    run::{self, ExitCode, Outcome, PreviousChoice, RunOptions, RunSummary},
};

/// Columns of the bars in the segment table.
const BAR: usize = 24;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Last day to read, YYYY-MM-DD [default: the job's as_of]
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Day>,
    /// Folder or URL to publish in [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Run to follow: its folder or URL, or `none` [default: the newest published with an earlier day]
    #[arg(long, value_name = "DIR|none")]
    previous: Option<String>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Memory to stay within, such as 8GiB; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<u64>,
    /// Set a key of the job, such as segments.k=8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Do everything but publish
    #[arg(long)]
    dry_run: bool,
    /// End with exit code 99 if the same job, inputs and day are published already
    #[arg(long)]
    skip_if_published: bool,
    /// Form of the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Show nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a date like 2026-03-31".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    job::parse_size(text).ok_or_else(|| "write a size like 512MiB or 8GB".to_owned())
}

/// Runs the job.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(arguments.log_format, arguments.quiet);
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    if !arguments.quiet {
        show_report(&loaded.remarks);
    }
    let options = RunOptions {
        as_of: arguments.as_of,
        out: arguments.out.clone(),
        previous: match arguments.previous.as_deref() {
            None => PreviousChoice::Newest,
            Some("none") => PreviousChoice::None,
            Some(place) => PreviousChoice::Place(place.to_owned()),
        },
        threads: arguments.threads,
        memory_limit: arguments.memory_limit,
        dry_run: arguments.dry_run,
        skip_if_published: arguments.skip_if_published,
    };
    let listener = progress::listener(arguments.quiet, arguments.log_format);
    let outcome = match run::run(&loaded, &options, listener.as_ref()) {
        Ok(outcome) => outcome,
        Err(error) => return run_error(&error),
    };
    let (summary, remarks, end) = match outcome {
        Outcome::AlreadyPublished { folder } => {
            if !arguments.quiet {
                show(&format!("already published: {folder}\n"));
            }
            return ExitCode::AlreadyPublished;
        }
        Outcome::DryRun { summary, remarks } => (summary, remarks, "dry run: nothing was published\n".to_owned()),
        Outcome::Published { out, folder, current, summary, remarks } => {
            let out = out.trim_end_matches('/');
            let note = if current { "current points at it" } else { "current stays at a later day" };
            (summary, remarks, format!("published {out}/{folder} ({note})\n"))
        }
    };
    if !arguments.quiet {
        show_report(&remarks);
        if arguments.log_format == LogFormat::Text {
            show(&describe(&summary));
        }
        show(&end);
    }
    ExitCode::Done
}

/// The run for people.
fn describe(summary: &RunSummary) -> String {
    let mut text = String::new();
    push_rows(summary, &mut text);
    push_segments(summary, &mut text);
    push_offers(summary, &mut text);
    push_stages(summary, &mut text);
    text
}

fn push_rows(summary: &RunSummary, out: &mut String) {
    let manifest = summary.manifest();
    let _ = writeln!(out, "\nRows of {} as of {}", manifest.job, manifest.as_of);
    for (table, rows) in &manifest.rows {
        let _ = writeln!(out, "  {table:<16} {:>12} read = {:>12} kept{}", count(rows.read), count(rows.kept), lost(rows));
    }
    let members = &manifest.members;
    let mut parts = vec![format!("{} with a kept line", count(members.seen))];
    parts.push(format!("{} in the fit", count(members.in_fit)));
    parts.push(format!("{} opted out (generic list)", count(members.opted_out)));
    parts.extend(members.excluded.iter().map(|(why, n)| format!("{} left out: {why}", count(*n))));
    let _ = writeln!(out, "  members: {}", parts.join(", "));
}

fn lost(rows: &RowCounts) -> String {
    let mut text = String::new();
    for (what, reasons) in [("dropped", &rows.dropped), ("quarantined", &rows.quarantined)] {
        if !reasons.is_empty() {
            let total: u64 = reasons.values().sum();
            let each: Vec<String> = reasons.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
            let _ = write!(text, " + {} {what} ({})", count(total), each.join(", "));
        }
    }
    if rows.unmatched_returns > 0 {
        let _ = write!(text, "; {} returns matched no purchase", count(rows.unmatched_returns));
    }
    text
}

fn push_segments(summary: &RunSummary, out: &mut String) {
    let widest = summary.segments.iter().map(|s| s.share).fold(0.0, f64::max);
    let zh = summary.segments.iter().map(|s| display_width(&s.name_zh)).max().unwrap_or(0);
    let _ = writeln!(out, "\nSegments");
    for s in &summary.segments {
        let length = if widest > 0.0 { (s.share / widest * BAR as f64).round() as usize } else { 0 };
        let bar = format!("{}{}", "█".repeat(length), " ".repeat(BAR - length.min(BAR)));
        let _ = writeln!(
            out,
            "  {:<8} {bar} {:>5.1}% {:>10}  {}  {}",
            s.code,
            s.share * 100.0,
            count(s.members),
            pad(&s.name_zh, zh),
            s.name_en
        );
    }
    let stages: Vec<String> = summary.lifecycle.iter().map(|(stage, n)| format!("{stage} {}", count(*n))).collect();
    let _ = writeln!(out, "  lifecycle: {}", stages.join(", "));
    let tags: Vec<String> = summary.tags.iter().map(|(source, n)| format!("{source} {}", count(*n))).collect();
    let _ = writeln!(out, "  tags: {}", tags.join(", "));
}

fn push_offers(summary: &RunSummary, out: &mut String) {
    let _ = writeln!(out, "\nOffers");
    for o in &summary.offers {
        let _ = writeln!(out, "  {:<24} {:<22} {:>12} slots", o.offer_id, o.kind, count(o.chosen));
        if let Some((zh, en)) = &o.example {
            let _ = writeln!(out, "    {zh}\n    {en}");
        }
    }
}

fn push_stages(summary: &RunSummary, out: &mut String) {
    let peak = summary.stages.iter().filter_map(|s| s.peak_bytes).max();
    let parts: Vec<String> = summary.stages.iter().map(|s| format!("{} {:.1}", s.stage, s.wall_s)).collect();
    let _ = write!(out, "\n{:.1} s: {}", summary.seconds, parts.join(", "));
    if let Some(peak) = peak {
        let _ = write!(out, "; {} MiB at most", count(peak >> 20));
    }
    out.push('\n');
}
