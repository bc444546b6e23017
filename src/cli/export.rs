//! `nextoffer export`.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{complain, count, job_error, run_error, show, show_report};
use crate::{
    export::{crm::TargetReport, dialects::Role},
    job,
    run::{self, ExitCode, ExportOptions},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run: its folder or URL; or `current`, a date or a run id within --out
    run: String,
    /// The target: one the run has, one of the job's `[output.targets]`, or a dialect
    #[arg(long, value_name = "NAME")]
    target: String,
    /// The job file: where fields, keys and the identities come from
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// Set a key of the job, such as output.targets.crm.dialect=odoo; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "job")]
    set: Vec<String>,
    /// Folder to write to, which must not be there yet [default: TARGET-RUN_ID]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Read the files as strictly as the target would; exit code 65 if it would stumble
    #[arg(long)]
    validate: bool,
    /// Output place in which `current`, dates and run ids are looked up
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: String,
}

/// Writes or reads the files of a target.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match arguments.job.as_deref().map(|file| job::load(file, &arguments.set)).transpose() {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    if let Some(loaded) = &loaded {
        show_report(&loaded.remarks);
    }
    let options = ExportOptions {
        run: arguments.run.clone(),
        out: arguments.out.clone(),
        target: arguments.target.clone(),
        to: arguments.to.clone(),
        validate: arguments.validate,
    };
    let exported = match run::export(&options, loaded.as_ref()) {
        Ok(exported) => exported,
        Err(error) => return run_error(&error),
    };
    show(&describe(&exported.report, &exported.place, exported.written));
    for problem in &exported.problems {
        complain(&format!("{}:{}: {}\n", problem.file, problem.line, problem.what));
    }
    if exported.problem_count > 0 {
        complain(&format!("{} problems: the target would stumble over these files\n", exported.problem_count));
        return ExitCode::Refused;
    }
    if arguments.validate {
        show("in order\n");
    }
    ExitCode::Done
}

fn describe(report: &TargetReport, place: &str, written: bool) -> String {
    let target = &report.target;
    let word = if written { "written to" } else { "is in" };
    let mut text = format!("target {} ({}) {word} {place}\n", target.name, target.dialect);
    for file in &report.files {
        let what = match file.role {
            Role::Full => "full snapshot",
            Role::Clear => "import before the delta",
            Role::Delta => "delta",
        };
        text.push_str(&format!("  {}  {} rows, {what}\n", file.path, count(file.rows)));
    }
    if let Some(delta) = &report.delta {
        let base = report.base.as_deref().unwrap_or("nothing acknowledged yet");
        text.push_str(&format!(
            "  delta against {base}: {} added, {} changed, {} removed\n",
            count(delta.added),
            count(delta.changed),
            count(delta.removed)
        ));
    }
    for (why, members) in &report.left_out {
        text.push_str(&format!("  left out, {why}: {}\n", count(*members)));
    }
    for warning in &report.warnings {
        text.push_str(&format!("  note: {warning}\n"));
    }
    text
}
