//! Tags and lists of two runs side by side.

use std::collections::{BTreeMap, HashMap};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::Int32Type,
};

use super::{ListsChange, OfferChange, Pair, TagChange, members::joined};
use crate::{
    base::hash::{id_hash, salted_hash},
    run::{RunError, published::Published},
};

/// What a member holds: hash of the member's id, and hashes of what is held.
type Holdings = Vec<(u64, Vec<Holding>)>;

/// One thing that a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Holding {
    /// Hash of the whole: a tag, or offer, item and category.
    what: u64,
    /// Hash of what it is counted under: the tag, or the offer.
    under: u64,
    /// The slot; 0 for tags.
    slot: i32,
}

/// Rows, sorted by member, then by what is held.
fn holdings(parts: Vec<Vec<(u64, Holding)>>) -> Holdings {
    let mut rows: Vec<(u64, Holding)> = parts.into_iter().flatten().collect();
    rows.sort_unstable();
    let mut all: Holdings = Vec::new();
    for (member, holding) in rows {
        match all.last_mut() {
            Some((last, held)) if *last == member => held.push(holding),
            _ => all.push((member, vec![holding])),
        }
    }
    all
}

fn tags_of(run: &Published, pair: &Pair) -> Result<Holdings, RunError> {
    let rows = |batch: &RecordBatch| {
        let (members, tags) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let row = |i: usize| {
            let tag = id_hash(tags.value(i).as_bytes());
            (id_hash(members.value(i).as_bytes()), Holding { what: tag, under: tag, slot: 0 })
        };
        (0..batch.num_rows()).map(row).collect()
    };
    Ok(holdings(run.table(&pair.engine, "tags.parquet", &["member_id", "tag"], rows)?.unwrap_or_default()))
}

fn lists_of(run: &Published, pair: &Pair) -> Result<Holdings, RunError> {
    let columns = ["member_id", "offer_id", "item_id", "category", "slot"];
    let rows = |batch: &RecordBatch| {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let (members, offers, items, categories) = (text(0), text(1), text(2), text(3));
        let slots = arrow::compute::cast(batch.column(4), &arrow::datatypes::DataType::Int32).ok();
        let row = |i: usize| {
            let offer = id_hash(offers.value(i).as_bytes());
            let mut what = offer;
            for (salt, column) in [(1, items), (2, categories)] {
                if column.is_valid(i) {
                    what = what.rotate_left(7) ^ salted_hash(column.value(i).as_bytes(), salt);
                }
            }
            let slot = slots.as_ref().map_or(0, |s| s.as_primitive::<Int32Type>().value(i));
            (id_hash(members.value(i).as_bytes()), Holding { what, under: offer, slot })
        };
        (0..batch.num_rows()).map(row).collect()
    };
    Ok(holdings(run.table(&pair.engine, "offers.parquet", &columns, rows)?.unwrap_or_default()))
}

/// By what is counted under: held only after (gained), held only before (lost).
fn turnover(before: &[Holding], after: &[Holding], counts: &mut HashMap<u64, (u64, u64)>) {
    joined(
        before.iter(),
        after.iter(),
        |h| (h.what, h.under),
        |h| (h.what, h.under),
        |a, b| match (a, b) {
            (None, Some(b)) => counts.entry(b.under).or_default().0 += 1,
            (Some(a), None) => counts.entry(a.under).or_default().1 += 1,
            _ => {}
        },
    );
}

/// A row of the tag dictionary: names and rule.
type Entry = ([String; 2], String);

fn dictionary(run: &Published, pair: &Pair) -> Result<BTreeMap<String, Entry>, RunError> {
    const FILE: &str = "tag_dictionary.csv";
    let bad = |why: String| RunError::BadRunFile { run: run.place(), file: FILE.to_owned(), why };
    let Some(bytes) = run.bytes(FILE, pair.places())? else { return Ok(BTreeMap::new()) };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
    let at =
        |name: &str| header.iter().position(|h| h == name).ok_or_else(|| bad(format!("it has no column `{name}`")));
    let (tag, zh, en, rule) = (at("tag")?, at("name_zh")?, at("name_en")?, at("rule")?);
    let mut entries = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|e| bad(e.to_string()))?;
        let get = |i: usize| row.get(i).unwrap_or_default().to_owned();
        entries.insert(get(tag), ([get(zh), get(en)], get(rule)));
    }
    Ok(entries)
}

/// Tags that came, left, were renamed, or changed hands.
pub(super) fn tags(pair: &Pair) -> Result<Vec<TagChange>, RunError> {
    let (known_before, known_after) = (dictionary(&pair.before, pair)?, dictionary(&pair.after, pair)?);
    let (before, after) = (tags_of(&pair.before, pair)?, tags_of(&pair.after, pair)?);
    let count = |holdings: &Holdings| {
        let mut counts: HashMap<u64, u64> = HashMap::new();
        holdings.iter().flat_map(|(_, held)| held).for_each(|h| *counts.entry(h.under).or_default() += 1);
        counts
    };
    let (held_before, held_after) = (count(&before), count(&after));
    let mut turned = HashMap::new();
    joined(
        before.iter(),
        after.iter(),
        |m| m.0,
        |m| m.0,
        |a, b| {
            if let (Some(a), Some(b)) = (a, b) {
                turnover(&a.1, &b.1, &mut turned);
            }
        },
    );
    let mut codes: Vec<&String> = known_before.keys().chain(known_after.keys()).collect();
    codes.sort_unstable();
    codes.dedup();
    let changes = codes.into_iter().map(|tag| {
        let (was, is) = (known_before.get(tag), known_after.get(tag));
        let hash = id_hash(tag.as_bytes());
        let (gained, lost) = turned.get(&hash).copied().unwrap_or_default();
        let number = |counts: &HashMap<u64, u64>| counts.get(&hash).copied().unwrap_or(0);
        TagChange {
            tag: tag.clone(),
            name_before: was.map(|e| e.0.clone()),
            name_after: is.map(|e| e.0.clone()),
            rule_changed: was.zip(is).is_some_and(|(a, b)| a.1 != b.1),
            held_before: number(&held_before),
            held_after: number(&held_after),
            gained,
            lost,
        }
    });
    let changed = |c: &TagChange| {
        c.name_before != c.name_after || c.rule_changed || c.held_before != c.held_after || c.gained + c.lost > 0
    };
    Ok(changes.filter(changed).collect())
}

/// How lists changed, as a whole and by offer.
pub(super) fn offers(pair: &Pair) -> Result<(ListsChange, Vec<OfferChange>), RunError> {
    let (before, after) = (lists_of(&pair.before, pair)?, lists_of(&pair.after, pair)?);
    let mut lists = ListsChange::default();
    let mut turned = HashMap::new();
    joined(
        before.iter(),
        after.iter(),
        |m| m.0,
        |m| m.0,
        |a, b| {
            turnover(a.map_or(&[], |a| &a.1), b.map_or(&[], |b| &b.1), &mut turned);
            match (a, b) {
                (Some((_, a)), Some((_, b))) => {
                    lists.both += 1;
                    let things = |held: &[Holding]| held.iter().map(|h| h.what).collect::<Vec<_>>();
                    if a == b {
                        lists.same += 1;
                    } else if things(a) == things(b) {
                        lists.reordered += 1;
                    } else {
                        lists.changed += 1;
                    }
                }
                (None, Some(_)) => lists.gained += 1,
                _ => lists.lost += 1,
            }
        },
    );
    let of = |run: &Published| -> BTreeMap<String, (u64, u64)> {
        run.manifest.offers.iter().map(|o| (o.offer_id.clone(), (o.eligible, o.chosen))).collect()
    };
    let (was, is) = (of(&pair.before), of(&pair.after));
    let mut ids: Vec<&String> = was.keys().chain(is.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let changes = ids.into_iter().map(|id| {
        let (given, withdrawn) = turned.get(&id_hash(id.as_bytes())).copied().unwrap_or_default();
        OfferChange {
            offer_id: id.clone(),
            eligible_before: was.get(id).map(|o| o.0),
            eligible_after: is.get(id).map(|o| o.0),
            chosen_before: was.get(id).map_or(0, |o| o.1),
            chosen_after: is.get(id).map_or(0, |o| o.1),
            given,
            withdrawn,
        }
    });
    let changed = |c: &OfferChange| {
        c.eligible_before != c.eligible_after || c.chosen_before != c.chosen_after || c.given + c.withdrawn > 0
    };
    Ok((lists, changes.filter(changed).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turnover_is_counted_under_the_offer() {
        let h = |what, under| Holding { what, under, slot: 1 };
        let mut counts = HashMap::new();
        turnover(&[h(1, 10), h(2, 10), h(3, 20)], &[h(1, 10), h(4, 20), h(5, 30)], &mut counts);
        assert_eq!(counts, HashMap::from([(10, (0, 1)), (20, (1, 1)), (30, (1, 0))]));
    }

    #[test]
    fn rows_are_gathered_by_member() {
        let h = |what, slot| Holding { what, under: what, slot };
        let all = holdings(vec![vec![(7, h(2, 1))], vec![(3, h(1, 1)), (7, h(1, 2))]]);
        assert_eq!(all, [(3, vec![h(1, 1)]), (7, vec![h(1, 2), h(2, 1)])]);
    }
}
