//! JSON in one spelling: sorted keys, no white space.

use serde::Serialize;
use serde_json::Value;

/// `value` as JSON with sorted keys and no white space.
pub(super) fn to_string<T: Serialize>(value: &T) -> String {
    // Settings are structs of text, numbers and lists: none of serde_json's failures (maps with keys that are no text,
    // hand-written impls that fail) can occur.
    let mut tree = serde_json::to_value(value).unwrap_or_default();
    sort(&mut tree);
    tree.to_string()
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(sort),
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({ "b": [{ "z": 1, "a": 0.1 }], "a": null });
        assert_eq!(super::to_string(&value), r#"{"a":null,"b":[{"a":0.1,"z":1}]}"#);
    }
}
