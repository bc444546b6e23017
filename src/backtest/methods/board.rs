//! Scores of one member by item, and the best of them; ties go to the more popular item, empty places to popular ones.

use super::Ranked;
use crate::{backtest::BasketStore, base::top_k::TopK};

/// Items by popularity.
#[derive(Debug, Clone)]
pub struct Popularity {
    /// Baskets that hold each item.
    pub baskets: Vec<u64>,
    /// Items in at least one basket, most popular first, ties by index.
    pub order: Vec<u32>,
    /// Place of each item in the order; items in no basket come behind.
    pub rank: Vec<u32>,
}

impl Popularity {
    /// By number of baskets; with `within`, of those younger than it.
    #[must_use]
    pub fn of(store: &BasketStore, within: Option<u32>) -> Self {
        let baskets = store.item_baskets(within);
        let mut order: Vec<u32> = (0..baskets.len() as u32).collect();
        order.sort_unstable_by(|a, b| baskets[*b as usize].cmp(&baskets[*a as usize]).then(a.cmp(b)));
        let mut rank = vec![0; baskets.len()];
        for (at, item) in order.iter().enumerate() {
            rank[*item as usize] = at as u32;
        }
        order.retain(|item| baskets[*item as usize] > 0);
        Self { baskets, order, rank }
    }
}

/// Scores of the member at hand.
pub(super) struct Board<'a> {
    popularity: &'a Popularity,
    scores: Vec<f64>,
    touched: Vec<u32>,
    /// Stamp of the member who last bought the item.
    own: Vec<u32>,
    stamp: u32,
    listed: Vec<u32>,
    listed_stamp: u32,
    top: Vec<(f64, u32)>,
}

impl<'a> Board<'a> {
    pub(super) fn new(popularity: &'a Popularity) -> Self {
        let items = popularity.rank.len();
        Self {
            popularity,
            scores: vec![0.0; items],
            touched: Vec::new(),
            own: vec![0; items],
            stamp: 0,
            listed: vec![0; items],
            listed_stamp: 0,
            top: Vec::new(),
        }
    }

    /// Turns to a member who bought `own`; all scores are 0.
    pub(super) fn clear(&mut self, own: impl Iterator<Item = u32>) {
        for item in self.touched.drain(..) {
            self.scores[item as usize] = 0.0;
        }
        self.stamp += 1;
        for item in own {
            self.own[item as usize] = self.stamp;
        }
    }

    /// Adds to an item's score; what is added is not negative.
    pub(super) fn add(&mut self, item: u32, score: f64) {
        let sum = &mut self.scores[item as usize];
        if *sum == 0.0 && score > 0.0 {
            self.touched.push(item);
        }
        *sum += score;
    }

    /// The best by score, ties by popularity; then popular items until the list is full.
    pub(super) fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        out.clear();
        let mut top = TopK::new(n);
        for item in &self.touched {
            if !(explore && self.own[*item as usize] == self.stamp) {
                top.push(self.scores[*item as usize], self.popularity.rank[*item as usize]);
            }
        }
        top.drain_sorted(&mut self.top);
        self.listed_stamp += 1;
        for (score, rank) in &self.top {
            let item = self.popularity.order[*rank as usize];
            self.listed[item as usize] = self.listed_stamp;
            out.push(Ranked { item, score: *score, personal: true });
        }
        for item in &self.popularity.order {
            if out.len() >= n {
                break;
            }
            if self.listed[*item as usize] != self.listed_stamp && !(explore && self.own[*item as usize] == self.stamp)
            {
                out.push(Ranked { item: *item, score: 0.0, personal: false });
            }
        }
    }
}
