//! TIFU-KNN (Hu, He, Gao, Zhang: Modeling Personalized Item Frequency Information for Next-basket Recommendation, SIGIR
//! 2020, arXiv 2006.00556), after the paper and the authors' program.
//!
//! A member's n baskets, oldest first, are put in m groups of equal size (if n is no multiple of m, the later groups hold
//! one basket more; with fewer than m baskets each is its own group). A basket weighs `r_b^(n − j)` for the j-th of n, a
//! group `r_g^(m − g)` for the g-th of m; the member's vector is the mean over the groups of the weighted mean of their
//! baskets. The forecast is `α · own vector + (1 − α) · mean of the k nearest members' vectors`, nearest by Euclidean
//! distance.
//!
//! Published settings for Ta-Feng: m = 7, r_b = .9, r_g = .7, k = 300, α = .7. Neighbours are all other members.

use super::{Method, Popularity, Ranked, Ranker, board::Board};
use crate::{
    backtest::{BasketStore, Case},
    base::top_k::TopK,
    engine::shard_map,
    evaluate::ranking,
    history::Shard,
};

/// The numbers of TIFU-KNN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TifuSettings {
    /// m: groups.
    pub groups: usize,
    /// r_b: weight of a basket per later one.
    pub basket_decay: f64,
    /// r_g: weight of a group per later one.
    pub group_decay: f64,
    /// k: neighbours.
    pub neighbours: usize,
    /// α: share of the member's own vector.
    pub alpha: f64,
}

impl TifuSettings {
    /// Published for Ta-Feng.
    pub const PUBLISHED: Self = Self { groups: 7, basket_decay: 0.9, group_decay: 0.7, neighbours: 300, alpha: 0.7 };
}

/// Every member's vector, sparse: items rising.
#[derive(Debug, Clone, Default)]
struct Vectors {
    offsets: Vec<usize>,
    entries: Vec<(u32, f64)>,
    /// Squared length.
    squares: Vec<f64>,
    /// The same by item: items + 1 offsets, member and value, members rising.
    item_offsets: Vec<usize>,
    by_item: Vec<(u32, f64)>,
}

/// First baskets of the groups of `n` baskets, and `n` at the end.
fn group_starts(n: usize, groups: usize) -> Vec<usize> {
    if n < groups {
        return (0..=n).collect();
    }
    let (small, larger) = (n / groups, n % groups);
    let mut starts = vec![0];
    for group in 0..groups {
        let size = small + usize::from(group >= groups - larger);
        starts.push(starts[group] + size);
    }
    starts
}

/// Weight of each of `n` baskets in the member's vector.
fn basket_weights(n: usize, settings: &TifuSettings) -> Vec<f64> {
    let starts = group_starts(n, settings.groups);
    let real = starts.len() - 1;
    let mut weights = Vec::with_capacity(n);
    for group in 0..real {
        let size = starts[group + 1] - starts[group];
        let decay = settings.group_decay.powi((settings.groups - 1 - group) as i32);
        for basket in starts[group]..starts[group + 1] {
            let within = settings.basket_decay.powi((n - 1 - basket) as i32);
            weights.push(within * decay / size as f64 / real as f64);
        }
    }
    weights
}

impl Vectors {
    fn of(store: &BasketStore, settings: &TifuSettings) -> Self {
        let mut vectors = Self { offsets: vec![0], item_offsets: vec![0; store.items() + 1], ..Self::default() };
        let mut events: Vec<(u32, f64)> = Vec::new();
        for member in 0..store.members() {
            events.clear();
            let weights = basket_weights(store.len_of(member), settings);
            for ((items, _), weight) in store.baskets(member).zip(weights) {
                events.extend(items.iter().map(|item| (*item, weight)));
            }
            // A stable sort: weights of an item are added oldest first.
            events.sort_by_key(|e| e.0);
            let start = vectors.entries.len();
            for (item, weight) in &events {
                match vectors.entries[start..].last_mut() {
                    Some((last, sum)) if last == item => *sum += weight,
                    _ => vectors.entries.push((*item, *weight)),
                }
            }
            for (item, _) in &vectors.entries[start..] {
                vectors.item_offsets[*item as usize + 1] += 1;
            }
            vectors.squares.push(vectors.entries[start..].iter().map(|(_, v)| v * v).sum());
            vectors.offsets.push(vectors.entries.len());
        }
        for item in 0..store.items() {
            vectors.item_offsets[item + 1] += vectors.item_offsets[item];
        }
        let mut next = vectors.item_offsets.clone();
        vectors.by_item = vec![(0, 0.0); vectors.entries.len()];
        for member in 0..store.members() {
            for (item, value) in &vectors.entries[vectors.offsets[member]..vectors.offsets[member + 1]] {
                vectors.by_item[next[*item as usize]] = (member as u32, *value);
                next[*item as usize] += 1;
            }
        }
        vectors
    }

    fn member(&self, member: usize) -> &[(u32, f64)] {
        &self.entries[self.offsets[member]..self.offsets[member + 1]]
    }

    fn members(&self) -> usize {
        self.squares.len()
    }

    /// The `k` nearest other members, nearest first, ties by number. `products` is scratch space.
    fn nearest(&self, member: usize, k: usize, products: &mut Vec<f64>, out: &mut Vec<(f64, u32)>) {
        products.clear();
        products.resize(self.members(), 0.0);
        for (item, value) in self.member(member) {
            let entries = self.item_offsets[*item as usize]..self.item_offsets[*item as usize + 1];
            for (other, theirs) in &self.by_item[entries] {
                products[*other as usize] += value * theirs;
            }
        }
        // |u − v|² = |u|² + |v|² − 2uv, and |u|² is the same for all.
        let mut top = TopK::new(k);
        for (other, product) in products.iter().enumerate() {
            if other != member {
                top.push(2.0 * product - self.squares[other], other as u32);
            }
        }
        top.drain_sorted(out);
    }
}

/// TIFU-KNN, fitted.
pub struct TifuKnn<'a> {
    name: &'static str,
    fitted: TifuSettings,
    vectors: Vectors,
    popularity: &'a Popularity,
}

impl<'a> TifuKnn<'a> {
    /// Works out every member's vector.
    #[must_use]
    pub fn fit(name: &'static str, settings: TifuSettings, store: &BasketStore, popularity: &'a Popularity) -> Self {
        Self { name, fitted: settings, vectors: Vectors::of(store, &settings), popularity }
    }
}

impl Method for TifuKnn<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn settings(&self) -> String {
        let TifuSettings { groups, basket_decay, group_decay, neighbours, alpha } = self.fitted;
        format!("m {groups}, r_b {basket_decay}, r_g {group_decay}, k {neighbours}, alpha {alpha}")
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(TifuRanker {
            method: self,
            board: Board::new(self.popularity),
            products: Vec::new(),
            nearest: Vec::new(),
        })
    }
}

struct TifuRanker<'a> {
    method: &'a TifuKnn<'a>,
    board: Board<'a>,
    products: Vec<f64>,
    nearest: Vec<(f64, u32)>,
}

impl Ranker for TifuRanker<'_> {
    fn read(&mut self, _: &Shard, case: &Case) {
        let TifuKnn { fitted, vectors, .. } = self.method;
        if case.is_new() {
            // Of no purchase every neighbour is as good as any other: what is popular is left.
            self.board.clear(std::iter::empty());
            return;
        }
        let own = vectors.member(case.number as usize);
        self.board.clear(own.iter().map(|(item, _)| *item));
        for (item, value) in own {
            self.board.add(*item, fitted.alpha * value);
        }
        vectors.nearest(case.number as usize, fitted.neighbours, &mut self.products, &mut self.nearest);
        let share = (1.0 - fitted.alpha) / self.nearest.len().max(1) as f64;
        for (_, other) in &self.nearest {
            for (item, value) in vectors.member(*other as usize) {
                self.board.add(*item, share * value);
            }
        }
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        self.board.best(n, explore, out);
    }
}

/// A member of the tail that tuning predicts: number in the store, and what the member bought then, rising.
pub type TailCase = (u32, Vec<u32>);

const GROUPS: [usize; 5] = [1, 3, 7, 11, 19];
const DECAYS: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
// Finer or further steps of k and α fit the tail better and the truth worse: the stronger baseline stays.
const NEIGHBOURS: [usize; 3] = [100, 300, 900];
const ALPHAS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// The settings with the best recall@10 on a tail of the history: first the groups, then the decay of baskets, then that
/// of groups, then the groups once more; k and α along with each. Starts from the published settings.
#[must_use]
pub fn tune(store: &BasketStore, tail: &[TailCase]) -> TifuSettings {
    let mut best = (TifuSettings::PUBLISHED, -1.0);
    if tail.is_empty() {
        return best.0;
    }
    let mut tried: Vec<(usize, f64, f64)> = Vec::new();
    for round in 0..4 {
        let (settings, _) = best;
        let candidates: Vec<TifuSettings> = match round {
            0 | 3 => GROUPS.iter().map(|m| TifuSettings { groups: *m, ..settings }).collect(),
            1 => DECAYS.iter().map(|d| TifuSettings { basket_decay: *d, ..settings }).collect(),
            _ => DECAYS.iter().map(|d| TifuSettings { group_decay: *d, ..settings }).collect(),
        };
        for candidate in candidates {
            let key = (candidate.groups, candidate.basket_decay, candidate.group_decay);
            if tried.contains(&key) {
                continue;
            }
            tried.push(key);
            for (settings, recall) in evaluate(store, tail, &candidate) {
                if recall > best.1 {
                    best = (settings, recall);
                }
            }
        }
    }
    best.0
}

/// Length of the lists that tuning judges.
const K: usize = 10;

/// Mean recall@10 under every k and α.
fn evaluate(store: &BasketStore, tail: &[TailCase], settings: &TifuSettings) -> Vec<(TifuSettings, f64)> {
    const BLOCK: usize = 32;
    let vectors = Vectors::of(store, settings);
    let grid: Vec<TifuSettings> = NEIGHBOURS
        .iter()
        .flat_map(|k| ALPHAS.iter().map(|alpha| TifuSettings { neighbours: *k, alpha: *alpha, ..*settings }))
        .collect();
    let blocks = shard_map::map(tail.len().div_ceil(BLOCK), |block| {
        let mut judge = Judge::new(&vectors, store.items());
        for (member, truth) in &tail[block * BLOCK..((block + 1) * BLOCK).min(tail.len())] {
            judge.member(*member as usize, truth);
        }
        Ok::<_, std::convert::Infallible>(judge.sums)
    });
    let Ok(blocks) = blocks;
    let mut whole = vec![0.0; grid.len()];
    for block in blocks {
        for (sum, more) in whole.iter_mut().zip(block) {
            *sum += more;
        }
    }
    grid.into_iter().zip(whole).map(|(settings, sum)| (settings, sum / tail.len() as f64)).collect()
}

/// Judges one member after the other under every k and α. What the member does not have keeps its order whatever α is, so
/// that its ten best are found once for each k.
struct Judge<'a> {
    vectors: &'a Vectors,
    products: Vec<f64>,
    nearest: Vec<(f64, u32)>,
    /// Sums of the neighbours' vectors, and the items they are of.
    theirs: Vec<f64>,
    touched: Vec<u32>,
    /// Recall by k and α.
    sums: Vec<f64>,
}

impl<'a> Judge<'a> {
    fn new(vectors: &'a Vectors, items: usize) -> Self {
        Self {
            vectors,
            products: Vec::new(),
            nearest: Vec::new(),
            theirs: vec![0.0; items],
            touched: Vec::new(),
            sums: vec![0.0; NEIGHBOURS.len() * ALPHAS.len()],
        }
    }

    fn member(&mut self, member: usize, truth: &[u32]) {
        let Self { vectors, products, nearest, theirs, touched, sums } = self;
        vectors.nearest(member, NEIGHBOURS[NEIGHBOURS.len() - 1], products, nearest);
        let own = vectors.member(member);
        let (mut new, mut ranked, mut items) = (Vec::new(), Vec::new(), Vec::new());
        let mut used = 0;
        for (at, k) in NEIGHBOURS.iter().enumerate() {
            let count = (*k).min(nearest.len());
            for (_, other) in &nearest[used..count] {
                for (item, value) in vectors.member(*other as usize) {
                    let sum = &mut theirs[*item as usize];
                    if *sum == 0.0 {
                        touched.push(*item);
                    }
                    *sum += value;
                }
            }
            used = count;
            let mut top = TopK::new(K);
            for item in touched.iter() {
                let sum = theirs[*item as usize];
                let might = top.threshold().is_none_or(|least| sum >= least);
                if might && own.binary_search_by_key(item, |entry| entry.0).is_err() {
                    top.push(sum, *item);
                }
            }
            top.drain_sorted(&mut new);
            for (a, alpha) in ALPHAS.iter().enumerate() {
                let share = (1.0 - alpha) / count.max(1) as f64;
                for (item, value) in own {
                    top.push(alpha * value + share * theirs[*item as usize], *item);
                }
                for (sum, item) in &new {
                    top.push(share * sum, *item);
                }
                top.drain_sorted(&mut ranked);
                items.clear();
                items.extend(ranked.iter().map(|(_, item)| *item));
                sums[at * ALPHAS.len() + a] += ranking::recall(&items, truth, K);
            }
        }
        for item in touched.drain(..) {
            theirs[item as usize] = 0.0;
        }
    }
}
