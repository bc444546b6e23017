//! Which members the centroids are fitted on.

use crate::base::{hash::salted_hash, seed::derive_seed};

/// The rows of the `limit` members whose salted id hashes lowest, in row order; `None` if there are no more than
/// `limit`. `ids` come in row order. A member's part in the sample does not depend on the other members' order, and
/// hardly on their number.
pub fn fit_sample<'a>(ids: impl Iterator<Item = &'a str>, limit: usize, job_seed: u64) -> Option<Vec<u32>> {
    let salt = derive_seed(job_seed, "segments/fit-sample");
    let mut hashes: Vec<(u64, u32)> =
        ids.zip(0u32..).map(|(id, row)| (salted_hash(id.as_bytes(), salt), row)).collect();
    if hashes.len() <= limit {
        return None;
    }
    if limit > 0 {
        hashes.select_nth_unstable(limit - 1);
    }
    let mut rows: Vec<u32> = hashes[..limit].iter().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_matter_of_ids() {
        let ids: Vec<String> = (0..1000).map(|i| format!("m{i}")).collect();
        let picked = |ids: &[String], limit| {
            fit_sample(ids.iter().map(String::as_str), limit, 7)
                .map(|rows| rows.iter().map(|r| ids[*r as usize].clone()).collect::<std::collections::BTreeSet<_>>())
        };
        assert_eq!(picked(&ids, 1000), None);
        let some = picked(&ids, 100).unwrap();
        assert_eq!(some.len(), 100);
        let turned: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(picked(&turned, 100).unwrap(), some);
        assert!(some.is_subset(&picked(&ids, 200).unwrap()));
    }
}
