//! Floor 6: what is known about each member as numbers.
//!
//! A [`FeaturePlan`] says which features a shop can give; [`FeaturePlan::shard`] computes them for the members of one
//! shard in one pass over its lines; [`FeatureTable`] holds the raw values of a run; [`Scaling`] turns those the
//! segments are made from into a matrix of shape `(n_members, n_features)`, and centroids back into raw units.
//! Every feature is described by a [`FeatureEntry`] of the [`FeatureDictionary`].

mod categories;
mod census;
mod day_set;
mod dictionary;
mod error;
mod families;
mod kernel;
mod plan;
mod quantile;
mod scaling;
mod settings;
mod sql;
mod table;
#[cfg(test)]
mod tests;

pub use census::Vocabulary;
pub use day_set::DaySet;
pub use dictionary::{FeatureDictionary, FeatureEntry, Group};
pub use error::FeatureError;
pub use families::{CATEGORY_PREFIX, CHANNEL_PREFIX, Family, UseDefaults};
pub use kernel::Scratch;
pub use plan::{FeaturePlan, FeatureView, ShopColumns, check_shop};
pub use scaling::{ScaledFeature, Scaling};
pub use settings::{
    FeatureUse, Features, Fill, MAX_TOP, RawFeatureUse, RawFeatures, RawFill, RawSqlFeature, Scale, SqlFeature,
    Transform,
};
pub use sql::line_schema;
pub use table::{Column, FeatureTable, ShardFeatures};
