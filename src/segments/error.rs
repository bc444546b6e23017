//! Why members could not be put into segments.

use crate::kmeans::KMeansError;

/// A fit or an assignment that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Fewer members than segments.
    #[error(
        "{k} segments need at least as many members, and there are {members}; lower `segments.k`, or read more history"
    )]
    TooFewMembers {
        /// Members in the fit.
        members: usize,
        /// Segments asked for.
        k: usize,
    },
    /// Fewer different members than segments.
    #[error(
        "the features of `segments.features` tell only {distinct} kinds of members apart, too few for {k} segments; \
         lower `segments.k` or add features"
    )]
    TooFewKinds {
        /// Distinct rows of the matrix.
        distinct: usize,
        /// Segments asked for.
        k: usize,
    },
    /// The matrix does not have the model's features.
    #[error("the matrix has {matrix} features, the model {model}")]
    Features {
        /// Columns of the matrix.
        matrix: usize,
        /// Features of the model.
        model: usize,
    },
    /// Anything else the clustering refuses.
    #[error(transparent)]
    Cluster(KMeansError),
}

impl From<KMeansError> for SegmentError {
    fn from(error: KMeansError) -> Self {
        match error {
            KMeansError::TooFewRows { rows, k } => Self::TooFewMembers { members: rows, k },
            KMeansError::TooFewDistinct { distinct, k } => Self::TooFewKinds { distinct, k },
            KMeansError::Columns { centroids, matrix } => Self::Features { matrix, model: centroids },
            other => Self::Cluster(other),
        }
    }
}
