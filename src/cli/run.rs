//! `nextoffer run`.

use std::path::PathBuf;

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    summary::describe,
    terminal::{complain, job_error, run_error, show, show_report},
    watch::{End, Watch},
};
use crate::{
    base::Day,
    job::{self, Loaded},
    run::{self, ExitCode, Outcome, PreviousChoice, RunError, RunOptions},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Last day to read, YYYY-MM-DD [default: the job's as_of]
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Day>,
    /// Backfill: run every day from this one on, in order, each following the one before
    #[arg(long, value_name = "DATE", value_parser = day, requires = "to", conflicts_with = "as_of")]
    from: Option<Day>,
    /// Last day of a backfill
    #[arg(long, value_name = "DATE", value_parser = day, requires = "from")]
    to: Option<Day>,
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
    /// Let the night through where these quality gates refuse it, by name, such as rows_fall,amount_mean
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    accept_gates: Vec<String>,
    /// Do everything but publish
    #[arg(long)]
    dry_run: bool,
    /// End with exit code 99 if the same job, inputs and day are published already
    #[arg(long)]
    skip_if_published: bool,
    /// Write a Prometheus text file of the run, for the node exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Append OpenLineage events of the run to a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    lineage_file: Option<PathBuf>,
    /// Call URL/start when the run begins and URL/EXIT-CODE when it ends [default: the environment's NEXTOFFER_PING_URL]
    #[arg(long, value_name = "URL")]
    ping_url: Option<String>,
    /// Form of the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Show nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a date like 2026-03-31".to_owned())
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    job::parse_size(text).ok_or_else(|| "write a size like 512MiB or 8GB".to_owned())
}

/// Runs the job.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(arguments.log_format, arguments.quiet);
    let mut sets = arguments.set.clone();
    if !arguments.accept_gates.is_empty() {
        let names: Vec<String> = arguments.accept_gates.iter().map(|name| format!("{name:?}")).collect();
        sets.push(format!("gates.accept=[{}]", names.join(", ")));
    }
    let loaded = match job::load(&arguments.job, &sets) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    if !arguments.quiet {
        show_report(&loaded.remarks);
    }
    let previous = match arguments.previous.as_deref() {
        None => PreviousChoice::Newest,
        Some("none") => PreviousChoice::None,
        Some(place) => PreviousChoice::Place(place.to_owned()),
    };
    let mut options = RunOptions {
        as_of: arguments.as_of,
        out: arguments.out.clone(),
        previous,
        threads: arguments.threads,
        memory_limit: arguments.memory_limit,
        dry_run: arguments.dry_run,
        skip_if_published: arguments.skip_if_published,
    };
    let (Some(from), Some(to)) = (arguments.from, arguments.to) else { return one(arguments, &loaded, &options) };
    if from > to {
        complain(&format!("error: --from {from} is after --to {to}\n"));
        return ExitCode::Usage;
    }
    let days = to.0 - from.0 + 1;
    for (number, day) in (from.0..=to.0).map(Day).enumerate() {
        if !arguments.quiet && arguments.log_format == LogFormat::Text {
            show(&format!("\n{day} ({} of {days})\n", number + 1));
        }
        options.as_of = Some(day);
        match one(arguments, &loaded, &options) {
            // A day that is there already is no reason to leave out those after it.
            ExitCode::Done | ExitCode::AlreadyPublished => {}
            code => {
                complain(&format!(
                    "the backfill stopped at {day}: days before it are published, {day} and later are not\n"
                ));
                return code;
            }
        }
        // Each further day follows the one before it.
        options.previous = PreviousChoice::Newest;
    }
    ExitCode::Done
}

/// Runs one day, watched.
fn one(arguments: &Arguments, loaded: &Loaded, options: &RunOptions) -> ExitCode {
    // An address with a secret in it is better off there than on a command line that everybody can list.
    let ping_url = arguments.ping_url.clone().or_else(|| std::env::var("NEXTOFFER_PING_URL").ok());
    let watch = Watch::start(
        &loaded.job,
        arguments.out.as_deref(),
        arguments.metrics_file.as_deref(),
        arguments.lineage_file.as_deref(),
        ping_url.as_deref(),
    );
    let mut end = End::default();
    let code = one_here(arguments, loaded, options, &mut end);
    watch.end(code, &end);
    code
}

fn one_here(arguments: &Arguments, loaded: &Loaded, options: &RunOptions, ended: &mut End) -> ExitCode {
    let listener = progress::listener(arguments.quiet, arguments.log_format);
    let outcome = match run::run(loaded, options, listener.as_ref()) {
        Ok(outcome) => outcome,
        Err(error) => {
            if let RunError::Refused { results, .. } = &error {
                ended.gates.clone_from(results);
            }
            ended.error = Some(error.to_string());
            return run_error(&error);
        }
    };
    let (summary, remarks, place, end) = match outcome {
        Outcome::AlreadyPublished { folder } => {
            if !arguments.quiet {
                show(&format!("already published: {folder}\n"));
            }
            return ExitCode::AlreadyPublished;
        }
        Outcome::DryRun { summary, remarks } => (summary, remarks, None, "dry run: nothing was published\n".to_owned()),
        Outcome::Published { out, folder, current, summary, remarks } => {
            let place = format!("{}/{folder}", out.trim_end_matches('/'));
            let note = if current {
                "current points at it"
            } else {
                "current stays where it is: at a later day, or this run was rolled back"
            };
            let end = format!("published {place} ({note})\n");
            (summary, remarks, Some(place), end)
        }
    };
    if !arguments.quiet {
        show_report(&remarks);
        if arguments.log_format == LogFormat::Text {
            show(&describe(&summary, place.as_deref()));
        }
        show(&end);
    }
    // A dry run is no success that a watcher should hear of.
    ended.summary = place.is_some().then_some(summary);
    ExitCode::Done
}
