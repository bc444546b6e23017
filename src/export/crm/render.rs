//! A block of members as the text of a target.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{Block, Values, Words, cell},
    columns::Columns,
    keys::{Identities, KeyBook},
};
use crate::export::{
    ExportError,
    cell::{Cell, LeftOut, fit, is_key},
    csv::push_field_for_people,
    dialects::{self, Row, Sheet, TagIds},
    generic::GenericColumn,
    targets::{Column, Field, Target, TextFormat},
};

/// In the place of a row's hash: the slot holds a decision of a kind that the member is held out of, which is not exported.
pub(super) const HOLE: u64 = 0;

/// The rows of one key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: usize,
    pub(super) key: String,
    pub(super) employee: String,
    pub(super) made_as: Option<(usize, String)>,
    /// Rows among those of the kind, in this block.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) carry: Option<String>,
}

/// The rows of one kind of key in a block.
#[derive(Debug, Default)]
pub(super) struct KindRows {
    /// The lines of the full snapshot.
    pub(super) text: String,
    /// End of each row's lines in `text`.
    pub(super) ends: Vec<usize>,
    /// Hash of each row; [`HOLE`] where a slot stays empty.
    pub(super) hashes: Vec<u64>,
    /// Places of the holes.
    pub(super) holes: Vec<usize>,
    /// Records in all: a row of WeCom may take several calls.
    pub(super) lines: u64,
}

impl KindRows {
    /// Takes away holes at the end of the rows from `first` on: nothing comes after them.
    fn trim_holes(&mut self, first: usize) {
        while self.hashes.len() > first && self.hashes.last() == Some(&HOLE) {
            self.hashes.pop();
            self.ends.pop();
            self.holes.pop();
        }
    }

    /// The row of the batch that belongs to a row: holes are not in it.
    pub(super) fn batch_row(&self, row: usize) -> usize {
        row - self.holes.partition_point(|hole| *hole < row)
    }
}

/// A block of members as the text of a target.
#[derive(Debug)]
pub struct Rendered {
    pub(super) kinds: Vec<KindRows>,
    pub(super) entries: Vec<Entry>,
    /// Rows of a Parquet target, in the order of `entries`.
    pub(super) batch: Option<RecordBatch>,
    /// Rows and members left out, by reason.
    pub(super) left_out: BTreeMap<&'static str, u64>,
}

/// What a block is rendered with.
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) keys: &'a KeyBook,
    pub(super) identities: &'a Identities,
    pub(super) words: &'a Words,
}

/// The values of the fields of a member or decision, fitted; why the row is left out otherwise.
fn cells<'a>(
    context: &Context<'a>,
    values: &[Values<'a>],
    member: &super::MemberFacts<'a>,
    row: Option<usize>,
    null: &str,
    out: &mut Vec<Cell<'a>>,
) -> Result<(), LeftOut> {
    out.clear();
    let most = context.target.limits.field_chars;
    for (field, values) in context.target.fields.iter().zip(values) {
        let value = match &field.from {
            Column::Identity(system) => {
                let found = context.identities.of(member.id, system);
                found.first().map_or(Cell::Null, |row| Cell::Text(row.external_id.as_str().into()))
            }
            column => cell(column, values, context.words, member, row),
        };
        out.push(fit(value, field, most, null)?);
    }
    Ok(())
}

fn decision_values<'a>(fields: &[Field], offers: &'a RecordBatch) -> Vec<Values<'a>> {
    let of = |field: &Field| match &field.from {
        Column::Offer(_, column) | Column::Decision(column) => Values::of(offers, *column),
        _ => Values::Missing,
    };
    fields.iter().map(of).collect()
}

/// Renders a block.
///
/// # Errors
/// If the columns of a Parquet target do not fit together.
pub fn render<'a>(
    target: &'a Target,
    keys: &'a KeyBook,
    identities: &'a Identities,
    tag_ids: &'a TagIds,
    words: &'a Words,
    block: &'a Block<'a>,
) -> Result<Rendered, ExportError> {
    let context = Context { target, keys, identities, words };
    let dialect = dialects::of(target);
    let null = dialect.form(target).map_or("", |f| f.null);
    let values = decision_values(&target.fields, block.offers);
    let slots = Values::of(block.offers, GenericColumn::Slot);
    let parquet = target.format == TextFormat::Parquet;
    let mut columns = parquet.then(|| Columns::new(target));
    let mut out = Rendered {
        kinds: target.keys.iter().map(|_| KindRows::default()).collect(),
        entries: Vec::with_capacity(block.members.len()),
        batch: None,
        left_out: BTreeMap::new(),
    };
    if target.decisions()
        && let Some(kind) = out.kinds.first_mut()
    {
        kind.text.reserve(block.offers.num_rows() * 280);
        kind.ends.reserve(block.offers.num_rows());
        kind.hashes.reserve(block.offers.num_rows());
    }
    let mut buffer = Vec::with_capacity(target.fields.len());
    let own =
        |member: &str| super::keys::Keyed { kind: 0, key: member.to_owned(), employee: String::new(), made_as: None };
    for member in &block.members {
        let decisions = if target.decisions() { member.rows.clone() } else { 0..1 };
        if target.decisions() && (member.arm != "treated" || decisions.is_empty()) {
            continue;
        }
        let held;
        let keyed = match context.keys.of(member.id) {
            Some(keyed) => keyed,
            None if is_key(member.id, null) => {
                held = [own(member.id)];
                &held
            }
            None => {
                *out.left_out.entry(LeftOut::BadKey.as_str()).or_default() += 1;
                continue;
            }
        };
        for key in keyed {
            let sheet = Sheet { target, key: &target.keys[key.kind], tag_ids };
            let kind = &mut out.kinds[key.kind];
            let first = kind.ends.len();
            let mut carry = None;
            for decision in decisions.clone() {
                let at = target.decisions().then_some(decision);
                if at.is_some_and(|row| member.is_ghost(row)) {
                    kind.holes.push(kind.hashes.len());
                    kind.hashes.push(HOLE);
                    kind.ends.push(kind.text.len());
                    continue;
                }
                if let Err(why) = cells(&context, &values, member, at, null, &mut buffer) {
                    *out.left_out.entry(why.as_str()).or_default() += 1;
                    // A list with a hole would shift what follows: the rest of it is left out with it.
                    break;
                }
                let slot = at.and_then(|row| match slots.cell(row) {
                    Cell::Integer(slot) => i32::try_from(slot).ok(),
                    _ => None,
                });
                let row = Row { key: &key.key, employee: &key.employee, slot, cells: &buffer };
                let start = kind.text.len();
                dialect.row(&sheet, &row, &mut kind.text);
                if kind.text.len() == start {
                    continue;
                }
                carry = dialect.carry(&sheet, &row);
                if let Some(columns) = &mut columns {
                    columns.push(&buffer);
                }
                // A row that was made under another key is the same row: the key is no part of what is compared.
                let line = &kind.text[start..];
                let compared = if key.made_as.is_some() || sheet.key.create_only {
                    line.get(key.key.len()..).filter(|_| line.starts_with(&key.key)).unwrap_or(line)
                } else {
                    line
                };
                kind.hashes.push(xxh3_64(compared.as_bytes()).max(HOLE + 1));
                if target.dialect == "wecom" {
                    kind.lines += line.bytes().filter(|b| *b == b'\n').count() as u64;
                } else {
                    kind.lines += 1;
                }
                if parquet {
                    kind.text.truncate(start);
                }
                kind.ends.push(kind.text.len());
            }
            kind.trim_holes(first);
            let rows = kind.ends.len() - first;
            if rows > 0 {
                let (employee, made_as) = (key.employee.clone(), key.made_as.clone());
                out.entries.push(Entry { kind: key.kind, key: key.key.clone(), employee, made_as, first, rows, carry });
            }
        }
    }
    if let Some(columns) = &mut columns {
        let path = target.folder();
        out.batch = Some(columns.finish(target).map_err(ExportError::columns(&path))?);
    }
    Ok(out)
}

/// Appends the first rows of a block for people: key first, then the fields, disarmed for spreadsheets; gives their number.
pub(super) fn preview<'a>(context: &Context<'a>, block: &'a Block<'a>, most: usize, out: &mut String) -> usize {
    let target = context.target;
    let values = decision_values(&target.fields, block.offers);
    let form = dialects::CsvForm { list: dialects::ListStyle::Joined(' '), ..Default::default() };
    let key_first = target.dialect != "generic";
    let mut buffer = Vec::new();
    let mut written = 0;
    for member in &block.members {
        let decisions = if target.decisions() { member.rows.clone() } else { 0..1 };
        if target.decisions() && member.arm != "treated" {
            continue;
        }
        let key = match context.keys.of(member.id) {
            None => member.id,
            Some([]) => continue,
            Some([first, ..]) => first.key.as_str(),
        };
        for decision in decisions {
            if written == most {
                return written;
            }
            let at = target.decisions().then_some(decision);
            if at.is_some_and(|row| member.is_ghost(row)) {
                continue;
            }
            if cells(context, &values, member, at, "", &mut buffer).is_err() {
                continue;
            }
            let mut comma = "";
            if key_first {
                push_field_for_people(out, key);
                comma = ",";
            }
            for (field, cell) in target.fields.iter().zip(&buffer) {
                out.push_str(comma);
                comma = ",";
                match cell {
                    Cell::Text(text) => push_field_for_people(out, text),
                    cell => {
                        let mut text = String::new();
                        form.cell(cell, field.digits, &mut text);
                        push_field_for_people(out, &text);
                    }
                }
            }
            out.push('\n');
            written += 1;
        }
    }
    written
}

/// The header of a preview.
pub(super) fn preview_header(target: &Target, out: &mut String) {
    let key = (target.dialect != "generic").then_some(&target.keys).into_iter().flatten().take(1);
    let names = key.map(|k| k.field.as_str()).chain(target.fields.iter().map(|f| f.name.as_str()));
    for (i, name) in names.enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_field_for_people(out, name);
    }
    out.push('\n');
}
