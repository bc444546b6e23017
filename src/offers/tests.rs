//! Kinds on small shops, the decision against its naive twin, findings.

mod findings;
mod kinds;
mod lists;
mod scarce;
mod sentences;
mod twin;

use super::{Target, testing::Shop};
use crate::{
    base::IdTable,
    history::testing::Row,
    input::{ItemTable, NONE},
};

/// Items in byte order: case-x (0), case-y (1), charger (2), phone-x (3), phone-y (4), cat-food (5 …) and so on are given
/// by name; the index is the rank.
fn items(named: &[(&str, &str)]) -> ItemTable {
    let ids = IdTable::from_unsorted(named.iter().map(|n| n.0));
    let categories = IdTable::from_unsorted(named.iter().map(|n| n.1).filter(|c| !c.is_empty()));
    let of = |id: &str| named.iter().find(|n| n.0 == id).map(|n| n.1).unwrap();
    let category = ids.iter().map(|id| categories.find(of(id)).map_or(NONE, |c| c as u32)).collect();
    let len = ids.len();
    ItemTable {
        ids,
        categories,
        category,
        listed: vec![true; len],
        name: vec![String::new(); len],
        stock: vec![None; len],
        launch: vec![None; len],
        denied: vec![false; len],
        fits: vec![Vec::new(); len],
        consumable_days: vec![None; len],
        ..ItemTable::default()
    }
}

fn at(shop: &ItemTable, id: &str) -> usize {
    shop.ids.find(id).unwrap()
}

fn item(shop: &ItemTable, id: &str) -> Target {
    Target::Item(at(shop, id) as u32)
}

/// `member` buys `id` on each of `days`.
fn buys(shop: &ItemTable, member: &str, id: &str, days: &[i32]) -> Vec<Row> {
    days.iter().map(|d| Row::buy(member, *d, at(shop, id) as u32, 1000)).collect()
}

/// Members who buy all kinds of things, so that the shop has popularity.
fn crowd(shop: &ItemTable, members: usize, until: i32) -> Vec<Row> {
    let items = shop.len();
    (0..members * 4)
        .map(|i| {
            let day = until - ((i * 7) % 60) as i32 - 1;
            Row::buy(&format!("crowd{}", i % members), day, ((i * i + i / 3) % items) as u32, 500)
        })
        .collect()
}

fn shop(table: ItemTable, rows: Vec<Row>, as_of: i32) -> Shop {
    Shop::new(table, rows, as_of)
}
