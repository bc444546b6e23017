//! Who is scored, and on what.

use std::collections::HashSet;

use super::{BasketStore, Future, Window};
use crate::{
    base::{IdTable, hash::salted_hash, seed::derive_seed},
    history::{ShardError, ShardSet},
};

/// Who is scored.
#[derive(Debug, Clone, Copy)]
pub struct CaseRules<'a> {
    /// Baskets in the history at least; 0: members whom the history does not know as well.
    pub min_baskets: u32,
    /// Whether items that the history does not know are left out of the truth; else they count as missed.
    pub known_items_only: bool,
    /// The only members to score, if not all.
    pub only: Option<&'a HashSet<String>>,
    /// Most members to score; more are sampled by hash.
    pub max_members: usize,
    /// The job's seed.
    pub seed: u64,
}

/// A member to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The member's shard.
    pub shard: u32,
    /// The member's place in the shard; [`Case::NEW`] for one whom the history does not know.
    pub member: u32,
    /// The member's number over all shards; [`BasketStore::nobody`] for one whom the history does not know.
    pub number: u32,
    /// Where the truth begins and ends.
    from: u32,
    to: u32,
}

impl Case {
    /// The place of members whom the history does not know.
    pub const NEW: u32 = u32::MAX;

    /// Whether the history does not know the member.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.member == Self::NEW
    }

    /// A case without a truth.
    #[cfg(test)]
    pub(super) fn of(shard: usize, member: usize, number: usize) -> Self {
        Self { shard: shard as u32, member: member as u32, number: number as u32, from: 0, to: 0 }
    }
}

/// A member who may be scored.
struct Found {
    hash: u64,
    member: u32,
    id: String,
    truth: Vec<u32>,
}

/// The members to score with what they bought.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    cases: Vec<Case>,
    /// Ids of the members, by case.
    ids: Vec<String>,
    /// Offsets of the shards' cases, one more than shards.
    shard_offsets: Vec<usize>,
    /// Items of the history, rising; behind them those the history does not know, numbered from the number of items on.
    truth: Vec<u32>,
    /// Whether the member had bought it before.
    repeats: Vec<bool>,
    /// Members that could have been scored, before sampling.
    candidates: usize,
}

impl Cases {
    /// Finds the members to score: those of the histories with a truth in the window who meet the rules.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn find(
        shards: &ShardSet,
        store: &BasketStore,
        items: &IdTable,
        future: &Future,
        window: Window,
        rules: &CaseRules<'_>,
    ) -> Result<Self, ShardError> {
        let sold = store.item_baskets(None);
        // Index in the history, or a number of its own for what the history does not know.
        let index: Vec<Option<u32>> = (future.items().iter().enumerate())
            .map(|(at, id)| match items.find(id) {
                Some(item) if !rules.known_items_only || sold[item] > 0 => Some(item as u32),
                Some(_) => None,
                None => (!rules.known_items_only).then_some((items.len() + at) as u32),
            })
            .collect();
        let salt = derive_seed(rules.seed, "backtest members");
        let parts = shards.map(|shard_index, shard| {
            let mut part: Vec<Found> = Vec::new();
            let mut bought = Vec::new();
            let mut find = |member: u32, id: &str| {
                if rules.only.is_some_and(|only| !only.contains(id)) {
                    return;
                }
                future.bought(shard_index, id, window, &mut bought);
                let mut truth: Vec<u32> = bought.iter().filter_map(|item| index[*item as usize]).collect();
                truth.sort_unstable();
                if !truth.is_empty() {
                    let hash = salted_hash(id.as_bytes(), salt);
                    part.push(Found { hash, member, id: id.to_owned(), truth });
                }
            };
            for member in 0..shard.members.len() {
                if store.len_of(store.number(shard_index, member)) >= rules.min_baskets as usize {
                    find(member as u32, shard.members.get(member));
                }
            }
            if rules.min_baskets == 0 {
                let new = future.members(shard_index).iter().filter(|id| shard.members.find(id).is_none());
                new.for_each(|id| find(Case::NEW, id));
            }
            Ok::<_, ShardError>(part)
        })?;
        let mut hashes: Vec<u64> = parts.iter().flatten().map(|found| found.hash).collect();
        let candidates = hashes.len();
        let last = match candidates > rules.max_members {
            true => *hashes.select_nth_unstable(rules.max_members.saturating_sub(1)).1,
            false => u64::MAX,
        };
        let mut out = Self { shard_offsets: vec![0], candidates, ..Self::default() };
        let mut own = Vec::new();
        for (shard, part) in parts.into_iter().enumerate() {
            for Found { member, id, truth, .. } in part.into_iter().filter(|found| found.hash <= last) {
                let number = if member == Case::NEW { store.nobody() } else { store.number(shard, member as usize) };
                own.clear();
                own.extend_from_slice(store.events(number));
                own.sort_unstable();
                let from = out.truth.len() as u32;
                out.repeats.extend(truth.iter().map(|item| own.binary_search(item).is_ok()));
                out.truth.extend(truth);
                let to = out.truth.len() as u32;
                out.cases.push(Case { shard: shard as u32, member, number: number as u32, from, to });
                out.ids.push(id);
            }
            out.shard_offsets.push(out.cases.len());
        }
        Ok(out)
    }

    /// Ids of the members, by case.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Number of members whom the history does not know.
    #[must_use]
    pub fn new_members(&self) -> usize {
        self.cases.iter().filter(|case| case.is_new()).count()
    }

    /// The members, in (shard, member) order.
    #[must_use]
    pub fn all(&self) -> &[Case] {
        &self.cases
    }

    /// Places of a shard's members among [`Cases::all`].
    #[must_use]
    pub fn of_shard(&self, shard: usize) -> std::ops::Range<usize> {
        self.shard_offsets[shard]..self.shard_offsets[shard + 1]
    }

    /// Number of members to score.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether nobody is scored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Members that could have been scored, before sampling.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.candidates
    }

    /// What the member bought: items, rising.
    #[must_use]
    pub fn truth(&self, case: &Case) -> &[u32] {
        &self.truth[case.from as usize..case.to as usize]
    }

    /// For each item of the truth whether the member had bought it before.
    #[must_use]
    pub fn repeats(&self, case: &Case) -> &[bool] {
        &self.repeats[case.from as usize..case.to as usize]
    }
}
