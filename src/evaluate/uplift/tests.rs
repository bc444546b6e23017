//! By hand, and by simulation: intervals hold what they promise.

use rand::Rng as _;

use super::{
    super::{Moments, bootstrap_mean},
    *,
};
use crate::base::seed;

#[test]
fn shares_by_the_published_example() {
    // Newcombe (1998), Statist. Med. 17:873, table II: 56/70 against 48/80, method 10.
    let d = difference_of_shares((56, 70), (48, 80)).unwrap();
    assert!((d.difference - 0.2).abs() < 1e-12);
    assert!((d.low - 0.0524).abs() < 5e-5 && (d.high - 0.3339).abs() < 5e-5, "{d:?}");
    // 10/10 against 0/10: no share beyond 1.
    let d = difference_of_shares((10, 10), (0, 10)).unwrap();
    assert!((d.low - 0.6075).abs() < 5e-5 && (d.high - 1.0).abs() < 1e-12, "{d:?}");
    assert_eq!(difference_of_shares((0, 0), (1, 2)), None);
    // Wilson (1927) as in Newcombe's first paper (1998, table I): 81/263.
    let (low, high) = wilson(81, 263);
    assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5);
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}

fn arm(rows: &[&[f64]]) -> Moments {
    let mut moments = Moments::new(rows.first().map_or(1, |r| r.len()));
    rows.iter().for_each(|r| moments.add(r));
    moments
}

#[test]
fn means_by_hand() {
    let a = arm(&[&[1.0], &[2.0], &[3.0], &[4.0]]);
    let b = arm(&[&[2.0], &[4.0]]);
    let d = difference_of_means(&a, &b, 0).unwrap();
    // Variances 5/3 over 4 and 2 over 2: 17/12; freedom (17/12)² / ((5/12)²/3 + 1²/1).
    let freedom = (17.0f64 / 12.0).powi(2) / ((5.0f64 / 12.0).powi(2) / 3.0 + 1.0);
    let half = super::super::special::t_quantile(0.975, freedom) * (17.0f64 / 12.0).sqrt();
    assert!((d.difference + 0.5).abs() < 1e-12 && (d.high - d.low - 2.0 * half).abs() < 1e-9);
    assert_eq!(difference_of_means(&a, &arm(&[&[1.0]]), 0), None);
    // Nothing varies: the difference is known.
    let d = difference_of_means(&arm(&[&[1.0], &[1.0]]), &arm(&[&[0.0], &[0.0]]), 0).unwrap();
    assert_eq!((d.low, d.high), (1.0, 1.0));
}

#[test]
fn adjustment_takes_away_what_was_there_before() {
    // The outcome is three times the covariate, two more in the first arm, and a little noise.
    let noise = [0.1, -0.1, 0.05, -0.05, 0.0, 0.02, -0.02, 0.07];
    let row = |i: usize, treated: f64| [3.0 * i as f64 + 2.0 * treated + noise[i % 8], i as f64, 7.0, 2.0 * i as f64];
    let first: Vec<[f64; 4]> = (0..40).map(|i| row(i, 1.0)).collect();
    let second: Vec<[f64; 4]> = (0..60).map(|i| row(i, 0.0)).collect();
    let of = |rows: &[[f64; 4]]| arm(&rows.iter().map(|r| &r[..]).collect::<Vec<_>>());
    let (a, b) = (of(&first), of(&second));
    let plain = difference_of_means(&a, &b, 0).unwrap();
    assert!(plain.difference < -20.0, "the arms were not alike before");
    // A constant and a multiple among the covariates do no harm.
    let adjusted = adjusted_difference(&a, &b, 0, &[1, 2, 3]).unwrap();
    assert!((adjusted.difference.difference - 2.0).abs() < 0.05, "{adjusted:?}");
    assert!(adjusted.variance_reduction > 0.999 && adjusted.difference.covers(2.0));
    assert_eq!(adjusted_difference(&a, &b, 0, &[]), None);
    assert_eq!(adjusted_difference(&a, &b, 0, &[2]), None, "nothing varies");
}

#[test]
fn ratios_by_hand() {
    let fair = sample_ratio(&[480, 520], &[1.0, 1.0]).unwrap();
    assert!((fair.chi_square - 1.6).abs() < 1e-12 && fair.holds());
    assert!((fair.p_value - 0.205_903_210_733).abs() < 1e-9);
    let off = sample_ratio(&[9300, 700], &[0.95, 0.05]).unwrap();
    assert!(!off.holds() && off.chi_square > 80.0);
    assert_eq!(sample_ratio(&[5], &[1.0]), None);
    assert_eq!(sample_ratio(&[5, 5], &[1.0, 0.0]), None);
    assert_eq!(sample_ratio(&[0, 0], &[0.5, 0.5]), None);
}

#[test]
fn sizes_by_hand() {
    // Two arms of 16 σ²/δ² each, the usual rule of thumb: 15.7 to be exact.
    let n = 2 * holdout_needed(1.0, 0.1, 3140).unwrap();
    assert!((n as f64 - 3140.0).abs() < 40.0, "{n}");
    assert_eq!(holdout_needed(1.0, 0.1, 3100), None, "half of the members are too few");
    // With very many treated the holdout needs half as much: 7.85 σ²/δ².
    let needed = holdout_needed(1.0, 0.1, 10_000_000).unwrap();
    assert!((785..=786).contains(&needed), "{needed}");
    // What is needed is just what is detectable.
    let needed = holdout_needed(0.09, 0.01, 100_000).unwrap();
    assert!(detectable(0.09, 100_000 - needed, needed).unwrap() <= 0.01);
    assert!(detectable(0.09, 100_001 - needed, needed - 1).unwrap() > 0.01);
    assert_eq!(detectable(1.0, 0, 5), None);
    assert_eq!(holdout_needed(1.0, 0.0, 5000), None);
}

#[test]
fn power_is_what_it_says() {
    let mut rng = seed::rng(5, "power");
    let (n, h) = (4000u64, holdout_needed(0.2 * 0.8, 0.05, 4000).unwrap());
    let mut seen = 0;
    for _ in 0..1000 {
        let mut hits = |n: u64, p: f64| (0..n).filter(|_| rng.gen_bool(p)).count() as u64;
        let (treated, control) = (hits(n - h, 0.225), hits(h, 0.175));
        seen += u32::from(difference_of_shares((treated, n - h), (control, h)).unwrap().low > 0.0);
    }
    assert!((770..=830).contains(&seen), "{seen} of 1000 are seen");
}

/// A member of an A/A test: bought or not, spend, and what was spent before.
fn member(rng: &mut impl rand::Rng) -> [f64; 3] {
    let before = -(1.0 - rng.r#gen::<f64>()).ln() * 40.0;
    let bought = rng.gen_bool((0.05 + before / 400.0).min(0.9));
    let spend = if bought { 0.7 * before - 30.0 * (1.0 - rng.r#gen::<f64>()).ln() } else { 0.0 };
    [f64::from(u8::from(bought)), spend, before]
}

#[test]
fn intervals_of_nothing_hold_nothing_nineteen_times_of_twenty() {
    const TRIALS: u32 = 2000;
    let mut rng = seed::rng(11, "a/a");
    let (mut shares, mut means, mut adjusted, mut off) = (0, 0, 0, 0);
    let mut reduction = 0.0;
    for _ in 0..TRIALS {
        let (mut a, mut b) = (Moments::new(3), Moments::new(3));
        let (mut hits, mut n) = ([0u64; 2], [0u64; 2]);
        for _ in 0..1000 {
            let row = member(&mut rng);
            // A fifth is held out.
            let held = usize::from(rng.gen_bool(0.2));
            hits[held] += row[0] as u64;
            n[held] += 1;
            if held == 0 { a.add(&row) } else { b.add(&row) }
        }
        let share = difference_of_shares((hits[0], n[0]), (hits[1], n[1])).unwrap();
        let mean = difference_of_means(&a, &b, 1).unwrap();
        let cuped = adjusted_difference(&a, &b, 1, &[2]).unwrap();
        shares += u32::from(share.covers(0.0));
        means += u32::from(mean.covers(0.0));
        adjusted += u32::from(cuped.difference.covers(0.0));
        reduction += cuped.variance_reduction / f64::from(TRIALS);
        off += u32::from(!sample_ratio(&n, &[0.8, 0.2]).unwrap().holds());
    }
    // 1900 of 2000 with a standard deviation of 9.7; spend is skewed, and its holdout small.
    for (name, covered) in [("shares", shares), ("means", means), ("adjusted", adjusted)] {
        assert!((1865..=1935).contains(&covered), "{name}: {covered} of {TRIALS}");
    }
    assert!(off <= 8, "{off} false alarms of {TRIALS}, 2 expected");
    assert!((0.2..0.8).contains(&reduction), "{reduction}");
}

#[test]
fn a_planted_effect_is_found_and_welch_agrees_with_the_bootstrap() {
    let mut rng = seed::rng(3, "planted");
    let (mut a, mut b) = (Moments::new(3), Moments::new(3));
    let (mut treated, mut control) = (Vec::new(), Vec::new());
    for i in 0..40_000 {
        let mut row = member(&mut rng);
        if i % 5 == 0 {
            control.push(row[1]);
            b.add(&row);
        } else {
            row[1] += 2.5;
            treated.push(row[1]);
            a.add(&row);
        }
    }
    let (plain, cuped) = (difference_of_means(&a, &b, 1).unwrap(), adjusted_difference(&a, &b, 1, &[2]).unwrap());
    assert!(plain.covers(2.5) && cuped.difference.covers(2.5) && cuped.difference.low > 0.0, "{plain:?} {cuped:?}");
    assert!(cuped.difference.high - cuped.difference.low < plain.high - plain.low);
    // Bootstrap of each arm; half widths add up in squares.
    let half = |values: &[f64], label: &str| {
        let i = bootstrap_mean(values, 400, 9, label).unwrap();
        (i.high - i.low) / 2.0
    };
    let by_resampling = half(&treated, "treated").hypot(half(&control, "control"));
    let by_welch = (plain.high - plain.low) / 2.0;
    assert!((by_resampling / by_welch - 1.0).abs() < 0.1, "{by_resampling} against {by_welch}");
}
