//! Draws that are the same on every platform: only integer arithmetic and the exact operations of IEEE 754 (`+ − × ÷`),
//! never `exp`, `ln` or `pow`, whose last digit differs between math libraries.

use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::base::hash::salted_hash;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream of one member (or item, …) under a stream seed: independent of every other member's.
    pub(super) fn of(stream: u64, index: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(salted_hash(&index.to_le_bytes(), stream)))
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..n`; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        (((self.0.next_u64() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in `low..=high`; `low` if `high` is lower.
    pub(super) fn range(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as u32) as i32
    }

    /// True with a probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// About standard normal: the scaled sum of four uniform numbers, within ±3.47.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * 1.732_050_807_568_877_2
    }

    /// A factor around 1, about log-normal with this sigma (at most 1).
    pub(super) fn factor(&mut self, sigma: f64) -> f64 {
        // (1 + x/16)^16 stands in for exp(x).
        let mut y = 1.0 + sigma * self.normal() / 16.0;
        for _ in 0..4 {
            y *= y;
        }
        y
    }

    /// A skewed lag in whole days with this mean, at most three times the mean.
    pub(super) fn lag(&mut self, mean: f64) -> i32 {
        let u = self.unit();
        (3.0 * mean * u * u) as i32
    }

    /// Index of a weight, in proportion; the last if the weights sum to nothing.
    pub(super) fn pick(&mut self, weights: &[f64]) -> usize {
        let mut at = self.unit() * weights.iter().sum::<f64>();
        for (i, weight) in weights.iter().enumerate() {
            at -= weight;
            if at < 0.0 {
                return i;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// A rank below `n`, the low ranks far more often: cube of a uniform number.
    pub(super) fn rank(&mut self, n: u32) -> u32 {
        let u = self.unit();
        (f64::from(n) * u * u * u) as u32
    }

    /// Shuffles in place.
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_stated_moments() {
        let mut dice = Dice::of(1, 2);
        let n = 200_000;
        let (mut sum, mut square, mut lag, mut picked) = (0.0, 0.0, 0.0, [0u32; 3]);
        for _ in 0..n {
            let x = dice.normal();
            sum += x;
            square += x * x;
            lag += f64::from(dice.lag(30.0)) + 0.5;
            picked[dice.pick(&[1.0, 0.0, 3.0])] += 1;
            assert!(dice.below(7) < 7 && dice.rank(5) < 5 && (2..=4).contains(&dice.range(2, 4)));
        }
        assert!((sum / f64::from(n)).abs() < 0.02 && (square / f64::from(n) - 1.0).abs() < 0.02);
        assert!((lag / f64::from(n) - 30.0).abs() < 0.5);
        assert!(picked[1] == 0 && picked[0].abs_diff(n as u32 / 4) < 1_500);
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.range(3, 1), 3);
    }
}
