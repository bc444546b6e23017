//! From scores to the probability of buying within the horizon.

/// Points of the curve.
const KNOTS: usize = 16;

/// How many of the best scores lie above each bin's lower end, best bin first, in 1024ths.
const FROM_TOP: [usize; KNOTS] = [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 640, 768, 896, 1024];

/// Scored items of a bin, at least.
const LEAST_OF_BIN: usize = 30;

/// The bins of `n` rising scores, lowest first: start and end.
fn bins(n: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::with_capacity(KNOTS);
    let mut end = n;
    for share in FROM_TOP {
        let start = n - n * share / 1024;
        if end - start >= LEAST_OF_BIN {
            found.push((start, end));
            end = start;
        }
    }
    if let Some(lowest) = found.last_mut() {
        lowest.0 = 0;
    }
    found.reverse();
    found
}

/// Scored items a calibration needs.
const LEAST: usize = 500;

/// A rising curve from scores to probabilities: isotonic regression (Ayer et al. 1955; pool adjacent violators) of what
/// was bought on bins of scores, straight between the bins' middles. The lower half of the scores is in five bins, the rest
/// in bins that become finer towards the top, where most is decided.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Calibration {
    /// (score, probability), both rising.
    knots: [(f64, f64); KNOTS],
}

impl Calibration {
    /// Learns the curve from `(score, bought)` pairs; the order of the pairs does not matter. `None` from fewer than 500.
    #[must_use]
    pub fn fit(mut pairs: Vec<(f64, bool)>) -> Option<Self> {
        if pairs.len() < LEAST {
            return None;
        }
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // Mean score, rate and pairs of each block; blocks that fall are pooled.
        let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
        for (start, end) in bins(pairs.len()) {
            let part = &pairs[start..end];
            let n = part.len() as f64;
            let score = part.iter().map(|p| p.0).sum::<f64>() / n;
            // One purchase more and one less: no bin is certain.
            let rate = (part.iter().filter(|p| p.1).count() as f64 + 0.5) / (n + 1.0);
            blocks.push((score, rate, n));
            while let [.., a, b] = blocks[..] {
                if a.1 < b.1 {
                    break;
                }
                let whole = a.2 + b.2;
                let pooled = ((a.0 * a.2 + b.0 * b.2) / whole, (a.1 * a.2 + b.1 * b.2) / whole, whole);
                blocks.truncate(blocks.len() - 2);
                blocks.push(pooled);
            }
        }
        // The last point is repeated to keep the number of points.
        let last = blocks.last().map_or((0.0, 0.0), |block| (block.0, block.1));
        let mut knots = [last; KNOTS];
        for (knot, block) in knots.iter_mut().zip(&blocks) {
            *knot = (block.0, block.1);
        }
        Some(Self { knots })
    }

    /// The probability that an item of this score is bought within the horizon, in (0, 1).
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let after = self.knots.partition_point(|knot| knot.0 < score);
        match (after.checked_sub(1).map(|at| self.knots[at]), self.knots.get(after)) {
            (Some((x0, y0)), Some((x1, y1))) if *x1 > x0 => y0 + (y1 - y0) * (score - x0) / (x1 - x0),
            (Some((_, y)), _) => y,
            // Below the first point: straight to nothing.
            (None, Some((x, y))) if *x > 0.0 => y * (score / x).clamp(0.0, 1.0),
            (None, first) => first.map_or(0.0, |knot| knot.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recovers_a_known_curve() {
        // Scores 0 … 1, bought with probability score² (by a fixed pattern).
        let pairs: Vec<(f64, bool)> = (0..20_000u32)
            .map(|i| {
                let score = f64::from(i) / 20_000.0;
                let draw = f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 24);
                (score, draw < score * score)
            })
            .collect();
        let curve = Calibration::fit(pairs).unwrap();
        for score in [0.1, 0.3, 0.5, 0.9] {
            assert!((curve.probability(score) - score * score).abs() < 0.03, "{score}: {}", curve.probability(score));
        }
        assert_eq!(Calibration::fit(vec![(0.5, true); 499]), None);
    }

    proptest! {
        #[test]
        fn rises_and_stays_a_probability(scores in proptest::collection::vec((0u32..50, any::<bool>()), 500..900)) {
            let pairs = scores.iter().map(|(s, b)| (f64::from(*s) / 10.0, *b)).collect();
            let curve = Calibration::fit(pairs).unwrap();
            let mut last = 0.0;
            for step in 0..200 {
                let p = curve.probability(f64::from(step) / 20.0);
                prop_assert!(p >= last && p < 1.0, "{step}: {p} after {last}");
                last = p;
            }
        }
    }
}
