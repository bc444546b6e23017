//! The score the slow way: every item, from rows, in plain f64.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::real::{dimensions, settings};
use crate::{
    base::Day,
    history::{
        Shard, ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::ItemTable,
    items::{
        View,
        tests::{ITEMS, naive_baskets, rows, shop},
    },
    recommend::{
        Candidate, ItemKnowledge, Parameters, RecommendSettings, RepeatPolicy, RepeatRules, Term, Tuned, TunedFrom,
        reusable, tune,
    },
};

type Baskets = BTreeMap<Day, BTreeSet<u32>>;

/// Score of every item for a member: rebuy, transition and popularity terms.
fn naive_terms(all: &BTreeMap<String, Baskets>, own: &Baskets, view: &View, p: &Parameters) -> Vec<[f64; 3]> {
    let members: Vec<Vec<&BTreeSet<u32>>> = all.values().map(|b| b.values().collect()).collect();
    let holding = |item: u32| -> Vec<Vec<usize>> {
        members.iter().map(|b| (0..b.len()).filter(|at| b[*at].contains(&item)).collect()).collect()
    };
    let (mut again, mut chances) = (vec![0.0; ITEMS as usize], vec![0.0; ITEMS as usize]);
    for item in 0..ITEMS {
        for (held, baskets) in holding(item).iter().zip(&members).filter(|(held, _)| !held.is_empty()) {
            again[item as usize] += (held.len() - 1) as f64;
            chances[item as usize] += (baskets.len() - 1 - held[0]) as f64;
        }
    }
    let chances_of_all: f64 = chances.iter().sum();
    let mean = if chances_of_all > 0.0 { again.iter().sum::<f64>() / chances_of_all } else { 0.0 };
    let weight = |day: Day| (-f64::from(view.cut().since(day)) / p.half_life_days).exp2();
    let weigh = |item: Option<u32>| -> f64 {
        let baskets = all.values().flat_map(|b| b.iter());
        baskets.filter(|(_, s)| item.is_none_or(|i| s.contains(&i))).map(|(day, _)| weight(*day)).sum()
    };
    // What follows and accompanies.
    let mut goes_with: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    for baskets in &members {
        for at in 0..baskets.len() {
            for lag in 0..=4usize.min(baskets.len() - 1 - at) {
                let weight = if lag == 0 { 0.1 } else { 0.7f64.powi(lag as i32 - 1) };
                for (j, i) in baskets[at].iter().flat_map(|j| baskets[at + lag].iter().map(move |i| (*j, *i))) {
                    if i != j {
                        *goes_with.entry((j, i)).or_default() += weight;
                    }
                }
            }
        }
    }
    let newest_first: Vec<&BTreeSet<u32>> = own.values().rev().collect();
    let profile = |item: u32| -> f64 {
        (0..newest_first.len()).filter(|at| newest_first[*at].contains(&item)).map(|at| 0.8f64.powi(at as i32)).sum()
    };
    let whole: f64 = (0..ITEMS).map(profile).sum();
    (0..ITEMS)
        .map(|item| {
            let rate = (again[item as usize] + 20.0 * mean) / (chances[item as usize] + 20.0);
            let factor = if mean > 0.0 { (rate / mean).powf(p.rebuy_exponent) } else { 1.0 };
            let x: f64 = (0..newest_first.len())
                .filter(|at| newest_first[*at].contains(&item))
                .map(|at| p.decay.powi(at as i32))
                .sum();
            let follows: f64 = (0..ITEMS)
                .filter(|j| profile(*j) > 0.0)
                .map(|j| {
                    let n: usize = holding(j).iter().map(Vec::len).sum();
                    profile(j) / whole * goes_with.get(&(j, item)).unwrap_or(&0.0) / (n as f64 + 10.0)
                })
                .sum();
            let popular = weigh(Some(item)) / weigh(None).max(1e-300);
            [factor * x, p.kappa * p.transition_weight * follows, p.kappa * (1.0 - p.transition_weight) * popular]
        })
        .collect()
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (0.5f64..50.0, 2.0f64..60.0, 0.5f64..1.0, 0.0f64..1.0, 0.0f64..1.0).prop_map(
        |(kappa, half_life_days, decay, rebuy_exponent, transition_weight)| Parameters {
            kappa,
            half_life_days,
            decay,
            rebuy_exponent,
            transition_weight,
        },
    )
}

fn fit(shards: &ShardSet, view: &View, items: &ItemTable, p: &Parameters) -> ItemKnowledge {
    ItemKnowledge::fit(shards, view, items, &[p.half_life_days], &settings()).unwrap()
}

fn everything(knowledge: &ItemKnowledge, shards: &ShardSet, p: &Parameters, n: usize) -> Vec<Vec<Candidate>> {
    let scorer = knowledge.scorer(p);
    let score = |shard: &Shard| {
        let mut space = scorer.workspace();
        let mut lists = Vec::new();
        for member in 0..shard.members.len() {
            let mut out = Vec::new();
            scorer.recommend(shard, member, n, &mut space, &mut out);
            lists.push(out);
        }
        lists
    };
    let lists = shards.map(|_, shard| Ok::<_, crate::history::ShardError>(score(shard)));
    lists.unwrap().into_iter().flatten().collect()
}

/// Member ids in the order of their lists.
fn ids(shards: &[Shard]) -> Vec<String> {
    shards.iter().flat_map(|s| (0..s.members.len()).map(|m| s.members.get(m).to_owned())).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + a.abs())
}

proptest! {
    #[test]
    fn the_best_are_those_of_scoring_every_item(rows in rows(), p in parameters(), n in 1usize..14) {
        let view = View::at(Day(60), Timeline::Calendar);
        let parts = shards_of(&rows, 3);
        let all = naive_baskets(&parts, &view, false);
        let ids = ids(&parts);
        let shards = ShardSet::in_memory(parts);
        let lists = everything(&fit(&shards, &view, &shop(), &p), &shards, &p, n);
        for (id, list) in ids.iter().zip(&lists) {
            let terms = naive_terms(&all, &all[id], &view, &p);
            let mut scores: Vec<f64> = terms.iter().map(|t| t.iter().sum()).filter(|s| *s > 0.0).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            prop_assert_eq!(list.len(), scores.len().min(n));
            for (candidate, best) in list.iter().zip(&scores) {
                let terms = terms[candidate.item as usize];
                prop_assert!(near(candidate.score, terms.iter().sum()) && near(candidate.score, *best));
                let named = match candidate.term {
                    Term::Rebuy { count, last_day } => {
                        let held = all[id].iter().filter(|(_, s)| s.contains(&candidate.item));
                        prop_assert_eq!(Some(last_day), held.clone().map(|(d, _)| *d).max());
                        prop_assert_eq!(count as usize, held.count());
                        terms[0]
                    }
                    Term::BecauseOf { item, last_day } => {
                        let last = all[id].iter().rfind(|(_, s)| s.contains(&item)).map(|(d, _)| *d);
                        prop_assert_eq!(last, Some(last_day));
                        prop_assert!(item != candidate.item);
                        terms[1]
                    }
                    Term::PopularNow => terms[2],
                };
                prop_assert!(near(named, terms.iter().copied().fold(0.0, f64::max)));
            }
            for pair in list.windows(2) {
                prop_assert!((pair[1].score, pair[0].item) < (pair[0].score, pair[1].item), "order and ties");
            }
        }
    }

    #[test]
    fn terms_add_up_to_the_score(rows in rows(), p in parameters()) {
        let view = View::at(Day(60), Timeline::Calendar);
        let parts = shards_of(&rows, 1);
        let all = naive_baskets(&parts, &view, false);
        let shards = ShardSet::in_memory(parts);
        let knowledge = fit(&shards, &view, &shop(), &p);
        let (scorer, shard) = (knowledge.scorer(&p), shards.get(0).unwrap());
        let (mut space, mut list) = (scorer.workspace(), Vec::new());
        for member in 0..shard.members.len() {
            scorer.recommend(&shard, member, 100, &mut space, &mut list);
            let naive = naive_terms(&all, &all[shard.members.get(member)], &view, &p);
            for candidate in &list {
                let terms = scorer.terms(candidate.item, &space);
                prop_assert!(near(terms.score, candidate.score));
                prop_assert!(near(terms.parts.iter().map(|part| part.value).sum(), candidate.score));
                let largest = terms.parts.iter().map(|part| part.value).fold(0.0, f64::max);
                prop_assert!(near(largest, naive[candidate.item as usize].iter().copied().fold(0.0, f64::max)));
            }
        }
    }

    #[test]
    fn neither_threads_nor_shards_matter(rows in rows(), p in parameters()) {
        let view = View::at(Day(60), Timeline::Calendar);
        let run = |threads: usize| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let shards = ShardSet::in_memory(shards_of(&rows, 5));
                let tuning = RecommendSettings { tuning_min_members: 1, ..settings() };
                let tuned = tune(&shards, &shop(), &dimensions(Timeline::Calendar, Day(60)), &tuning, 3).unwrap();
                (everything(&fit(&shards, &view, &shop(), &p), &shards, &p, 8), tuned)
            })
        };
        prop_assert!(run(1) == run(4));
    }

    #[test]
    fn filters_hold(rows in rows(), p in parameters(), blocked in 0u32..ITEMS) {
        let view = View::at(Day(60), Timeline::Calendar);
        let shards = ShardSet::in_memory(shards_of(&rows, 1));
        let items = shop();
        let knowledge = fit(&shards, &view, &items, &p);
        let rules = RecommendSettings {
            repeat: [("pet".to_owned(), RepeatPolicy::NeverRepeat)].into(),
            never_repeat_days: 20,
            ..settings()
        };
        let (repeat, unknown) = RepeatRules::new(&rules, &items, &knowledge.statistics);
        prop_assert!(unknown.is_empty());
        let flags = (0..ITEMS).map(|i| i == blocked).collect();
        let scorer = knowledge.scorer(&p).blocking(flags).repeating(repeat);
        let shard = shards.get(0).unwrap();
        let (mut space, mut all, mut some, mut generic) = (scorer.workspace(), Vec::new(), Vec::new(), Vec::new());
        for member in 0..shard.members.len() {
            scorer.recommend(&shard, member, 100, &mut space, &mut all);
            for candidate in &all {
                prop_assert!(candidate.item != blocked);
                let own = space.own_item(candidate.item);
                let is_pet = items.category_of(candidate.item) == Some(1);
                prop_assert!(!(is_pet && own.is_some_and(|own| Day(60).since(own.last_day) < 20)));
            }
            // Asking again with a filter gives the same list without what it refuses.
            scorer.best(3, |item| item % 2 == 0, &mut space, &mut some);
            all.retain(|c| c.item % 2 == 0);
            all.truncate(3);
            prop_assert_eq!(&all, &some);
        }
        scorer.generic(5, &mut generic);
        prop_assert!(generic.iter().all(|c| c.item != blocked && c.term == Term::PopularNow));
    }

    #[test]
    fn tuning_judges_as_the_scorer_scores(rows in rows(), given in parameters()) {
        let shards = ShardSet::in_memory(shards_of(&rows, 3));
        let mut tuning = RecommendSettings { tuning_min_members: 1, horizon_days: 15, ..settings() };
        tuning.given.half_life_days = Some(given.half_life_days);
        let as_of = Day(60);
        let tuned = tune(&shards, &shop(), &dimensions(Timeline::Calendar, as_of), &tuning, 3).unwrap();
        if tuned.from == TunedFrom::Defaults {
            prop_assert_eq!(tuned.members, 0);
            return Ok(());
        }
        prop_assert_eq!(tuned.parameters.half_life_days, given.half_life_days);
        let view = View::at(tuned.cut, Timeline::Calendar);
        let last = tuned.cut.plus(15);
        let after = naive_baskets(&shards_of(&rows, 3), &View::at(last, Timeline::Calendar), false);
        let knowledge = fit(&shards, &view, &shop(), &tuned.parameters);
        let lists = everything(&knowledge, &shards, &tuned.parameters, 10);
        let known = naive_baskets(&shards_of(&rows, 3), &view, false);
        let (mut recall, mut members) = (0.0, 0.0);
        for (id, list) in ids(&shards_of(&rows, 3)).iter().zip(&lists) {
            let bought = after[id].range(tuned.cut.plus(1)..);
            let truth: BTreeSet<u32> = bought.flat_map(|(_, s)| s.iter().copied()).collect();
            if !truth.is_empty() && !known[id].is_empty() {
                recall += list.iter().filter(|c| truth.contains(&c.item)).count() as f64 / truth.len() as f64;
                members += 1.0;
            }
        }
        prop_assert_eq!(f64::from(tuned.members), members);
        let recall = recall / members;
        prop_assert!((tuned.recall_at_10 - recall).abs() < 1e-9, "{} {recall}", tuned.recall_at_10);
    }
}

/// 200 members buy item 0 every ten days; item 5 once, long ago; item 9 follows item 7.
fn planted() -> Vec<Row> {
    let mut rows = Vec::new();
    for m in 0..200 {
        let member = format!("m{m:03}");
        rows.extend((0..12).map(|n| Row::buy(&member, m % 10 + 10 * n, 0, 10)));
        rows.push(Row::buy(&member, m % 10, 5, 10));
        if m % 4 == 0 {
            rows.push(Row::buy(&member, m % 10 + 60, 7, 10));
            if m % 8 == 0 {
                rows.push(Row::buy(&member, m % 10 + 70, 9, 10));
            }
        }
    }
    rows
}

#[test]
fn planted_habits_are_found() {
    let shards = ShardSet::in_memory(shards_of(&planted(), 4));
    let tuned = tune(&shards, &shop(), &dimensions(Timeline::Calendar, Day(121)), &settings(), 1).unwrap();
    assert_eq!((tuned.from, tuned.members, tuned.cut), (TunedFrom::History, 200, Day(89)));
    assert_eq!(tuned.recall_at_10, 1.0);
    let view = View::at(Day(121), Timeline::Calendar);
    let p = Parameters { kappa: 2.0, transition_weight: 0.5, ..Parameters::default() };
    let knowledge = fit(&shards, &view, &shop(), &p);
    let scorer = knowledge.scorer(&p);
    let mut space = scorer.workspace();
    let mut out = Vec::new();
    for index in 0..4 {
        let shard = shards.get(index).unwrap();
        for member in 0..shard.members.len() {
            scorer.recommend(&shard, member, 10, &mut space, &mut out);
            assert!(matches!(out[0], Candidate { item: 0, term: Term::Rebuy { count: 12, .. }, .. }), "{:?}", out[0]);
            let number: i32 = shard.members.get(member)[1..].parse().unwrap();
            if number % 8 == 4 {
                let nine = out.iter().find(|c| c.item == 9).unwrap();
                assert_eq!(nine.term, Term::BecauseOf { item: 7, last_day: Day(number % 10 + 60) });
            }
        }
    }
}

#[test]
fn a_small_tail_is_not_tuned_on() {
    let shards = ShardSet::in_memory(shards_of(&planted(), 4));
    let mut few = RecommendSettings { tuning_min_members: 201, ..settings() };
    few.given.kappa = Some(3.0);
    let place = dimensions(Timeline::Calendar, Day(121));
    let tuned = tune(&shards, &shop(), &place, &few, 1).unwrap();
    assert_eq!((tuned.from, tuned.members, tuned.evaluated), (TunedFrom::Defaults, 200, 0));
    assert_eq!(tuned.parameters, Parameters { kappa: 3.0, ..Parameters::default() });
    let sampled = RecommendSettings { tuning_members: 60, ..settings() };
    assert_eq!(tune(&shards, &shop(), &place, &sampled, 1).unwrap().members, 60);
    let empty = ShardSet::in_memory(shards_of(&[], 2));
    assert_eq!(tune(&empty, &ItemTable::default(), &place, &settings(), 1).unwrap().from, TunedFrom::Defaults);
}

#[test]
fn tuned_numbers_are_used_again_for_a_week() {
    let tuned = Tuned {
        parameters: Parameters::default(),
        from: TunedFrom::History,
        recall_at_10: 0.2,
        ndcg_at_10: 0.1,
        evaluated: 1,
        members: 100,
        cut: Day(70),
        tuned_on: Day(100),
    };
    assert!(reusable(&tuned, Day(106), &settings()));
    assert!(!reusable(&tuned, Day(107), &settings()));
    assert!(!reusable(&tuned, Day(99), &settings()));
    assert!(!reusable(&Tuned { from: TunedFrom::Defaults, ..tuned }, Day(101), &settings()));
    let mut given = settings();
    given.given.kappa = Some(5.0);
    assert!(!reusable(&tuned, Day(101), &given));
    given.given.kappa = Some(8.0);
    assert!(reusable(&tuned, Day(101), &given));
    let text = serde_json::to_string(&tuned).unwrap();
    assert_eq!(serde_json::from_str::<Tuned>(&text).unwrap(), tuned);
}

#[test]
fn what_nobody_rebuys_is_learned() {
    let mut rows = planted();
    // Item 4 (pet) is bought once by all; item 0 (baby) is rebought by all.
    rows.extend((0..200).map(|m| Row::buy(&format!("m{m:03}"), 3, 4, 10)));
    let shards = ShardSet::in_memory(shards_of(&rows, 2));
    let p = Parameters::default();
    let knowledge = fit(&shards, &View::at(Day(121), Timeline::Calendar), &shop(), &p);
    let mut set = settings();
    let (rules, _) = RepeatRules::new(&set, &shop(), &knowledge.statistics);
    assert_eq!((rules.policy(4), rules.wait(4)), (RepeatPolicy::NeverRepeat, 365));
    assert_eq!((rules.policy(0), rules.wait(0)), (RepeatPolicy::Always, 0));
    assert_eq!(rules.policy(ITEMS - 1), RepeatPolicy::Always);
    set.repeat = [("baby".to_owned(), RepeatPolicy::Replenish), ("bab".to_owned(), RepeatPolicy::Always)].into();
    let (rules, unknown) = RepeatRules::new(&set, &shop(), &knowledge.statistics);
    assert_eq!((rules.wait(0), unknown), (5, vec!["bab".to_owned()]));
}
