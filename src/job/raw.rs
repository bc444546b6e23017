//! The job file as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    backtest::RawBacktest,
    export::RawOutput,
    features::RawFeatures,
    gates::RawGates,
    input::settings::{OneOrMany, RawCleaning, RawConsent, RawInputs, RawLabels},
    offers::{RawCalendar, RawCities, RawDecision, RawLoyalty, RawOffer},
    recommend::RawRecommend,
    report::RawReport,
    segments::RawSegments,
};

/// One nightly job: which tables to read, how to clean them, what segments to make of the members, which offers there are
/// and what to write. Relative paths start at the job file's folder.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawJob {
    /// Version of the job file's format: 1.
    pub version: u32,
    /// Name of the job: lower-case letters, digits, `-` and `_`. Runs of other jobs in the same folder are not taken for
    /// earlier runs of this one.
    pub name: String,
    /// IANA time zone: the meaning of times without a zone, and where a day begins.
    #[serde(default = "shanghai")]
    pub timezone: String,
    /// Currency of every amount, as its ISO 4217 code.
    #[serde(default = "cny")]
    pub currency: String,
    /// The last day that is read, as YYYY-MM-DD, or `latest-in-data`. `--as-of` goes before it.
    #[serde(default = "latest_in_data")]
    pub as_of: String,
    /// Seed of every random choice.
    #[serde(default = "one")]
    pub seed: u64,
    /// Number of shards that members are divided into. It is part of the run id; more shards need less memory at once.
    #[serde(default = "sixty_four")]
    #[schemars(range(min = 1, max = 4096))]
    pub shards: u32,
    /// Folder or `s3://` URL that runs are published in. `--out` goes before it.
    #[serde(default = "runs")]
    pub out: String,
    /// Memory a run may use, such as `2GiB`; beyond it histories are spilled to disk. Without it, all stays in memory.
    /// `--memory-limit` goes before it.
    pub memory_limit: Option<String>,
    /// The input tables.
    pub inputs: RawInputs,
    /// Which purchase lines are kept.
    #[serde(default)]
    pub cleaning: RawCleaning,
    /// Who may be in a run.
    #[serde(default)]
    pub consent: RawConsent,
    /// What members and marketers read in place of category paths and channel codes.
    #[serde(default)]
    pub labels: RawLabels,
    /// What is measured of a member.
    #[serde(default)]
    pub features: RawFeatures,
    /// The segments members are put in, and the tags they get.
    #[serde(default)]
    pub segments: RawSegments,
    /// How items are scored for members.
    #[serde(default)]
    pub recommend: RawRecommend,
    /// The loyalty programme's tiers and what they ask for.
    #[serde(default)]
    pub loyalty: RawLoyalty,
    /// Holidays of the shop's own, beside the festivals that are built in.
    #[serde(default)]
    pub calendar: RawCalendar,
    /// Tiers of cities, where they are not those of the built-in table.
    #[serde(default)]
    pub cities: RawCities,
    /// The catalogue of offers; without any, one `next_item` offer for everyone.
    #[serde(default)]
    pub offers: Vec<RawOffer>,
    /// A file with more offers, or a list of files, which come after those of the job: TOML with `[[offers]]`, or a CSV or Parquet table with
    /// one offer a row and our keys as columns (`caps.total` for keys of tables, lists separated by `;`).
    pub offers_file: Option<OneOrMany>,
    /// How a member's list is put together.
    #[serde(default)]
    pub decision: RawDecision,
    /// What a night is held against before it is published.
    #[serde(default)]
    pub gates: RawGates,
    /// What a run writes.
    #[serde(default)]
    pub output: RawOutput,
    /// How `nextoffer backtest` measures the lists; a run does not read it.
    #[serde(default)]
    pub backtest: RawBacktest,
    /// How `report.html` is made.
    #[serde(default)]
    pub report: RawReport,
}

fn shanghai() -> String {
    "Asia/Shanghai".to_owned()
}

fn cny() -> String {
    "CNY".to_owned()
}

pub(super) const LATEST_IN_DATA: &str = "latest-in-data";

fn latest_in_data() -> String {
    LATEST_IN_DATA.to_owned()
}

fn one() -> u64 {
    1
}

fn sixty_four() -> u32 {
    64
}

fn runs() -> String {
    "runs".to_owned()
}
