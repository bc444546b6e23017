//! The items and compatibility tables.

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError};

use super::{
    catalogue::{FEES, Item, NO_ITEM},
    columns::{
        date, date_column, flag, flag_column, int, int_column, long, long_column, money, money_column, text,
        text_column, text_option_column, texts, texts_column,
    },
    departments::{ATTACHMENTS, DEPARTMENTS, LEAVES},
    dice::Dice,
    world::World,
};

/// Category of the rows that are no merchandise.
const FEE_CATEGORY: &str = "fee";

pub(super) fn items_schema() -> Schema {
    Schema::new(vec![
        text("item_id", false),
        text("name", false),
        text("category", false),
        text("category_zh", false),
        text("brand", true),
        text("collection", true),
        text("parent", true),
        money("price", false),
        int("price_tier", true),
        date("launch_date", true),
        long("stock", true),
        texts("fits"),
        int("consumable_days", true),
        int("warranty_days", true),
        int("group_size", true),
        flag("denied", false),
    ])
}

/// What an accessory fits: item ids, or the category of its devices; empty for anything else.
fn fits(world: &World, item: &Item) -> Vec<String> {
    if !item.fits.is_empty() {
        return item.fits.iter().map(|device| world.catalogue.items[*device as usize].id.clone()).collect();
    }
    world.accessory_of[item.leaf].map(|a| vec![ATTACHMENTS[a].device.to_owned()]).unwrap_or_default()
}

/// Departments that sell to groups.
const GROUP_DEPARTMENTS: [&str; 3] = ["household", "baby", "tea"];

/// Members that buy an item together: one in five of some departments.
fn group_size(world: &World, at: usize) -> Option<i32> {
    let department = DEPARTMENTS[LEAVES[world.catalogue.items[at].leaf].department].code;
    let dice = &mut Dice::of(world.streams.groups, at as u64);
    (GROUP_DEPARTMENTS.contains(&department) && dice.chance(0.2)).then(|| dice.range(2, 6))
}

pub(super) fn items(world: &World) -> Result<Vec<ArrayRef>, ArrowError> {
    let items = &world.catalogue.items;
    // The fee rows come after the items in every column.
    let with_fees = |of_item: &dyn Fn(&Item) -> Option<String>, of_fee: &dyn Fn(usize) -> Option<String>| {
        let values: Vec<Option<String>> = items.iter().map(of_item).chain((0..FEES.len()).map(of_fee)).collect();
        text_option_column(values)
    };
    let no_fee = |_: usize| None;
    let leaf_zh = |item: &Item| {
        let leaf = &LEAVES[item.leaf];
        Some(format!("{}/{}", DEPARTMENTS[leaf.department].zh, leaf.zh))
    };
    let parent = |item: &Item| (item.parent != NO_ITEM).then(|| items[item.parent as usize].id.clone());
    let fees = || FEES.iter();
    let warranty = |item: &Item| i32::from(LEAVES[item.leaf].warranty);
    Ok(vec![
        with_fees(&|item| Some(item.id.clone()), &|fee| Some(FEES[fee].0.to_owned())),
        with_fees(&|item| Some(item.name.clone()), &|fee| Some(FEES[fee].1.to_owned())),
        with_fees(&|item| Some(LEAVES[item.leaf].code.to_owned()), &|_| Some(FEE_CATEGORY.to_owned())),
        with_fees(&leaf_zh, &|_| Some("费用".to_owned())),
        with_fees(&|item| Some(item.brand.to_owned()), &no_fee),
        with_fees(&|item| item.collection.map(str::to_owned), &no_fee),
        with_fees(&parent, &no_fee),
        money_column(items.iter().map(|i| Some(i64::from(i.price))).chain(fees().map(|fee| Some(i64::from(fee.2)))))?,
        int_column(items.iter().map(|item| Some(i32::from(item.tier))).chain(fees().map(|_| None))),
        date_column(items.iter().map(|item| Some(world.date(item.launch))).chain(fees().map(|_| None))),
        long_column(items.iter().map(|item| Some(item.stock)).chain(fees().map(|_| None))),
        texts_column(items.iter().map(|item| fits(world, item)).chain(fees().map(|_| Vec::new()))),
        int_column(items.iter().map(|item| item.stated_days).chain(fees().map(|_| None))),
        int_column(items.iter().map(|item| Some(warranty(item)).filter(|d| *d > 0)).chain(fees().map(|_| None))),
        int_column((0..items.len()).map(|at| group_size(world, at)).chain(fees().map(|_| None))),
        flag_column(items.iter().map(|item| Some(item.denied)).chain(fees().map(|_| Some(true)))),
    ])
}

pub(super) fn compatibility_schema() -> Schema {
    Schema::new(vec![text("device", false), text("accessory", false)])
}

/// Every pair once, sorted: items with items where the accessory is made for particular devices, category with category
/// where it fits all of them.
pub(super) fn compatibility(world: &World) -> Vec<ArrayRef> {
    let items = &world.catalogue.items;
    let mut pairs: Vec<(&str, &str)> = items
        .iter()
        .flat_map(|item| item.fits.iter().map(|device| (items[*device as usize].id.as_str(), item.id.as_str())))
        .chain(ATTACHMENTS.iter().filter(|a| !a.by_item).map(|a| (a.device, a.accessory)))
        .collect();
    pairs.sort_unstable();
    vec![text_column(pairs.iter().map(|pair| pair.0)), text_column(pairs.iter().map(|pair| pair.1))]
}
