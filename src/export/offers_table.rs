//! `offers.parquet`: one row a member and slot.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
        StringBuilder, StructArray,
    },
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::{
    order::{MemberOrder, MemberRef},
    run::RunTables,
    tables::text,
    words::{WordColumn, Words, packed, word_type, words},
};
use crate::{
    input::MemberAttributes,
    offers::{Arm, Choice, Language, Target},
};

fn evidence_fields(texts: DataType) -> Fields {
    Fields::from(vec![
        Field::new("item_id", texts.clone(), true),
        Field::new("category", texts, true),
        Field::new("count", DataType::Int32, true),
        Field::new("days", DataType::Int32, true),
        Field::new("date", DataType::Date32, true),
        Field::new("amount_minor", DataType::Int64, true),
    ])
}

/// The columns of `offers.parquet`.
#[must_use]
pub fn offers_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("member_id", false),
        Field::new("slot", DataType::Int32, false),
        text("offer_id", false),
        text("kind", false),
        text("item_id", true),
        text("category", true),
        Field::new("score", DataType::Float64, false),
        Field::new("probability", DataType::Float32, true),
        Field::new("value_minor", DataType::Int64, false),
        text("reason_code", false),
        Field::new("evidence", DataType::Struct(evidence_fields(DataType::Utf8)), false),
        text("text_zh", false),
        text("text_en", false),
        Field::new("valid_from", DataType::Date32, false),
        Field::new("valid_until", DataType::Date32, false),
        text("channel", true),
        text("placement", false),
        text("incentive", false),
        text("basis", false),
        text("arm", false),
        Field::new("explored", DataType::Boolean, false),
        Field::new("propensity", DataType::Float32, false),
        Field::new("segment_id", DataType::Int32, true),
    ]))
}

/// Columns that hold sentences.
pub(super) const FREE_TEXT: &[&str] = &["text_zh", "text_en"];
/// Columns whose values hardly repeat.
pub(super) const DISTINCT: &[&str] = &["score"];

/// The texts that the decisions of a run repeat.
pub(super) struct OfferWords {
    /// By offer.
    offer_id: Words,
    kind: Words,
    placement: Words,
    incentive: Words,
    /// End to end, offer by offer, and where each offer's begin; behind its reasons stands an empty one.
    reasons: Words,
    reason_starts: Vec<u32>,
    channels: Words,
    channel_starts: Vec<u32>,
    items: Words,
    categories: Words,
    basis: Words,
    arm: Words,
}

const BASES: [&str; 2] = ["generic", "personalised"];
const ARMS: [Arm; 2] = [Arm::Treated, Arm::Holdout];

impl OfferWords {
    pub(super) fn new(run: &RunTables<'_>) -> Self {
        let offers = || run.catalogue.offers.iter().map(|o| &o.offer);
        let (mut reasons, mut reason_starts) = (Vec::new(), Vec::new());
        let (mut channels, mut channel_starts) = (Vec::new(), Vec::new());
        for offer in offers() {
            reason_starts.push(reasons.len() as u32);
            reasons.extend(offer.kind.reasons().iter().map(|r| r.code).chain([""]));
            channel_starts.push(channels.len() as u32);
            channels.extend(offer.channels.iter().map(String::as_str));
        }
        Self {
            offer_id: words(offers().map(|o| &o.id)),
            kind: words(offers().map(|o| o.kind.code())),
            placement: words(offers().map(|o| &o.placement)),
            incentive: words(offers().map(|o| o.incentive.code())),
            reasons: words(reasons),
            reason_starts,
            channels: words(channels),
            channel_starts,
            items: words(run.items.ids.iter()),
            categories: words(run.items.categories.iter()),
            basis: words(BASES),
            arm: words(ARMS.map(Arm::code)),
        }
    }
}

/// The decisions of some members, in their order; texts that repeat are packed.
pub(super) fn offers_batch(
    run: &RunTables<'_>,
    texts: &OfferWords,
    order: &MemberOrder<'_>,
    members: &[MemberRef],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let mut rows = Rows::new(members.len() * usize::from(run.catalogue.decision.slots));
    let mut choices = Vec::new();
    let mut ids = StringBuilder::with_capacity(members.len(), members.len() * 12);
    for (number, member) in (0u32..).zip(members) {
        choices.clear();
        let (segment, arm) = match member.personalised() {
            Some((shard, index)) => {
                let decisions = &run.decisions[shard];
                choices.extend(decisions.choices(index));
                let segment = run.row(*member).map(|row| run.segments.segment(run.memberships.segment[row]).id);
                (segment, run.holdout.arm(order.id(*member)))
            }
            // A member who opted out is in no experiment.
            None => {
                choices.extend_from_slice(run.generic_list);
                (None, Arm::Treated)
            }
        };
        let id = order.id(*member);
        ids.append_value(id);
        let of = Recipient { number, attributes: run.attributes.get(id), segment, arm };
        for (slot, choice) in choices.iter().enumerate() {
            let kind = run.catalogue.offers[usize::from(choice.offer)].offer.kind.code();
            let held_out = segment.is_some() && run.holdout.is_held_out_of(id, kind);
            let of = if held_out { Recipient { arm: Arm::Holdout, ..of } } else { of };
            rows.push(run, texts, &of, slot, choice);
        }
    }
    packed(schema, rows.finish(&Arc::new(ids.finish()), texts)?)
}

/// Whom a row is for.
#[derive(Clone, Copy)]
struct Recipient<'a> {
    /// The place among the members of the block.
    number: u32,
    attributes: &'a MemberAttributes,
    segment: Option<i32>,
    arm: Arm,
}

struct Rows {
    sentence: String,
    member_id: WordColumn,
    slot: Int32Builder,
    offer_id: WordColumn,
    kind: WordColumn,
    item_id: WordColumn,
    category: WordColumn,
    score: Float64Builder,
    value_minor: Int64Builder,
    reason_code: WordColumn,
    evidence_item: WordColumn,
    evidence_category: WordColumn,
    evidence_count: Int32Builder,
    evidence_days: Int32Builder,
    evidence_date: Date32Builder,
    evidence_amount: Int64Builder,
    text_zh: StringBuilder,
    text_en: StringBuilder,
    probability: Float32Builder,
    explored: BooleanBuilder,
    propensity: Float32Builder,
    valid_from: Date32Builder,
    valid_until: Date32Builder,
    channel: WordColumn,
    placement: WordColumn,
    incentive: WordColumn,
    basis: WordColumn,
    arm: WordColumn,
    segment_id: Int32Builder,
}

impl Rows {
    fn new(room: usize) -> Self {
        let long = || StringBuilder::with_capacity(room, room * 70);
        let word = || WordColumn::with_capacity(room);
        Self {
            sentence: String::new(),
            member_id: word(),
            slot: Int32Builder::with_capacity(room),
            offer_id: word(),
            kind: word(),
            item_id: word(),
            category: word(),
            score: Float64Builder::with_capacity(room),
            value_minor: Int64Builder::with_capacity(room),
            reason_code: word(),
            evidence_item: word(),
            evidence_category: word(),
            evidence_count: Int32Builder::with_capacity(room),
            evidence_days: Int32Builder::with_capacity(room),
            evidence_date: Date32Builder::with_capacity(room),
            evidence_amount: Int64Builder::with_capacity(room),
            text_zh: long(),
            text_en: long(),
            probability: Float32Builder::with_capacity(room),
            explored: BooleanBuilder::with_capacity(room),
            propensity: Float32Builder::with_capacity(room),
            valid_from: Date32Builder::with_capacity(room),
            valid_until: Date32Builder::with_capacity(room),
            channel: word(),
            placement: word(),
            incentive: word(),
            basis: word(),
            arm: word(),
            segment_id: Int32Builder::with_capacity(room),
        }
    }

    fn push(&mut self, run: &RunTables<'_>, texts: &OfferWords, of: &Recipient<'_>, slot: usize, choice: &Choice) {
        let number = u32::from(choice.offer);
        let offer = &run.catalogue.offers[usize::from(choice.offer)].offer;
        let evidence = &choice.evidence;
        self.member_id.push(of.number);
        self.slot.append_value(slot as i32 + 1);
        self.offer_id.push(number);
        self.kind.push(number);
        self.item_id.push(choice.target.item());
        self.category.push(match choice.target {
            Target::Item(item) => run.items.category_of(item),
            target => target.category(),
        });
        self.score.append_value(choice.score);
        self.probability.append_option(choice.chance.probability);
        self.explored.append_value(choice.chance.explored);
        self.propensity.append_value(choice.chance.propensity);
        self.value_minor.append_value(offer.value_minor);
        let reason = usize::from(choice.reason).min(offer.kind.reasons().len()) as u32;
        self.reason_code.push(texts.reason_starts[usize::from(choice.offer)] + reason);
        self.evidence_item.push(evidence.about.item());
        self.evidence_category.push(evidence.about.category());
        self.evidence_count.append_option(evidence.count.map(i32::from));
        self.evidence_days.append_option(evidence.days.map(i32::from));
        self.evidence_date.append_option(evidence.date.map(|d| d.0));
        self.evidence_amount.append_option(evidence.amount);
        for (language, out) in [(Language::Zh, &mut self.text_zh), (Language::En, &mut self.text_en)] {
            self.sentence.clear();
            run.sentences.push(choice, language, &mut self.sentence);
            out.append_value(&self.sentence);
        }
        self.valid_from.append_value(choice.valid_from.0);
        self.valid_until.append_value(choice.valid_until.0);
        let first = texts.channel_starts[usize::from(choice.offer)];
        self.channel.push(offer.channel_place(of.attributes).map(|place| first + place as u32));
        self.placement.push(number);
        self.incentive.push(number);
        self.basis.push(u32::from(of.segment.is_some()));
        self.arm.push(u32::from(of.arm == Arm::Holdout));
        self.segment_id.append_option(of.segment);
    }

    fn finish(mut self, ids: &Words, texts: &OfferWords) -> Result<Vec<ArrayRef>, ArrowError> {
        let evidence: Vec<ArrayRef> = vec![
            self.evidence_item.finish(&texts.items)?,
            self.evidence_category.finish(&texts.categories)?,
            Arc::new(self.evidence_count.finish()),
            Arc::new(self.evidence_days.finish()),
            Arc::new(self.evidence_date.finish()),
            Arc::new(self.evidence_amount.finish()),
        ];
        let fields = evidence_fields(word_type());
        Ok(vec![
            self.member_id.finish(ids)?,
            Arc::new(self.slot.finish()),
            self.offer_id.finish(&texts.offer_id)?,
            self.kind.finish(&texts.kind)?,
            self.item_id.finish(&texts.items)?,
            self.category.finish(&texts.categories)?,
            Arc::new(self.score.finish()),
            Arc::new(self.probability.finish()),
            Arc::new(self.value_minor.finish()),
            self.reason_code.finish(&texts.reasons)?,
            Arc::new(StructArray::try_new(fields, evidence, None)?),
            Arc::new(self.text_zh.finish()),
            Arc::new(self.text_en.finish()),
            Arc::new(self.valid_from.finish()),
            Arc::new(self.valid_until.finish()),
            self.channel.finish(&texts.channels)?,
            self.placement.finish(&texts.placement)?,
            self.incentive.finish(&texts.incentive)?,
            self.basis.finish(&texts.basis)?,
            self.arm.finish(&texts.arm)?,
            Arc::new(self.explored.finish()),
            Arc::new(self.propensity.finish()),
            Arc::new(self.segment_id.finish()),
        ])
    }
}
