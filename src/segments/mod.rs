//! Floor 7: who the members are. k-means segments with lasting ids and names, what their members are like, what has
//! changed since the previous run, the lifecycle by each member's own rhythm, value bands, classes of recency, frequency
//! and money, favourites and habits, and the tags that say so.
//!
//! [`SegmentModel::fit`] clusters the matrix of shape `(n_members, n_features)` that `features::Scaling` makes.
//! [`FactsPlan::shard`] reads one shard once and gives what lifecycle, value band and favourites need;
//! [`MemberThresholds::fit`] takes the figures that need all members; [`TagBook::shard`] gives each member's tags.
//! Members come in (shard, member) order everywhere.

mod auto_k;
mod choose;
mod distributions;
mod drift;
mod drift_limits;
mod error;
mod facts;
mod hold;
mod identity;
mod lifecycle;
mod model;
mod names;
mod naming;
mod places;
mod previous_tags;
mod price_tiers;
mod profile;
mod rfm;
mod rules;
mod sample;
mod settings;
mod tag_entries;
mod tags;
#[cfg(test)]
mod tests;
mod thresholds;
mod value;

pub use auto_k::{AutoK, RawAuto, RawAutoK, RawCount};
pub use choose::{CurveInput, KChoice, KCurve, KFit, KPoint, choose as choose_k, curve as k_curve, fits as k_fits};
pub use distributions::{Distribution, Distributions, stability_index};
pub use drift::{CentroidShift, Drift, DriftInput, FeatureStability, Migration, Renamed};
pub use drift_limits::{DriftLimits, Gate, RawDriftLimits};
pub use error::SegmentError;
pub use facts::{Earlier, FactsPlan, FactsView, Habits, MAX_FAVOURITES, MemberFacts};
pub use hold::{Held, Identity, RawIdentity};
pub use identity::{Kept, LastingId, LastingIds};
pub use lifecycle::{Lifecycle, LifecycleSettings, RawLifecycle};
pub use model::{FORMAT, FitInput, Memberships, PreviousSegments, Segment, SegmentFit, SegmentModel};
pub use names::ColumnAbout;
pub use places::{PlacesUnsorted, PreviousPlace, PreviousPlaces};
pub use previous_tags::{PreviousTags, PreviousTagsError};
pub use price_tiers::PriceTiers;
pub use profile::{
    ALL_MEMBERS, FeatureProfile, Profile, ProfileInput, ProfileSums, SegmentProfiles, ShareProfile, city_tier_names,
    z_of,
};
pub use rfm::{RfmAgainst, RfmClass, RfmThresholds};
pub use rules::{RawSegmentRule, SegmentRule};
pub use sample::fit_sample;
pub use settings::{RawRfm, RawSegmentName, RawSegments, RawTagRules, SegmentName, Segments, TagRules};
pub use tags::{ShardProfile, ShardTags, TagBook, TagEntry, TagHeld, TagSource, TagView};
pub use thresholds::MemberThresholds;
pub use value::{RawValueBands, ValueBand, ValueSettings, ValueThresholds};
