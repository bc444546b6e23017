//! `report.html`: what a run came to, for the people who run the shop's programme and those who tune it.
//!
//! [`NightView`] is all that the page says; it holds figures about groups of members, never a member's id. [`page`] makes
//! the file: same view, same bytes, and nothing in it comes from a clock.

mod data;
mod offers;
mod segments;
mod stability;
#[cfg(test)]
mod tests;
mod uplift;
mod words;

use std::collections::BTreeMap;

pub use uplift::{UpliftView, section as uplift_section};

use super::{Language, Page, SegmentMap, Text, count, percent, text};
use crate::{
    base::{Currency, Day, Findings},
    gates::{GateResult, LateLines},
    input::accounting::RowCounts,
    recommend::Tuned,
    segments::{Drift, SegmentModel, SegmentProfiles},
};

/// All that the report of a run says.
pub struct NightView<'a> {
    /// Language that is shown at first.
    pub language: Language,
    /// The job's name.
    pub job: &'a str,
    /// Last day that was read.
    pub as_of: Day,
    /// The run's id.
    pub run_id: &'a str,
    /// As-of day and id of the run that it followed.
    pub previous: Option<(Day, &'a str)>,
    /// The job's currency.
    pub currency: Currency,
    /// Members by what became of them.
    pub members: MemberFigures<'a>,
    /// Key figures of the manifest.
    pub kpis: &'a BTreeMap<String, f64>,
    /// What the members of each segment are like.
    pub profiles: &'a SegmentProfiles,
    /// The segments.
    pub model: &'a SegmentModel,
    /// The segments on a plane.
    pub map: Option<SegmentMap>,
    /// Figures by number of segments, where the run chose it.
    pub curves: Option<Curves>,
    /// What changed since the run before.
    pub drift: Option<&'a Drift>,
    /// The offers, by falling number of slots.
    pub offers: Vec<OfferView>,
    /// Members with at least one slot.
    pub with_list: u64,
    /// Of them, members held out.
    pub held_out: u64,
    /// What became of every row, by table.
    pub rows: &'a BTreeMap<String, RowCounts>,
    /// Quality gates held against the run.
    pub gates: &'a [GateResult],
    /// Lines that came late, where there was a run before.
    pub late: Option<&'a LateLines>,
    /// The numbers of the score.
    pub tuned: &'a Tuned,
    /// What was noticed on the way.
    pub notes: &'a Findings,
    /// What groups of members get, side by side; empty where it was not counted.
    pub fairness: Vec<FairnessRow>,
    /// Sections of other makers (uplift, say), which come before the data.
    pub more: Vec<super::Section>,
}

/// How many members were what.
#[derive(Debug, Clone, Copy)]
pub struct MemberFigures<'a> {
    /// With a kept line.
    pub seen: u64,
    /// In the fit.
    pub in_fit: u64,
    /// Opted out of personalisation.
    pub opted_out: u64,
    /// Left out, by reason.
    pub excluded: &'a BTreeMap<String, u64>,
}

/// Figures by number of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// The number that was taken.
    pub chosen: f64,
    /// The measures.
    pub measures: Vec<Curve>,
    /// By what rule it was taken.
    pub rule: Text,
}

/// One measure by number of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is called.
    pub name: Text,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// (k, value).
    pub points: Vec<(f64, f64)>,
}

/// An offer of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferView {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: Text,
    /// From all members down to those who get it: step and members left.
    pub funnel: Vec<(Text, u64)>,
    /// Slots it got.
    pub slots: u64,
    /// Members who got at least one of them.
    pub members: u64,
    /// What is left of its cap, where it has one.
    pub left: Option<u64>,
    /// Members who got it by code of their segment.
    pub by_segment: Vec<(String, u64)>,
    /// Why: code, slots, and the sentence of the best slot, without anything that tells whose it is.
    pub reasons: Vec<(String, u64, Text)>,
}

/// What one group of members gets.
#[derive(Debug, Clone, PartialEq)]
pub struct FairnessRow {
    /// What members are grouped by.
    pub by: Text,
    /// The group.
    pub group: Text,
    /// Members in it who are not held out.
    pub members: u64,
    /// Share of them with at least one offer.
    pub with_offer: f64,
    /// Slots a member.
    pub slots: f64,
    /// Value of the offers a member, in minor units.
    pub value_minor: f64,
    /// Value of the offers of all of them, in minor units.
    pub value_minor_sum: i64,
    /// Share of discounts among the slots.
    pub discounts: f64,
}

/// The page of a run: the whole file.
#[must_use]
pub fn page(view: &NightView<'_>) -> String {
    let all = &view.profiles.all;
    let rate = |rate: Option<f64>| Text::same(rate.map_or_else(|| "–".to_owned(), percent));
    let spend_each = all.spend_minor as f64 / all.members.max(1) as f64;
    let followed = match view.previous {
        Some((day, id)) => {
            text(format!("承接 {day} 的运行（{id}）。"), format!("It followed the run of {day} ({id})."))
        }
        None => text("没有可承接的前次运行。", "It followed no earlier run."),
    };
    let mut page = Page::new(text("会员分群与优惠报告", "Segments and offers"))
        .stamp(Text::same(view.as_of.to_string()))
        .language(view.language)
        .lead(text(
            format!("任务 {}，数据截至 {}（含当日）。{}", view.job, view.as_of, followed.zh),
            format!("Job {}, data up to and including {}. {}", view.job, view.as_of, followed.en),
        ))
        .figure(
            text("分群会员", "Members in segments"),
            Text::same(count(view.members.in_fit)),
            text(format!("共 {} 个群", view.model.segments.len()), format!("{} segments", view.model.segments.len())),
        )
        .figure(
            text("复购率", "Repeat purchase rate"),
            rate(all.repeat_purchase_rate),
            text("至少两个购买日", "two purchase days or more"),
        )
        .figure(
            text("唤回率", "Reactivation rate"),
            rate(all.reactivation_rate),
            text("曾沉睡或流失而又购买", "of those dormant or lost, bought again"),
        )
        .figure(
            text("跨渠道会员", "Cross-channel members"),
            rate(all.cross_channel_share),
            text("在不止一个渠道购买", "buy through more than one channel"),
        )
        .figure(
            text("人均净消费", "Net spend a member"),
            Text::same(words::money(spend_each, view.currency)),
            text(format!("单位 {}", view.currency.code()), format!("in {}", view.currency.code())),
        )
        .figure(
            text("获得清单的会员", "Members with a list"),
            Text::same(count(view.with_list)),
            match view.held_out {
                0 => Text::default(),
                n => text(format!("其中对照组 {}", count(n)), format!("{} of them held out", count(n))),
            },
        )
        .section(segments::overview(view))
        .section(segments::profiles(view));
    if let Some(section) = segments::mixes(view) {
        page = page.section(section);
    }
    if let Some(section) = segments::map(view) {
        page = page.section(section);
    }
    if let Some(section) = segments::curves(view) {
        page = page.section(section);
    }
    if let Some(section) = stability::section(view) {
        page = page.section(section);
    }
    page = page.section(offers::section(view));
    if let Some(section) = offers::fairness(view) {
        page = page.section(section);
    }
    for section in &view.more {
        page = page.section(section.clone());
    }
    page.section(data::rows(view))
        .section(data::quality(view))
        .foot(text(
            format!("运行编号 {}。同一任务、输入与日期得到逐字节相同的页面；页面不含会员编号。", view.run_id),
            format!(
                "Run {}. The same job, inputs and day give the same page byte for byte; no member is named in it.",
                view.run_id
            ),
        ))
        .render()
}
