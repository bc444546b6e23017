//! UP-CF (Faggioli, Polato, Aiolli: Recency Aware Collaborative Filtering for Next Basket Recommendation, UMAP 2020).
//!
//! `s(u, i) = Σ_v sim(u, v)^q · pop(v, i)` over all members v, u among them. `pop(v, i)` is the share of v's last r baskets
//! that hold i; `sim(u, v) = |I_u ∩ I_v| / (|I_u|^a · |I_v|^(1 − a))` over the sets of items ever bought, 1 for v = u.
//! Published settings for Ta-Feng: r = 10, a = .25, q = 5.

use super::{Method, Popularity, Ranked, Ranker, board::Board};
use crate::{
    backtest::{BasketStore, Case, Counts},
    history::Shard,
};

/// The numbers of UP-CF.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpCfSettings {
    /// r: baskets that count.
    pub recent: usize,
    /// a: asymmetry.
    pub asymmetry: f64,
    /// q: locality.
    pub locality: i32,
}

impl UpCfSettings {
    /// Published for Ta-Feng.
    pub const PUBLISHED: Self = Self { recent: 10, asymmetry: 0.25, locality: 5 };
}

/// UP-CF, fitted.
pub struct UpCf<'a> {
    fitted: UpCfSettings,
    counts: &'a Counts,
    popularity: &'a Popularity,
    /// Members + 1 offsets.
    offsets: Vec<usize>,
    /// Item and share of the member's recent baskets.
    shares: Vec<(u32, f64)>,
}

impl<'a> UpCf<'a> {
    /// Works out what every member bought lately.
    #[must_use]
    pub fn fit(settings: UpCfSettings, store: &BasketStore, counts: &'a Counts, popularity: &'a Popularity) -> Self {
        let mut method = Self { fitted: settings, counts, popularity, offsets: vec![0], shares: Vec::new() };
        let mut events: Vec<u32> = Vec::new();
        for member in 0..store.members() {
            events.clear();
            let recent = store.len_of(member).min(settings.recent);
            for (items, _) in store.baskets(member).rev().take(recent) {
                events.extend_from_slice(items);
            }
            events.sort_unstable();
            let start = method.shares.len();
            for item in &events {
                match method.shares[start..].last_mut() {
                    Some((last, n)) if last == item => *n += 1.0,
                    _ => method.shares.push((*item, 1.0)),
                }
            }
            for (_, share) in &mut method.shares[start..] {
                *share /= recent as f64;
            }
            method.offsets.push(method.shares.len());
        }
        method
    }
}

impl Method for UpCf<'_> {
    fn name(&self) -> &str {
        "UP-CF"
    }

    fn settings(&self) -> String {
        let UpCfSettings { recent, asymmetry, locality } = self.fitted;
        format!("recency {recent}, asymmetry {asymmetry}, locality {locality}")
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(UpCfRanker {
            method: self,
            board: Board::new(self.popularity),
            shared: vec![0; self.counts.members()],
            touched: Vec::new(),
        })
    }
}

struct UpCfRanker<'a> {
    method: &'a UpCf<'a>,
    board: Board<'a>,
    /// Items shared with each other member.
    shared: Vec<u32>,
    touched: Vec<u32>,
}

impl Ranker for UpCfRanker<'_> {
    fn read(&mut self, _: &Shard, case: &Case) {
        let UpCf { fitted, counts, offsets, shares, .. } = self.method;
        let own = counts.member(case.number as usize);
        self.board.clear(own.iter().map(|(item, _)| *item));
        for (item, _) in own {
            for (other, _) in counts.item(*item as usize) {
                if self.shared[*other as usize] == 0 {
                    self.touched.push(*other);
                }
                self.shared[*other as usize] += 1;
            }
        }
        // In a fixed order, for the sums are of floats.
        self.touched.sort_unstable();
        let mine = (own.len() as f64).powf(fitted.asymmetry);
        for other in self.touched.drain(..) {
            let shared = std::mem::take(&mut self.shared[other as usize]);
            let theirs = counts.member(other as usize).len() as f64;
            let similarity = if other == case.number {
                1.0
            } else {
                f64::from(shared) / (mine * theirs.powf(1.0 - fitted.asymmetry))
            };
            let weight = similarity.powi(fitted.locality);
            for (item, share) in &shares[offsets[other as usize]..offsets[other as usize + 1]] {
                self.board.add(*item, weight * share);
            }
        }
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        self.board.best(n, explore, out);
    }
}
