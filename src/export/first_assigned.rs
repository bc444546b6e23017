//! `model/first_assigned.parquet`: who was first assigned what, when and in which arm, and how it is read back.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Builder, Int64Builder, RecordBatch, StringArray, StringBuilder},
    datatypes::{DataType, Date32Type, Field, Int64Type, Schema, SchemaRef},
    error::ArrowError,
};

use super::{
    error::ExportError,
    order::{MemberOrder, MemberRef},
    settings::Compression,
    sink::Sink,
    tables::{MemberTableWriter, text, write_table},
};
use crate::{
    base::{Day, IdTable},
    offers::{EnrolledRow, Enrolments, EnrolmentsBuilder, HeldOut},
};

/// Where it lies.
pub const FIRST_ASSIGNED_PATH: &str = "model/first_assigned.parquet";

/// Its columns. Rows without a member count `members` who are not in the run any more; the others count one.
pub const FIRST_ASSIGNED_COLUMNS: &[&str] =
    &["member_id", "kind", "arm", "held_out_of", "first_day", "lifecycle", "segment_code", "experiment", "members"];

struct FirstAssigned<'a> {
    enrolments: &'a Enrolments,
}

/// The columns of some rows.
#[derive(Default)]
struct Rows {
    texts: [StringBuilder; 7],
    first: Date32Builder,
    members: Int64Builder,
}

impl Rows {
    fn push(
        &mut self,
        member: Option<&str>,
        (track, held_out, first): (u8, HeldOut, Day),
        about: (Option<&str>, Option<&str>),
        members: u64,
        enrolments: &Enrolments,
    ) {
        let texts = [
            member,
            Some(enrolments.tracks.name(track)),
            Some(held_out.arm().code()),
            held_out.code(),
            about.0,
            about.1,
            Some(enrolments.tracks.experiment(track)),
        ];
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.append_option(text));
        self.first.append_value(first.0);
        self.members.append_value(members as i64);
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        let [member, kind, arm, held_out, lifecycle, segment, experiment] =
            self.texts.each_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let (first, members) = (Arc::new(self.first.finish()), Arc::new(self.members.finish()));
        vec![member, kind, arm, held_out, first, lifecycle, segment, experiment, members]
    }
}

impl MemberTableWriter for FirstAssigned<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            text("member_id", true),
            text("kind", false),
            text("arm", false),
            text("held_out_of", true),
            Field::new("first_day", DataType::Date32, false),
            text("lifecycle", true),
            text("segment_code", true),
            text("experiment", false),
            Field::new("members", DataType::Int64, false),
        ]))
    }

    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let enrolments = self.enrolments;
        let mut rows = Rows::default();
        for member in members {
            let Some((shard, index)) = member.personalised() else { continue };
            let own = &enrolments.shards[shard];
            let start = own.partition_point(|e| (e.member as usize) < index);
            for e in own[start..].iter().take_while(|e| e.member as usize == index) {
                let segment = enrolments.segments.get(usize::from(e.segment)).map(String::as_str);
                let about = (Some(e.lifecycle.as_str()), segment);
                rows.push(Some(order.id(*member)), (e.track, e.held_out, e.first), about, 1, enrolments);
            }
        }
        // Whoever has no name comes last.
        if members.last().is_some_and(|last| order.rows().last() == Some(last)) {
            for (gone, members) in &enrolments.gone {
                rows.push(None, (gone.track, gone.held_out, gone.first), (None, None), *members, enrolments);
            }
        }
        Ok(rows.finish())
    }
}

/// Writes `model/first_assigned.parquet`, by member and kind; gives the number of rows. Members in `withdrawn` are left out
/// by name.
///
/// # Errors
/// If it cannot be written.
pub fn write_first_assigned(
    sink: &dyn Sink,
    members: &[IdTable],
    enrolments: &Enrolments,
    withdrawn: &HashSet<String>,
    compression: Compression,
) -> Result<u64, ExportError> {
    let nobody = IdTable::default();
    let order = MemberOrder::new(members, &nobody, false).without(withdrawn);
    write_table(sink, FIRST_ASSIGNED_PATH, &order, &FirstAssigned { enrolments }, compression)
}

fn value(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// Adds the rows of a batch that holds [`FIRST_ASSIGNED_COLUMNS`]. Gives false if it does not hold them as they are written.
#[must_use]
pub fn push_first_assigned(batch: &RecordBatch, builder: &mut EnrolmentsBuilder<'_>) -> bool {
    let texts = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
    let days = batch.column_by_name("first_day").and_then(|c| c.as_primitive_opt::<Date32Type>());
    let counts = batch.column_by_name("members").and_then(|c| c.as_primitive_opt::<Int64Type>());
    let names = ["member_id", "kind", "held_out_of", "lifecycle", "segment_code", "experiment"];
    let [Some(member), Some(kind), Some(held_out), Some(lifecycle), Some(segment), Some(experiment)] = names.map(texts)
    else {
        return false;
    };
    let (Some(days), Some(counts)) = (days, counts) else { return false };
    (0..batch.num_rows()).all(|row| {
        builder.push(&EnrolledRow {
            member_id: value(member, row),
            track: kind.value(row),
            held_out: value(held_out, row),
            first: Day(days.value(row)),
            lifecycle: value(lifecycle, row),
            segment: value(segment, row),
            experiment: experiment.value(row),
            members: counts.value(row).unsigned_abs(),
        })
    })
}
