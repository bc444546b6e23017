//! `nextoffer ack`.

use clap::Args;

use super::terminal::{run_error, show};
use crate::run::{self, ExitCode};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run: its folder or URL; or `current`, a date or a run id within --out
    run: String,
    /// The target that took it over
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Output place in which `current`, dates and run ids are looked up
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: String,
}

/// Notes an acknowledgement.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match run::acknowledge(&arguments.run, &arguments.target, &arguments.out) {
        Ok(run_id) => {
            show(&format!("{} acknowledged run {run_id}: the next delta is against it\n", arguments.target));
            ExitCode::Done
        }
        Err(error) => run_error(&error),
    }
}
