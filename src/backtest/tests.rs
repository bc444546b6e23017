//! The methods and the protocol against slow and plain twins.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::{
    methods::{
        ItemKnn, Personal, Popular, Popularity, Ranked, TifuKnn, TifuSettings, UpCf, UpCfSettings, Weighting, tune_tifu,
    },
    *,
};
use crate::{
    base::{Day, IdTable},
    history::{
        ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    items::{
        View,
        tests::{ITEMS, naive_baskets, rows, shop},
    },
};

type Baskets = BTreeMap<String, Vec<BTreeSet<u32>>>;

struct World {
    shards: ShardSet,
    store: BasketStore,
    counts: Counts,
    popularity: Popularity,
    baskets: Baskets,
    /// Baskets that hold each item.
    sold: Vec<usize>,
}

fn world(rows: &[Row], cut: Day) -> World {
    let view = View::at(cut, Timeline::Calendar);
    let shards = shards_of(rows, 4);
    let baskets: Baskets = naive_baskets(&shards, &view, false)
        .into_iter()
        .map(|(member, baskets)| (member, baskets.into_values().collect()))
        .collect();
    let sold = (0..ITEMS).map(|i| baskets.values().flatten().filter(|b| b.contains(&i)).count()).collect();
    let shards = ShardSet::in_memory(shards);
    let store = BasketStore::read(&shards, &view, ITEMS as usize).unwrap();
    let (counts, popularity) = (Counts::of(&store), Popularity::of(&store, None));
    World { shards, store, counts, popularity, baskets, sold }
}

/// Every member's list, by id.
fn lists(world: &World, method: &dyn Method, n: usize, explore: bool) -> BTreeMap<String, Vec<Ranked>> {
    let mut all = BTreeMap::new();
    for index in 0..world.shards.len() {
        let shard = world.shards.get(index).unwrap();
        let mut ranker = method.ranker();
        let mut out = Vec::new();
        for member in 0..shard.members.len() {
            let number = world.store.number(index, member);
            ranker.read(&shard, &Case::of(index, member, number));
            ranker.best(n, explore, &mut out);
            all.insert(shard.members.get(member).to_owned(), out.clone());
        }
    }
    all
}

/// The list that plain scores give: best first, ties by popularity then index, filled with what is popular.
fn naive_list(world: &World, member: &str, scores: &[f64], n: usize, explore: bool) -> Vec<Ranked> {
    let own: BTreeSet<u32> = world.baskets[member].iter().flatten().copied().collect();
    let popular = |a: &u32, b: &u32| world.sold[*b as usize].cmp(&world.sold[*a as usize]).then(a.cmp(b));
    let mut items: Vec<u32> = (0..ITEMS).filter(|i| !(explore && own.contains(i))).collect();
    items.sort_by(popular);
    let mut scored: Vec<u32> = items.iter().copied().filter(|i| scores[*i as usize] > 0.0).collect();
    scored.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then_with(|| popular(a, b)));
    let mut list: Vec<Ranked> =
        scored.iter().map(|i| Ranked { item: *i, score: scores[*i as usize], personal: true }).collect();
    let rest = items.iter().filter(|i| scores[**i as usize] <= 0.0 && world.sold[**i as usize] > 0);
    list.extend(rest.map(|i| Ranked { item: *i, score: 0.0, personal: false }));
    list.truncate(n);
    list
}

/// Scores agree to rounding; items agree except where scores tie to rounding.
fn assert_alike(found: &[Ranked], expected: &[Ranked], scores: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        prop_assert_eq!(a.personal, b.personal);
        prop_assert!((a.score - b.score).abs() <= 1e-9 * b.score.abs().max(1.0), "{:?} {:?}", found, expected);
        let tie = (scores[a.item as usize] - scores[b.item as usize]).abs() <= 1e-9;
        prop_assert!(a.item == b.item || (a.personal && tie), "{:?} {:?}", found, expected);
    }
    Ok(())
}

fn agrees(world: &World, method: &dyn Method, scores: impl Fn(&str) -> Vec<f64>) -> Result<(), TestCaseError> {
    for explore in [false, true] {
        for (member, found) in lists(world, method, 6, explore) {
            let scores = scores(&member);
            assert_alike(&found, &naive_list(world, &member, &scores, 6, explore), &scores)?;
        }
    }
    Ok(())
}

fn count(baskets: &[BTreeSet<u32>], item: u32) -> f64 {
    baskets.iter().filter(|b| b.contains(&item)).count() as f64
}

/// Similarities of items, from the formulas, without cutting off at K.
fn similarities(world: &World, weighting: Weighting) -> Vec<Vec<f64>> {
    let members: Vec<&Vec<BTreeSet<u32>>> = world.baskets.values().collect();
    let n = members.len() as f64;
    let lengths: Vec<f64> = members.iter().map(|b| b.iter().map(BTreeSet::len).sum::<usize>() as f64).collect();
    let mean = lengths.iter().sum::<f64>() / n;
    let weight = |member: usize, item: u32| {
        let c = count(members[member], item);
        if c == 0.0 {
            return 0.0;
        }
        match weighting {
            Weighting::Bm25 { k1, b } => {
                let buyers = members.iter().filter(|m| count(m, item) > 0.0).count() as f64;
                c * (k1 + 1.0) / (k1 * (1.0 - b + b * lengths[member] / mean) + c) * (n / (1.0 + buyers)).ln()
            }
            Weighting::Cosine => c / members.iter().map(|m| count(m, item).powi(2)).sum::<f64>().sqrt(),
        }
    };
    let rows: Vec<Vec<f64>> = (0..members.len()).map(|m| (0..ITEMS).map(|i| weight(m, i)).collect()).collect();
    let similarity = |a: u32, b: u32| rows.iter().map(|row| row[a as usize] * row[b as usize]).sum::<f64>();
    (0..ITEMS).map(|a| (0..ITEMS).map(|b| similarity(a, b).max(0.0)).collect()).collect()
}

/// A member's TIFU vector, after the authors' program: baskets, then groups of them, then their mean.
fn tifu_vector(baskets: &[BTreeSet<u32>], s: &TifuSettings) -> Vec<f64> {
    let n = baskets.len();
    let vector = |j: usize| -> Vec<f64> {
        let decay = s.basket_decay.powi((n - 1 - j) as i32);
        (0..ITEMS).map(|i| if baskets[j].contains(&i) { decay } else { 0.0 }).collect()
    };
    let mut groups: Vec<Vec<Vec<f64>>> = Vec::new();
    if n < s.groups {
        groups.extend((0..n).map(|j| vec![vector(j)]));
    } else {
        let mut next = 0;
        for group in 0..s.groups {
            let size = n / s.groups + usize::from(group >= s.groups - n % s.groups);
            groups.push((next..next + size).map(vector).collect());
            next += size;
        }
    }
    let real = groups.len() as f64;
    let mut sum = vec![0.0; ITEMS as usize];
    for (g, group) in groups.iter().enumerate() {
        let decay = s.group_decay.powi((s.groups - 1 - g) as i32);
        for (i, total) in sum.iter_mut().enumerate() {
            *total += decay * group.iter().map(|v| v[i]).sum::<f64>() / group.len() as f64 / real;
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn item_knn_is_its_formula(rows in rows(), cosine: bool) {
        let world = world(&rows, Day(60));
        let weighting = if cosine { Weighting::Cosine } else { Weighting::BM25 };
        let method = ItemKnn::fit("knn", weighting, ITEMS as usize, &world.counts, &world.popularity);
        let similar = similarities(&world, weighting);
        agrees(&world, &method, |member| {
            let baskets = &world.baskets[member];
            (0..ITEMS as usize).map(|j| (0..ITEMS).map(|i| count(baskets, i) * similar[i as usize][j]).sum()).collect()
        })?;
    }

    #[test]
    fn up_cf_is_its_formula(rows in rows()) {
        let world = world(&rows, Day(60));
        let settings = UpCfSettings { recent: 2, asymmetry: 0.25, locality: 3 };
        let method = UpCf::fit(settings, &world.store, &world.counts, &world.popularity);
        agrees(&world, &method, |member| {
            let set = |m: &str| -> BTreeSet<u32> { world.baskets[m].iter().flatten().copied().collect() };
            let own = set(member);
            let similarity = |other: &str| {
                let theirs = set(other);
                if other == member {
                    return if own.is_empty() { 0.0 } else { 1.0 };
                }
                let shared = own.intersection(&theirs).count() as f64;
                if shared == 0.0 {
                    return 0.0;
                }
                (shared / (own.len() as f64).powf(0.25) / (theirs.len() as f64).powf(0.75)).powi(3)
            };
            (0..ITEMS).map(|item| {
                world.baskets.iter().map(|(other, baskets)| {
                    let recent = &baskets[baskets.len().saturating_sub(2)..];
                    similarity(other) * count(recent, item) / recent.len().max(1) as f64
                }).sum()
            }).collect()
        })?;
    }

    #[test]
    fn tifu_is_its_formula(rows in rows(), groups in 1usize..5, k in 1usize..6) {
        let world = world(&rows, Day(60));
        let settings = TifuSettings { groups, neighbours: k, ..TifuSettings::PUBLISHED };
        let method = TifuKnn::fit("tifu", settings, &world.store, &world.popularity);
        let vectors: BTreeMap<&str, Vec<f64>> =
            world.baskets.iter().map(|(m, b)| (m.as_str(), tifu_vector(b, &settings))).collect();
        for (member, found) in lists(&world, &method, 6, false) {
            let own = &vectors[member.as_str()];
            let distance = |other: &str| -> f64 { own.iter().zip(&vectors[other]).map(|(a, b)| (a - b).powi(2)).sum() };
            let mut others: Vec<(f64, &str)> =
                vectors.keys().filter(|m| **m != member).map(|m| (distance(m), *m)).collect();
            others.sort_by(|a, b| a.0.total_cmp(&b.0));
            // Which of equally distant members are taken is open.
            let tied = others.len() > k && others[k].0 - others[k - 1].0 < 1e-9;
            if tied {
                continue;
            }
            others.truncate(k);
            let scores: Vec<f64> = (0..ITEMS as usize).map(|i| {
                let theirs: f64 = others.iter().map(|(_, m)| vectors[m][i]).sum();
                0.7 * own[i] + 0.3 * theirs / others.len().max(1) as f64
            }).collect();
            assert_alike(&found, &naive_list(&world, &member, &scores, 6, false), &scores)?;
        }
    }

    #[test]
    fn popular_and_personal(rows in rows()) {
        let world = world(&rows, Day(60));
        agrees(&world, &Personal::new(&world.popularity, &world.counts), |member| {
            (0..ITEMS).map(|i| count(&world.baskets[member], i)).collect()
        })?;
        let popular = Popular::new("popular", String::new(), &world.popularity, &world.store);
        for (member, found) in lists(&world, &popular, 6, true) {
            let expected = naive_list(&world, &member, &[0.0; ITEMS as usize], 6, true);
            let items = |list: &[Ranked]| list.iter().map(|r| r.item).collect::<Vec<_>>();
            prop_assert_eq!(items(&found), items(&expected));
        }
    }

    #[test]
    fn narrowed_histories_never_held_the_lines(rows in rows(), as_of in 10i32..70, hide: bool, least in 0u32..4) {
        let shards = shards_of(&rows, 4);
        let view = View::at(Day(as_of), Timeline::Calendar);
        let before = naive_baskets(&shards, &view, hide);
        let items = shop().ids;
        let sold = |item: u32| before.values().flat_map(BTreeMap::values).filter(|b| b.contains(&item)).count();
        let narrowing = Narrowing { as_of: Day(as_of), hide_newest: hide, min_item_baskets: least };
        let listed = |id: &str| id == "i03";
        let narrowed = narrow(&ShardSet::in_memory(shards), &view, &items, &listed, &narrowing).unwrap();
        let left: Vec<u32> = (0..ITEMS)
            .filter(|i| sold(*i) >= least.max(1) as usize || (least == 0 && items.get(*i as usize) == "i03"))
            .collect();
        let ids: Vec<&str> = left.iter().map(|i| items.get(*i as usize)).collect();
        prop_assert_eq!(narrowed.items.iter().collect::<Vec<_>>(), ids);
        let mut after = BTreeMap::new();
        for index in 0..narrowed.shards.len() {
            let shard = narrowed.shards.get(index).unwrap();
            prop_assert_eq!(shard.item.len(), *shard.order_lines.last().unwrap() as usize);
            prop_assert_eq!(shard.quantity.len(), shard.item.len());
            prop_assert_eq!(shard.channel.len(), shard.item.len());
            prop_assert!(shard.returned.is_sorted() && shard.returned.iter().all(|r| r.day <= Day(as_of)));
            prop_assert!(shard.order_time.iter().all(|t| t.day() <= Day(as_of)));
            after.extend(naive_baskets(&[(*shard).clone()], &view, false));
        }
        for (member, baskets) in before {
            let expected: Vec<Vec<u32>> = baskets
                .values()
                .map(|b| b.iter().filter_map(|i| left.binary_search(i).ok()).map(|i| i as u32).collect::<Vec<_>>())
                .filter(|b| !b.is_empty())
                .collect();
            let found: Vec<Vec<u32>> = after
                .get(&member)
                .map(|b| b.values().map(|b| b.iter().copied().collect()).collect())
                .unwrap_or_default();
            prop_assert_eq!(found, expected, "{}", member);
        }
    }
}

#[test]
fn published_groups() {
    // Nine baskets in seven groups: five of one, then two of two, in which a basket counts half.
    let rows: Vec<Row> = (0..9).map(|day| Row::buy("m", day, day as u32, 1)).collect();
    let world = world(&rows, Day(60));
    let method = TifuKnn::fit("tifu", TifuSettings::PUBLISHED, &world.store, &world.popularity);
    let list = &lists(&world, &method, 9, false)["m"];
    assert_eq!(list.iter().map(|r| r.item).collect::<Vec<_>>(), [8, 7, 4, 6, 5, 3, 2, 1, 0]);
    let newest = 0.7 * 1.0 / 2.0 / 7.0;
    assert!((list[0].score - newest).abs() < 1e-12);
    let oldest = 0.7 * 0.9f64.powi(8) * 0.7f64.powi(6) / 7.0;
    assert!((list[8].score - oldest).abs() < 1e-12);
}

#[test]
fn who_is_scored_and_on_what() {
    let mut rows = vec![
        Row::buy("a", 1, 0, 1),
        Row::buy("a", 2, 1, 1),
        Row::buy("b", 3, 1, 1),
        Row::buy("c", 4, 2, 1),
        Row::buy("c", 5, 2, 1),
    ];
    let world = world(&rows, Day(10));
    // After the cut; item 5 is new to the shop, d is new too, c's purchase is brought back within the truth.
    rows.extend([
        Row::buy("a", 12, 0, 1),
        Row::buy("a", 13, 5, 1),
        Row::buy("b", 11, 2, 1),
        Row::buy("b", 45, 1, 1),
        Row::buy("c", 14, 1, 1),
        Row { units: -1, ..Row::buy("c", 15, 1, -1) },
        Row::buy("d", 11, 0, 1),
    ]);
    let window = Window { after: Day(10), until: Day(40) };
    let shards = ShardSet::in_memory(shards_of(&rows, 4));
    let future = Future::read(&shards, shop().ids, window).unwrap();
    let items = IdTable::from_unsorted(shop().ids.iter().filter(|id| *id != "i05"));
    let find = |rules: &CaseRules<'_>| -> Vec<(String, Vec<u32>, Vec<bool>)> {
        let cases = Cases::find(&world.shards, &world.store, &items, &future, window, rules).unwrap();
        let mut found: Vec<_> = cases
            .all()
            .iter()
            .map(|c| {
                let shard = world.shards.get(c.shard as usize).unwrap();
                let id = shard.members.get(c.member as usize).to_owned();
                (id, cases.truth(c).to_vec(), cases.repeats(c).to_vec())
            })
            .collect();
        found.sort();
        found
    };
    let all = CaseRules { min_baskets: 1, known_items_only: false, only: None, max_members: 100, seed: 1 };
    let unknown = items.len() as u32 + 5;
    let a = ("a".to_owned(), vec![0, unknown], vec![true, false]);
    let b = ("b".to_owned(), vec![2], vec![false]);
    let c = ("c".to_owned(), vec![1], vec![false]);
    assert_eq!(find(&all), [a.clone(), b.clone(), c.clone()]);
    assert_eq!(find(&CaseRules { min_baskets: 2, ..all }), [a.clone(), c.clone()]);
    let only: HashSet<String> = ["b".to_owned(), "d".to_owned()].into();
    assert_eq!(find(&CaseRules { only: Some(&only), ..all }), [b]);
    let known = find(&CaseRules { known_items_only: true, ..all });
    assert_eq!(known[0], ("a".to_owned(), vec![0], vec![true]));
    assert_eq!(find(&CaseRules { max_members: 2, ..all }).len(), 2);
}

#[test]
fn measured_by_hand() {
    let rows = [Row::buy("a", 1, 0, 1), Row::buy("a", 2, 1, 1), Row::buy("b", 3, 1, 1), Row::buy("b", 4, 2, 1)];
    let world = world(&rows, Day(10));
    let truth = [Row::buy("a", 11, 0, 1), Row::buy("a", 11, 2, 1), Row::buy("b", 11, 3, 1)];
    let shards = ShardSet::in_memory(shards_of(&truth, 4));
    let future = Future::read(&shards, shop().ids, Window::ALWAYS).unwrap();
    let rules = CaseRules { min_baskets: 1, known_items_only: false, only: None, max_members: 100, seed: 1 };
    let cases = Cases::find(&world.shards, &world.store, &shop().ids, &future, Window::ALWAYS, &rules).unwrap();
    let methods: Vec<Box<dyn Method + '_>> = vec![Box::new(Personal::new(&world.popularity, &world.counts))];
    let lists = rank_all(&world.shards, &cases, &methods).unwrap();
    let measured = measure(&cases, &lists[0], &world.counts, &crate::recommend::Likeness::default());
    let applies = applies(&cases);
    let a = cases.all().iter().position(|c| cases.truth(c).len() == 2).unwrap();
    // a's list is 1, 0, 2 (popular first, then the fill), b's is 1, 2, 0.
    assert_eq!(lists[0].mixed(a).iter().map(|e| e.item).collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!(lists[0].explore(a).iter().map(|e| e.item).collect::<Vec<_>>(), [2]);
    assert_eq!(applies, [true, true, a == 0, a == 1, true, true, true, true]);
    let names = [("m".to_owned(), String::new())];
    let observations = FoldObservations { members: vec!["x".into(), "y".into()], applies, measured: vec![measured] };
    let (members, results) = figures(&[observations], &names, 200, 1);
    assert_eq!(members, 2);
    let figure = |scope, name| results[0].figure(scope, name).unwrap().value.mean;
    assert_eq!(figure(Scope::Overall, "recall@10"), 0.5);
    assert_eq!(figure(Scope::Overall, "hit_rate@5"), 0.5);
    assert_eq!(figure(Scope::Repeat, "recall@10"), 1.0);
    assert_eq!(figure(Scope::ExploreList, "recall@10"), 0.5);
    let ndcg = (1.0 / 3f64.log2() + 0.5) / (1.0 + 1.0 / 3f64.log2()) / 2.0;
    assert!((figure(Scope::Overall, "ndcg@10") - ndcg).abs() < 1e-6);
    assert!((figure(Scope::Overall, "map@10") - (0.5 + 2.0 / 3.0) / 2.0 / 2.0).abs() < 1e-6);
    // Of the three items sold all are shown, each twice; one place in three is filled up.
    let beyond = results[0].beyond;
    assert_eq!((beyond.coverage, beyond.gini, beyond.fallback_members), (1.0, 0.0, 0.0));
    assert!((beyond.fallback_slots - 1.0 / 3.0).abs() < 1e-12);
    // Bought by one of two members, by both, by one.
    assert!((beyond.novelty - 2.0 / 3.0).abs() < 1e-12);
    assert!((beyond.diversity - (2.0 * (1.0 - 0.5f64.sqrt()) + 1.0) / 3.0).abs() < 1e-12);
}

#[test]
fn tuning_finds_what_predicts() {
    // Everyone has bought twelve items, and buys those of the newest basket again: old baskets must weigh little.
    let mut rows = Vec::new();
    for member in 0..60 {
        let id = format!("m{member:02}");
        for day in 0..12 {
            rows.push(Row::buy(&id, day, ((member * 5 + day) % 12) as u32, 1));
        }
    }
    let world = world(&rows, Day(11));
    let newest = |m: usize| world.store.baskets(m).next_back().unwrap().0.to_vec();
    let tail: Vec<(u32, Vec<u32>)> = (0..world.store.members()).map(|m| (m as u32, newest(m))).collect();
    let recall = |settings: TifuSettings| {
        let method = TifuKnn::fit("tifu", settings, &world.store, &world.popularity);
        let lists = lists(&world, &method, 1, false);
        lists.values().zip((0..60).map(|m| (m * 5 + 11) % 12)).filter(|(l, truth)| l[0].item == *truth).count()
    };
    let tuned = tune_tifu(&world.store, &tail);
    // Ten of twelve items on a list hold the newest under any of them: the first that is tried stays.
    assert_eq!(tuned, tune_tifu(&world.store, &tail));
    assert_eq!(recall(tuned), 60, "{tuned:?}");
    assert_eq!(tune_tifu(&world.store, &[]), TifuSettings::PUBLISHED);
}
