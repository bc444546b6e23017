//! How work is mapped over shards. On one machine that is rayon; nothing above this folder may know.

use rayon::prelude::*;

/// Maps `f` over `0..count` in parallel. Results come in index order whatever the thread count, so that folding them
/// from left to right is deterministic.
///
/// # Errors
/// The error of the lowest failing index.
pub fn map<T, E, F>(count: usize, f: F) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send,
    F: Fn(usize) -> Result<T, E> + Sync,
{
    let results: Vec<Result<T, E>> = (0..count).into_par_iter().with_max_len(1).map(&f).collect();
    results.into_iter().collect()
}
