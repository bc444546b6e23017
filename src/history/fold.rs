//! The fold: a scan of purchase lines becomes the shards of a run.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

use super::{
    Dimensions, ShardSet, Standing, Timeline,
    bucket::Buckets,
    codec,
    finish::{FinishContext, FinishSpace, Finished, Ranks, finish},
    line::LineLayout,
    shard_set::Place,
};
use crate::{
    base::{Day, IdTable, pool::Pool, progress::Progress},
    engine::{Engine, shard_map},
    input::{
        Action, CaughtRows, CleaningSettings, InputError, Reason, TableInput,
        accounting::{BlankCounts, LostRow, ReasonCounts, RowCounts, action_of},
        lines::LineCleaner,
    },
};

/// How histories are folded.
#[derive(Debug)]
pub struct FoldOptions<'a> {
    /// Number of shards.
    pub shards: usize,
    /// Last day that is read.
    pub as_of: Day,
    /// The cleaning rules, for what becomes of lost rows.
    pub cleaning: &'a CleaningSettings,
    /// Memory the run may use, in bytes. Half of it is for histories; what is more goes to `spill`.
    pub memory_limit: Option<u64>,
    /// Folder for what does not fit in memory.
    pub spill: &'a Path,
    /// Whether the shards keep the stores and the cities of lines: what nothing reads is not held.
    pub keep: [bool; 2],
}

/// The histories of a run.
#[derive(Debug)]
pub struct Histories {
    /// Members who may have everything.
    pub shards: ShardSet,
    /// Ids of members who opted out of personalisation, in byte order.
    pub opted_out: IdTable,
    /// Members left out, by reason.
    pub excluded: BTreeMap<&'static str, u64>,
    /// Members with a kept line, whatever their standing.
    pub members_seen: u64,
    /// Item ids by item index: every item of a line or of the items table.
    pub items: IdTable,
    /// What codes and times mean.
    pub dimensions: Dimensions,
    /// What became of every row.
    pub rows: RowCounts,
    /// Kept lines by day number (days since 1970), whatever the standing of their members.
    pub line_days: Vec<u64>,
    /// Rows for quarantine, by file and row.
    pub lost: Vec<LostRow>,
    /// Raw values of most of these, as they were read.
    pub caught: CaughtRows,
}

/// Every line of a table, read and cleaned, by shard.
#[derive(Debug)]
pub struct ScannedLines {
    buckets: Buckets,
    scanned: Scanned,
}

/// Reads and cleans every line of the table; nothing has to be known of members yet. [`fold_lines`] does the rest.
///
/// # Errors
/// If a file cannot be read, an expression fails or the spill folder fails.
pub fn scan_lines(
    engine: &Engine,
    input: &TableInput,
    cleaner: &LineCleaner,
    options: &FoldOptions<'_>,
    progress: &dyn Progress,
) -> Result<ScannedLines, InputError> {
    let places = ["channel", "store", "city"].map(|name| input.has(name));
    let kept = [places[0], places[1] && options.keep[0], places[2] && options.keep[1]];
    let folded = std::array::from_fn(|p| places[p] && !kept[p]);
    let layout = LineLayout { places: kept, sources: wanted(options)(Reason::Duplicate) };
    let budget = options.memory_limit.map(|bytes| bytes / 2);
    let buckets = Buckets::new(options.shards, layout, folded, budget, input.rows(), options.spill);
    let scanned = scan(engine, input, cleaner, &buckets, &wanted(options), progress)?;
    Ok(ScannedLines { buckets, scanned })
}

/// Which lost rows are entered in the list of lost rows, by reason.
fn wanted(options: &FoldOptions<'_>) -> impl Fn(Reason) -> bool + Sync {
    |reason| action_of(reason, options.cleaning) == Action::Quarantine
}

/// Folds lines that were read from `input` under the same options into histories.
///
/// # Errors
/// If the spill folder fails, or a place column has too many values.
pub fn fold_lines(
    lines: ScannedLines,
    input: &TableInput,
    listed_items: Option<&IdTable>,
    standing: &(dyn Fn(&str) -> Standing + Sync),
    options: &FoldOptions<'_>,
    progress: &dyn Progress,
) -> Result<Histories, InputError> {
    let ScannedLines { buckets, scanned } = lines;
    let Scanned { read, mut counts, blank, mut lost, caught } = scanned;
    let kept = buckets.layout.places;
    let wanted = wanted(options);
    let budget = options.memory_limit.map(|bytes| bytes / 2);

    let (items, item_ranks) = buckets.items.ranked(listed_items);
    let ranked = std::array::from_fn::<_, 3, _>(|p| buckets.places[p].ranked(None));
    for ((table, _), column) in ranked.iter().zip(["channel", "store", "city"]) {
        let limit = usize::from(super::NO_CODE);
        if table.len() >= limit {
            return Err(InputError::TooManyValues { column, limit });
        }
    }
    let [(channels, channel_ranks), (stores, store_ranks), (cities, city_ranks)] = ranked;
    let ranks = Ranks {
        items: item_ranks,
        places: [channel_ranks, store_ranks, city_ranks],
        has_discount: input.has("discount"),
        has_places: kept,
    };
    let context = FinishContext { ranks: &ranks, standing, wanted: &wanted };

    progress.start("histories", Some(options.shards as u64));
    let held = AtomicU64::new(0);
    let pool = Pool::new(FinishSpace::default);
    let finished = shard_map::map(buckets.len(), |shard| {
        let lines = buckets.take(shard)?;
        let mut done = pool.with(|space| finish(&lines, &context, space));
        drop(lines);
        let shard = std::mem::take(&mut done.shard);
        let bytes = shard.heap_bytes() as u64;
        let place = if budget.is_some_and(|b| held.fetch_add(bytes, Ordering::Relaxed) + bytes > b) {
            held.fetch_sub(bytes, Ordering::Relaxed);
            spill(&shard, options.spill)
                .map_err(|source| InputError::Spill { path: options.spill.to_owned(), source })?
        } else {
            Place::Memory(Arc::new(shard))
        };
        progress.advance(1);
        Ok::<_, InputError>((place, done))
    })?;

    drop(pool);
    let mut shards = Vec::with_capacity(finished.len());
    let mut rows = RowCounts { read, blank: blank.by_column(input.table), ..RowCounts::default() };
    let mut line_days: Vec<u64> = Vec::new();
    let mut opted_out: Vec<Box<str>> = Vec::new();
    let mut excluded = BTreeMap::new();
    let mut first_time = None;
    let mut members_seen = 0;
    for (place, done) in finished {
        let Finished { opted_out: out, excluded: left_out, kept, unmatched_returns, counts: c, lost: l, .. } = done;
        line_days.resize(line_days.len().max(done.days.len()), 0);
        line_days.iter_mut().zip(&done.days).for_each(|(sum, lines)| *sum += u64::from(*lines));
        shards.push(place);
        counts.merge(&c);
        lost.extend(l);
        rows.kept += kept;
        rows.unmatched_returns += unmatched_returns;
        members_seen += done.members as u64;
        opted_out.extend(out);
        for why in left_out {
            *excluded.entry(why.name()).or_default() += 1;
        }
        first_time = first_time.into_iter().chain(done.first_time).min();
    }
    for reason in Reason::ALL {
        rows.lose(reason, counts.get(reason), options.cleaning);
    }
    lost.sort_unstable();
    let timeline = if input.has("ts") { Timeline::Calendar } else { Timeline::Ordinal };
    let first_day = first_time.map_or(options.as_of, |t| t.day());
    let dimensions = Dimensions { channels, stores, cities, timeline, as_of: options.as_of, first_day };
    progress.finish(&format!("{members_seen} members, {} lines kept of {read}", rows.kept));
    let opted_out = IdTable::from_unsorted(opted_out);
    Ok(Histories {
        shards: ShardSet::new(shards),
        opted_out,
        excluded,
        members_seen,
        items,
        dimensions,
        rows,
        line_days,
        lost,
        caught,
    })
}

/// Rows that are put into buckets at once: few enough to stay in cache, many enough for every shard to get some.
const PUSHED_ROWS: usize = 2048;

/// What a scan comes to beside the buckets.
#[derive(Debug)]
struct Scanned {
    read: u64,
    /// Rows lost before the buckets.
    counts: ReasonCounts,
    blank: BlankCounts,
    /// Of the lost rows, those to be kept aside, and their raw values.
    lost: Vec<LostRow>,
    caught: CaughtRows,
}

/// Reads, cleans and distributes every row.
fn scan(
    engine: &Engine,
    input: &TableInput,
    cleaner: &LineCleaner,
    buckets: &Buckets,
    wanted: &(dyn Fn(Reason) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<Scanned, InputError> {
    progress.start("read", Some(input.rows()));
    let all_lost = Mutex::new(Vec::new());
    let caught = CaughtRows::default();
    // What a feeder knows of texts is as good for the next chunk.
    let feeders = Pool::new(|| buckets.feeder());
    let parts = input.scan(
        engine,
        |chunk| (chunk.file, ReasonCounts::default(), BlankCounts::default(), 0u64),
        |(file, counts, blank, read), rows| {
            let mapped = input.map(*file, &rows)?;
            blank.add(input.table, &mapped);
            let columns = cleaner.columns(input, *file, &mapped)?;
            let number = *file as u32;
            let mut kept = Vec::with_capacity(mapped.len().min(PUSHED_ROWS));
            let mut pushed = Ok(());
            let mut lost = Vec::new();
            let mut to_catch = Vec::new();
            let note = |row: LostRow| {
                if wanted(row.reason) {
                    lost.push(row);
                }
            };
            cleaner.clean(number, &mapped, &columns, counts, note, |row| {
                if row.verdict.is_some_and(wanted) {
                    to_catch.push(row.row);
                }
                kept.push(row);
                if kept.len() == PUSHED_ROWS && pushed.is_ok() {
                    pushed = feeders.with(|feeder| feeder.push(number, &kept));
                    kept.clear();
                }
            });
            pushed?;
            *read += mapped.len() as u64;
            to_catch.extend(lost.iter().map(|l| l.row));
            to_catch.sort_unstable();
            caught.catch(number, &rows, &to_catch)?;
            if !lost.is_empty() {
                all_lost.lock().unwrap_or_else(PoisonError::into_inner).append(&mut lost);
            }
            progress.advance(rows.batch.num_rows() as u64);
            feeders.with(|feeder| feeder.push(number, &kept))
        },
    )?;
    let mut counts = ReasonCounts::default();
    let mut blank = BlankCounts::default();
    let mut read = 0;
    for (_, part, own_blank, rows) in &parts {
        counts.merge(part);
        blank.merge(own_blank);
        read += rows;
    }
    progress.finish(&format!("{read} lines"));
    let lost = all_lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Scanned { read, counts, blank, lost, caught })
}

fn spill(shard: &super::Shard, folder: &Path) -> std::io::Result<Place> {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(folder)?);
    codec::write(shard, &mut out)?;
    out.flush()?;
    Ok(Place::Disk(Mutex::new(out.into_inner().map_err(std::io::IntoInnerError::into_error)?)))
}
