//! The CSV files of a target.

use super::{
    Checked, CsvField, CsvReader, Problems, ReadRow,
    values::{has_controls, wrong},
};
use crate::export::{
    dialects::{CsvForm, Op, Role, Sheet},
    generic::GenericColumn,
    targets::{Column, FieldType},
};

/// Where a file's columns are.
struct Places {
    /// Names of the columns.
    names: Vec<String>,
    op: bool,
    /// Columns of the key and the slot.
    key: usize,
    slot: Option<usize>,
    /// First column of the fields, and which fields they are.
    first: usize,
    fields: Vec<usize>,
}

fn places(form: &CsvForm<'_>, sheet: &Sheet<'_>, role: Role) -> Places {
    let fields = &sheet.target.fields;
    let chosen: Vec<usize> = match role {
        Role::Clear => (0..fields.len()).filter(|i| fields[*i].from.kind() == FieldType::Tags).collect(),
        _ => (0..fields.len()).collect(),
    };
    let op = form.op && role == Role::Delta;
    let mut names = Vec::new();
    if op {
        names.push("op".to_owned());
    }
    let start = names.len();
    let (mut key, mut slot) = (start, None);
    if form.key_first {
        names.push(sheet.key.field.clone());
        if sheet.target.decisions() {
            slot = Some(names.len());
            names.push("slot".to_owned());
        }
    }
    let first = names.len();
    for (place, index) in chosen.iter().enumerate() {
        let field = &fields[*index];
        if !form.key_first {
            match field.from {
                Column::MemberId | Column::Decision(GenericColumn::MemberId) => key = first + place,
                Column::Decision(GenericColumn::Slot) => slot = Some(first + place),
                _ => {}
            }
        }
        names.push(field.name.clone());
    }
    Places { names, op, key, slot, first, fields: chosen }
}

/// Reads a CSV file of a target.
pub fn csv_rows(form: &CsvForm<'_>, sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
    let limits = &sheet.target.limits;
    if limits.file_bytes.is_some_and(|most| bytes.len() as u64 > most) {
        problems.add(0, "the file is longer than the target takes");
    }
    let mut reader = match CsvReader::new(bytes, form.line_end) {
        Ok(reader) => reader,
        Err(what) => {
            problems.add(0, what);
            return Checked::default();
        }
    };
    let places = places(form, sheet, role);
    // A file that is imported before another one says what it is about in any case.
    if form.header || role == Role::Clear {
        match reader.record() {
            Some(Ok(header)) => {
                let names: Vec<&str> = header.iter().map(|f| f.text.as_str()).collect();
                if names != places.names {
                    problems.add(1, "the header is not that of the target");
                    return Checked::default();
                }
                let length: usize = names.iter().map(|n| n.chars().count() + 1).sum();
                if limits.header_chars.is_some_and(|most| length as u64 > most) {
                    problems.add(1, "the header is longer than the target takes");
                }
            }
            Some(Err(what)) => {
                problems.add(1, what);
                return Checked::default();
            }
            None => {
                problems.add(0, "the file has no header");
                return Checked::default();
            }
        }
    }
    if limits.columns.is_some_and(|most| places.names.len() as u64 > most) {
        problems.add(1, "there are more columns than the target takes");
    }
    let mut rows = 0;
    loop {
        let line = reader.line();
        let Some(record) = reader.record() else { break };
        match record {
            Ok(record) => {
                rows += 1;
                check_record(form, sheet, role, &places, &record, line, problems);
            }
            Err(what) => problems.add(line, what),
        }
    }
    if limits.file_rows.is_some_and(|most| rows > most) {
        problems.add(0, "the file has more rows than the target takes");
    }
    Checked { rows }
}

fn check_record(
    form: &CsvForm<'_>,
    sheet: &Sheet<'_>,
    role: Role,
    places: &Places,
    record: &[CsvField],
    line: u64,
    problems: &mut Problems,
) {
    if record.len() != places.names.len() {
        problems.add(line, format!("the record has {} fields, not {}", record.len(), places.names.len()));
        return;
    }
    let limits = &sheet.target.limits;
    let length: usize = record.iter().map(|f| f.text.chars().count()).sum();
    if limits.record_chars.is_some_and(|most| length as u64 > most) {
        problems.add(line, "the record is longer than the target takes");
    }
    let op = match record[0].text.as_str() {
        _ if !places.op => None,
        "added" => Some(Op::Added),
        "changed" => Some(Op::Changed),
        "removed" => Some(Op::Removed),
        _ => {
            problems.add(line, "`op` is none of added, changed, removed");
            return;
        }
    };
    let key = &record[places.key].text;
    if key.is_empty()
        || key.trim() != key
        || has_controls(key)
        || key.contains(['\n', '\t'])
        || key.starts_with('\u{feff}')
    {
        problems.add(line, "the key is empty, or holds what a key cannot hold");
    }
    let mut parts = vec![key.as_str()];
    if let Some(slot) = places.slot {
        let slot = record[slot].text.as_str();
        if !slot.parse::<u32>().is_ok_and(|s| s > 0 && s.to_string() == slot) {
            problems.add(line, "the slot is no number from 1 on");
        }
        parts.push(slot);
    }
    if !problems.is_new(&parts) {
        problems.add(line, "the key is in the file before");
    }
    let mut fields = Vec::with_capacity(places.fields.len());
    for (place, index) in places.fields.iter().enumerate() {
        let field = &sheet.target.fields[*index];
        let cell = &record[places.first + place];
        let at_key =
            !form.key_first && (places.first + place == places.key || Some(places.first + place) == places.slot);
        let none = is_none(form, cell);
        if cell.text.is_empty() && !none && !form.quoted_empty {
            problems.add(line, format!("`{}` is blank, which the target ignores", field.name));
        }
        if role == Role::Clear && !none {
            problems.add(line, format!("`{}` is not blank in a file that clears", field.name));
        }
        if op == Some(Op::Removed) && !none && !at_key {
            problems.add(line, format!("`{}` has a value in a row that is removed", field.name));
        }
        if !none
            && !cell.text.is_empty()
            && let Some(what) = wrong(&cell.text, field, form, sheet)
        {
            problems.add(line, format!("`{}` {what}", field.name));
        }
        fields.push((!none).then(|| cell.text.clone()));
    }
    problems.keep(|| ReadRow { op, key: parts.iter().map(|p| (*p).to_owned()).collect(), fields });
}

/// Whether a cell says "no value".
fn is_none(form: &CsvForm<'_>, cell: &CsvField) -> bool {
    if form.quoted_empty { cell.text.is_empty() && !cell.quoted } else { cell.text == form.null }
}
