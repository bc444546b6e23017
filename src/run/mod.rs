//! Floor 13: the nightly sequence, from a job to a published run; and what else is done with a job.

mod ack;
mod answer;
mod backtest;
mod check;
mod clock;
mod closing;
mod consent;
mod count;
mod counted;
mod crm;
mod decide;
mod diff;
mod eligibility;
mod error;
mod exit;
mod experiment;
mod explain;
mod export;
mod fairness;
mod fit;
mod forget;
mod gates;
mod init;
mod inputs;
mod kind_needs;
mod learn;
mod lineage;
mod lines;
mod manifest;
mod metrics;
mod nightly;
mod notes;
mod opened;
mod options;
mod outputs;
mod pia;
mod ping;
mod previous;
mod prune;
mod published;
mod push;
mod refusals;
mod report;
mod rollback;
mod run_id;
mod scarce;
mod side_tables;
mod standing;
mod summary;
mod tune;
mod uplift;

pub use ack::acknowledge;
pub use answer::{
    Answer, CandidateAnswer, Explained, FeatureAnswer, OfferAnswer, Parts, Place, SegmentAnswer, SegmentDistance,
    SlotAnswer, Status, TagAnswer, TermAnswer, WaitingAnswer,
};
pub use backtest::{BacktestOptions, BacktestOutcome, backtest};
pub use check::{check, check_mended};
pub use clock::{StageTime, Stages, now_seconds, now_text};
pub use diff::{
    DiffOptions, Difference, FeatureDrift, FeatureShift, FigureChange, ListsChange, MembersChange, Move, OfferChange,
    RunName, SegmentChange, TagChange, diff,
};
pub use error::{RunError, findings_exit_code};
pub use exit::ExitCode;
pub use experiment::{Experiment, ExperimentOptions, ExperimentRow, experiment};
pub use explain::{ExplainOptions, Explanation, RunFound, explain};
pub use export::{ExportOptions, Exported, export};
pub use forget::{FileChange, ForgetListError, ForgetOptions, Forgotten, Redaction, Removal, RunChange, forget};
pub use init::{FirstJob, InitOptions, init};
pub use inputs::{Inputs, open_inputs};
pub use lineage::{Lineage, LineageEvent};
pub use manifest::Manifest;
pub use metrics::{failure_metrics, read_metrics, success_metrics, write_metrics};
pub use nightly::run;
pub use options::{Outcome, PreviousChoice, RunOptions};
pub use pia::{
    ColumnUse, ImpactRecord, OfferTerms, Recipient, Said, Sort, Statement, impact_record_json, write_impact_record,
};
pub use ping::ping;
pub use prune::{PruneOptions, Pruned, prune};
pub use push::{PushError, PushOptions, Pushed, push};
pub use rollback::{RollbackOptions, RolledBack, rollback};
pub use summary::{OfferSummary, ReasonSummary, RunSummary, SegmentSummary};
pub use tune::{TuneOptions, TuneOutcome, tune};

/// Version of what a run means and writes. Part of the run id: it rises when the same job and inputs would give other
/// bytes. Readers of `manifest.json` accept files whose `format` is this number.
pub const FORMAT: u32 = 1;
