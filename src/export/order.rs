//! The order of every file: all members by the bytes of their ids, whatever shard they live in.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

use crate::base::IdTable;

/// Where a member's row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRef {
    shard: u32,
    index: u32,
}

/// Stands for the members who opted out of personalisation.
const GENERIC: u32 = u32::MAX;

impl MemberRef {
    /// Shard and index in it; `None` for a member who opted out of personalisation.
    #[must_use]
    pub fn personalised(self) -> Option<(usize, usize)> {
        (self.shard != GENERIC).then_some((self.shard as usize, self.index as usize))
    }
}

/// All members of a run in byte order of their ids.
#[derive(Debug)]
pub struct MemberOrder<'a> {
    shards: &'a [IdTable],
    generic: &'a IdTable,
    rows: Vec<MemberRef>,
}

impl<'a> MemberOrder<'a> {
    /// Merges the shards' sorted ids and, if `with_generic`, those of the members who opted out.
    #[must_use]
    pub fn new(shards: &'a [IdTable], generic: &'a IdTable, with_generic: bool) -> Self {
        let mut lists: Vec<(u32, &IdTable)> = shards.iter().enumerate().map(|(i, ids)| (i as u32, ids)).collect();
        if with_generic {
            lists.push((GENERIC, generic));
        }
        let mut heads: BinaryHeap<Reverse<(&str, u32, u32, usize)>> = lists
            .iter()
            .enumerate()
            .filter(|(_, (_, ids))| !ids.is_empty())
            .map(|(list, (shard, ids))| Reverse((ids.get(0), *shard, 0, list)))
            .collect();
        let mut rows = Vec::with_capacity(lists.iter().map(|(_, ids)| ids.len()).sum());
        while let Some(mut head) = heads.peek_mut() {
            let (_, shard, index, list) = head.0;
            rows.push(MemberRef { shard, index });
            let (ids, next) = (lists[list].1, index + 1);
            if (next as usize) < ids.len() {
                head.0 = (ids.get(next as usize), shard, next, list);
            } else {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        Self { shards, generic, rows }
    }

    /// The order without some members.
    #[must_use]
    pub fn without(mut self, members: &HashSet<String>) -> Self {
        if !members.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.rows = rows.into_iter().filter(|row| !members.contains(self.id(*row))).collect();
        }
        self
    }

    /// The members, lowest id first.
    #[must_use]
    pub fn rows(&self) -> &[MemberRef] {
        &self.rows
    }

    /// A member's id.
    #[must_use]
    pub fn id(&self, member: MemberRef) -> &'a str {
        let ids = if member.shard == GENERIC { self.generic } else { &self.shards[member.shard as usize] };
        ids.get(member.index as usize)
    }

    /// Number of blocks of `size` members.
    #[must_use]
    pub fn blocks(&self, size: usize) -> usize {
        self.rows.len().div_ceil(size)
    }

    /// The members of a block.
    #[must_use]
    pub fn block(&self, block: usize, size: usize) -> &[MemberRef] {
        let start = (block * size).min(self.rows.len());
        &self.rows[start..(start + size).min(self.rows.len())]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::hash::shard_of;

    proptest! {
        #[test]
        fn equals_sorting(ids in prop::collection::btree_set("[a-c0-9é]{1,4}", 0..60), shards in 1usize..5) {
            let (out, all): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| id.starts_with('9'));
            let tables: Vec<IdTable> = (0..shards)
                .map(|s| IdTable::from_unsorted(all.iter().filter(|id| shard_of(id.as_bytes(), shards) == s)))
                .collect();
            let generic = IdTable::from_unsorted(&out);
            let order = MemberOrder::new(&tables, &generic, true);
            let got: Vec<&str> = order.rows().iter().map(|m| order.id(*m)).collect();
            prop_assert!(got.iter().copied().eq(ids.iter().map(String::as_str)));
            prop_assert!(order.rows().iter().all(|m| m.personalised().is_none() == order.id(*m).starts_with('9')));
            prop_assert_eq!(MemberOrder::new(&tables, &generic, false).rows().len(), all.len());
        }
    }
}
