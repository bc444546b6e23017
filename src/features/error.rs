//! What can go wrong while features are computed.

use crate::{engine::expr::ExprError, history::ShardError};

/// Features could not be computed or scaled.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// A SQL feature does not fit the lines of this shop.
    #[error("feature `{feature}`: {source}")]
    Sql {
        /// The feature.
        feature: String,
        /// What is wrong with it.
        #[source]
        source: ExprError,
    },
    /// A value is infinite.
    #[error(
        "feature `{feature}` is {value} for a member, not a finite number; logs name no member: its expression over the lines finds them"
    )]
    NotFinite {
        /// The feature.
        feature: String,
        /// The member's id.
        member: String,
        /// The value.
        value: f64,
    },
    /// The job names a feature this shop's columns cannot give.
    #[error("the segments use feature `{feature}`, which this shop's data cannot give: {why}")]
    Unavailable {
        /// The feature, or prefix and `*`.
        feature: String,
        /// What is missing.
        why: String,
    },
    /// None of the features for the segments can be computed.
    #[error("none of the features the segments use can be computed from this shop's data")]
    NothingToUse,
    /// A model's scaling names a feature the table does not have.
    #[error("the model scales feature `{feature}`, which this run does not compute; fit the model anew")]
    ModelMismatch {
        /// The feature.
        feature: String,
    },
    /// A shard could not be read.
    #[error(transparent)]
    Shard(#[from] ShardError),
}
