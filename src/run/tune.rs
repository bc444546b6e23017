//! `nextoffer tune`: what clusterings are worth, for a range of k, feature sets and seeds.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};

use super::{
    RunError, RunOptions, Stages,
    fit::member_ids,
    lines::LineReader,
    opened::{as_of, findings_error, in_pool, open, output_root},
    side_tables::SideTables,
};
use crate::{
    base::{Day, Findings, IdTable, calendar::FestivalCalendar, findings::JobPath, progress::Progress},
    engine::EngineError,
    export::{Compression, write_batches},
    features::{DaySet, FeaturePlan, FeatureTable, FeatureUse, FeatureView, RawFeatureUse, Scaling},
    input::{Zone, contract::Table},
    job::{Job, Loaded, Report},
    report::{TuneResults, TunedSet, tune_page},
    segments::{AutoK, CurveInput, KFit, KPoint, fit_sample, k_curve, k_fits},
    store::Staging,
};

/// Version of `tune.json`.
const FORMAT: u32 = 1;
/// What the job's own feature set is called.
const OF_JOB: &str = "job";

/// What the command line says about a tuning; it goes before the job's `[segments.auto_k]`.
#[derive(Debug, Clone, Default)]
pub struct TuneOptions {
    /// Last day to read, instead of the job's.
    pub as_of: Option<Day>,
    /// Least and greatest k.
    pub k: Option<(usize, usize)>,
    /// Feature sets, each a list of names or of starts of names and `*`; none: the job's.
    pub features: Vec<Vec<String>>,
    /// Starts of each k.
    pub seeds: Option<u32>,
    /// Bootstrap resamples.
    pub resamples: Option<u32>,
    /// Folder or URL to write in, instead of `tune` in the job's.
    pub out: Option<String>,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Bytes it may use, instead of the job's.
    pub memory_limit: Option<u64>,
}

/// A finished tuning.
#[derive(Debug)]
pub struct TuneOutcome {
    /// What was found.
    pub results: TuneResults,
    /// Where it was written.
    pub place: String,
    /// Warnings and notes.
    pub remarks: Report,
    /// How long it took.
    pub stages: Stages,
}

/// Tunes the job's segments.
///
/// # Errors
/// Whatever kept it from being measured; nothing is written then.
pub fn tune(loaded: &Loaded, options: &TuneOptions, progress: &dyn Progress) -> Result<TuneOutcome, RunError> {
    in_pool(options.threads, || tune_here(loaded, options, progress))
}

/// A feature set of the command line: its name and its features, with the job's own settings where it uses them too.
fn feature_sets(job: &Job, options: &TuneOptions, findings: &mut Findings) -> Vec<(String, Vec<FeatureUse>)> {
    if options.features.is_empty() {
        return vec![(OF_JOB.to_owned(), job.segments().features.clone())];
    }
    let at = JobPath::root().key("--features");
    let of_job = &job.segments().features;
    let set = |names: &Vec<String>| {
        let raw = |name: &String| RawFeatureUse {
            name: name.clone(),
            transform: None,
            scale: None,
            weight: None,
            winsorise: None,
        };
        let raw: Vec<RawFeatureUse> = names.iter().map(raw).collect();
        let uses = FeatureUse::check_all(&raw, &at, job.features(), findings);
        let as_in_job = |used: FeatureUse| match of_job.iter().find(|u| u.name == used.name) {
            Some(own) => FeatureUse { named: true, ..own.clone() },
            None => used,
        };
        (names.join(","), uses.into_iter().map(as_in_job).collect())
    };
    options.features.iter().map(set).collect()
}

/// The job's section with what the command line says.
fn range(job: &Job, options: &TuneOptions) -> AutoK {
    let mut auto = job.segments().auto_k.clone();
    (auto.from, auto.to) = options.k.unwrap_or((auto.from, auto.to));
    auto.seeds = options.seeds.unwrap_or(auto.seeds);
    auto.resamples = options.resamples.unwrap_or(auto.resamples);
    auto.sample = auto.sample.max(100 * auto.to);
    auto
}

fn tune_here(loaded: &Loaded, options: &TuneOptions, progress: &dyn Progress) -> Result<TuneOutcome, RunError> {
    let job = &loaded.job;
    let mut stages = Stages::default();
    let mut notes = Findings::new();
    progress.start("open", None);
    let auto = range(job, options);
    let sets = feature_sets(job, options, &mut notes);
    let run_options =
        RunOptions { threads: options.threads, memory_limit: options.memory_limit, ..RunOptions::default() };
    let opened = open(job, &run_options, &mut notes)?;
    let Some(lines) = opened.inputs.get(Table::Transactions).filter(|_| !notes.has_errors()) else {
        return Err(findings_error(&loaded.text, notes));
    };
    let zone = Zone::new(job.timezone());
    let wanted = RunOptions { as_of: options.as_of, ..run_options };
    let as_of = as_of(job, &wanted, &opened, lines, &zone)?;
    let tombstones = output_root(job, None, "", &opened.places)?.tombstones(&opened.places)?;
    let side = SideTables::read(job, &opened, zone, tombstones)?;
    progress.finish(&format!("as of {as_of}, k {} to {}, {} feature sets", auto.from, auto.to, sets.len()));
    stages.end("open");
    let memory_limit = options.memory_limit.or(job.memory_limit());
    let histories = LineReader { job, opened: &opened, lines, as_of, memory_limit, progress }.read(&side)?;
    stages.end("histories");
    if histories.rows.kept == 0 {
        return Err(RunError::NoLines { as_of, rows: Box::new(histories.rows.clone()) });
    }
    progress.start("features", None);
    let items = side.listed.assemble(histories.items.clone(), job.consent().denied_categories());
    let (shards, dimensions) = (&histories.shards, &histories.dimensions);
    let calendar = FestivalCalendar::new(dimensions.first_day, dimensions.as_of);
    let festivals = DaySet::from_fn(dimensions.first_day, dimensions.as_of, |day| calendar.festival_of(day).is_some());
    let view = FeatureView {
        settings: job.features(),
        items: &items,
        dimensions,
        labels: job.labels(),
        currency: job.currency(),
        festivals: &festivals,
        cut: dimensions.as_of,
    };
    let plan = FeaturePlan::new(view, shards, None)?;
    notes.extend(plan.notes().clone());
    let features = plan.compute(shards, None)?;
    drop(plan);
    let ids = member_ids(shards)?;
    progress.finish(&format!("{} features of {} members", features.dictionary().len(), features.members()));
    stages.end("features");

    progress.start("fits", Some(k_fits(&auto) * sets.len() as u64));
    let tuned = sets
        .into_iter()
        .map(|(name, uses)| one_set(job, name, &uses, &features, &ids, &auto, &mut notes, progress))
        .collect::<Result<Vec<TunedSet>, RunError>>()?;
    let chosen: Vec<String> = tuned.iter().map(|s| format!("k = {} by {}", s.curve.chosen, s.name)).collect();
    progress.finish(&chosen.join("; "));
    stages.end("fits");

    let root = output_root(job, options.out.as_deref(), "tune", &opened.places)?;
    let label = format!("dt={as_of}");
    let staging = root.stage(&format!("tune-{as_of}")).map_err(RunError::Output)?;
    let results = TuneResults {
        format: FORMAT,
        job: job.name().to_owned(),
        job_sha256: job.sha256(),
        as_of,
        members: features.members() as u64,
        seeds: auto.seeds,
        sets: tuned,
    };
    write(&staging, &results)?;
    staging.seal()?;
    root.replace(staging, &label, &opened.places)?;
    stages.end("write");
    Ok(TuneOutcome { results, place: root.place(&label), remarks: loaded.text.report(notes), stages })
}

#[expect(clippy::too_many_arguments, reason = "all sets share everything but the first three")]
fn one_set(
    job: &Job,
    name: String,
    uses: &[FeatureUse],
    features: &FeatureTable,
    ids: &[IdTable],
    auto: &AutoK,
    notes: &mut Findings,
    progress: &dyn Progress,
) -> Result<TunedSet, RunError> {
    let (scaling, flat) = Scaling::fit(uses, features)?;
    notes.extend(flat);
    let name_of = |shard: usize, member: usize| {
        ids.get(shard).map_or_else(|| format!("number {member} of shard {shard}"), |ids| ids.get(member).to_owned())
    };
    let matrix = scaling.apply(features, &name_of)?;
    let by_hash = |limit: usize| fit_sample(ids.iter().flat_map(IdTable::iter), limit, job.seed());
    let (sample, resample) = (by_hash(job.segments().fit_sample), by_hash(auto.sample));
    let input = CurveInput {
        matrix: matrix.view(),
        sample: sample.as_deref(),
        resample: resample.as_deref(),
        auto,
        job_seed: job.seed(),
    };
    let curve = k_curve(&input, job.segments(), &mut || progress.advance(1))?;
    Ok(TunedSet { name, features: scaling.features.into_iter().map(|f| f.name).collect(), curve })
}

/// `tune.json`, `report.html`, `curves.parquet` (a row a feature set and k) and `fits.parquet` (a row a fit).
fn write(staging: &Staging, results: &TuneResults) -> Result<(), RunError> {
    super::outputs::json(staging, "tune.json", results)?;
    staging.write("report.html", tune_page(results).render().as_bytes())?;
    let points: Vec<(&TunedSet, &KPoint)> =
        results.sets.iter().flat_map(|s| s.curve.points.iter().map(move |p| (s, p))).collect();
    let number = |of: fn(&KPoint) -> f64| -> ArrayRef {
        Arc::new(points.iter().map(|(_, p)| Some(of(p))).collect::<Float64Array>())
    };
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        ("features", false, Arc::new(points.iter().map(|(s, _)| Some(s.name.as_str())).collect::<StringArray>())),
        ("k", false, Arc::new(points.iter().map(|(_, p)| p.k as i32).collect::<Int32Array>())),
        ("inertia", false, number(|p| p.inertia)),
        ("silhouette", false, number(|p| p.silhouette)),
        ("calinski_harabasz", false, number(|p| p.calinski_harabasz)),
        ("davies_bouldin", false, number(|p| p.davies_bouldin)),
        ("stability", false, number(|p| p.stability)),
        ("jaccard", false, number(|p| p.jaccard)),
        ("seed_agreement", true, Arc::new(points.iter().map(|(_, p)| p.seed_agreement).collect::<Float64Array>())),
        ("chosen", false, Arc::new(points.iter().map(|(s, p)| Some(p.k == s.curve.chosen)).collect::<BooleanArray>())),
    ];
    table(staging, "curves.parquet", columns)?;
    let fits: Vec<(&TunedSet, &KFit)> =
        results.sets.iter().flat_map(|s| s.curve.fits.iter().map(move |f| (s, f))).collect();
    let some = |of: fn(&KFit) -> Option<f64>| -> ArrayRef {
        Arc::new(fits.iter().map(|(_, f)| of(f)).collect::<Float64Array>())
    };
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        ("features", false, Arc::new(fits.iter().map(|(s, _)| Some(s.name.as_str())).collect::<StringArray>())),
        ("k", false, Arc::new(fits.iter().map(|(_, f)| f.k as i32).collect::<Int32Array>())),
        ("seed", false, Arc::new(fits.iter().map(|(_, f)| f.seed as i64).collect::<Int64Array>())),
        ("inertia", false, some(|f| Some(f.inertia))),
        ("silhouette", true, some(|f| f.silhouette)),
        ("calinski_harabasz", true, some(|f| f.calinski_harabasz)),
        ("davies_bouldin", true, some(|f| f.davies_bouldin)),
        ("iterations", false, Arc::new(fits.iter().map(|(_, f)| f.iterations as i32).collect::<Int32Array>())),
        ("converged", false, Arc::new(fits.iter().map(|(_, f)| Some(f.converged)).collect::<BooleanArray>())),
    ];
    table(staging, "fits.parquet", columns)
}

fn table(staging: &Staging, file: &str, columns: Vec<(&str, bool, ArrayRef)>) -> Result<(), RunError> {
    let field = |(name, nullable, values): &(&str, bool, ArrayRef)| Field::new(*name, type_of(values), *nullable);
    let schema: SchemaRef = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()));
    let arrays = columns.into_iter().map(|c| c.2).collect();
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| EngineError::arrow("write a tuning", e))?;
    write_batches(staging, file, &schema, Compression::Zstd, [batch])?;
    Ok(())
}

fn type_of(values: &ArrayRef) -> DataType {
    use arrow::array::Array as _;
    values.data_type().clone()
}
