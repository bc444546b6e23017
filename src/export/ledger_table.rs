//! `model/ledger.parquet`: the seats of scarce offers, one row each, and how they are read back.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray},
    datatypes::{DataType, Date32Type, Field, Float64Type, Int32Type, Int64Type, Schema},
    record_batch::RecordBatch,
};

use super::{error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink, tables::text};
use crate::{
    base::Day,
    input::ItemTable,
    offers::{Arm, Catalogue, Chance, Choice, Evidence, Ledger, Seat, SeatState, SubjectKind, Target},
};

/// Where the ledger of a run lies.
pub const LEDGER_PATH: &str = "model/ledger.parquet";

/// Its columns.
pub const LEDGER_COLUMNS: &[&str] = &[
    "offer_id",
    "member_id",
    "state",
    "arm",
    "assigned",
    "valid_from",
    "valid_until",
    "value_minor",
    "city",
    "segment_code",
    "item_id",
    "category",
    "score",
    "probability",
    "reason_code",
    "about_kind",
    "about",
    "count",
    "days",
    "date",
    "amount_minor",
];

/// Writes the ledger; gives the number of rows.
///
/// # Errors
/// If the file cannot be written.
pub fn write_ledger(
    sink: &dyn Sink,
    ledger: &Ledger,
    catalogue: &Catalogue,
    items: &ItemTable,
    compression: Compression,
) -> Result<u64, ExportError> {
    let day = |name: &str, nullable| Field::new(name, DataType::Date32, nullable);
    let number = |name: &str, kind: DataType, nullable| Field::new(name, kind, nullable);
    let schema = Arc::new(Schema::new(vec![
        text("offer_id", false),
        text("member_id", true),
        text("state", false),
        text("arm", false),
        day("assigned", false),
        day("valid_from", false),
        day("valid_until", false),
        number("value_minor", DataType::Int64, false),
        text("city", true),
        text("segment_code", true),
        text("item_id", true),
        text("category", true),
        number("score", DataType::Float64, false),
        number("probability", DataType::Float64, true),
        text("reason_code", true),
        text("about_kind", true),
        text("about", true),
        number("count", DataType::Int32, true),
        number("days", DataType::Int32, true),
        day("date", true),
        number("amount_minor", DataType::Int64, true),
    ]));
    let seats = ledger.seats();
    let offer = |seat: &Seat| &catalogue.offers[usize::from(seat.choice.offer)].offer;
    let item = |target: Target| target.item().map(|i| items.ids.get(i as usize).to_owned());
    let category = |target: Target| target.category().map(|c| items.categories.get(c as usize).to_owned());
    let subject = |target: Target| match target {
        Target::Subject(index) => catalogue.subjects.code_of(index),
        _ => None,
    };
    let texts = |get: &dyn Fn(&Seat) -> Option<String>| -> ArrayRef {
        Arc::new(seats.iter().map(get).collect::<StringArray>())
    };
    let dates = |get: &dyn Fn(&Seat) -> Option<Day>| -> ArrayRef {
        Arc::new(seats.iter().map(|s| get(s).map(|d| d.0)).collect::<Date32Array>())
    };
    let small = |get: &dyn Fn(&Seat) -> Option<u16>| -> ArrayRef {
        Arc::new(seats.iter().map(|s| get(s).map(i32::from)).collect::<Int32Array>())
    };
    let floats =
        |get: &dyn Fn(&Seat) -> Option<f64>| -> ArrayRef { Arc::new(seats.iter().map(get).collect::<Float64Array>()) };
    let columns: Vec<ArrayRef> = vec![
        texts(&|s| Some(offer(s).id.clone())),
        texts(&|s| s.member.clone()),
        texts(&|s| Some(s.state.code().to_owned())),
        texts(&|s| Some(s.arm.code().to_owned())),
        dates(&|s| Some(s.assigned)),
        dates(&|s| Some(s.choice.valid_from)),
        dates(&|s| Some(s.choice.valid_until)),
        Arc::new(seats.iter().map(|s| Some(s.value_minor)).collect::<Int64Array>()),
        texts(&|s| s.city.clone()),
        texts(&|s| s.segment.clone()),
        texts(&|s| item(s.choice.target)),
        texts(&|s| category(s.choice.target)),
        floats(&|s| Some(s.choice.score)),
        floats(&|s| s.choice.chance.probability.map(f64::from)),
        texts(&|s| {
            let reason = offer(s).kind.reasons().get(usize::from(s.choice.reason));
            reason.filter(|_| s.has_reason).map(|r| r.code.to_owned())
        }),
        texts(&|s| {
            let about = s.choice.evidence.about;
            let kind = match about {
                Target::None => return None,
                Target::Item(_) => "item",
                Target::Category(_) => "category",
                Target::Subject(_) => subject(about)?.0.code(),
            };
            Some(kind.to_owned())
        }),
        texts(&|s| {
            let about = s.choice.evidence.about;
            item(about).or(category(about)).or(subject(about).map(|(_, code)| code.to_owned()))
        }),
        small(&|s| s.choice.evidence.count),
        small(&|s| s.choice.evidence.days),
        dates(&|s| s.choice.evidence.date),
        Arc::new(seats.iter().map(|s| s.choice.evidence.amount).collect::<Int64Array>()),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(LEDGER_PATH))?;
    write_batches(sink, LEDGER_PATH, &schema, compression, [batch])
}

/// Adds the seats of a batch that holds [`LEDGER_COLUMNS`] in their order. Seats of offers, items or categories that are
/// no more are given back: they are left out. Gives false if the batch does not hold the columns as they are written.
#[must_use]
pub fn push_seats(batch: &RecordBatch, catalogue: &Catalogue, items: &ItemTable, seats: &mut Vec<Seat>) -> bool {
    let Some(columns) = Columns::of(batch) else { return false };
    for row in 0..batch.num_rows() {
        if let Some(seat) = columns.seat(row, catalogue, items) {
            seats.push(seat);
        }
    }
    true
}

struct Columns<'b> {
    batch: &'b RecordBatch,
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let kinds = |name: &str| match name {
            "assigned" | "valid_from" | "valid_until" | "date" => DataType::Date32,
            "value_minor" | "amount_minor" => DataType::Int64,
            "score" | "probability" => DataType::Float64,
            "count" | "days" => DataType::Int32,
            _ => DataType::Utf8,
        };
        let right = |name: &&str| batch.column_by_name(name).is_some_and(|c| *c.data_type() == kinds(name));
        LEDGER_COLUMNS.iter().all(right).then_some(Self { batch })
    }

    fn column(&self, name: &str) -> Option<&'b ArrayRef> {
        self.batch.column_by_name(name)
    }

    fn text(&self, name: &str, row: usize) -> Option<&'b str> {
        let column = self.column(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn day(&self, name: &str, row: usize) -> Option<Day> {
        let column = self.column(name)?.as_primitive_opt::<Date32Type>()?;
        column.is_valid(row).then(|| Day(column.value(row)))
    }

    fn long(&self, name: &str, row: usize) -> Option<i64> {
        let column = self.column(name)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn small(&self, name: &str, row: usize) -> Option<u16> {
        let column = self.column(name)?.as_primitive_opt::<Int32Type>()?;
        column.is_valid(row).then(|| u16::try_from(column.value(row)).ok())?
    }

    fn float(&self, name: &str, row: usize) -> Option<f64> {
        let column = self.column(name)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn seat(&self, row: usize, catalogue: &Catalogue, items: &ItemTable) -> Option<Seat> {
        let offer = catalogue.index_of(self.text("offer_id", row)?)?;
        let item = |id: &str| items.ids.find(id).map(|i| Target::Item(i as u32));
        let category = |path: &str| items.categories.find(path).map(|c| Target::Category(c as u32));
        let target = match (self.text("item_id", row), self.text("category", row)) {
            (Some(id), _) => item(id)?,
            (None, Some(path)) => category(path)?,
            (None, None) => Target::None,
        };
        let about = match (self.text("about_kind", row), self.text("about", row)) {
            (Some("item"), Some(id)) => item(id),
            (Some("category"), Some(path)) => category(path),
            (Some(kind), Some(code)) => SubjectKind::from_code(kind).map(|kind| catalogue.subjects.find(kind, code)),
            _ => Some(Target::None),
        };
        let code = self.text("reason_code", row);
        let reasons = catalogue.offers[usize::from(offer)].offer.kind.reasons();
        let reason = reasons.iter().position(|r| Some(r.code) == code);
        // A reason about something that has no name any more is none.
        let has_reason = reason.is_some() && about.is_some();
        Some(Seat {
            member: self.text("member_id", row).map(str::to_owned),
            assigned: self.day("assigned", row)?,
            city: self.text("city", row).map(str::to_owned),
            segment: self.text("segment_code", row).map(str::to_owned),
            value_minor: self.long("value_minor", row)?,
            state: SeatState::from_code(self.text("state", row)?)?,
            arm: if self.text("arm", row)? == Arm::Holdout.code() { Arm::Holdout } else { Arm::Treated },
            choice: Choice {
                offer,
                target,
                score: self.float("score", row)?,
                reason: reason.and_then(|r| u8::try_from(r).ok()).unwrap_or_default(),
                evidence: Evidence {
                    about: about.unwrap_or_default(),
                    count: self.small("count", row),
                    days: self.small("days", row),
                    date: self.day("date", row),
                    amount: self.long("amount_minor", row),
                },
                valid_from: self.day("valid_from", row)?,
                valid_until: self.day("valid_until", row)?,
                chance: Chance { probability: self.float("probability", row).map(|p| p as f32), ..Chance::default() },
            },
            has_reason,
        })
    }
}
