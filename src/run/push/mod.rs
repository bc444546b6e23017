//! Takes the files of a target from a run to the target itself: WeCom by its API, PostgreSQL by COPY.

mod postgres;
mod secret;
mod tls;
mod wecom;

use std::path::PathBuf;

use super::{ExitCode, RunError, ack::acknowledge_run, published::Published};
use crate::{
    base::progress::Progress,
    export::{
        crm::{TARGET_FILE, TargetReport},
        dialects::Role,
    },
    store::{OutputRoot, Places, StoreError},
};

/// What the command line says about a push.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The run: its folder or URL; or `current`, a date or a run id within `out`.
    pub run: String,
    /// The output place.
    pub out: String,
    /// The target.
    pub target: String,
    /// Base URL of the API, instead of the target's.
    pub url: Option<String>,
    /// Push the full snapshot even if a delta would do.
    pub full: bool,
    /// Folder for what is done and what was refused, instead of `push/<target>/<run id>` of the output place.
    pub state: Option<PathBuf>,
    /// Leave the acknowledgement to another.
    pub no_ack: bool,
}

/// What a push came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The run.
    pub run_id: String,
    /// Whether it was the full snapshot.
    pub full: bool,
    /// Calls or rows that were to be pushed.
    pub total: u64,
    /// Those that an earlier push had done.
    pub done_before: u64,
    /// Those done now.
    pub done: u64,
    /// Those the target refused, or that failed in every attempt.
    pub dead: u64,
    /// Of these, those that may do later.
    pub later: u64,
    /// Where these are written.
    pub dead_letters: Option<PathBuf>,
    /// Whether the run is acknowledged now.
    pub acknowledged: bool,
    /// Whether the target had the run already.
    pub already: bool,
}

/// Why a push ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The dialect cannot be pushed.
    #[error(
        "target `{target}` is in dialect `{dialect}`, whose files are imported; `wecom` and `postgres` can be pushed"
    )]
    Dialect {
        /// The target.
        target: String,
        /// Its dialect.
        dialect: String,
    },
    /// No secret.
    #[error(
        "no secret for target `{target}`: set the environment variable {variable}, or `push.secret_file` in the job"
    )]
    NoSecret {
        /// The target.
        target: String,
        /// The variable.
        variable: String,
    },
    /// A secret cannot be used. It is not repeated.
    #[error("the secret of target `{target}` cannot be used: {why}")]
    BadSecret {
        /// The target.
        target: String,
        /// What is wrong.
        why: String,
    },
    /// The delta is not against what the target holds.
    #[error(
        "the delta is against run {base}, but the target acknowledged {held} last: run the night again, or push with --full"
    )]
    OtherBase {
        /// The delta's base.
        base: String,
        /// What the target acknowledged.
        held: String,
    },
    /// The target's keys are of several kinds.
    #[error("target `{target}` has several kinds of keys: one table cannot be loaded from them")]
    SeveralKeys {
        /// The target.
        target: String,
    },
    /// The target said no to everything.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What the target said.
        why: String,
    },
    /// The target cannot be reached.
    #[error("{what}: {why}")]
    Unreachable {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        why: String,
    },
    /// What is done cannot be kept.
    #[error("a push keeps what is done in a folder: name one with --state, for `{out}` is an object store")]
    NoState {
        /// The output place.
        out: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PushError {
    /// The exit code that schedulers act on.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Dialect { .. } | Self::SeveralKeys { .. } | Self::NoState { .. } => ExitCode::Usage,
            Self::NoSecret { .. } | Self::BadSecret { .. } => ExitCode::BadJob,
            Self::OtherBase { .. } | Self::Refused { .. } => ExitCode::Refused,
            Self::Unreachable { .. } => ExitCode::TryAgain,
            Self::Store(_) => ExitCode::CannotWrite,
        }
    }
}

/// What is pushed.
struct Load<'a> {
    run: &'a Published,
    places: &'a Places,
    report: &'a TargetReport,
    secret: String,
    url: String,
}

impl Load<'_> {
    /// The files of a role, one after the other.
    fn files(&self, role: Role) -> Result<Vec<(String, Vec<u8>)>, RunError> {
        let mut all = Vec::new();
        for file in self.report.of(role) {
            let bytes = self.run.bytes(&file.path, self.places)?;
            all.push((file.path.clone(), bytes.ok_or_else(|| self.run.bad(&file.path, "it is missing".to_owned()))?));
        }
        Ok(all)
    }
}

/// Pushes a run to a target, and acknowledges it when the target has all of it. A push that was cut off goes on where it
/// ended.
///
/// # Errors
/// If the run has no files of the target, or the target cannot be reached or refuses all.
pub fn push(options: &PushOptions, progress: &dyn Progress) -> Result<Pushed, RunError> {
    let places = Places::new(Default::default(), 2)?;
    let run = Published::find(&options.run, &options.out, &places)?;
    let path = format!("crm/{}/{TARGET_FILE}", options.target);
    let Some(bytes) = run.target_file(&options.target, &places)? else {
        let known = run.targets().join(", ");
        return Err(RunError::NoSuchTarget { target: options.target.clone(), known });
    };
    let report = TargetReport::parse(&bytes).map_err(|why| run.bad(&path, why))?;
    let target = &report.target;
    if !matches!(target.dialect.as_str(), "wecom" | "postgres") {
        return Err(PushError::Dialect { target: target.name.clone(), dialect: target.dialect.clone() }.into());
    }
    let secret = secret::read(target)?;
    let url = options.url.clone().unwrap_or_else(|| target.push.url.clone()).trim_end_matches('/').to_owned();
    let load = Load { run: &run, places: &places, report: &report, secret, url };
    let root = run.out_place(&places)?;
    let mut pushed = match target.dialect.as_str() {
        "wecom" => {
            let held = match &root {
                Some(root) => root.acks(&target.name, &places)?.runs.last().cloned(),
                None => None,
            };
            let state = state_folder(options, root.as_ref(), &report)?;
            wecom::push(&load, options.full, held.as_deref(), &state, progress)?
        }
        _ => postgres::push(&load, options.full, progress)?,
    };
    pushed.run_id.clone_from(&report.run_id);
    if pushed.dead == 0 && !options.no_ack && root.is_some() {
        acknowledge_run(&run, &target.name, &places)?;
        pushed.acknowledged = true;
    }
    Ok(pushed)
}

fn state_folder(options: &PushOptions, root: Option<&OutputRoot>, report: &TargetReport) -> Result<PathBuf, RunError> {
    if let Some(folder) = &options.state {
        return Ok(folder.clone());
    }
    match root {
        Some(OutputRoot::Folder(root)) => Ok(root.join("push").join(&report.target.name).join(&report.run_id)),
        _ => Err(PushError::NoState { out: root.map(|r| r.place("")).unwrap_or_default() }.into()),
    }
}
