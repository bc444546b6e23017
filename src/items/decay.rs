//! Decay in fixed point, so that a decayed sum is exact whatever its order.

/// The weight of age 0: weights are 2³² ths.
pub const ONE: u64 = 1 << 32;

/// Ages past this weigh nothing: a century.
const OLDEST: usize = 36_525;

/// `round(2^(-age / half_life) · 2³²)` by age, for several half-lives side by side.
#[derive(Debug, Clone)]
pub struct DecayTable {
    half_lives: Vec<f64>,
    /// Shape `(ages, half_lives)`, row-major; ages past the last row weigh 0.
    weights: Vec<u64>,
}

impl DecayTable {
    /// Tables of half-lives (days, or baskets where the data has no time), each positive.
    #[must_use]
    pub fn new(half_lives: &[f64]) -> Self {
        let longest = half_lives.iter().copied().fold(0.0, f64::max);
        // 2^-33 rounds to no weight at all.
        let ages = ((longest * 33.0).ceil() as usize).min(OLDEST) + 1;
        let weights = (0..ages).flat_map(|age| half_lives.iter().map(move |h| weight(age, *h))).collect();
        Self { half_lives: half_lives.to_vec(), weights }
    }

    /// The half-lives, in the order of every weight row.
    #[must_use]
    pub fn half_lives(&self) -> &[f64] {
        &self.half_lives
    }

    /// The weights of `age`, one a half-life; empty where all are 0.
    #[must_use]
    pub fn at(&self, age: usize) -> &[u64] {
        let width = self.half_lives.len();
        age.checked_mul(width).and_then(|start| self.weights.get(start..start + width)).unwrap_or_default()
    }
}

fn weight(age: usize, half_life: f64) -> u64 {
    ((-(age as f64) / half_life).exp2() * ONE as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        let table = DecayTable::new(&[10.0, 30.0]);
        assert_eq!(table.at(0), [ONE, ONE]);
        assert_eq!(table.at(10)[0], ONE / 2);
        assert_eq!(table.at(30)[1], ONE / 2);
        assert_eq!(table.at(usize::MAX), [] as [u64; 0]);
        assert_eq!(table.at(30 * 33 + 1), [] as [u64; 0]);
        assert!(DecayTable::new(&[]).at(0).is_empty());
    }
}
