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
mod sample;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod thresholds;
mod value;

pub use error::SegmentError;
pub use facts::{FactsPlan, MAX_FAVOURITES, MemberFacts};
pub use lifecycle::{Lifecycle, LifecycleSettings, RawLifecycle};
pub use model::{FORMAT, FitInput, Memberships, Segment, SegmentFit, SegmentModel};
pub use names::ColumnAbout;
pub use previous_tags::{PreviousTags, PreviousTagsError};
pub use sample::fit_sample;
pub use settings::{RawSegmentName, RawSegments, RawTagRules, SegmentName, Segments, TagRules};
pub use tags::{ShardProfile, ShardTags, TagBook, TagEntry, TagHeld, TagSource};
pub use thresholds::MemberThresholds;
pub use value::{RawValueBands, ValueBand, ValueSettings, ValueThresholds};
