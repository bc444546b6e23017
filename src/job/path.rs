//! Places in a job as sequences of keys and indices.

use std::fmt::Write as _;

use serde_json::Value;

pub(super) use crate::base::findings::is_within;
use crate::base::findings::{JobPath, nearest};

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, counted from 0.
    Index(usize),
}

/// The steps as the path that findings carry.
pub(super) fn job_path(steps: &[Step]) -> JobPath {
    steps.iter().fold(JobPath::root(), |path, step| match step {
        Step::Key(key) => path.key(key),
        Step::Index(index) => path.index(*index),
    })
}

/// The path of what holds `path`: `a.b[2]` for `a.b[2].c`, `a.b` for `a.b[2]`; `None` for the root.
pub(super) fn parent(path: &str) -> Option<&str> {
    (!path.is_empty()).then(|| path.rfind(['.', '[']).map_or("", |at| &path[..at]))
}

/// Parses the path of an override: keys joined by `.`, quoted where they hold dots; array elements as `[2]` or by their
/// id as `[pet_bulk]` or `.pet_bulk`.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (name, after) = inner.split_once(']').ok_or("a `[` is not closed")?;
            let name = name.trim().trim_matches('"');
            steps.push(name.parse().map_or_else(|_| Step::Key(name.to_owned()), Step::Index));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('"') {
            let (key, after) = inner.split_once('"').ok_or("a quote is not closed")?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let key = rest[..end].trim();
            if key.is_empty() {
                return Err("a key is empty");
            }
            steps.push(Step::Key(key.to_owned()));
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() {
                return Err("a key is empty");
            }
            rest = after;
        } else if !rest.is_empty() && !rest.starts_with('[') {
            return Err("a `.` is missing");
        }
    }
    if steps.is_empty() { Err("there is no key") } else { Ok(steps) }
}

/// Why a path leads nowhere in a document.
#[derive(Debug)]
pub(super) struct DeadEnd {
    pub message: String,
    pub help: String,
}

/// Sets the value at `steps`, making tables on the way, and returns the steps with ids replaced by indices.
pub(super) fn set(root: &mut Value, steps: &[Step], value: Value) -> Result<Vec<Step>, DeadEnd> {
    let mut at = root;
    let mut resolved: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        let so_far = if resolved.is_empty() { "the job".to_owned() } else { format!("`{}`", job_path(&resolved)) };
        at = match (at, step) {
            (Value::Object(table), Step::Key(key)) => {
                resolved.push(step.clone());
                table.entry(key.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()))
            }
            (Value::Array(list), step) => {
                let index = element(list, step, &so_far)?;
                resolved.push(Step::Index(index));
                &mut list[index]
            }
            (Value::Object(_), Step::Index(index)) => {
                return Err(DeadEnd {
                    message: format!("{so_far} is a table, it has no element {index}"),
                    help: "name a key".to_owned(),
                });
            }
            _ => {
                return Err(DeadEnd {
                    message: format!("{so_far} is a single value, nothing lies below it"),
                    help: "shorten the path".to_owned(),
                });
            }
        };
    }
    *at = value;
    Ok(resolved)
}

/// The index of the element that `step` names by position or by its `id` or `name`.
fn element(list: &[Value], step: &Step, so_far: &str) -> Result<usize, DeadEnd> {
    let count = list.len();
    let by_position = |index: usize| {
        (index < count).then_some(index).ok_or_else(|| DeadEnd {
            message: format!("{so_far} has {count} element(s), there is none at {index}"),
            help: "elements are counted from 0".to_owned(),
        })
    };
    match step {
        Step::Index(index) => by_position(*index),
        Step::Key(name) => {
            let id = |element: &'_ Value| -> Option<String> {
                ["id", "name"].iter().find_map(|key| element.get(key)?.as_str().map(str::to_owned))
            };
            let ids: Vec<Option<String>> = list.iter().map(id).collect();
            if let Some(index) = ids.iter().position(|id| id.as_deref() == Some(name)) {
                return Ok(index);
            }
            if let Ok(index) = name.parse() {
                return by_position(index);
            }
            let names = ids.iter().flatten().map(String::as_str);
            let help = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let mut help = "elements: ".to_owned();
                    for (i, known) in names.enumerate() {
                        // Writing into a String cannot fail.
                        let _ = write!(help, "{}{known}", if i == 0 { "" } else { ", " });
                    }
                    help
                }
            };
            Err(DeadEnd { message: format!("{so_far} has no element `{name}`"), help })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_parse_and_print() {
        for (text, printed) in [
            ("seed", "seed"),
            ("offers[0].priority", "offers[0].priority"),
            ("offers[pet_bulk].priority", "offers.pet_bulk.priority"),
            ("inputs.\"a.b\".path", "inputs.a.b.path"),
            ("a[1][2]", "a[1][2]"),
        ] {
            assert_eq!(job_path(&parse(text).unwrap()).as_str(), printed);
        }
        for text in ["", ".", "a.", "a[1", "a..b", "\"a", "a[1]b"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parent("a.b[2].c"), Some("a.b[2]"));
        assert_eq!(parent("a.b[2]"), Some("a.b"));
        assert_eq!(parent("a"), Some(""));
        assert_eq!(parent(""), None);
        assert!(is_within("a.b", "a") && is_within("a[0]", "a") && !is_within("ab", "a"));
    }

    #[test]
    fn setting() {
        let mut root = json!({ "offers": [{ "id": "x" }, { "id": "y", "n": 1 }] });
        let mut put = |path: &str| set(&mut root, &parse(path).unwrap(), json!(7)).map(|steps| job_path(&steps));
        assert_eq!(put("offers.y.n").unwrap().as_str(), "offers[1].n");
        assert_eq!(put("offers[0].m").unwrap().as_str(), "offers[0].m");
        assert_eq!(put("a.b.c").unwrap().as_str(), "a.b.c");
        assert_eq!(put("offers.z1.n").unwrap_err().help, "elements: x, y");
        assert_eq!(put("offers[9].n").unwrap_err().message, "`offers` has 2 element(s), there is none at 9");
        assert_eq!(put("offers[1].n.m").unwrap_err().message, "`offers[1].n` is a single value, nothing lies below it");
        assert_eq!(root, json!({ "offers": [{ "id": "x", "m": 7 }, { "id": "y", "n": 7 }], "a": { "b": { "c": 7 } } }));
    }
}
