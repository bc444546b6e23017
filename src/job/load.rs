//! From a job file to a checked job, with every finding at once.

use std::path::{Path, PathBuf};

use jsonschema::ValidationError;
use serde_json::Value;

use super::{
    checked::Job,
    document::Document,
    doubts::Doubts,
    offer_rows,
    path::{self, Step},
    raw::RawJob,
    report::{JobText, Report},
    structure::Structure,
};
use crate::{
    base::findings::{Findings, JobPath},
    store::{StoreError, atomic},
};

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file is not there.
    #[error("job file `{}` does not exist", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("job file cannot be read")]
    Read(#[from] StoreError),
    /// The file is not UTF-8.
    #[error("job file `{}` is not UTF-8 text: byte {at} is wrong", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Position of the first byte that is no text, from 0.
        at: usize,
    },
    /// The job is wrong: at least one of the findings is an error.
    #[error("{}\n{report}", report.summary())]
    Wrong {
        /// Every finding.
        report: Box<Report>,
        /// What could be made of the job all the same; none where its text cannot be read as a job at all.
        mended: Option<Box<Mended>>,
    },
    /// The program's own schema is wrong.
    #[error("the schema of the job file is not usable")]
    Schema(#[from] Box<ValidationError<'static>>),
}

/// A job and what was noticed while loading it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked job.
    pub job: Job,
    /// Warnings and notes.
    pub remarks: Report,
    /// The job's texts, to place later findings in.
    pub text: JobText,
}

/// What could be made of a wrong job: what is wrong is left out or stands at its default. Good for finding what else is
/// wrong, never for a run.
#[derive(Debug, Clone)]
pub struct Mended {
    /// The job.
    pub job: Job,
    /// What was found in the job file.
    pub findings: Findings,
    /// The job's texts, to place findings in.
    pub text: JobText,
    /// What the findings put in doubt.
    pub doubts: Doubts,
}

/// Loads a job file and checks all that can be checked without opening an input. Each override is `key=value`, with the
/// key a path such as `segments.k` or `offers[pet_bulk].priority` and the value as in TOML, or text without quotes.
///
/// # Errors
/// If a file cannot be read, or the job is wrong: then with every finding.
pub fn load(path: &Path, overrides: &[String]) -> Result<Loaded, JobError> {
    let text = read(path)?.ok_or_else(|| JobError::NotFound { path: path.to_owned() })?;
    load_text(path, &text, overrides)
}

/// [`load`] for a text that is already read; `path` is the file it stands for.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: &Path, text: &str, overrides: &[String]) -> Result<Loaded, JobError> {
    let structure = Structure::new()?;
    let (mut document, mut syntax) = Document::parse(&path.display().to_string(), text);
    let mut findings = Findings::new();
    document.overrides.extend(overrides.iter().map(|o| (override_path(o).to_string(), o.clone())));
    let overrides = parse_overrides(overrides, &structure, &mut findings);
    let is_catalogue = |steps: &[Step]| matches!(steps, [Step::Key(key), ..] if key == "offers_file");
    // Which file the offers are in must be known before an override can name one of them.
    for one in overrides.iter().filter(|(steps, ..)| is_catalogue(steps)) {
        apply(&mut document, one, &structure, &mut findings);
    }
    syntax.extend(read_offers(path, &mut document, &structure, &mut findings)?);
    for one in overrides.iter().filter(|(steps, ..)| !is_catalogue(steps)) {
        apply(&mut document, one, &structure, &mut findings);
    }
    if !syntax.is_empty() {
        return Err(JobError::Wrong { report: Box::new(JobText::new(document).syntax(syntax)), mended: None });
    }

    let mut value = document.value.clone();
    let (mended, usable) = structure.check(&mut value, &mut findings);
    let mut job = None;
    if usable {
        match serde_json::from_value::<RawJob>(value) {
            Ok(raw) => {
                let mut meant = Findings::new();
                job = Some(raw.check(path, &mut meant));
                for finding in meant {
                    // What a stand-in or a gap leads to has been said already.
                    if !mended.iter().any(|at| path::is_within(finding.at.as_str(), at)) {
                        findings.push(finding);
                    }
                }
            }
            Err(error) => {
                let help = "the schema allows this value, the program does not";
                findings.error("job::unreadable", JobPath::root(), error.to_string(), help);
            }
        }
    }
    let doubts = Doubts::new(&findings, mended, &document.value);
    let text = JobText::new(document);
    let report = text.report(findings.clone());
    match job {
        Some(job) if !report.has_errors() => Ok(Loaded { job, remarks: report, text }),
        job => {
            let mended = job.map(|job| Box::new(Mended { job, findings, text, doubts }));
            Err(JobError::Wrong { report: Box::new(report), mended })
        }
    }
}

fn read(path: &Path) -> Result<Option<String>, JobError> {
    let Some(bytes) = atomic::read(path)? else { return Ok(None) };
    let text = String::from_utf8(bytes)
        .map_err(|e| JobError::NotText { path: path.to_owned(), at: e.utf8_error().valid_up_to() })?;
    Ok(Some(text))
}

/// Appends the offers of the files that the job names, if it names any.
fn read_offers(
    job: &Path,
    document: &mut Document,
    structure: &Structure,
    findings: &mut Findings,
) -> Result<Vec<super::document::SyntaxError>, JobError> {
    let at = JobPath::root().key("offers_file");
    let named: Vec<(String, JobPath)> = match document.value.get("offers_file") {
        Some(Value::String(name)) => vec![(name.clone(), at)],
        Some(Value::Array(names)) => {
            let texts = names.iter().map(|name| name.as_str().map(str::to_owned)).enumerate();
            texts.filter_map(|(i, name)| Some((name?, at.index(i)))).collect()
        }
        _ => Vec::new(),
    };
    let mut syntax = Vec::new();
    for (name, at) in named {
        let path = job.parent().unwrap_or(Path::new("")).join(&name);
        let shown = path.display().to_string();
        let types_of = |steps: &[Step]| -> Vec<String> {
            let mut whole = vec![Step::Key("offers".to_owned()), Step::Index(0)];
            whole.extend_from_slice(steps);
            structure.types(&structure.steps(&whole)).into_iter().map(str::to_owned).collect()
        };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let rows = match extension.as_str() {
            "parquet" => match atomic::read(&path)? {
                Some(bytes) => offer_rows::from_parquet(bytes, &types_of),
                None => Err(String::new()),
            },
            "toml" | "csv" => match read(&path)? {
                Some(text) if extension == "csv" => offer_rows::from_csv(&text, &types_of),
                Some(text) => {
                    syntax.extend(document.append_offers(&shown, &text, findings));
                    continue;
                }
                None => Err(String::new()),
            },
            _ => {
                let message = format!("`{shown}` is no file of offers");
                findings.error("job::offers_file_type", at, message, "name a .toml, .csv or .parquet file");
                continue;
            }
        };
        match rows {
            Ok(rows) => document.append_rows(&shown, rows),
            Err(why) if why.is_empty() => {
                let message = format!("`{shown}` does not exist");
                findings.error("job::no_offers_file", at, message, "relative paths start at the job file's folder");
            }
            Err(why) => {
                let message = format!("`{shown}` cannot be read: {why}");
                findings.error("job::bad_offers_file", at, message, "one offer a row, our keys as columns");
            }
        }
    }
    Ok(syntax)
}

type Override<'a> = (Vec<Step>, Value, &'a str);

fn parse_overrides<'a>(overrides: &'a [String], structure: &Structure, findings: &mut Findings) -> Vec<Override<'a>> {
    let mut parsed = Vec::new();
    for written in overrides {
        let mut bad = |why: &str| {
            findings.error(
                "job::bad_override",
                override_path(written),
                why,
                "write --set key=value, such as --set segments.k=12 or --set offers[pet_bulk].priority=2",
            );
        };
        match written.split_once('=') {
            None => bad("there is no `=`"),
            Some((key, text)) => match path::parse(key.trim()) {
                Ok(steps) => {
                    let value = override_value(text.trim(), &structure.types(&structure.steps(&steps)));
                    parsed.push((steps, value, written.as_str()));
                }
                Err(why) => bad(why),
            },
        }
    }
    parsed
}

/// The text as a TOML value; as text if it is none, or if nothing but text may stand there.
fn override_value(text: &str, types: &[&str]) -> Value {
    let (parsed, errors) = Document::parse("", &format!("value = {text}"));
    let value = match parsed.value {
        Value::Object(mut table) if errors.is_empty() && table.len() == 1 => table.remove("value"),
        _ => None,
    };
    match value {
        Some(Value::String(value)) => Value::String(value),
        Some(value) if types != ["string"] => value,
        _ => Value::String(text.to_owned()),
    }
}

/// The path under which an override that leads nowhere is known.
fn override_path(written: &str) -> JobPath {
    JobPath::root().key(&format!("--set {written}"))
}

fn apply(document: &mut Document, one: &Override<'_>, structure: &Structure, findings: &mut Findings) {
    let (steps, value, written) = one;
    let dead_end = match missing_list(&document.value, steps, structure) {
        Some(list) => {
            let message = format!("the job has no `{list}`, so there is no element to change");
            Some(path::DeadEnd { message, help: "add one in the job file".to_owned() })
        }
        None => document.set(steps, value.clone(), written).err(),
    };
    if let Some(path::DeadEnd { message, help }) = dead_end {
        findings.error("job::bad_override", override_path(written), message, help);
    }
}

/// The list on the way that the document does not have: an override makes tables, never elements of lists.
fn missing_list(root: &Value, steps: &[Step], structure: &Structure) -> Option<JobPath> {
    let mut at = root;
    for (depth, step) in steps.iter().enumerate() {
        let Step::Key(key) = step else { return None };
        if at.is_array() {
            return None;
        }
        let Some(next) = at.get(key) else {
            let is_list = |end: &usize| structure.types(&steps[..*end]) == ["array"];
            return (depth + 1..steps.len()).find(is_list).map(|end| path::job_path(&steps[..end]));
        };
        at = next;
    }
    None
}
