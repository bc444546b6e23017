//! What groups of members get, side by side: the value of their offers by segment, by city tier and by basis.
//!
//! PIPL 24 forbids unreasonable differences in terms. A difference between groups is no proof of one, but it is what to look
//! at first. Every treated member counts, whether or not they have an offer; members held out get nothing, whoever they are,
//! and are only counted; what a member is held out of by its kind is no slot of theirs. What is a count here is one in the file, so that every share can be worked out again.

use std::collections::{BTreeMap, HashSet};

use super::{RunError, closing::Closing, decide::Decided, fit::Described};
use crate::{
    base::IdTable,
    export::{WrittenFile, write_csv},
    offers::{Arm, Holdout, Incentive},
    report::{Text, night::FairnessRow, text},
    store::Staging,
};

/// The table's file.
const FILE: &str = "fairness.csv";

/// What a group of members gets in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Given {
    members: u64,
    held_out: u64,
    with_offer: u64,
    with_discount: u64,
    slots: u64,
    discount_slots: u64,
    value_minor: i64,
}

impl Given {
    fn add(&mut self, other: &Self) {
        self.members += other.members;
        self.held_out += other.held_out;
        self.with_offer += other.with_offer;
        self.with_discount += other.with_discount;
        self.slots += other.slots;
        self.discount_slots += other.discount_slots;
        self.value_minor += other.value_minor;
    }
}

/// A group of members and what it gets.
struct Group {
    by: &'static str,
    code: String,
    name: Text,
    given: Given,
}

impl Group {
    fn per_member(&self, amount: f64) -> f64 {
        if self.given.members == 0 { 0.0 } else { amount / self.given.members as f64 }
    }
}

/// The groups of a run: all members, by basis, by segment (in the order of the model), by city tier.
pub(super) struct Fairness {
    groups: Vec<Group>,
}

impl Fairness {
    /// Counts what everybody gets but for members who withdrew.
    pub(super) fn of(
        closing: &Closing<'_>,
        described: &Described,
        decided: &Decided,
        withdrawn: &HashSet<String>,
    ) -> Self {
        let Closing { scene, members, catalogue, .. } = *closing;
        let holdout = Holdout::new(&catalogue.decision);
        let offer = |index: u16| {
            let offer = &catalogue.offers[usize::from(index)].offer;
            (offer.value_minor, offer.incentive == Incentive::Discount)
        };
        let kind = |index: u16| catalogue.offers[usize::from(index)].offer.kind.code();
        let segments = &described.model.segments;
        let (mut by_segment, mut generic) = (vec![Given::default(); segments.len()], Given::default());
        let mut by_tier: BTreeMap<Option<u8>, Given> = BTreeMap::new();
        for (index, decisions) in decided.decisions.iter().enumerate() {
            for (member, id) in members[index].iter().enumerate().filter(|(_, id)| !withdrawn.contains(*id)) {
                let given = match holdout.arm(id) {
                    Arm::Holdout => Given { held_out: 1, ..Given::default() },
                    Arm::Treated => {
                        let own = decisions.of(member).iter().map(|d| d.offer());
                        list(own.filter(|index| !holdout.is_held_out_of(id, kind(*index))).map(offer))
                    }
                };
                let segment = described.memberships.segment[described.features.offset(index) + member];
                by_segment[usize::from(segment)].add(&given);
                by_tier.entry(scene.members.get(id).city_tier).or_default().add(&given);
            }
        }
        let same = list(decided.generic.iter().map(|choice| offer(choice.offer)));
        for id in IdTable::iter(&scene.histories.opted_out).filter(|id| !withdrawn.contains(*id)) {
            generic.add(&same);
            by_tier.entry(scene.members.get(id).city_tier).or_default().add(&same);
        }
        let mut personalised = Given::default();
        by_segment.iter().for_each(|given| personalised.add(given));
        let mut all = personalised;
        all.add(&generic);

        let group = |by, code: &str, name: Text, given| Group { by, code: code.to_owned(), name, given };
        let mut groups = vec![
            group("all", "all", text("全部会员", "all members"), all),
            group("basis", "personalised", text("个性化清单", "lists of their own"), personalised),
            group("basis", "generic", text("通用清单（关闭个性化）", "the generic list (opted out)"), generic),
        ];
        groups.extend(segments.iter().zip(by_segment).map(|(segment, given)| {
            group("segment", &segment.code, text(segment.name_zh.clone(), segment.name_en.clone()), given)
        }));
        groups.extend(by_tier.into_iter().map(|(tier, given)| match tier {
            Some(tier) => {
                let name = text(format!("{tier} 线城市"), format!("cities of tier {tier}"));
                group("city_tier", &tier.to_string(), name, given)
            }
            None => group("city_tier", "", text("城市未知", "city not known"), given),
        }));
        Self { groups }
    }

    /// Writes `fairness.csv`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, staging: &Staging) -> Result<WrittenFile, RunError> {
        const HEADER: [&str; 12] = [
            "by",
            "group",
            "name_zh",
            "name_en",
            "members",
            "held_out",
            "with_offer",
            "with_discount",
            "slots",
            "discount_slots",
            "value_minor",
            "value_minor_mean",
        ];
        let rows = self.groups.iter().map(|group| {
            let given = &group.given;
            let counts = [
                given.members,
                given.held_out,
                given.with_offer,
                given.with_discount,
                given.slots,
                given.discount_slots,
            ];
            let [members, held_out, with_offer, with_discount, slots, discount_slots] = counts.map(|n| n.to_string());
            [
                group.by.to_owned(),
                group.code.clone(),
                group.name.zh.clone(),
                group.name.en.clone(),
                members,
                held_out,
                with_offer,
                with_discount,
                slots,
                discount_slots,
                given.value_minor.to_string(),
                format!("{:.2}", group.per_member(given.value_minor as f64)),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let written = write_csv(staging, FILE, &HEADER, rows.iter().map(|row| row.each_ref().map(String::as_str)))?;
        Ok(WrittenFile { path: FILE.to_owned(), rows: written })
    }

    /// The rows of the report's table.
    pub(super) fn rows(&self) -> Vec<FairnessRow> {
        let by = |by: &str| match by {
            "basis" => text("依据", "basis"),
            "segment" => text("分群", "segment"),
            "city_tier" => text("城市层级", "city tier"),
            _ => text("合计", "total"),
        };
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        self.groups
            .iter()
            .map(|group| {
                let given = &group.given;
                FairnessRow {
                    by: by(group.by),
                    group: match group.by {
                        "segment" => text(
                            format!("{} {}", group.code, group.name.zh),
                            format!("{} {}", group.code, group.name.en),
                        ),
                        _ => group.name.clone(),
                    },
                    members: given.members,
                    with_offer: share(given.with_offer, given.members),
                    slots: group.per_member(given.slots as f64),
                    value_minor: group.per_member(given.value_minor as f64),
                    value_minor_sum: given.value_minor,
                    discounts: share(given.discount_slots, given.slots),
                }
            })
            .collect()
    }
}

/// What a treated member gets with a list of so much value and discounts.
fn list(slots: impl Iterator<Item = (i64, bool)>) -> Given {
    let mut given = Given { members: 1, ..Given::default() };
    for (value_minor, discount) in slots {
        given.slots += 1;
        given.discount_slots += u64::from(discount);
        given.value_minor += value_minor;
    }
    given.with_offer = u64::from(given.slots > 0);
    given.with_discount = u64::from(given.discount_slots > 0);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_add_up() {
        let mut sum = list([(500, true), (0, false), (1000, true)].into_iter());
        sum.add(&list(std::iter::empty()));
        sum.add(&Given { held_out: 1, ..Given::default() });
        let expected = Given {
            members: 2,
            held_out: 1,
            with_offer: 1,
            with_discount: 1,
            slots: 3,
            discount_slots: 2,
            value_minor: 1500,
        };
        assert_eq!(sum, expected);
    }
}
