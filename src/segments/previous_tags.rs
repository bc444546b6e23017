//! The tags of the previous run: who held what since when.

use std::collections::HashMap;

use crate::base::{Day, IdTable};

/// Members and their tags in byte order, as `tags.parquet` lists them.
#[derive(Debug, Clone, Default)]
pub struct PreviousTags {
    members: IdTable,
    /// Start of each member's tags; the end of the last is the end of `held`.
    starts: Vec<u32>,
    codes: HashMap<String, u32>,
    held: Vec<(u32, Day)>,
}

/// The rows of a tags table are not what a run writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviousTagsError {
    /// Rows must be sorted by member.
    #[error("previous tags: member `{member}` comes after `{before}`, but the table is sorted by member")]
    Unsorted {
        /// The member of the row.
        member: String,
        /// The member of the row before.
        before: String,
    },
}

impl PreviousTags {
    /// Adds a row; rows come sorted by member.
    ///
    /// # Errors
    /// If the member sorts before the last row's.
    pub fn push(&mut self, member: &str, tag: &str, since: Day) -> Result<(), PreviousTagsError> {
        let last = self.members.len().checked_sub(1).map(|i| self.members.get(i));
        match last.map(|before| before.cmp(member)) {
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Greater) => {
                let before = last.unwrap_or_default().to_owned();
                return Err(PreviousTagsError::Unsorted { member: member.to_owned(), before });
            }
            _ => {
                self.members.push_sorted(member);
                self.starts.push(self.held.len() as u32);
            }
        }
        let code = match self.codes.get(tag) {
            Some(code) => *code,
            None => {
                let next = self.codes.len() as u32;
                self.codes.insert(tag.to_owned(), next);
                next
            }
        };
        self.held.push((code, since));
        Ok(())
    }

    /// The code a tag has in [`PreviousTags::held_by`], if anyone held it.
    pub(super) fn code(&self, tag: &str) -> Option<u32> {
        self.codes.get(tag).copied()
    }

    /// The tags of a member. `from` is where the search starts and is moved on: members are asked for in byte order.
    pub(super) fn held_by(&self, member: &str, from: &mut usize) -> &[(u32, Day)] {
        // Steps that double, then halves: members of one shard lie a shard count apart.
        let (mut low, mut step) = (*from, 1);
        while low + step < self.members.len() && self.members.get(low + step) < member {
            low += step;
            step *= 2;
        }
        let mut high = (low + step + 1).min(self.members.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.members.get(middle) < member { low = middle + 1 } else { high = middle }
        }
        *from = low;
        if low == self.members.len() || self.members.get(low) != member {
            return &[];
        }
        let end = self.starts.get(low + 1).map_or(self.held.len(), |s| *s as usize);
        &self.held[self.starts[low] as usize..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_passing() {
        let mut tags = PreviousTags::default();
        let ids: Vec<String> = (0..500).map(|i| format!("m{:04}", i * 2)).collect();
        for (i, id) in ids.iter().enumerate() {
            tags.push(id, "lc_active", Day(i as i32)).unwrap();
            tags.push(id, "seg_01", Day(7)).unwrap();
        }
        for stride in [1, 2, 7, 64, 300] {
            let mut from = 0;
            for i in (0..1000).step_by(stride) {
                let held = tags.held_by(&format!("m{i:04}"), &mut from);
                if i % 2 == 0 {
                    assert_eq!(held, [(0, Day(i / 2)), (1, Day(7))], "{i}");
                } else {
                    assert!(held.is_empty(), "{i}");
                }
            }
        }
        assert!(PreviousTags::default().held_by("a", &mut 0).is_empty());
        assert!(matches!(tags.push("a", "x", Day(0)), Err(PreviousTagsError::Unsorted { .. })));
        assert_eq!(tags.code("seg_01"), Some(1));
    }
}
