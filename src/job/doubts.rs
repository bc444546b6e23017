//! What a wrong job leaves in doubt, so that nothing is said that only follows from what is said already.

use serde_json::Value;

use super::path::{is_within, parent};
use crate::base::{Findings, Severity, findings::JobPath};

/// Places of a job that are wrong. Of a job that is in order there are none.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    /// Places of errors, and of what was left out or stands in for something wrong.
    wrong: Vec<String>,
    /// Tables in which a key stands that is not known.
    misspelt: Vec<String>,
}

impl Doubts {
    /// The doubts of a job with these findings, of which `mended` places were left out or replaced; `value` is the job
    /// as written.
    pub(super) fn new(findings: &Findings, mended: Vec<String>, value: &Value) -> Self {
        let mut doubts = Self { wrong: mended, misspelt: Vec::new() };
        for finding in findings.iter().filter(|f| f.severity == Severity::Error) {
            let at = place(finding.at.as_str());
            if finding.code == "job::unknown_key" {
                let table = parent(at).unwrap_or_default();
                // A single value at the top level stands for no section, so no section is missing.
                let is_section = value.get(at).is_none_or(|v| v.is_object() || v.is_array());
                if !table.is_empty() || is_section {
                    doubts.misspelt.push(table.to_owned());
                }
            }
            doubts.wrong.push(at.to_owned());
        }
        // An error about the job as a whole would put everything in doubt; it is about no place.
        doubts.wrong.retain(|at| !at.is_empty());
        doubts
    }

    /// Whether the place is wrong, or lies in something that is.
    #[must_use]
    pub fn hold(&self, at: &JobPath) -> bool {
        self.wrong.iter().any(|wrong| is_within(at.as_str(), wrong))
    }

    /// Whether the place is wrong, lies in something that is, or holds something that is.
    #[must_use]
    pub fn touch(&self, at: &JobPath) -> bool {
        self.hold(at) || self.wrong.iter().any(|wrong| is_within(wrong, at.as_str()))
    }

    /// Whether the table at `at` itself holds a key that is not known: whatever it lacks may be what was meant.
    #[must_use]
    pub fn misspelt(&self, at: &JobPath) -> bool {
        self.misspelt.iter().any(|table| table == at.as_str())
    }

    /// The places below `at` that are wrong, as they go on from there: `columns.ts` below `inputs.transactions`.
    pub fn below(&self, at: &JobPath) -> impl Iterator<Item = &str> {
        self.wrong.iter().filter_map(move |wrong| wrong.strip_prefix(at.as_str())?.strip_prefix('.'))
    }
}

/// The place that a finding is about: of an override that could not be set, the one it names.
fn place(at: &str) -> &str {
    match at.strip_prefix("--set ") {
        Some(written) => written.split('=').next().unwrap_or(written).trim(),
        None => at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_puts_what_hangs_on_it_in_doubt() {
        let value = json!({ "colour": "red", "features": {}, "inputs": { "itms": {} } });
        let mut findings = Findings::new();
        let root = JobPath::root();
        let mut wrong = |code, at: &str| findings.error(code, root.key(at), "wrong", "");
        wrong("job::unknown_key", "colour");
        wrong("job::unknown_key", "inputs.itms");
        wrong("job::wrong_type", "inputs.members.columns.city");
        wrong("job::bad_override", "--set offers[0].priority=high");
        let doubts = Doubts::new(&findings, vec!["features.sql[1].name".to_owned()], &value);
        let at = |path: &str| root.key(path);
        assert!(
            doubts.hold(&at("inputs.members.columns.city")) && doubts.hold(&at("inputs.members.columns.city.expr"))
        );
        assert!(!doubts.hold(&at("inputs.members")) && doubts.touch(&at("inputs.members")));
        assert!(!doubts.touch(&at("inputs.transactions")) && doubts.touch(&at("features.sql[1]")));
        assert!(doubts.hold(&at("offers[0].priority")));
        assert!(doubts.misspelt(&at("inputs")) && !doubts.misspelt(&root) && !doubts.misspelt(&at("features")));
        assert_eq!(doubts.below(&at("inputs.members")).collect::<Vec<_>>(), ["columns.city"]);
    }

    #[test]
    fn an_unknown_section_may_be_any() {
        let mut findings = Findings::new();
        findings.error("job::unknown_key", JobPath::root().key("featurs"), "not known", "");
        assert!(Doubts::new(&findings, Vec::new(), &json!({ "featurs": {} })).misspelt(&JobPath::root()));
        let none = Doubts::default();
        assert!(!none.misspelt(&JobPath::root()) && !none.touch(&JobPath::root()));
    }
}
