//! Floor 5: k-means behind linfa's traits.
//!
//! [`KMeansParams`] is what a caller writes, [`KMeansValidParams`] what has been checked; `Fit` gives a
//! [`linfa_clustering::KMeans`] with the squared-Euclidean `L2Dist`, so everything that takes linfa's model takes ours.
//! The iterations are our own: rows are packed once into panels of [`LANES`] rows, feature by feature, and the
//! assignment minimises `|c|² − 2x·c` lane by lane, for eight centroids at a time. Rows that the triangle inequality
//! shows to stay where they are, are left out; the bounds allow for every rounding of the full search, so that leaving
//! out changes no bit of the result. [`fit_side_by_side`] makes many fits on the same rows in step.
//!
//! **Determinism.** Work is cut into blocks of a fixed number of rows; each block adds up its own part in row order and
//! the parts are added in block order, in `f64`. The thread count therefore changes no bit. The instruction set does
//! (fused multiply-add rounds once), so bits are promised for one kind of CPU only.
//!
//! **What is not parallel:** adding up the blocks' parts and the draws of the initialisation run on one thread; both are
//! small.

mod assign;
mod bounds;
mod element;
mod error;
mod fit;
mod init;
mod kernel;
mod lloyd;
mod panels;
mod params;
mod quality;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vector;

pub use assign::{Assignment, assign};
pub use element::Element;
pub use error::KMeansError;
pub use fit::{Fitted, fit_side_by_side, linfa_model};
pub use panels::LANES;
pub use params::{KMeansParams, KMeansParamsError, KMeansValidParams, Start};
pub use quality::{Quality, adjusted_rand_index, assess, mean_jaccard, simplified_silhouette};
