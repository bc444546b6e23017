//! Offers' `eligible` rules and segments by rule: SQL conditions over the member table.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder},
    datatypes::{DataType, Field, Schema, SchemaRef},
};

use super::RunError;
use crate::{
    base::{Day, Findings, calendar::age_on, findings::JobPath},
    engine::{
        EngineError,
        expr::{ExprError, RowPredicate},
    },
    features::{CATEGORY_PREFIX, CHANNEL_PREFIX, FeatureTable},
    history::Shard,
    input::{MemberAttributes, MemberTable},
    job::{Doubts, Job},
    offers::{Bits, BoundOffer, Catalogue},
    segments::{Lifecycle, Memberships, SegmentModel, SegmentRule, ShardTags, TagEntry, ValueBand},
};

/// A column of the member table that is no feature.
struct Attribute {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    Text(fn(&Row<'_>) -> Option<String>),
    Integer(fn(&Row<'_>) -> Option<i64>),
    Tags,
}

/// What one row of the member table is made from.
struct Row<'a> {
    attributes: &'a MemberAttributes,
    as_of: Day,
    segment: i32,
    segment_code: &'a str,
    lifecycle: Lifecycle,
    value_band: ValueBand,
}

const ATTRIBUTES: &[Attribute] = &[
    Attribute { name: "segment_id", kind: Kind::Integer(|r| Some(i64::from(r.segment))) },
    Attribute { name: "segment_code", kind: Kind::Text(|r| Some(r.segment_code.to_owned())) },
    Attribute { name: "lifecycle", kind: Kind::Text(|r| Some(r.lifecycle.as_str().to_owned())) },
    Attribute { name: "value_band", kind: Kind::Text(|r| Some(r.value_band.as_str().to_owned())) },
    Attribute { name: "tags", kind: Kind::Tags },
    Attribute { name: "city", kind: Kind::Text(|r| r.attributes.city.as_deref().map(str::to_owned)) },
    Attribute { name: "city_tier", kind: Kind::Integer(|r| r.attributes.city_tier.map(i64::from)) },
    Attribute { name: "loyalty_tier", kind: Kind::Text(|r| r.attributes.loyalty_tier.as_deref().map(str::to_owned)) },
    Attribute { name: "points", kind: Kind::Integer(|r| r.attributes.points) },
    Attribute {
        name: "preferred_channel",
        kind: Kind::Text(|r| r.attributes.preferred_channel.as_deref().map(str::to_owned)),
    },
    Attribute {
        name: "member_days",
        kind: Kind::Integer(|r| r.attributes.joined.map(|j| i64::from(r.as_of.since(j)))),
    },
    Attribute {
        name: "age",
        kind: Kind::Integer(|r| {
            let birth = r.attributes.birth_date?;
            age_on(birth, r.attributes.lunar_birthday, r.as_of).map(i64::from)
        }),
    },
];

fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Text(_) => DataType::Utf8,
        Kind::Integer(_) => DataType::Int64,
        Kind::Tags => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
    }
}

fn schema<'n>(features: impl IntoIterator<Item = &'n str>) -> SchemaRef {
    let features = features.into_iter().map(|name| Field::new(name, DataType::Float64, true));
    let attributes = ATTRIBUTES.iter().map(|a| Field::new(a.name, data_type(&a.kind), true));
    Arc::new(Schema::new(features.chain(attributes).collect::<Vec<_>>()))
}

/// Checks every rule against the columns the member table will have. Shares of a category or channel get their names
/// from the data, so any name of that form passes here; so does any name, where what the features are called is in doubt.
pub(super) fn check(job: &Job, doubts: &Doubts, findings: &mut Findings) {
    let open = names_in_doubt(job, doubts);
    for offer in &job.offers().offers {
        let Some(sql) = &offer.eligible else { continue };
        let at = JobPath::root().key("offers").index(offer.position).key("eligible");
        match tried(job, sql) {
            Err(ExprError::UnknownColumn { .. }) if open => {}
            Err(e) => {
                let message = format!("offer `{}`: {e}", offer.id);
                findings.error_within("offers::bad_rule", at, e.word(), message, e.help());
            }
            Ok(true) => {
                let message = format!("nobody can get `{}`: its rule is never true", offer.id);
                findings.warn("offers::nobody", at, message, "correct the rule");
            }
            Ok(false) => {}
        }
    }
    for rule in &job.segments().rules {
        let at = JobPath::root().key("segments").key("rules").index(rule.position).key("when");
        match tried(job, &rule.when) {
            Err(ExprError::UnknownColumn { .. }) if open => {}
            Err(e) => findings.error("segments::bad_condition", at, format!("rule `{}`: {e}", rule.code), e.help()),
            Ok(true) => {
                let message = format!("nobody can get the tag `{}`: its condition is never true", rule.code);
                findings.warn("segments::nobody", at, message, "correct the condition");
            }
            Ok(false) => {}
        }
    }
}

/// Whether a feature may have been meant whose name is not known, because the name or what holds it is wrong.
fn names_in_doubt(job: &Job, doubts: &Doubts) -> bool {
    let at = JobPath::root().key("features");
    let sql = at.key("sql");
    let nameless = |index| doubts.hold(&sql.index(index).key("name"));
    doubts.misspelt(&JobPath::root())
        || doubts.misspelt(&at)
        || doubts.hold(&sql)
        || doubts.touch(&at.key("spend_windows"))
        || (0..job.features().sql.len()).any(nameless)
}

/// Tries a rule; says whether it is never true.
fn tried(job: &Job, sql: &str) -> Result<bool, ExprError> {
    let known = job.features().names();
    let words = sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    let shares = words.filter(|w| w.starts_with(CATEGORY_PREFIX) || w.starts_with(CHANNEL_PREFIX));
    let names: std::collections::BTreeSet<&str> = known.iter().map(String::as_str).chain(shares).collect();
    let schema = schema(names);
    let rule = RowPredicate::compile(&schema, sql)?;
    // What fails on a member of whom everything is 1 fails on everybody; a rule without columns says the same of all.
    let mask = rule.evaluate(&one_of_everything(&schema))?;
    Ok(rule.columns().is_empty() && !mask.value(0))
}

/// Whose condition a rule is.
#[derive(Debug, Clone)]
enum Owner {
    Offer(usize, String),
    Segment(usize, String),
}

/// A member of whom every number is 1 and every text empty.
fn one_of_everything(schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.data_type() {
            DataType::Float64 => Arc::new(Float64Array::from(vec![1.0])),
            DataType::Int64 => Arc::new(Int64Array::from(vec![1])),
            DataType::Utf8 => Arc::new(StringArray::from(vec![""])),
            other => arrow::array::new_null_array(other, 1),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect())
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema)))
}

/// The rules of a run, ready to be asked shard by shard.
#[derive(Debug)]
pub(super) struct Rules {
    /// By offer or segment.
    rules: Vec<Option<RowPredicate>>,
    owners: Vec<Owner>,
    /// Positions in the feature table and names of the features that any rule reads.
    features: Vec<(usize, String)>,
    /// Positions in [`ATTRIBUTES`] that any rule reads.
    attributes: Vec<usize>,
    schema: SchemaRef,
}

/// What is known of one shard's members when rules are asked.
pub(super) struct ShardFacts<'a> {
    pub(super) index: usize,
    pub(super) shard: &'a Shard,
    pub(super) features: &'a FeatureTable,
    pub(super) members: &'a MemberTable,
    pub(super) model: &'a SegmentModel,
    pub(super) memberships: &'a Memberships,
    pub(super) lifecycle: &'a [Lifecycle],
    pub(super) value_band: &'a [ValueBand],
    pub(super) tags: &'a ShardTags,
    pub(super) tag_entries: &'a [TagEntry],
    pub(super) as_of: Day,
}

impl Rules {
    /// Compiles the rules against the features the data gave.
    ///
    /// # Errors
    /// If a rule names a share of a category or channel that has none.
    pub(super) fn new(catalogue: &Catalogue, features: &FeatureTable) -> Result<Self, RunError> {
        let of =
            |(i, offer): (usize, &BoundOffer)| (Owner::Offer(i, offer.offer.id.clone()), offer.offer.eligible.clone());
        Self::compile(catalogue.offers.iter().enumerate().map(of).unzip(), features)
    }

    /// Compiles the conditions of segments by rule.
    ///
    /// # Errors
    /// If one names a share of a category or channel that has none.
    pub(super) fn of_segments(rules: &[SegmentRule], features: &FeatureTable) -> Result<Self, RunError> {
        let of = |(i, rule): (usize, &SegmentRule)| (Owner::Segment(i, rule.code.to_string()), Some(rule.when.clone()));
        Self::compile(rules.iter().enumerate().map(of).unzip(), features)
    }

    fn compile(
        (owners, conditions): (Vec<Owner>, Vec<Option<String>>),
        features: &FeatureTable,
    ) -> Result<Self, RunError> {
        let entries = features.dictionary().entries();
        let whole = schema(entries.iter().map(|e| e.name.as_str()));
        let mut used: Vec<String> = Vec::new();
        for (owner, sql) in owners.iter().zip(&conditions) {
            if let Some(sql) = sql {
                let rule = RowPredicate::compile(&whole, sql).map_err(|source| failed(owner, source))?;
                used.extend(rule.columns().iter().cloned());
            }
        }
        used.sort();
        used.dedup();
        let columns: Vec<(usize, String)> = entries
            .iter()
            .enumerate()
            .filter(|(_, e)| used.contains(&e.name))
            .map(|(i, e)| (i, e.name.clone()))
            .collect();
        let attributes: Vec<usize> =
            (0..ATTRIBUTES.len()).filter(|i| used.iter().any(|u| u == ATTRIBUTES[*i].name)).collect();
        let fields = columns
            .iter()
            .map(|(_, name)| Field::new(name, DataType::Float64, true))
            .chain(attributes.iter().map(|i| Field::new(ATTRIBUTES[*i].name, data_type(&ATTRIBUTES[*i].kind), true)));
        let narrow: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let rules = owners
            .iter()
            .zip(&conditions)
            .map(|(owner, sql)| {
                let compile = |sql: &String| RowPredicate::compile(&narrow, sql);
                sql.as_ref().map(compile).transpose().map_err(|e| failed(owner, e))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules, owners, features: columns, attributes, schema: narrow })
    }

    /// By offer or segment, the members of a shard whom its rule admits; `None` where it has no rule. A member on whose values a rule
    /// fails (a division by zero) is not admitted, and counted.
    ///
    /// # Errors
    /// If the member table cannot be put together.
    pub(super) fn admit(&self, facts: &ShardFacts<'_>) -> Result<(Vec<Option<Bits>>, Vec<FailedRows>), RunError> {
        let mut failed = vec![FailedRows::default(); self.rules.len()];
        if self.rules.iter().all(Option::is_none) {
            return Ok((vec![None; self.rules.len()], failed));
        }
        let batch = self.batch(facts)?;
        let ask = |(rule, failed): (&Option<RowPredicate>, &mut FailedRows)| {
            let rule = rule.as_ref()?;
            let mut mask = vec![false; batch.num_rows()];
            ask(rule, &batch, 0, &mut mask, failed);
            Some(Bits::from_fn(mask.len(), |i| mask[i]))
        };
        let admitted = self.rules.iter().zip(&mut failed).map(ask).collect();
        Ok((admitted, failed))
    }

    /// Says once of each rule that failed on members how often and why.
    pub(super) fn note_failures(&self, failed: &[FailedRows], notes: &mut Findings) {
        for (owner, rows) in self.owners.iter().zip(failed).filter(|(_, rows)| rows.members > 0) {
            let (code, at, what) = match owner {
                Owner::Offer(index, id) => (
                    "offers::rule_fails",
                    JobPath::root().key("offers").index(*index).key("eligible"),
                    format!("offer `{id}`"),
                ),
                Owner::Segment(index, code) => (
                    "segments::rule_fails",
                    JobPath::root().key("segments").key("rules").index(*index).key("when"),
                    format!("rule `{code}`"),
                ),
            };
            let message =
                format!("{what}: the rule fails on {} members, who do not get it: {}", rows.members, rows.reason);
            let help = "guard it: nullif(x, 0) under a division, try_cast instead of cast";
            notes.warn(code, at, message, help);
        }
    }

    fn batch(&self, facts: &ShardFacts<'_>) -> Result<RecordBatch, RunError> {
        let members = facts.shard.members.len();
        let first = facts.features.offset(facts.index);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (feature, _) in &self.features {
            let values = (0..members).map(|m| facts.features.value(*feature, facts.index, m));
            columns.push(Arc::new(values.collect::<Float64Array>()));
        }
        let rows: Vec<Row<'_>> = facts
            .shard
            .members
            .iter()
            .enumerate()
            .map(|(m, id)| {
                let segment = facts.model.segment(facts.memberships.segment[first + m]);
                Row {
                    attributes: facts.members.get(id),
                    as_of: facts.as_of,
                    segment: segment.id,
                    segment_code: &segment.code,
                    lifecycle: facts.lifecycle[first + m],
                    value_band: facts.value_band[first + m],
                }
            })
            .collect();
        for attribute in &self.attributes {
            columns.push(match ATTRIBUTES[*attribute].kind {
                Kind::Text(get) => Arc::new(rows.iter().map(get).collect::<StringArray>()),
                Kind::Integer(get) => Arc::new(rows.iter().map(get).collect::<Int64Array>()),
                Kind::Tags => {
                    let mut lists = ListBuilder::new(StringBuilder::new());
                    for m in 0..members {
                        for held in facts.tags.of(m) {
                            lists.values().append_value(&facts.tag_entries[held.tag as usize].tag);
                        }
                        lists.append(true);
                    }
                    Arc::new(lists.finish())
                }
            });
        }
        if columns.is_empty() {
            // A rule without columns (`true`) still needs rows to be asked about.
            columns.push(Arc::new(Int32Array::from(vec![0; members])));
            let one = Arc::new(Schema::new(vec![Field::new("row", DataType::Int32, false)]));
            return RecordBatch::try_new(one, columns).map_err(|e| EngineError::arrow("gathered members", e).into());
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| EngineError::arrow("gathered members", e).into())
    }
}

/// Members on whose values a rule failed.
#[derive(Debug, Clone, Default)]
pub(super) struct FailedRows {
    members: u64,
    /// What went wrong first.
    reason: String,
}

impl FailedRows {
    /// Adds another shard's.
    pub(super) fn add(&mut self, other: Self) {
        if self.members == 0 {
            self.reason = other.reason;
        }
        self.members += other.members;
    }
}

/// Asks a rule about the rows of `batch`, which begin at `first` of `mask`. A batch on which it fails is halved until the
/// rows are found that make it fail.
fn ask(rule: &RowPredicate, batch: &RecordBatch, first: usize, mask: &mut [bool], failed: &mut FailedRows) {
    let rows = batch.num_rows();
    match rule.evaluate(batch) {
        Ok(values) => (0..rows).for_each(|row| mask[first + row] = values.value(row)),
        Err(_) if rows > 1 => {
            let half = rows / 2;
            ask(rule, &batch.slice(0, half), first, mask, failed);
            ask(rule, &batch.slice(half, rows - half), first + half, mask, failed);
        }
        Err(error) => failed.add(FailedRows { members: 1, reason: error.to_string() }),
    }
}

fn failed(owner: &Owner, source: ExprError) -> RunError {
    let source = Box::new(source);
    match owner {
        Owner::Offer(index, offer) => RunError::Eligible { index: *index, offer: offer.clone(), source },
        Owner::Segment(index, code) => RunError::SegmentRule { index: *index, code: code.clone(), source },
    }
}
