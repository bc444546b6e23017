//! Every random choice has a seed that comes from the job.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The seed of one use of randomness: the job's seed mixed with a label that names the use.
#[must_use]
pub fn derive_seed(job_seed: u64, label: &str) -> u64 {
    xxh3_64_with_seed(label.as_bytes(), job_seed)
}

/// A generator for one use of randomness.
#[must_use]
pub fn rng(job_seed: u64, label: &str) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(derive_seed(job_seed, label))
}
