//! Everything a night knows about one member: features, place among the segments, tags, suggestions, offers.

use serde::Serialize;

use super::{
    RunError,
    decide::{Decided, Traced, Waits},
    fit::{Described, Scene},
    refusals,
};
use crate::{
    base::{Day, hash::shard_of},
    history::{Exclusion, Standing},
    offers::{
        Arm, Catalogue, Choice, Holdout, Language, OfferTrace, Proposal, ScoreParts, SentenceWriter, Target, Verdict,
        six_digits,
    },
    recommend::TermEvidence,
};

/// Suggested items that are shown.
const SUGGESTED: usize = 20;
/// Features named as what decides between two segments.
const DECIDING: usize = 5;

/// How a member stands to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In the run, with segment, tags and a list of their own.
    Personalised,
    /// Opted out of personalisation: no segment, no tag, the generic list.
    OptedOut,
    /// Left out: no lawful basis.
    NoLawfulBasis,
    /// Left out: consent was withdrawn.
    Withdrawn,
    /// Left out: a minor without a guardian's consent.
    Minor,
    /// Left out: asked to be forgotten.
    Forgotten,
    /// Known from a table beside the lines, but without a purchase line that is kept.
    NoLines,
    /// Neither a table beside the lines nor the run's lines know the id.
    Unknown,
}

/// What a night knows about one member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Id of the run that would be published from the same job, inputs, day and previous run.
    pub run_id: String,
    /// The as-of day.
    pub as_of: Day,
    /// The member.
    pub member_id: String,
    /// How the member stands to the run.
    pub status: Status,
    /// What the run says of the member; `None` unless personalised.
    pub explained: Option<Explained>,
    /// The member's list (the generic one if opted out), slot 1 first.
    pub list: Vec<SlotAnswer>,
    /// Every offer of the catalogue, in its order, kept or refused; none of a member that nobody knows.
    pub offers: Vec<OfferAnswer>,
}

/// What a run says of a personalised member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// `treated` or `holdout`: decisions of the holdout are written and never exported.
    pub arm: &'static str,
    /// Kinds of offers that the member alone is held out of, beside that.
    pub held_out_of: Vec<&'static str>,
    /// Lifecycle stage.
    pub lifecycle: &'static str,
    /// Value band.
    pub value_band: &'static str,
    /// The segment and why.
    pub segment: SegmentAnswer,
    /// Every feature, in the order of the dictionary.
    pub features: Vec<FeatureAnswer>,
    /// Tags by code.
    pub tags: Vec<TagAnswer>,
    /// Tags that the member asked to remove, and that are never given again.
    pub suppressed_tags: Vec<String>,
    /// Suggested items, best first.
    pub candidates: Vec<CandidateAnswer>,
    /// What the member has and is not offered again yet, the newest purchase first.
    pub waiting: Vec<WaitingAnswer>,
}

/// A feature of the member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureAnswer {
    /// Name.
    pub name: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Unit.
    pub unit: String,
    /// How it is worked out.
    pub formula: String,
    /// The value; `None` if it is missing.
    pub value: Option<f64>,
    /// Share of the members with a value who are below, half of those who are equal counted, 0 to 100.
    pub percentile: Option<f64>,
    /// The value the segments are made with: filled, bounded, transformed, scaled; `None` if they are not made with it.
    pub scaled: Option<f64>,
}

/// A segment as it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Lasting id.
    pub id: i32,
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// The member's place among the segments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentAnswer {
    /// The segment the member is in.
    pub segment: Place,
    /// The segment whose centroid is nearest.
    pub nearest: Place,
    /// Whether the member is held in a segment that is not the nearest, because the move is not clear.
    pub held: bool,
    /// Distance to the nearest centroid, scaled units.
    pub distance: f64,
    /// Distance to the second nearest minus `distance`.
    pub margin: f64,
    /// Distance to every segment, nearest first.
    pub distances: Vec<SegmentDistance>,
    /// Features that decide most between the nearest and the second nearest: what each adds to the difference of the
    /// squared distances; above 0 speaks for the nearest.
    pub deciding: Vec<(String, f64)>,
}

/// Distance to one segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentDistance {
    /// The segment.
    pub segment: Place,
    /// Distance to its centroid, scaled units.
    pub distance: f64,
}

/// A tag of the member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagAnswer {
    /// Code.
    pub tag: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Where it comes from.
    pub source: &'static str,
    /// The rule behind it.
    pub rule: String,
    /// Day from which it has been held without a break.
    pub since: Day,
}

/// An item of the member's that is not offered again yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingAnswer {
    /// Item id.
    pub item_id: String,
    /// Its name.
    pub name: String,
    /// Its policy of repeating: `never_repeat` or `replenish`.
    pub policy: &'static str,
    /// Where the policy comes from: `declared` or `learned`.
    pub source: &'static str,
    /// Day of the last purchase.
    pub last_day: Day,
    /// Days (baskets, where the data has no time) after it in which the item is not offered.
    pub wait_days: u32,
}

/// An item that is suggested to the member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateAnswer {
    /// Item id.
    pub item_id: String,
    /// Its name.
    pub name: String,
    /// The score; comparable between members.
    pub score: f64,
    /// What it is made of; the values add up to the score.
    pub terms: Vec<TermAnswer>,
}

/// One term of a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermAnswer {
    /// Name in the formula.
    pub term: &'static str,
    /// What it adds to the score.
    pub value: f64,
    /// The member's item it comes from, if it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because_item_id: Option<String>,
    /// That item's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Baskets of the member's that hold the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Day of the last purchase it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfferAnswer {
    /// Id.
    pub offer_id: String,
    /// Kind.
    pub kind: &'static str,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// `kept`, or the code of the first rule that said no.
    pub verdict: &'static str,
    /// The verdict in Chinese.
    pub why_zh: String,
    /// The verdict in English.
    pub why_en: String,
    /// The slots it has.
    pub slots: Vec<SlotAnswer>,
    /// The best it had to propose, whether or not it was kept; `None` if it proposed nothing or was closed.
    pub best: Option<SlotAnswer>,
}

/// What stands in a slot, or would.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlotAnswer {
    /// The slot from 1; `None` for what has none.
    pub slot: Option<u8>,
    /// The offer.
    pub offer_id: String,
    /// The item it is about.
    pub item_id: Option<String>,
    /// The category it is about.
    pub category: Option<String>,
    /// Code of the reason.
    pub reason: &'static str,
    /// The sentence in Chinese.
    pub text_zh: String,
    /// The sentence in English.
    pub text_en: String,
    /// The comparable score.
    pub score: f64,
    /// What it is made of; `None` in a list that is the same for everyone.
    pub parts: Option<Parts>,
    /// First day of validity.
    pub valid_from: Option<Day>,
    /// Last day of validity.
    pub valid_until: Option<Day>,
    /// Whether it was drawn by lot to learn from.
    pub explored: bool,
    /// Whether the member is held out of it: it is written, and never sent.
    pub ghost: bool,
}

/// `score = fit × probability × worth × priority × incentive`; the list takes the best of `score − price`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parts {
    /// How well it fits the member, in (0, 1].
    pub fit: f64,
    /// Probability that the member accepts it; `None` while nothing is learned.
    pub probability: Option<f64>,
    /// What it is worth to the shop.
    pub worth: f64,
    /// The offer's priority.
    pub priority: f64,
    /// Weight of its incentive.
    pub incentive: f64,
    /// What its scarce resources cost.
    pub price: f64,
}

/// A night, as far as the decision.
pub(super) struct Night<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) described: &'a Described,
    pub(super) decided: &'a Decided,
    pub(super) catalogue: &'a Catalogue,
}

impl Night<'_> {
    /// Everything about one member; `listed`: whether a table beside the lines has a row of the member.
    pub(super) fn answer(
        &self,
        run_id: String,
        member: &str,
        standing: Standing,
        listed: bool,
    ) -> Result<Answer, RunError> {
        let histories = self.scene.histories;
        let shards = &histories.shards;
        let index = shard_of(member.as_bytes(), shards.len().max(1));
        let at = shards.get(index)?.members.find(member);
        let status = match (standing, at) {
            // Of whom nothing is known, nothing lawful is either: that is no answer to who asks.
            (Standing::Excluded(Exclusion::NoLawfulBasis), _) if !listed => Status::Unknown,
            (Standing::Excluded(why), _) => excluded(why),
            _ if histories.opted_out.find(member).is_some() => Status::OptedOut,
            (_, Some(_)) => Status::Personalised,
            _ if listed => Status::NoLines,
            _ => Status::Unknown,
        };
        let writer = SentenceWriter::new(self.catalogue, self.scene.items, self.scene.job.labels());
        let mut answer = Answer {
            run_id,
            as_of: histories.dimensions.as_of,
            member_id: member.to_owned(),
            status,
            explained: None,
            list: Vec::new(),
            offers: Vec::new(),
        };
        match (status, at) {
            (Status::OptedOut, _) => answer.list = self.list(self.decided.generic.iter().copied(), &writer),
            (Status::Personalised, Some(at)) => {
                answer.list = self.list(self.decided.decisions[index].choices(at), &writer);
                answer.explained = Some(self.explained(member, index, at));
            }
            _ => {}
        }
        answer.offers = match refusals::of_status(status) {
            Some(no) => self.without_personalisation(&answer.list, &no),
            None => {
                let traced = self.decided.traced.iter().flat_map(|traced| &traced.offers);
                traced.map(|trace| self.offer(trace, &writer)).collect()
            }
        };
        if status == Status::Personalised {
            let holdout = Holdout::new(&self.catalogue.decision);
            let offers = &self.catalogue.offers;
            for slot in answer.list.iter_mut().chain(answer.offers.iter_mut().flat_map(|o| &mut o.slots)) {
                let kind = offers.iter().find(|o| o.offer.id == slot.offer_id).map_or("", |o| o.offer.kind.code());
                slot.ghost = holdout.arm_of(member, kind) == Arm::Holdout;
            }
        }
        Ok(answer)
    }

    /// What became of every offer for a member whose standing says no to all of them but for those on `list`, which is the
    /// same for everyone.
    fn without_personalisation(&self, list: &[SlotAnswer], no: &refusals::Standing) -> Vec<OfferAnswer> {
        let answer = |bound: &crate::offers::BoundOffer| {
            let slots: Vec<SlotAnswer> = list.iter().filter(|s| s.offer_id == bound.offer.id).cloned().collect();
            let (verdict, [why_zh, why_en]) = match slots.as_slice() {
                [] => (no.code, no.words.map(str::to_owned)),
                _ => ("kept", kept(&slots)),
            };
            OfferAnswer {
                offer_id: bound.offer.id.clone(),
                kind: bound.offer.kind.code(),
                name_zh: bound.offer.name_zh.clone(),
                name_en: bound.offer.name_en.clone(),
                verdict,
                why_zh,
                why_en,
                slots,
                best: None,
            }
        };
        self.catalogue.offers.iter().map(answer).collect()
    }

    fn list(&self, choices: impl Iterator<Item = Choice>, writer: &SentenceWriter<'_>) -> Vec<SlotAnswer> {
        choices.enumerate().map(|(slot, choice)| self.slot(Some(slot as u8 + 1), &choice, None, writer)).collect()
    }

    /// Kinds of the catalogue whose own holdout has the member.
    fn held_out_of(&self, member: &str) -> Vec<&'static str> {
        let holdout = Holdout::new(&self.catalogue.decision);
        let mut kinds: Vec<&'static str> = self.catalogue.offers.iter().map(|o| o.offer.kind.code()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| holdout.is_held_out_of(member, kind));
        kinds
    }

    fn explained(&self, member: &str, shard: usize, at: usize) -> Explained {
        let described = self.described;
        let row = described.features.offset(shard) + at;
        let arm = match Holdout::new(&self.catalogue.decision).arm(member) {
            Arm::Treated => "treated",
            Arm::Holdout => "holdout",
        };
        let tags = described.tags[shard].of(at).iter().map(|held| {
            let entry = &described.tag_entries[held.tag as usize];
            TagAnswer {
                tag: entry.tag.clone(),
                name_zh: entry.name_zh.clone(),
                name_en: entry.name_en.clone(),
                source: entry.source.as_str(),
                rule: entry.rule.clone(),
                since: held.since,
            }
        });
        let (candidates, waiting) = match &self.decided.traced {
            Some(traced) => (self.candidates(traced), self.waiting(traced)),
            None => (Vec::new(), Vec::new()),
        };
        Explained {
            arm,
            held_out_of: self.held_out_of(member),
            lifecycle: described.lifecycle[row].as_str(),
            value_band: described.value_band[row].as_str(),
            segment: self.segment(row),
            features: self.features(row),
            tags: tags.collect(),
            suppressed_tags: self.scene.members.get(member).suppressed_tags.clone(),
            candidates,
            waiting,
        }
    }

    /// The scaled features of a member, in the order of the scaling.
    fn scaled(&self, row: usize) -> Vec<f64> {
        let (features, scaling) = (&self.described.features, &self.described.scaling);
        let (shard, member) = features.locate(row);
        let value = |name: &str| {
            let column = features.dictionary().find(name);
            column.and_then(|c| features.value(c, shard, member)).unwrap_or(f64::NAN)
        };
        // As the matrix holds it.
        scaling.features.iter().map(|f| f64::from(f.apply(value(&f.name)) as f32)).collect()
    }

    fn segment(&self, row: usize) -> SegmentAnswer {
        let (model, places) = (&self.described.model, &self.described.memberships);
        let scaled = self.scaled(row);
        let place = |label: usize| {
            let s = &model.segments[label];
            Place { id: s.id, code: s.code.clone(), name_zh: s.name_zh.clone(), name_en: s.name_en.clone() }
        };
        let gap = |label: usize, f: usize| {
            let gap = scaled[f] - f64::from(model.segments[label].scaled[f]);
            gap * gap
        };
        let distance = |label: usize| (0..scaled.len()).map(|f| gap(label, f)).sum::<f64>().sqrt();
        let mut order: Vec<(usize, f64)> = (0..model.segments.len()).map(|label| (label, distance(label))).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let (held_in, nearest) = (usize::from(places.segment[row]), usize::from(places.nearest[row]));
        let second = order.iter().map(|o| o.0).find(|label| *label != nearest);
        let mut deciding: Vec<(String, f64)> = second.map_or_else(Vec::new, |second| {
            let names = self.described.scaling.features.iter().enumerate();
            names.map(|(f, feature)| (feature.name.clone(), gap(second, f) - gap(nearest, f))).collect()
        });
        deciding.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
        deciding.truncate(DECIDING);
        SegmentAnswer {
            segment: place(held_in),
            nearest: place(nearest),
            held: held_in != nearest,
            distance: f64::from(places.distance[row]),
            margin: f64::from(places.margin[row]),
            distances: order
                .into_iter()
                .map(|(label, distance)| SegmentDistance { segment: place(label), distance })
                .collect(),
            deciding,
        }
    }

    fn features(&self, row: usize) -> Vec<FeatureAnswer> {
        let features = &self.described.features;
        let (shard, member) = features.locate(row);
        let scaled = self.scaled(row);
        let used = &self.described.scaling.features;
        let entries = features.dictionary().entries().iter().enumerate();
        entries
            .map(|(column, entry)| {
                let value = features.value(column, shard, member);
                FeatureAnswer {
                    name: entry.name.clone(),
                    name_zh: entry.name_zh.clone(),
                    name_en: entry.name_en.clone(),
                    unit: entry.unit.clone(),
                    formula: entry.formula.clone(),
                    value,
                    percentile: value.map(|v| percentile(features.values(column), v)),
                    scaled: used.iter().position(|f| f.name == entry.name).map(|f| scaled[f]),
                }
            })
            .collect()
    }

    fn item(&self, item: u32) -> (String, String) {
        let items = self.scene.items;
        let id = items.ids.get(item as usize).to_owned();
        let name = items.name.get(item as usize).filter(|n| !n.is_empty());
        (id.clone(), name.cloned().unwrap_or(id))
    }

    fn waiting(&self, traced: &Traced) -> Vec<WaitingAnswer> {
        let answer = |waits: &Waits| {
            let (item_id, name) = self.item(waits.item);
            WaitingAnswer {
                item_id,
                name,
                policy: waits.policy.code(),
                source: waits.source.code(),
                last_day: waits.last_day,
                wait_days: waits.wait,
            }
        };
        traced.waiting.iter().take(SUGGESTED).map(answer).collect()
    }

    fn candidates(&self, traced: &Traced) -> Vec<CandidateAnswer> {
        let answer = |terms: &crate::recommend::ScoreTerms| {
            let (item_id, name) = self.item(terms.item);
            let term = |part: &crate::recommend::TermPart| {
                let mut term = TermAnswer {
                    term: part.term,
                    value: part.value,
                    because_item_id: None,
                    because: None,
                    count: None,
                    last_day: None,
                };
                match part.evidence {
                    TermEvidence::None => {}
                    TermEvidence::Purchases { count, last_day } => {
                        (term.count, term.last_day) = (Some(count), Some(last_day));
                    }
                    TermEvidence::Alike { members } => term.count = Some(members),
                    TermEvidence::Item { item, last_day } => {
                        let (id, name) = self.item(item);
                        (term.because_item_id, term.because) = (Some(id), Some(name));
                        term.last_day = Some(last_day);
                    }
                }
                term
            };
            CandidateAnswer { item_id, name, score: terms.score, terms: terms.parts.iter().map(term).collect() }
        };
        traced.suggested.iter().take(SUGGESTED).map(|(_, terms)| answer(terms)).collect()
    }

    fn offer(&self, trace: &OfferTrace, writer: &SentenceWriter<'_>) -> OfferAnswer {
        let bound = &self.catalogue.offers[usize::from(trace.offer)];
        let (verdict, [why_zh, why_en], slots) = match &trace.verdict {
            Verdict::Kept { slots } => {
                let slots: Vec<SlotAnswer> = slots
                    .iter()
                    .map(|(slot, choice, parts)| self.slot(Some(*slot), choice, Some(parts), writer))
                    .collect();
                ("kept", kept(&slots), slots)
            }
            Verdict::Refused(refusal) => (refusal.code(), refusals::words(refusal, &bound.offer), Vec::new()),
        };
        let best = trace.best.as_ref().map(|(proposal, parts)| {
            let choice = proposed(proposal, parts, bound);
            self.slot(None, &choice, Some(parts), writer)
        });
        OfferAnswer {
            offer_id: bound.offer.id.clone(),
            kind: bound.offer.kind.code(),
            name_zh: bound.offer.name_zh.clone(),
            name_en: bound.offer.name_en.clone(),
            verdict,
            why_zh,
            why_en,
            slots,
            best,
        }
    }

    fn slot(
        &self,
        slot: Option<u8>,
        choice: &Choice,
        parts: Option<&ScoreParts>,
        writer: &SentenceWriter<'_>,
    ) -> SlotAnswer {
        let bound = &self.catalogue.offers[usize::from(choice.offer)];
        let text = |language| {
            let mut text = String::new();
            writer.push(choice, language, &mut text);
            text
        };
        let reason = bound.offer.kind.reasons().get(usize::from(choice.reason)).map_or("", |r| r.code);
        SlotAnswer {
            slot,
            offer_id: bound.offer.id.clone(),
            item_id: choice.target.item().map(|item| self.item(item).0),
            category: match choice.target {
                Target::Category(category) => Some(self.scene.items.categories.get(category as usize).to_owned()),
                _ => None,
            },
            reason,
            text_zh: text(Language::Zh),
            text_en: text(Language::En),
            score: six_digits(choice.score),
            parts: parts.map(|p| Parts {
                fit: p.fit,
                probability: p.probability,
                worth: p.worth,
                priority: p.priority,
                incentive: p.incentive,
                price: p.price,
            }),
            valid_from: slot.map(|_| choice.valid_from),
            valid_until: slot.map(|_| choice.valid_until),
            explored: choice.chance.explored,
            ghost: false,
        }
    }
}

/// Where an offer stands, in Chinese and English.
fn kept(slots: &[SlotAnswer]) -> [String; 2] {
    let numbers: Vec<String> = slots.iter().filter_map(|s| s.slot).map(|s| s.to_string()).collect();
    [format!("在清单第 {} 位", numbers.join("、")), format!("in slot {}", numbers.join(", "))]
}

/// A proposal as if it had been decided.
fn proposed(proposal: &Proposal, parts: &ScoreParts, bound: &crate::offers::BoundOffer) -> Choice {
    Choice {
        offer: proposal.offer,
        target: proposal.target,
        score: parts.score,
        reason: proposal.reason,
        evidence: proposal.evidence,
        valid_from: bound.valid_from,
        valid_until: bound.valid_until,
        chance: crate::offers::Chance::default(),
    }
}

fn excluded(why: Exclusion) -> Status {
    match why {
        Exclusion::NoLawfulBasis => Status::NoLawfulBasis,
        Exclusion::Withdrawn => Status::Withdrawn,
        Exclusion::Minor => Status::Minor,
        Exclusion::Forgotten => Status::Forgotten,
    }
}

/// Mid-rank of `own` among the values that are there, 0 to 100.
fn percentile(values: impl Iterator<Item = f64>, own: f64) -> f64 {
    let (mut below, mut equal, mut known) = (0u64, 0u64, 0u64);
    for value in values.filter(|v| !v.is_nan()) {
        known += 1;
        below += u64::from(value < own);
        equal += u64::from(value == own);
    }
    if known == 0 { 50.0 } else { (below as f64 + equal as f64 / 2.0) / known as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_mid_ranks() {
        let among = |own| percentile([1.0, 2.0, f64::NAN, 2.0, 5.0].into_iter(), own);
        assert_eq!([among(1.0), among(2.0), among(5.0), among(9.0)], [12.5, 50.0, 87.5, 100.0]);
        assert_eq!(percentile([f64::NAN].into_iter(), 1.0), 50.0);
    }
}
