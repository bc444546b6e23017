//! Count, means and cross products of rows of numbers, gathered in one pass (Welford 1962) and merged in a fixed order
//! (Chan, Golub, LeVeque 1983): the same bytes however the rows were spread over threads.

/// Moments of rows of a fixed width.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    width: usize,
    rows: u64,
    mean: Vec<f64>,
    /// Sums of products of differences to the means: shape `(width, width)`, row by row.
    cross: Vec<f64>,
    /// Room for the differences of the row at hand.
    difference: Vec<f64>,
}

impl Moments {
    /// Nothing yet, of rows of `width` numbers.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, rows: 0, mean: vec![0.0; width], cross: vec![0.0; width * width], difference: vec![0.0; width] }
    }

    /// Adds a row; numbers past the width are not looked at, missing ones are 0.
    pub fn add(&mut self, row: &[f64]) {
        self.rows += 1;
        let n = self.rows as f64;
        for (i, (difference, mean)) in self.difference.iter_mut().zip(&mut self.mean).enumerate() {
            *difference = row.get(i).copied().unwrap_or(0.0) - *mean;
            *mean += *difference / n;
        }
        let weight = (n - 1.0) / n;
        for i in 0..self.width {
            for j in 0..self.width {
                self.cross[i * self.width + j] += weight * self.difference[i] * self.difference[j];
            }
        }
    }

    /// Adds the rows of another one of the same width.
    pub fn merge(&mut self, other: &Self) {
        if other.rows == 0 {
            return;
        }
        if self.rows == 0 {
            *self = other.clone();
            return;
        }
        let (a, b) = (self.rows as f64, other.rows as f64);
        let n = a + b;
        for (difference, (mean, more)) in self.difference.iter_mut().zip(self.mean.iter_mut().zip(&other.mean)) {
            *difference = more - *mean;
            *mean += *difference * (b / n);
        }
        for i in 0..self.width {
            for j in 0..self.width {
                let at = i * self.width + j;
                self.cross[at] += other.cross[at] + self.difference[i] * self.difference[j] * (a * b / n);
            }
        }
        self.rows += other.rows;
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Mean of a column; 0 without a row.
    #[must_use]
    pub fn mean(&self, column: usize) -> f64 {
        self.mean[column]
    }

    /// Sum of products of differences to the means of two columns.
    #[must_use]
    pub fn cross(&self, a: usize, b: usize) -> f64 {
        self.cross[a * self.width + b]
    }

    /// Variance of a column with `n - 1` in the denominator; 0 with fewer than two rows.
    #[must_use]
    pub fn variance(&self, column: usize) -> f64 {
        if self.rows < 2 { 0.0 } else { (self.cross(column, column) / (self.rows - 1) as f64).max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_two_passes_and_merging() {
        let rows: Vec<[f64; 2]> = (0..100).map(|i| [f64::from(i * i % 17), 1e6 + f64::from(i % 5)]).collect();
        let mut all = Moments::new(2);
        rows.iter().for_each(|r| all.add(r));
        let mean = |c: usize| rows.iter().map(|r| r[c]).sum::<f64>() / 100.0;
        let cross = |a: usize, b: usize| rows.iter().map(|r| (r[a] - mean(a)) * (r[b] - mean(b))).sum::<f64>();
        assert!((all.mean(0) - mean(0)).abs() < 1e-9 && (all.mean(1) - mean(1)).abs() < 1e-6);
        assert!((all.cross(0, 1) - cross(0, 1)).abs() < 1e-6);
        assert!((all.variance(1) - cross(1, 1) / 99.0).abs() < 1e-9);
        let mut parts = Moments::new(2);
        for part in [&rows[..0], &rows[..13], &rows[13..]] {
            let mut own = Moments::new(2);
            part.iter().for_each(|r| own.add(r));
            parts.merge(&own);
        }
        assert_eq!(parts.rows(), 100);
        assert!((parts.mean(1) - all.mean(1)).abs() < 1e-9 && (parts.cross(1, 1) - all.cross(1, 1)).abs() < 1e-6);
    }
}
