//! The previous run: a declared input.

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Date32Type, Int32Type},
};

use super::{Manifest, RunError, published::columns_of};
use crate::{
    base::{Day, digest::sha256_hex},
    engine::Engine,
    export::{
        FIRST_ASSIGNED_COLUMNS, FIRST_ASSIGNED_PATH, LEDGER_COLUMNS, LEDGER_PATH, PREVIOUS_COLUMNS,
        push_first_assigned, push_previous, push_seats,
    },
    features::Vocabulary,
    input::ItemTable,
    offers::{Catalogue, EnrolmentsBuilder, PreviousDecisions, Seat},
    recommend::Tuned,
    segments::{Distributions, KChoice, LastingIds, PreviousPlaces, PreviousTags, SegmentModel},
    store::{OutputRoot, Places, run_folder},
};

/// What an earlier run left for this one.
#[derive(Debug)]
pub(super) struct Previous {
    root: OutputRoot,
    folder: String,
    /// Its manifest.
    pub(super) manifest: Manifest,
    /// SHA-256 of its manifest's bytes: part of this run's id.
    pub(super) digest: String,
}

impl Previous {
    /// The newest published run of the job with an as-of day strictly earlier than `as_of`, but for runs rolled back.
    pub(super) fn newest(root: &OutputRoot, job: &str, as_of: Day, places: &Places) -> Result<Option<Self>, RunError> {
        let rolled_back = root.rolled_back(places)?;
        let may_be = |r: &crate::store::PublishedRun| r.as_of < as_of && !rolled_back.contains(&r.run_id);
        for run in root.runs(places)?.into_iter().rev().filter(may_be) {
            let found = Self::open(root.clone(), run_folder(run.as_of, &run.run_id), places)?;
            if let Some(previous) = found
                && previous.manifest.job == job
            {
                return Ok(Some(previous));
            }
        }
        Ok(None)
    }

    /// The run in a folder that the operator names: a run of this job, of an earlier day.
    pub(super) fn named(place: &str, job: &str, as_of: Day, places: &Places) -> Result<Self, RunError> {
        let root = OutputRoot::open(place, std::path::Path::new("."), places)?;
        let found = Self::open(root, String::new(), places)?;
        let previous = found.ok_or_else(|| RunError::NoPrevious { place: place.to_owned() })?;
        let manifest = &previous.manifest;
        let why = if manifest.job != job {
            format!("it is a run of job `{}`, not of `{job}`", manifest.job)
        } else if manifest.as_of >= as_of {
            format!("its day {} is not before {as_of}", manifest.as_of)
        } else {
            return Ok(previous);
        };
        Err(RunError::WrongPrevious { place: place.to_owned(), why })
    }

    fn open(root: OutputRoot, folder: String, places: &Places) -> Result<Option<Self>, RunError> {
        let Some(bytes) = root.read(&join(&folder, "manifest.json"), places)? else { return Ok(None) };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else { return Ok(None) };
        if manifest.format != super::FORMAT {
            return Ok(None);
        }
        Ok(Some(Self { root, folder, manifest, digest: sha256_hex(&bytes) }))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, file: &str, places: &Places) -> Result<Option<T>, RunError> {
        let Some(bytes) = self.root.read(&join(&self.folder, file), places)? else { return Ok(None) };
        let bad = |e: serde_json::Error| RunError::BadPrevious { file: file.to_owned(), why: e.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(bad)
    }

    /// Its segments.
    pub(super) fn segments(&self, places: &Places) -> Result<Option<SegmentModel>, RunError> {
        self.json("model/segments.json", places)
    }

    /// How it chose the number of segments, if its job left that open.
    pub(super) fn k_choice(&self, places: &Places) -> Result<Option<KChoice>, RunError> {
        self.json("model/k_choice.json", places)
    }

    /// Every id ever given to a segment.
    pub(super) fn segment_ids(&self, places: &Places) -> Result<Option<LastingIds>, RunError> {
        self.json("model/segment_ids.json", places)
    }

    /// One of its files; `None` if it has none of that name.
    pub(super) fn bytes(&self, file: &str, places: &Places) -> Result<Option<Vec<u8>>, RunError> {
        Ok(self.root.read(&join(&self.folder, file), places)?)
    }

    /// How the values of its features were spread.
    pub(super) fn distributions(&self, places: &Places) -> Result<Option<Distributions>, RunError> {
        self.json("model/distributions.json", places)
    }

    /// The segment of each of its members, and who was held.
    pub(super) fn places(&self, engine: &Engine) -> Result<PreviousPlaces, RunError> {
        let mut found = PreviousPlaces::default();
        self.read(engine, "segments.parquet", &["member_id", "segment_id", "nearest_segment"], |batch| {
            let member = batch.column(0).as_string::<i32>();
            let (own, nearest) =
                (batch.column(1).as_primitive::<Int32Type>(), batch.column(2).as_primitive::<Int32Type>());
            for row in 0..batch.num_rows() {
                found.push(member.value(row), own.value(row), nearest.value(row)).map_err(|e| e.to_string())?;
            }
            Ok(())
        })?;
        const HELD: &str = "model/held.parquet";
        if self.manifest.outputs.iter().any(|o| o.path == HELD && o.rows.is_some_and(|n| n > 0)) {
            self.read(engine, HELD, &["member_id", "since"], |batch| {
                let (member, since) =
                    (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Date32Type>());
                (0..batch.num_rows()).for_each(|row| found.push_held(member.value(row), Day(since.value(row))));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The categories and channels its features were about.
    pub(super) fn vocabulary(&self, places: &Places) -> Result<Option<Vocabulary>, RunError> {
        self.json("model/vocabulary.json", places)
    }

    /// The tuned numbers of its score.
    pub(super) fn tuned(&self, places: &Places) -> Result<Option<Tuned>, RunError> {
        self.json("model/score.json", places)
    }

    /// The tags it gave.
    pub(super) fn tags(&self, engine: &Engine) -> Result<PreviousTags, RunError> {
        let mut tags = PreviousTags::default();
        self.read(engine, "tags.parquet", &["member_id", "tag", "since"], |batch| {
            let (member, tag) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let since = batch.column(2).as_primitive::<Date32Type>();
            for row in 0..batch.num_rows() {
                tags.push(member.value(row), tag.value(row), Day(since.value(row))).map_err(|e| e.to_string())?;
            }
            Ok(())
        })?;
        Ok(tags)
    }

    /// What it assigned to members.
    pub(super) fn decisions(
        &self,
        engine: &Engine,
        catalogue: &Catalogue,
        items: &ItemTable,
    ) -> Result<PreviousDecisions, RunError> {
        let empty = || PreviousDecisions::builder(catalogue, items, catalogue.first_valid());
        // Rows are made small batch by batch: all of the file at once would be the largest thing in memory.
        let made = |batch: &RecordBatch| {
            let mut builder = empty();
            push_previous(batch, &mut builder).then_some(builder)
        };
        let file = "offers.parquet";
        let mut builder = empty();
        for part in self.batches(engine, file, PREVIOUS_COLUMNS, made)? {
            let why = || self.bad(file, "it does not have the columns of a decision".to_owned());
            builder.merge(part.ok_or_else(why)?);
        }
        Ok(builder.build())
    }

    /// SHA-256 and rows of its ledger of scarce offers, if it has one.
    pub(super) fn ledger_digest(&self) -> Option<(&str, u64)> {
        let file = self.manifest.outputs.iter().find(|o| o.path == LEDGER_PATH)?;
        Some((file.sha256.as_str(), file.rows.unwrap_or_default()))
    }

    /// Adds whom it and the runs before it first assigned what; nothing where nobody was held out.
    pub(super) fn first_assigned(&self, engine: &Engine, builder: &mut EnrolmentsBuilder<'_>) -> Result<(), RunError> {
        if !self.manifest.outputs.iter().any(|o| o.path == FIRST_ASSIGNED_PATH && o.rows.is_some_and(|n| n > 0)) {
            return Ok(());
        }
        self.read(engine, FIRST_ASSIGNED_PATH, FIRST_ASSIGNED_COLUMNS, |batch| {
            match push_first_assigned(batch, builder) {
                true => Ok(()),
                false => Err("it does not have the columns of first assignments".to_owned()),
            }
        })
    }

    /// The seats of scarce offers it left; none where it had nothing scarce.
    pub(super) fn seats(
        &self,
        engine: &Engine,
        catalogue: &Catalogue,
        items: &ItemTable,
    ) -> Result<Vec<Seat>, RunError> {
        let mut seats = Vec::new();
        if self.ledger_digest().is_some() {
            self.read(engine, LEDGER_PATH, LEDGER_COLUMNS, |batch| {
                match push_seats(batch, catalogue, items, &mut seats) {
                    true => Ok(()),
                    false => Err("it does not have the columns of a ledger".to_owned()),
                }
            })?;
        }
        Ok(seats)
    }

    /// Reads columns of one of its tables, in row order; texts come as plain strings.
    fn read(
        &self,
        engine: &Engine,
        name: &str,
        columns: &[&str],
        mut each: impl FnMut(&RecordBatch) -> Result<(), String>,
    ) -> Result<(), RunError> {
        for batch in self.batches(engine, name, columns, RecordBatch::clone)? {
            each(&batch).map_err(|why| self.bad(name, why))?;
        }
        Ok(())
    }

    /// What `fold` makes of each batch of columns of one of its tables, in row order.
    fn batches<T: Send>(
        &self,
        engine: &Engine,
        name: &str,
        columns: &[&str],
        fold: impl Fn(&RecordBatch) -> T + Sync,
    ) -> Result<Vec<T>, RunError> {
        let place = self.root.place(&join(&self.folder, name));
        let made = columns_of(engine, &place, columns, fold, |why| self.bad(name, why))?;
        made.ok_or_else(|| self.bad(name, "it is missing".to_owned()))
    }

    fn bad(&self, file: &str, why: String) -> RunError {
        RunError::BadPrevious { file: file.to_owned(), why }
    }
}

fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}
