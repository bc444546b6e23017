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
};
use crate::{
    input::MemberAttributes,
    offers::{Arm, Choice, Language, Target},
};

fn evidence_fields() -> Fields {
    Fields::from(vec![
        text("item_id", true),
        text("category", true),
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
        Field::new("evidence", DataType::Struct(evidence_fields()), false),
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

/// The decisions of some members, in their order.
pub(super) fn offers_batch(
    run: &RunTables<'_>,
    order: &MemberOrder<'_>,
    members: &[MemberRef],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let mut rows = Rows::new(members.len() * usize::from(run.catalogue.decision.slots));
    let mut choices = Vec::new();
    for member in members {
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
        let of = Recipient { id, attributes: run.attributes.get(id), segment, arm };
        for (slot, choice) in choices.iter().enumerate() {
            let kind = run.catalogue.offers[usize::from(choice.offer)].offer.kind.code();
            let held_out = segment.is_some() && run.holdout.is_held_out_of(id, kind);
            let of = if held_out { Recipient { arm: Arm::Holdout, ..of } } else { of };
            rows.push(run, &of, slot, choice);
        }
    }
    RecordBatch::try_new(Arc::clone(schema), rows.finish()?)
}

/// Whom a row is for.
#[derive(Clone, Copy)]
struct Recipient<'a> {
    id: &'a str,
    attributes: &'a MemberAttributes,
    segment: Option<i32>,
    arm: Arm,
}

struct Rows {
    sentence: String,
    member_id: StringBuilder,
    slot: Int32Builder,
    offer_id: StringBuilder,
    kind: StringBuilder,
    item_id: StringBuilder,
    category: StringBuilder,
    score: Float64Builder,
    value_minor: Int64Builder,
    reason_code: StringBuilder,
    evidence_item: StringBuilder,
    evidence_category: StringBuilder,
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
    channel: StringBuilder,
    placement: StringBuilder,
    incentive: StringBuilder,
    basis: StringBuilder,
    arm: StringBuilder,
    segment_id: Int32Builder,
}

impl Rows {
    fn new(room: usize) -> Self {
        let long = || StringBuilder::with_capacity(room, room * 70);
        let short = || StringBuilder::with_capacity(room, room * 10);
        Self {
            sentence: String::new(),
            member_id: short(),
            slot: Int32Builder::with_capacity(room),
            offer_id: short(),
            kind: short(),
            item_id: short(),
            category: short(),
            score: Float64Builder::with_capacity(room),
            value_minor: Int64Builder::with_capacity(room),
            reason_code: short(),
            evidence_item: short(),
            evidence_category: short(),
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
            channel: short(),
            placement: short(),
            incentive: short(),
            basis: short(),
            arm: short(),
            segment_id: Int32Builder::with_capacity(room),
        }
    }

    fn push(&mut self, run: &RunTables<'_>, of: &Recipient<'_>, slot: usize, choice: &Choice) {
        let offer = &run.catalogue.offers[usize::from(choice.offer)].offer;
        let item_id = |target: Target| target.item().map(|i| run.items.ids.get(i as usize));
        let path = |category: u32| run.items.categories.get(category as usize);
        let evidence = &choice.evidence;
        self.member_id.append_value(of.id);
        self.slot.append_value(slot as i32 + 1);
        self.offer_id.append_value(&offer.id);
        self.kind.append_value(offer.kind.code());
        self.item_id.append_option(item_id(choice.target));
        let category = match choice.target {
            Target::Item(item) => run.items.category_of(item),
            target => target.category(),
        };
        self.category.append_option(category.map(path));
        self.score.append_value(choice.score);
        self.probability.append_option(choice.chance.probability);
        self.explored.append_value(choice.chance.explored);
        self.propensity.append_value(choice.chance.propensity);
        self.value_minor.append_value(offer.value_minor);
        self.reason_code.append_value(offer.kind.reasons().get(usize::from(choice.reason)).map_or("", |r| r.code));
        self.evidence_item.append_option(item_id(evidence.about));
        self.evidence_category.append_option(evidence.about.category().map(path));
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
        self.channel.append_option(offer.channel_for(of.attributes));
        self.placement.append_value(&offer.placement);
        self.incentive.append_value(offer.incentive.code());
        self.basis.append_value(if of.segment.is_some() { "personalised" } else { "generic" });
        self.arm.append_value(of.arm.code());
        self.segment_id.append_option(of.segment);
    }

    fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let evidence: Vec<ArrayRef> = vec![
            Arc::new(self.evidence_item.finish()),
            Arc::new(self.evidence_category.finish()),
            Arc::new(self.evidence_count.finish()),
            Arc::new(self.evidence_days.finish()),
            Arc::new(self.evidence_date.finish()),
            Arc::new(self.evidence_amount.finish()),
        ];
        Ok(vec![
            Arc::new(self.member_id.finish()),
            Arc::new(self.slot.finish()),
            Arc::new(self.offer_id.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.item_id.finish()),
            Arc::new(self.category.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.probability.finish()),
            Arc::new(self.value_minor.finish()),
            Arc::new(self.reason_code.finish()),
            Arc::new(StructArray::try_new(evidence_fields(), evidence, None)?),
            Arc::new(self.text_zh.finish()),
            Arc::new(self.text_en.finish()),
            Arc::new(self.valid_from.finish()),
            Arc::new(self.valid_until.finish()),
            Arc::new(self.channel.finish()),
            Arc::new(self.placement.finish()),
            Arc::new(self.incentive.finish()),
            Arc::new(self.basis.finish()),
            Arc::new(self.arm.finish()),
            Arc::new(self.explored.finish()),
            Arc::new(self.propensity.finish()),
            Arc::new(self.segment_id.finish()),
        ])
    }
}
