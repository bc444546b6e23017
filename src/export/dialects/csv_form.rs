//! What CSV dialects have in common, with what sets them apart as data.

use std::fmt::Write as _;

use super::{Change, Op, Role, Row, Sheet};
use crate::{
    export::{
        cell::{Cell, push_decimal},
        csv::push_field,
        targets::{Column, FieldType, Target},
    },
    offers::push_integer,
};

/// How a list of tag codes is written. Codes are `[a-z0-9_]`, so that no separator needs an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStyle {
    /// Codes with a separator between them, without spaces.
    Joined(char),
    /// A JSON array.
    Json,
    /// A PostgreSQL array literal.
    Braces,
}

/// A kind of CSV.
#[derive(Debug, Clone, Copy)]
pub struct CsvForm<'t> {
    /// End of every line.
    pub line_end: &'static str,
    /// Whether the first line names the fields.
    pub header: bool,
    /// Whether a delta begins with the column `op`.
    pub op: bool,
    /// Whether the key (and the slot of a decision) comes before the fields; else the fields hold it themselves.
    pub key_first: bool,
    /// What stands for "no value".
    pub null: &'t str,
    /// Whether an empty text is another thing than no value: it is then written as `""`.
    pub quoted_empty: bool,
    /// How lists are written.
    pub list: ListStyle,
    /// Whether an empty list is a value of its own; else it is no value.
    pub empty_list: bool,
    /// True and false.
    pub flags: (&'static str, &'static str),
    /// Whether a day is written as its midnight.
    pub midnight: bool,
}

impl Default for CsvForm<'_> {
    fn default() -> Self {
        Self {
            line_end: "\n",
            header: true,
            op: false,
            key_first: true,
            null: "",
            quoted_empty: false,
            list: ListStyle::Joined(';'),
            empty_list: false,
            flags: ("true", "false"),
            midnight: false,
        }
    }
}

impl CsvForm<'_> {
    /// Names of the columns of a file.
    #[must_use]
    pub fn columns<'s>(&self, sheet: &Sheet<'s>, role: Role) -> Vec<&'s str> {
        let mut names = Vec::new();
        if self.op && role == Role::Delta {
            names.push("op");
        }
        if self.key_first {
            names.push(sheet.key.field.as_str());
            if sheet.target.decisions() {
                names.push("slot");
            }
        }
        names.extend(sheet.target.fields.iter().map(|f| f.name.as_str()));
        names
    }

    pub(super) fn header(&self, sheet: &Sheet<'_>, role: Role, out: &mut String) {
        if !self.header {
            return;
        }
        for (i, name) in self.columns(sheet, role).into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_field(out, name);
        }
        out.push_str(self.line_end);
    }

    pub(super) fn row(&self, sheet: &Sheet<'_>, row: &Row<'_, '_>, out: &mut String) {
        let start = out.len();
        self.key(row.key, row.slot, out);
        for (i, cell) in row.cells.iter().enumerate() {
            if i > 0 || self.key_first {
                out.push(',');
            }
            self.cell(cell, sheet.target.fields[i].digits, out);
        }
        // A line of one empty field would be an empty line, which readers skip.
        if out.len() == start {
            out.push_str("\"\"");
        }
        out.push_str(self.line_end);
    }

    fn key(&self, key: &str, slot: Option<i32>, out: &mut String) {
        if !self.key_first {
            return;
        }
        push_field(out, key);
        if let Some(slot) = slot {
            out.push(',');
            push_integer(out, i64::from(slot));
        }
    }

    /// Appends one value.
    pub(in crate::export) fn cell(&self, cell: &Cell<'_>, digits: Option<u8>, out: &mut String) {
        match cell {
            Cell::Null => out.push_str(self.null),
            Cell::Text(text) if text.is_empty() => out.push_str(if self.quoted_empty { "\"\"" } else { self.null }),
            // PostgreSQL reads \. alone on a line as the end of the data.
            Cell::Text(text) if self.quoted_empty && *text == "\\." => out.push_str("\"\\.\""),
            Cell::Text(text) => push_field(out, text),
            Cell::Integer(value) => push_integer(out, *value),
            Cell::Decimal(value) => push_decimal(out, *value, digits),
            Cell::Day(text) => {
                out.push_str(text);
                if self.midnight {
                    out.push_str(" 00:00:00");
                }
            }
            Cell::Flag(value) => out.push_str(if *value { self.flags.0 } else { self.flags.1 }),
            Cell::Tags(tags) if tags.is_empty() && !self.empty_list => out.push_str(self.null),
            Cell::Tags(tags) => self.tags(tags, out),
        }
    }

    fn tags(&self, tags: &[&str], out: &mut String) {
        // Only where a comma or a quote is inside does the cell need quotes.
        match self.list {
            ListStyle::Joined(separator) => {
                let quote = separator == ',' && tags.len() > 1;
                if quote {
                    out.push('"');
                }
                for (i, tag) in tags.iter().enumerate() {
                    if i > 0 {
                        out.push(separator);
                    }
                    out.push_str(tag);
                }
                if quote {
                    out.push('"');
                }
            }
            ListStyle::Json if tags.is_empty() => out.push_str("[]"),
            ListStyle::Json => {
                out.push_str("\"[");
                for (i, tag) in tags.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    // Writing into a String cannot fail.
                    let _ = write!(out, "{comma}\"\"{tag}\"\"");
                }
                out.push_str("]\"");
            }
            ListStyle::Braces => {
                let quote = tags.len() > 1;
                out.push_str(if quote { "\"{" } else { "{" });
                for (i, tag) in tags.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(tag);
                }
                out.push_str(if quote { "}\"" } else { "}" });
            }
        }
    }

    pub(super) fn change(&self, sheet: &Sheet<'_>, change: &Change<'_>, out: &mut String) {
        if self.op {
            out.push_str(change.op.as_str());
            out.push(',');
        }
        if change.op != Op::Removed {
            out.push_str(change.line);
            return;
        }
        let mut cells = removed(sheet.target, change.key, change.slot, self.key_first);
        let mut form = *self;
        if self.op {
            // What is deleted has no value in any field, a list that may be empty included.
            form.empty_list = false;
        } else {
            for (cell, field) in cells.iter_mut().zip(&sheet.target.fields) {
                if field.from.kind() == FieldType::Tags {
                    *cell = Cell::Tags(Vec::new());
                }
            }
        }
        form.row(sheet, &Row { key: change.key, employee: "", slot: change.slot, cells: &cells }, out);
    }
}

/// The cells of a row that is gone: its key where the fields hold it, and nothing else.
pub(in crate::export) fn removed<'a>(
    target: &Target,
    key: &'a str,
    slot: Option<i32>,
    key_first: bool,
) -> Vec<Cell<'a>> {
    use crate::export::generic::GenericColumn as G;
    let of = |column: &Column| match column {
        _ if key_first => Cell::Null,
        Column::MemberId | Column::Decision(G::MemberId) => Cell::Text(key.into()),
        Column::Decision(G::Slot) => slot.map_or(Cell::Null, |s| Cell::Integer(i64::from(s))),
        _ => Cell::Null,
    };
    target.fields.iter().map(|f| of(&f.from)).collect()
}
