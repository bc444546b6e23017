//! Findings with their places in the job's texts, and how they are shown.

use std::{fmt, fmt::Write as _, ops::Range, sync::Arc};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{
    document::{Document, Place, Source, SyntaxError},
    path,
};
use crate::base::findings::{Finding, Findings, JobPath, Severity};

/// The texts of a job with the places of all keys and values in them: what turns a finding's path into a place.
#[derive(Debug, Clone)]
pub struct JobText {
    document: Arc<Document>,
}

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// At a value given on the command line.
    Override(String),
    /// Into a text; without a span, at the text as a whole.
    Text { source: usize, span: Option<Range<usize>> },
}

#[derive(Debug, Clone)]
struct Entry {
    finding: Finding,
    origin: Origin,
}

/// Findings in the order of the job's text.
#[derive(Debug, Clone)]
pub struct Report {
    document: Arc<Document>,
    entries: Vec<Entry>,
}

impl JobText {
    pub(super) fn new(document: Document) -> Self {
        Self { document: Arc::new(document) }
    }

    /// Finds the place of each finding, also of those made long after loading (by opening the inputs, say).
    #[must_use]
    pub fn report(&self, findings: Findings) -> Report {
        let mut entries: Vec<Entry> =
            findings.into_iter().map(|finding| Entry { origin: self.origin(&finding), finding }).collect();
        entries.sort_by_key(|entry| match &entry.origin {
            Origin::Override(_) => (0, 0, 0),
            Origin::Text { source, span } => (1, *source, span.as_ref().map_or(0, |s| s.start)),
        });
        let mut seen: Vec<Finding> = Vec::new();
        entries.retain(|entry| {
            let is_new = !seen.contains(&entry.finding);
            if is_new {
                seen.push(entry.finding.clone());
            }
            is_new
        });
        Report { document: Arc::clone(&self.document), entries }
    }

    pub(super) fn syntax(&self, mut errors: Vec<SyntaxError>) -> Report {
        errors.sort_by_key(|error| (error.source, error.span.as_ref().map_or(0, |span| span.start)));
        let entries = errors.into_iter().map(|error| Entry {
            finding: Finding {
                severity: Severity::Error,
                code: "job::syntax",
                at: JobPath::root(),
                message: error.message,
                help: Some("a job file is TOML: https://toml.io".to_owned()),
                word: None,
            },
            origin: Origin::Text { source: error.source, span: error.span },
        });
        Report { document: Arc::clone(&self.document), entries: entries.collect() }
    }

    /// The place of a finding, or of the nearest thing around it that has one.
    fn origin(&self, finding: &Finding) -> Origin {
        let mut at = finding.at.as_str();
        loop {
            let given = |covers: &dyn Fn(&str) -> bool| {
                self.document.overrides.iter().rev().find(|(path, _)| covers(path)).map(|(_, written)| written.clone())
            };
            if let Some(written) = given(&|path| path == at) {
                return Origin::Override(written);
            }
            if let Some(place) = self.document.places.get(at) {
                let exact = at == finding.at.as_str();
                let mut span = span_of(place, finding.code, exact);
                if let Some(word) = finding.word.as_deref().filter(|_| exact) {
                    span = word_within(&self.document.sources[place.source].text, span, word);
                }
                return Origin::Text { source: place.source, span: Some(span) };
            }
            match path::parent(at) {
                // A table that only an override made.
                Some(_) if given(&|path| path::is_within(path, at)).is_some() => {
                    return Origin::Override(given(&|path| path::is_within(path, at)).unwrap_or_default());
                }
                Some(parent) => at = parent,
                None => return Origin::Text { source: 0, span: None },
            }
        }
    }
}

/// The bytes to point at: the key where the name is wrong or the value is a table, else the value.
fn span_of(place: &Place, code: &str, exact: bool) -> Range<usize> {
    let wrong_name = exact && code.contains("::unknown_") && (code.ends_with("_key") || code.ends_with("_column"));
    match &place.key {
        Some(key) if wrong_name || place.table => key.clone(),
        _ => place.value.clone(),
    }
}

/// The bytes of a whole word within a span; the span where the word is not in it.
fn word_within(text: &str, span: Range<usize>, word: &str) -> Range<usize> {
    let Some(value) = text.get(span.clone()) else { return span };
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| !value[..*at].ends_with(in_name) && !value[at + word.len()..].starts_with(in_name);
    match value.match_indices(word).map(|(at, _)| at).find(whole) {
        Some(at) => span.start + at..span.start + at + word.len(),
        None => span,
    }
}

impl Report {
    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Number of findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.entries.iter().filter(|e| e.finding.severity == severity).count()
    }

    /// The findings in the order shown.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.entries.iter().map(|e| &e.finding)
    }

    /// One line a finding, for logs: `file:line:column: error[code]: message (help)`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.entries.iter().map(|entry| self.line(entry)).collect()
    }

    fn line(&self, entry: &Entry) -> String {
        let finding = &entry.finding;
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let mut line = match &entry.origin {
            Origin::Override(written) => format!("--set {written}"),
            Origin::Text { source, span } => {
                let Source { name, text } = &self.document.sources[*source];
                let (row, column) = row_and_column(text, span.as_ref().map_or(0, |s| s.start));
                format!("{name}:{row}:{column}")
            }
        };
        // Writing into a String cannot fail.
        let _ = write!(line, ": {word}[{}]: {}", finding.code, finding.message);
        if let Some(help) = &finding.help {
            let _ = write!(line, " ({help})");
        }
        line
    }

    /// How many errors, warnings and notes there are, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
        let words: Vec<String> = counts
            .into_iter()
            .map(|(severity, word)| (self.count(severity), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
            .collect();
        let name = self.document.sources.first().map_or("", |s| s.name.as_str());
        if words.is_empty() { format!("{name}: no findings") } else { format!("{name}: {}", words.join(", ")) }
    }

    /// The findings for a terminal of `width` columns, each with the lines it is about.
    #[must_use]
    pub fn render(&self, width: usize, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
        let mut out = String::new();
        for entry in &self.entries {
            let shown = Shown::new(entry, &self.document.sources);
            if handler.render_report(&mut out, &shown).is_err() {
                out.push_str(&self.line(entry));
            }
            out.push('\n');
        }
        out
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

/// Line and column of a byte, counted from 1, columns in characters.
fn row_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let row = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (row, column)
}

/// A finding in the form miette draws.
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    message: String,
    source: Option<NamedSource<String>>,
    span: Option<Range<usize>>,
}

impl<'a> Shown<'a> {
    fn new(entry: &'a Entry, sources: &[Source]) -> Self {
        let finding = &entry.finding;
        match &entry.origin {
            Origin::Override(written) => {
                let message = format!("{} (--set {written})", finding.message);
                Self { finding, message, source: None, span: None }
            }
            Origin::Text { source, span: Some(span) } => {
                let Source { name, text } = &sources[*source];
                let source = NamedSource::new(name, text.clone()).with_language("toml");
                Self { finding, message: finding.message.clone(), source: Some(source), span: Some(span.clone()) }
            }
            Origin::Text { source, span: None } => {
                let message = format!("{}: {}", sources[*source].name, finding.message);
                Self { finding, message, source: None, span: None }
            }
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        let label = LabeledSpan::new_primary_with_span(None, span);
        Some(Box::new(std::iter::once(label)))
    }
}
