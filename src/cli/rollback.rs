//! `nextoffer rollback`.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use super::terminal::{job_error, run_error, show};
use crate::{
    job,
    run::{self, ExitCode, RollbackOptions},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// The run to go back to: its folder or URL; or a date or a run id within the output place
    #[arg(long, value_name = "RUN")]
    to: String,
    /// Output place [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Leave the targets' deltas against the run each acknowledged last: for a target that is not taken back
    #[arg(long)]
    keep_base: bool,
}

/// Goes back.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match job::load(&arguments.job, &[]) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    let options =
        RollbackOptions { to: arguments.to.clone(), out: arguments.out.clone(), keep_base: arguments.keep_base };
    let done = match run::rollback(&loaded, &options) {
        Ok(done) => done,
        Err(error) => return run_error(&error),
    };
    let mut text = format!("current points at {}", done.folder);
    match done.before.filter(|before| *before != done.folder) {
        Some(before) => {
            let _ = writeln!(text, " (before: {before})");
        }
        None => text.push('\n'),
    }
    for folder in &done.taken_back {
        let _ = writeln!(text, "taken back: {folder}; no run follows it");
    }
    for target in &done.targets {
        let _ = writeln!(text, "{target}: import crm/{target}/full of that run; the next delta is against it");
    }
    show(&text);
    ExitCode::Done
}
