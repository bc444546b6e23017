//! Floor 7: who the members are. k-means segments with lasting ids and names, the lifecycle by each member's own
//! rhythm, value bands, favourite channel and categories, and the tags that say so.
//!
//! [`SegmentModel::fit`] clusters the matrix of shape `(n_members, n_features)` that `features::Scaling` makes.
//! [`FactsPlan::shard`] reads one shard once and gives what lifecycle, value band and favourites need;
//! [`MemberThresholds::fit`] takes the figures that need all members; [`TagBook::shard`] gives each member's tags.
//! Members come in (shard, member) order everywhere.

mod error;
mod facts;
mod lifecycle;
mod model;
mod names;
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

pub use error::SegmentError;
pub use facts::{Earlier, FactsPlan, FactsView, Habits, MAX_FAVOURITES, MemberFacts};
pub use lifecycle::{Lifecycle, LifecycleSettings, RawLifecycle};
pub use model::{FORMAT, FitInput, Memberships, Segment, SegmentFit, SegmentModel};
pub use names::ColumnAbout;
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
