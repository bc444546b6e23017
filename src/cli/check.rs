//! `nextoffer check`.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{job_error, run_error, show, show_report, wrong_job};
use crate::{
    job::{self, JobError},
    run::{self, ExitCode, RunOptions},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Set a key of the job, such as segments.k=8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Checks the job and its inputs.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(JobError::Wrong { report, mended: Some(mended) }) => {
            // Where nothing can be opened, what is wrong in the job file is still to be said.
            return wrong_job(&run::check_mended(&mended, &RunOptions::default()).unwrap_or(*report));
        }
        Err(error) => return job_error(&error),
    };
    show_report(&loaded.remarks);
    let report = match run::check(&loaded, &RunOptions::default()) {
        Ok(report) => report,
        Err(error) => return run_error(&error),
    };
    show_report(&report);
    if report.has_errors() {
        show(&format!("{}\n", report.summary()));
        return run::findings_exit_code(&report);
    }
    show(&format!("{}: in order\n", arguments.job.display()));
    ExitCode::Done
}
