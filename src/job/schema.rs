//! The JSON Schema of the job file, generated from the types as written.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{path::Step, raw::RawJob};

/// The JSON Schema (draft 2020-12) of the job file, as indented text with a line break at its end.
#[must_use]
pub fn schema() -> String {
    let mut text = format!("{:#}", document());
    text.push('\n');
    text
}

/// The schema as a value.
pub(super) fn document() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RawJob>().to_value();
    tidy(&mut schema);
    if let Value::Object(map) = &mut schema {
        map.insert("title".to_owned(), Value::String("nextoffer job".to_owned()));
    }
    schema
}

/// The schema in the form that gives the plainest findings: choices between constants become lists of them.
pub(super) fn for_validation() -> Value {
    let mut schema = document();
    collapse_choices(&mut schema);
    schema
}

/// Takes out what TOML cannot write (null) and what no reader of the schema needs (the widths of our numbers, which
/// become bounds).
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            drop_null(map);
            if let Some(format) = map.get("format").and_then(Value::as_str).map(str::to_owned) {
                bound_by_format(map, &format);
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n");
            }
        }
        _ => {}
    }
}

fn drop_null(map: &mut Map<String, Value>) {
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
        branches.retain(|b| *b != json!({ "type": "null" }));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            map.remove("anyOf");
            for (key, value) in only {
                map.entry(key).or_insert(value);
            }
        }
    }
}

fn bound_by_format(map: &mut Map<String, Value>, format: &str) {
    let (low, high) = match format {
        "uint8" | "uint16" | "uint64" | "uint" => (Some(0), None),
        "uint32" => (Some(0), Some(i64::from(u32::MAX))),
        "int32" => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        "int8" | "int16" | "int64" | "int" | "float" | "double" => (None, None),
        _ => return,
    };
    // Keeps keys in a fixed order: the format goes, bounds that are missing come last.
    map.shift_remove("format");
    for (key, bound) in [("minimum", low), ("maximum", high)] {
        if let Some(bound) = bound {
            map.entry(key).or_insert_with(|| json!(bound));
        }
    }
}

fn collapse_choices(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(collapse_choices),
        Value::Object(map) => {
            map.values_mut().for_each(collapse_choices);
            for key in ["oneOf", "anyOf"] {
                let Some(Value::Array(branches)) = map.get(key) else { continue };
                let constants: Option<Vec<Value>> = branches
                    .iter()
                    .map(constants_of)
                    .collect::<Option<Vec<_>>>()
                    .map(|lists| lists.into_iter().flatten().collect());
                if let Some(constants) = constants {
                    map.remove(key);
                    map.insert("enum".to_owned(), Value::Array(constants));
                }
            }
        }
        _ => {}
    }
}

fn constants_of(branch: &Value) -> Option<Vec<Value>> {
    match (branch.get("const"), branch.get("enum")) {
        (Some(constant), _) => Some(vec![constant.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    }
}

/// The part of a schema that a place in a document must obey, with references followed.
pub(super) fn node<'a>(root: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    descend(root, root, steps)
}

fn descend<'a>(root: &'a Value, at: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    let at = resolve(root, at);
    let Some((step, rest)) = steps.split_first() else { return Some(at) };
    let child = match step {
        Step::Key(key) => at
            .get("properties")
            .and_then(|p| p.get(key))
            .or_else(|| at.get("additionalProperties").filter(|a| a.is_object())),
        Step::Index(_) => at.get("items").filter(|i| i.is_object()),
    };
    if let Some(child) = child {
        return descend(root, child, rest);
    }
    branches(at).find_map(|branch| descend(root, branch, steps))
}

/// Follows references until there is none.
pub(super) fn resolve<'a>(root: &'a Value, mut at: &'a Value) -> &'a Value {
    while let Some(name) = at.get("$ref").and_then(Value::as_str) {
        match name.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => at = target,
            None => break,
        }
    }
    at
}

/// The alternatives of a schema.
pub(super) fn branches(at: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| at.get(key)?.as_array()).flatten()
}

/// The JSON types a schema allows.
pub(super) fn types<'a>(root: &'a Value, at: &'a Value) -> Vec<&'a str> {
    let at = resolve(root, at);
    let mut found: Vec<&str> = match at.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if at.get("enum").is_some() || at.get("const").is_some() => vec!["string"],
        _ => branches(at).flat_map(|branch| types(root, branch)).collect(),
    };
    found.dedup();
    found
}

/// Names of the keys a table may have, in the order of the schema.
pub(super) fn keys<'a>(root: &'a Value, at: &'a Value) -> Vec<&'a str> {
    let at = resolve(root, at);
    match at.get("properties").and_then(Value::as_object) {
        Some(properties) => properties.keys().map(String::as_str).collect(),
        None => branches(at).flat_map(|branch| keys(root, branch)).collect(),
    }
}

/// What the schema says a key of a table is.
pub(super) fn description<'a>(root: &'a Value, table: &'a Value, key: &str) -> Option<&'a str> {
    let child = table.get("properties")?.get(key)?;
    child.get("description").or_else(|| resolve(root, child).get("description"))?.as_str()
}

/// A value that obeys the schema, to stand in for one that does not.
pub(super) fn stand_in(root: &Value, at: &Value) -> Value {
    if let Some(default) = at.get("default") {
        return default.clone();
    }
    let at = resolve(root, at);
    if let Some(first) = at.get("const").or_else(|| at.get("enum")?.get(0)) {
        return first.clone();
    }
    if let Some(default) = at.get("default") {
        return default.clone();
    }
    match types(root, at).first().copied() {
        Some("string") => json!(""),
        Some("boolean") => json!(false),
        Some("integer" | "number") => at.get("minimum").cloned().unwrap_or(json!(0)),
        Some("array") => {
            let count = at.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            let element = at.get("items").map_or(Value::Null, |items| stand_in(root, items));
            Value::Array((0..count).map(|_| element.clone()).collect())
        }
        Some("object") => {
            let required = at.get("required").and_then(Value::as_array).into_iter().flatten();
            let filled = required.filter_map(Value::as_str).filter_map(|key| {
                let child = at.get("properties")?.get(key)?;
                Some((key.to_owned(), stand_in(root, child)))
            });
            Value::Object(filled.collect())
        }
        _ => Value::Null,
    }
}
