//! Members of two runs side by side, and the moves between segments.

use std::{cmp::Ordering, collections::BTreeMap};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int32Type,
};

use super::{MembersChange, Move, Pair};
use crate::run::{RunError, published::Published};

/// One member of one run.
struct Row<'a> {
    id: &'a str,
    segment: i32,
    nearest: i32,
}

/// `segments.parquet` of a run, in its order: that of the ids' bytes.
struct Members(Vec<RecordBatch>);

impl Members {
    fn read(run: &Published, pair: &Pair) -> Result<Self, RunError> {
        let columns = ["member_id", "segment_id", "nearest_segment"];
        Ok(Self(run.table(&pair.engine, "segments.parquet", &columns, RecordBatch::clone)?.unwrap_or_default()))
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().flat_map(|batch| {
            let (ids, segments) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int32Type>());
            let nearest = batch.column(2).as_primitive::<Int32Type>();
            (0..batch.num_rows()).map(move |i| Row {
                id: ids.value(i),
                segment: segments.value(i),
                nearest: nearest.value(i),
            })
        })
    }
}

/// Two sorted sequences of keys, joined: every key once, with what each side has.
pub(super) fn joined<A, B, K: Ord>(
    a: impl Iterator<Item = A>,
    b: impl Iterator<Item = B>,
    key_a: impl Fn(&A) -> K,
    key_b: impl Fn(&B) -> K,
    mut each: impl FnMut(Option<A>, Option<B>),
) {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => key_a(x).cmp(&key_b(y)),
        };
        match order {
            Ordering::Less => each(a.next(), None),
            Ordering::Greater => each(None, b.next()),
            Ordering::Equal => each(a.next(), b.next()),
        }
    }
}

/// Who came, left and moved, with up to `examples` ids a move.
pub(super) fn compare(pair: &Pair, examples: usize) -> Result<(MembersChange, Vec<Move>), RunError> {
    let (before, after) = (Members::read(&pair.before, pair)?, Members::read(&pair.after, pair)?);
    let mut change = MembersChange::default();
    let mut table: BTreeMap<(i32, i32), (u64, Vec<String>)> = BTreeMap::new();
    joined(
        before.rows(),
        after.rows(),
        |r| r.id,
        |r| r.id,
        |a, b| {
            change.before += u64::from(a.is_some());
            change.after += u64::from(b.is_some());
            change.held += u64::from(b.as_ref().is_some_and(|b| b.segment != b.nearest));
            match (a, b) {
                (Some(a), Some(b)) => {
                    change.both += 1;
                    let cell = table.entry((a.segment, b.segment)).or_default();
                    cell.0 += 1;
                    if a.segment != b.segment && cell.1.len() < examples {
                        cell.1.push(b.id.to_owned());
                    }
                }
                (None, Some(_)) => change.joined += 1,
                _ => change.left += 1,
            }
        },
    );
    change.moved = table.iter().filter(|((from, to), _)| from != to).map(|(_, (n, _))| n).sum();
    change.moved_share = if change.both > 0 { change.moved as f64 / change.both as f64 } else { 0.0 };
    change.adjusted_rand = adjusted_rand(table.iter().map(|(cell, (n, _))| (*cell, *n)));
    let code = |run: &Published, id: i32| {
        let found = run.manifest.segments.iter().find(|s| s.id == id);
        found.map_or_else(|| format!("segment {id}"), |s| s.code.clone())
    };
    let mut moves: Vec<Move> = table
        .into_iter()
        .filter(|((from, to), _)| from != to)
        .map(|((from, to), (members, examples))| Move {
            from: code(&pair.before, from),
            to: code(&pair.after, to),
            members,
            examples,
        })
        .collect();
    moves.sort_by(|a, b| (b.members, &a.from, &a.to).cmp(&(a.members, &b.from, &b.to)));
    Ok((change, moves))
}

/// Adjusted Rand index of two partitions from their contingency table: `(S − E) / (M − E)` with S the pairs together in
/// both, E what chance gives with these sizes, M the mean of the pairs together in each (Hubert & Arabie, *Comparing
/// partitions*, 1985). 1 where both partitions are of one part, or there is nothing to compare.
fn adjusted_rand(cells: impl Iterator<Item = ((i32, i32), u64)>) -> f64 {
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let (mut rows, mut columns): (BTreeMap<i32, u64>, BTreeMap<i32, u64>) = (BTreeMap::new(), BTreeMap::new());
    let (mut together, mut all) = (0.0, 0);
    for ((a, b), n) in cells {
        together += pairs(n);
        *rows.entry(a).or_default() += n;
        *columns.entry(b).or_default() += n;
        all += n;
    }
    let sum = |sizes: &BTreeMap<i32, u64>| sizes.values().map(|n| pairs(*n)).sum::<f64>();
    let (a, b) = (sum(&rows), sum(&columns));
    let chance = if all > 1 { a * b / pairs(all) } else { 0.0 };
    let most = f64::midpoint(a, b);
    if (most - chance).abs() < 1e-12 { 1.0 } else { (together - chance) / (most - chance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rand_of_known_partitions() {
        let index = |cells: &[((i32, i32), u64)]| adjusted_rand(cells.iter().copied());
        assert!((index(&[((1, 7), 5), ((2, 9), 4)]) - 1.0).abs() < 1e-12);
        // scikit-learn: adjusted_rand_score([0,0,1,1,1,1], [0,0,0,1,1,1]) = 0.3243243243243243 (12/37).
        assert!((index(&[((0, 0), 2), ((1, 0), 1), ((1, 1), 3)]) - 12.0 / 37.0).abs() < 1e-9);
        assert!((index(&[((0, 0), 4)]) - 1.0).abs() < 1e-12);
        assert!((index(&[]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn joins_sorted_rows() {
        let (a, b) = ([1, 2, 4, 6], [2, 3, 6, 7]);
        let mut seen = Vec::new();
        joined(a.iter(), b.iter(), |x| **x, |x| **x, |x, y| seen.push((x.copied(), y.copied())));
        let want = [
            (Some(1), None),
            (Some(2), Some(2)),
            (None, Some(3)),
            (Some(4), None),
            (Some(6), Some(6)),
            (None, Some(7)),
        ];
        assert_eq!(seen, want);
    }
}
