//! `nextoffer generate`.

use std::path::PathBuf;

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{chain, complain, count, show},
};
use crate::{
    base::Day,
    generate::{GenerateError, ShopSpec, generate},
    run::ExitCode,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder to fill: new, empty, or a generated shop to replace
    dir: PathBuf,
    /// Members
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    members: u64,
    /// Rows of the transactions table
    #[arg(long, value_name = "M", default_value_t = 400_000)]
    lines: u64,
    /// Items [default: 240 and one more for every thousand lines, at most 20,000]
    #[arg(long, value_name = "N")]
    items: Option<u32>,
    /// Seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Last day of the history, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = |text: &str| Day::parse(text).ok_or("write a date like 2026-03-31"))]
    last_day: Option<Day>,
    /// Days of history
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Scale of the planted dirt: 1 is realistic, 0 is none
    #[arg(long, value_name = "X")]
    dirt: Option<f64>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Show nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Generates the shop.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(LogFormat::Text, arguments.quiet);
    let mut spec = ShopSpec::new(arguments.members, arguments.lines, arguments.seed);
    spec.items = arguments.items.unwrap_or(spec.items);
    spec.last_day = arguments.last_day.unwrap_or(spec.last_day);
    spec.days = arguments.days.unwrap_or(spec.days);
    spec.dirt = arguments.dirt.unwrap_or(spec.dirt);
    let listener = progress::listener(arguments.quiet, LogFormat::Text);
    let work = || generate(&spec, &arguments.dir, listener.as_ref());
    let result = match rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    };
    match result {
        Ok(summary) => {
            if !arguments.quiet {
                show(&format!(
                    "{} rows of {} members, {} to {}, {} files, {} MiB in {}\n",
                    count(summary.rows.rows),
                    count(summary.members.members),
                    summary.first_day,
                    summary.last_day,
                    summary.files,
                    count(summary.bytes >> 20),
                    arguments.dir.display()
                ));
            }
            ExitCode::Done
        }
        Err(error) => {
            complain(&chain(&error));
            match error {
                GenerateError::Spec { .. } => ExitCode::Usage,
                _ => ExitCode::CannotCreate,
            }
        }
    }
}
