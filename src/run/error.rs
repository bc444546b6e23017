//! Why a run ended without publishing.

use super::{ExitCode, ForgetListError, PushError};
use crate::{
    engine::EngineError,
    export::ExportError,
    features::FeatureError,
    gates::{GateResult, GateStatus},
    history::ShardError,
    input::{InputError, accounting::RowCounts},
    job::Report,
    segments::SegmentError,
    store::StoreError,
};

/// Why a run ended without publishing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The inputs do not fit the job.
    #[error("{}\n{report}", report.summary())]
    Findings {
        /// Every finding.
        report: Box<Report>,
    },
    /// No line is left after cleaning.
    #[error("table transactions: no line is left of {} read as of {as_of} ({}); {}", rows.read, reasons(rows), remedy(rows))]
    NoLines {
        /// The as-of day.
        as_of: crate::base::Day,
        /// What became of the rows.
        rows: Box<RowCounts>,
    },
    /// `latest-in-data` finds no day.
    #[error("`as_of` is \"latest-in-data\", but no row of table transactions has a usable time; give --as-of")]
    NoAsOf,
    /// The run named by `--previous` is not there.
    #[error("`{place}` is not a published run: it has no readable manifest.json")]
    NoPrevious {
        /// As given.
        place: String,
    },
    /// The run named by `--previous` is not one this run can follow.
    #[error("`{place}` cannot be the previous run: {why}; name an earlier run of the job, or `none`")]
    WrongPrevious {
        /// As given.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A table that says who may be in the run cannot be opened again.
    #[error("table {table} cannot be opened again right before publishing: nothing is published without it")]
    ConsentGone {
        /// The table.
        table: &'static str,
    },
    /// A file of the previous run does not fit.
    #[error("the previous run's `{file}` cannot be used: {why}; run with `--previous none` to start afresh")]
    BadPrevious {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A question about a member ended as a run, or the other way round: a bug.
    #[error("the run answered another question than was asked; please report this")]
    NoAnswer,
    /// A run that was named is not there.
    #[error("there is no run `{name}`: {why}")]
    NoSuchRun {
        /// As given.
        name: String,
        /// What is there.
        why: String,
    },
    /// A file of a published run cannot be read.
    #[error("`{file}` of the run in `{run}` cannot be read: {why}")]
    BadRunFile {
        /// The run.
        run: String,
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A file of the run that a CRM target acknowledged does not fit.
    #[error("`{file}` of the acknowledged run cannot be used: {why}; acknowledge another run, or none")]
    BadAcknowledged {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The run or the job has no such CRM target.
    #[error("there is no CRM target `{target}`; known: {known}")]
    NoSuchTarget {
        /// As given.
        target: String,
        /// Those there are.
        known: String,
    },
    /// A target's keys are in tables of the job.
    #[error("target `{target}` is keyed by tables of the job: name it with `--job`")]
    TargetNeedsJob {
        /// The target.
        target: String,
    },
    /// A table that is no experiment.
    #[error("`{file}` cannot be measured: {why}")]
    NotAnExperiment {
        /// As given.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A table of which nothing can be guessed.
    #[error("`{place}` holds no row: there is nothing to look at")]
    NothingToLookAt {
        /// As given.
        place: String,
    },
    /// A run that lies in no output place.
    #[error("`{run}` lies in no output place: its acknowledgements have no place")]
    NoOutputPlace {
        /// The run.
        run: String,
    },
    /// A run could not be pushed to a target.
    #[error(transparent)]
    Push(#[from] PushError),
    /// An input could not be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A spilled shard could not be read back.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A feature could not be computed.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// The segments could not be fitted.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A quality gate refuses to publish.
    #[error("{}", refusal(*as_of, previous.as_deref(), report.as_deref(), results))]
    Refused {
        /// Last day that was read.
        as_of: crate::base::Day,
        /// The run before.
        previous: Option<String>,
        /// Where the report is.
        report: Option<String>,
        /// Every gate that does not hold, and of each other the result that came closest to its limit.
        results: Vec<GateResult>,
    },
    /// An output could not be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A place could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output folder cannot be made.
    #[error("the output place cannot be used")]
    Output(#[source] StoreError),
    /// A file of the run could not be written as JSON.
    #[error("cannot write `{file}`")]
    Json {
        /// The file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An offer's rule failed on a member.
    #[error("offers[{index}].eligible of `{offer}`")]
    Eligible {
        /// Its place in the catalogue.
        index: usize,
        /// The offer.
        offer: String,
        /// What went wrong.
        #[source]
        source: Box<crate::engine::expr::ExprError>,
    },
    /// Nobody can be scored.
    #[error("nobody to score: no member with {min_baskets} baskets up to {cut} bought anything in the truth ({truth})")]
    NoTruth {
        /// Last day of the history.
        cut: crate::base::Day,
        /// Baskets that a scored member has at least.
        min_baskets: u32,
        /// What the truth is.
        truth: String,
    },
    /// The condition of a segment by rule failed on a member.
    #[error("segments.rules[{index}].when of `{code}`")]
    SegmentRule {
        /// Its place in the list.
        index: usize,
        /// The rule.
        code: String,
        /// What went wrong.
        #[source]
        source: Box<crate::engine::expr::ExprError>,
    },
    /// The list of a deletion cannot be used.
    #[error(transparent)]
    ForgetList(#[from] ForgetListError),
    /// Members' ids in CRM targets are not to be found.
    #[error(
        "table identities cannot be opened: without it, members' ids in CRM targets are not found. Correct its path, or take \
         [inputs.identities] out of the job and name their ids in further columns of the list"
    )]
    ForgetWithoutIdentities,
    /// Row accounting does not add up: a bug.
    #[error("rows of table {table} do not add up; please report this")]
    Unbalanced {
        /// The table.
        table: &'static str,
    },
}

impl RunError {
    /// The exit code that schedulers act on.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::WrongPrevious { .. } | Self::NoSuchTarget { .. } | Self::TargetNeedsJob { .. } => ExitCode::Usage,
            Self::NoOutputPlace { .. }
            | Self::NothingToLookAt { .. }
            | Self::ForgetList(_)
            | Self::ForgetWithoutIdentities => ExitCode::NoInput,
            Self::Push(error) => error.exit_code(),
            Self::Refused { .. } => ExitCode::Refused,
            Self::Findings { report } => findings_exit_code(report),
            Self::NoLines { .. }
            | Self::NoTruth { .. }
            | Self::NoAsOf
            | Self::NoPrevious { .. }
            | Self::ConsentGone { .. }
            | Self::BadPrevious { .. }
            | Self::BadAcknowledged { .. }
            | Self::NoSuchRun { .. }
            | Self::NotAnExperiment { .. }
            | Self::BadRunFile { .. } => ExitCode::NoInput,
            Self::Input(InputError::Expression { .. }) | Self::Eligible { .. } | Self::SegmentRule { .. } => {
                ExitCode::BadJob
            }
            Self::Input(InputError::Spill { .. }) | Self::Shard(_) => ExitCode::CannotWrite,
            Self::Input(_) => ExitCode::NoInput,
            Self::Engine(EngineError::NotParquet { .. } | EngineError::Damaged { .. } | EngineError::Store(_)) => {
                ExitCode::NoInput
            }
            Self::Feature(_) => ExitCode::BadJob,
            Self::Segment(SegmentError::TooFewMembers { .. } | SegmentError::TooFewKinds { .. }) => ExitCode::BadJob,
            Self::Segment(_) | Self::Engine(_) | Self::Unbalanced { .. } | Self::Json { .. } | Self::NoAnswer => {
                ExitCode::Bug
            }
            Self::Store(StoreError::Locked { .. }) => ExitCode::TryAgain,
            Self::Store(StoreError::NotFound { .. } | StoreError::BadPlace { .. }) => ExitCode::NoInput,
            Self::Output(StoreError::Locked { .. }) => ExitCode::TryAgain,
            Self::Output(_) => ExitCode::CannotCreate,
            Self::Export(_) | Self::Store(_) => ExitCode::CannotWrite,
        }
    }
}

/// What refused, and what to do about it.
fn refusal(as_of: crate::base::Day, previous: Option<&str>, report: Option<&str>, results: &[GateResult]) -> String {
    let refused: Vec<&GateResult> = results.iter().filter(|r| r.status == GateStatus::Refused).collect();
    let against = previous.map_or_else(String::new, |id| format!(", held against run {id}"));
    let many = if refused.len() == 1 { "a quality gate refuses" } else { "quality gates refuse" };
    let mut text = format!("not published: {many} the run of {as_of}{against}\n");
    for result in &refused {
        text.push_str(&format!("  {result}\n"));
    }
    text.push_str("nothing was changed");
    if let Some(report) = report {
        text.push_str(&format!("; the report is {report}/gates.html"));
    }
    let names = super::gates::accept(results);
    text.push_str(&format!(
        "\nif this is meant, let it through once with --accept-gates {names}, or set other limits under [gates] (or with \
         --set gates.NAME.refuse=…; those of drift under [segments.drift])"
    ));
    text
}

fn reasons(rows: &RowCounts) -> String {
    let all: Vec<String> = rows.dropped.iter().chain(&rows.quarantined).map(|(why, n)| format!("{why} {n}")).collect();
    all.join(", ")
}

/// What to do where no line is left: by the reason that took most of them.
fn remedy(rows: &RowCounts) -> &'static str {
    let most = rows.dropped.iter().chain(&rows.quarantined).max_by_key(|(_, n)| **n);
    match most.map_or("", |(reason, _)| reason.as_str()) {
        "no_member" => "map `member_id` to the column that holds it",
        "after_as_of" => "give a later `as_of`, or deliver older lines",
        "before_window" => "widen the window under `cleaning`, or deliver newer lines",
        "not_merchandise" => "correct `cleaning.not_merchandise`, which holds for them",
        "bad_price" => "map `amount` or `unit_price` to the column that holds it",
        "unknown_item" => "deliver the items table whole, or set `cleaning.unknown_items = \"keep\"`",
        _ => "map `ts`, `quantity`, `unit_price` and `amount` to columns that always have a value",
    }
}

/// The exit code for findings that are errors.
#[must_use]
pub fn findings_exit_code(report: &Report) -> ExitCode {
    let absent = |code: &str| matches!(code, "input::not_found" | "input::not_parquet" | "input::empty_table");
    let mut errors = report.findings().filter(|f| f.severity == crate::base::Severity::Error);
    if errors.all(|f| absent(f.code)) { ExitCode::NoInput } else { ExitCode::BadJob }
}
