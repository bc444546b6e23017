//! Columns, types, keys and order of every output table, as the contract has them.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field};

use super::support::{Table, demo};

/// `name: type` with `?` where null may stand.
fn columns(table: &Table) -> Vec<String> {
    fn type_of(field: &Field) -> String {
        let name = match field.data_type() {
            DataType::Utf8 => "text".to_owned(),
            DataType::Int32 => "i32".to_owned(),
            DataType::Int64 => "i64".to_owned(),
            DataType::Float32 => "f32".to_owned(),
            DataType::Float64 => "f64".to_owned(),
            DataType::Date32 => "date".to_owned(),
            DataType::Boolean => "bool".to_owned(),
            DataType::Struct(fields) => {
                format!("{{{}}}", fields.iter().map(|f| column(f)).collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        };
        if field.is_nullable() { name + "?" } else { name }
    }
    fn column(field: &Field) -> String {
        format!("{}: {}", field.name(), type_of(field))
    }
    table.0.schema().fields().iter().map(|f| column(f)).collect()
}

fn assert_sorted_unique<K: Ord + std::fmt::Debug>(keys: &[K]) {
    for pair in keys.windows(2) {
        assert!(pair[0] < pair[1], "{pair:?}");
    }
}

#[test]
fn segments() {
    let table = demo().table("segments.parquet");
    assert_eq!(
        columns(&table),
        [
            "member_id: text",
            "segment_id: i32",
            "segment_code: text",
            "nearest_segment: i32",
            "distance: f32",
            "margin: f32",
            "lifecycle: text",
            "value_band: text",
            "arm: text",
            "basis: text",
        ]
    );
    assert_sorted_unique(&table.names("member_id"));
    // Who opted out of personalisation has no segment, so no row.
    assert!(table.names("basis").iter().all(|basis| *basis == "personalised"));
    assert_eq!(table.rows() as u64, demo().manifest.members.in_fit);
    assert!(table.names("arm").iter().all(|arm| matches!(*arm, "treated" | "holdout")));
    assert!(table.floats("margin").iter().flatten().all(|m| *m >= 0.0));
    assert!(table.floats("distance").iter().flatten().all(|d| *d >= 0.0));
}

#[test]
fn tags() {
    let table = demo().table("tags.parquet");
    assert_eq!(columns(&table), ["member_id: text", "tag: text", "source: text", "since: date"]);
    let keys: Vec<_> = table.names("member_id").into_iter().zip(table.names("tag")).collect();
    assert_sorted_unique(&keys);
    let dictionary = demo().text("tag_dictionary.csv");
    let mut reader = csv::Reader::from_reader(dictionary.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["tag", "name_zh", "name_en", "source", "rule"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let known: BTreeSet<(&str, &str)> = rows.iter().map(|r| (&r[0], &r[3])).collect();
    for row in &rows {
        let code = &row[0];
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!((1..=30).contains(&code.len()) && code.chars().all(fits), "{code}");
        assert!(row.iter().all(|field| !field.is_empty()), "{row:?}");
        assert!(!row[1].is_ascii(), "{row:?} has a Chinese name");
    }
    for (tag, source) in table.names("tag").into_iter().zip(table.names("source")) {
        assert!(known.contains(&(tag, source)), "{tag} {source}");
    }
    // A first run: every tag is new.
    assert!(table.days("since").iter().all(|day| *day == Some(demo().manifest.as_of.0)));
}

#[test]
fn offers() {
    let table = demo().table("offers.parquet");
    assert_eq!(
        columns(&table),
        [
            "member_id: text",
            "slot: i32",
            "offer_id: text",
            "kind: text",
            "item_id: text?",
            "category: text?",
            "score: f64",
            "probability: f32?",
            "value_minor: i64",
            "reason_code: text",
            "evidence: {item_id: text?, category: text?, count: i32?, days: i32?, date: date?, amount_minor: i64?}",
            "text_zh: text",
            "text_en: text",
            "valid_from: date",
            "valid_until: date",
            "channel: text?",
            "placement: text",
            "incentive: text",
            "basis: text",
            "arm: text",
            "explored: bool",
            "propensity: f32",
            "segment_id: i32?",
        ]
    );
    let keys: Vec<_> = table.names("member_id").into_iter().zip(table.ints("slot")).collect();
    assert_sorted_unique(&keys);
    for pair in keys.windows(2) {
        let expected = if pair[0].0 == pair[1].0 { pair[0].1.unwrap() + 1 } else { 1 };
        assert_eq!(pair[1].1, Some(expected), "slots count from 1 without a gap: {pair:?}");
    }
    for score in table.floats("score").into_iter().flatten() {
        let rounded: f64 = format!("{score:.5e}").parse().unwrap();
        assert_eq!(score, rounded, "six significant digits");
    }
    for (from, until) in table.days("valid_from").into_iter().zip(table.days("valid_until")) {
        assert!(from <= until && from.unwrap() > demo().manifest.as_of.0, "{from:?} {until:?}");
    }
    for text in table.names("text_zh").iter().chain(&table.names("text_en")) {
        assert!(!text.is_empty() && !text.contains(['{', '}']) && text.chars().count() <= 200, "{text}");
    }
}

#[test]
fn quarantine() {
    let table = demo().table("quarantine.parquet");
    assert_eq!(
        columns(&table),
        ["table: text", "file: text", "row: i64", "reason: text", "detail: text?", "values: text"]
    );
    let keys: Vec<_> = table
        .names("table")
        .into_iter()
        .zip(table.names("file"))
        .zip(table.ints("row"))
        .map(|((table, file), row)| (table, file, row))
        .collect();
    assert_sorted_unique(&keys);
    for values in table.names("values") {
        assert!(serde_json::from_str::<serde_json::Value>(values).unwrap().is_object(), "{values}");
    }
}

#[test]
fn features() {
    let table = demo().table("features.parquet");
    assert_sorted_unique(&table.names("member_id"));
    let dictionary = demo().text("feature_dictionary.csv");
    let mut reader = csv::Reader::from_reader(dictionary.as_bytes());
    let names: Vec<String> = reader.records().map(|r| r.unwrap()[0].to_owned()).collect();
    let schema = table.0.schema();
    let columns: Vec<&String> = schema.fields().iter().skip(1).map(|f| f.name()).collect();
    assert_eq!(columns, names.iter().collect::<Vec<_>>());
    assert!(names.iter().any(|n| n == "night_share"), "the job's own feature");
    for field in schema.fields().iter().skip(1) {
        assert!(matches!(field.data_type(), DataType::Float32 | DataType::Float64), "{field:?}");
        assert!(table.floats(field.name()).iter().flatten().all(|v| v.is_finite()), "{field:?}");
    }
    let members = demo().manifest.members.in_fit;
    assert_eq!(table.rows() as u64, members);
}
