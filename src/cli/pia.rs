//! `nextoffer pia`.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{job_error, run_error, show, show_report};
use crate::{
    job,
    run::{self, ExitCode},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Folder or URL of the published runs: the record goes to its folder `pia` [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Set a key of the job, as for the run; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the record as JSON and write nothing
    #[arg(long)]
    json: bool,
}

/// Writes or prints the impact record.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    show_report(&loaded.remarks);
    if arguments.json {
        return match run::impact_record_json(&loaded.job) {
            Ok(bytes) => {
                show(&String::from_utf8_lossy(&bytes));
                ExitCode::Done
            }
            Err(error) => run_error(&error),
        };
    }
    match run::write_impact_record(&loaded, arguments.out.as_deref()) {
        Ok(place) => {
            let open = run::ImpactRecord::of(&loaded.job).open.len();
            show(&format!("{place}: impact record of configuration {}\n", loaded.job.sha256()));
            show(&format!("{open} points are for people to judge\n"));
            ExitCode::Done
        }
        Err(error) => run_error(&error),
    }
}
