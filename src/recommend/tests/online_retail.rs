//! Quality on the UCI Online Retail data, where it lies beside the project: one cut, 30 days before the end.

use std::collections::{BTreeMap, BTreeSet};

use super::real::{dimensions, folder, read, reliability, score, settings, text, whole};
use crate::{
    base::{Day, IdTable},
    history::{
        ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::ItemTable,
    items::View,
    recommend::{ItemKnowledge, tune},
};

/// Codes that are no merchandise.
const SERVICES: [&str; 12] =
    ["POST", "DOT", "M", "D", "S", "B", "PADS", "CRUK", "C2", "m", "AMAZONFEE", "BANK CHARGES"];

/// (member, day, item) of merchandise bought by members.
fn purchases() -> Option<BTreeSet<(String, i32, String)>> {
    let folder = folder("online_retail")?;
    let mut purchases = BTreeSet::new();
    for batch in read(&folder.join("transactions.parquet")) {
        let (members, orders, items) = (text(&batch, "member_id"), text(&batch, "order_id"), text(&batch, "item_id"));
        let (times, quantities) = (whole(&batch, "ts"), whole(&batch, "quantity"));
        for (at, member) in members.into_iter().enumerate() {
            let bought = quantities[at] > 0 && !orders[at].starts_with('C');
            if !member.is_empty() && bought && !SERVICES.contains(&items[at].as_str()) {
                purchases.insert((member, (times[at] / 86_400_000_000) as i32, items[at].clone()));
            }
        }
    }
    Some(purchases)
}

#[test]
fn predicts_the_last_month() {
    let Some(purchases) = purchases() else { return };
    let last = purchases.iter().map(|p| p.1).max().unwrap();
    let cut = last - 30;
    let mut baskets: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, item) in purchases.iter().filter(|p| p.1 <= cut) {
        *baskets.entry(item).or_default() += 1;
    }
    let known = purchases.iter().filter(|p| baskets.get(p.2.as_str()).is_some_and(|n| *n >= 5));
    let ids = IdTable::from_unsorted(known.clone().map(|p| p.2.as_str()));
    let mut rows = Vec::new();
    let mut truth: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut days: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (member, day, item) in known {
        let index = ids.find(item).unwrap() as u32;
        if *day <= cut {
            days.entry(member).or_default().insert(*day);
            rows.push(Row::buy(member, *day, index, 100));
        } else {
            truth.entry(member.clone()).or_default().push(index);
        }
    }
    truth.retain(|member, _| days.get(member.as_str()).is_some_and(|d| d.len() >= 2));
    for bought in truth.values_mut() {
        bought.sort_unstable();
        bought.dedup();
    }
    let shards = ShardSet::in_memory(shards_of(&rows, 64));
    let items = ItemTable { ids, ..ItemTable::default() };
    let tuned = tune(&shards, &items, &dimensions(Timeline::Calendar, Day(cut)), &settings(), 7).unwrap();
    println!("{tuned:?}");
    let view = View::at(Day(cut), Timeline::Calendar);
    let half_lives = tuned.parameters.half_lives();
    let knowledge = ItemKnowledge::fit(&shards, &view, &items, &half_lives, &settings()).unwrap();
    let figures = score(&shards, &truth, &knowledge, &tuned.parameters);
    println!("Online Retail, tuned on the month before: {figures:?}");
    println!("probabilities said, bought: {:?}", reliability(&shards, &truth, &knowledge, &tuned));
    assert_eq!(figures.members, 1082.0);
    assert!(figures.recall >= 0.205 && figures.ndcg >= 0.411, "{figures:?}");
}
