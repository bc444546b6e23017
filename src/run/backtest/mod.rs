//! `nextoffer backtest`: fits as a run of the cut's day would, ranks, and compares with what members then bought.

mod files;
mod fold;
mod hidden;

use super::{
    RunError, RunOptions, Stages,
    opened::{findings_error, open, output_root},
    side_tables::SideTables,
};
use crate::{
    backtest::{
        BacktestSettings, FORMAT, FoldObservations, FoldResult, LENGTHS, Protocol, Results, figures, fold_means,
    },
    base::{Day, Findings, progress::Progress},
    evaluate::calibration::calibration,
    input::{Zone, contract::Table},
    job::{Job, Loaded, Report},
    store::Staging,
};

/// Bins of the reliability table.
const BINS: usize = 10;

/// What the command line says about a backtest; it goes before the job's `[backtest]`.
#[derive(Debug, Clone, Default)]
pub struct BacktestOptions {
    /// Last day of the history.
    pub cut: Option<Day>,
    /// Days of the truth.
    pub horizon_days: Option<u32>,
    /// Cuts.
    pub folds: Option<u32>,
    /// Hide each member's newest basket instead.
    pub last_basket: bool,
    /// Folder or URL to write in, instead of `backtest` in the job's.
    pub out: Option<String>,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Bytes the fit may use, instead of the job's.
    pub memory_limit: Option<u64>,
}

/// A finished backtest.
#[derive(Debug)]
pub struct BacktestOutcome {
    /// What was found.
    pub results: Results,
    /// Where it was written.
    pub place: String,
    /// Warnings and notes.
    pub remarks: Report,
    /// How long it took.
    pub stages: Stages,
}

/// Measures the job's lists.
///
/// # Errors
/// Whatever kept it from being measured; nothing is written then.
pub fn backtest(
    loaded: &Loaded,
    options: &BacktestOptions,
    progress: &dyn Progress,
) -> Result<BacktestOutcome, RunError> {
    let threads = options.threads;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("nextoffer-{i}")).build();
    match pool {
        Ok(pool) => pool.install(|| backtest_here(loaded, options, progress)),
        // Without a pool of its own it takes rayon's.
        Err(_) => backtest_here(loaded, options, progress),
    }
}

/// The job's section with what the command line says.
fn settings(job: &Job, options: &BacktestOptions) -> BacktestSettings {
    let mut settings = job.backtest().clone();
    if options.last_basket {
        settings.protocol = Protocol::LastBasket;
    } else if let Some(day) = options.cut {
        settings.protocol = Protocol::Cut { day: Some(day) };
    }
    settings.horizon_days = options.horizon_days.unwrap_or(settings.horizon_days);
    settings.folds = options.folds.unwrap_or(settings.folds);
    settings
}

fn backtest_here(
    loaded: &Loaded,
    options: &BacktestOptions,
    progress: &dyn Progress,
) -> Result<BacktestOutcome, RunError> {
    let job = &loaded.job;
    let settings = settings(job, options);
    let mut stages = Stages::default();
    let mut notes = Findings::new();
    progress.start("open", None);
    let run_options =
        RunOptions { threads: options.threads, memory_limit: options.memory_limit, ..RunOptions::default() };
    let opened = open(job, &run_options, &mut notes)?;
    if opened.inputs.get(Table::Transactions).is_none() || notes.has_errors() {
        return Err(findings_error(&loaded.text, notes));
    }
    let tombstones = output_root(job, None, "", &opened.places)?.tombstones(&opened.places)?;
    let side = SideTables::read(job, &opened, Zone::new(job.timezone()), tombstones)?;
    let scene = hidden::Scene {
        job,
        settings: &settings,
        opened: &opened,
        side: &side,
        memory_limit: options.memory_limit.or(job.memory_limit()),
        progress,
    };
    let Some((plan, only)) = scene.plan(&mut notes)? else { return Err(findings_error(&loaded.text, notes)) };
    progress.finish(&plan.truth());
    stages.end("open");

    let future = scene.future(&plan)?;
    stages.end("truth");
    let root = output_root(job, options.out.as_deref(), "backtest", &opened.places)?;
    let label = plan.label();
    // Nothing is touched before something is measured.
    let mut staging = None;

    let mut folds: Vec<FoldResult> = Vec::new();
    let mut observations: Vec<FoldObservations> = Vec::new();
    let mut names = Vec::new();
    let mut forecasts = Vec::new();
    for at in 0..plan.folds() {
        let fitted = fold::fit(&scene, &plan, at, &future, only.as_ref(), &mut stages, &mut notes)?;
        let folder = if plan.folds() > 1 { format!("cut={}/", fitted.cut()) } else { String::new() };
        let staging: &Staging = match &mut staging {
            Some(staging) => staging,
            none => none.insert(root.stage(&format!("backtest-{label}")).map_err(RunError::Output)?),
        };
        files::write_lists(staging, &folder, &fitted)?;
        stages.end("write");
        names = fitted.names();
        forecasts.extend_from_slice(&fitted.forecasts);
        let (result, observed) = fitted.into_observations();
        folds.push(result);
        observations.push(observed);
    }
    progress.start("intervals", None);
    let (members, methods) = figures(&observations, &names, settings.resamples as usize, job.seed());
    let shown: Vec<String> =
        ["recall", "ndcg", "ndcg_std", "hit_rate"].iter().map(|m| format!("{m}@{}", LENGTHS[1])).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    for (fold, observed) in folds.iter_mut().zip(&observations) {
        let means = |(at, (name, _)): (usize, &(String, String))| (name.clone(), fold_means(observed, at, &shown));
        fold.methods = names.iter().enumerate().map(means).collect();
    }
    let results = Results {
        format: FORMAT,
        job: job.name().to_owned(),
        job_sha256: job.sha256(),
        settings: settings.clone(),
        seed: job.seed(),
        members,
        folds,
        methods,
        calibration: calibration(&forecasts, BINS),
    };
    progress.finish(&format!("{} resamples of {members} members", settings.resamples));
    stages.end("intervals");
    if let Some(staging) = staging {
        files::write_results(&staging, &results)?;
        staging.seal()?;
        root.replace(staging, &label, &opened.places)?;
    }
    stages.end("write");
    Ok(BacktestOutcome { results, place: root.place(&label), remarks: loaded.text.report(notes), stages })
}
