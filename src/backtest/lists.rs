//! The lists of every method for every member who is scored.

use super::{
    Case, Cases,
    methods::{Method, Ranked},
};
use crate::history::{ShardError, ShardSet};

/// Length of the lists.
pub const LENGTH: usize = 20;

/// A place on a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListEntry {
    /// The item.
    pub item: u32,
    /// The method's score; 0 where the list was filled up.
    pub score: f64,
    /// Whether the member's own history put it there.
    pub personal: bool,
}

/// The lists of one method.
#[derive(Debug, Clone, Default)]
pub struct MethodLists {
    mixed: Lists,
    explore: Lists,
}

#[derive(Debug, Clone, Default)]
struct Lists {
    /// Cases + 1 offsets.
    offsets: Vec<u32>,
    entries: Vec<ListEntry>,
}

impl Lists {
    fn new() -> Self {
        Self { offsets: vec![0], entries: Vec::new() }
    }

    fn push(&mut self, ranked: &[Ranked]) {
        self.entries.extend(ranked.iter().map(|r| ListEntry { item: r.item, score: r.score, personal: r.personal }));
        self.offsets.push(self.entries.len() as u32);
    }

    fn append(&mut self, other: &Self) {
        let base = self.entries.len() as u32;
        self.entries.extend_from_slice(&other.entries);
        self.offsets.extend(other.offsets.iter().skip(1).map(|o| o + base));
    }

    fn get(&self, case: usize) -> &[ListEntry] {
        &self.entries[self.offsets[case] as usize..self.offsets[case + 1] as usize]
    }
}

impl MethodLists {
    /// The list of a case, best first: whatever the method ranks highest.
    #[must_use]
    pub fn mixed(&self, case: usize) -> &[ListEntry] {
        self.mixed.get(case)
    }

    /// The list of a case without what the member has bought.
    #[must_use]
    pub fn explore(&self, case: usize) -> &[ListEntry] {
        self.explore.get(case)
    }
}

/// Ranks for every case with every method; one element a method, cases in their order.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn rank_all(
    shards: &ShardSet,
    cases: &Cases,
    methods: &[Box<dyn Method + '_>],
) -> Result<Vec<MethodLists>, ShardError> {
    let parts = shards.map(|index, shard| {
        let mine: &[Case] = &cases.all()[cases.of_shard(index)];
        let lists: Vec<MethodLists> = methods
            .iter()
            .map(|method| {
                let mut lists = MethodLists { mixed: Lists::new(), explore: Lists::new() };
                if mine.is_empty() {
                    return lists;
                }
                let mut ranker = method.ranker();
                let mut out = Vec::with_capacity(LENGTH);
                for case in mine {
                    ranker.read(shard, case);
                    ranker.best(LENGTH, false, &mut out);
                    lists.mixed.push(&out);
                    ranker.best(LENGTH, true, &mut out);
                    lists.explore.push(&out);
                }
                lists
            })
            .collect();
        Ok::<_, ShardError>(lists)
    })?;
    let mut all = vec![MethodLists { mixed: Lists::new(), explore: Lists::new() }; methods.len()];
    for part in parts {
        for (whole, more) in all.iter_mut().zip(&part) {
            whole.mixed.append(&more.mixed);
            whole.explore.append(&more.explore);
        }
    }
    Ok(all)
}
