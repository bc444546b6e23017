//! Tags: short codes on members that a CRM can filter by, and the dictionary that explains them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    FactsPlan, Lifecycle, MemberFacts, MemberThresholds, PreviousTags, SegmentModel, Segments, ValueBand,
    ValueThresholds,
};
use crate::{
    base::{Currency, Day, tag_code::TagCode},
    history::{Dimensions, NO_CODE, Shard, Timeline},
    input::{Labels, MemberTable, NONE},
};

/// Where a tag comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TagSource {
    /// A k-means segment.
    Cluster,
    /// A lifecycle stage.
    Lifecycle,
    /// A value band.
    Value,
    /// The preferred channel.
    Channel,
    /// A favourite category.
    Category,
}

impl TagSource {
    /// The source in snake_case, as outputs carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Lifecycle => "lifecycle",
            Self::Value => "value",
            Self::Channel => "channel",
            Self::Category => "category",
        }
    }
}

/// A row of the tag dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagEntry {
    /// The tag's code.
    pub tag: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Where it comes from.
    pub source: TagSource,
    /// The rule in words.
    pub rule: String,
}

/// A tag on a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagHeld {
    /// Index into [`TagBook::entries`]; rising index is rising code.
    pub tag: u32,
    /// Day from which it has been held without a break.
    pub since: Day,
}

/// The tags of one shard's members, in member order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShardTags {
    /// `members + 1` offsets into `held`.
    pub offsets: Vec<u32>,
    /// Each member's tags, sorted by code.
    pub held: Vec<TagHeld>,
}

impl ShardTags {
    /// The tags of a member.
    #[must_use]
    pub fn of(&self, member: usize) -> &[TagHeld] {
        &self.held[self.offsets[member] as usize..self.offsets[member + 1] as usize]
    }
}

/// Every tag a run can give, and how.
#[derive(Debug, Clone)]
pub struct TagBook {
    entries: Vec<TagEntry>,
    segments: Vec<u32>,
    stages: Vec<u32>,
    bands: Vec<u32>,
    channels: Vec<u32>,
    categories: Vec<u32>,
    channel_names: crate::base::IdTable,
    timeline: Timeline,
    as_of: Day,
}

/// What tells the tags of one shard's members; every slice is in member order.
#[derive(Debug, Clone, Copy)]
pub struct ShardProfile<'a> {
    /// Index of each member's segment in the model.
    pub segments: &'a [u16],
    /// Each member's facts.
    pub facts: &'a [MemberFacts],
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

impl TagBook {
    /// The tags of a run.
    #[must_use]
    pub fn new(
        model: &SegmentModel,
        thresholds: &MemberThresholds,
        plan: &FactsPlan,
        dimensions: &Dimensions,
        labels: &Labels,
        currency: Currency,
        settings: &Segments,
    ) -> Self {
        let mut all: BTreeMap<TagCode, TagEntry> = BTreeMap::new();
        let mut add = |code: TagCode, names: (String, String), source, rule: String| {
            let entry = TagEntry { tag: code.to_string(), name_zh: names.0, name_en: names.1, source, rule };
            // Two spellings of one name share a tag; the first explains it.
            all.entry(code.clone()).or_insert(entry);
            code
        };
        let owned = |(zh, en): (&str, &str)| (zh.to_owned(), en.to_owned());
        let k = model.segments.len();
        let segments: Vec<TagCode> = model
            .segments
            .iter()
            .map(|s| {
                let rule = cluster_rule(&s.traits, k, model.features.len());
                add(TagCode::slug("", &s.code), (s.name_zh.clone(), s.name_en.clone()), TagSource::Cluster, rule)
            })
            .collect();
        let stages: Vec<TagCode> = Lifecycle::ALL
            .iter()
            .map(|stage| {
                let rule = match dimensions.timeline {
                    Timeline::Calendar => settings.lifecycle.rule(*stage, thresholds.population_gap),
                    Timeline::Ordinal => "the data has no calendar time: new with one basket, else active".to_owned(),
                };
                add(TagCode::slug("lc_", stage.as_str()), owned(stage.names()), TagSource::Lifecycle, rule)
            })
            .collect();
        let value = settings.value.on(dimensions.timeline);
        let bands: Vec<TagCode> = ValueBand::ALL
            .iter()
            .map(|band| {
                let rule = value.rule(*band, &thresholds.value, currency);
                add(TagCode::slug("vb_", band.as_str()), owned(band.names()), TagSource::Value, rule)
            })
            .collect();
        let rules = &settings.tags;
        let least = |share: f64| format!("at least {} % of net spend", (share * 1000.0).round() / 10.0);
        let from_days = format!("from {} purchase days on", rules.min_purchase_days);
        let channels: Vec<TagCode> = dimensions
            .channels
            .iter()
            .map(|channel| {
                let label = labels.channel(channel);
                let names = (format!("偏好渠道：{}", label.zh), format!("Preferred channel: {}", label.en));
                let rule = format!("stated by the member, else {}, {from_days}", least(rules.channel_share));
                add(TagCode::slug("ch_", channel), names, TagSource::Channel, rule)
            })
            .collect();
        let categories: Vec<TagCode> = plan
            .category_groups()
            .iter()
            .map(|group| {
                let label = labels.category(group);
                let names = (format!("偏好品类：{}", label.zh), format!("Favourite category: {}", label.en));
                let (share, most) = (least(rules.category_share), rules.max_categories);
                let rule = format!("{share}, {from_days}; at most {most} categories a member");
                add(TagCode::slug("cat_", group), names, TagSource::Category, rule)
            })
            .collect();
        let entries: Vec<TagEntry> = all.into_values().collect();
        let index = |codes: Vec<TagCode>| -> Vec<u32> {
            codes
                .iter()
                .map(|code| entries.binary_search_by(|e| e.tag.as_str().cmp(code.as_str())).unwrap_or_default() as u32)
                .collect()
        };
        Self {
            segments: index(segments),
            stages: index(stages),
            bands: index(bands),
            channels: index(channels),
            categories: index(categories),
            channel_names: dimensions.channels.clone(),
            timeline: dimensions.timeline,
            as_of: dimensions.as_of,
            entries,
        }
    }

    /// The dictionary: every tag a member can have, sorted by code.
    #[must_use]
    pub fn entries(&self) -> &[TagEntry] {
        &self.entries
    }

    /// The tags of a shard's members: segment, lifecycle, value band, preferred channel, favourite categories, without
    /// what is suppressed for the member. A tag held in the previous run keeps its day; others start on the as-of day.
    #[must_use]
    pub fn shard(
        &self,
        shard: &Shard,
        profile: ShardProfile<'_>,
        thresholds: &MemberThresholds,
        settings: &Segments,
        members: &MemberTable,
        previous: &PreviousTags,
    ) -> ShardTags {
        let codes: Vec<Option<u32>> = self.entries.iter().map(|e| previous.code(&e.tag)).collect();
        let mut out = ShardTags { offsets: Vec::with_capacity(shard.members.len() + 1), held: Vec::new() };
        out.offsets.push(0);
        let mut from = 0;
        let mut tags: Vec<u32> = Vec::new();
        for (member, id) in shard.members.iter().enumerate() {
            let facts = &profile.facts[member];
            let attributes = members.get(id);
            let stage = thresholds.lifecycle(facts, settings, self.timeline, self.as_of);
            tags.clear();
            tags.push(self.segments[usize::from(profile.segments[member])]);
            tags.push(self.stages[stage as usize]);
            // Where nobody spends anything (the data has no money), no band says anything.
            if thresholds.value != ValueThresholds::default() {
                tags.push(self.bands[thresholds.value_band(facts) as usize]);
            }
            let stated = attributes.preferred_channel.as_deref().and_then(|c| self.channel_names.find(c));
            let preferred = stated.or((facts.channel != NO_CODE).then_some(usize::from(facts.channel)));
            tags.extend(preferred.and_then(|c| self.channels.get(c)));
            let groups = facts.categories.iter().filter(|g| **g != NONE);
            tags.extend(groups.filter_map(|g| self.categories.get(*g as usize)));
            tags.sort_unstable();
            tags.dedup();
            if !attributes.suppressed_tags.is_empty() {
                tags.retain(|t| !attributes.suppressed_tags.contains(&self.entries[*t as usize].tag));
            }
            let before = previous.held_by(id, &mut from);
            out.held.extend(tags.iter().map(|tag| {
                let code = codes[*tag as usize];
                let held = before.iter().find(|(c, _)| Some(*c) == code);
                TagHeld { tag: *tag, since: held.map_or(self.as_of, |(_, since)| *since) }
            }));
            out.offsets.push(out.held.len() as u32);
        }
        out
    }
}
