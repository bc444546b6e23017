//! The inner loops, compiled once per instruction set and chosen at run time.
//!
//! Every lane is one row and adds its features up in column order, so a lane's result does not depend on the width of
//! the registers, only on whether multiply and add are fused. The exact distances of [`nearest_two`] never fuse and are
//! therefore the same on every CPU, and the same as the plain loop over one row.

#[cfg(target_arch = "x86_64")]
use super::vector::Vector;
use super::{Element, panels::LANES};

/// Centroids that lie side by side in [`Targets`].
const GROUP: usize = 8;

/// Centroids prepared for the search. Scores are taken from the centroids' mean `m`, which is one constant less for all of
/// them: `|c − m|² + 2m·(c − m) − 2x·(c − m)` instead of `|c|² − 2x·c`, so that features far from zero cost few digits.
pub(super) struct Targets<F> {
    /// Features.
    pub dim: usize,
    /// `−2(c − m)`, shape `(ceil(k / 8), dim, 8)`: eight centroids side by side, the last ones filled up with zeros.
    weights: Vec<[F; GROUP]>,
    /// `|c − m|² + 2m·(c − m)`, one a centroid.
    bases: Vec<F>,
    /// `m`, one a feature.
    centre: Vec<F>,
}

impl<F: Element> Targets<F> {
    /// Prepares `centroids`, shape `(k, dim)` in row order.
    pub fn new(centroids: &[F], dim: usize) -> Self {
        let k = centroids.len() / dim;
        let mean = |d: usize| centroids[d..].iter().step_by(dim).map(|v| v.wide()).sum::<f64>() / k as f64;
        // Any point near the mean does; one of the element type makes the differences to it the same everywhere.
        let centre: Vec<F> = (0..dim).map(|d| F::narrow(mean(d))).collect();
        let mut weights = vec![[F::zero(); GROUP]; k.div_ceil(GROUP) * dim];
        let mut bases = Vec::with_capacity(k);
        for (c, centroid) in centroids.chunks_exact(dim).enumerate() {
            let mut base = 0.0;
            for (d, value) in centroid.iter().enumerate() {
                let middle = centre[d].wide();
                let difference = value.wide() - middle;
                base += difference * (difference + 2.0 * middle);
                weights[c / GROUP * dim + d][c % GROUP] = F::narrow(-2.0 * difference);
            }
            bases.push(F::narrow(base));
        }
        Self { dim, weights, bases, centre }
    }

    /// Greatest size of a score at zero, and greatest length of a centroid's weights.
    pub fn reach(&self) -> (f64, f64) {
        let base = self.bases.iter().map(|b| b.wide().abs()).fold(0.0, f64::max);
        let square = |c: usize| {
            let group = &self.weights[c / GROUP * self.dim..(c / GROUP + 1) * self.dim];
            group.iter().map(|w| w[c % GROUP].wide() * w[c % GROUP].wide()).sum::<f64>()
        };
        (base, (0..self.bases.len()).map(square).fold(0.0, f64::max).sqrt())
    }

    /// Length of the point the scores are taken from.
    pub fn centre_length(&self) -> f64 {
        self.centre.iter().map(|v| v.wide() * v.wide()).sum::<f64>().sqrt()
    }
}

/// Defines `$name` as the fastest of the variants this CPU can run.
macro_rules! multiversion {
    ($(#[$doc:meta])* $name:ident<F>($($arg:ident: $ty:ty),*), avx512: $avx512:expr, avx2: $avx2:expr, else: $plain:expr) => {
        $(#[$doc])*
        pub(super) fn $name<F: Element>($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn avx512<F: Element>($($arg: $ty),*) {
                    $avx512
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<F: Element>($($arg: $ty),*) {
                    $avx2
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the function is safe code; its one demand is that the CPU has the features just detected
                    // (AVX2 is part of every CPU with AVX-512F).
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above, for AVX2 and FMA.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $plain
        }
    };
}

/// Which rows [`nearest`] and [`nearest_gap`] work on and what they fill: one entry a panel each.
pub(super) struct Search<'a, F> {
    /// Shape `(panels, dim)`.
    pub lanes: &'a [[F; LANES]],
    /// Index of the centroid with the least score for every lane, ties to the lower index.
    pub labels: &'a mut [[u16; LANES]],
    /// A lower bound of the distance to the next nearest centroid minus that to the nearest; infinite if there is only
    /// one. Not filled by [`nearest`].
    pub gaps: &'a mut [[f32; LANES]],
    /// Bounds the rounding error of a computed squared distance.
    pub slack: f32,
}

multiversion! {
    /// The nearest centroid of every lane.
    nearest<F>(search: &mut Search<'_, F>, targets: &Targets<F>),
    // SAFETY: the CPU has the instructions, as detected.
    avx512: unsafe { wide_panels::<F, F::Wide512, 8, false>(search, targets) },
    // SAFETY: as above.
    avx2: unsafe { wide_panels::<F, F::Wide256, 4, false>(search, targets) },
    else: plain_panels::<F, false>(search, targets)
}

multiversion! {
    /// The nearest centroid of every lane, and how much nearer it is than the next.
    nearest_gap<F>(search: &mut Search<'_, F>, targets: &Targets<F>),
    // SAFETY: the CPU has the instructions, as detected.
    avx512: unsafe { wide_panels::<F, F::Wide512, 8, true>(search, targets) },
    // SAFETY: as above.
    avx2: unsafe { wide_panels::<F, F::Wide256, 4, true>(search, targets) },
    else: plain_panels::<F, true>(search, targets)
}

multiversion! {
    /// Lowers every lane's squared distance in `closest` (one entry a panel) to that of `centroid`, where it is nearer.
    closer<F>(lanes: &[[F; LANES]], centroid: &[F], closest: &mut [[F; LANES]]),
    avx512: closer_panels(lanes, centroid, closest),
    avx2: closer_panels(lanes, centroid, closest),
    else: closer_panels(lanes, centroid, closest)
}

multiversion! {
    /// The two least squared distances of every lane of one panel to the centroids (shape `(k, dim)`), and which
    /// centroid is nearest, ties to the lower index. `panel` has `dim` entries.
    nearest_two<F>(panel: &[[f64; LANES]], centroids: &[F], found: &mut NearestTwo),
    avx512: nearest_two_panel::<F, 2>(panel, centroids, found),
    avx2: nearest_two_panel::<F, 1>(panel, centroids, found),
    else: nearest_two_panel::<F, 1>(panel, centroids, found)
}

/// What [`nearest_two`] finds for each lane of a panel.
pub(super) struct NearestTwo {
    /// Index of the nearest centroid.
    pub label: [u16; LANES],
    /// Squared distance to it.
    pub best: [f64; LANES],
    /// Squared distance to the next nearest; infinite if there is one centroid only.
    pub second: [f64; LANES],
}

impl NearestTwo {
    pub fn new() -> Self {
        Self { label: [0; LANES], best: [0.0; LANES], second: [0.0; LANES] }
    }
}

/// Registers that hold the same centroid's sums.
const REGISTERS: usize = 2;

/// What is known of the lanes of a panel after some of the centroids.
struct Lead<F> {
    best: [F; LANES],
    /// Only kept where gaps are asked for.
    second: [F; LANES],
    label: [u16; LANES],
}

/// The search without wide registers: one centroid after the other.
#[inline(always)]
pub(super) fn plain_panels<F: Element, const GAP: bool>(search: &mut Search<'_, F>, targets: &Targets<F>) {
    let dim = targets.dim;
    for (p, panel) in search.lanes.chunks_exact(dim).enumerate() {
        let mut lead = Lead { best: [F::infinity(); LANES], second: [F::infinity(); LANES], label: [0; LANES] };
        for (c, square) in targets.bases.iter().enumerate() {
            let group = &targets.weights[c / GROUP * dim..];
            let mut sums = [*square; LANES];
            for (x, weights) in panel.iter().zip(group) {
                for l in 0..LANES {
                    sums[l] = x[l] * weights[c % GROUP] + sums[l];
                }
            }
            for (l, sum) in sums.into_iter().enumerate() {
                let nearer = sum < lead.best[l];
                if GAP {
                    let runner_up = if nearer { lead.best[l] } else { sum };
                    lead.second[l] = if runner_up < lead.second[l] { runner_up } else { lead.second[l] };
                }
                lead.best[l] = if nearer { sum } else { lead.best[l] };
                lead.label[l] = if nearer { c as u16 } else { lead.label[l] };
            }
        }
        search.labels[p] = lead.label;
        if GAP {
            search.gaps[p] = gap(panel, &targets.centre, &lead, search.slack);
        }
    }
}

/// The search with registers `V`: two of them and `MOST` centroids at a time, so that the sums of all fit.
///
/// # Safety
/// The CPU must have the instructions of `V`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn wide_panels<F: Element, V: Vector<Lane = F>, const MOST: usize, const GAP: bool>(
    search: &mut Search<'_, F>,
    targets: &Targets<F>,
) {
    let k = targets.bases.len();
    let mut lead = Lead { best: [F::infinity(); LANES], second: [F::infinity(); LANES], label: [0; LANES] };
    for (p, panel) in search.lanes.chunks_exact(targets.dim).enumerate() {
        for part in (0..LANES).step_by(REGISTERS * V::WIDTH) {
            // SAFETY: the caller's promise; `part` leaves room for the registers, `first` for the tile.
            unsafe {
                let mut best = [V::splat(F::infinity()); REGISTERS];
                let mut second = best;
                let mut index = [V::splat(F::zero()); REGISTERS];
                let mut first = 0;
                while first + MOST <= k {
                    tile::<F, V, MOST, GAP>(panel, part, targets, first, &mut best, &mut second, &mut index);
                    first += MOST;
                }
                if MOST > 4 && first + 4 <= k {
                    tile::<F, V, 4, GAP>(panel, part, targets, first, &mut best, &mut second, &mut index);
                    first += 4;
                }
                if first + 2 <= k {
                    tile::<F, V, 2, GAP>(panel, part, targets, first, &mut best, &mut second, &mut index);
                    first += 2;
                }
                if first < k {
                    tile::<F, V, 1, GAP>(panel, part, targets, first, &mut best, &mut second, &mut index);
                }
                let mut whole = [0i32; LANES];
                for r in 0..REGISTERS {
                    let at = part + r * V::WIDTH;
                    index[r].store_whole(whole.as_mut_ptr().add(at));
                    if GAP {
                        best[r].store(lead.best.as_mut_ptr().add(at));
                        second[r].store(lead.second.as_mut_ptr().add(at));
                    }
                }
                let lanes = part..part + REGISTERS * V::WIDTH;
                for (label, whole) in lead.label[lanes.clone()].iter_mut().zip(&whole[lanes]) {
                    *label = *whole as u16;
                }
            }
        }
        search.labels[p] = lead.label;
        if GAP {
            search.gaps[p] = gap(panel, &targets.centre, &lead, search.slack);
        }
    }
}

/// `TILE` centroids against some lanes of one panel: the sums stay in registers over all features.
///
/// # Safety
/// The CPU must have the instructions of `V`, the panel `REGISTERS` registers from lane `part` on, and one group of
/// `targets` the `TILE` centroids from `first` on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn tile<F: Element, V: Vector<Lane = F>, const TILE: usize, const GAP: bool>(
    panel: &[[F; LANES]],
    part: usize,
    targets: &Targets<F>,
    first: usize,
    best: &mut [V; REGISTERS],
    second: &mut [V; REGISTERS],
    index: &mut [V; REGISTERS],
) {
    let group = &targets.weights[first / GROUP * targets.dim..(first / GROUP + 1) * targets.dim];
    let place = first % GROUP;
    debug_assert!(place + TILE <= GROUP && part + REGISTERS * V::WIDTH <= LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums: [[V; REGISTERS]; TILE] = std::array::from_fn(|c| [V::splat(targets.bases[first + c]); REGISTERS]);
        for (x, weights) in panel.iter().zip(group) {
            let x: [V; REGISTERS] = std::array::from_fn(|r| V::load(x.as_ptr().add(part + r * V::WIDTH)));
            for (c, sums) in sums.iter_mut().enumerate() {
                let w = V::splat(*weights.get_unchecked(place + c));
                for r in 0..REGISTERS {
                    sums[r] = x[r].fused(w, sums[r]);
                }
            }
        }
        for (c, sums) in sums.iter().enumerate() {
            let name = V::splat(F::narrow((first + c) as f64));
            for r in 0..REGISTERS {
                let nearer = sums[r].less(best[r]);
                if GAP {
                    second[r] = second[r].min(best[r].where_or(nearer, sums[r]));
                }
                best[r] = sums[r].min(best[r]);
                index[r] = name.where_or(nearer, index[r]);
            }
        }
    }
}

/// Lower bounds of the lanes' gaps from the two least scores: the squared lengths make distances of them.
#[inline(always)]
fn gap<F: Element>(panel: &[[F; LANES]], centre: &[F], lead: &Lead<F>, slack: f32) -> [f32; LANES] {
    let mut squares = [F::zero(); LANES];
    for (x, middle) in panel.iter().zip(centre) {
        for l in 0..LANES {
            let difference = x[l] - *middle;
            squares[l] += difference * difference;
        }
    }
    let mut gaps = [0.0; LANES];
    for l in 0..LANES {
        let near = (lead.best[l] + squares[l]).wide() as f32 + slack;
        let far = (lead.second[l] + squares[l]).wide() as f32 - slack;
        let (near, far) = (if near > 0.0 { near.sqrt() } else { 0.0 }, if far > 0.0 { far.sqrt() } else { 0.0 });
        // The roots and the difference are rounded, and so was the step to `f32`: four units in the last place of the
        // larger are more than all of it.
        gaps[l] = far - near - 4.0 * f32::EPSILON * far;
    }
    gaps
}

#[inline(always)]
fn closer_panels<F: Element>(lanes: &[[F; LANES]], centroid: &[F], closest: &mut [[F; LANES]]) {
    for (panel, closest) in lanes.chunks_exact(centroid.len()).zip(closest) {
        let mut sum = [F::zero(); LANES];
        for (x, c) in panel.iter().zip(centroid) {
            for l in 0..LANES {
                let difference = x[l] - *c;
                sum[l] += difference * difference;
            }
        }
        for l in 0..LANES {
            closest[l] = if sum[l] < closest[l] { sum[l] } else { closest[l] };
        }
    }
}

#[inline(always)]
fn nearest_two_panel<F: Element, const TILE: usize>(panel: &[[f64; LANES]], centroids: &[F], found: &mut NearestTwo) {
    let k = centroids.len() / panel.len();
    let mut best = [f64::INFINITY; LANES];
    let mut second = [f64::INFINITY; LANES];
    let mut index = [0.0; LANES];
    let mut first = 0;
    while first + TILE <= k {
        nearest_two_tile::<F, TILE>(panel, centroids, first, &mut best, &mut second, &mut index);
        first += TILE;
    }
    while first < k {
        nearest_two_tile::<F, 1>(panel, centroids, first, &mut best, &mut second, &mut index);
        first += 1;
    }
    found.best = best;
    found.second = second;
    for (label, index) in found.label.iter_mut().zip(index) {
        *label = index as u16;
    }
}

#[inline(always)]
fn nearest_two_tile<F: Element, const TILE: usize>(
    panel: &[[f64; LANES]],
    centroids: &[F],
    first: usize,
    best: &mut [f64; LANES],
    second: &mut [f64; LANES],
    index: &mut [f64; LANES],
) {
    let dim = panel.len();
    let rows: [&[F]; TILE] = std::array::from_fn(|c| &centroids[(first + c) * dim..(first + c + 1) * dim]);
    let mut sums = [[0.0; LANES]; TILE];
    for d in 0..dim {
        let x = &panel[d];
        for c in 0..TILE {
            let w = rows[c][d].wide();
            for l in 0..LANES {
                let difference = x[l] - w;
                sums[c][l] += difference * difference;
            }
        }
    }
    for (c, sums) in sums.iter().enumerate() {
        let name = (first + c) as f64;
        for l in 0..LANES {
            let sum = sums[l];
            let nearer = sum < best[l];
            let runner_up = if nearer { best[l] } else { sum };
            second[l] = if runner_up < second[l] { runner_up } else { second[l] };
            best[l] = if nearer { sum } else { best[l] };
            index[l] = if nearer { name } else { index[l] };
        }
    }
}
