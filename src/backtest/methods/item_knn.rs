//! Item-kNN: an item is scored by its likeness to what the member bought.
//!
//! As in `implicit` (Frederickson; `ItemItemRecommender`): `s(u, j) = Σ_i c_ui · sim_ij` over the member's items i, where
//! `sim_ij = Σ_u w_ui · w_uj` and only the K most alike items j of each i are kept, itself among them. The weights w come
//! from the counts c (baskets of u that hold i):
//! - **BM25** (Robertson, Zaragoza 2009), members as documents and items as terms:
//!   `w = c (k1 + 1) / (k1 ((1 − b) + b · |u|/mean |u|) + c) · ln(members / (1 + members of i))`, k1 = 1.2, b = .75.
//!   (`implicit.nearest_neighbours.bm25_weight(counts)`; its `BM25Recommender` takes items as documents, which is much
//!   weaker on baskets.)
//! - **cosine**: `w = c / √(Σ_u c²)`.

use super::{Method, Popularity, Ranked, Ranker, board::Board};
use crate::{
    backtest::{Case, Counts},
    base::top_k::TopK,
    engine::shard_map,
    history::Shard,
};

/// Items whose neighbours one task finds.
const BLOCK: usize = 64;

/// How counts are weighted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weighting {
    /// BM25 with its two constants.
    Bm25 {
        /// Saturation of counts.
        k1: f64,
        /// How much long histories weigh less.
        b: f64,
    },
    /// Cosine between items.
    Cosine,
}

impl Weighting {
    /// BM25 with the constants `implicit` has.
    pub const BM25: Self = Self::Bm25 { k1: 1.2, b: 0.75 };
}

/// Similarities between items, fitted.
#[derive(Debug)]
pub struct ItemKnn<'a> {
    name: &'static str,
    weighting: Weighting,
    neighbours: usize,
    counts: &'a Counts,
    popularity: &'a Popularity,
    offsets: Vec<usize>,
    /// Item and similarity, most alike first.
    similar: Vec<(u32, f64)>,
}

impl<'a> ItemKnn<'a> {
    /// Finds the `neighbours` most alike items of every item; on equal similarity the lower index goes first.
    #[must_use]
    pub fn fit(
        name: &'static str,
        weighting: Weighting,
        neighbours: usize,
        counts: &'a Counts,
        popularity: &'a Popularity,
    ) -> Self {
        let weights = weights(counts, weighting);
        // Where each entry of `by_item` stands in `by_member`, so that a weight is found from either side.
        let mut next = counts.member_offsets.clone();
        let place: Vec<usize> = (counts.by_item.iter())
            .map(|(member, _)| {
                let at = &mut next[*member as usize];
                *at += 1;
                *at - 1
            })
            .collect();
        let items = counts.items();
        let rows = shard_map::map(items.div_ceil(BLOCK), |block| {
            let mut sums = vec![0.0f64; items];
            let mut touched: Vec<u32> = Vec::new();
            let mut top = TopK::new(neighbours);
            let mut rows = Vec::new();
            for item in block * BLOCK..((block + 1) * BLOCK).min(items) {
                let entries = counts.item_offsets[item]..counts.item_offsets[item + 1];
                for (entry, (member, _)) in entries.clone().zip(&counts.by_item[entries]) {
                    let own = weights[place[entry]];
                    let member = *member as usize;
                    let row = counts.member_offsets[member]..counts.member_offsets[member + 1];
                    for ((other, _), weight) in counts.by_member[row.clone()].iter().zip(&weights[row]) {
                        let sum = &mut sums[*other as usize];
                        if *sum == 0.0 {
                            touched.push(*other);
                        }
                        *sum += own * weight;
                    }
                }
                for other in touched.drain(..) {
                    let sum = std::mem::take(&mut sums[other as usize]);
                    if sum > 0.0 {
                        top.push(sum, other);
                    }
                }
                let mut row = Vec::new();
                top.drain_sorted(&mut row);
                rows.push(row);
            }
            Ok::<_, std::convert::Infallible>(rows)
        });
        let Ok(rows) = rows;
        let mut knn = Self { name, weighting, neighbours, counts, popularity, offsets: vec![0], similar: Vec::new() };
        for row in rows.into_iter().flatten() {
            knn.similar.extend(row.into_iter().map(|(similarity, item)| (item, similarity)));
            knn.offsets.push(knn.similar.len());
        }
        knn
    }
}

/// The weight of every entry of `by_member`. In the order `by_item` goes through the members the entries of a member
/// come by rising item, as they stand in `by_member`.
fn weights(counts: &Counts, weighting: Weighting) -> Vec<f64> {
    match weighting {
        Weighting::Bm25 { k1, b } => {
            let members = counts.members() as f64;
            let idf: Vec<f64> =
                (0..counts.items()).map(|item| members.ln() - (counts.item(item).len() as f64).ln_1p()).collect();
            let lengths: Vec<f64> = (0..counts.members())
                .map(|member| counts.member(member).iter().map(|(_, n)| f64::from(*n)).sum())
                .collect();
            let mean = lengths.iter().sum::<f64>() / members.max(1.0);
            let mut weights = Vec::with_capacity(counts.by_member.len());
            for (member, length) in lengths.iter().enumerate() {
                let norm = (1.0 - b) + b * length / mean;
                weights.extend(counts.member(member).iter().map(|(item, n)| {
                    let n = f64::from(*n);
                    n * (k1 + 1.0) / (k1 * norm + n) * idf[*item as usize]
                }));
            }
            weights
        }
        Weighting::Cosine => {
            let norms: Vec<f64> = (0..counts.items())
                .map(|item| counts.item(item).iter().map(|(_, n)| f64::from(*n) * f64::from(*n)).sum::<f64>().sqrt())
                .collect();
            counts.by_member.iter().map(|(item, n)| f64::from(*n) / norms[*item as usize]).collect()
        }
    }
}

impl Method for ItemKnn<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn settings(&self) -> String {
        match self.weighting {
            Weighting::Bm25 { k1, b } => format!("{} neighbours, k1 {k1}, b {b}", self.neighbours),
            Weighting::Cosine => format!("{} neighbours", self.neighbours),
        }
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(ItemKnnRanker { knn: self, board: Board::new(self.popularity) })
    }
}

struct ItemKnnRanker<'a> {
    knn: &'a ItemKnn<'a>,
    board: Board<'a>,
}

impl Ranker for ItemKnnRanker<'_> {
    fn read(&mut self, _: &Shard, case: &Case) {
        let mine = self.knn.counts.member(case.number as usize);
        self.board.clear(mine.iter().map(|(item, _)| *item));
        for (item, n) in mine {
            let row = self.knn.offsets[*item as usize]..self.knn.offsets[*item as usize + 1];
            for (other, similarity) in &self.knn.similar[row] {
                self.board.add(*other, f64::from(*n) * similarity);
            }
        }
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        self.board.best(n, explore, out);
    }
}
