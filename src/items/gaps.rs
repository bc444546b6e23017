//! A bounded, exact histogram of gaps in days.

/// Bins of one histogram.
pub const BINS: usize = 128;

/// Gaps below this have a bin each; above, an octave has sixteen.
const EXACT: u32 = 64;

/// The bin of a gap.
#[must_use]
pub fn bin(gap: u32) -> usize {
    if gap < EXACT {
        return gap as usize;
    }
    let octave = gap.ilog2();
    let step = (gap >> (octave - 4)) & 15;
    ((EXACT + 16 * (octave - 6) + step) as usize).min(BINS - 1)
}

/// The middle of a bin, in days; exact below 64.
#[must_use]
pub fn middle(bin: usize) -> u32 {
    let bin = bin as u32;
    if bin < EXACT {
        return bin;
    }
    let (octave, step) = (6 + (bin - EXACT) / 16, (bin - EXACT) % 16);
    let width = 1 << (octave - 4);
    (16 + step) * width + (width - 1) / 2
}

/// The usual gap between two purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct UsualGap {
    /// Lower median in days; past 63 days within 3%.
    pub days: u32,
    /// Gaps it rests on.
    pub count: u64,
}

/// How the gaps of a histogram lie about their median.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct GapShape {
    /// The median.
    pub usual: UsualGap,
    /// Gaps shorter than half of it.
    pub early: u64,
}

impl GapShape {
    /// Share of the gaps that are shorter than half the median. Purchases that come at random (memoryless) have
    /// `1 - 2^(-1/2)`, 29%.
    #[must_use]
    pub fn early_share(&self) -> f64 {
        self.early as f64 / self.usual.count.max(1) as f64
    }
}

/// The shape of a histogram of [`BINS`] bins; `None` where it is empty.
#[must_use]
pub fn shape(histogram: &[u32]) -> Option<GapShape> {
    let usual = usual(histogram)?;
    let early = histogram.iter().enumerate().filter(|(at, _)| 2 * middle(*at) < usual.days);
    Some(GapShape { usual, early: early.map(|(_, count)| u64::from(*count)).sum() })
}

/// The lower median of a histogram of [`BINS`] bins; `None` where it is empty.
#[must_use]
pub fn usual(histogram: &[u32]) -> Option<UsualGap> {
    let count: u64 = histogram.iter().map(|c| u64::from(*c)).sum();
    let mut left = count.div_ceil(2);
    for (at, bin) in histogram.iter().enumerate() {
        if u64::from(*bin) >= left && left > 0 {
            return Some(UsualGap { days: middle(at), count });
        }
        left -= u64::from(*bin).min(left);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_in_order_and_narrow() {
        let mut last = 0;
        for gap in 0..1024 {
            let b = bin(gap);
            assert!(b == last || b == last + 1, "{gap}");
            last = b;
            assert!(middle(b).abs_diff(gap) * 32 <= gap, "{gap} in {b}: {}", middle(b));
        }
        assert_eq!(last, BINS - 1);
        assert_eq!(bin(u32::MAX), BINS - 1);
    }

    #[test]
    fn what_comes_early() {
        assert_eq!(shape(&[0; BINS]), None);
        let mut histogram = vec![0; BINS];
        for (gap, count) in [(4, 3), (14, 1), (15, 2), (30, 20), (33, 14)] {
            histogram[bin(gap)] = count;
        }
        let found = shape(&histogram).unwrap();
        // The median is 30: what came after less than 15 days came early.
        assert_eq!(found, GapShape { usual: UsualGap { days: 30, count: 40 }, early: 4 });
        assert!((found.early_share() - 0.1).abs() < 1e-12);
        // Gaps that come at random: 2^(-x / 40) of them are longer than x.
        for (gap, count) in histogram.iter_mut().enumerate().take(64) {
            let longer = |x: f64| 1e6 * (-x / 40.0).exp2();
            *count = (longer(gap as f64) - longer(gap as f64 + 1.0)) as u32;
        }
        histogram[BINS - 1] = 1e6 as u32 - histogram[..64].iter().sum::<u32>();
        assert!((shape(&histogram).unwrap().early_share() - 0.29).abs() < 0.02);
    }

    #[test]
    fn lower_median() {
        let mut histogram = vec![0; BINS];
        assert_eq!(usual(&histogram), None);
        for gap in [3, 9, 9, 40] {
            histogram[bin(gap)] += 1;
        }
        assert_eq!(usual(&histogram), Some(UsualGap { days: 9, count: 4 }));
        histogram[bin(2)] += 2;
        assert_eq!(usual(&histogram).unwrap().days, 3);
    }
}
