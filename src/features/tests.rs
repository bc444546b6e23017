//! The kernel against a naive twin, scaling against its definition, and what a shop without columns gets.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    base::{Currency, Day, Findings, IdTable, findings::JobPath},
    history::{
        Column, Dimensions, NO_CODE, NO_ITEM, Shard, ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::{ItemTable, Labels, NONE},
};

const ITEMS: u32 = 8;

fn items() -> ItemTable {
    ItemTable {
        ids: IdTable::from_unsorted((0..ITEMS).map(|i| format!("i{i}"))),
        categories: IdTable::from_unsorted(["baby", "pet/cat", "pet/dog", "tea"]),
        category: vec![0, 1, 2, 3, 1, NONE, 3, 2],
        ..ItemTable::default()
    }
}

fn dimensions() -> Dimensions {
    Dimensions {
        channels: IdTable::from_unsorted(["app", "store", "tmall"]),
        stores: IdTable::default(),
        cities: IdTable::default(),
        timeline: Timeline::Calendar,
        as_of: Day(200),
        first_day: Day(0),
    }
}

fn settings() -> Features {
    Features { top_categories: 2, top_channels: 2, spend_windows: vec![30, 90], ..Features::default() }
}

struct Shop {
    settings: Features,
    items: ItemTable,
    dimensions: Dimensions,
    labels: Labels,
    festivals: DaySet,
    cut: Day,
}

impl Shop {
    fn new(cut: i32) -> Self {
        let festivals = DaySet::from_fn(Day(0), Day(200), |d| d.0 % 10 == 3);
        Self {
            settings: settings(),
            items: items(),
            dimensions: dimensions(),
            labels: Labels::default(),
            festivals,
            cut: Day(cut),
        }
    }

    fn view(&self) -> FeatureView<'_> {
        FeatureView {
            settings: &self.settings,
            items: &self.items,
            dimensions: &self.dimensions,
            labels: &self.labels,
            currency: Currency::from_code("CNY").unwrap(),
            festivals: &self.festivals,
            cut: self.cut,
        }
    }

    fn table(&self, shards: &ShardSet) -> FeatureTable {
        FeaturePlan::new(self.view(), shards, None).unwrap().compute(shards, None).unwrap()
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0u32..6, 0i32..200, 0..=ITEMS, -2i32..4, 1i64..5000, 0i64..300, 0u16..4);
    prop::collection::vec(row, 1..80).prop_map(|rows| {
        rows.into_iter()
            .map(|(member, day, item, units, amount, discount, channel)| {
                let units = if units == 0 { 1 } else { units };
                let mut row = Row::buy(&format!("m{member}"), day, if item == ITEMS { NO_ITEM } else { item }, amount);
                row.units = units;
                row.amount = if units < 0 { -amount } else { amount };
                row.discount = if units < 0 { 0 } else { discount };
                row.channel = if channel == 3 { NO_CODE } else { channel };
                row
            })
            .collect()
    })
}

/// A member's lines up to the cut: (order, day, line).
fn lines_until(shard: &Shard, member: usize, cut: Day) -> Vec<(usize, Day, usize)> {
    shard
        .orders_of(member)
        .filter(|o| shard.order_day(*o) <= cut)
        .flat_map(|o| shard.lines_of(o).map(move |l| (o, l)))
        .map(|(o, l)| (o, shard.order_day(o), l))
        .collect()
}

/// The features of one member straight from their formulas.
fn naive(shop: &Shop, shard: &Shard, member: usize, vocabulary: &Vocabulary) -> Vec<(String, f64)> {
    let cut = shop.cut;
    let all = lines_until(shard, member, cut);
    let bought: Vec<_> = all.iter().copied().filter(|(_, _, l)| shard.is_purchase(*l, cut)).collect();
    let group = |l: usize| {
        let path = shop.items.category_of(shard.item[l]).map(|c| shop.items.categories.get(c as usize));
        path.map(|p| p.split('/').next().unwrap().to_owned())
    };
    let channel =
        |l: usize| (shard.channel.at(l) != NO_CODE).then(|| shop.dimensions.channels.get(shard.channel.at(l).into()));
    let money = |lines: &[(usize, Day, usize)]| lines.iter().map(|(_, _, l)| shard.amount.at(*l)).sum::<i64>();
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { f64::NAN };
    let orders: BTreeSet<(usize, Day)> = bought.iter().map(|(o, d, _)| (*o, *d)).collect();
    let days: Vec<Day> = orders.iter().map(|(_, d)| *d).collect::<BTreeSet<_>>().into_iter().collect();
    let mut gaps: Vec<i32> = days.windows(2).map(|w| w[1].since(w[0])).collect();
    gaps.sort_unstable();
    let n = gaps.len();
    let rhythm = if n == 0 { f64::NAN } else { f64::from(gaps[(n - 1) / 2] + gaps[n / 2]) / 2.0 };
    let recency = days.last().map_or(f64::NAN, |d| f64::from(cut.since(*d)));
    let net = money(&all);
    let gross: i64 =
        all.iter().filter(|(_, _, l)| !shard.is_return.contains(*l)).map(|(_, _, l)| shard.amount.at(*l)).sum();
    let discount: i64 = bought.iter().map(|(_, _, l)| shard.discount.at(*l)).sum();
    let of_orders =
        |f: &dyn Fn(Day) -> bool| ratio(orders.iter().filter(|(_, d)| f(*d)).count() as f64, orders.len() as f64);
    let units: i64 = bought.iter().map(|(_, _, l)| i64::from(shard.quantity.at(*l))).sum();
    let distinct = |f: &dyn Fn(usize) -> Option<String>| {
        bought.iter().filter_map(|(_, _, l)| f(*l)).collect::<BTreeSet<_>>().len() as f64
    };
    let mut features: Vec<(String, f64)> = [
        ("recency_days", recency),
        ("orders", orders.len() as f64),
        ("purchase_days", days.len() as f64),
        ("net_spend", net as f64 / 100.0),
        ("basket_value", ratio(net as f64 / 100.0, orders.len() as f64)),
        ("tenure_days", days.first().map_or(f64::NAN, |d| f64::from(cut.since(*d)))),
        ("rhythm", rhythm),
        ("lateness", recency / rhythm),
        ("distinct_items", distinct(&|l| (shard.item[l] != NO_ITEM).then(|| shard.item[l].to_string()))),
        ("distinct_categories", distinct(&group)),
        ("channels", distinct(&|l| channel(l).map(str::to_owned))),
        ("return_rate", ratio((gross - net) as f64, gross as f64)),
        ("discount_share", ratio(discount as f64, (money(&bought) + discount) as f64)),
        ("weekend_share", of_orders(&|d| d.is_weekend())),
        ("festival_share", of_orders(&|d| d.0 % 10 == 3)),
        ("mean_quantity", ratio(units as f64 / 1000.0, bought.len() as f64)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for window in [30, 90] {
        let recent: Vec<_> = all.iter().copied().filter(|(_, d, _)| cut.since(*d) < window).collect();
        features.push((format!("spend_{window}d"), money(&recent).max(0) as f64 / 100.0));
    }
    let in_category = |want: Option<&str>| {
        let mine = all.iter().copied().filter(|(_, _, l)| match (&group(*l), want) {
            (Some(g), Some(w)) => g == w,
            (g, None) => !g.as_ref().is_some_and(|g| vocabulary.categories.contains(g)),
            (None, Some(_)) => false,
        });
        ratio(money(&mine.collect::<Vec<_>>()) as f64, net as f64)
    };
    let in_channel = |want: Option<&str>| {
        let mine = bought.iter().copied().filter(|(_, _, l)| match (channel(*l), want) {
            (Some(c), Some(w)) => c == w,
            (c, None) => !c.is_some_and(|c| vocabulary.channels.iter().any(|v| v == c)),
            (None, Some(_)) => false,
        });
        ratio(money(&mine.collect::<Vec<_>>()) as f64, money(&bought) as f64)
    };
    features.extend(vocabulary.categories.iter().map(|c| (format!("share_category_{c}"), in_category(Some(c)))));
    features.push(("share_category_rest".to_owned(), in_category(None)));
    features.extend(vocabulary.channels.iter().map(|c| (format!("share_channel_{c}"), in_channel(Some(c)))));
    features.push(("share_channel_rest".to_owned(), in_channel(None)));
    features
}

fn same(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_kernel_equals_its_naive_twin(rows in rows(), cut in 20i32..210, shards in 1usize..4) {
        let shop = Shop::new(cut);
        let made = shards_of(&rows, shards);
        let set = ShardSet::in_memory(made.clone());
        let plan = FeaturePlan::new(shop.view(), &set, None).unwrap();
        let names: Vec<&str> = plan.dictionary().entries().iter().map(|e| e.name.as_str()).collect();
        for shard in &made {
            let got = plan.shard(shard, &mut Scratch::new(&plan)).unwrap();
            for member in 0..shard.members.len() {
                let want = naive(&shop, shard, member, plan.vocabulary());
                prop_assert_eq!(&names, &want.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>());
                for (column, (name, want)) in got.columns.iter().zip(&want) {
                    let got = column.get(member);
                    prop_assert!(same(got, *want), "{name} of {}: {got}, not {want}", shard.members.get(member));
                }
            }
        }
    }

    #[test]
    fn features_do_not_depend_on_the_sharding(rows in rows()) {
        let shop = Shop::new(200);
        let by_member = |shards: usize| {
            let made = shards_of(&rows, shards);
            let table = shop.table(&ShardSet::in_memory(made.clone()));
            let mut all: Vec<(String, String)> = Vec::new();
            for (s, shard) in made.iter().enumerate() {
                for m in 0..shard.members.len() {
                    let values: Vec<Option<f64>> = (0..table.dictionary().len()).map(|f| table.value(f, s, m)).collect();
                    all.push((shard.members.get(m).to_owned(), format!("{values:?}")));
                }
            }
            all.sort();
            all
        };
        prop_assert_eq!(by_member(1), by_member(3));
    }
}

#[test]
fn the_largest_categories_are_named() {
    let rows = [
        Row::buy("a", 10, 3, 500),  // tea
        Row::buy("a", 20, 1, 300),  // pet/cat
        Row::buy("b", 30, 2, 300),  // pet/dog
        Row::buy("b", 199, 0, 900), // baby, after the cut
    ];
    let shop = Shop::new(100);
    let set = ShardSet::in_memory(shards_of(&rows, 2));
    let plan = FeaturePlan::new(shop.view(), &set, None).unwrap();
    assert_eq!(plan.vocabulary().categories, ["pet", "tea"]);
    let raw: crate::input::RawLabels = toml::from_str("categories.pet = { zh = \"宠物\", en = \"pets\" }").unwrap();
    let labels = raw.check(&JobPath::root(), &mut Findings::new());
    let labelled = FeaturePlan::new(FeatureView { labels: &labels, ..shop.view() }, &set, None).unwrap();
    let called = |name: &str| {
        let entry = &labelled.dictionary().entries()[labelled.dictionary().find(name).unwrap()];
        (entry.name_zh.clone(), entry.name_en.clone())
    };
    assert_eq!(called("share_category_pet"), ("宠物消费占比".into(), "Share of spend on pets".into()));
    assert_eq!(called("share_category_tea"), ("tea 消费占比".into(), "Share of spend on tea".into()));
    let made_under = plan.vocabulary().made_under;
    let pinned = Vocabulary { categories: vec!["baby".into(), "gone".into()], channels: vec![], made_under };
    let plan = FeaturePlan::new(shop.view(), &set, Some(&pinned)).unwrap();
    assert!(plan.dictionary().find("share_category_gone").is_some());
    assert!(plan.dictionary().find("share_category_tea").is_none());
    let other_settings = Vocabulary { made_under: (0, 9, 9), ..pinned };
    let plan = FeaturePlan::new(shop.view(), &set, Some(&other_settings)).unwrap();
    assert_eq!(plan.vocabulary().categories, ["pet", "tea"]);
}

#[test]
fn what_a_shop_lacks_is_said_once() {
    let rows = [Row::buy("a", 1, NO_ITEM, 500), Row::buy("a", 2, NO_ITEM, 700)];
    let mut shards = shards_of(&rows, 1);
    shards[0].channel = Column::default();
    shards[0].discount = Column::default();
    let mut shop = Shop::new(200);
    shop.items = ItemTable::default();
    shop.dimensions.channels = IdTable::default();
    shop.dimensions.timeline = Timeline::Ordinal;
    let set = ShardSet::in_memory(shards);
    let plan = FeaturePlan::new(shop.view(), &set, None).unwrap();
    let names: Vec<&str> = plan.dictionary().entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(
        names,
        ["orders", "purchase_days", "net_spend", "basket_value", "rhythm", "return_rate", "mean_quantity"]
    );
    let notes: Vec<&str> = plan.notes().iter().map(|n| n.message.as_str()).collect();
    insta::assert_snapshot!(notes.join("\n"));
    let table = plan.compute(&set, None).unwrap();
    let (scaling, _) = Scaling::fit(&FeatureUse::defaults(), &table).unwrap();
    assert_eq!(
        scaling.features.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
        ["orders", "net_spend", "basket_value", "rhythm"]
    );
    assert!(scaling.apply(&table, &|_, _| String::new()).unwrap().iter().all(|v| *v == 0.0));
    let mut named = FeatureUse::defaults();
    named[0].named = true;
    assert!(matches!(Scaling::fit(&named, &table), Err(FeatureError::Unavailable { .. })));
    let shop_columns = ShopColumns::of(&shop.items, &shop.dimensions, false);
    let mut findings = Findings::new();
    let cny = Currency::from_code("CNY").unwrap();
    check_shop(&shop.settings, &named, shop_columns, cny, &JobPath::root(), &JobPath::root(), &mut findings);
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["features::unavailable"]);
}

#[test]
fn sql_features_are_exact_and_missing_is_filled() {
    let rows: Vec<Row> =
        (0..300).map(|i| Row::buy(&format!("m{}", i % 7), i % 150, (i as u32) % ITEMS, 1010 + i64::from(i))).collect();
    let mut shop = Shop::new(120);
    let sql = |name: &str, expr: &str| SqlFeature {
        name: name.into(),
        expr: expr.into(),
        unit: "CNY".into(),
        fill: Fill::Median,
        name_zh: name.into(),
        name_en: name.into(),
    };
    shop.settings.sql = vec![
        sql("spend", "sum(amount)"),
        sql("items", "count(distinct item_id)"),
        sql("pet", "sum(amount) filter (where category like 'pet/%' and is_purchase)"),
        sql("recent", "sum(amount) filter (where age_days < 30)"),
        sql("never", "sum(amount) filter (where channel = 'none')"),
        sql("days", "count(distinct day)"),
        sql("first", "min(age_days)"),
        sql("morning", "avg(case when extract(hour from ts) < 12 then 1.0 else 0.0 end) filter (where is_purchase)"),
    ];
    let shards = shards_of(&rows, 3);
    let set = ShardSet::in_memory(shards.clone());
    let table = shop.table(&set);
    for (sql, built_in) in [
        ("spend", "net_spend"),
        ("items", "distinct_items"),
        ("recent", "spend_30d"),
        ("days", "purchase_days"),
        ("first", "recency_days"),
    ] {
        let (sql, built_in) = (table.column(sql).unwrap(), table.column(built_in).unwrap());
        assert_eq!(sql.collect::<Vec<_>>(), built_in.collect::<Vec<_>>());
    }
    assert!(table.column("never").unwrap().all(f64::is_nan));
    assert!(table.column("morning").unwrap().all(|v| v == 1.0));
    let mut uses = FeatureUse::defaults();
    uses[0].name = "never".into();
    let (scaling, notes) = Scaling::fit(&uses, &table).unwrap();
    assert!(notes.iter().any(|n| n.code == "features::no_variance" && n.message.contains("never")));
    assert!(scaling.apply(&table, &|_, _| String::new()).unwrap().iter().all(|v| v.is_finite()));

    shop.settings.sql = vec![sql("bad", "sum(amount) / 0.0e0")];
    let error = FeaturePlan::new(shop.view(), &set, None).unwrap().compute(&set, None).unwrap_err();
    assert!(
        matches!(&error, FeatureError::NotFinite { feature, member, .. }
        if feature == "bad" && member.starts_with('m')),
        "{error}"
    );
}

#[test]
fn the_dictionary_describes_every_feature() {
    let shop = Shop::new(200);
    let set = ShardSet::in_memory(shards_of(&[Row::buy("a", 1, 3, 500), Row::buy("b", 2, 1, 900)], 2));
    let table = shop.table(&set);
    let (scaling, _) = Scaling::fit(&FeatureUse::defaults(), &table).unwrap();
    let mut text = FeatureDictionary::HEADER.join(" | ");
    for row in table.dictionary().rows(Some(&scaling)) {
        text.push('\n');
        text.push_str(&row.join(" | "));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn scaling_goes_there_and_back() {
    let rows: Vec<Row> = (0..200)
        .map(|i| Row::buy(&format!("m{}", i % 23), (i * 7) % 150, (i as u32) % ITEMS, 500 + i64::from(i * i)))
        .collect();
    let shop = Shop::new(200);
    let table = shop.table(&ShardSet::in_memory(shards_of(&rows, 4)));
    for (transform, scale) in [
        (Transform::None, Scale::None),
        (Transform::Log1p, Scale::Standard),
        (Transform::Sqrt, Scale::Robust),
        (Transform::None, Scale::Minmax),
    ] {
        let mut one = FeatureUse::defaults().swap_remove(2);
        (one.transform, one.scale, one.weight) = (Some(transform), Some(scale), Some(2.0));
        let (scaling, _) = Scaling::fit(&[one], &table).unwrap();
        let text = serde_json::to_string(&scaling).unwrap();
        assert_eq!(serde_json::from_str::<Scaling>(&text).unwrap(), scaling);
        let matrix = scaling.apply(&table, &|_, _| String::new()).unwrap();
        let raw: Vec<f64> = table.column("net_spend").unwrap().collect();
        for (row, raw) in matrix.rows().into_iter().zip(&raw) {
            let back = scaling.invert(row)[0];
            assert!((back - raw).abs() <= 1e-4 * raw.abs(), "{transform:?} {scale:?}: {raw} came back as {back}");
        }
        let column: Vec<f64> = matrix.column(0).iter().map(|v| f64::from(*v) / 2.0).collect();
        match scale {
            Scale::Standard => {
                let mean = column.iter().sum::<f64>() / column.len() as f64;
                let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / column.len() as f64;
                assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5);
            }
            Scale::Minmax => {
                assert_eq!(column.iter().copied().fold(f64::INFINITY, f64::min), 0.0);
                assert_eq!(column.iter().copied().fold(0.0, f64::max), 1.0);
            }
            Scale::None | Scale::Robust => {}
        }
    }
}

#[test]
fn late_members_without_a_rhythm_are_measured_against_the_shop() {
    let rows = [
        Row::buy("a", 10, 0, 100),
        Row::buy("a", 20, 0, 100),
        Row::buy("b", 10, 0, 100),
        Row::buy("b", 50, 0, 100),
        Row::buy("c", 160, 0, 100),
        Row::buy("d", 100, 0, 100),
        Row::buy("d", 140, 0, 100),
    ];
    let shop = Shop::new(200);
    let table = shop.table(&ShardSet::in_memory(shards_of(&rows, 1)));
    assert_eq!(table.population_rhythm(), Some(40.0));
    assert_eq!(table.column("rhythm").unwrap().nth(2).map(f64::is_nan), Some(true));
    assert_eq!(table.column("lateness").unwrap().collect::<Vec<_>>(), [18.0, 3.75, 1.0, 1.5]);
    assert_eq!((table.locate(0), table.locate(3)), ((0, 0), (0, 3)));
}
