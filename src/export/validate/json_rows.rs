//! The JSON Lines files of a generic target.

use serde_json::{Map, Value};

use super::{Checked, Problems, ReadRow, values::has_controls};
use crate::{
    base::{Day, tag_code::TagCode},
    export::{
        dialects::{Op, Role, Sheet},
        generic::GenericColumn,
        targets::{Column, FieldType},
    },
};

/// Reads the lines of a file.
pub fn json_rows(sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('\u{feff}') => {
            problems.add(0, "the file begins with a byte-order mark");
            return Checked::default();
        }
        Ok(text) => text,
        Err(e) => {
            problems.add(0, format!("byte {} is no UTF-8", e.valid_up_to()));
            return Checked::default();
        }
    };
    if !text.is_empty() && !text.ends_with('\n') {
        problems.add(0, "the last line has no line end");
    }
    let mut rows = 0;
    for (line, text) in (1u64..).zip(text.split_terminator('\n')) {
        rows += 1;
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(object) => check_object(sheet, role, &object, line, problems),
            Err(_) => problems.add(line, "this is no JSON object"),
        }
    }
    let limits = &sheet.target.limits;
    if limits.file_rows.is_some_and(|most| rows > most)
        || limits.file_bytes.is_some_and(|most| bytes.len() as u64 > most)
    {
        problems.add(0, "the file is longer than the target takes");
    }
    Checked { rows }
}

fn check_object(sheet: &Sheet<'_>, role: Role, object: &Map<String, Value>, line: u64, problems: &mut Problems) {
    let fields = &sheet.target.fields;
    let op = if role == Role::Delta { object.get("op") } else { None };
    let names = op.map(|_| "op").into_iter().chain(fields.iter().map(|f| f.name.as_str()));
    if !object.keys().map(String::as_str).eq(names) {
        problems.add(line, "the fields are not those of the target");
        return;
    }
    let op = match op.and_then(Value::as_str) {
        Some("added") => Some(Op::Added),
        Some("changed") => Some(Op::Changed),
        Some("removed") => Some(Op::Removed),
        _ if role == Role::Delta => {
            problems.add(line, "`op` is none of added, changed, removed");
            return;
        }
        _ => None,
    };
    let mut key = vec![String::new()];
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        let value = &object[field.name.as_str()];
        let mut is_key = true;
        match (&field.from, value) {
            (Column::MemberId | Column::Decision(GenericColumn::MemberId), Value::String(id)) => key[0].clone_from(id),
            (Column::Decision(GenericColumn::Slot), Value::Number(slot)) => key.push(slot.to_string()),
            _ => is_key = false,
        }
        let text = |value: &Value| value.as_str().is_some_and(|t| !has_controls(t));
        let fits = match field.from.kind() {
            _ if value.is_null() => true,
            FieldType::Text => text(value),
            FieldType::Integer => value.is_i64(),
            FieldType::Decimal => value.is_number(),
            FieldType::Day => value.as_str().is_some_and(|t| t.len() == 10 && Day::parse(t).is_some()),
            FieldType::Flag => value.is_boolean(),
            FieldType::Tags => {
                let code = |v: &Value| v.as_str().and_then(TagCode::new);
                let codes: Option<Vec<_>> = value.as_array().and_then(|all| all.iter().map(code).collect());
                codes.is_some_and(|c| c.is_sorted_by(|a, b| a < b))
            }
        };
        let chars = value.as_str().map_or(0, |t| t.chars().count() as u64);
        if field.max_chars.is_some_and(|most| chars > u64::from(most))
            || field.max_bytes.is_some_and(|most| value.as_str().map_or(0, str::len) as u64 > u64::from(most))
        {
            problems.add(line, format!("`{}` is longer than the field", field.name));
        }
        if !fits {
            problems.add(line, format!("`{}` is not what the field takes", field.name));
        }
        if op == Some(Op::Removed) && !is_key && !value.is_null() {
            problems.add(line, format!("`{}` has a value in a row that is removed", field.name));
        }
        values.push((!value.is_null()).then(|| value.to_string()));
    }
    if key[0].is_empty() {
        problems.add(line, "the key is empty");
    }
    let parts: Vec<&str> = key.iter().map(String::as_str).collect();
    if !problems.is_new(&parts) {
        problems.add(line, "the key is in the file before");
    }
    problems.keep(|| ReadRow { op, key: key.clone(), fields: values });
}
