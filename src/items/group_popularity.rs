//! What is popular within groups of members: their segment, the tier of their city.

use super::{
    MemberBaskets, View,
    decay::{DecayTable, ONE},
};
use crate::{
    base::{
        hash::{hash_in_share, salted_hash},
        pool::Pool,
    },
    history::{Shard, ShardError, ShardSet},
};

/// Members that are counted at most; more are sampled, fixed by hash.
const MOST_MEMBERS: u64 = 100_000;
const SALT: u64 = 0x67_72_6f_75_70;

/// No group.
pub const NO_GROUP: u16 = u16::MAX;

/// Recency-weighted baskets of groups of members, exact in 2³² ths of a basket of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPopularity {
    items: usize,
    /// Shape `(groups, items)`.
    weighted: Vec<u64>,
    /// By group.
    total: Vec<u64>,
}

impl GroupPopularity {
    /// Counts of `groups` groups; `of` gives the two groups of a member by shard and index ([`NO_GROUP`]: none). Weights
    /// are `2^(−age / half-life)`. Of more than 100,000 members a sample is counted.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn count(
        shards: &ShardSet,
        view: &View,
        items: usize,
        members: u64,
        half_life: f64,
        groups: usize,
        of: impl Fn(usize, usize) -> [u16; 2] + Sync,
    ) -> Result<Self, ShardError> {
        let decay = DecayTable::new(&[half_life]);
        let share = MOST_MEMBERS as f64 / members.max(1) as f64;
        let empty = || Self { items, weighted: vec![0; groups * items], total: vec![0; groups] };
        let pool = Pool::new(|| (empty(), MemberBaskets::default()));
        shards.map(|index, shard: &Shard| {
            pool.with(|(part, baskets)| {
                for member in 0..shard.members.len() {
                    let sampled =
                        share >= 1.0 || hash_in_share(salted_hash(shard.members.get(member).as_bytes(), SALT), share);
                    if sampled {
                        baskets.fill(shard, member, view);
                        part.add_member(baskets, &decay, of(index, member));
                    }
                }
            });
            Ok::<_, ShardError>(())
        })?;
        let mut whole = empty();
        for (part, _) in pool.into_all() {
            whole.weighted.iter_mut().zip(&part.weighted).for_each(|(sum, more)| *sum += more);
            whole.total.iter_mut().zip(&part.total).for_each(|(sum, more)| *sum += more);
        }
        Ok(whole)
    }

    fn add_member(&mut self, baskets: &MemberBaskets, decay: &DecayTable, groups: [u16; 2]) {
        for basket in 0..baskets.len() {
            let Some(&weight) = decay.at(baskets.age(basket)).first() else { continue };
            for group in groups.into_iter().filter(|g| *g != NO_GROUP).map(usize::from) {
                self.total[group] += weight;
                for item in baskets.items(basket) {
                    self.weighted[group * self.items + *item as usize] += weight;
                }
            }
        }
    }

    /// Baskets of a group, each by its weight.
    #[must_use]
    pub fn baskets(&self, group: usize) -> f64 {
        self.total.get(group).map_or(0.0, |sum| *sum as f64 / ONE as f64)
    }

    /// Those that hold an item.
    #[must_use]
    pub fn with_item(&self, group: usize, item: u32) -> f64 {
        self.weighted.get(group * self.items + item as usize).map_or(0.0, |sum| *sum as f64 / ONE as f64)
    }
}
