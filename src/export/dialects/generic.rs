//! The generic target: the columns of a decision (or of a member) under our own names, as CSV, JSON Lines or Parquet. A
//! delta begins with `op`.

use super::{Change, CsvForm, Defaults, DeltaText, Dialect, ListStyle, Op, Role, Row, Sheet, csv_form::removed};
use crate::export::{
    cell::{Cell, push_decimal},
    targets::{DeltaWhen, Rows, Target, TextFormat},
    validate::{Checked, Problems, csv_rows, json_rows, parquet_rows},
};

/// The dialect.
#[derive(Debug)]
pub struct Generic;

impl Dialect for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            rows: Rows::Decisions,
            decisions: true,
            keys: &[("member_id", "member_id", false)],
            fields: &[],
            delta: DeltaWhen::Acknowledged,
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, _target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { op: true, key_first: false, list: ListStyle::Json, empty_list: true, ..CsvForm::default() })
    }

    fn header(&self, sheet: &Sheet<'_>, role: Role) -> String {
        let mut out = String::new();
        if sheet.target.format == TextFormat::Csv
            && let Some(form) = self.form(sheet.target)
        {
            form.header(sheet, role, &mut out);
        }
        out
    }

    fn row(&self, sheet: &Sheet<'_>, row: &Row<'_, '_>, out: &mut String) {
        match (sheet.target.format, self.form(sheet.target)) {
            (TextFormat::Csv, Some(form)) => form.row(sheet, row, out),
            // The lines of a Parquet target are never written: what tells whether a row changed is their hash.
            _ => push_object(sheet.target, row.cells, out),
        }
    }

    fn delta(&self, sheet: &Sheet<'_>, change: &Change<'_>, out: &mut DeltaText) {
        let out = &mut out.delta;
        match (sheet.target.format, self.form(sheet.target)) {
            (TextFormat::Csv, Some(form)) => form.change(sheet, change, out),
            _ => {
                let mut own = String::new();
                let line = if change.op == Op::Removed {
                    let cells = removed(sheet.target, change.key, change.slot, false);
                    push_object(sheet.target, &cells, &mut own);
                    own.as_str()
                } else {
                    change.line
                };
                out.push_str("{\"op\":\"");
                out.push_str(change.op.as_str());
                out.push_str("\",");
                out.push_str(line.strip_prefix('{').unwrap_or(line));
            }
        }
    }

    fn validate(&self, sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
        match (sheet.target.format, self.form(sheet.target)) {
            (TextFormat::Csv, Some(form)) => csv_rows(&form, sheet, role, bytes, problems),
            (TextFormat::Parquet, _) => parquet_rows(sheet, role, bytes, problems),
            _ => json_rows(sheet, role, bytes, problems),
        }
    }
}

/// Appends a row as a JSON object with every field.
fn push_object(target: &Target, cells: &[Cell<'_>], out: &mut String) {
    out.push('{');
    for (i, (field, cell)) in target.fields.iter().zip(cells).enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(field.name.as_str()).to_string());
        out.push(':');
        match cell {
            Cell::Null => out.push_str("null"),
            Cell::Text(text) => out.push_str(&serde_json::Value::from(text.as_ref()).to_string()),
            Cell::Integer(value) => crate::offers::push_integer(out, *value),
            Cell::Decimal(value) => push_decimal(out, *value, field.digits),
            Cell::Day(text) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Cell::Flag(value) => out.push_str(if *value { "true" } else { "false" }),
            Cell::Tags(tags) => out.push_str(&serde_json::Value::from(tags.clone()).to_string()),
        }
    }
    out.push_str("}\n");
}
