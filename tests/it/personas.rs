//! The personas planted in the generated shop, found again.

use std::collections::BTreeMap;

use super::support::{Table, demo, shop};

/// Adjusted Rand index of two labellings of the same members (Hubert, Arabie 1985): 1 where they agree, about 0 by chance.
fn adjusted_rand<'t>(pairs: impl Iterator<Item = (&'t str, &'t str)>) -> f64 {
    let (mut table, mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut n = 0.0;
    for (a, b) in pairs {
        *table.entry((a, b)).or_insert(0.0) += 1.0;
        *rows.entry(a).or_insert(0.0) += 1.0;
        *columns.entry(b).or_insert(0.0) += 1.0;
        n += 1.0;
    }
    let choose = |n: &f64| n * (n - 1.0) / 2.0;
    let (both, a, b): (f64, f64, f64) =
        (table.values().map(choose).sum(), rows.values().map(choose).sum(), columns.values().map(choose).sum());
    let expected = a * b / choose(&n);
    (both - expected) / ((a + b) / 2.0 - expected)
}

#[test]
fn the_index_itself() {
    let same = [("a", "x"), ("a", "x"), ("b", "y"), ("b", "y")];
    assert_eq!(adjusted_rand(same.into_iter()), 1.0);
    let crossed = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")];
    assert!(adjusted_rand(crossed.into_iter()) < 0.0);
}

#[test]
fn segments_are_the_personas() {
    let truth = Table::read(&shop("truth/members.parquet"));
    let personas: BTreeMap<&str, &str> = truth
        .names("member_id")
        .into_iter()
        .zip(truth.names("persona").into_iter().zip(truth.texts("persona_after")))
        // A drifting member ends as the other persona.
        .map(|(member, (before, after))| (member, after.unwrap_or(before)))
        .collect();
    let segments = demo().table("segments.parquet");
    let pairs = segments
        .names("member_id")
        .into_iter()
        .zip(segments.texts("segment_code"))
        .filter_map(|(member, code)| Some((personas[member], code?)));
    let index = adjusted_rand(pairs);
    assert_eq!(demo().manifest.segments.len(), 8);
    assert!(index >= 0.9, "adjusted Rand index {index}");
    println!("adjusted Rand index against the personas: {index:.3}");
}
