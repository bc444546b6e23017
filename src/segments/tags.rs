//! Tags: short codes on members that a CRM can filter by, and the dictionary that explains them.

use serde::Serialize;

use super::{
    FactsPlan, Lifecycle, MemberFacts, MemberThresholds, PreviousTags, SegmentModel, Segments, ValueThresholds,
};
use crate::{
    base::{Currency, Day, calendar::Birthday},
    history::{Dimensions, NO_CODE, Shard},
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
    /// A class of recency, frequency and money.
    Rfm,
    /// The preferred channel, or several.
    Channel,
    /// A favourite category.
    Category,
    /// A category bought regularly.
    Regular,
    /// The preferred price tier.
    PriceTier,
    /// Drawn by discounts.
    Discount,
    /// Buys in festivals.
    Festival,
    /// The month of the birthday.
    Birthday,
    /// The tier of the city.
    City,
    /// When the next purchase is expected.
    NextPurchase,
    /// A rule of the job.
    Rule,
}

impl TagSource {
    /// The source in snake_case, as outputs carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Lifecycle => "lifecycle",
            Self::Value => "value",
            Self::Rfm => "rfm",
            Self::Channel => "channel",
            Self::Category => "category",
            Self::Regular => "regular",
            Self::PriceTier => "price_tier",
            Self::Discount => "discount",
            Self::Festival => "festival",
            Self::Birthday => "birthday",
            Self::City => "city",
            Self::NextPurchase => "next_purchase",
            Self::Rule => "rule",
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
pub struct TagBook<'a> {
    view: TagView<'a>,
    entries: Vec<TagEntry>,
    index: TagIndex,
}

/// What tags are made from.
#[derive(Debug, Clone, Copy)]
pub struct TagView<'a> {
    /// The segments, named.
    pub model: &'a SegmentModel,
    /// Figures over all members.
    pub thresholds: &'a MemberThresholds,
    /// How facts were read.
    pub plan: &'a FactsPlan<'a>,
    /// What the shards' codes stand for.
    pub dimensions: &'a Dimensions,
    /// What categories and channels are called.
    pub labels: &'a Labels,
    /// The job's currency.
    pub currency: Currency,
    /// Segment settings.
    pub settings: &'a Segments,
    /// What the shop says about its members.
    pub members: &'a MemberTable,
}

/// Places in the dictionary.
#[derive(Debug, Clone, Default)]
pub(super) struct TagIndex {
    pub segments: Vec<u32>,
    pub stages: Vec<u32>,
    pub bands: Vec<u32>,
    pub rfm: Vec<u32>,
    pub channels: Vec<u32>,
    pub cross_channel: Option<u32>,
    /// By category group; [`NONE`] where it must not be talked about.
    pub categories: Vec<u32>,
    /// By category group; [`NONE`] where it must not be talked about.
    pub regular: Vec<u32>,
    /// By price tier, from 1.
    pub price_tiers: Vec<u32>,
    pub discounts: Option<u32>,
    pub festivals: Option<u32>,
    /// By month, from January.
    pub birthdays: Vec<u32>,
    /// By city tier, from 1.
    pub cities: Vec<u32>,
    /// By month, from [`TagIndex::first_due`].
    pub due: Vec<u32>,
    /// Months since year 0 of the first month in `due`.
    pub first_due: i32,
    /// By rule of the job.
    pub rules: Vec<u32>,
}

/// What tells the tags of one shard's members; every slice is in member order.
#[derive(Debug, Clone, Copy)]
pub struct ShardProfile<'a> {
    /// Index of each member's segment in the model.
    pub segments: &'a [u16],
    /// Each member's facts.
    pub facts: &'a [MemberFacts],
}

/// Months since year 0 of a day.
pub(super) fn month_number(day: Day) -> i32 {
    let (year, month, _) = day.ymd();
    i32::from(year) * 12 + i32::from(month) - 1
}

impl<'a> TagBook<'a> {
    /// The tags of a run.
    #[must_use]
    pub fn new(view: TagView<'a>) -> Self {
        let (entries, index) = TagIndex::new(&view);
        Self { view, entries, index }
    }

    /// What the tags are made from.
    #[must_use]
    pub fn view(&self) -> &TagView<'a> {
        &self.view
    }

    /// The dictionary: every tag a member can have, sorted by code.
    #[must_use]
    pub fn entries(&self) -> &[TagEntry] {
        &self.entries
    }

    /// The tags of a shard's members, all but those by rules of the job, without what is suppressed for the member. A
    /// tag held in the previous run keeps its day; others start on the as-of day.
    #[must_use]
    pub fn shard(&self, shard: &Shard, profile: ShardProfile<'_>, previous: &PreviousTags) -> ShardTags {
        self.tagged(shard, previous, |member, tags| self.of_member(shard.members.get(member), member, profile, tags))
    }

    /// The tags of [`TagBook::shard`] and those by rules of the job: `admits` says whether a rule holds for a member.
    #[must_use]
    pub fn with_rules(
        &self,
        shard: &Shard,
        tags: &ShardTags,
        admits: impl Fn(usize, usize) -> bool,
        previous: &PreviousTags,
    ) -> ShardTags {
        self.tagged(shard, previous, |member, all| {
            all.extend(tags.of(member).iter().map(|t| t.tag));
            all.extend(self.index.rules.iter().enumerate().filter(|(rule, _)| admits(*rule, member)).map(|(_, t)| *t));
        })
    }

    /// Sorts what `each` gives a member, leaves out what is suppressed and looks up since when it is held.
    fn tagged(&self, shard: &Shard, previous: &PreviousTags, each: impl Fn(usize, &mut Vec<u32>)) -> ShardTags {
        let codes: Vec<Option<u32>> = self.entries.iter().map(|e| previous.code(&e.tag)).collect();
        let mut out = ShardTags { offsets: Vec::with_capacity(shard.members.len() + 1), held: Vec::new() };
        out.offsets.push(0);
        let as_of = self.view.dimensions.as_of;
        let mut from = 0;
        let mut tags: Vec<u32> = Vec::new();
        for (member, id) in shard.members.iter().enumerate() {
            tags.clear();
            each(member, &mut tags);
            tags.retain(|t| *t != NONE);
            tags.sort_unstable();
            tags.dedup();
            let suppressed = &self.view.members.get(id).suppressed_tags;
            if !suppressed.is_empty() {
                tags.retain(|t| !suppressed.contains(&self.entries[*t as usize].tag));
            }
            let before = previous.held_by(id, &mut from);
            out.held.extend(tags.iter().map(|tag| {
                let code = codes[*tag as usize];
                let held = before.iter().find(|(c, _)| Some(*c) == code);
                TagHeld { tag: *tag, since: held.map_or(as_of, |(_, since)| *since) }
            }));
            out.offsets.push(out.held.len() as u32);
        }
        out
    }

    /// Every tag of a member but those by rules, in any order; [`NONE`] stands for none.
    fn of_member(&self, id: &str, member: usize, profile: ShardProfile<'_>, tags: &mut Vec<u32>) {
        let TagView { thresholds, dimensions, settings, members, .. } = self.view;
        let index = &self.index;
        let as_of = dimensions.as_of;
        let facts = &profile.facts[member];
        let attributes = members.get(id);
        let stage = thresholds.lifecycle(facts, settings, dimensions.timeline, as_of);
        tags.push(index.segments[usize::from(profile.segments[member])]);
        tags.push(index.stages[stage as usize]);
        // Where nobody spends anything (the data has no money), no band says anything.
        if thresholds.value != ValueThresholds::default() {
            tags.push(index.bands[thresholds.value_band(facts) as usize]);
        }
        tags.extend(thresholds.rfm_class(facts, as_of).and_then(|class| index.rfm.get(class as usize)));
        let stated = attributes.preferred_channel.as_deref().and_then(|c| dimensions.channels.find(c));
        let preferred = stated.or((facts.channel != NO_CODE).then_some(usize::from(facts.channel)));
        tags.extend(preferred.and_then(|c| index.channels.get(c)));
        let of = |places: &[u32], groups: &[u32]| -> Vec<u32> {
            groups.iter().filter(|g| **g != NONE).filter_map(|g| places.get(*g as usize).copied()).collect()
        };
        tags.extend(of(&index.categories, &facts.categories));
        tags.extend(of(&index.regular, &facts.regular));
        let habits = facts.habits;
        for (holds, tag) in [
            (habits.cross_channel, index.cross_channel),
            (habits.discounts, index.discounts),
            (habits.festivals, index.festivals),
        ] {
            tags.extend(tag.filter(|_| holds));
        }
        let from_one = |places: &[u32], n: usize| n.checked_sub(1).and_then(|i| places.get(i).copied());
        tags.extend(from_one(&index.price_tiers, usize::from(facts.price_tier)));
        tags.extend(attributes.city_tier.and_then(|tier| from_one(&index.cities, usize::from(tier))));
        let birthday = attributes.birth_date.map(|date| Birthday::from_written(date, attributes.lunar_birthday));
        // A lunar birthday falls in another month from year to year: the next one counts.
        let month = birthday.and_then(|b| b.next(as_of)).map_or(0, |day| day.ymd().1 as usize);
        tags.extend(from_one(&index.birthdays, month));
        if matches!(stage, Lifecycle::New | Lifecycle::Active | Lifecycle::AtRisk) {
            let due = settings.lifecycle.expected(facts).map(|day| month_number(day) - index.first_due);
            tags.extend(due.and_then(|i| usize::try_from(i).ok()).and_then(|i| index.due.get(i)));
        }
    }
}
