//! Findings: everything that does not fit, gathered before anything fails.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something the job cannot do, said once; the run goes on.
    Note,
    /// Probably not meant; the run goes on.
    Warning,
    /// The run refuses to start.
    Error,
}

/// Where in the job a finding lies: keys and array indices from the root, such as `offers[2].eligible`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobPath(String);

impl JobPath {
    /// The root of the job file.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        if self.0.is_empty() { Self(key.to_owned()) } else { Self(format!("{}.{key}", self.0)) }
    }

    /// The path of an array element below this one, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// Whether `other` is this place or lies below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        is_within(&other.0, &self.0)
    }

    /// The path as text; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the path `path` is `ancestor` or lies below it.
#[must_use]
pub fn is_within(path: &str, ancestor: &str) -> bool {
    ancestor.is_empty()
        || path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, such as `job::unknown_key` or `input::missing_column`.
    pub code: &'static str,
    /// The place in the job file it belongs to.
    pub at: JobPath,
    /// What was found, in one sentence: file, table, column and row where they apply.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The word of the value that it is about, where it is about a part of a text such as an SQL expression.
    pub word: Option<String>,
}

/// A list of findings that grows while checks go on.
#[derive(Debug, Clone, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds an error.
    pub fn error(&mut self, code: &'static str, at: JobPath, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, code, at, message.into(), help.into());
    }

    /// Adds an error about one word of the text at `at`.
    pub fn error_within(
        &mut self,
        code: &'static str,
        at: JobPath,
        word: Option<&str>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.error(code, at, message, help);
        if let Some(last) = self.0.last_mut() {
            last.word = word.map(str::to_owned);
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, code: &'static str, at: JobPath, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, code, at, message.into(), help.into());
    }

    /// Adds a note.
    pub fn note(&mut self, code: &'static str, at: JobPath, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Note, code, at, message.into(), help.into());
    }

    fn add(&mut self, severity: Severity, code: &'static str, at: JobPath, message: String, help: String) {
        let help = (!help.is_empty()).then_some(help);
        self.push(Finding { severity, code, at, message, help, word: None });
    }

    /// Takes over the findings of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|f| f.severity == Severity::Error)
    }

    /// Number of findings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The findings in the order they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The candidate nearest to `name`, if any is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&name.to_lowercase(), &c.to_lowercase()), c))
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .filter(|(distance, c)| *distance <= 1 + c.chars().count().max(name.chars().count()) / 3)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        assert_eq!(nearest("menber_id", ["item_id", "member_id"]), Some("member_id"));
        assert_eq!(nearest("zzz", ["item_id", "member_id"]), None);
    }

    #[test]
    fn paths() {
        let at = JobPath::root().key("offers").index(2).key("eligible");
        assert_eq!(at.as_str(), "offers[2].eligible");
        assert!(at.holds(&at) && JobPath::root().key("offers").holds(&at) && JobPath::root().holds(&at));
        assert!(!at.holds(&JobPath::root().key("offers")));
    }
}
