//! Segments of taste and the reference panel on planted shops.

use std::collections::{BTreeMap, BTreeSet};

use super::real::settings;
use crate::{
    base::{Day, IdTable},
    history::{
        ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::ItemTable,
    items::{View, item_statistics},
    recommend::{ItemKnowledge, Parameters, Term, TermEvidence, panel::Panel, tastes::Tastes},
};

const ITEMS: u32 = 40;

fn shop() -> ItemTable {
    let ids: Vec<String> = (0..ITEMS).map(|i| format!("i{i:02}")).collect();
    ItemTable { ids: IdTable::from_unsorted(&ids), ..ItemTable::default() }
}

fn view() -> View {
    View::at(Day(100), Timeline::Calendar)
}

/// 300 members buy three of twenty items each ten days: even members of the first twenty, odd members of the others.
fn two_tastes() -> Vec<Row> {
    let mut rows = Vec::new();
    for member in 0..300u32 {
        for visit in 0..6u32 {
            for pick in 0..3u32 {
                let item = (member / 2 * 7 + visit * 5 + pick * pick * 3) % 20 + 20 * (member % 2);
                rows.push(Row::buy(&format!("m{member:03}"), (visit * 10 + member % 9) as i32, item, 10));
            }
        }
    }
    rows
}

#[test]
fn planted_tastes_are_told_apart_and_their_popularity_equals_a_recount() {
    let parts = shards_of(&two_tastes(), 4);
    let shards = ShardSet::in_memory(parts);
    let half_life = 30.0;
    let statistics = item_statistics(&shards, &view(), &shop(), &[half_life]).unwrap();
    let tastes = Tastes::fit(&shards, &view(), &statistics, half_life).unwrap();
    let p = Parameters { segment_weight: 0.9, transition_weight: 0.0, category_weight: 0.0, ..Parameters::default() };
    let p = Parameters { half_life_days: half_life, ..p };
    let knowledge = ItemKnowledge::fit(&shards, &view(), &shop(), &p.half_lives(), &settings()).unwrap();
    let scorer = knowledge.scorer(&p);
    let mut space = scorer.workspace();
    // By segment: the tastes in it, its members, recency-weighted baskets, and those that hold each item.
    let mut naive: BTreeMap<usize, (BTreeSet<u32>, u32, f64, Vec<f64>)> = BTreeMap::new();
    for index in 0..4 {
        let shard = shards.get(index).unwrap();
        for member in 0..shard.members.len() {
            scorer.read(&shard, member, &mut space);
            let segment = tastes.segment(space.own(), &mut Vec::new()).unwrap();
            assert_eq!(space.segment, Some(Some(segment)));
            let number: u32 = shard.members.get(member)[1..].parse().unwrap();
            let entry = naive.entry(segment).or_insert_with(|| (BTreeSet::new(), 0, 0.0, vec![0.0; ITEMS as usize]));
            entry.0.insert(number % 2);
            entry.1 += 1;
            for basket in 0..space.baskets().len() {
                let weight = (-(f64::from(100 - space.baskets().day(basket).0)) / half_life).exp2();
                entry.2 += weight;
                space.baskets().items(basket).iter().for_each(|item| entry.3[*item as usize] += weight);
            }
            let mut list = Vec::new();
            scorer.best(10, |_| true, &mut space, &mut list);
            for candidate in &list {
                let terms = scorer.terms(candidate.item, &space);
                assert!((terms.score - candidate.score).abs() < 1e-6);
                if let Term::PopularAmongAlike { members } = candidate.term {
                    assert_eq!(candidate.item / 20, number % 2, "what the other taste buys is not recommended");
                    let part = terms.parts.iter().find(|part| part.term == "segment").unwrap();
                    assert_eq!(part.evidence, TermEvidence::Alike { members });
                }
            }
            assert!(list.iter().any(|c| matches!(c.term, Term::PopularAmongAlike { .. })), "{list:?}");
        }
    }
    assert!(naive.len() > 1);
    for (segment, (kinds, members, baskets, holding)) in naive {
        assert_eq!(kinds.len(), 1, "segment {segment} mixes the two tastes");
        let known = tastes.get(segment);
        assert_eq!(known.members, members);
        assert!((known.left - 50.0 / (baskets + 50.0)).abs() < 1e-6);
        for item in 0..ITEMS {
            let share = holding[item as usize] / (baskets + 50.0);
            assert!((f64::from(known.share(item)) - share).abs() < 1e-6, "{item}: {share}");
        }
    }
}

#[test]
fn threads_change_no_bit_of_members_who_are_alike() {
    let p = Parameters { segment_weight: 0.3, neighbour_weight: 0.3, transition_weight: 0.3, ..Parameters::default() };
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let shards = ShardSet::in_memory(shards_of(&two_tastes(), 5));
            let knowledge = ItemKnowledge::fit(&shards, &view(), &shop(), &p.half_lives(), &settings()).unwrap();
            let scorer = knowledge.scorer(&p);
            let (mut space, mut lists) = (scorer.workspace(), Vec::new());
            for index in 0..5 {
                let shard = shards.get(index).unwrap();
                for member in 0..shard.members.len() {
                    let mut list = Vec::new();
                    scorer.recommend(&shard, member, 8, &mut space, &mut list);
                    lists.push(list);
                }
            }
            lists
        })
    };
    assert!(run(1) == run(4));
}

#[test]
fn nobody_is_their_own_neighbour_and_the_panel_is_bounded() {
    // Two kinds of members; everybody has bought item 35.
    let mut rows = Vec::new();
    for member in 0..700u32 {
        rows.push(Row::buy(&format!("m{member:03}"), 1, member % 2, 10));
        rows.push(Row::buy(&format!("m{member:03}"), 1, 2 + member % 3, 10));
        rows.push(Row::buy(&format!("m{member:03}"), 1, 35, 10));
        rows.push(Row::buy(&format!("m{member:03}"), 50, 10 + member % 2, 10));
    }
    rows.push(Row::buy("alone", 1, 30, 10));
    rows.push(Row::buy("alone", 50, 31, 10));
    let shards = ShardSet::in_memory(shards_of(&rows, 3));
    let statistics = item_statistics(&shards, &view(), &shop(), &[30.0]).unwrap();
    let few = Panel::fit(&shards, &view(), &statistics, 100).unwrap();
    assert_eq!(few.len(), 100);
    assert_eq!(
        few.len(),
        Panel::fit(&ShardSet::in_memory(shards_of(&rows, 7)), &view(), &statistics, 100).unwrap().len()
    );
    let whole = Panel::fit(&shards, &view(), &statistics, 10_000).unwrap();
    assert_eq!(whole.len(), 701);
    assert!((0..ITEMS).all(|item| whole.listed(item).len() <= 512));
    assert_eq!(whole.listed(35).len(), 512);
    assert!(whole.listed(2).len() > 200);
    let p = Parameters { neighbour_weight: 0.9, transition_weight: 0.0, category_weight: 0.0, ..Parameters::default() };
    let knowledge = ItemKnowledge::fit(&shards, &view(), &shop(), &p.half_lives(), &settings()).unwrap();
    let scorer = knowledge.scorer(&p);
    let (mut space, mut list) = (scorer.workspace(), Vec::new());
    for index in 0..3 {
        let shard = shards.get(index).unwrap();
        for member in 0..shard.members.len() {
            scorer.recommend(&shard, member, 10, &mut space, &mut list);
            let id = shard.members.get(member);
            if id == "alone" {
                // Bought 30 and 31, which nobody else did: without neighbours all falls to popularity.
                assert!(space.near.found.is_empty());
                assert!(list.iter().all(|c| !matches!(c.term, Term::PopularAmongAlike { .. })));
                continue;
            }
            assert!(!space.near.found.is_empty() && space.near.found.len() <= 400);
            let own_kind = id[1..].parse::<u32>().unwrap() % 2;
            let shares = &space.near.shares;
            assert!(shares.get(10 + own_kind) > shares.get(11 - own_kind), "{id}");
            let whole: f32 = space.near.found.iter().map(|found| found.1).sum();
            assert!((whole - 1.0).abs() < 1e-4);
        }
    }
}
