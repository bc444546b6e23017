//! Where members stood in the previous run.

use std::collections::HashMap;

use crate::base::{Day, IdTable};

/// A member's place in the previous run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PreviousPlace {
    /// Lasting id of the segment the member was in; 0 for who was not there.
    pub segment: i32,
    /// Lasting id of the nearest segment.
    pub nearest: i32,
    /// Day since which another segment than the member's has been the nearest; `None` where it was not.
    pub held_since: Option<Day>,
}

/// Members of the previous run in byte order, as `segments.parquet` lists them.
#[derive(Debug, Clone, Default)]
pub struct PreviousPlaces {
    members: IdTable,
    places: Vec<(i32, i32)>,
    held: HashMap<String, Day>,
}

/// The rows of a segments table are not what a run writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("members are not in rising order: `{member}` comes after `{before}`")]
pub struct PlacesUnsorted {
    /// The member of the row.
    pub member: String,
    /// The member of the row before.
    pub before: String,
}

impl PreviousPlaces {
    /// Adds a member with the ids of the own and of the nearest segment; members come in rising byte order.
    ///
    /// # Errors
    /// If the member does not sort after the last one.
    pub fn push(&mut self, member: &str, segment: i32, nearest: i32) -> Result<(), PlacesUnsorted> {
        if let Some(last) = self.members.len().checked_sub(1)
            && self.members.get(last) >= member
        {
            return Err(PlacesUnsorted { member: member.to_owned(), before: self.members.get(last).to_owned() });
        }
        self.members.push_sorted(member);
        self.places.push((segment, nearest));
        Ok(())
    }

    /// Says since when a member has been held in a segment that is not the nearest.
    pub fn push_held(&mut self, member: &str, since: Day) {
        self.held.insert(member.to_owned(), since);
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The places of members given by shard, in (shard, member) order.
    #[must_use]
    pub fn of(&self, shards: &[IdTable]) -> Vec<PreviousPlace> {
        let find = |id: &str| match self.members.find(id) {
            Some(at) => {
                let (segment, nearest) = self.places[at];
                PreviousPlace { segment, nearest, held_since: self.held.get(id).copied() }
            }
            None => PreviousPlace::default(),
        };
        shards.iter().flat_map(IdTable::iter).map(find).collect()
    }

    /// Members by id of their segment.
    pub(super) fn segments(&self) -> impl Iterator<Item = i32> + '_ {
        self.places.iter().map(|p| p.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_again() {
        let mut places = PreviousPlaces::default();
        places.push("a", 1, 1).unwrap();
        places.push("c", 2, 3).unwrap();
        assert!(places.push("b", 1, 1).is_err());
        places.push_held("c", Day(5));
        let shards = [IdTable::from_unsorted(["b", "c"]), IdTable::from_unsorted(["a"])];
        let found = places.of(&shards);
        assert_eq!(found[0], PreviousPlace::default());
        assert_eq!(found[1], PreviousPlace { segment: 2, nearest: 3, held_since: Some(Day(5)) });
        assert_eq!(found[2], PreviousPlace { segment: 1, nearest: 1, held_since: None });
    }
}
