//! `nextoffer prune`.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use super::terminal::{count, job_error, run_error, show};
use crate::{
    job,
    run::{self, ExitCode, PruneOptions},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Days to keep, back from the newest run [default: the job's output.keep_days]
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// Output place [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Removes old runs.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match job::load(&arguments.job, &[]) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    let options =
        PruneOptions { out: arguments.out.clone(), keep_days: arguments.keep_days, dry_run: arguments.dry_run };
    let done = match run::prune(&loaded, &options) {
        Ok(done) => done,
        Err(error) => return run_error(&error),
    };
    let mut text = String::new();
    let Some(up_to) = done.up_to else {
        show("no run is published\n");
        return ExitCode::Done;
    };
    let verb = if arguments.dry_run { "would go" } else { "gone" };
    for folder in &done.removed {
        let _ = writeln!(text, "{verb}: {folder}");
    }
    for (folder, why) in &done.held {
        let _ = writeln!(text, "stays: {folder}, {why}");
    }
    if done.leftovers {
        text.push_str("removed what a run that was cut off had left\n");
    }
    let _ = writeln!(
        text,
        "{} folders up to {up_to} {verb}, {} runs kept",
        count(done.removed.len() as u64),
        count(done.kept as u64)
    );
    show(&text);
    ExitCode::Done
}
