//! What a finished run has to say on a screen.

use std::collections::BTreeMap;

use super::{Manifest, StageTime};
use crate::{offers::Reach, segments::Drift};

/// A finished run, for people.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// Its manifest.
    pub manifest: Manifest,
    /// Segments with their share and what sets them apart, by falling size.
    pub segments: Vec<SegmentSummary>,
    /// Offers with sentences as examples, by falling number of slots.
    pub offers: Vec<OfferSummary>,
    /// Members with at least one slot.
    pub with_list: u64,
    /// Of them, members held out.
    pub held_out: u64,
    /// Members by lifecycle stage, in the order of the stages.
    pub lifecycle: Vec<(&'static str, u64)>,
    /// Tags given, by source.
    pub tags: BTreeMap<&'static str, u64>,
    /// What has changed since the previous run.
    pub drift: Option<Drift>,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// Wall time of the run in seconds.
    pub seconds: f64,
}

/// A segment, for people.
#[derive(Debug, Clone)]
pub struct SegmentSummary {
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Members in it.
    pub members: u64,
    /// Share of all members in the fit.
    pub share: f64,
}

/// An offer, for people.
#[derive(Debug, Clone)]
pub struct OfferSummary {
    /// Id.
    pub offer_id: String,
    /// Kind.
    pub kind: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Members left after each step of the decision.
    pub reach: Reach,
    /// Slots it got.
    pub chosen: u64,
    /// Members who got at least one of them.
    pub members: u64,
    /// Those members by code of their segment, by falling number.
    pub segments: Vec<(String, u64)>,
    /// The reasons it was given for, by falling number of slots.
    pub reasons: Vec<ReasonSummary>,
}

/// A reason that an offer was given for.
#[derive(Debug, Clone)]
pub struct ReasonSummary {
    /// Code.
    pub code: &'static str,
    /// Slots given for it.
    pub slots: u64,
    /// The sentence of the slot that scored best, in Chinese and in English.
    pub example: (String, String),
}
