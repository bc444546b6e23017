//! What a run is asked for, and how it ends.

use super::RunSummary;
use crate::{base::Day, job::Report};

/// Which run this one follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PreviousChoice {
    /// The newest published run of the job with an earlier as-of day.
    #[default]
    Newest,
    /// None: everything starts afresh.
    None,
    /// The run in this folder or under this URL.
    Place(String),
}

/// What the command line says about a run. Nothing here but `as_of` and `previous` changes a byte of the output.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Last day to read, instead of the job's.
    pub as_of: Option<Day>,
    /// Output place, instead of the job's; relative to the working folder.
    pub out: Option<String>,
    /// Which run this one follows.
    pub previous: PreviousChoice,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Bytes the run may use, instead of the job's.
    pub memory_limit: Option<u64>,
    /// Do everything but publish.
    pub dry_run: bool,
    /// Do nothing if the run is published already.
    pub skip_if_published: bool,
}

/// How a run ended well.
#[derive(Debug)]
pub enum Outcome {
    /// Published in this folder, relative to the output place.
    Published {
        /// The output place, as a path or URL.
        out: String,
        /// The run's folder within it.
        folder: String,
        /// Whether `current` points at it now.
        current: bool,
        /// What it came to.
        summary: Box<RunSummary>,
        /// Warnings and notes.
        remarks: Report,
    },
    /// All done and thrown away.
    DryRun {
        /// What it came to.
        summary: Box<RunSummary>,
        /// Warnings and notes.
        remarks: Report,
    },
    /// The same job, inputs and day are published already.
    AlreadyPublished {
        /// The run's folder within the output place.
        folder: String,
    },
}
