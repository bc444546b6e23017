//! Whether probabilities come true.

/// A row of the reliability table.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Bin {
    /// Forecasts in the bin.
    pub forecasts: u64,
    /// Smallest probability.
    pub low: f64,
    /// Largest probability.
    pub high: f64,
    /// Mean probability.
    pub forecast: f64,
    /// Share that came true.
    pub observed: f64,
}

/// How well probabilities came true.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Calibration {
    /// Forecasts.
    pub forecasts: u64,
    /// Mean probability.
    pub forecast: f64,
    /// Share that came true.
    pub observed: f64,
    /// Brier score: mean of (probability − outcome)² (Brier 1950). Lower is better.
    pub brier: f64,
    /// Brier score of forecasting the share that came true for everyone.
    pub brier_base: f64,
    /// Mean distance of forecast and observed over the bins, weighted by their forecasts (expected calibration error).
    pub calibration_error: f64,
    /// Bins of equally many forecasts, by rising probability; equal probabilities share a bin.
    pub bins: Vec<Bin>,
}

/// The reliability of `(probability, came true)` forecasts in at most `bins` bins. `None` without a forecast.
#[must_use]
pub fn calibration(forecasts: &[(f64, bool)], bins: usize) -> Option<Calibration> {
    if forecasts.is_empty() {
        return None;
    }
    let mut sorted = forecasts.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let n = sorted.len();
    let outcome = |came: bool| if came { 1.0 } else { 0.0 };
    let mean = |part: &[(f64, bool)], get: &dyn Fn(&(f64, bool)) -> f64| {
        part.iter().map(get).sum::<f64>() / part.len().max(1) as f64
    };
    let observed = mean(&sorted, &|f| outcome(f.1));
    let mut rows = Vec::with_capacity(bins);
    let mut from = 0;
    for bin in 1..=bins {
        let mut to = (n * bin / bins.max(1)).max(from);
        while to > from && to < n && sorted[to].0 == sorted[to - 1].0 {
            to += 1;
        }
        let part = &sorted[from..to];
        if let (Some(first), Some(last)) = (part.first(), part.last()) {
            rows.push(Bin {
                forecasts: part.len() as u64,
                low: first.0,
                high: last.0,
                forecast: mean(part, &|f| f.0),
                observed: mean(part, &|f| outcome(f.1)),
            });
        }
        from = to;
    }
    let error = rows.iter().map(|r| r.forecasts as f64 * (r.forecast - r.observed).abs()).sum::<f64>() / n as f64;
    Some(Calibration {
        forecasts: n as u64,
        forecast: mean(&sorted, &|f| f.0),
        observed,
        brier: mean(&sorted, &|f| (f.0 - outcome(f.1)).powi(2)),
        brier_base: observed * (1.0 - observed),
        calibration_error: error,
        bins: rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let forecasts = [(0.1, false), (0.1, false), (0.3, true), (0.9, true)];
        let c = calibration(&forecasts, 2).unwrap();
        assert!((c.brier - (0.01 + 0.01 + 0.49 + 0.01) / 4.0).abs() < 1e-12);
        assert_eq!((c.observed, c.brier_base), (0.5, 0.25));
        assert_eq!(c.bins.len(), 2);
        assert_eq!((c.bins[0].forecasts, c.bins[0].observed), (2, 0.0));
        assert!((c.bins[1].forecast - 0.6).abs() < 1e-12 && c.bins[1].observed == 1.0);
        assert!((c.calibration_error - (0.1 + 0.4) / 2.0).abs() < 1e-12);
        assert_eq!(calibration(&[], 3), None);
    }

    #[test]
    fn equal_probabilities_share_a_bin() {
        let forecasts: Vec<(f64, bool)> = (0..100).map(|i| (if i < 70 { 0.2 } else { 0.6 }, i % 2 == 0)).collect();
        let c = calibration(&forecasts, 10).unwrap();
        assert_eq!(c.bins.iter().map(|b| b.forecasts).collect::<Vec<_>>(), [70, 30]);
    }
}
