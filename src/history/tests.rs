//! The fold's finishing against its naive twin, and what becomes of lost lines.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    Column, NO_ITEM, Shard, Standing,
    bucket::Lines,
    finish::{FinishContext, FinishSpace, Finished, Ranks, finish},
    line::{Line, LineLayout},
    testing::{Row, shards_of},
};
use crate::{
    base::{date::DAY_SECONDS, hash::id_hash, interner::Interner},
    input::Reason,
};

fn everyone(_: &str) -> Standing {
    Standing::Personalised
}

fn all_wanted(_: Reason) -> bool {
    true
}

/// Lines as the scan gives them: members in order of arrival, items numbered as they are.
fn lines_of(rows: &[Row], members: &mut Interner) -> Vec<Line> {
    rows.iter()
        .enumerate()
        .map(|(i, r)| Line {
            member: members.intern(&r.member, id_hash(r.member.as_bytes()), None),
            item: if r.item == NO_ITEM { 0 } else { r.item + 1 },
            time: r.day as u32 * DAY_SECONDS + r.second,
            order: (!r.order.is_empty()).then(|| id_hash(r.order.as_bytes())),
            quantity: r.units * super::UNIT,
            amount: r.amount,
            discount: r.discount,
            is_return: r.units < 0,
            row: i as u64,
            ..Line::default()
        })
        .collect()
}

fn finish_rows(rows: &[Row], standing: &(dyn Fn(&str) -> Standing + Sync)) -> Finished {
    let mut members = Interner::default();
    let lines = lines_of(rows, &mut members);
    finish_lines(&lines, members, standing)
}

fn finish_lines(lines: &[Line], members: Interner, standing: &(dyn Fn(&str) -> Standing + Sync)) -> Finished {
    let ranks =
        Ranks { items: (0..100).collect(), places: Default::default(), has_discount: true, has_places: [false; 3] };
    let context = FinishContext { ranks: &ranks, standing, wanted: &all_wanted };
    let layout = LineLayout { places: [false; 3], sources: true };
    finish(&Lines::of(lines, members.into_texts(), layout), &context, &mut FinishSpace::default())
}

/// Net spend, kept lines and fully returned lines by member.
fn by_member(shard: &Shard) -> BTreeMap<String, (i64, usize, usize)> {
    (0..shard.members.len())
        .map(|m| {
            let lines = shard.member_lines(m);
            let spend = lines.clone().map(|line| shard.amount.at(line)).sum();
            let gone = shard.returned.iter().filter(|r| lines.contains(&(r.line as usize))).count();
            (shard.members.get(m).to_owned(), (spend, lines.len(), gone))
        })
        .collect()
}

fn any_row() -> impl Strategy<Value = Row> {
    ("[a-d]", 1i32..12, 0u32..4, -3i32..5, 1i64..500, prop::option::of("[x-z]")).prop_map(
        |(member, day, item, units, price, order)| {
            let units = if units == 0 { 1 } else { units };
            // One time a day and item ids that tell lines of a day apart: the twin nets by order, the fold by time.
            let mut row = Row::buy(&member, day, item, price * i64::from(units));
            row.units = units;
            row.order = order.map_or(String::new(), |o| format!("{o}{day}"));
            row
        },
    )
}

proptest! {
    #[test]
    fn equals_the_naive_twin(rows in prop::collection::vec(any_row(), 0..60)) {
        let mut distinct: Vec<Row> = Vec::new();
        for row in &rows {
            if !distinct.contains(row) {
                distinct.push(row.clone());
            }
        }
        let done = finish_rows(&rows, &everyone);
        prop_assert_eq!(done.kept as usize, distinct.len());
        prop_assert_eq!(done.counts.get(Reason::Duplicate) as usize, rows.len() - distinct.len());
        let twin = shards_of(&distinct, 1).remove(0);
        prop_assert_eq!(&done.shard.members, &twin.members);
        prop_assert_eq!(&done.shard.member_orders, &twin.member_orders);
        prop_assert_eq!(&done.shard.order_time, &twin.order_time);
        // Orders of one day may net in another sequence; what a member ends up with may not differ in lines.
        let (ours, theirs) = (by_member(&done.shard), by_member(&twin));
        for (member, (spend, lines, _)) in &ours {
            prop_assert!(*spend >= 0, "net spend of {} is {}", member, spend);
            prop_assert_eq!(*lines, theirs[member].1);
        }
    }

    #[test]
    fn one_order_a_day_equals_the_twin_exactly(rows in prop::collection::vec(any_row(), 0..60)) {
        let mut distinct: Vec<Row> = Vec::new();
        for mut row in rows {
            row.order.clear();
            if !distinct.contains(&row) {
                distinct.push(row);
            }
        }
        let mut twin = shards_of(&distinct, 1).remove(0);
        // The twin always has a channel column; this shop has none.
        twin.channel = Column::default();
        prop_assert_eq!(finish_rows(&distinct, &everyone).shard, twin);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(rows in prop::collection::vec(any_row(), 0..60), seed: u64) {
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|r| id_hash(format!("{seed}{r:?}").as_bytes()));
        prop_assert_eq!(finish_rows(&rows, &everyone).shard, finish_rows(&shuffled, &everyone).shard);
    }
}

#[test]
fn the_first_reason_counts_and_the_first_duplicate_stays() {
    let mut members = Interner::default();
    let row = Row::buy("a", 3, 1, 100);
    let mut lines = lines_of(&[row.clone(), row.clone(), row], &mut members);
    // Equal lines share their verdict: the first is no merchandise, the others are its duplicates.
    for line in &mut lines {
        line.verdict = 1;
    }
    let done = finish_lines(&lines, members, &everyone);
    assert_eq!((done.kept, done.members), (0, 0));
    assert_eq!(done.counts.get(Reason::NotMerchandise), 1);
    assert_eq!(done.counts.get(Reason::Duplicate), 2);
    let lost: Vec<(u64, Reason)> = done.lost.iter().map(|l| (l.row, l.reason)).collect();
    assert_eq!(lost, [(0, Reason::NotMerchandise), (1, Reason::Duplicate), (2, Reason::Duplicate)]);
}

#[test]
fn returns_take_the_latest_purchases_and_never_more_than_was_paid() {
    let buy = |day, units, amount| Row { units, ..Row::buy("a", day, 1, amount) };
    let rows = [buy(1, 2, 200), buy(5, 1, 80), buy(9, -2, -300), buy(10, -5, -500)];
    let done = finish_rows(&rows, &everyone);
    // The first return takes day 5 whole (80, less than its 150) and one of day 1 (150 of the 200 paid); the second the
    // other one, for what is left of the 200.
    assert_eq!(done.shard.amount.iter().collect::<Vec<_>>(), [200, 80, -230, -50]);
    let gone: Vec<(u32, i32)> = done.shard.returned.iter().map(|r| (r.line, r.day.0)).collect();
    assert_eq!(gone, [(0, 10), (1, 9)]);
    assert_eq!(done.unmatched_returns, 0);
    assert_eq!(finish_rows(&[buy(1, -1, -50), buy(2, 1, 50)], &everyone).unmatched_returns, 1);
}

#[test]
fn standing_decides_who_is_in() {
    let rows = [Row::buy("in", 1, 1, 5), Row::buy("generic", 1, 1, 5), Row::buy("out", 1, 1, 5)];
    let done = finish_rows(&rows, &|id| match id {
        "in" => Standing::Personalised,
        "generic" => Standing::OptedOut,
        _ => Standing::Excluded(super::Exclusion::Minor),
    });
    assert_eq!(done.shard.members.iter().collect::<Vec<_>>(), ["in"]);
    assert_eq!(done.opted_out, ["generic".into()]);
    assert_eq!(done.excluded, [super::Exclusion::Minor]);
    assert_eq!((done.kept, done.members), (3, 3));
}

#[test]
fn an_order_over_two_minutes_is_one_order() {
    let mut rows = [Row::buy("a", 1, 2, 5), Row::buy("a", 1, 1, 5), Row::buy("a", 1, 3, 5)];
    for (row, (order, second)) in rows.iter_mut().zip([("x", 0), ("y", 30), ("x", 60)]) {
        row.order = order.into();
        row.second = second;
    }
    let shard = finish_rows(&rows, &everyone).shard;
    assert_eq!(shard.orders(), 2);
    assert_eq!(shard.item[shard.lines_of(0)], [2, 3]);
    assert_eq!(shard.item[shard.lines_of(1)], [1]);
}
