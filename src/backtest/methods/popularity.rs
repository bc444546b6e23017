//! What the shop buys, and what the member buys.

use super::{Method, Popularity, Ranked, Ranker, board::Board};
use crate::{
    backtest::{BasketStore, Case, Counts},
    history::Shard,
};

/// The shop's most popular items, the same for everyone.
#[derive(Debug)]
pub struct Popular<'a> {
    name: &'static str,
    settings: String,
    popularity: &'a Popularity,
    store: &'a BasketStore,
}

impl<'a> Popular<'a> {
    /// Items by number of baskets.
    #[must_use]
    pub fn new(name: &'static str, settings: String, popularity: &'a Popularity, store: &'a BasketStore) -> Self {
        Self { name, settings, popularity, store }
    }
}

impl Method for Popular<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(PopularRanker { method: self, board: Board::new(self.popularity) })
    }
}

struct PopularRanker<'a> {
    method: &'a Popular<'a>,
    board: Board<'a>,
}

impl Ranker for PopularRanker<'_> {
    fn read(&mut self, _: &Shard, case: &Case) {
        self.board.clear(self.method.store.events(case.number as usize).iter().copied());
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        self.board.best(n, explore, out);
        for ranked in out {
            ranked.score = self.method.popularity.baskets[ranked.item as usize] as f64;
        }
    }
}

/// What most of the member's own baskets hold, ties by popularity; then what is popular.
#[derive(Debug)]
pub struct Personal<'a> {
    popularity: &'a Popularity,
    counts: &'a Counts,
}

impl<'a> Personal<'a> {
    /// Items by number of the member's baskets.
    #[must_use]
    pub fn new(popularity: &'a Popularity, counts: &'a Counts) -> Self {
        Self { popularity, counts }
    }
}

impl Method for Personal<'_> {
    fn name(&self) -> &str {
        "personal frequency"
    }

    fn settings(&self) -> String {
        "ties by popularity".to_owned()
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(PersonalRanker { counts: self.counts, board: Board::new(self.popularity) })
    }
}

struct PersonalRanker<'a> {
    counts: &'a Counts,
    board: Board<'a>,
}

impl Ranker for PersonalRanker<'_> {
    fn read(&mut self, _: &Shard, case: &Case) {
        let mine = self.counts.member(case.number as usize);
        self.board.clear(mine.iter().map(|(item, _)| *item));
        for (item, n) in mine {
            self.board.add(*item, f64::from(*n));
        }
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        self.board.best(n, explore, out);
    }
}
