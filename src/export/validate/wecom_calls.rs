//! The calls of a WeCom target, one a line.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Checked, Problems, ReadRow};
use crate::export::{
    dialects::{Op, Role, Sheet},
    validate::values::has_controls,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    userid: String,
    external_userid: String,
    #[serde(default)]
    add_tag: Vec<String>,
    #[serde(default)]
    remove_tag: Vec<String>,
}

/// Reads the calls of a file. Rows that are kept have the ids that are added and those that are removed as fields.
pub fn wecom_calls(sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            problems.add(0, format!("byte {} is no UTF-8", e.valid_up_to()));
            return Checked::default();
        }
    };
    if !text.is_empty() && !text.ends_with('\n') {
        problems.add(0, "the last line has no line end");
    }
    let limits = &sheet.target.limits;
    let known: BTreeSet<&str> = sheet.tag_ids.values().map(String::as_str).collect();
    let mut tags: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut rows = 0;
    for (line, text) in (1u64..).zip(text.split_terminator('\n')) {
        rows += 1;
        let Ok(call) = serde_json::from_str::<Call>(text) else {
            problems.add(line, "this is no call of mark_tag");
            continue;
        };
        for (name, id) in [("userid", &call.userid), ("external_userid", &call.external_userid)] {
            if id.is_empty() || id.trim() != id || has_controls(id) || id.contains(['\n', '\t']) {
                problems.add(line, format!("`{name}` is empty, or holds what an id cannot hold"));
            }
        }
        let all: Vec<&String> = call.add_tag.iter().chain(&call.remove_tag).collect();
        if all.is_empty() {
            problems.add(line, "`add_tag` and `remove_tag` are both empty");
        }
        if limits.call_tags.is_some_and(|most| all.len() as u64 > most) {
            problems.add(line, "the call has more tags than the target takes");
        }
        if all.iter().collect::<BTreeSet<_>>().len() < all.len() {
            problems.add(line, "a tag is in the call twice");
        }
        if all.iter().any(|id| id.is_empty() || id.trim() != id.as_str() || has_controls(id)) {
            problems.add(line, "the id of a tag is empty, or holds what an id cannot hold");
        }
        // A tag that is removed may have lost its id since it was given.
        if !known.is_empty() && call.add_tag.iter().any(|id| !known.contains(id.as_str())) {
            problems.add(line, "a tag is not among the ids of the target");
        }
        if role == Role::Full && !call.remove_tag.is_empty() {
            problems.add(line, "a full snapshot removes nothing");
        }
        let tags = tags.entry((call.external_userid.clone(), call.userid.clone())).or_default();
        *tags += call.add_tag.len();
        if limits.customer_tags.is_some_and(|most| *tags as u64 > most) {
            problems.add(line, "the customer has more tags than the target takes");
        }
        let op = (role == Role::Delta).then_some(Op::Changed);
        problems.keep(|| ReadRow {
            op,
            key: vec![call.external_userid, call.userid],
            fields: vec![Some(call.add_tag.join(" ")), Some(call.remove_tag.join(" "))],
        });
    }
    Checked { rows }
}
