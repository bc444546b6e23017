//! Job text as a tree of values, with the place of every key and value kept.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    offer_rows::OfferRows,
    path::{self, Step, job_path},
};
use crate::base::findings::{Findings, JobPath};

/// A text that places refer to.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// File name as the user gave it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Where a key and its value stand.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Index of the source.
    pub source: usize,
    /// Bytes of the key; `None` for array elements.
    pub key: Option<Range<usize>>,
    /// Bytes of the value; for tables with a header, of the header.
    pub value: Range<usize>,
    /// Whether the value is a table, so that pointing at it would point at too much.
    pub table: bool,
}

/// A job's texts as one tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    /// The tree. TOML dates are text in it.
    pub value: Value,
    /// Texts it came from; the job file first.
    pub sources: Vec<Source>,
    /// Places by path.
    pub places: BTreeMap<String, Place>,
    /// Paths set from outside the texts, with the override as given.
    pub overrides: Vec<(String, String)>,
}

/// Where a syntax error stands.
#[derive(Debug, Clone)]
pub(super) struct SyntaxError {
    pub source: usize,
    pub span: Option<Range<usize>>,
    pub message: String,
}

impl Document {
    /// Reads a text into an empty document. Syntax errors are returned beside what could be read.
    pub fn parse(name: &str, text: &str) -> (Self, Vec<SyntaxError>) {
        let mut document = Self { value: Value::Object(Map::new()), ..Self::default() };
        let (value, errors) = document.read(name, text, &mut Vec::new());
        document.value = value;
        (document, errors)
    }

    /// Reads a catalogue of offers and appends its `[[offers]]` to the document's.
    pub fn append_offers(&mut self, name: &str, text: &str, findings: &mut Findings) -> Vec<SyntaxError> {
        let first = self.value.get("offers").and_then(Value::as_array).map_or(0, Vec::len);
        // Read below a key of its own, so that its places cannot be taken for the job's.
        let mut steps = vec![Step::Key("offers_file".to_owned())];
        let (value, errors) = self.read(name, text, &mut steps);
        let Value::Object(table) = value else { return errors };
        for (key, value) in table {
            if key != "offers" {
                findings.error(
                    "job::unknown_key",
                    JobPath::root().key("offers_file").key(&key),
                    format!("`{key}` is not known in a file of offers"),
                    "a file of offers holds `[[offers]]` only",
                );
                continue;
            }
            let Value::Array(elements) = value else {
                let at = JobPath::root().key("offers_file").key("offers");
                findings.error("job::wrong_type", at, "`offers` is not a list of tables", "write each as `[[offers]]`");
                continue;
            };
            self.move_places("offers_file.offers", "offers", first);
            if let Value::Object(root) = &mut self.value
                && let Value::Array(list) = root.entry("offers").or_insert_with(|| Value::Array(Vec::new()))
            {
                list.extend(elements);
            }
        }
        errors
    }

    /// Appends offers read from a table; `name` is the file's.
    pub fn append_rows(&mut self, name: &str, rows: OfferRows) {
        let source = self.sources.len();
        self.sources.push(Source { name: name.to_owned(), text: rows.text });
        let Value::Object(root) = &mut self.value else { return };
        let Value::Array(list) = root.entry("offers").or_insert_with(|| Value::Array(Vec::new())) else { return };
        for (offer, span) in rows.rows {
            let at = JobPath::root().key("offers").index(list.len());
            self.places.insert(at.as_str().to_owned(), Place { source, key: None, value: span, table: false });
            list.push(offer);
        }
    }

    /// Renames the places of elements of the array `from` to those of `to`, counted on from `first`.
    fn move_places(&mut self, from: &str, to: &str, first: usize) {
        let start = format!("{from}[");
        let moved: Vec<String> = self.places.keys().filter(|k| k.starts_with(&start)).cloned().collect();
        for key in moved {
            let Some(place) = self.places.remove(&key) else { continue };
            if let Some((index, rest)) = key[start.len()..].split_once(']')
                && let Ok(index) = index.parse::<usize>()
            {
                self.places.insert(format!("{to}[{}]{rest}", index + first), place);
            }
        }
    }

    /// The tree of a text read as what lies at `steps`; its places are noted.
    fn read(&mut self, name: &str, text: &str, steps: &mut Vec<Step>) -> (Value, Vec<SyntaxError>) {
        let source = self.sources.len();
        self.sources.push(Source { name: name.to_owned(), text: text.to_owned() });
        let (root, errors) = DeTable::parse_recoverable(text);
        let errors =
            errors.iter().map(|e| SyntaxError { source, span: e.span(), message: e.message().to_owned() }).collect();
        (self.table(root.get_ref(), source, steps), errors)
    }

    fn table(&mut self, table: &DeTable<'_>, source: usize, steps: &mut Vec<Step>) -> Value {
        let mut map = Map::with_capacity(table.len());
        for (key, value) in table {
            let name = key.get_ref().to_string();
            steps.push(Step::Key(name.clone()));
            let value = self.value(value, Some(key.span()), source, steps);
            steps.pop();
            map.insert(name, value);
        }
        Value::Object(map)
    }

    fn value(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        key: Option<Range<usize>>,
        source: usize,
        steps: &mut Vec<Step>,
    ) -> Value {
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        let place = Place { source, key, value: value.span(), table: is_table };
        self.places.insert(job_path(steps).as_str().to_owned(), place);
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(on) => Value::Bool(*on),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(Number::from)
                .or_else(|_| u64::from_str_radix(number.as_str(), number.radix()).map(Number::from))
                .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Number),
            // Infinite and not-a-number have no JSON form; as text they are found to be of the wrong type.
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String(number.as_str().to_owned()), Value::Number),
            DeValue::Array(list) => {
                let mut values = Vec::with_capacity(list.len());
                for (i, element) in list.iter().enumerate() {
                    steps.push(Step::Index(i));
                    values.push(self.value(element, None, source, steps));
                    steps.pop();
                }
                Value::Array(values)
            }
            DeValue::Table(table) => self.table(table, source, steps),
        }
    }

    /// Sets a value from outside the texts; `written` is the override as given.
    pub fn set(&mut self, steps: &[Step], value: Value, written: &str) -> Result<(), path::DeadEnd> {
        let resolved = path::set(&mut self.value, steps, value)?;
        let at = job_path(&resolved).as_str().to_owned();
        self.places.retain(|known, _| !path::is_within(known, &at));
        self.overrides.push((at, written.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_and_places() {
        let text = "a = 1\n[t]\nd = 2026-03-31\n[[o]]\nx = { y = [1.5, 'z'] }\n[[o]]\n";
        let (document, errors) = Document::parse("j", text);
        assert!(errors.is_empty());
        assert_eq!(
            document.value,
            json!({ "a": 1, "t": { "d": "2026-03-31" }, "o": [{ "x": { "y": [1.5, "z"] } }, {}] })
        );
        let at = |path: &str| {
            let place = &document.places[path];
            (place.key.clone().map(|k| &text[k]), &text[place.value.clone()])
        };
        assert_eq!(at("a"), (Some("a"), "1"));
        assert_eq!(at("t"), (Some("t"), "[t]"));
        assert_eq!(at("o[1]"), (None, "[[o]]"));
        assert_eq!(at("o[0].x.y[1]"), (None, "'z'"));
    }

    #[test]
    fn every_syntax_error_is_found() {
        let (_, errors) = Document::parse("j", "a = \nb = 1\nc = [1,\nd = = 2\n");
        assert!(errors.len() >= 2, "{errors:?}");
    }

    #[test]
    fn offers_of_a_file_come_after_those_of_the_job() {
        let (mut document, _) = Document::parse("j", "[[offers]]\nid = 'a'\n");
        let mut findings = Findings::new();
        let errors = document.append_offers("o.toml", "x = 1\n[[offers]]\nid = 'b'\n", &mut findings);
        assert!(errors.is_empty());
        assert_eq!(findings.len(), 1);
        assert_eq!(document.value, json!({ "offers": [{ "id": "a" }, { "id": "b" }] }));
        assert_eq!(document.places["offers[1].id"].source, 1);
        assert_eq!(document.places["offers[0].id"].source, 0);
    }
}
