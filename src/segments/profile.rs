//! What the members of each segment are like, against all members.
//!
//! [`ProfileSums`] adds up what stands on the lines, shard by shard; [`SegmentProfiles::new`] puts it together with what
//! is known of each member. Everything is counted over personalised members as of the as-of day.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    FactsPlan, Lifecycle, LifecycleSettings, MemberFacts, MemberThresholds, RfmClass, SegmentModel, ValueBand,
};
use crate::{
    base::{Day, IdTable, Minor},
    features::FeatureTable,
    history::{NO_CODE, Shard},
    input::Labels,
};

/// Code of the profile of all members.
pub const ALL_MEMBERS: &str = "all";

/// Most categories or channels of a profile.
const TOP: usize = 10;

/// Values are summed in blocks of this many, block after block.
const BLOCK: usize = 4096;

/// The profiles of a run. Written as JSON into `model/profiles.json` and as a table into `segment_profiles.parquet`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentProfiles {
    /// All members, whom the segments are measured against.
    pub all: Profile,
    /// The segments, in the order of [`SegmentModel::segments`].
    pub segments: Vec<Profile>,
}

/// What the members of a segment, or all members, are like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Lasting id of the segment; 0 for all members.
    pub segment_id: i32,
    /// Code of the segment; [`ALL_MEMBERS`] for all members.
    pub segment_code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Members in it.
    pub members: u64,
    /// Their share of all members, 0 to 1.
    pub member_share: f64,
    /// Their net spend over all of the history, in minor units.
    pub spend_minor: Minor,
    /// Its share of all members' net spend.
    pub spend_share: f64,
    /// Every feature, in the order of the feature dictionary.
    pub features: Vec<FeatureProfile>,
    /// Categories by falling share of net spend, at most ten; denied ones left out.
    pub categories: Vec<ShareProfile>,
    /// Channels by falling share of bought amounts, at most ten.
    pub channels: Vec<ShareProfile>,
    /// City tiers by share of the members whose tier is known, in the order of the tiers; empty if none is known.
    pub city_tiers: Vec<ShareProfile>,
    /// Lifecycle stages by share of the members, in the order of a member's life.
    pub lifecycle: Vec<ShareProfile>,
    /// Value bands by share of the members, the highest first.
    pub value_bands: Vec<ShareProfile>,
    /// Classes of recency, frequency and money by share of the members; empty where there are none.
    pub rfm: Vec<ShareProfile>,
    /// Members with two purchase days or more, over members with one or more; `None` without any.
    pub repeat_purchase_rate: Option<f64>,
    /// Members who were dormant or lost `lifecycle.reactivation_days` ago and have bought since, over those who were;
    /// `None` without any.
    pub reactivation_rate: Option<f64>,
    /// Members who buy across channels, over members who bought through a named channel; `None` without any.
    pub cross_channel_share: Option<f64>,
}

/// One feature of the members of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureProfile {
    /// Name of the feature.
    pub name: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Unit of the raw value.
    pub unit: String,
    /// Whether the segments are made from it.
    pub in_segments: bool,
    /// Members whose value is known.
    pub known: u64,
    /// Lower quartile, median and upper quartile (nearest rank) of the known values; `None` without any.
    pub quartiles: Option<[f64; 3]>,
    /// Difference of the mean to that of all members in standard deviations of all members, after the feature's usual
    /// transform; `None` for all members, and where all have one value.
    pub effect: Option<f64>,
    /// That difference in standard errors, with the correction for a part of a finite whole; beyond ±4.1 it is hardly
    /// chance.
    pub z: Option<f64>,
}

/// The share of one thing in a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareProfile {
    /// Code: a category path, a channel, a stage …
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Share, 0 to 1.
    pub share: f64,
    /// The same share over all members.
    pub all: f64,
    /// Difference of a share of members to that of all in standard errors; `None` for shares of money.
    pub z: Option<f64>,
}

impl FeatureProfile {
    /// The median, `None` if no value is known.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quartiles.map(|q| q[1])
    }
}

impl ShareProfile {
    /// The share against that of all members: 2 is twice as much. `None` where all have none.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        (self.all > 0.0).then(|| self.share / self.all)
    }
}

/// Money by segment, added up over lines: exact, so the order of the shards does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSums {
    groups: usize,
    channels: usize,
    /// Net spend by segment.
    spend: Vec<Minor>,
    /// Net spend by segment and category group.
    by_group: Vec<Minor>,
    /// Bought amounts by segment and channel.
    by_channel: Vec<Minor>,
}

impl ProfileSums {
    /// Nothing yet, for `k` segments.
    #[must_use]
    pub fn new(plan: &FactsPlan<'_>, k: usize) -> Self {
        let (groups, channels) = (plan.category_groups().len(), plan.channels());
        let zeros = |n: usize| vec![0; k * n];
        Self { groups, channels, spend: zeros(1), by_group: zeros(groups), by_channel: zeros(channels) }
    }

    /// Adds a shard's lines; `segments` has the index of each member's segment.
    pub fn shard(&mut self, plan: &FactsPlan<'_>, shard: &Shard, segments: &[u16]) {
        let cut = plan.cut();
        for (member, segment) in segments.iter().enumerate() {
            let segment = usize::from(*segment);
            for order in shard.orders_of(member) {
                if shard.order_day(order) > cut {
                    continue;
                }
                for line in shard.lines_of(order) {
                    let amount = shard.amount.at(line);
                    self.spend[segment] += amount;
                    if let Some(group) = plan.group_of(shard.item[line]) {
                        self.by_group[segment * self.groups + group] += amount;
                    }
                    let channel = shard.channel.get(line).filter(|c| *c != NO_CODE);
                    if let Some(channel) = channel.filter(|_| shard.is_purchase(line, cut)) {
                        self.by_channel[segment * self.channels + usize::from(channel)] += amount;
                    }
                }
            }
        }
    }

    /// Adds the sums of other shards.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.spend, &other.spend),
            (&mut self.by_group, &other.by_group),
            (&mut self.by_channel, &other.by_channel),
        ] {
            own.iter_mut().zip(more).for_each(|(sum, amount)| *sum += amount);
        }
    }
}

/// What profiles are made from; slices by member are in (shard, member) order.
#[derive(Clone, Copy)]
pub struct ProfileInput<'a> {
    /// The segments, named.
    pub model: &'a SegmentModel,
    /// Index of each member's segment.
    pub segment: &'a [u16],
    /// Raw features.
    pub features: &'a FeatureTable,
    /// Names of the features the segments are made from.
    pub in_segments: &'a [String],
    /// Each member's facts, by shard.
    pub facts: &'a [Vec<MemberFacts>],
    /// Each member's stage.
    pub lifecycle: &'a [Lifecycle],
    /// Each member's value band.
    pub value_band: &'a [ValueBand],
    /// Each member's city tier, 0 where it is not known.
    pub city_tier: &'a [u8],
    /// Figures over all members.
    pub thresholds: &'a MemberThresholds,
    /// Lifecycle settings.
    pub settings: &'a LifecycleSettings,
    /// Money by segment.
    pub sums: &'a ProfileSums,
    /// Category groups of the sums.
    pub groups: &'a IdTable,
    /// Channels of the sums.
    pub channels: &'a IdTable,
    /// What categories and channels are called.
    pub labels: &'a Labels,
    /// The as-of day.
    pub as_of: Day,
}

/// Counts of members by segment (and one more row for all) and code.
struct Counts {
    codes: usize,
    counts: Vec<u64>,
}

impl Counts {
    fn of(k: usize, codes: usize, segment: &[u16], code: impl Iterator<Item = Option<usize>>) -> Self {
        let mut counts = vec![0; (k + 1) * codes];
        for (segment, code) in segment.iter().zip(code) {
            if let Some(code) = code.filter(|c| *c < codes) {
                counts[usize::from(*segment) * codes + code] += 1;
                counts[k * codes + code] += 1;
            }
        }
        Self { codes, counts }
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.counts[row * self.codes..(row + 1) * self.codes]
    }

    /// The share of the second code (index 1) among the two.
    fn rate(&self, row: usize) -> Option<f64> {
        let row = self.row(row);
        let known = row[0] + row[1];
        (known > 0).then(|| row[1] as f64 / known as f64)
    }

    /// Shares of the members of a row, code by code.
    fn shares(
        &self,
        row: usize,
        all: usize,
        name: &dyn Fn(usize) -> Option<(String, String, String)>,
    ) -> Vec<ShareProfile> {
        let (own, base) = (self.row(row), self.row(all));
        let (members, everyone) = (own.iter().sum::<u64>(), base.iter().sum::<u64>());
        if everyone == 0 {
            return Vec::new();
        }
        (0..self.codes)
            .filter_map(|code| {
                let (code_text, name_zh, name_en) = name(code)?;
                let share = if members > 0 { own[code] as f64 / members as f64 } else { 0.0 };
                let in_all = base[code] as f64 / everyone as f64;
                let spread = (in_all * (1.0 - in_all)).sqrt();
                let z = (row != all).then(|| z_of((share - in_all) / spread, members, everyone)).flatten();
                Some(ShareProfile { code: code_text, name_zh, name_en, share, all: in_all, z })
            })
            .collect()
    }
}

/// A difference in standard deviations of the whole, as standard errors of the mean of `part` of `whole` members drawn
/// without return: `effect · √part · √((whole − 1) / (whole − part))`. `None` where nothing can be said.
#[must_use]
pub fn z_of(effect: f64, part: u64, whole: u64) -> Option<f64> {
    let rest = whole.saturating_sub(part);
    let z = effect * (part as f64).sqrt() * ((whole as f64 - 1.0) / rest as f64).sqrt();
    (part > 0 && rest > 0 && z.is_finite()).then_some(z)
}

impl SegmentProfiles {
    /// The profiles of all segments.
    #[must_use]
    pub fn new(input: &ProfileInput<'_>) -> Self {
        let ProfileInput { model, segment, facts, thresholds, settings, as_of, .. } = *input;
        let k = model.segments.len();
        let flat = || facts.iter().flatten();
        let at = |yes: Option<bool>| yes.map(usize::from);
        let lifecycle = Counts::of(k, Lifecycle::ALL.len(), segment, input.lifecycle.iter().map(|s| Some(*s as usize)));
        let bands = Counts::of(k, ValueBand::ALL.len(), segment, input.value_band.iter().map(|b| Some(*b as usize)));
        let class = |f: &MemberFacts| thresholds.rfm_class(f, as_of).map(|c| c as usize);
        let rfm = Counts::of(k, RfmClass::ALL.len(), segment, flat().map(class));
        let tiers = usize::from(input.city_tier.iter().copied().max().unwrap_or(0)) + 1;
        let known_tier = |t: &u8| Some(usize::from(*t)).filter(|t| *t > 0);
        let cities = Counts::of(k, tiers, segment, input.city_tier.iter().map(known_tier));
        let repeat =
            Counts::of(k, 2, segment, flat().map(|f| at((f.purchase_days > 0).then_some(f.purchase_days > 1))));
        let back = |f: &MemberFacts| at(settings.reactivated(f, thresholds.population_gap, as_of));
        let reactivated = Counts::of(k, 2, segment, flat().map(back));
        let across =
            Counts::of(k, 2, segment, flat().map(|f| at(f.habits.any_channel.then_some(f.habits.cross_channel))));
        let members = Counts::of(k, 1, segment, segment.iter().map(|_| Some(0)));
        let features = feature_profiles(input);

        let sums = input.sums;
        let total: Minor = sums.spend.iter().sum();
        let group_name = |group: usize| {
            let code = input.groups.get(group);
            let label = input.labels.category(code);
            (code.to_owned(), label.zh.into_owned(), label.en.into_owned())
        };
        let channel_name = |channel: usize| {
            let code = input.channels.get(channel);
            let label = input.labels.channel(code);
            (code.to_owned(), label.zh.into_owned(), label.en.into_owned())
        };
        let words = |code: &str, (zh, en): (&str, &str)| Some((code.to_owned(), zh.to_owned(), en.to_owned()));
        let mut rows: Vec<Profile> = features
            .into_iter()
            .enumerate()
            .map(|(row, features)| {
                let own = model.segments.get(row);
                let spend_minor = own.map_or(total, |_| sums.spend[row]);
                let count = members.row(row)[0];
                Profile {
                    segment_id: own.map_or(0, |s| s.id),
                    segment_code: own.map_or_else(|| ALL_MEMBERS.to_owned(), |s| s.code.clone()),
                    name_zh: own.map_or_else(|| "全部会员".to_owned(), |s| s.name_zh.clone()),
                    name_en: own.map_or_else(|| "all members".to_owned(), |s| s.name_en.clone()),
                    members: count,
                    member_share: ratio(count as f64, segment.len() as f64),
                    spend_minor,
                    spend_share: ratio(spend_minor as f64, total as f64),
                    features,
                    categories: money_shares(&sums.by_group, sums.groups, row, k, &group_name),
                    channels: money_shares(&sums.by_channel, sums.channels, row, k, &channel_name),
                    city_tiers: cities.shares(row, k, &|tier| {
                        let (zh, en) = city_tier_names(u8::try_from(tier).unwrap_or(0))?;
                        Some((tier.to_string(), zh, en))
                    }),
                    lifecycle: lifecycle.shares(row, k, &|i| {
                        let stage = Lifecycle::ALL[i];
                        words(stage.as_str(), stage.names())
                    }),
                    value_bands: bands
                        .shares(row, k, &|i| words(ValueBand::ALL[i].as_str(), ValueBand::ALL[i].names())),
                    rfm: rfm.shares(row, k, &|i| words(RfmClass::ALL[i].as_str(), RfmClass::ALL[i].names())),
                    repeat_purchase_rate: repeat.rate(row),
                    reactivation_rate: reactivated.rate(row),
                    cross_channel_share: across.rate(row),
                }
            })
            .collect();
        // The row of all members stands last.
        let all = rows.remove(k);
        Self { all, segments: rows }
    }
}

/// Chinese and English name of a city tier; `None` for 0, which is no tier.
#[must_use]
pub fn city_tier_names(tier: u8) -> Option<(String, String)> {
    const DIGITS: [&str; 9] = ["一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = DIGITS.get(usize::from(tier).checked_sub(1)?).map_or_else(|| tier.to_string(), |d| (*d).to_owned());
    Some((format!("{digit}线城市"), format!("Tier {tier} cities")))
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// Shares of a row's positive amounts, the biggest first; row `k` is the sum of all.
fn money_shares(
    amounts: &[Minor],
    codes: usize,
    row: usize,
    k: usize,
    name: &dyn Fn(usize) -> (String, String, String),
) -> Vec<ShareProfile> {
    let of_row = |row: usize, code: usize| amounts[row * codes + code];
    let base: Vec<Minor> = (0..codes).map(|code| (0..k).map(|row| of_row(row, code)).sum::<Minor>().max(0)).collect();
    let own: Vec<Minor> =
        if row == k { base.clone() } else { (0..codes).map(|code| of_row(row, code).max(0)).collect() };
    let (whole, everyone) = (own.iter().sum::<Minor>() as f64, base.iter().sum::<Minor>() as f64);
    let mut order: Vec<usize> = (0..codes).filter(|code| own[*code] > 0).collect();
    order.sort_by_key(|code| (std::cmp::Reverse(own[*code]), *code));
    order.truncate(TOP);
    order
        .into_iter()
        .map(|code| {
            let (text, name_zh, name_en) = name(code);
            let (share, all) = (ratio(own[code] as f64, whole), ratio(base[code] as f64, everyone));
            ShareProfile { code: text, name_zh, name_en, share, all, z: None }
        })
        .collect()
}

/// Every feature of every segment, and of all members in the last row.
fn feature_profiles(input: &ProfileInput<'_>) -> Vec<Vec<FeatureProfile>> {
    let k = input.model.segments.len();
    let entries = input.features.dictionary().entries();
    let columns: Vec<Vec<FeatureProfile>> = (0..entries.len())
        .into_par_iter()
        .map(|feature| {
            let entry = &entries[feature];
            let values: Vec<f64> = input.features.values(feature).collect();
            let transform = entry.defaults.transform;
            let sums = |of: &dyn Fn(f64) -> f64| -> Vec<(u64, f64)> {
                let mut rows = vec![(0, 0.0); k + 1];
                for (values, segments) in values.chunks(BLOCK).zip(input.segment.chunks(BLOCK)) {
                    let mut part = vec![(0, 0.0); k + 1];
                    for (value, segment) in values.iter().zip(segments).filter(|(v, _)| !v.is_nan()) {
                        let value = of(transform.apply(*value));
                        for row in [usize::from(*segment), k] {
                            part[row].0 += 1;
                            part[row].1 += value;
                        }
                    }
                    rows.iter_mut().zip(part).for_each(|(sum, more)| *sum = (sum.0 + more.0, sum.1 + more.1));
                }
                rows
            };
            let means = sums(&|v| v);
            let (known, total) = means[k];
            let mean = total / known as f64;
            let spread = (sums(&|v| (v - mean) * (v - mean))[k].1 / known as f64).sqrt();
            let mut by_row: Vec<Vec<f64>> = vec![Vec::new(); k];
            for (value, segment) in values.iter().zip(input.segment).filter(|(v, _)| !v.is_nan()) {
                by_row[usize::from(*segment)].push(*value);
            }
            by_row.push(values.iter().copied().filter(|v| !v.is_nan()).collect());
            by_row
                .into_iter()
                .enumerate()
                .map(|(row, values)| {
                    let (own, sum) = means[row];
                    let effect = Some((sum / own as f64 - mean) / spread).filter(|e| row < k && e.is_finite());
                    FeatureProfile {
                        name: entry.name.clone(),
                        name_zh: entry.name_zh.clone(),
                        name_en: entry.name_en.clone(),
                        unit: entry.unit.clone(),
                        in_segments: input.in_segments.contains(&entry.name),
                        known: own,
                        quartiles: quartiles(values),
                        effect,
                        z: effect.and_then(|e| z_of(e, own, known)),
                    }
                })
                .collect()
        })
        .collect();
    (0..=k).map(|row| columns.iter().map(|rows| rows[row].clone()).collect()).collect()
}

/// Quartiles by nearest rank.
fn quartiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    let last = values.len().checked_sub(1)?;
    Some([0.25, 0.5, 0.75].map(|p| {
        let rank = (p * values.len() as f64).ceil() as usize;
        *values.select_nth_unstable_by(rank.saturating_sub(1).min(last), f64::total_cmp).1
    }))
}
