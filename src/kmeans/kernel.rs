//! The inner loops, compiled once per instruction set and chosen at run time.
//!
//! Every lane is one row and adds its features up in column order, so a lane's result does not depend on the width of
//! the registers, only on whether multiply and add are fused. The exact distances of [`nearest_two`] never fuse and are
//! therefore the same on every CPU, and the same as the plain loop over one row.

use super::{Element, panels::LANES};

/// Centroids prepared for [`nearest`].
pub(super) struct Targets<F> {
    /// `−2c`, shape `(k, dim)`.
    scaled: Vec<F>,
    /// `|c|²`, one a centroid.
    squares: Vec<F>,
}

impl<F: Element> Targets<F> {
    /// Prepares `centroids`, shape `(k, dim)` in row order.
    pub fn new(centroids: &[F], dim: usize) -> Self {
        let minus_two = F::narrow(-2.0);
        let square = |c: &[F]| F::narrow(c.iter().map(|v| v.wide() * v.wide()).sum());
        Self {
            scaled: centroids.iter().map(|v| *v * minus_two).collect(),
            squares: centroids.chunks_exact(dim).map(square).collect(),
        }
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

multiversion! {
    /// Index of the centroid with the least `|c|² − 2x·c` for every lane of every panel, ties to the lower index.
    /// `lanes` has shape `(panels, dim)`, `labels` one entry a panel.
    nearest<F>(lanes: &[[F; LANES]], dim: usize, targets: &Targets<F>, labels: &mut [[u16; LANES]]),
    avx512: nearest_panels::<F, 4, true>(lanes, dim, targets, labels),
    avx2: nearest_panels::<F, 2, true>(lanes, dim, targets, labels),
    else: nearest_panels::<F, 1, false>(lanes, dim, targets, labels)
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

#[inline(always)]
fn nearest_panels<F: Element, const TILE: usize, const FUSED: bool>(
    lanes: &[[F; LANES]],
    dim: usize,
    targets: &Targets<F>,
    labels: &mut [[u16; LANES]],
) {
    let k = targets.squares.len();
    for (panel, labels) in lanes.chunks_exact(dim).zip(labels) {
        let mut best = [F::infinity(); LANES];
        // Kept as floats so that the selection works on registers of one width; exact far beyond 65535.
        let mut index = [F::zero(); LANES];
        let mut first = 0;
        while first + TILE <= k {
            nearest_tile::<F, TILE, FUSED>(panel, targets, first, &mut best, &mut index);
            first += TILE;
        }
        while first < k {
            nearest_tile::<F, 1, FUSED>(panel, targets, first, &mut best, &mut index);
            first += 1;
        }
        for (label, index) in labels.iter_mut().zip(index) {
            *label = index.wide() as u16;
        }
    }
}

/// `TILE` centroids against one panel: the sums stay in registers over all features.
#[inline(always)]
fn nearest_tile<F: Element, const TILE: usize, const FUSED: bool>(
    panel: &[[F; LANES]],
    targets: &Targets<F>,
    first: usize,
    best: &mut [F; LANES],
    index: &mut [F; LANES],
) {
    let dim = panel.len();
    let rows: [&[F]; TILE] = std::array::from_fn(|c| &targets.scaled[(first + c) * dim..(first + c + 1) * dim]);
    let mut sums: [[F; LANES]; TILE] = std::array::from_fn(|c| [targets.squares[first + c]; LANES]);
    for d in 0..dim {
        let x = &panel[d];
        for c in 0..TILE {
            let w = rows[c][d];
            for l in 0..LANES {
                sums[c][l] = if FUSED { x[l].fused(w, sums[c][l]) } else { x[l] * w + sums[c][l] };
            }
        }
    }
    for (c, sums) in sums.iter().enumerate() {
        let name = F::narrow((first + c) as f64);
        for l in 0..LANES {
            let nearer = sums[l] < best[l];
            best[l] = if nearer { sums[l] } else { best[l] };
            index[l] = if nearer { name } else { index[l] };
        }
    }
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
