//! What a finished run has to say on a screen.

use std::collections::BTreeMap;

use super::{Manifest, StageTime};

/// A finished run, for people.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// Its manifest.
    pub manifest: Manifest,
    /// Segments with their share and what sets them apart, by falling size.
    pub segments: Vec<SegmentSummary>,
    /// Offers with a sentence as an example, by falling number of slots.
    pub offers: Vec<OfferSummary>,
    /// Members by lifecycle stage, in the order of the stages.
    pub lifecycle: Vec<(&'static str, u64)>,
    /// Tags given, by source.
    pub tags: BTreeMap<&'static str, u64>,
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
    /// Slots it got.
    pub chosen: u64,
    /// A sentence that a member gets, in Chinese and in English.
    pub example: Option<(String, String)>,
}
