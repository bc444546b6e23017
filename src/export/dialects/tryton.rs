//! Tryton `party.party` by `import_data`: rows of strings, keyed by the database id, or by a code for a party that is yet to
//! be made. For a party that is there `import_data` takes away all tags it has and adds only those it did not have:
//! importing the same list again empties it. So tags that change are emptied first, by a file of their own
//! (`delta.….clear.csv`), and only then set; and a party that did not change is never imported again.

use super::{Change, CsvForm, Defaults, DeltaText, Dialect, ListStyle, Op, Role, Row, Sheet};
use crate::export::{
    cell::Cell,
    csv::push_field,
    targets::{FieldType, Target},
};

/// The dialect.
#[derive(Debug)]
pub struct Tryton;

impl Dialect for Tryton {
    fn name(&self) -> &'static str {
        "tryton"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("id", "identity.tryton", false), ("code", "member_id", true)],
            fields: &[("categories", "tags")],
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, _target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { list: ListStyle::Joined(','), flags: ("True", "False"), ..CsvForm::default() })
    }

    fn header(&self, sheet: &Sheet<'_>, role: Role) -> String {
        let mut out = String::new();
        if role == Role::Clear {
            push_field(&mut out, &sheet.key.field);
            for field in sheet.target.fields.iter().filter(|f| f.from.kind() == FieldType::Tags) {
                out.push(',');
                push_field(&mut out, &field.name);
            }
            out.push('\n');
        } else if let Some(form) = self.form(sheet.target) {
            form.header(sheet, role, &mut out);
        }
        out
    }

    /// Whether the party has tags that must be emptied before others are set.
    fn carry(&self, _sheet: &Sheet<'_>, row: &Row<'_, '_>) -> Option<String> {
        let tagged = row.cells.iter().any(|c| matches!(c, Cell::Tags(tags) if !tags.is_empty()));
        tagged.then(|| "tags".to_owned())
    }

    fn delta(&self, sheet: &Sheet<'_>, change: &Change<'_>, out: &mut DeltaText) {
        let Some(form) = self.form(sheet.target) else { return };
        // A blank alone empties a list, so that only a list that takes another's place needs the first pass. What a party
        // has that was never imported nobody knows.
        if !sheet.key.create_only && change.new.is_some() {
            push_field(&mut out.clear, change.key);
            for _ in sheet.target.fields.iter().filter(|f| f.from.kind() == FieldType::Tags) {
                out.clear.push(',');
            }
            out.clear.push('\n');
        }
        // What was made by its code cannot be found by it again.
        if !(sheet.key.create_only && change.op == Op::Removed) {
            form.change(sheet, change, &mut out.delta);
        }
    }
}
