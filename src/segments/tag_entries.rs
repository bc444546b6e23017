//! The tag dictionary: every tag a run can give, with its names and its rule in words.

use std::collections::BTreeMap;

use super::{
    Lifecycle, RfmClass, TagEntry, TagSource, ValueBand, city_tier_names,
    tags::{TagIndex, TagView, month_number},
};
use crate::{base::tag_code::TagCode, history::Timeline, input::NONE};

/// City tiers that have a tag.
const CITY_TIERS: u8 = 5;

/// How far back a next purchase may have been expected to have a tag, in days.
const LATEST_DUE: i32 = 92;

/// The entries so far, by code.
#[derive(Default)]
struct Entries(BTreeMap<TagCode, TagEntry>);

impl Entries {
    fn add(&mut self, code: TagCode, zh: &str, en: &str, source: TagSource, rule: String) -> TagCode {
        let entry = TagEntry { tag: code.to_string(), name_zh: zh.to_owned(), name_en: en.to_owned(), source, rule };
        // Two spellings of one name share a tag; the first explains it.
        self.0.entry(code.clone()).or_insert(entry);
        code
    }
}

/// The rule of a segment: `traits` are names of features with `+`, `++` or `-`.
fn cluster_rule(traits: &[String], k: usize, features: usize) -> String {
    let mut rule = format!("nearest of {k} k-means centroids over {features} features");
    for (sign, word) in [('+', "high"), ('-', "low")] {
        let signed = traits.iter().filter(|t| t.ends_with(sign));
        let named: Vec<&str> = signed.map(|t| t.trim_end_matches(sign)).collect();
        if !named.is_empty() {
            rule.push_str(&format!("; {word} {}", named.join(", ")));
        }
    }
    rule
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

impl TagIndex {
    /// The dictionary, sorted by code, and where each tag stands in it.
    pub(super) fn new(view: &TagView<'_>) -> (Vec<TagEntry>, Self) {
        let mut all = Entries::default();
        let segments = segments(view, &mut all);
        let stages = stages(view, &mut all);
        let value = view.settings.value.on(view.dimensions.timeline);
        let bands: Vec<TagCode> = ValueBand::ALL
            .iter()
            .map(|band| {
                let rule = value.rule(*band, &view.thresholds.value, view.currency);
                let (zh, en) = band.names();
                all.add(TagCode::slug("vb_", band.as_str()), zh, en, TagSource::Value, rule)
            })
            .collect();
        let rfm: Vec<TagCode> = view.thresholds.rfm.map_or_else(Vec::new, |thresholds| {
            let add = |class: &RfmClass| {
                let rule = thresholds.rule(*class, view.settings.rfm, view.currency);
                let (zh, en) = class.names();
                all.add(TagCode::slug("rfm_", class.as_str()), zh, en, TagSource::Rfm, rule)
            };
            RfmClass::ALL.iter().map(add).collect()
        });
        let (channels, cross_channel) = channels(view, &mut all);
        let (categories, regular) = categories(view, &mut all);
        let price_tiers = price_tiers(view, &mut all);
        let rules = &view.settings.tags;
        let settled = format!("from {} purchase days on", rules.min_purchase_days);
        let rule = format!("at least {} of bought lines with a discount, {settled}", percent(rules.discount_share));
        let code = TagCode::slug("", "discount_affinity");
        let discounts = all.add(code, "促销偏好", "Drawn by discounts", TagSource::Discount, rule);
        let calendar = view.dimensions.timeline == Timeline::Calendar;
        let festivals = calendar.then(|| {
            let (least, chance) = (percent(rules.festival_share), percent(view.plan.festival_days()));
            let rule = format!(
                "at least {least} of purchase days in the shopping windows of festivals, and more than chance would give \
                 in 95 cases of 100 ({chance} of all days lie in them), {settled}"
            );
            all.add(TagCode::slug("", "festival_buyer"), "节日型买家", "Festival buyer", TagSource::Festival, rule)
        });
        let (birthdays, cities) = attributes(view, &mut all);
        let (due, first_due) = if calendar { months_due(view, &mut all) } else { (Vec::new(), 0) };
        let job: Vec<TagCode> = view
            .settings
            .rules
            .iter()
            .map(|rule| all.add(rule.code.clone(), &rule.name_zh, &rule.name_en, TagSource::Rule, rule.when.clone()))
            .collect();

        let entries: Vec<TagEntry> = all.0.into_values().collect();
        let place =
            |code: &TagCode| entries.binary_search_by(|e| e.tag.as_str().cmp(code.as_str())).map_or(NONE, |i| i as u32);
        let places = |codes: &[TagCode]| codes.iter().map(place).collect::<Vec<u32>>();
        let spoken =
            |codes: &[Option<TagCode>]| codes.iter().map(|c| c.as_ref().map_or(NONE, place)).collect::<Vec<u32>>();
        let index = Self {
            segments: places(&segments),
            stages: places(&stages),
            bands: places(&bands),
            rfm: places(&rfm),
            channels: places(&channels),
            cross_channel: cross_channel.as_ref().map(place),
            categories: spoken(&categories),
            regular: spoken(&regular),
            price_tiers: places(&price_tiers),
            discounts: Some(place(&discounts)),
            festivals: festivals.as_ref().map(place),
            birthdays: places(&birthdays),
            cities: places(&cities),
            due: places(&due),
            first_due,
            rules: places(&job),
        };
        (entries, index)
    }
}

fn segments(view: &TagView<'_>, all: &mut Entries) -> Vec<TagCode> {
    let k = view.model.segments.len();
    let add = |s: &super::Segment| {
        let rule = cluster_rule(&s.traits, k, view.model.features.len());
        all.add(TagCode::slug("", &s.code), &s.name_zh, &s.name_en, TagSource::Cluster, rule)
    };
    view.model.segments.iter().map(add).collect()
}

fn stages(view: &TagView<'_>, all: &mut Entries) -> Vec<TagCode> {
    Lifecycle::ALL
        .iter()
        .map(|stage| {
            let rule = match view.dimensions.timeline {
                Timeline::Calendar => view.settings.lifecycle.rule(*stage, view.thresholds.population_gap),
                Timeline::Ordinal => "the data has no calendar time: new with one basket, else active".to_owned(),
            };
            let (zh, en) = stage.names();
            all.add(TagCode::slug("lc_", stage.as_str()), zh, en, TagSource::Lifecycle, rule)
        })
        .collect()
}

fn channels(view: &TagView<'_>, all: &mut Entries) -> (Vec<TagCode>, Option<TagCode>) {
    let rules = &view.settings.tags;
    let settled = format!("from {} purchase days on", rules.min_purchase_days);
    let codes = view
        .dimensions
        .channels
        .iter()
        .map(|channel| {
            let label = view.labels.channel(channel);
            let (zh, en) = (format!("偏好渠道：{}", label.zh), format!("Preferred channel: {}", label.en));
            let least = percent(rules.channel_share);
            let rule = format!("stated by the member, else at least {least} of net spend, {settled}");
            all.add(TagCode::slug("ch_", channel), &zh, &en, TagSource::Channel, rule)
        })
        .collect();
    let across = (view.dimensions.channels.len() > 1).then(|| {
        let least = percent(rules.cross_channel_share);
        let rule = format!("at least {least} of bought amounts through the second channel, {settled}");
        all.add(TagCode::slug("", "cross_channel"), "跨渠道", "Cross-channel", TagSource::Channel, rule)
    });
    (codes, across)
}

/// Tags of favourite and of regularly bought categories, by group.
fn categories(view: &TagView<'_>, all: &mut Entries) -> (Vec<Option<TagCode>>, Vec<Option<TagCode>>) {
    let rules = &view.settings.tags;
    let regular = view.plan.regular();
    let favourite = format!(
        "at least {} of net spend, from {} purchase days on; at most {} categories a member",
        percent(rules.category_share),
        rules.min_purchase_days,
        rules.max_categories
    );
    let often = format!(
        "at least {} purchase days in it, the last one at most {} of the member's own median gaps ago; at most {} \
         categories a member",
        regular.min_days.max(2),
        regular.max_gaps,
        super::MAX_FAVOURITES
    );
    let calendar = view.dimensions.timeline == Timeline::Calendar;
    view.plan
        .category_groups()
        .iter()
        .enumerate()
        .map(|(group, path)| {
            if !view.plan.is_spoken_of(group) {
                return (None, None);
            }
            let label = view.labels.category(path);
            let (zh, en) = (format!("偏好品类：{}", label.zh), format!("Favourite category: {}", label.en));
            let liked = all.add(TagCode::slug("cat_", path), &zh, &en, TagSource::Category, favourite.clone());
            let (zh, en) = (format!("常购品类：{}", label.zh), format!("Regular buyer: {}", label.en));
            let bought =
                calendar.then(|| all.add(TagCode::slug("reg_", path), &zh, &en, TagSource::Regular, often.clone()));
            (Some(liked), bought)
        })
        .unzip()
}

fn price_tiers(view: &TagView<'_>, all: &mut Entries) -> Vec<TagCode> {
    let rules = &view.settings.tags;
    let tiers = view.plan.price_tiers();
    let what = if tiers.given { "the items' tiers" } else { "thirds of the list prices of each category" };
    (1..=tiers.tiers)
        .map(|tier| {
            let (zh, en) = tiers.names(tier);
            let rule = format!(
                "at least {} of bought lines in this price tier ({what}), from {} purchase days on",
                percent(rules.price_tier_share),
                rules.min_purchase_days
            );
            let code = TagCode::slug("price_tier_", &tier.to_string());
            all.add(code, &format!("偏好{zh}"), &format!("Price tier: {en}"), TagSource::PriceTier, rule)
        })
        .collect()
}

/// Tags of birthday months and city tiers; none without a members table.
fn attributes(view: &TagView<'_>, all: &mut Entries) -> (Vec<TagCode>, Vec<TagCode>) {
    if view.members.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let months = (1..=12)
        .map(|month: u8| {
            let rule = format!("next birthday in month {month}; lunar birthdays by their next civil date");
            let code = TagCode::slug("birthday_", &format!("{month:02}"));
            all.add(code, &format!("{month}月生日"), &format!("Birthday in month {month}"), TagSource::Birthday, rule)
        })
        .collect();
    let tiers = (1..=CITY_TIERS)
        .filter_map(|tier| {
            let (zh, en) = city_tier_names(tier)?;
            let rule = format!("tier {tier} by the members table, else by the name of the city");
            Some(all.add(TagCode::slug("city_tier_", &tier.to_string()), &zh, &en, TagSource::City, rule))
        })
        .collect();
    (months, tiers)
}

/// Tags of the months in which next purchases are expected, and the number of the first month.
fn months_due(view: &TagView<'_>, all: &mut Entries) -> (Vec<TagCode>, i32) {
    let lifecycle = &view.settings.lifecycle;
    let as_of = view.dimensions.as_of;
    let first = month_number(as_of.plus(-LATEST_DUE));
    let last = month_number(as_of.plus(lifecycle.max_gap_days as i32));
    let rule = format!(
        "last purchase and the member's own median gap ({} to {} days) fall in this month; from {} purchase days on, \
         until the member is dormant or it is three months past",
        lifecycle.min_gap_days, lifecycle.max_gap_days, lifecycle.own_rhythm_from
    );
    let codes = (first..=last)
        .map(|number| {
            let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
            let (zh, en) =
                (format!("预计{year}年{month}月复购"), format!("Next purchase expected in {year}-{month:02}"));
            let code = TagCode::slug("due_", &format!("{year}_{month:02}"));
            all.add(code, &zh, &en, TagSource::NextPurchase, rule.clone())
        })
        .collect();
    (codes, first)
}
