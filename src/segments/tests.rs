use ndarray::Array2;
use proptest::prelude::*;
use rand::RngCore;

use super::*;
use crate::{
    base::{Currency, Day, Findings, IdTable, Minor, findings::JobPath, seed},
    features::{DaySet, Family, FeatureTable, Features, Scale, ScaledFeature, Scaling, Transform},
    history::{
        Dimensions, NO_CODE, NO_ITEM, Timeline,
        testing::{Row, shards_of},
    },
    input::{ItemTable, MemberTable, NONE},
    items::RhythmRule,
    kmeans::adjusted_rand_index,
};

const AS_OF: Day = Day(20_000);

fn feature(name: &str, center: f64, spread: f64) -> ScaledFeature {
    ScaledFeature {
        name: name.into(),
        fill_value: 0.0,
        bounds: None,
        transform: Transform::Log1p,
        scale: Scale::Standard,
        center,
        spread,
        weight: 1.0,
    }
}

fn scaling(center: f64, spread: f64) -> Scaling {
    Scaling { features: ["orders", "net_spend", "recency_days"].map(|n| feature(n, center, spread)).into() }
}

fn about() -> Vec<ColumnAbout<'static>> {
    [("orders", Family::Frequency), ("net_spend", Family::Spend), ("recency_days", Family::Recency)]
        .map(|(name, family)| ColumnAbout { name, family, group: None, name_zh: name, name_en: name })
        .into()
}

/// Raw (orders, spend, recency) of members of four personas, the first the most common; and who is which.
fn personas(members: usize) -> (Array2<f64>, Vec<u8>) {
    let corners = [[1.0, 200.0, 300.0], [4.0, 900.0, 60.0], [15.0, 900.0, 9.0], [40.0, 60_000.0, 2.0]];
    let mut rng = seed::rng(3, "test/personas");
    let mut unit = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let truth: Vec<u8> = (0..members).map(|m| [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][m % 10]).collect();
    let raw = Array2::from_shape_fn((members, 3), |(m, f)| corners[usize::from(truth[m])][f] * (0.8 + 0.4 * unit()));
    (raw, truth)
}

fn scaled(raw: &Array2<f64>, scaling: &Scaling) -> Array2<f32> {
    Array2::from_shape_fn(raw.raw_dim(), |(m, f)| scaling.features[f].apply(raw[[m, f]]) as f32)
}

fn settings(k: usize) -> Segments {
    Segments { k, ..Segments::default() }
}

fn fit(raw: &Array2<f64>, scaling: &Scaling, settings: &Segments, previous: Option<&SegmentFit>) -> SegmentFit {
    let places = previous.map(places_of).unwrap_or_default();
    let previous =
        previous.map(|fit| PreviousSegments { model: &fit.model, ids: &fit.ids, places: &places[..raw.nrows()] });
    fit_after(raw, scaling, settings, previous, AS_OF)
}

fn fit_after(
    raw: &Array2<f64>,
    scaling: &Scaling,
    settings: &Segments,
    previous: Option<PreviousSegments<'_>>,
    as_of: Day,
) -> SegmentFit {
    let matrix = scaled(raw, scaling);
    let columns = about();
    let input =
        FitInput { matrix: matrix.view(), scaling, columns: &columns, sample: None, previous, as_of, job_seed: 11 };
    SegmentModel::fit(&input, settings).unwrap()
}

/// Where the members of a fit stand for the next one.
fn places_of(fit: &SegmentFit) -> Vec<PreviousPlace> {
    let id = |label: &u16| fit.model.segment(*label).id;
    let held = |row: usize| fit.memberships.held.iter().find(|h| h.row as usize == row).map(|h| h.since);
    let both = fit.memberships.segment.iter().zip(&fit.memberships.nearest).enumerate();
    both.map(|(row, (s, n))| PreviousPlace { segment: id(s), nearest: id(n), held_since: held(row) }).collect()
}

#[test]
fn planted_personas_become_segments() {
    let (raw, truth) = personas(4000);
    let found = fit(&raw, &scaling(3.0, 2.0), &settings(4), None);
    assert!(adjusted_rand_index(&found.memberships.segment, &truth) > 0.999);
    let model = &found.model;
    assert_eq!(model.segments.iter().map(|s| s.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(model.segments.iter().map(|s| s.members).collect::<Vec<_>>(), [1600, 1200, 800, 400]);
    assert_eq!(model.segments[3].code, "seg_04");
    let names: Vec<&str> = model.segments.iter().map(|s| s.name_en.as_str()).collect();
    assert_eq!(
        names,
        [
            "long-absent, infrequent, low-spending",
            "average members",
            "recently active, frequent",
            "very high-spending, very frequent, recently active"
        ]
    );
    // Raw centroids are in the units of the features.
    assert!((model.segments[3].raw[0] - 40.0).abs() < 1.0, "{:?}", model.segments[3].raw);
    // Any part of the members can be assigned alone.
    let matrix = scaled(&raw, &scaling(3.0, 2.0));
    let part = model.assign(matrix.slice(ndarray::s![100..250, ..])).unwrap();
    assert_eq!(part.segment, found.memberships.segment[100..250]);
    assert_eq!(part.margin, found.memberships.margin[100..250]);
    let text = serde_json::to_string_pretty(model).unwrap();
    let back: SegmentModel = serde_json::from_str(&text).unwrap();
    assert_eq!(back.centroids(), model.centroids());
    assert_eq!(model.to_linfa().unwrap().centroids(), &model.centroids());
    assert!(matches!(model.assign(matrix.slice(ndarray::s![.., ..2])), Err(SegmentError::Features { .. })));
}

#[test]
fn segments_keep_their_ids_over_nights() {
    let (raw, _) = personas(2000);
    let first = fit(&raw, &scaling(3.0, 2.0), &settings(4), None);
    // The next night everyone is a little further, and the scaling another one.
    let next = raw.mapv(|v| v * 1.05);
    let second = fit(&next, &scaling(3.3, 1.7), &settings(4), Some(&first));
    assert!(second.model.warm_start && second.model.iterations == 1);
    assert_eq!(second.memberships.segment, first.memberships.segment);
    let identity =
        |m: &SegmentModel| -> Vec<(i32, String)> { m.segments.iter().map(|s| (s.id, s.name_zh.clone())).collect() };
    assert_eq!(identity(&second.model), identity(&first.model));
    // A fit from scratch finds the same segments again: same ids, whatever the start.
    let afresh = Segments { warm_start: false, seed_offset: 5, ..settings(4) };
    let third = fit(&next, &scaling(3.3, 1.7), &afresh, Some(&second));
    assert!(!third.model.warm_start);
    assert_eq!(identity(&third.model), identity(&first.model));
    assert!(third.kept.iter().flatten().all(|kept| kept.overlap > 0.99));
    // Fewer segments: three persona keep theirs or merge; what is retired never comes back.
    let fewer = fit(&next, &scaling(3.3, 1.7), &settings(2), Some(&third));
    let ids = |m: &SegmentModel| m.segments.iter().map(|s| s.id).collect::<Vec<_>>();
    assert!(ids(&fewer.model).iter().all(|id| *id <= 4) && fewer.model.highest_id == 4, "{:?}", ids(&fewer.model));
    let back = fit(&next, &scaling(3.3, 1.7), &settings(4), Some(&fewer));
    let created: Vec<i32> = ids(&back.model).into_iter().filter(|id| !ids(&fewer.model).contains(id)).collect();
    assert!(created.iter().all(|id| *id > 4), "{created:?}");
    assert_eq!(back.ids.segments.iter().filter(|s| s.retired.is_some()).count(), 2);
    assert_eq!(back.ids.segments.len(), 4 + created.len());
}

/// Who slides over the border is held until the move is clear, and not for ever.
#[test]
fn members_are_held_at_the_border() {
    let (mut raw, truth) = personas(2000);
    let scaling = scaling(3.0, 2.0);
    let first = fit(&raw, &scaling, &settings(4), None);
    let row = truth.iter().position(|p| *p == 1).unwrap();
    let (from, to) =
        (first.memberships.segment[row], first.memberships.segment[truth.iter().position(|p| *p == 0).unwrap()]);
    let centroid = |label: u16, f: usize| first.model.segment(label).raw[f];
    let mut walk = |part: f64, previous: &SegmentFit, as_of: Day| {
        for f in 0..3 {
            let (a, b) = (centroid(from, f).ln_1p(), centroid(to, f).ln_1p());
            raw[[row, f]] = (a + (b - a) * part).exp_m1();
        }
        let places = places_of(previous);
        let previous = PreviousSegments { model: &previous.model, ids: &previous.ids, places: &places };
        fit_after(&raw, &scaling, &settings(4), Some(previous), as_of)
    };
    // 4 % past the border: held, and the centroids are those of the nearest.
    let second = walk(0.52, &first, AS_OF.plus(1));
    assert_eq!((second.memberships.segment[row], second.memberships.nearest[row]), (from, to));
    assert_eq!(second.memberships.held, [Held { row: row as u32, since: AS_OF.plus(1) }]);
    let of = |label: u16| second.model.segment(label);
    assert_eq!((of(from).members, of(from).nearest), (of(from).nearest + 1, of(from).members - 1));
    // Still there on the last day of the hold, gone the day after.
    let third = walk(0.52, &second, AS_OF.plus(30));
    assert_eq!(third.memberships.held, [Held { row: row as u32, since: AS_OF.plus(1) }]);
    assert_eq!(walk(0.52, &third, AS_OF.plus(31)).memberships.segment[row], to);
    // Clear at once.
    assert_eq!(walk(0.6, &first, AS_OF.plus(1)).memberships.segment[row], to);
}

#[test]
fn drift_is_counted() {
    let (raw, _) = personas(1000);
    let scaling = scaling(3.0, 2.0);
    let first = fit(&raw, &scaling, &settings(4), None);
    let ids: Vec<String> = (0..1001).map(|i| format!("m{i:04}")).collect();
    let mut before = PreviousPlaces::default();
    for (id, place) in ids.iter().zip(places_of(&first)) {
        before.push(id, place.segment, place.nearest).unwrap();
    }
    // A member of another segment, and one who left.
    before.push(&ids[1000], 2, 2).unwrap();
    let mut places = places_of(&first);
    places[0].segment = 4;
    places[1] = PreviousPlace::default();
    let second = fit(&raw, &scaling, &settings(4), Some(&first));
    let features = FeatureTable::default();
    let drift = Drift::measure(&DriftInput {
        previous: PreviousSegments { model: &first.model, ids: &first.ids, places: &places },
        before: &before,
        distributions: None,
        fit: &second,
        features: &features,
        scaling: &scaling,
    });
    assert_eq!((drift.both, drift.joined, drift.left, drift.moved), (999, 1, 2, 1));
    assert!((drift.moved_share - 1.0 / 999.0).abs() < 1e-12 && drift.adjusted_rand > 0.99);
    assert!(drift.migration.contains(&Migration { from: 4, to: 1, members: 1 }), "{:?}", drift.migration);
    assert!(drift.created.is_empty() && drift.retired.is_empty() && drift.renamed.is_empty());
    assert!(drift.centroids.iter().all(|c| c.shift < 1e-3), "{:?}", drift.centroids);
    let limits = DriftLimits { moved: Some(0.001), rand: Some(0.9), ..DriftLimits::default() };
    let gates = limits.gates(&drift);
    assert_eq!(
        gates.iter().map(|g| (g.key, g.passed)).collect::<Vec<_>>(),
        [("refuse_moved_above", false), ("refuse_rand_below", true)]
    );
    assert_eq!(gates[0].to_string(), "segments.drift.refuse_moved_above = 0.001: share of members who moved 0.001001");
}

#[test]
fn names_of_the_job_come_first() {
    let (raw, _) = personas(1000);
    let mut wanted = settings(4);
    wanted.names.insert("seg_01".into(), SegmentName { zh: Some("沉睡客".into()), en: None });
    wanted.names.insert("seg_04".into(), SegmentName { zh: None, en: Some("average members".into()) });
    let model = fit(&raw, &scaling(3.0, 2.0), &wanted, None).model;
    assert_eq!(model.segments[0].name_zh, "沉睡客");
    assert_eq!(model.segments[3].name_en, "average members");
    assert_eq!(model.segments[1].name_en, "average members 2");
}

#[test]
fn thread_count_changes_no_byte() {
    let (raw, _) = personas(9000);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| fit(&raw, &scaling(3.0, 2.0), &settings(6), None));
        (serde_json::to_string(&found.model).unwrap(), found.memberships)
    };
    assert!(run(1) == run(3));
}

#[test]
fn too_few_members_are_refused() {
    let (raw, _) = personas(3);
    let (scaling, columns) = (scaling(3.0, 2.0), about());
    let matrix = scaled(&raw, &scaling);
    let input = FitInput {
        matrix: matrix.view(),
        scaling: &scaling,
        columns: &columns,
        sample: None,
        previous: None,
        as_of: AS_OF,
        job_seed: 1,
    };
    let text = SegmentModel::fit(&input, &settings(4)).unwrap_err().to_string();
    assert!(text.starts_with("4 segments need at least as many members, and there are 3"), "{text}");
    let twins = Array2::<f32>::zeros((50, 3));
    let text = SegmentModel::fit(&FitInput { matrix: twins.view(), ..input }, &settings(4)).unwrap_err().to_string();
    assert!(text.contains("only 1 kinds of members apart"), "{text}");
}

fn facts(first: i32, last: i32, purchase_days: u32, median_gap: Option<f32>) -> MemberFacts {
    MemberFacts {
        first: AS_OF.plus(-first),
        last: AS_OF.plus(-last),
        purchase_days,
        median_gap,
        net_spend: 0,
        channel: NO_CODE,
        price_tier: 0,
        habits: Habits::default(),
        categories: [NONE; MAX_FAVOURITES],
        regular: [NONE; MAX_FAVOURITES],
        earlier: Earlier::default(),
    }
}

fn plan_of<'a>(
    settings: &'a Segments,
    items: &'a ItemTable,
    dimensions: &'a Dimensions,
    festivals: &'a DaySet,
    cut: Day,
) -> FactsPlan<'a> {
    let regular = RhythmRule { min_days: 3, max_gaps: 2.0 };
    FactsPlan::new(FactsView { settings, items, dimensions, festivals, regular, cut })
}

#[test]
fn lifecycle_table() {
    use Lifecycle::{Active, AtRisk, Dormant, Lost, New};
    let settings = Segments::default();
    let thresholds = MemberThresholds { population_gap: Some(20.0), ..MemberThresholds::default() };
    // (days since first, days since last, purchase days, own median gap) → stage
    let table = [
        ((0, 0, 1, None), New),
        ((30, 2, 9, Some(3.0)), New),
        ((31, 31, 1, None), Active),
        ((41, 41, 1, None), AtRisk),
        ((80, 80, 1, None), AtRisk),
        ((81, 81, 1, None), Dormant),
        ((160, 160, 1, None), Dormant),
        ((161, 161, 1, None), Lost),
        // Two purchase days make no rhythm of one's own yet: the median of all, 20 days, counts.
        ((200, 41, 2, Some(100.0)), AtRisk),
        // The own rhythm: 100 days.
        ((900, 200, 5, Some(100.0)), Active),
        ((900, 201, 5, Some(100.0)), AtRisk),
        ((900, 401, 5, Some(100.0)), Dormant),
        ((900, 801, 5, Some(100.0)), Lost),
        // A daily buyer counts as a weekly one, a very slow one as half-yearly.
        ((900, 14, 300, Some(1.0)), Active),
        ((900, 15, 300, Some(1.0)), AtRisk),
        ((3000, 361, 3, Some(1000.0)), AtRisk),
    ];
    for ((first, last, days, gap), want) in table {
        let member = facts(first, last, days, gap);
        let got = thresholds.lifecycle(&member, &settings, Timeline::Calendar, AS_OF);
        assert_eq!(got, want, "{first} {last} {days} {gap:?}");
    }
    // Nobody has a rhythm: the longest gap of the settings.
    let nobody = MemberThresholds::default();
    assert_eq!(nobody.lifecycle(&facts(500, 300, 1, None), &settings, Timeline::Calendar, AS_OF), Active);
    for (days, want) in [(1, New), (2, Active)] {
        assert_eq!(nobody.lifecycle(&facts(900, 900, days, None), &settings, Timeline::Ordinal, AS_OF), want);
    }
}

#[test]
fn value_bands_hold_at_most_their_share() {
    let settings = Segments::default().value;
    let hundred = settings.thresholds((1..=100).collect());
    assert_eq!(hundred, ValueThresholds { top: Some(96), high: Some(81), mid: Some(51) });
    assert_eq!(
        [96, 95, 81, 80, 51, 50, -5].map(|s| hundred.band(s).as_str()),
        ["top", "high", "high", "mid", "mid", "low", "low"]
    );
    // All alike: nobody stands out.
    assert_eq!(settings.thresholds(vec![500; 40]), ValueThresholds::default());
    assert_eq!(settings.thresholds(Vec::new()), ValueThresholds::default());
    // Ten members: 5 % of them are nobody, ties at the border go down.
    let ten = settings.thresholds(vec![9, 9, 9, 5, 4, 3, 2, 1, 0, 0]);
    assert_eq!(ten, ValueThresholds { top: None, high: None, mid: Some(4) });
    // Nobody without spend is above low.
    let poor = settings.thresholds(vec![10, 0, 0, -3]);
    assert_eq!(poor, ValueThresholds { top: None, high: None, mid: Some(10) });
    assert_eq!(settings.thresholds(vec![0, -1, -2, -3]).mid, Some(1));
}

proptest! {
    #[test]
    fn thresholds_are_the_counting_rule(
        spends in prop::collection::vec(-20i64..60, 0..120), shares in prop::collection::vec(0u32..=100, 3),
    ) {
        let mut percent = shares;
        percent.sort_unstable();
        let shares = [percent[0], percent[1], percent[2]].map(|p| f64::from(p) / 100.0);
        let settings = ValueSettings { window_days: None, shares };
        let found = settings.thresholds(spends.clone());
        for (least, percent) in [found.top, found.high, found.mid].into_iter().zip(percent) {
            // The least spend above 0 that so few members reach, by trying them all.
            let fits = |s: &Minor| spends.iter().filter(|o| *o >= s).count() as u32 * 100 <= percent * spends.len() as u32;
            let want = spends.iter().filter(|s| **s > 0 && fits(s)).min().copied();
            let got = spends.iter().filter(|s| least.is_some_and(|l| **s >= l)).min().copied();
            prop_assert_eq!(got, want);
        }
    }
}

fn shop() -> (ItemTable, Dimensions) {
    let items = ItemTable {
        ids: IdTable::from_unsorted(["food", "litter", "oolong"]),
        categories: IdTable::from_unsorted(["pet/cat", "pet/food", "tea/oolong"]),
        category: vec![1, 0, 2],
        ..ItemTable::default()
    };
    let dimensions = Dimensions {
        channels: IdTable::from_unsorted(["app", "小程序"]),
        stores: IdTable::default(),
        cities: IdTable::default(),
        timeline: Timeline::Calendar,
        as_of: AS_OF,
        first_day: AS_OF.plus(-900),
    };
    (items, dimensions)
}

fn buy(member: &str, ago: i32, item: u32, amount: Minor, channel: u16) -> Row {
    Row { channel, ..Row::buy(member, AS_OF.0 - ago, item, amount) }
}

fn lines() -> Vec<Row> {
    vec![
        buy("anna", 100, 0, 500, 0),
        buy("anna", 90, 1, 300, 1),
        buy("anna", 90, 2, 200, 1),
        buy("anna", 60, 0, 900, 0),
        buy("anna", 20, 2, 4000, 1),
        // The tea comes back: neither a purchase day, nor spend, nor a favourite.
        Row { units: -1, amount: -4000, ..buy("anna", 15, 2, 0, 1) },
        buy("bert", 5, NO_ITEM, 100, NO_CODE),
        buy("cleo", 40, 2, 700, 1),
        Row { units: -1, amount: -700, ..buy("cleo", 30, 2, 0, 1) },
    ]
}

#[test]
fn facts_of_a_shard() {
    let (items, dimensions) = shop();
    let settings = Segments::default();
    let festivals = DaySet::default();
    let plan = plan_of(&settings, &items, &dimensions, &festivals, AS_OF);
    let shards = shards_of(&lines(), 1);
    let facts = plan.shard(&shards[0]);
    let [anna, bert, cleo] = facts[..] else { panic!("three members") };
    assert_eq!((AS_OF.since(anna.first), AS_OF.since(anna.last)), (100, 60));
    assert_eq!((anna.purchase_days, anna.median_gap, anna.net_spend), (3, Some(20.0), 1900));
    assert_eq!(anna.channel, 0);
    assert_eq!(anna.categories, [0, NONE, NONE]);
    assert_eq!(plan.category_groups().get(0), "pet");
    assert_eq!((bert.purchase_days, bert.median_gap, bert.net_spend, bert.channel), (1, None, 100, NO_CODE));
    assert_eq!((cleo.purchase_days, AS_OF.since(cleo.first), cleo.net_spend), (0, 40, 0));
    // Before the returns were known; and a window of 50 days.
    let settings = Segments { value: ValueSettings { window_days: Some(50), ..settings.value.clone() }, ..settings };
    let cut = AS_OF.plus(-16);
    let early = plan_of(&settings, &items, &dimensions, &festivals, cut).shard(&shards[0]);
    assert_eq!((early[0].purchase_days, early[0].last, early[0].net_spend), (4, AS_OF.plus(-20), 4900));
    assert_eq!((early[0].median_gap, early[0].channel), (Some(30.0), 1));
    assert_eq!(early[0].categories, [1, NONE, NONE]);
    assert_eq!(early[2].net_spend, 0);
}

proptest! {
    /// Gaps, days and spend of the one pass are those of the plain way over the rows.
    #[test]
    fn facts_are_the_plain_ones(rows in prop::collection::vec((0u8..4, 0i32..60, 0u32..3, 1i64..50), 1..60)) {
        let (items, dimensions) = shop();
        let settings = Segments::default();
        let rows: Vec<Row> = rows.into_iter().map(|(m, ago, item, amount)| buy(&format!("m{m}"), ago, item, amount, 0)).collect();
        let festivals = DaySet::default();
        let plan = plan_of(&settings, &items, &dimensions, &festivals, AS_OF);
        for shard in shards_of(&rows, 3) {
            for (facts, id) in plan.shard(&shard).iter().zip(shard.members.iter()) {
                let mine: Vec<&Row> = rows.iter().filter(|r| r.member == id).collect();
                let days: Vec<i32> = mine.iter().map(|r| r.day).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
                let mut gaps: Vec<f32> = days.windows(2).map(|w| (w[1] - w[0]) as f32).collect();
                gaps.sort_by(f32::total_cmp);
                let median = (!gaps.is_empty()).then(|| (gaps[(gaps.len() - 1) / 2] + gaps[gaps.len() / 2]) / 2.0);
                prop_assert_eq!(facts.median_gap, median);
                prop_assert_eq!((facts.first.0, facts.last.0), (days[0], days[days.len() - 1]));
                prop_assert_eq!(facts.purchase_days as usize, days.len());
                prop_assert_eq!(facts.net_spend, mine.iter().map(|r| r.amount).sum::<i64>());
            }
        }
    }
}

#[test]
fn tags_and_their_days() {
    let (items, dimensions) = shop();
    let settings = settings(2);
    let festivals = DaySet::default();
    let plan = plan_of(&settings, &items, &dimensions, &festivals, AS_OF);
    let shard = &shards_of(&lines(), 1)[0];
    let facts = plan.shard(shard);
    let thresholds = MemberThresholds::fit(&facts.iter(), &settings, Timeline::Calendar, AS_OF);
    assert_eq!(
        thresholds,
        MemberThresholds {
            population_gap: Some(20.0),
            value: ValueThresholds { top: None, high: None, mid: Some(1900) },
            rfm: Some(RfmThresholds { recency_days: 95.0 / 3.0, purchase_days: 4.0 / 3.0, net_spend: 2000.0 / 3.0 }),
        }
    );
    let (raw, _) = personas(100);
    let model = fit(&raw, &scaling(3.0, 2.0), &settings, None).model;
    let cny = Currency::from_code("CNY").unwrap();
    let raw: crate::input::RawLabels = toml::from_str("categories.pet = { zh = \"宠物\", en = \"pets\" }").unwrap();
    let labels = raw.check(&JobPath::root(), &mut Findings::new());
    let mut members = MemberTable::default();
    members.entry("anna").suppressed_tags = vec!["cat_pet".into()];
    members.entry("bert").preferred_channel = Some("app".into());
    let book = TagBook::new(TagView {
        model: &model,
        thresholds: &thresholds,
        plan: &plan,
        dimensions: &dimensions,
        labels: &labels,
        currency: cny,
        settings: &settings,
        members: &members,
    });
    let names = |tag: &str| {
        let entry = book.entries().iter().find(|e| e.tag == tag).unwrap();
        (entry.name_zh.clone(), entry.name_en.clone())
    };
    assert_eq!(names("cat_pet"), ("偏好品类：宠物".into(), "Favourite category: pets".into()));
    assert_eq!(names("ch_app"), ("偏好渠道：App".into(), "Preferred channel: app".into()));
    let codes: Vec<&str> = book.entries().iter().map(|e| e.tag.as_str()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    let due = codes.iter().filter(|c| c.starts_with("due_")).count();
    // Segments, categories twice, stages, channels and across, bands, classes, two habits, birthdays, city tiers.
    assert_eq!(codes.len() - due, 2 + 2 * 2 + 5 + 3 + 4 + 8 + 2 + 12 + 5);
    let rule = |tag: &str| book.entries().iter().find(|e| e.tag == tag).unwrap().rule.clone();
    insta::assert_snapshot!(["lc_at_risk", "lc_new", "vb_top", "vb_mid", "vb_low", "seg_01", "cat_pet", "reg_pet", "ch_app", "cross_channel",
         "discount_affinity", "festival_buyer", "rfm_key_keep", "birthday_02", "city_tier_2", "due_2024_11"]
        .map(|tag| format!("{tag}: {}", rule(tag))).join("\n"), @r"
    lc_at_risk: more than 2 and at most 4 usual gaps since the last purchase; usual gap: the own median from 3 purchase days on, else all members' median of 20 days; 7 to 180 days
    lc_new: first purchase at most 30 days ago
    vb_top: net spend among the first 5 % of members; nobody at present
    vb_mid: net spend at least CNY 19.00 (the first 50 % of members), not top or high
    vb_low: net spend below that of mid
    seg_01: nearest of 2 k-means centroids over 3 features
    cat_pet: at least 30 % of net spend, from 2 purchase days on; at most 2 categories a member
    reg_pet: at least 3 purchase days in it, the last one at most 2 of the member's own median gaps ago; at most 3 categories a member
    ch_app: stated by the member, else at least 50 % of net spend, from 2 purchase days on
    cross_channel: at least 20 % of bought amounts through the second channel, from 2 purchase days on
    discount_affinity: at least 50 % of bought lines with a discount, from 2 purchase days on
    festival_buyer: at least 60 % of purchase days in the shopping windows of festivals, and more than chance would give in 95 cases of 100 (0 % of all days lie in them), from 2 purchase days on
    rfm_key_keep: last purchase more than 31.7 days ago, more than 1.3 purchase days, net spend over CNY 6.67; the numbers are all members' means
    birthday_02: next birthday in month 2; lunar birthdays by their next civil date
    city_tier_2: tier 2 by the members table, else by the name of the city
    due_2024_11: last purchase and the member's own median gap (7 to 180 days) fall in this month; from 3 purchase days on, until the member is dormant or it is three months past
    ");

    let mut previous = PreviousTags::default();
    previous.push("anna", "lc_active", AS_OF.plus(-30)).unwrap();
    previous.push("anna", "seg_01", AS_OF.plus(-9)).unwrap();
    previous.push("cleo", "vb_low", AS_OF.plus(-3)).unwrap();
    let profile = ShardProfile { segments: &[0, 1, 0], facts: &facts };
    let tags = book.shard(shard, profile, &previous);
    let held: Vec<Vec<(&str, i32)>> = (0..3)
        .map(|m| {
            let tags = tags.of(m).iter();
            tags.map(|t| (book.entries()[t.tag as usize].tag.as_str(), AS_OF.since(t.since))).collect()
        })
        .collect();
    assert_eq!(
        held[0],
        [
            ("ch_app", 0),
            ("cross_channel", 0),
            ("due_2024_08", 0),
            ("lc_at_risk", 0),
            ("rfm_key_keep", 0),
            ("seg_01", 9),
            ("vb_mid", 0)
        ]
    );
    assert_eq!(held[1], [("ch_app", 0), ("lc_new", 0), ("rfm_general_develop", 0), ("seg_02", 0), ("vb_low", 0)]);
    // A rule of the job is one more tag, and a suppressed one stays away.
    let mut with_rule = settings.clone();
    let rule = |code: &str| SegmentRule {
        code: crate::base::tag_code::TagCode::new(code).unwrap(),
        position: 0,
        name_zh: "甲".into(),
        name_en: "mine".into(),
        when: "true".into(),
    };
    with_rule.rules = vec![rule("mine"), rule("not_mine")];
    let mut stricter = members.clone();
    stricter.entry("bert").suppressed_tags = vec!["mine".into(), "rfm_general_develop".into()];
    let view = TagView { settings: &with_rule, members: &stricter, ..*book.view() };
    let ruled = TagBook::new(view);
    let tags = ruled.shard(shard, profile, &previous);
    let tags = ruled.with_rules(shard, &tags, |rule, _| rule == 0, &previous);
    let codes = |m: usize| tags.of(m).iter().map(|t| ruled.entries()[t.tag as usize].tag.as_str()).collect::<Vec<_>>();
    assert_eq!(codes(1), ["ch_app", "lc_new", "seg_02", "vb_low"]);
    assert_eq!(codes(2), ["lc_active", "mine", "rfm_general_develop", "seg_01", "vb_low"]);
    assert_eq!(held[2], [("lc_active", 0), ("rfm_general_develop", 0), ("seg_01", 0), ("vb_low", 3)]);
}

#[test]
fn settings_report_everything_at_once() {
    let raw: RawSegments = toml::from_str(
        r#"
        k = 1
        restarts = 0
        tolerance = nan
        fit_sample = 10
        [names.seg_01]
        zh = "甲"
        [names.seg_02]
        zh = "甲"
        [names.segment]
        en = "x"
        [names.2]
        en = "y"
        [identity]
        margin = 2.0
        [drift]
        refuse_rand_below = -1.0
        [[rules]]
        code = "cat_mine"
        zh = "甲"
        en = "a"
        when = "true"
        [lifecycle]
        at_risk_after = 5.0
        dormant_after = 4.0
        [value]
        top = 0.5
        window_days = 0
        [tags]
        category_share = 0.0
        max_categories = 9
        "#,
    )
    .unwrap();
    let mut findings = Findings::new();
    let checked = raw.check(&JobPath::root().key("segments"), &Features::default(), &mut findings);
    let found: Vec<String> = findings.iter().map(|f| format!("{} {}", f.code, f.at)).collect();
    assert_eq!(
        found,
        [
            "segments::k_out_of_range segments.k",
            "segments::restarts_out_of_range segments.restarts",
            "segments::tolerance_out_of_range segments.tolerance",
            "segments::sample_too_small segments.fit_sample",
            "segments::identity_out_of_range segments.identity.margin",
            "segments::drift_out_of_range segments.drift.refuse_rand_below",
            "segments::named_twice segments.names.seg_02",
            "segments::not_a_code segments.names.segment",
            "segments::lifecycle_order segments.lifecycle",
            "segments::value_order segments.value",
            "segments::value_window segments.value.window_days",
            "segments::share_out_of_range segments.tags.category_share",
            "segments::categories_out_of_range segments.tags.max_categories",
            "segments::tag_taken segments.rules[0].code",
        ]
    );
    assert_eq!((checked.k, checked.restarts, checked.fit_sample, checked.tags.max_categories), (2, 1, 200, 3));
    assert_eq!(checked.tolerance, 0.0);
    let mut none = Findings::new();
    RawSegments::default().check(&JobPath::root(), &Features::default(), &mut none);
    assert!(none.is_empty());
}
