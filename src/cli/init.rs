//! `nextoffer init`.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{chain, complain, run_error, show};
use crate::{
    run::{self, ExitCode, InitOptions},
    store::atomic,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder to write job.toml to
    dir: PathBuf,
    /// The purchase lines: Parquet file, folder, glob or URL
    #[arg(long, value_name = "LINES")]
    from: String,
    /// The items table
    #[arg(long, value_name = "ITEMS")]
    items: Option<String>,
    /// The members table
    #[arg(long, value_name = "MEMBERS")]
    members: Option<String>,
    /// The job's name
    #[arg(long, default_value = "nightly")]
    name: String,
    /// Zone of the shop's days
    #[arg(long, default_value = "Asia/Shanghai")]
    timezone: String,
    /// Currency of the amounts (ISO 4217)
    #[arg(long, default_value = "CNY")]
    currency: String,
}

/// Writes a first job file.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    // The job file may lie elsewhere than this command is called: paths in it are absolute.
    let absolute = |place: &String| match place.contains("://") {
        true => place.clone(),
        false => std::path::absolute(place).map_or_else(|_| place.clone(), |p| p.to_string_lossy().into_owned()),
    };
    let options = InitOptions {
        lines: absolute(&arguments.from),
        items: arguments.items.as_ref().map(absolute),
        members: arguments.members.as_ref().map(absolute),
        name: arguments.name.clone(),
        timezone: arguments.timezone.clone(),
        currency: arguments.currency.clone(),
    };
    let job = match run::init(&options) {
        Ok(job) => job,
        Err(error) => return run_error(&error),
    };
    let file = arguments.dir.join("job.toml");
    if file.exists() {
        complain(&format!("error: {} is there already: move it, or name another folder\n", file.display()));
        return ExitCode::CannotCreate;
    }
    let written = atomic::create_folder(&arguments.dir).and_then(|()| atomic::write(&file, job.text.as_bytes()));
    if let Err(error) = written {
        complain(&format!("error: {}\n", chain(&error)));
        return ExitCode::CannotCreate;
    }
    show(&job.text);
    show(&format!("\nwritten to {}; next: nextoffer check {}\n", file.display(), file.display()));
    for missing in &job.missing {
        complain(&format!("warning: {missing} was not found among the columns: name it in the file\n"));
    }
    ExitCode::Done
}
