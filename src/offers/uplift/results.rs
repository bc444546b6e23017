//! What was measured, as `uplift.json` and the report have it.

use serde::{Deserialize, Serialize};

use super::outcomes::Outcome;
use crate::{
    base::Day,
    evaluate::uplift::{Adjusted, Difference, SampleRatio},
};

/// The uplift of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UpliftReport {
    /// Days measured from the first assignment on.
    pub window_days: u32,
    /// Days before it that adjust.
    pub history_days: u32,
    /// The relative uplift that holdouts are sized for.
    pub detect: f64,
    /// First assignments of an experiment that is over: its share or salt was changed.
    pub over: u64,
    /// All offers first, then kinds by name; those that nobody was assigned are left out.
    pub tracks: Vec<TrackUplift>,
}

/// The uplift of all offers together, or of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackUplift {
    /// `all`, or the kind's code.
    pub kind: String,
    /// Whom it is measured against: members held out of `all` offers, or of this `kind` alone.
    pub against: String,
    /// First day on which somebody was assigned.
    pub since: Day,
    /// Members assigned.
    pub assigned: Arms,
    /// Those of them who are not in the run any more.
    pub left: Arms,
    /// Those of them whose days are not over.
    pub open: Arms,
    /// Whether the arms have the sizes they were drawn with.
    pub sample_ratio: Option<SampleRatio>,
    /// What came of it over all segments.
    pub outcomes: Vec<OutcomeUplift>,
    /// By code of the segment on the day of the first assignment; segments with few members in an arm are left out.
    pub segments: Vec<SegmentUplift>,
}

/// Numbers of members, by arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arms {
    /// Treated.
    pub treated: u64,
    /// Held out.
    pub holdout: u64,
}

/// What came of it in a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentUplift {
    /// Code of the segment.
    pub segment_code: String,
    /// The outcomes.
    pub outcomes: Vec<OutcomeUplift>,
}

/// One outcome of the two arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeUplift {
    /// The outcome.
    pub outcome: Outcome,
    /// Members measured.
    pub members: Arms,
    /// Mean of the treated: a share of members, or minor units.
    pub treated: f64,
    /// Mean of those held out.
    pub holdout: f64,
    /// Their difference: shares with Newcombe's interval, money with Welch's.
    pub uplift: Difference,
    /// The difference less what members would have done anyway; none where nothing is known of the time before.
    pub adjusted: Option<Adjusted>,
    /// The smallest difference that the arms show with 80% power.
    pub detectable: f64,
    /// Members to hold out of those measured, to show `detect` of what the holdout does with 80% power; none where not even
    /// half of them would do.
    pub holdout_needed: Option<u64>,
}

impl OutcomeUplift {
    /// The better one of the two estimates: the adjusted one where there is one.
    #[must_use]
    pub fn best(&self) -> Difference {
        self.adjusted.as_ref().map_or(self.uplift, |a| a.difference)
    }

    /// The uplift as a share of what the holdout does; none where it does nothing.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        (self.holdout > 0.0).then(|| self.best().difference / self.holdout)
    }
}

impl UpliftReport {
    /// The track of all offers.
    #[must_use]
    pub fn all(&self) -> Option<&TrackUplift> {
        self.track(super::ALL_OFFERS)
    }

    /// The track of a name.
    #[must_use]
    pub fn track(&self, kind: &str) -> Option<&TrackUplift> {
        self.tracks.iter().find(|t| t.kind == kind)
    }
}

impl TrackUplift {
    /// An outcome over all segments.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> Option<&OutcomeUplift> {
        self.outcomes.iter().find(|o| o.outcome == outcome)
    }
}
