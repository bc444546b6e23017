//! The stable hash that decides where a member lives.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Seed of every id hash. Part of the format: a change moves every member to another shard.
pub const ID_SEED: u64 = 0x6e65_7874_6f66_6665;

/// XXH3-64 of an id's canonical UTF-8 bytes.
#[must_use]
pub fn id_hash(id: &[u8]) -> u64 {
    xxh3_64_with_seed(id, ID_SEED)
}

/// The hash of the last id that was asked for: ids of lines that follow each other are mostly the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastHash<'a>(Option<(&'a str, u64)>);

impl<'a> LastHash<'a> {
    /// [`id_hash`] of an id.
    pub fn of(&mut self, id: &'a str) -> u64 {
        match self.0 {
            Some((last, hash)) if last == id => hash,
            _ => self.0.insert((id, id_hash(id.as_bytes()))).1,
        }
    }
}

/// XXH3-64 of `bytes` under a seed of the caller's, for sticky choices that must not follow the sharding
/// (holdout, samples, panels).
#[must_use]
pub fn salted_hash(bytes: &[u8], salt: u64) -> u64 {
    xxh3_64_with_seed(bytes, salt)
}

/// The shard of an id: hash mod `shards`.
#[must_use]
pub fn shard_of(id: &[u8], shards: usize) -> usize {
    (id_hash(id) % shards as u64) as usize
}

/// Whether a salted hash falls into the first `share` (0…1) of the hash space.
#[must_use]
pub fn hash_in_share(hash: u64, share: f64) -> bool {
    // The top 53 bits as a fraction in [0, 1): exact in f64.
    ((hash >> 11) as f64) * (1.0 / (1u64 << 53) as f64) < share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_part_of_the_format() {
        assert_eq!(id_hash(b"12345"), xxh3_64_with_seed(b"12345", ID_SEED));
        assert_eq!(shard_of(b"m-1", 64), (id_hash(b"m-1") % 64) as usize);
    }

    #[test]
    fn share_bounds() {
        assert!(!hash_in_share(0, 0.0));
        assert!(hash_in_share(u64::MAX, 1.0));
        let hits = (0..10_000u64).filter(|i| hash_in_share(salted_hash(&i.to_le_bytes(), 7), 0.1)).count();
        assert!((850..1150).contains(&hits), "{hits}");
    }
}
