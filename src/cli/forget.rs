//! `nextoffer forget`.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use super::terminal::{count, job_error, run_error, show};
use crate::{
    job,
    run::{self, ExitCode, ForgetOptions, Forgotten},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Who: a text file with a member id a line, or CSV or Parquet with a column `member_id`; ids in its other columns are
    /// those of the members elsewhere and are deleted likewise
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// Output place [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Folder for the files that tell CRM targets [default: beside FILE, with `.removals` after its name]
    #[arg(long, value_name = "DIR")]
    removals: Option<PathBuf>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Deletes members.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match job::load(&arguments.job, &[]) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    let options = ForgetOptions {
        members: arguments.members.clone(),
        out: arguments.out.clone(),
        removals: arguments.removals.clone(),
        dry_run: arguments.dry_run,
    };
    match run::forget(&loaded, &options) {
        Ok(done) => {
            show(&told(&done, arguments));
            ExitCode::Done
        }
        Err(error) => run_error(&error),
    }
}

fn told(done: &Forgotten, arguments: &Arguments) -> String {
    let number = |n: usize| count(n as u64);
    let mut text = String::new();
    let verb = if arguments.dry_run { "would be" } else { "are" };
    let _ = writeln!(
        text,
        "{} members {verb} forgotten, {} of them new, with {} ids of theirs in other systems",
        number(done.members),
        number(done.new),
        number(done.other_ids)
    );
    let _ = writeln!(
        text,
        "{} of {} published runs {} rewritten",
        number(done.runs.len()),
        number(done.runs_in_all),
        if arguments.dry_run { "would be" } else { "were" }
    );
    for run in &done.runs {
        let rows: u64 = run.files.iter().filter_map(|f| f.erased).sum();
        let _ = writeln!(text, "  {}: {} rows in {} files", run.folder, count(rows), number(run.files.len()));
    }
    for file in &done.others {
        let _ = writeln!(text, "  {}: {} rows", file.path, count(file.erased.unwrap_or_default()));
    }
    for removal in &done.removals {
        let _ = writeln!(text, "{} holds {} keys of theirs", removal.target, count(removal.keys));
        for file in &removal.files {
            let _ = writeln!(text, "  import {}", file.display());
        }
    }
    if let Some(proof) = &done.proof {
        let _ = writeln!(text, "proof: {proof}");
        let names = match done.removals.is_empty() {
            true => arguments.members.display().to_string(),
            false => format!("{} and what was to be imported", arguments.members.display()),
        };
        let _ = writeln!(text, "Delete {names} when you are done: nothing else names them any more.");
        text.push_str("The members' rows in the inputs are yours to delete; until then every run leaves them out.\n");
    }
    text
}
