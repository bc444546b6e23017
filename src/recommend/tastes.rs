//! Segments of taste, and what is popular in each.
//!
//! A member's taste is the profile weighted by the items' rarity, on [`AXES`] axes: the leading right singular vectors of
//! these vectors, found by randomised subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4) on a sample of
//! members fixed by hash, and scaled to length 1. k-means ([`crate::kmeans`]) makes [`SEGMENTS`] segments of the sample,
//! fewer where it is small. `seg(u,i) = (B_si + 50 · g_i) / (B_s + 50)`: the recency-weighted share of the baskets of u's
//! segment s that hold i, shrunk by 50 baskets of the shop's own popularity.
//!
//! These are not the run's segments, which say what kind of customer somebody is and last from night to night: they are
//! built anew from the histories whenever they are used, and never written.

use linfa::ParamGuard as _;
use ndarray::Array2;
use rand::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{
    vectors::{rarity, taste, taste_before},
    workspace::{OwnItem, Sparse},
};
use crate::{
    base::{hash::salted_hash, pool::Pool},
    history::{ShardError, ShardSet},
    items::{DecayTable, ItemStatistics, MemberBaskets, ONE, View},
    kmeans::{KMeansError, KMeansParams},
};

/// Axes of taste.
const AXES: usize = 48;

/// Segments of taste, where the sample has so many members.
const SEGMENTS: usize = 60;

/// Members of the sample that a segment needs.
const MEMBERS_A_SEGMENT: usize = 25;

/// Members that axes and segments are found on.
const SAMPLE: usize = 12_000;

/// Rounds of the subspace iteration.
const ROUNDS: usize = 3;

/// Iterations of k-means.
const ITERATIONS: u32 = 30;

/// Baskets of the shop's popularity that a segment's is shrunk by.
const SHRINK: f64 = 50.0;

/// Items of a segment that the term speaks of: its most popular.
const KEPT: usize = 128;

/// Salt of the sample's hash and of the draws. Part of the format.
const SALT: u64 = 0x7461_7374_6573_2173;

/// A row of the basis or of the members' places.
type Row = [f32; AXES];

/// A segment of taste.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    /// `B_si / (B_s + 50)` of its most popular items, by rising item.
    pub(super) shares: Vec<(u32, f32)>,
    /// `50 / (B_s + 50)`: what is left to the shop's own popularity.
    pub(super) left: f64,
    /// Members in it.
    pub(super) members: u32,
}

impl Segment {
    pub(super) fn share(&self, item: u32) -> f32 {
        self.shares.binary_search_by_key(&item, |entry| entry.0).map_or(0.0, |at| self.shares[at].1)
    }
}

/// The segments of taste, and how a member is put into one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tastes {
    rarity: Vec<f32>,
    /// Shape `(items, AXES)`.
    basis: Vec<Row>,
    /// Shape `(segments, AXES)`, with half the squared length of each.
    centroids: Vec<(Row, f32)>,
    segments: Vec<Segment>,
}

impl Tastes {
    /// Segments of what `view` lets see, with popularity under `half_life` (days, or baskets where the data has no time).
    /// `statistics` must come from the same shards and view. There are none where fewer than 25 members have a taste, or
    /// their tastes hardly differ.
    pub(super) fn fit(
        shards: &ShardSet,
        view: &View,
        statistics: &ItemStatistics,
        half_life: f64,
    ) -> Result<Self, ShardError> {
        let rarity = rarity(statistics);
        let sample = sample(shards, view, &rarity)?;
        let basis = basis(&sample, rarity.len());
        let centroids = centroids(&sample, &basis).unwrap_or_default();
        let mut tastes = Self { rarity, basis, centroids, segments: Vec::new() };
        if !tastes.centroids.is_empty() {
            tastes.segments = tastes.popularity(shards, view, half_life)?;
        }
        Ok(tastes)
    }

    /// The segment of a member who was read; `None` where nothing is known of their taste.
    pub(super) fn segment(&self, own: &[OwnItem], vector: &mut Vec<(u32, f32)>) -> Option<usize> {
        if self.segments.is_empty() {
            return None;
        }
        taste(own, &self.rarity, vector);
        self.nearest(vector)
    }

    pub(super) fn get(&self, segment: usize) -> &Segment {
        &self.segments[segment]
    }

    fn nearest(&self, taste: &[(u32, f32)]) -> Option<usize> {
        let place = place(taste, &self.basis)?;
        let mut best = (f32::NEG_INFINITY, None);
        for (index, (centroid, half)) in self.centroids.iter().enumerate() {
            let near = dot(&place, centroid) - half;
            if near > best.0 {
                best = (near, Some(index));
            }
        }
        best.1
    }

    /// What is popular in each segment.
    fn popularity(&self, shards: &ShardSet, view: &View, half_life: f64) -> Result<Vec<Segment>, ShardError> {
        struct Work {
            baskets: MemberBaskets,
            profile: Sparse,
            /// Shape `(segments, items)`.
            holding: Vec<u64>,
            all: Vec<u64>,
            members: Vec<u32>,
        }
        let (segments, items) = (self.centroids.len(), self.rarity.len());
        let decay = DecayTable::new(&[half_life]);
        let pool = Pool::new(|| Work {
            baskets: MemberBaskets::default(),
            profile: Sparse::new(items),
            holding: vec![0; segments * items],
            all: vec![0; segments],
            members: vec![0; segments],
        });
        shards.map(|_, shard| {
            pool.with(|work| {
                for member in 0..shard.members.len() {
                    work.baskets.fill(shard, member, view);
                    let baskets = &work.baskets;
                    let vector = taste_before(baskets.len(), baskets, &self.rarity, &mut work.profile);
                    let Some(segment) = self.nearest(&vector) else { continue };
                    work.members[segment] += 1;
                    for basket in 0..baskets.len() {
                        let Some(weight) = decay.at(baskets.age(basket)).first() else { continue };
                        work.all[segment] += weight;
                        for item in baskets.items(basket) {
                            work.holding[segment * items + *item as usize] += weight;
                        }
                    }
                }
            });
            Ok::<_, ShardError>(())
        })?;
        let mut parts = pool.into_all().into_iter();
        let Some(mut whole) = parts.next() else { return Ok(Vec::new()) };
        for part in parts {
            // Integers: the order does not matter.
            whole.holding.iter_mut().zip(&part.holding).for_each(|(a, b)| *a += b);
            whole.all.iter_mut().zip(&part.all).for_each(|(a, b)| *a += b);
            whole.members.iter_mut().zip(&part.members).for_each(|(a, b)| *a += b);
        }
        let segment = |segment: usize| {
            let baskets = whole.all[segment] as f64 / ONE as f64 + SHRINK;
            let row = &whole.holding[segment * items..(segment + 1) * items];
            let mut held: Vec<(u32, u64)> = (0..).zip(row.iter().copied()).filter(|e| e.1 > 0).collect();
            if held.len() > KEPT {
                held.select_nth_unstable_by(KEPT, |a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
                held.truncate(KEPT);
                held.sort_unstable_by_key(|e| e.0);
            }
            let share = |(item, weight): (u32, u64)| (item, (weight as f64 / ONE as f64 / baskets) as f32);
            let shares = held.into_iter().map(share).collect();
            Segment { shares, left: SHRINK / baskets, members: whole.members[segment] }
        };
        Ok((0..segments).map(segment).collect())
    }
}

/// The tastes of at most [`SAMPLE`] members, those of the lowest hash, in its order.
fn sample(shards: &ShardSet, view: &View, rarity: &[f32]) -> Result<Vec<Vec<(u32, f32)>>, ShardError> {
    let seen = view.sample();
    let hashes: Vec<Vec<u64>> = shards.map(|_, shard| {
        let ids = (0..shard.members.len()).map(|m| shard.members.get(m));
        // Who is invisible comes last.
        let hash = |id: &str| if seen.has_member(id) { salted_hash(id.as_bytes(), SALT) } else { u64::MAX };
        Ok::<_, ShardError>(ids.map(hash).collect())
    })?;
    let mut all = hashes.concat();
    let last = if all.len() > SAMPLE { *all.select_nth_unstable(SAMPLE - 1).1 } else { u64::MAX };
    let parts = shards.map(|index, shard| {
        let (mut baskets, mut profile) = (MemberBaskets::default(), Sparse::new(rarity.len()));
        let mut found = Vec::new();
        for (member, hash) in hashes[index].iter().enumerate().filter(|(_, hash)| **hash <= last) {
            baskets.fill(shard, member, view);
            let vector = taste_before(baskets.len(), &baskets, rarity, &mut profile);
            if !vector.is_empty() {
                found.push((*hash, vector));
            }
        }
        Ok::<_, ShardError>(found)
    })?;
    let mut found: Vec<(u64, Vec<(u32, f32)>)> = parts.into_iter().flatten().collect();
    found.sort_unstable_by_key(|entry| entry.0);
    Ok(found.into_iter().map(|entry| entry.1).collect())
}

/// An orthonormal basis of (nearly) the leading right singular vectors of the sample, shape `(items, AXES)`.
fn basis(sample: &[Vec<(u32, f32)>], items: usize) -> Vec<Row> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SALT);
    let mut basis: Vec<Row> = (0..items).map(|_| std::array::from_fn(|_| rng.gen_range(-1.0f32..1.0))).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![[0.0f32; AXES]; items];
        for taste in sample {
            let projected = project(taste, &basis);
            for &(item, weight) in taste {
                next[item as usize].iter_mut().zip(&projected).for_each(|(sum, p)| *sum += weight * p);
            }
        }
        orthonormalise(&mut next);
        basis = next;
    }
    basis
}

fn project(taste: &[(u32, f32)], basis: &[Row]) -> Row {
    let mut sum = [0.0; AXES];
    for &(item, weight) in taste {
        sum.iter_mut().zip(&basis[item as usize]).for_each(|(sum, b)| *sum += weight * b);
    }
    sum
}

/// Makes the columns orthonormal (Gram and Schmidt, each twice); those that depend on earlier ones become 0. The basis is
/// larger than a cache: whatever can be done to a row is done in one pass.
fn orthonormalise(basis: &mut [Row]) {
    /// Adds to `along` how far the column of `axis` goes along each of those before.
    fn follow(row: &Row, axis: usize, along: &mut Row) {
        let own = row[axis];
        along[..axis].iter_mut().zip(&row[..axis]).for_each(|(sum, b)| *sum += own * b);
    }
    // The factor of the column before, which is due.
    let mut scale = 1.0;
    for axis in 0..AXES {
        let (mut before, mut along) = (0.0f32, [0.0; AXES]);
        for row in basis.iter_mut() {
            row[axis.saturating_sub(1)] *= scale;
            before += row[axis] * row[axis];
            follow(row, axis, &mut along);
        }
        let mut again = [0.0; AXES];
        for row in basis.iter_mut() {
            row[axis] -= dot(&along, row);
            follow(row, axis, &mut again);
        }
        let mut length = 0.0f32;
        for row in basis.iter_mut() {
            row[axis] -= dot(&again, row);
            length += row[axis] * row[axis];
        }
        let (before, length) = (before.sqrt(), length.sqrt());
        scale = if length > 1e-4 * before && length > 0.0 { 1.0 / length } else { 0.0 };
    }
    basis.iter_mut().for_each(|row| row[AXES - 1] *= scale);
}

fn dot(a: &Row, b: &Row) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    lanes.iter().sum()
}

/// The place of a taste on the axes, scaled to length 1; `None` where the axes do not know it.
fn place(taste: &[(u32, f32)], basis: &[Row]) -> Option<Row> {
    let mut place = project(taste, basis);
    let length = dot(&place, &place).sqrt();
    place.iter_mut().for_each(|p| *p /= length);
    (length > 0.0).then_some(place)
}

/// The centroids of the sample's places, each with half its squared length; none where the sample is too small.
fn centroids(sample: &[Vec<(u32, f32)>], basis: &[Row]) -> Result<Vec<(Row, f32)>, KMeansError> {
    let places: Vec<Row> = sample.iter().filter_map(|taste| place(taste, basis)).collect();
    let k = (places.len() / MEMBERS_A_SEGMENT).min(SEGMENTS);
    if k == 0 {
        return Ok(Vec::new());
    }
    let matrix = Array2::from_shape_fn((places.len(), AXES), |(row, axis)| places[row][axis]);
    let parameters = KMeansParams::<f32>::new(k).seed(SALT).max_iterations(ITERATIONS).check()?;
    let fitted = parameters.fit_rows(matrix.view(), None, None)?;
    let centroid = |row: usize| {
        let centroid: Row = std::array::from_fn(|axis| fitted.centroids[(row, axis)]);
        (centroid, dot(&centroid, &centroid) / 2.0)
    };
    Ok((0..k).map(centroid).collect())
}
