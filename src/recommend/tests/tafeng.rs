//! Quality on the Ta-Feng supermarket data, where it lies beside the project: baskets in order, without time.

use std::collections::BTreeMap;

use super::real::{dimensions, folder, read, reliability, score, settings, text, whole};
use crate::{
    base::{Day, IdTable},
    history::{
        ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::ItemTable,
    items::View,
    recommend::{ItemKnowledge, Parameters, tune},
};

struct TaFeng {
    shards: ShardSet,
    items: ItemTable,
    /// Test members' next baskets.
    truth: BTreeMap<String, Vec<u32>>,
}

fn load() -> Option<TaFeng> {
    let folder = folder("tafeng")?;
    let mut lines = Vec::new();
    for batch in read(&folder.join("baskets.parquet")) {
        let (days, split) = (whole(&batch, "basket_index"), text(&batch, "split"));
        let (members, items) = (text(&batch, "member_id"), text(&batch, "item_id"));
        for (at, member) in members.into_iter().enumerate() {
            lines.push((member, days[at] as i32, items[at].clone(), split[at] == "history"));
        }
    }
    let ids = IdTable::from_unsorted(lines.iter().map(|l| l.2.as_str()));
    let mut truth: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for batch in read(&folder.join("members.parquet")) {
        let members = text(&batch, "member_id").into_iter().zip(text(&batch, "keyset"));
        truth.extend(members.filter(|(_, keyset)| keyset == "test").map(|(m, _)| (m, Vec::new())));
    }
    let mut rows = Vec::new();
    for (member, day, item, known) in &lines {
        let item = ids.find(item).unwrap() as u32;
        if *known {
            rows.push(Row::buy(member, *day, item, 100));
        } else if let Some(bought) = truth.get_mut(member) {
            bought.push(item);
        }
    }
    for bought in truth.values_mut() {
        bought.sort_unstable();
        bought.dedup();
    }
    let shards = ShardSet::in_memory(shards_of(&rows, 64));
    Some(TaFeng { shards, items: ItemTable { ids, ..ItemTable::default() }, truth })
}

#[test]
fn two_terms_reach_the_published_figures() {
    let Some(data) = load() else { return };
    let view = View::at(Day(10_000), Timeline::Ordinal);
    let fixed = Parameters {
        // 25 of the published form, whose rebuy term is the sum of .9^pos without the factor of .1.
        kappa: 2.5,
        // δ = .3 a basket.
        half_life_days: 0.5f64.ln() / 0.3f64.ln(),
        decay: 0.9,
        rebuy_exponent: 0.5,
        hazard_weight: 0.0,
        transition_weight: 0.0,
        category_weight: 0.0,
        ..Parameters::default()
    };
    let knowledge = ItemKnowledge::fit(&data.shards, &view, &data.items, &fixed.half_lives(), &settings()).unwrap();
    let figures = score(&data.shards, &data.truth, &knowledge, &fixed);
    println!("Ta-Feng, two terms: {figures:?}");
    assert_eq!(figures.members, 5091.0);
    assert!((figures.recall - 0.1656).abs() < 0.002, "{figures:?}");
    assert!((figures.ndcg_whole - 0.1458).abs() < 0.002, "{figures:?}");
}

#[test]
fn reaches_the_published_methods() {
    let Some(data) = load() else { return };
    let as_of = Day(10_000);
    let view = View::at(as_of, Timeline::Ordinal);
    let tuned = tune(&data.shards, &data.items, &dimensions(Timeline::Ordinal, as_of), &settings(), 7).unwrap();
    println!("{tuned:?}");
    let half_lives = tuned.parameters.half_lives();
    let knowledge = ItemKnowledge::fit(&data.shards, &view, &data.items, &half_lives, &settings()).unwrap();
    let figures = score(&data.shards, &data.truth, &knowledge, &tuned.parameters);
    println!("Ta-Feng, tuned on the histories' tails: {figures:?}");
    println!("probabilities said, bought: {:?}", reliability(&data.shards, &data.truth, &knowledge, &tuned));
    assert_eq!(figures.members, 5091.0);
    assert!(figures.recall >= 0.172 && figures.ndcg_whole >= 0.152, "{figures:?}");
}
