//! Every member's baskets in two arrays, for methods that look at many members at once.

use crate::{
    history::{ShardError, ShardSet},
    items::{MemberBaskets, View},
};

/// The visible baskets of all members, oldest first, in (shard, member) order. About 4 bytes a distinct item of a basket.
/// Behind the last member stands one who bought nothing, for those whom the history does not know.
#[derive(Debug, Clone, Default)]
pub struct BasketStore {
    items: usize,
    members: usize,
    /// Shards + 1: number of the first member of each shard.
    shard_first: Vec<usize>,
    /// Members + 2 offsets into the baskets.
    member_baskets: Vec<usize>,
    /// Baskets + 1 offsets into `basket_items`.
    basket_offsets: Vec<usize>,
    /// Age of each basket: days before the cut, or baskets before the member's newest.
    ages: Vec<u32>,
    basket_items: Vec<u32>,
}

/// One shard's part.
#[derive(Default)]
struct Part {
    baskets: Vec<u32>,
    lengths: Vec<u32>,
    ages: Vec<u32>,
    items: Vec<u32>,
}

impl BasketStore {
    /// Reads what `view` lets see of every member, of `items` items.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn read(shards: &ShardSet, view: &View, items: usize) -> Result<Self, ShardError> {
        let parts = shards.map(|_, shard| {
            let mut part = Part::default();
            let mut baskets = MemberBaskets::default();
            for member in 0..shard.members.len() {
                baskets.fill(shard, member, view);
                part.baskets.push(baskets.len() as u32);
                for basket in 0..baskets.len() {
                    part.lengths.push(baskets.items(basket).len() as u32);
                    part.ages.push(u32::try_from(baskets.age(basket)).unwrap_or(u32::MAX));
                    part.items.extend_from_slice(baskets.items(basket));
                }
            }
            Ok::<_, ShardError>(part)
        })?;
        let mut store =
            Self { items, shard_first: vec![0], member_baskets: vec![0], basket_offsets: vec![0], ..Self::default() };
        let (mut baskets, mut events) = (0, 0);
        for part in parts {
            for n in &part.baskets {
                baskets += *n as usize;
                store.member_baskets.push(baskets);
            }
            for n in &part.lengths {
                events += *n as usize;
                store.basket_offsets.push(events);
            }
            store.ages.extend_from_slice(&part.ages);
            store.basket_items.extend_from_slice(&part.items);
            store.shard_first.push(store.member_baskets.len() - 1);
        }
        store.members = store.member_baskets.len() - 1;
        store.member_baskets.push(baskets);
        Ok(store)
    }

    /// Number of items there are.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of members.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members
    }

    /// The number of the member who bought nothing.
    #[must_use]
    pub fn nobody(&self) -> usize {
        self.members
    }

    /// A member's number over all shards.
    #[must_use]
    pub fn number(&self, shard: usize, member: usize) -> usize {
        self.shard_first[shard] + member
    }

    /// Number of a member's baskets.
    #[must_use]
    pub fn len_of(&self, member: usize) -> usize {
        self.member_baskets[member + 1] - self.member_baskets[member]
    }

    /// A member's baskets, oldest first: distinct items in rising order, with the age of each basket.
    pub fn baskets(&self, member: usize) -> impl DoubleEndedIterator<Item = (&[u32], u32)> + ExactSizeIterator {
        (self.member_baskets[member]..self.member_baskets[member + 1]).map(|basket| {
            let items = &self.basket_items[self.basket_offsets[basket]..self.basket_offsets[basket + 1]];
            (items, self.ages[basket])
        })
    }

    /// The items of all of a member's baskets, one after the other.
    #[must_use]
    pub fn events(&self, member: usize) -> &[u32] {
        let (from, to) = (self.member_baskets[member], self.member_baskets[member + 1]);
        &self.basket_items[self.basket_offsets[from]..self.basket_offsets[to]]
    }

    /// Baskets that hold each item; with `within`, only those younger than it.
    #[must_use]
    pub fn item_baskets(&self, within: Option<u32>) -> Vec<u64> {
        let mut counts = vec![0; self.items];
        for (basket, age) in self.ages.iter().enumerate() {
            if within.is_none_or(|limit| *age < limit) {
                for item in &self.basket_items[self.basket_offsets[basket]..self.basket_offsets[basket + 1]] {
                    counts[*item as usize] += 1;
                }
            }
        }
        counts
    }
}

/// How often each member bought each item: rows of members, in compressed form, and the same turned round.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Members + 2 offsets: behind the last member stands one who bought nothing.
    pub member_offsets: Vec<usize>,
    /// Item and number of baskets, items rising.
    pub by_member: Vec<(u32, u32)>,
    /// Items + 1 offsets.
    pub item_offsets: Vec<usize>,
    /// Member and number of baskets, members rising.
    pub by_item: Vec<(u32, u32)>,
}

impl Counts {
    /// Counts the baskets of a store.
    #[must_use]
    pub fn of(store: &BasketStore) -> Self {
        let mut counts = Self { member_offsets: vec![0], item_offsets: vec![0; store.items() + 1], ..Self::default() };
        let mut events: Vec<u32> = Vec::new();
        for member in 0..store.members() {
            events.clear();
            events.extend_from_slice(store.events(member));
            events.sort_unstable();
            let start = counts.by_member.len();
            for item in &events {
                match counts.by_member[start..].last_mut() {
                    Some((last, n)) if last == item => *n += 1,
                    _ => counts.by_member.push((*item, 1)),
                }
            }
            for (item, _) in &counts.by_member[start..] {
                counts.item_offsets[*item as usize + 1] += 1;
            }
            counts.member_offsets.push(counts.by_member.len());
        }
        counts.member_offsets.push(counts.by_member.len());
        for item in 0..store.items() {
            counts.item_offsets[item + 1] += counts.item_offsets[item];
        }
        let mut next = counts.item_offsets.clone();
        counts.by_item = vec![(0, 0); counts.by_member.len()];
        for member in 0..store.members() {
            for (item, n) in &counts.by_member[counts.member_offsets[member]..counts.member_offsets[member + 1]] {
                counts.by_item[next[*item as usize]] = (member as u32, *n);
                next[*item as usize] += 1;
            }
        }
        counts
    }

    /// What a member bought: item and number of baskets, items rising.
    #[must_use]
    pub fn member(&self, member: usize) -> &[(u32, u32)] {
        &self.by_member[self.member_offsets[member]..self.member_offsets[member + 1]]
    }

    /// Who bought an item: member and number of baskets, members rising.
    #[must_use]
    pub fn item(&self, item: usize) -> &[(u32, u32)] {
        &self.by_item[self.item_offsets[item]..self.item_offsets[item + 1]]
    }

    /// Number of members.
    #[must_use]
    pub fn members(&self) -> usize {
        self.member_offsets.len().saturating_sub(2)
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.item_offsets.len().saturating_sub(1)
    }
}
