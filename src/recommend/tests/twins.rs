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
        LAG_WEIGHTS, SAME_BASKET, View,
        tests::{ITEMS, naive_baskets, rows, shop},
    },
    recommend::{
        Candidate, ItemKnowledge, Parameters, PolicySource, RecommendSettings, RepeatPolicy, RepeatRules, Term,
        TermKind, Tuned, TunedFrom, reusable, tune,
    },
};

type Baskets = BTreeMap<Day, BTreeSet<u32>>;

/// Counts of 1 or more in classes.
fn class(count: usize) -> usize {
    [1, 2, 3, 4, 6, 10].iter().rposition(|start| count >= *start).unwrap()
}

/// h[c, gap, n] for the member's item.
fn naive_hazard(members: &[Vec<&BTreeSet<u32>>], wanted: (usize, usize, usize)) -> f64 {
    let mut all: Vec<((usize, usize, usize), bool)> = Vec::new();
    for baskets in members {
        for at in 1..baskets.len() {
            for item in 0..ITEMS {
                let before: Vec<usize> = (0..at).filter(|b| baskets[*b].contains(&item)).collect();
                if let Some(last) = before.last() {
                    all.push(((class(before.len()), class(at - last), class(at)), baskets[at].contains(&item)));
                }
            }
        }
    }
    let share = |keep: &dyn Fn(&(usize, usize, usize)) -> bool, coarser: f64| {
        let kept: Vec<bool> = all.iter().filter(|(key, _)| keep(key)).map(|(_, again)| *again).collect();
        (kept.iter().filter(|again| **again).count() as f64 + 30.0 * coarser) / (kept.len() as f64 + 30.0)
    };
    let mean = all.iter().filter(|(_, again)| *again).count() as f64 / (all.len() as f64).max(1.0);
    let by_count = share(&|k| k.0 == wanted.0, mean);
    let by_gap = share(&|k| (k.0, k.1) == (wanted.0, wanted.1), by_count);
    share(&|k| *k == wanted, by_gap)
}

/// Score of every item for a member: rebuy (with how the item follows itself), transition, category, neighbour and popularity
/// terms. The shop is too small to have segments of taste.
fn naive_terms(all: &BTreeMap<String, Baskets>, own: &Baskets, view: &View, p: &Parameters) -> Vec<[f64; 5]> {
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
    let recency = |day: Day, half_life: f64| (-f64::from(view.cut().since(day)) / half_life).exp2();
    let weigh = |item: Option<u32>, half_life: f64| -> f64 {
        let baskets = all.values().flat_map(|b| b.iter());
        let held = baskets.filter(|(_, s)| item.is_none_or(|i| s.contains(&i)));
        held.map(|(day, _)| recency(*day, half_life)).sum()
    };
    let share = |item: u32, half_life: f64| weigh(Some(item), half_life) / weigh(None, half_life).max(1e-300);
    let popularity: Vec<f64> = (0..ITEMS).map(|i| share(i, p.half_life_days)).collect();
    let trend = |item: u32| (weigh(Some(item), 7.0) + 20.0) / (share(item, 60.0) * weigh(None, 7.0) + 20.0);
    // What follows and accompanies.
    let mut goes_with: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let mut mass = vec![0.0; ITEMS as usize];
    let lags: Vec<f64> = LAG_WEIGHTS.iter().map(|w| *w as f64 / 1024.0).collect();
    for baskets in all.values() {
        let baskets: Vec<(&Day, &BTreeSet<u32>)> = baskets.iter().collect();
        for (target, (day, basket)) in baskets.iter().enumerate().skip(baskets.len().saturating_sub(16)) {
            let q = recency(**day, p.transition_half_life_days);
            let mut profile = vec![0.0; ITEMS as usize];
            for lag in 1..=6usize.min(target) {
                baskets[target - lag].1.iter().for_each(|j| profile[*j as usize] += lags[lag - 1]);
            }
            let length = profile.iter().map(|w| w * w).sum::<f64>().sqrt().max(1e-300);
            let same = SAME_BASKET as f64 / 1024.0 * q / (basket.len() as f64).sqrt();
            for j in 0..ITEMS {
                let accompanies = if basket.contains(&j) && basket.len() > 1 { same } else { 0.0 };
                let follows = q * profile[j as usize] / length;
                mass[j as usize] += follows + accompanies;
                for i in basket.iter() {
                    *goes_with.entry((j, *i)).or_default() += follows + if *i == j { 0.0 } else { accompanies };
                }
            }
        }
    }
    let newest_first: Vec<&BTreeSet<u32>> = own.values().rev().collect();
    let newest = &newest_first;
    let held = |item: u32| (0..newest.len()).filter(move |at| newest[*at].contains(&item));
    let profile = |item: u32| -> f64 { held(item).filter(|at| *at < 6).map(|at| 0.85f64.powi(at as i32)).sum() };
    let whole: f64 = (0..ITEMS).map(|j| profile(j) * mass[j as usize]).sum();
    let (shop, profile_whole) = (shop(), (0..ITEMS).map(profile).sum::<f64>());
    let in_category = |item: u32| -> f64 {
        let Some(category) = shop.category_of(item) else { return 0.0 };
        let inside = || (0..ITEMS).filter(|j| shop.category_of(*j) == Some(category));
        let share = inside().map(profile).sum::<f64>() / profile_whole.max(1e-300);
        share * popularity[item as usize] / inside().map(|j| popularity[j as usize]).sum::<f64>().max(1e-300)
    };
    let knows_category = (0..ITEMS).any(|j| profile(j) > 0.0 && shop.category_of(j).is_some());
    let bought_next = naive_neighbours(all, own);
    // Too few members for segments of taste: their share is popularity's.
    let mut w = 1.0 - p.transition_weight - p.category_weight - p.neighbour_weight;
    w += if bought_next.is_some() { 0.0 } else { p.neighbour_weight };
    let bought_next = bought_next.unwrap_or_else(|| vec![0.0; ITEMS as usize]);
    w += if whole > 0.0 { 0.0 } else { p.transition_weight };
    w += if knows_category { 0.0 } else { p.category_weight };
    (0..ITEMS)
        .map(|item| {
            let rate = (again[item as usize] + 20.0 * mean) / (chances[item as usize] + 20.0);
            let factor = if mean > 0.0 { (rate / mean).powf(p.rebuy_exponent) } else { 1.0 };
            let factor = factor * trend(item).powf(p.trend_exponent);
            let frequency: f64 = held(item).map(|at| (1.0 - p.decay) * p.decay.powi(at as i32)).sum();
            let hazard = held(item).next().map_or(0.0, |last| {
                let classes = (class(held(item).count()), class(last + 1), class(newest_first.len()));
                naive_hazard(&members, classes)
            });
            let from = |j: u32| {
                if whole > 0.0 { profile(j) * goes_with.get(&(j, item)).unwrap_or(&0.0) / whole } else { 0.0 }
            };
            let x = p.hazard_weight * hazard + (1.0 - p.hazard_weight) * frequency;
            let follows: f64 = (0..ITEMS).filter(|j| *j != item).map(from).sum();
            let scale = p.kappa * p.transition_weight;
            let category = if p.category_weight > 0.0 { p.kappa * p.category_weight * in_category(item) } else { 0.0 };
            let neighbours = p.kappa * p.neighbour_weight * bought_next[item as usize];
            let popular = p.kappa * w * popularity[item as usize];
            [factor * x + scale * from(item), scale * follows, category, neighbours, popular]
        })
        .collect()
}

/// Taste of baskets, newest last: what is weighed by rarity, of length 1.
fn naive_taste(baskets: &[&BTreeSet<u32>], all: &BTreeMap<String, Baskets>) -> Vec<f64> {
    let members = all.values().filter(|b| !b.is_empty()).count() as f64;
    let mut taste: Vec<f64> = (0..ITEMS)
        .map(|item| {
            let having = all.values().filter(|b| b.values().any(|s| s.contains(&item))).count() as f64;
            let lags = baskets.iter().rev().take(6).enumerate().filter(|(_, s)| s.contains(&item));
            let profile: f64 = lags.map(|(lag, _)| 0.85f64.powi(lag as i32)).sum();
            profile * ((members + 1.0) / (having + 1.0)).ln()
        })
        .collect();
    let length = taste.iter().map(|t| t * t).sum::<f64>().sqrt();
    taste.iter_mut().for_each(|t| *t /= if length > 0.0 { length } else { 1.0 });
    taste
}

/// What the others bought in their newest basket, by how alike they were before it; `None` where nobody is alike.
fn naive_neighbours(all: &BTreeMap<String, Baskets>, own: &Baskets) -> Option<Vec<f64>> {
    let mine = naive_taste(&own.values().collect::<Vec<_>>(), all);
    let (mut sums, mut whole) = (vec![0.0; ITEMS as usize], 0.0);
    for other in all.values().filter(|other| !std::ptr::eq(*other, own)) {
        let baskets: Vec<&BTreeSet<u32>> = other.values().collect();
        let Some((next, before)) = baskets.split_last() else { continue };
        let alike: f64 = naive_taste(before, all).iter().zip(&mine).map(|(a, b)| a * b).sum();
        next.iter().for_each(|item| sums[*item as usize] += alike);
        whole += alike;
    }
    (whole > 0.0).then(|| sums.into_iter().map(|sum| sum / whole).collect())
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let rebuy = (0.5f64..0.99, 0.0f64..1.0, 0.0f64..1.0, prop_oneof![Just(0.0), 0.1f64..2.0]);
    (0.2f64..5.0, 2.0f64..60.0, 5.0f64..60.0, rebuy, 0.0f64..0.5, 0.0f64..0.2, 0.0f64..0.2).prop_map(
        |(kappa, half_life_days, transition_half_life_days, rebuy, transition_weight, category_weight, alike)| {
            Parameters {
                kappa,
                half_life_days,
                transition_half_life_days,
                decay: rebuy.0,
                rebuy_exponent: rebuy.1,
                hazard_weight: rebuy.2,
                timing_exponent: 0.0,
                trend_exponent: rebuy.3,
                transition_weight,
                category_weight,
                segment_weight: if alike > 0.1 { 0.05 } else { 0.0 },
                neighbour_weight: (alike - 0.02).max(0.0),
            }
        },
    )
}

fn fit(shards: &ShardSet, view: &View, items: &ItemTable, p: &Parameters) -> ItemKnowledge {
    ItemKnowledge::fit(shards, view, items, &p.half_lives(), &settings()).unwrap()
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

/// Old baskets weigh little in the fixed point of the counts, so that their shares have few digits.
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
                    Term::InCategory { category } => {
                        prop_assert_eq!(shop().category_of(candidate.item), Some(category));
                        terms[2]
                    }
                    Term::PopularAmongAlike { members } => {
                        prop_assert!(members > 0);
                        terms[3]
                    }
                    Term::New { .. } | Term::PopularAmong { .. } => panic!("nothing is new, nobody stands in"),
                    Term::PopularNow => terms[4],
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
    fn a_reason_lasts_while_its_term_is_half_the_largest(rows in rows(), p in parameters()) {
        let shards = ShardSet::in_memory(shards_of(&rows, 1));
        let knowledge = fit(&shards, &View::at(Day(60), Timeline::Calendar), &shop(), &p);
        let scorer = knowledge.scorer(&p);
        let shard = shards.get(0).unwrap();
        let (mut space, mut list) = (scorer.workspace(), Vec::new());
        for member in 0..shard.members.len() {
            scorer.recommend(&shard, member, 20, &mut space, &mut list);
            for candidate in &list {
                let parts = scorer.terms(candidate.item, &space).parts;
                let largest = parts.iter().map(|part| part.value).fold(0.0, f64::max);
                let of = |name: &str| parts.iter().filter(|part| part.term == name).map(|part| part.value).sum::<f64>();
                // The largest term lasts as what it is.
                if let Some(kind) = candidate.term.kind().filter(|kind| *kind != TermKind::PopularNow) {
                    prop_assert_eq!(scorer.lasting(candidate.item, kind, &space), Some(candidate.term));
                }
                for (kind, name) in [(TermKind::Rebuy, "rebuy"), (TermKind::InCategory, "category")] {
                    let lasts = of(name) > 0.0 && of(name) >= 0.5 * largest;
                    let bought = kind != TermKind::Rebuy || space.own_item(candidate.item).is_some();
                    prop_assert_eq!(scorer.lasting(candidate.item, kind, &space).is_some(), lasts && bought);
                }
                for source in 0..ITEMS {
                    let kind = TermKind::BecauseOf(source);
                    if let Some(term) = scorer.lasting(candidate.item, kind, &space) {
                        prop_assert!(of("transition") >= 0.5 * largest && source != candidate.item);
                        prop_assert_eq!(term.kind(), Some(kind));
                        prop_assert!(space.own_item(source).is_some());
                    }
                }
            }
        }
    }

    #[test]
    fn tuning_judges_as_the_scorer_scores(rows in rows(), given in parameters()) {
        let shards = ShardSet::in_memory(shards_of(&rows, 3));
        let mut tuning = RecommendSettings { tuning_min_members: 1, horizon_days: 15, ..settings() };
        tuning.given.half_life_days = Some(given.half_life_days);
        tuning.given.timing_exponent = Some(0.0);
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
fn what_is_sold_no_more_is_not_bought_again() {
    // Every member bought 1 and 2 in turn, every ten days; nobody has bought 1 for two months.
    let mut rows = Vec::new();
    for m in 0..200 {
        let member = format!("m{m:03}");
        rows.extend((0..6).map(|n| Row::buy(&member, m % 10 + 10 * n, 1, 10)));
        rows.extend((0..12).map(|n| Row::buy(&member, m % 10 + 10 * n, 2, 10)));
    }
    let shards = ShardSet::in_memory(shards_of(&rows, 4));
    let p = Parameters { trend_exponent: 1.0, ..Parameters::default() };
    let knowledge = fit(&shards, &View::at(Day(121), Timeline::Calendar), &shop(), &p);
    assert!(knowledge.trend(1) < 0.5 && (0.9..=1.1).contains(&knowledge.trend(2)), "{}", knowledge.trend(1));
    assert_eq!(knowledge.trend(ITEMS - 1), 1.0);
    assert_eq!(knowledge.half_life_index(7.0), Some(0));
    // Not used, or no time to speak of.
    let still = fit(&shards, &View::at(Day(121), Timeline::Calendar), &shop(), &Parameters::default());
    let timeless = fit(&shards, &View::at(Day(121), Timeline::Ordinal), &shop(), &p);
    assert_eq!((still.trend(1), timeless.trend(1)), (1.0, 1.0));
    // Only the rebuy term of the item changes, by its trend.
    let shard = shards.get(0).unwrap();
    let (with, without) = (knowledge.scorer(&p), still.scorer(&Parameters::default()));
    let (mut space, mut other) = (with.workspace(), without.workspace());
    with.read(&shard, 0, &mut space);
    without.read(&shard, 0, &mut other);
    let (a, b) = (with.terms(1, &space), without.terms(1, &other));
    assert!(a.parts[0].term == "rebuy" && a.parts[0].value < b.parts[0].value);
    for (a, b) in a.parts.iter().zip(&b.parts).skip(1) {
        assert!(near(a.value, b.value), "{a:?} {b:?}");
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
        calibration: None,
    };
    assert!(reusable(&tuned, Day(106), &settings()));
    assert!(!reusable(&tuned, Day(107), &settings()));
    assert!(!reusable(&tuned, Day(99), &settings()));
    assert!(!reusable(&Tuned { from: TunedFrom::Defaults, ..tuned }, Day(101), &settings()));
    let mut given = settings();
    given.given.kappa = Some(5.0);
    assert!(!reusable(&tuned, Day(101), &given));
    given.given.kappa = Some(1.0);
    assert!(reusable(&tuned, Day(101), &given));
    let text = serde_json::to_string(&tuned).unwrap();
    assert_eq!(serde_json::from_str::<Tuned>(&text).unwrap(), tuned);
}

#[test]
fn what_nobody_rebuys_is_learned() {
    let mut rows = planted();
    // Item 4 (pet) is bought once by all; item 0 (baby) is rebought by all, every ten days.
    rows.extend((0..200).map(|m| Row::buy(&format!("m{m:03}"), 3, 4, 10)));
    let shards = ShardSet::in_memory(shards_of(&rows, 2));
    let p = Parameters::default();
    let knowledge = fit(&shards, &View::at(Day(121), Timeline::Calendar), &shop(), &p);
    let mut set = settings();
    let (rules, _) = RepeatRules::new(&set, &shop(), &knowledge.statistics);
    assert_eq!((rules.policy(4), rules.wait(4)), (RepeatPolicy::NeverRepeat, 365));
    assert_eq!((rules.policy(0), rules.wait(0)), (RepeatPolicy::Replenish, 5));
    assert_eq!((rules.source(0), rules.source(4)), (PolicySource::Learned, PolicySource::Learned));
    let baby = rules.categories().iter().find(|c| c.category == "baby").unwrap();
    assert_eq!((baby.policy, baby.evidence.usual_gap_days), (RepeatPolicy::Replenish, Some(10)));
    assert_eq!((rules.policy(ITEMS - 1), rules.source(ITEMS - 1)), (RepeatPolicy::Always, PolicySource::Default));
    // What the job declares goes before.
    set.repeat = [("baby".to_owned(), RepeatPolicy::Always), ("bab".to_owned(), RepeatPolicy::Replenish)].into();
    let (rules, unknown) = RepeatRules::new(&set, &shop(), &knowledge.statistics);
    assert_eq!((rules.wait(0), rules.source(0), unknown), (0, PolicySource::Declared, vec!["bab".to_owned()]));
}
