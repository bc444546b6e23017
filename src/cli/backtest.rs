//! `nextoffer backtest`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{count, job_error, pad, run_error, show, show_report, times, wrap},
};
use crate::{
    backtest::{Figure, MethodResult, Results, Scope},
    base::Day,
    job,
    run::{self, BacktestOptions, ExitCode},
};

/// Columns of the text.
const WIDTH: usize = 120;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Last day of the history, YYYY-MM-DD [default: the job's, or a horizon before the end of the data]
    #[arg(long, value_name = "DATE", value_parser = day)]
    cut: Option<Day>,
    /// Days of the truth, such as 30d [default: the job's]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    horizon: Option<u32>,
    /// Cuts, a horizon apart: the given one and earlier ones [default: the job's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    folds: Option<u32>,
    /// Hide each member's newest basket and predict it, for data without dates
    #[arg(long, conflicts_with_all = ["cut", "horizon", "folds"])]
    last_basket: bool,
    /// Folder or URL to write in [default: `backtest` in the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Memory to stay within, such as 8GiB; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<u64>,
    /// Set a key of the job, such as backtest.members="role = 'test'"; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Form of the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Show nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a date like 2026-03-31".to_owned())
}

fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse().ok();
    number.filter(|n| (1..=3650).contains(n)).ok_or_else(|| "write a number of days like 30d".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    job::parse_size(text).ok_or_else(|| "write a size like 512MiB or 8GB".to_owned())
}

/// Measures the job's lists.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(arguments.log_format, arguments.quiet);
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    if !arguments.quiet {
        show_report(&loaded.remarks);
    }
    let options = BacktestOptions {
        cut: arguments.cut,
        horizon_days: arguments.horizon,
        folds: arguments.folds,
        last_basket: arguments.last_basket,
        out: arguments.out.clone(),
        threads: arguments.threads,
        memory_limit: arguments.memory_limit,
    };
    let listener = progress::listener(arguments.quiet, arguments.log_format);
    let outcome = match run::backtest(&loaded, &options, listener.as_ref()) {
        Ok(outcome) => outcome,
        Err(error) => return run_error(&error),
    };
    if !arguments.quiet {
        show_report(&outcome.remarks);
        if arguments.log_format == LogFormat::Text {
            show(&describe(&outcome.results));
            show(&times(&outcome.stages));
        }
        show(&format!("written to {}\n", outcome.place));
    }
    ExitCode::Done
}

/// The figures as text.
fn describe(results: &Results) -> String {
    let mut out = String::new();
    for fold in &results.folds {
        let _ = writeln!(
            out,
            "\nBACKTEST of `{}`: truth {}{}",
            results.job,
            fold.truth,
            fold.until.map(|until| format!(", up to {until}")).unwrap_or_default()
        );
        let _ = writeln!(
            out,
            "  {} of {} members scored{}, {} members and {} items in the history",
            count(fold.scored),
            count(fold.candidates),
            if fold.new_members > 0 { format!(" ({} new)", count(fold.new_members)) } else { String::new() },
            count(fold.members),
            count(fold.items)
        );
    }
    let names = results.methods.iter().map(|m| m.name.len()).max().unwrap_or(0).max(6);
    push_overall(results, names, &mut out);
    push_parts(results, names, &mut out);
    push_differences(results, names, &mut out);
    push_beyond(results, names, &mut out);
    push_calibration(results, &mut out);
    out.push('\n');
    for method in results.methods.iter().filter(|m| !m.settings.is_empty()) {
        for (at, line) in wrap(&format!("{}: {}", method.name, method.settings), WIDTH - 2).iter().enumerate() {
            let _ = writeln!(out, "  {}{line}", if at > 0 { "  " } else { "" });
        }
    }
    out
}

fn mean(method: &MethodResult, scope: Scope, name: &str) -> String {
    method.figure(scope, name).map_or_else(|| "-".to_owned(), |f| format!("{:.4}", f.value.mean))
}

fn push_overall(results: &Results, names: usize, out: &mut String) {
    let _ = writeln!(
        out,
        "\n  {}  recall@10 [95% interval]  ndcg@10 [95% interval]  ndcg_std  hit     map     prec    R@5     R@20    N@20",
        pad("method", names)
    );
    let interval = |f: Option<&Figure>| match f {
        Some(f) => format!("{:.4} [{:.4}, {:.4}]", f.value.mean, f.value.low, f.value.high),
        None => "-".to_owned(),
    };
    for method in &results.methods {
        let get = |name: &str| mean(method, Scope::Overall, name);
        let _ = writeln!(
            out,
            "  {}  {:<24}  {:<22}  {:<8}  {}  {}  {}  {}  {}  {}",
            pad(&method.name, names),
            interval(method.figure(Scope::Overall, "recall@10")),
            interval(method.figure(Scope::Overall, "ndcg@10")),
            get("ndcg_std@10"),
            get("hit_rate@10"),
            get("map@10"),
            get("precision@10"),
            get("recall@5"),
            get("recall@20"),
            get("ndcg@20"),
        );
    }
}

fn push_parts(results: &Results, names: usize, out: &mut String) {
    let _ = writeln!(
        out,
        "\n  {}  bought before: R@10  N@10   new on the same list: R@10  N@10   new on a list of new items only: R@10 [95% interval]  R@20",
        pad("method", names)
    );
    for method in &results.methods {
        let get = |scope, name: &str| mean(method, scope, name);
        let explore = method.figure(Scope::ExploreList, "recall@10");
        let _ = writeln!(
            out,
            "  {}  {:>19}  {}  {:>26}  {}  {:>37} {}  {}",
            pad(&method.name, names),
            get(Scope::Repeat, "recall@10"),
            get(Scope::Repeat, "ndcg@10"),
            get(Scope::Explore, "recall@10"),
            get(Scope::Explore, "ndcg@10"),
            get(Scope::ExploreList, "recall@10"),
            explore.map(|f| format!("[{:.4}, {:.4}]", f.value.low, f.value.high)).unwrap_or_default(),
            get(Scope::ExploreList, "recall@20"),
        );
    }
}

fn push_differences(results: &Results, names: usize, out: &mut String) {
    let Some(ours) = results.methods.first() else { return };
    let _ = writeln!(
        out,
        "\n  {} less the method, over the same members\n  {}  {:<29}{:<29}new items only, recall@10",
        ours.name,
        pad("method", names),
        "recall@10",
        "ndcg@10"
    );
    for method in results.methods.iter().skip(1) {
        let cell = |scope, name: &str| match method.figure(scope, name).and_then(|f| f.ours_minus_this) {
            Some(d) if d.low > 0.0 => format!("{:+.4} [{:+.4}, {:+.4}] +", d.mean, d.low, d.high),
            Some(d) if d.high < 0.0 => format!("{:+.4} [{:+.4}, {:+.4}] -", d.mean, d.low, d.high),
            Some(d) => format!("{:+.4} [{:+.4}, {:+.4}]", d.mean, d.low, d.high),
            None => "-".to_owned(),
        };
        let _ = writeln!(
            out,
            "  {}  {:<29}{:<29}{}",
            pad(&method.name, names),
            cell(Scope::Overall, "recall@10"),
            cell(Scope::Overall, "ndcg@10"),
            cell(Scope::ExploreList, "recall@10"),
        );
    }
    let _ = writeln!(out, "  (+ above, - below: the 95% interval of the difference excludes zero)");
}

fn push_beyond(results: &Results, names: usize, out: &mut String) {
    let _ = writeln!(
        out,
        "\n  {}  coverage  gini    novelty  diversity  variety  members on a fallback  places on a fallback",
        pad("lists of 10", names)
    );
    for method in &results.methods {
        let b = &method.beyond;
        let _ = writeln!(
            out,
            "  {}  {:<8.4}  {:.4}  {:<7.3}  {:<9.4}  {:<7.4}  {:>6.1}%  {:>28.1}%",
            pad(&method.name, names),
            b.coverage,
            b.gini,
            b.novelty,
            b.diversity,
            b.variety,
            b.fallback_members * 100.0,
            b.fallback_slots * 100.0,
        );
    }
}

fn push_calibration(results: &Results, out: &mut String) {
    let Some(calibration) = &results.calibration else { return };
    let _ = writeln!(
        out,
        "\n  probability of buying, {} places: forecast {:.4}, came true {:.4}; Brier {:.5} (always the mean: {:.5}), error {:.4}",
        count(calibration.forecasts),
        calibration.forecast,
        calibration.observed,
        calibration.brier,
        calibration.brier_base,
        calibration.calibration_error
    );
    for bin in &calibration.bins {
        let _ = writeln!(
            out,
            "    {:.4} to {:.4}  forecast {:.4}  came true {:.4}  of {}",
            bin.low,
            bin.high,
            bin.forecast,
            bin.observed,
            count(bin.forecasts)
        );
    }
}
