//! What can be wrong with the data of a fit.

use super::KMeansParamsError;

/// A fit or an assignment that cannot be made. Rows and columns count from 0 in the matrix that was given; the caller
/// knows which member and feature they are.
#[derive(Debug, thiserror::Error)]
pub enum KMeansError {
    /// A parameter cannot be used.
    #[error(transparent)]
    Params(#[from] KMeansParamsError),
    /// A cell is NaN or infinite.
    #[error("row {row}, column {column} of the matrix is {value}; only finite numbers can be clustered")]
    NotFinite {
        /// Row of the cell.
        row: usize,
        /// Column of the cell.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// The squared length of a row overflows the element type.
    #[error("the squared length of row {row} overflows; scale its features down")]
    RowTooLong {
        /// The row.
        row: usize,
    },
    /// The matrix has no column.
    #[error("the matrix has no feature column")]
    NoFeatures,
    /// Fewer rows than clusters.
    #[error("{rows} rows cannot form {k} clusters")]
    TooFewRows {
        /// Rows that take part (weight above 0).
        rows: usize,
        /// Clusters asked for.
        k: usize,
    },
    /// Fewer distinct rows than clusters.
    #[error("only {distinct} of the rows are distinct; they cannot form {k} clusters")]
    TooFewDistinct {
        /// Distinct rows found.
        distinct: usize,
        /// Clusters asked for.
        k: usize,
    },
    /// Centroids and matrix have different numbers of columns.
    #[error("centroids have {centroids} columns, the matrix has {matrix}")]
    Columns {
        /// Columns of the centroids.
        centroids: usize,
        /// Columns of the matrix.
        matrix: usize,
    },
    /// A row of the sample does not exist.
    #[error("sample row {row} lies outside the matrix of {rows} rows")]
    SampleRow {
        /// The row asked for.
        row: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// The number of weights is not the number of rows.
    #[error("{weights} weights for {rows} rows")]
    WeightCount {
        /// Weights given.
        weights: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// A weight is negative, NaN or infinite.
    #[error("row {row} has weight {weight}; weights are finite and not negative")]
    Weight {
        /// The row.
        row: usize,
        /// Its weight.
        weight: f32,
    },
    /// linfa's model type did not take the centroids over.
    #[error("linfa's model could not be built")]
    Model(#[source] serde_json::Error),
    /// An error of linfa's own.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
