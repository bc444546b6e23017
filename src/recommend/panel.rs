//! The nearest members of a reference panel, and what they bought next.
//!
//! `N(u,i) = Σ_v s(u,v) · [i in the newest basket of v] / Σ_v s(u,v)` over the members v of the panel that are most like
//! member u: user-based collaborative filtering (Herlocker et al. 1999) on decayed purchases, as in TIFU-KNN (Hu et al.
//! 2020), with a member's *next* basket in the place of their whole history. s is the cosine of vectors
//! `profile_i · ln((M + 1) / (m_i + 1))` (M members, m_i of whom bought i); that of a panel member leaves out the newest
//! basket, which is what came next.
//!
//! The panel holds at most [`MEMBERS`] members, those of the lowest salted hash, and each item's list at most
//! [`LISTED`] of them, those in whose vector the item weighs most (champion lists: Manning et al. 2008, ch. 7), so that a
//! member costs a bounded number of steps however large the shop is. It is built anew from the histories whenever it is
//! used and never written: who is not in tonight's histories (no lawful basis, opted out, forgotten) is not in it.

use super::{
    vectors::{rarity, taste, taste_before},
    workspace::{OwnItem, Sparse},
};
use crate::{
    base::hash::salted_hash,
    history::{Shard, ShardError, ShardSet},
    items::{ItemStatistics, MemberBaskets, View},
};

/// Most members of the panel.
pub(super) const MEMBERS: usize = 200_000;

/// Members of the panel that an item's list names.
pub(super) const LISTED: usize = 512;

/// Nearest members that are asked.
pub(super) const NEAREST: usize = 400;

/// Items of a member's vector that are looked up: those that weigh most.
const LOOKED_UP: usize = 16;

/// Items of a panel member's newest basket that count; more is stock-taking, not taste.
const LARGEST_BASKET: usize = 512;

/// Salt of the panel's hash. Part of the format.
const SALT: u64 = 0x7061_6e65_6c21_7061;

/// The hash that decides who is in the panel, and tells its members apart.
fn panel_hash(id: &str) -> u64 {
    salted_hash(id.as_bytes(), SALT)
}

/// The panel, by item.
#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    rarity: Vec<f32>,
    /// Items + 1 offsets into `listed`.
    offsets: Vec<u32>,
    /// Members of the panel with the item's weight in their vector (of length 1), in rising order.
    listed: Vec<(u32, f32)>,
    /// Hashes of the members, rising.
    who: Vec<u64>,
    /// Members + 1 offsets into `next`.
    next_offsets: Vec<u32>,
    next: Vec<u32>,
}

/// A panel member in the making.
struct Reference {
    who: u64,
    vector: Vec<(u32, f32)>,
    next: Vec<u32>,
}

/// Space to look neighbours up with.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    similarity: Vec<f32>,
    touched: Vec<u32>,
    pub(super) vector: Vec<(u32, f32)>,
    /// Whether the member at hand was looked up.
    pub(super) known: bool,
    /// The nearest members by place in the panel, with their shares of the similarity.
    pub(super) found: Vec<(u32, f32)>,
    /// `N(u,i)`.
    pub(super) shares: Sparse,
}

impl Nearest {
    pub(super) fn clear(&mut self) {
        self.known = false;
        self.found.clear();
        self.shares.clear();
    }
}

impl Panel {
    /// The panel of what `view` lets see. `statistics` must come from the same shards and view.
    pub(super) fn fit(
        shards: &ShardSet,
        view: &View,
        statistics: &ItemStatistics,
        most: usize,
    ) -> Result<Self, ShardError> {
        let regular = |shard: &Shard, member: usize| {
            shard.orders_of(member).len() > 1 && view.sample().has_member(shard.members.get(member))
        };
        let hashes: Vec<Vec<u64>> = shards.map(|_, shard| {
            let members = (0..shard.members.len()).filter(|m| regular(shard, *m));
            Ok::<_, ShardError>(members.map(|m| panel_hash(shard.members.get(m))).collect())
        })?;
        let mut hashes = hashes.concat();
        let last = if hashes.len() > most { *hashes.select_nth_unstable(most.saturating_sub(1)).1 } else { u64::MAX };
        let rarity = rarity(statistics);
        let parts: Vec<Vec<Reference>> = shards.map(|_, shard| {
            let (mut baskets, mut profile) = (MemberBaskets::default(), Sparse::new(rarity.len()));
            let mut found = Vec::new();
            for member in 0..shard.members.len() {
                let who = panel_hash(shard.members.get(member));
                if who <= last && regular(shard, member) {
                    baskets.fill(shard, member, view);
                    found.extend(reference(who, &baskets, &rarity, &mut profile));
                }
            }
            Ok::<_, ShardError>(found)
        })?;
        let mut members: Vec<Reference> = parts.into_iter().flatten().collect();
        members.sort_unstable_by_key(|m| m.who);
        Ok(Self::new(&members, rarity))
    }

    fn new(members: &[Reference], rarity: Vec<f32>) -> Self {
        let mut lists: Vec<Vec<(u32, f32)>> = vec![Vec::new(); rarity.len()];
        let mut panel = Self { rarity, offsets: vec![0], next_offsets: vec![0], ..Self::default() };
        for (place, member) in members.iter().enumerate() {
            for &(item, weight) in &member.vector {
                lists[item as usize].push((place as u32, weight));
            }
            panel.who.push(member.who);
            panel.next.extend_from_slice(&member.next);
            panel.next_offsets.push(panel.next.len() as u32);
        }
        for mut list in lists {
            if list.len() > LISTED {
                list.select_nth_unstable_by(LISTED, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                list.truncate(LISTED);
                list.sort_unstable_by_key(|entry| entry.0);
            }
            panel.listed.extend_from_slice(&list);
            panel.offsets.push(panel.listed.len() as u32);
        }
        panel
    }

    /// Members in it.
    pub(super) fn len(&self) -> usize {
        self.who.len()
    }

    /// What the panel member at `place` bought next, in rising order.
    pub(super) fn next(&self, place: u32) -> &[u32] {
        let place = place as usize;
        &self.next[self.next_offsets[place] as usize..self.next_offsets[place + 1] as usize]
    }

    /// Finds the members that are most like `own`, other than `id` itself, and the shares of what they bought next.
    pub(super) fn find(&self, id: &str, own: &[OwnItem], near: &mut Nearest) {
        near.clear();
        near.known = true;
        if self.len() == 0 {
            return;
        }
        if near.similarity.len() < self.who.len() {
            near.similarity.resize(self.who.len(), 0.0);
            near.shares = Sparse::new(self.rarity.len());
        }
        taste(own, &self.rarity, &mut near.vector);
        if near.vector.len() > LOOKED_UP {
            near.vector.select_nth_unstable_by(LOOKED_UP, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            near.vector.truncate(LOOKED_UP);
            near.vector.sort_unstable_by_key(|entry| entry.0);
        }
        for &(item, weight) in &near.vector {
            for &(place, other) in self.listed(item) {
                let sum = &mut near.similarity[place as usize];
                if *sum == 0.0 {
                    near.touched.push(place);
                }
                *sum += weight * other;
            }
        }
        let itself = self.who.binary_search(&panel_hash(id)).ok();
        for place in near.touched.drain(..) {
            let similarity = std::mem::take(&mut near.similarity[place as usize]);
            if Some(place as usize) != itself {
                near.found.push((place, similarity));
            }
        }
        if near.found.len() > NEAREST {
            near.found.select_nth_unstable_by(NEAREST, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            near.found.truncate(NEAREST);
        }
        near.found.sort_unstable_by_key(|found| found.0);
        let whole: f32 = near.found.iter().map(|found| found.1).sum();
        for at in 0..near.found.len() {
            let (place, similarity) = near.found[at];
            near.found[at].1 = similarity / whole;
            for &item in self.next(place) {
                near.shares.add(item, similarity / whole);
            }
        }
    }

    /// How many of the nearest members bought `item` next.
    pub(super) fn buyers(&self, item: u32, near: &Nearest) -> u32 {
        near.found.iter().filter(|(place, _)| self.next(*place).binary_search(&item).is_ok()).count() as u32
    }

    /// The members that the item's list names.
    pub(super) fn listed(&self, item: u32) -> &[(u32, f32)] {
        &self.listed[self.offsets[item as usize] as usize..self.offsets[item as usize + 1] as usize]
    }
}

/// The taste of a member before the newest basket, and that basket.
fn reference(who: u64, baskets: &MemberBaskets, rarity: &[f32], profile: &mut Sparse) -> Option<Reference> {
    let newest = baskets.len().checked_sub(1).filter(|newest| *newest > 0)?;
    let next = baskets.items(newest);
    let vector = taste_before(newest, baskets, rarity, profile);
    let speaks = !vector.is_empty() && next.len() <= LARGEST_BASKET;
    speaks.then(|| Reference { who, vector, next: next.to_vec() })
}
