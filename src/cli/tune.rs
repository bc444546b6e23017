//! `nextoffer tune`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{count, job_error, run_error, show, show_report, times, wrap},
};
use crate::{
    base::Day,
    job,
    report::{TuneResults, TunedSet},
    run::{self, ExitCode, TuneOptions},
};

/// Columns of the text.
const WIDTH: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Numbers of segments to try, such as 4..20 [default: the job's segments.auto_k]
    #[arg(long, value_name = "FROM..TO", value_parser = range)]
    k: Option<(usize, usize)>,
    /// A feature set: names, or starts of names and *, such as recency_days,orders,share_category_*; may be repeated
    /// [default: the job's features]
    #[arg(long, value_name = "A,B,…")]
    features: Vec<String>,
    /// Starts of each k [default: the job's segments.auto_k.seeds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: Option<u32>,
    /// Bootstrap resamples that show how stable each k is [default: the job's segments.auto_k.resamples]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    resamples: Option<u32>,
    /// Last day to read, YYYY-MM-DD [default: the job's as_of]
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Day>,
    /// Folder or URL to write in [default: `tune` in the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Memory to stay within, such as 8GiB; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<u64>,
    /// Set a key of the job, such as segments.fit_sample=200000; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
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

fn range(text: &str) -> Result<(usize, usize), String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let number = |text: &str| text.trim_start_matches('=').parse::<usize>().ok().filter(|k| (2..=200).contains(k));
    match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err("write a range from 2 to 200 like 4..20; both ends are tried".to_owned()),
    }
}

/// Tunes the segments.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(arguments.log_format, arguments.quiet);
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    if !arguments.quiet {
        show_report(&loaded.remarks);
    }
    let split = |set: &String| set.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    let options = TuneOptions {
        as_of: arguments.as_of,
        k: arguments.k,
        features: arguments.features.iter().map(split).collect(),
        seeds: arguments.seeds,
        resamples: arguments.resamples,
        out: arguments.out.clone(),
        threads: arguments.threads,
        memory_limit: arguments.memory_limit,
    };
    let listener = progress::listener(arguments.quiet, arguments.log_format);
    let outcome = match run::tune(&loaded, &options, listener.as_ref()) {
        Ok(outcome) => outcome,
        Err(error) => return run_error(&error),
    };
    if !arguments.quiet {
        show_report(&outcome.remarks);
        if arguments.log_format == LogFormat::Text {
            show(&describe(&outcome.results));
            show(&times(&outcome.stages));
        }
        show(&format!("written to {}\n", outcome.place));
    }
    ExitCode::Done
}

/// The figures as text.
fn describe(results: &TuneResults) -> String {
    let mut out =
        format!("\nTUNING of `{}` as of {}: {} members\n", results.job, results.as_of, count(results.members));
    for set in &results.sets {
        push_set(set, &mut out);
    }
    out.push('\n');
    let rule = "* chosen: of the k that are stable enough, the best mean rank over silhouette, Calinski-Harabasz and \
                Davies-Bouldin (lower is better); on ties the smaller k. stability: mean adjusted Rand index with fits \
                to bootstrap resamples; jaccard: the same by overlap; seeds: agreement between starts";
    for (at, line) in wrap(rule, WIDTH - 2).iter().enumerate() {
        let _ = writeln!(out, "{}{line}", if at > 0 { "  " } else { "" });
    }
    out
}

fn push_set(set: &TunedSet, out: &mut String) {
    let _ = writeln!(out, "\nfeatures {}:", set.name);
    for line in wrap(&set.features.join(", "), WIDTH - 4) {
        let _ = writeln!(out, "    {line}");
    }
    let curve = &set.curve;
    let _ = writeln!(
        out,
        "  fitted on {} members; {} resamples of {}, stable from {}",
        count(curve.members),
        curve.resamples,
        count(curve.resampled),
        curve.least_stability
    );
    let _ = writeln!(
        out,
        "  {:>4} {:>16} {:>10} {:>12} {:>8} {:>10} {:>8} {:>7}",
        "k", "inertia", "silhouette", "Cal.-Har.", "Dav.-B.", "stability", "jaccard", "seeds"
    );
    for p in &curve.points {
        let seeds = p.seed_agreement.map_or_else(|| "-".to_owned(), |a| format!("{a:.3}"));
        let mark = if p.k == curve.chosen { " *" } else { "" };
        let _ = writeln!(
            out,
            "  {:>4} {:>16.1} {:>10.4} {:>12.1} {:>8.3} {:>10.3} {:>8.3} {seeds:>7}{mark}",
            p.k, p.inertia, p.silhouette, p.calinski_harabasz, p.davies_bouldin, p.stability, p.jaccard
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_k() {
        assert_eq!(range("4..20"), Ok((4, 20)));
        assert_eq!(range("4..=20"), Ok((4, 20)));
        assert_eq!(range("8"), Ok((8, 8)));
        for bad in ["", "..", "20..4", "1..5", "4..201", "a..b"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}
