//! WeCom (企业微信) `externalcontact/mark_tag`: one JSON call a line, for one customer of one employee, with ids of tags.
//! A full snapshot adds what a customer holds; a delta adds and removes.

use std::collections::BTreeSet;

use super::{Change, CsvForm, Defaults, DeltaText, Dialect, Role, Row, Sheet};
use crate::export::{
    cell::Cell,
    targets::{BlankMeans, Limits, Target},
    validate::{Checked, Problems, wecom_calls},
};

/// The dialect.
#[derive(Debug)]
pub struct WeCom;

impl Dialect for WeCom {
    fn name(&self) -> &'static str {
        "wecom"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("external_userid", "identity.wecom", false)],
            fields: &[("add_tag", "tags")],
            limits: Limits {
                calls_at_once: Some(5),
                call_tags: Some(100),
                customer_tags: Some(3_000),
                tag_name_chars: Some(30),
                group_name_chars: Some(15),
                ..Limits::default()
            },
            blank: (BlankMeans::Ignored, false),
            url: "https://qyapi.weixin.qq.com",
            secret_env: "NEXTOFFER_WECOM_TOKEN",
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, _target: &'t Target) -> Option<CsvForm<'t>> {
        None
    }

    fn extension(&self, _target: &Target) -> &'static str {
        "jsonl"
    }

    fn row(&self, sheet: &Sheet<'_>, row: &Row<'_, '_>, out: &mut String) {
        let ids = ids(sheet, row);
        let add: Vec<&str> = ids.iter().copied().collect();
        push_calls(sheet, row.key, row.employee, &add, &[], out);
    }

    /// The ids a customer holds.
    fn carry(&self, sheet: &Sheet<'_>, row: &Row<'_, '_>) -> Option<String> {
        let ids = ids(sheet, row);
        (!ids.is_empty()).then(|| ids.into_iter().collect::<Vec<_>>().join(" "))
    }

    fn delta(&self, sheet: &Sheet<'_>, change: &Change<'_>, out: &mut DeltaText) {
        let set = |carried: Option<&'_ str>| -> BTreeSet<String> {
            carried.unwrap_or_default().split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect()
        };
        let (old, new) = (set(change.old), set(change.new));
        let add: Vec<&str> = new.difference(&old).map(String::as_str).collect();
        let remove: Vec<&str> = old.difference(&new).map(String::as_str).collect();
        push_calls(sheet, change.key, change.employee, &add, &remove, &mut out.delta);
    }

    fn validate(&self, sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
        wecom_calls(sheet, role, bytes, problems)
    }
}

/// Ids of the tags of a row that the target knows, in byte order.
fn ids<'a>(sheet: &Sheet<'a>, row: &Row<'_, '_>) -> BTreeSet<&'a str> {
    let tags = row.cells.iter().filter_map(|c| if let Cell::Tags(tags) = c { Some(tags) } else { None });
    tags.flatten().filter_map(|tag| sheet.tag_ids.get(*tag)).map(String::as_str).collect()
}

/// Appends the calls that add and remove tags, as many as the limit of tags a call asks for.
fn push_calls(sheet: &Sheet<'_>, key: &str, employee: &str, add: &[&str], remove: &[&str], out: &mut String) {
    let most = sheet.target.limits.call_tags.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX)).max(1);
    let all: Vec<(bool, &str)> = add.iter().map(|id| (true, *id)).chain(remove.iter().map(|id| (false, *id))).collect();
    for call in all.chunks(most) {
        let of = |added: bool| -> Vec<&str> { call.iter().filter(|(a, _)| *a == added).map(|(_, id)| *id).collect() };
        let mut object = serde_json::Map::new();
        object.insert("userid".to_owned(), employee.into());
        object.insert("external_userid".to_owned(), key.into());
        for (name, ids) in [("add_tag", of(true)), ("remove_tag", of(false))] {
            if !ids.is_empty() {
                object.insert(name.to_owned(), ids.into());
            }
        }
        out.push_str(&serde_json::Value::Object(object).to_string());
        out.push('\n');
    }
}
