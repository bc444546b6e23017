//! `nextoffer push`.

use std::path::PathBuf;

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{complain, count, run_error, show},
};
use crate::run::{self, ExitCode, PushOptions};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run: its folder or URL; or `current`, a date or a run id within --out
    #[arg(default_value = "current")]
    run: String,
    /// The target: of dialect wecom or postgres
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Base URL of the API [default: the target's]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Push the full snapshot, not the delta
    #[arg(long)]
    full: bool,
    /// Folder that keeps what is done and what was refused [default: push/TARGET/RUN_ID in the output place]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Do not acknowledge the run when the target has all of it
    #[arg(long)]
    no_ack: bool,
    /// Output place in which `current`, dates and run ids are looked up
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: String,
    /// Form of the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Show nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Pushes a run.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(arguments.log_format, arguments.quiet);
    let options = PushOptions {
        run: arguments.run.clone(),
        out: arguments.out.clone(),
        target: arguments.target.clone(),
        url: arguments.url.clone(),
        full: arguments.full,
        state: arguments.state.clone(),
        no_ack: arguments.no_ack,
    };
    let listener = progress::listener(arguments.quiet, arguments.log_format);
    let pushed = match run::push(&options, listener.as_ref()) {
        Ok(pushed) => pushed,
        Err(error) => return run_error(&error),
    };
    if !arguments.quiet {
        if pushed.already {
            show(&format!("{} has run {} already\n", arguments.target, pushed.run_id));
        } else {
            let what = if pushed.full { "full snapshot" } else { "delta" };
            let before = match pushed.done_before {
                0 => String::new(),
                n => format!(" ({} were done before)", count(n)),
            };
            let (done, total) = (count(pushed.done + pushed.done_before), count(pushed.total));
            show(&format!("{what} of run {}: {done} of {total} done{before}\n", pushed.run_id));
        }
        if pushed.acknowledged {
            show(&format!("{} acknowledged run {}\n", arguments.target, pushed.run_id));
        }
    }
    if let Some(letters) = &pushed.dead_letters {
        complain(&format!("{} refused: see {}\n", count(pushed.dead), letters.display()));
    }
    match (pushed.dead, pushed.later) {
        (0, _) => ExitCode::Done,
        (_, 0) => ExitCode::Refused,
        _ => ExitCode::TryAgain,
    }
}
