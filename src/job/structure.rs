//! Structural findings: what the JSON Schema of the job file refuses.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind, paths::LocationSegment};
use serde_json::Value;

use super::{
    path::{self, Step, job_path},
    schema,
};
use crate::base::findings::{Findings, nearest};

/// Keys that carry secrets are refused with a better reason than that they are not known.
const SECRETS: [&str; 6] = ["secret", "password", "token", "credential", "access_key", "api_key"];

/// The schema, ready to validate.
pub(super) struct Structure {
    schema: Value,
    validator: Validator,
}

/// How a document is mended after a finding, so that what is right in it can be checked further.
enum Mend {
    /// The key goes.
    Remove(Vec<Step>),
    /// A stand-in takes the place of what is missing or wrong.
    StandIn(Vec<Step>),
}

/// One structural finding.
struct Problem {
    code: &'static str,
    at: Vec<Step>,
    message: String,
    help: String,
    mend: Mend,
}

impl Structure {
    /// # Errors
    /// If the generated schema is not a JSON Schema.
    pub fn new() -> Result<Self, Box<ValidationError<'static>>> {
        let schema = schema::for_validation();
        let validator = jsonschema::draft202012::new(&schema).map_err(Box::new)?;
        Ok(Self { schema, validator })
    }

    /// The steps of an override as the schema has them: `offers.pet_bulk.priority` is about any element of `offers`.
    pub fn steps(&self, steps: &[Step]) -> Vec<Step> {
        let mut known: Vec<Step> = Vec::with_capacity(steps.len());
        for step in steps {
            let is_list = self.types(&known) == ["array"];
            known.push(if is_list { Step::Index(0) } else { step.clone() });
        }
        known
    }

    /// The part of the schema that a place must obey.
    fn node(&self, steps: &[Step]) -> Option<&Value> {
        schema::node(&self.schema, steps)
    }

    /// The types that may stand at a place; empty if the place is not known.
    pub fn types(&self, steps: &[Step]) -> Vec<&str> {
        self.node(steps).map(|node| schema::types(&self.schema, node)).unwrap_or_default()
    }

    /// Reports everything the schema refuses and mends the document. Returns the paths that were mended: findings
    /// there would only repeat what is already said. `false` in second place: the document could not be mended.
    pub fn check(&self, value: &mut Value, findings: &mut Findings) -> (Vec<String>, bool) {
        let mut mended = Vec::new();
        // Each round can uncover more (a table that stands in for a number has keys of its own); few are ever needed.
        for round in 0..8 {
            let problems = self.problems(value);
            if problems.is_empty() {
                return (mended, true);
            }
            for problem in problems {
                let at = job_path(&problem.at);
                mended.push(at.as_str().to_owned());
                if round == 0 {
                    findings.error(problem.code, at, problem.message, problem.help);
                }
                match problem.mend {
                    Mend::Remove(steps) => remove(value, &steps),
                    Mend::StandIn(steps) => {
                        if let Some(node) = self.node(&steps) {
                            let stand_in = schema::stand_in(&self.schema, node);
                            // A path out of the document itself leads somewhere.
                            let _ = path::set(value, &steps, stand_in);
                        }
                    }
                }
            }
        }
        (mended, false)
    }

    fn problems(&self, value: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(value) {
            self.add(&error, &mut problems);
        }
        self.whole_numbers(value, &mut Vec::new(), &mut problems);
        // Alternatives of a choice may each have said the same.
        let mut seen = BTreeSet::new();
        problems.retain(|p| seen.insert((job_path(&p.at).as_str().to_owned(), p.code)));
        problems
    }

    fn add(&self, error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
        let at = steps_of(error);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                problems.extend(unexpected.iter().map(|key| self.unknown_key(&at, key)));
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                problems.push(self.missing_key(&at, key));
            }
            ValidationErrorKind::Type { .. } => problems.push(self.wrong_type(at, error.instance())),
            ValidationErrorKind::Enum { options } => {
                let options: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                problems.push(self.bad_choice(at, error.instance(), &options));
            }
            ValidationErrorKind::Constant { expected_value } => {
                let options: Vec<&str> = expected_value.as_str().into_iter().collect();
                problems.push(self.bad_choice(at, error.instance(), &options));
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.no_alternative(at, error.instance(), context, problems);
            }
            ValidationErrorKind::Minimum { .. }
            | ValidationErrorKind::Maximum { .. }
            | ValidationErrorKind::ExclusiveMinimum { .. }
            | ValidationErrorKind::ExclusiveMaximum { .. } => problems.push(self.out_of_range(at, error.instance())),
            _ => problems.push(self.bad_value(at, error)),
        }
    }

    fn unknown_key(&self, table: &[Step], key: &str) -> Problem {
        let at = child(table, key);
        let place = name_of(table);
        let known = self.node(table).map(|node| schema::keys(&self.schema, node)).unwrap_or_default();
        let is_secret = SECRETS.iter().any(|secret| key.to_lowercase().contains(secret));
        let help = if is_secret {
            "secrets never stand in a job; set them in the environment, such as AWS_ACCESS_KEY_ID".to_owned()
        } else if let Some(near) = nearest(key, known.iter().copied()) {
            format!("did you mean `{near}`?")
        } else if !table.is_empty() && schema::keys(&self.schema, &self.schema).contains(&key) {
            format!("`{key}` belongs to the top level: move it above the first [section]")
        } else {
            format!("known here: {}", known.join(", "))
        };
        let message = format!("`{key}` is not a key of {place}");
        Problem { code: "job::unknown_key", mend: Mend::Remove(at.clone()), at, message, help }
    }

    fn missing_key(&self, table: &[Step], key: &str) -> Problem {
        let at = child(table, key);
        let message = format!("{} has no `{key}`", name_of(table));
        let what = self.node(table).and_then(|node| schema::description(&self.schema, node, key)).unwrap_or_default();
        let help = match first_sentence(what) {
            "" => format!("add `{key}`"),
            what => format!("add `{key}`: {what}"),
        };
        Problem { code: "job::missing_key", mend: Mend::StandIn(at.clone()), at, message, help }
    }

    fn wrong_type(&self, at: Vec<Step>, found: &Value) -> Problem {
        let wanted = self.wanted(&at);
        let message = format!("{} is {}, but must be {wanted}", name_of(&at), words_for(found));
        let help = match (found, self.types(&at).as_slice()) {
            (Value::String(text), ["integer" | "number"]) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                format!("write {text} without quotes")
            }
            (Value::String(text), ["boolean"]) if matches!(text.as_str(), "true" | "false") => {
                format!("write {text} without quotes")
            }
            (Value::Number(_) | Value::Bool(_), ["string"]) => format!("write it in quotes: \"{found}\""),
            (Value::Number(number), ["integer"]) => {
                format!("write {} without a decimal point", number.as_f64().unwrap_or_default())
            }
            (Value::String(_), ["array"]) => format!("write it in brackets: [{found}]"),
            (Value::Object(_), ["array"]) => "write each element as [[…]] or between brackets".to_owned(),
            (Value::Array(_), ["object"]) => "write one table: […] instead of [[…]]".to_owned(),
            _ => String::new(),
        };
        Problem { code: "job::wrong_type", message, help, mend: self.mend_value(&at), at }
    }

    fn bad_choice(&self, at: Vec<Step>, found: &Value, options: &[&str]) -> Problem {
        let Some(text) = found.as_str() else { return self.wrong_type(at, found) };
        let all = options.iter().map(|o| format!("\"{o}\"")).collect::<Vec<_>>().join(", ");
        let help = match nearest(text, options.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? It can be {all}"),
            None => format!("it can be {all}"),
        };
        let message = format!("{} cannot be \"{text}\"", name_of(&at));
        Problem { code: "job::bad_choice", message, help, mend: self.mend_value(&at), at }
    }

    fn out_of_range(&self, at: Vec<Step>, found: &Value) -> Problem {
        let node = self.node(&at);
        let bound = |key: &str| node.and_then(|n| n.get(key)).map(ToString::to_string);
        let range = [
            ("at least ", bound("minimum")),
            ("more than ", bound("exclusiveMinimum")),
            ("at most ", bound("maximum")),
            ("less than ", bound("exclusiveMaximum")),
        ];
        let range: Vec<String> =
            range.into_iter().filter_map(|(words, bound)| bound.map(|b| format!("{words}{b}"))).collect();
        let message = format!("{} is {found}, which is out of range", name_of(&at));
        let help = format!("it must be {}", range.join(" and "));
        Problem { code: "job::out_of_range", message, help, mend: self.mend_value(&at), at }
    }

    fn bad_value(&self, at: Vec<Step>, error: &ValidationError<'_>) -> Problem {
        let message = format!("{} does not fit: {error}", name_of(&at));
        Problem { code: "job::bad_value", message, help: String::new(), mend: self.mend_value(&at), at }
    }

    /// Where a value may have several shapes: the findings of the shape it has, or that it has none of them.
    fn no_alternative(
        &self,
        at: Vec<Step>,
        found: &Value,
        context: &[Vec<ValidationError<'static>>],
        problems: &mut Vec<Problem>,
    ) {
        let is_shape = |errors: &&Vec<ValidationError<'static>>| {
            !errors.iter().any(|e| matches!(e.kind(), ValidationErrorKind::Type { .. }) && steps_of(e) == at)
        };
        match context.iter().filter(is_shape).min_by_key(|errors| errors.len()) {
            Some(errors) => errors.iter().for_each(|error| self.add(error, problems)),
            None => problems.push(self.wrong_type(at, found)),
        }
    }

    /// JSON Schema takes 2.0 for a whole number; our types do not.
    fn whole_numbers(&self, value: &Value, steps: &mut Vec<Step>, problems: &mut Vec<Problem>) {
        match value {
            Value::Number(number)
                if number.is_f64()
                    && number.as_f64().is_some_and(|x| x.fract() == 0.0)
                    && self.types(steps) == ["integer"] =>
            {
                problems.push(self.wrong_type(steps.clone(), value));
            }
            Value::Array(list) => {
                for (i, element) in list.iter().enumerate() {
                    steps.push(Step::Index(i));
                    self.whole_numbers(element, steps, problems);
                    steps.pop();
                }
            }
            Value::Object(table) => {
                for (key, element) in table {
                    steps.push(Step::Key(key.clone()));
                    self.whole_numbers(element, steps, problems);
                    steps.pop();
                }
            }
            _ => {}
        }
    }

    fn wanted(&self, at: &[Step]) -> String {
        let mut words: Vec<&str> = self
            .types(at)
            .into_iter()
            .map(|t| match t {
                "string" => "text",
                "integer" => "a whole number",
                "number" => "a number",
                "boolean" => "true or false",
                "array" => "a list",
                "object" => "a table",
                other => other,
            })
            .collect();
        words.dedup();
        if words.is_empty() { "something else".to_owned() } else { words.join(" or ") }
    }

    /// An optional key goes; a required one, or an array element, needs a stand-in.
    fn mend_value(&self, at: &[Step]) -> Mend {
        if let Some((Step::Key(key), table)) = at.split_last() {
            let required = self.node(table).and_then(|node| node.get("required")).and_then(Value::as_array);
            if !required.into_iter().flatten().any(|r| r == key) {
                return Mend::Remove(at.to_vec());
            }
        }
        Mend::StandIn(at.to_vec())
    }
}

#[cfg(test)]
impl Structure {
    /// Whether the keys of the table at a place are the job's to choose.
    pub fn has_free_keys(&self, steps: &[Step]) -> bool {
        self.node(steps).is_some_and(|node| node.get("additionalProperties").is_some_and(Value::is_object))
    }

    /// Every place of every key with its default, by the part of the schema that defines it; `[]` stands for any element
    /// and `*` for any key.
    pub fn every_key(&self) -> BTreeMap<String, Vec<(String, Option<Value>)>> {
        let mut keys = BTreeMap::new();
        self.walk(&self.schema, "job", "", &mut keys);
        keys
    }

    fn walk(&self, node: &Value, owner: &str, at: &str, keys: &mut BTreeMap<String, Vec<(String, Option<Value>)>>) {
        let owner = node.get("$ref").and_then(Value::as_str).unwrap_or(owner);
        let node = schema::resolve(&self.schema, node);
        for branch in schema::branches(node) {
            self.walk(branch, owner, at, keys);
        }
        if let Some(items) = node.get("items") {
            self.walk(items, owner, &format!("{at}[]"), keys);
        }
        if let Some(free) = node.get("additionalProperties").filter(|a| a.is_object()) {
            self.walk(free, owner, &format!("{at}.*"), keys);
        }
        for (key, child) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            let default = child.get("default").or_else(|| schema::resolve(&self.schema, child).get("default"));
            keys.entry(format!("{owner}: {key}")).or_default().push((path.clone(), default.cloned()));
            self.walk(child, owner, &path, keys);
        }
    }
}

fn steps_of(error: &ValidationError<'_>) -> Vec<Step> {
    let segment = |segment| match segment {
        LocationSegment::Property(key) => Step::Key(key.into_owned()),
        LocationSegment::Index(index) => Step::Index(index),
    };
    error.instance_path().segments().map(segment).collect()
}

fn child(table: &[Step], key: &str) -> Vec<Step> {
    let mut steps = table.to_vec();
    steps.push(Step::Key(key.to_owned()));
    steps
}

fn name_of(steps: &[Step]) -> String {
    if steps.is_empty() { "the job".to_owned() } else { format!("`{}`", job_path(steps)) }
}

fn words_for(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(on) => on.to_string(),
        // As it was most likely written: 2.0, not 2.
        Value::Number(number) if number.is_f64() => format!("the decimal {number}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text \"{text}\""),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// The first sentence, without its full stop.
fn first_sentence(text: &str) -> &str {
    let end = text.find(". ").or(text.find(".\n")).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

fn remove(root: &mut Value, steps: &[Step]) {
    let Some((last, parents)) = steps.split_last() else { return };
    let mut at = root;
    for step in parents {
        let next = match step {
            Step::Key(key) => at.get_mut(key),
            Step::Index(index) => at.get_mut(index),
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
    if let (Value::Object(table), Step::Key(key)) = (at, last) {
        table.shift_remove(key);
    }
}
