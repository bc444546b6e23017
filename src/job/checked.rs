//! The job, checked: the only form the pipeline takes.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::{
    across, canonical, currencies,
    raw::{LATEST_IN_DATA, RawJob},
    size::parse_size,
};
use crate::{
    backtest::BacktestSettings,
    base::{
        Currency, Day, Findings,
        digest::sha256_hex,
        findings::{JobPath, nearest},
    },
    export::OutputSettings,
    features::Features,
    gates::GateSettings,
    input::{
        contract::Table,
        settings::{CleaningSettings, ConsentSettings, InputSettings, Labels},
    },
    offers::{OfferSettings, Programme, check_offers, default_offers},
    recommend::RecommendSettings,
    report::ReportSettings,
    segments::Segments,
};

/// Version of the job file's format.
pub const VERSION: u32 = 1;

/// The last day a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The latest day that occurs in the transactions.
    LatestInData,
    /// This day.
    Day(Day),
}

/// A checked job.
///
/// Serialised, it holds what decides a run's content and nothing else: no places (the digests of what lies there are
/// in the run id), no as-of day (the day it comes to is in the run id), nothing about how the work is done.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    #[serde(skip)]
    file: PathBuf,
    version: u32,
    name: String,
    timezone_name: String,
    #[serde(skip)]
    timezone: TimeZone,
    #[serde(serialize_with = "currency_code")]
    currency: Currency,
    #[serde(skip)]
    as_of: AsOf,
    seed: u64,
    shards: usize,
    #[serde(skip)]
    out: String,
    #[serde(skip)]
    memory_limit: Option<u64>,
    inputs: InputSettings,
    cleaning: CleaningSettings,
    consent: ConsentSettings,
    labels: Labels,
    features: Features,
    segments: Segments,
    recommend: RecommendSettings,
    offers: OfferSettings,
    gates: GateSettings,
    output: OutputSettings,
    /// Changes nothing of a run.
    #[serde(skip)]
    backtest: BacktestSettings,
    report: ReportSettings,
}

fn currency_code<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

impl Job {
    /// The job file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The job file's folder: relative places start here.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The job's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone that gives times without one their meaning and defines days.
    #[must_use]
    pub fn timezone(&self) -> &TimeZone {
        &self.timezone
    }

    /// IANA name of the zone.
    #[must_use]
    pub fn timezone_name(&self) -> &str {
        &self.timezone_name
    }

    /// Currency of every amount.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The last day to read, unless the command line says otherwise.
    #[must_use]
    pub fn as_of(&self) -> AsOf {
        self.as_of
    }

    /// Seed of every random choice.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of shards, 1 to 4096.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// Folder or URL that runs are published in, as written; a relative one starts at [`Self::folder`].
    #[must_use]
    pub fn out(&self) -> &str {
        &self.out
    }

    /// Bytes a run may use, unless the command line says otherwise.
    #[must_use]
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    /// The input tables.
    #[must_use]
    pub fn inputs(&self) -> &InputSettings {
        &self.inputs
    }

    /// Which purchase lines are kept.
    #[must_use]
    pub fn cleaning(&self) -> &CleaningSettings {
        &self.cleaning
    }

    /// Who may be in a run.
    #[must_use]
    pub fn consent(&self) -> &ConsentSettings {
        &self.consent
    }

    /// What members and marketers read in place of category paths and channel codes.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What is measured of a member.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The segments members are put in, and the tags they get.
    #[must_use]
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// How items are scored for members.
    #[must_use]
    pub fn recommend(&self) -> &RecommendSettings {
        &self.recommend
    }

    /// The catalogue of offers and how a member's list is put together.
    #[must_use]
    pub fn offers(&self) -> &OfferSettings {
        &self.offers
    }

    /// What a night is held against before it is published.
    #[must_use]
    pub fn gates(&self) -> &GateSettings {
        &self.gates
    }

    /// What a run writes.
    #[must_use]
    pub fn output(&self) -> &OutputSettings {
        &self.output
    }

    /// How the lists are measured.
    #[must_use]
    pub fn backtest(&self) -> &BacktestSettings {
        &self.backtest
    }

    /// How `report.html` is made.
    #[must_use]
    pub fn report(&self) -> &ReportSettings {
        &self.report
    }

    /// The checked job as JSON with sorted keys and no white space: what the run id is made from. Paths, `out`, `as_of`
    /// and `memory_limit` are not in it.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        canonical::to_string(self)
    }

    /// SHA-256 of [`Self::canonical_json`], as hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_hex(self.canonical_json().as_bytes())
    }
}

impl RawJob {
    /// Checks what the job says, section by section and across sections. What is wrong is reported and replaced by a
    /// default, so the job returned is of use only if no error was found.
    pub(super) fn check(&self, file: &Path, findings: &mut Findings) -> Job {
        let root = JobPath::root();
        if self.version != VERSION {
            findings.error(
                "job::unknown_version",
                root.key("version"),
                format!("format version {} is not known", self.version),
                format!("this program reads version {VERSION}"),
            );
        }
        check_name(&self.name, &root.key("name"), findings);
        let (timezone_name, timezone) = check_timezone(&self.timezone, &root.key("timezone"), findings);
        let currency = check_currency(&self.currency, &root.key("currency"), findings);
        let as_of = check_as_of(&self.as_of, &root.key("as_of"), findings);
        let memory_limit = self.memory_limit.as_deref().and_then(|text| {
            let bytes = parse_size(text);
            if bytes.is_none() {
                let message = format!("`{text}` is not a size");
                findings.error("job::bad_size", root.key("memory_limit"), message, "write it like 512MiB or 2GB");
            }
            bytes
        });
        if self.out.trim().is_empty() {
            findings.error("job::empty_out", root.key("out"), "`out` is empty", "name a folder or an s3:// URL");
        }
        let inputs = self.inputs.check(&root.key("inputs"), findings);
        let cleaning = self.cleaning.check(inputs.has(Table::Items), &root.key("cleaning"), findings);
        let consent = self.consent.check(inputs.has(Table::Consent), &root.key("consent"), findings);
        let labels = self.labels.check(&root.key("labels"), findings);
        let features = self.features.check(&root.key("features"), findings);
        let segments = self.segments.check(&root.key("segments"), &features, findings);
        let recommend = self.recommend.check(&root.key("recommend"), findings);
        let catalogue = if self.offers.is_empty() { &default_offers() } else { &self.offers };
        let programme = Programme::check(&self.loyalty, &self.calendar, &self.cities, &root, currency, findings);
        let (at_offers, at_decision) = (root.key("offers"), root.key("decision"));
        let offers = check_offers(catalogue, &self.decision, programme, &at_offers, &at_decision, currency, findings);
        // What consent denies is denied everywhere: items, categories, reasons.
        let mut offers = offers;
        offers.decision.deny_categories.extend(consent.denied_categories().iter().cloned());
        let gates = self.gates.check(&root.key("gates"), findings);
        let output = self.output.check(&root.key("output"), findings);
        let backtest = self.backtest.check(&root.key("backtest"), findings);
        let report = self.report.check(&root.key("report"), findings);
        across::check(self, &inputs, findings);
        across::check_discounts(self, &segments, &offers, findings);
        across::check_targets(&output, &inputs, findings);
        Job {
            file: file.to_owned(),
            version: self.version,
            name: self.name.clone(),
            timezone_name,
            timezone,
            currency,
            as_of,
            seed: self.seed,
            shards: self.shards as usize,
            out: self.out.clone(),
            memory_limit,
            inputs,
            cleaning,
            consent,
            labels,
            features,
            segments,
            recommend,
            offers,
            gates,
            output,
            backtest,
            report,
        }
    }
}

fn check_name(name: &str, at: &JobPath, findings: &mut Findings) {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        findings.error(
            "job::bad_name",
            at.clone(),
            format!("`{name}` cannot be a job's name"),
            "use 1 to 64 lower-case letters, digits, `-` and `_`",
        );
    }
}

fn check_timezone(name: &str, at: &JobPath, findings: &mut Findings) -> (String, TimeZone) {
    if let Ok(zone) = TimeZone::get(name) {
        // The canonical spelling: the data base does not care for case, the run id does.
        return (zone.iana_name().unwrap_or(name).to_owned(), zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|n| n.as_str().to_owned()).collect();
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "use a name of the IANA data base, such as Asia/Shanghai".to_owned(),
    };
    findings.error("job::unknown_timezone", at.clone(), format!("there is no time zone `{name}`"), help);
    ("UTC".to_owned(), TimeZone::UTC)
}

fn check_currency(code: &str, at: &JobPath, findings: &mut Findings) -> Currency {
    if currencies::codes().any(|known| known == code)
        && let Some(currency) = Currency::from_code(code)
    {
        return currency;
    }
    let help = match currencies::meant_by(code).or_else(|| nearest(code, currencies::codes())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "use a code of ISO 4217, such as CNY".to_owned(),
    };
    findings.error("job::unknown_currency", at.clone(), format!("`{code}` is not the code of a currency"), help);
    Currency::from_code("CNY").unwrap_or_else(|| unreachable!("CNY has the form of a code"))
}

fn check_as_of(text: &str, at: &JobPath, findings: &mut Findings) -> AsOf {
    if text == LATEST_IN_DATA {
        return AsOf::LatestInData;
    }
    let Some(day) = Day::parse(text) else {
        let help = format!("write a date like 2026-03-31, or \"{LATEST_IN_DATA}\"");
        findings.error("job::bad_as_of", at.clone(), format!("`{text}` is not a day"), help);
        return AsOf::LatestInData;
    };
    AsOf::Day(day)
}
