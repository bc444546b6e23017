//! Floor 14: the command line, a file a subcommand.

mod ack;
mod backtest;
mod check;
mod diff;
mod explain;
mod export;
mod forget;
mod generate;
mod init;
mod logging;
mod pia;
mod progress;
mod prune;
mod push;
mod rollback;
mod run;
mod schema;
mod summary;
mod terminal;
mod tune;
mod uplift;
mod watch;

use clap::{Parser, Subcommand};

use crate::run::ExitCode;

/// Segments members and decides their next best offers, from purchase-history Parquet to files a CRM imports.
#[derive(Debug, Parser)]
#[command(name = "nextoffer", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a job for one day and publish what it comes to
    Run(run::Arguments),
    /// Check a job file and its inputs; everything that does not fit is shown at once, nothing is written
    Check(check::Arguments),
    /// Try numbers of segments and features: silhouette, Caliński-Harabasz, Davies-Bouldin, stability; table and HTML
    Tune(tune::Arguments),
    /// Write a first job file from a look at the data, each guess with a value to judge it by
    Init(init::Arguments),
    /// Measure the lists on purchases the fit has not seen, beside the methods others use
    Backtest(backtest::Arguments),
    /// Write the impact record of a job for PIPL 55 and 56: what is read, what for, who gets what, what people must judge
    Pia(pia::Arguments),
    /// Print the JSON Schema of the job file
    Schema,
    /// Explain one member: features, segment, tags, candidates, every offer kept or refused and why
    Explain(explain::Arguments),
    /// Show what changed from one published run to another: members, segments, tags, offers, figures
    Diff(diff::Arguments),
    /// Measure an experiment: each arm against the one that got nothing, with intervals
    Uplift(uplift::Arguments),
    /// Write the files of a CRM target from a published run, or read those it has as strictly as the target would
    Export(export::Arguments),
    /// Note that a CRM target took over a run: the next delta is against it
    Ack(ack::Arguments),
    /// Take a run to a target itself: WeCom by its API, PostgreSQL by COPY
    Push(push::Arguments),
    /// Go back to an earlier run: `current`, what the next run follows, what the next deltas are against
    Rollback(rollback::Arguments),
    /// Delete members from every published run and keep them out of later ones
    Forget(forget::Arguments),
    /// Remove published runs that are older than the job keeps them
    Prune(prune::Arguments),
    /// Generate a shop of any size: the same seed gives the same bytes
    Generate(generate::Arguments),
}

/// Runs the program and gives its exit code (see [`ExitCode`]).
#[must_use]
pub fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            // Nothing can be done if even the message cannot be shown.
            let _ = error.print();
            return (code as u8).into();
        }
    };
    let code = match arguments.command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Tune(arguments) => tune::main(&arguments),
        Command::Init(arguments) => init::main(&arguments),
        Command::Backtest(arguments) => backtest::main(&arguments),
        Command::Pia(arguments) => pia::main(&arguments),
        Command::Schema => schema::main(),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Diff(arguments) => diff::main(&arguments),
        Command::Uplift(arguments) => uplift::main(&arguments),
        Command::Export(arguments) => export::main(&arguments),
        Command::Ack(arguments) => ack::main(&arguments),
        Command::Push(arguments) => push::main(&arguments),
        Command::Rollback(arguments) => rollback::main(&arguments),
        Command::Forget(arguments) => forget::main(&arguments),
        Command::Prune(arguments) => prune::main(&arguments),
        Command::Generate(arguments) => generate::main(&arguments),
    };
    (code as u8).into()
}
