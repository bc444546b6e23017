//! What changed from one published run to another.

mod figures;
mod members;
mod models;
mod tables;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Serialize;

use super::{RunError, published::Published};
use crate::{base::Day, engine::Engine, store::Places};

/// What `diff` is asked.
#[derive(Debug, Clone, Default)]
pub struct DiffOptions {
    /// The output place in which `current`, dates and run ids are looked up.
    pub out: String,
    /// Settings of object stores.
    pub object_store: BTreeMap<String, String>,
    /// Most ids of members that stand beside each move; 0 for none.
    pub examples: usize,
    /// Threads; 0: one a core.
    pub threads: usize,
}

/// A run that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunName {
    /// Where it lies.
    pub place: String,
    /// Its job.
    pub job: String,
    /// Its as-of day.
    pub as_of: Day,
    /// Its id.
    pub run_id: String,
}

/// What changed from one run, `before`, to another, `after`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The first run.
    pub before: RunName,
    /// The second run.
    pub after: RunName,
    /// Whether both are runs of one job with the same settings.
    pub same_settings: bool,
    /// Whether the second followed the first.
    pub follows: bool,
    /// Members who came, left and moved.
    pub members: MembersChange,
    /// Moves between segments, by falling number of members.
    pub moves: Vec<Move>,
    /// Segments, by id.
    pub segments: Vec<SegmentChange>,
    /// Features by falling drift; only those that both runs have.
    pub features: Vec<FeatureDrift>,
    /// Tags that came, left, were renamed or are held by others, by code.
    pub tags: Vec<TagChange>,
    /// Lists of members whom both runs have.
    pub lists: ListsChange,
    /// Offers whose figures or members changed, by id.
    pub offers: Vec<OfferChange>,
    /// Figures of the manifests that changed: rows by table, members, key figures.
    pub figures: Vec<FigureChange>,
}

/// Members of two runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MembersChange {
    /// In the first run.
    pub before: u64,
    /// In the second run.
    pub after: u64,
    /// In both.
    pub both: u64,
    /// Only in the second.
    pub joined: u64,
    /// Only in the first.
    pub left: u64,
    /// In both, in another segment.
    pub moved: u64,
    /// `moved / both`; 0 where `both` is 0.
    pub moved_share: f64,
    /// Held in a segment that is not their nearest, in the second run.
    pub held: u64,
    /// Adjusted Rand index of the two runs' segments over the members of both: 1 is the same partition whatever the
    /// ids, 0 what chance gives (Hubert & Arabie 1985).
    pub adjusted_rand: f64,
}

/// Members who went from one segment to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Code of the segment in the first run.
    pub from: String,
    /// Code of the segment in the second run.
    pub to: String,
    /// How many.
    pub members: u64,
    /// Ids of some of them, lowest first, if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// What became of a segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentChange {
    /// Lasting id.
    pub id: i32,
    /// Code.
    pub code: String,
    /// Its names in the first run, Chinese and English; `None`: it is new.
    pub name_before: Option<[String; 2]>,
    /// Its names in the second run; `None`: it is gone.
    pub name_after: Option<[String; 2]>,
    /// Members in the first run.
    pub members_before: u64,
    /// Members in the second run.
    pub members_after: u64,
    /// Distance from the first centroid to the second in the second run's scaled units.
    pub centroid_shift: Option<f64>,
    /// The features that moved its centroid most, strongest first, at most three.
    pub shifted: Vec<FeatureShift>,
}

impl SegmentChange {
    /// Whether both runs have it under another name.
    #[must_use]
    pub fn renamed(&self) -> bool {
        self.name_before.is_some() && self.name_after.is_some() && self.name_before != self.name_after
    }
}

/// One coordinate of a centroid in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureShift {
    /// The feature.
    pub feature: String,
    /// Raw value in the first run.
    pub before: f64,
    /// Raw value in the second run.
    pub after: f64,
    /// Difference in the second run's scaled units.
    pub shift: f64,
}

/// A feature over all members in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureDrift {
    /// The feature.
    pub feature: String,
    /// Mean (or what the feature is centred on) of the transformed values, in the first run.
    pub centre_before: f64,
    /// The same in the second run.
    pub centre_after: f64,
    /// Difference of the two in units of the first run's spread.
    pub shift: f64,
    /// Spread of the second run over that of the first.
    pub spread_ratio: f64,
    /// Population stability index over the deciles of the first run: as the second run measured it if it followed the
    /// first, else from the features of both; `None` where neither is there.
    pub psi: Option<f64>,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagChange {
    /// Code.
    pub tag: String,
    /// Its names in the first run, Chinese and English; `None`: it is new.
    pub name_before: Option<[String; 2]>,
    /// Its names in the second run; `None`: it is gone.
    pub name_after: Option<[String; 2]>,
    /// Whether its rule reads otherwise.
    pub rule_changed: bool,
    /// Members who held it in the first run.
    pub held_before: u64,
    /// Members who hold it in the second run.
    pub held_after: u64,
    /// Members of both runs who hold it only in the second.
    pub gained: u64,
    /// Members of both runs who held it only in the first.
    pub lost: u64,
}

/// Lists of the members whom both runs have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListsChange {
    /// Members with a list in both runs.
    pub both: u64,
    /// Of them: the same offers about the same things in the same slots.
    pub same: u64,
    /// Of them: the same in another order.
    pub reordered: u64,
    /// Of them: other offers or things.
    pub changed: u64,
    /// Members with a list only in the second run.
    pub gained: u64,
    /// Members with a list only in the first run.
    pub lost: u64,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferChange {
    /// Id.
    pub offer_id: String,
    /// Members its rule admits, in the first run; `None`: it is new.
    pub eligible_before: Option<u64>,
    /// The same in the second run; `None`: it is gone.
    pub eligible_after: Option<u64>,
    /// Slots it got in the first run.
    pub chosen_before: u64,
    /// Slots it got in the second run.
    pub chosen_after: u64,
    /// Assignments (member, offer, thing) that only the second run has.
    pub given: u64,
    /// Assignments that only the first run has.
    pub withdrawn: u64,
}

/// A figure of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureChange {
    /// Its path, such as `rows.transactions.kept`.
    pub figure: String,
    /// In the first run; `None`: it was not there.
    pub before: Option<f64>,
    /// In the second run; `None`: it is not there.
    pub after: Option<f64>,
}

/// Both runs, opened.
struct Pair {
    before: Published,
    after: Published,
    engine: Engine,
}

impl Pair {
    fn places(&self) -> &Places {
        self.engine.places()
    }
}

/// Compares two published runs. Each is named by its folder or URL, or, within `options.out`, by `current`, its date or
/// its id.
///
/// # Errors
/// If a run is not there or its files cannot be read.
pub fn diff(before: &str, after: &str, options: &DiffOptions) -> Result<Difference, RunError> {
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    };
    let places = Arc::new(Places::new(options.object_store.clone(), threads)?);
    let engine = Engine::new(Arc::clone(&places), threads, None, Path::new("."))?;
    let find = |name| Published::find(name, &options.out, &places);
    let pair = Pair { before: find(before)?, after: find(after)?, engine };
    let (a, b) = (&pair.before.manifest, &pair.after.manifest);
    let (members, moves) = members::compare(&pair, options.examples)?;
    let (lists, offers) = tables::offers(&pair)?;
    Ok(Difference {
        same_settings: (&a.job, &a.job_sha256) == (&b.job, &b.job_sha256),
        follows: b.previous_run.as_ref() == Some(&a.run_id),
        members,
        moves,
        segments: models::segments(&pair)?,
        features: models::features(&pair)?,
        tags: tables::tags(&pair)?,
        lists,
        offers,
        figures: figures::compare(a, b),
        before: name_of(&pair.before),
        after: name_of(&pair.after),
    })
}

fn name_of(run: &Published) -> RunName {
    let manifest = &run.manifest;
    RunName { place: run.place(), job: manifest.job.clone(), as_of: manifest.as_of, run_id: manifest.run_id.clone() }
}
