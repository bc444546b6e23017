//! What is wrong with a job and its inputs, without reading rows or writing anything.

use super::{
    RunError, RunOptions,
    opened::{open, open_but},
};
use crate::{
    base::Findings,
    job::{Loaded, Mended, Report},
};

/// Checks the job's inputs and its expressions over them; gives every finding.
///
/// # Errors
/// If the engine cannot be started.
pub fn check(loaded: &Loaded, options: &RunOptions) -> Result<Report, RunError> {
    let mut findings = Findings::new();
    open(&loaded.job, options, &mut findings)?;
    Ok(loaded.text.report(findings))
}

/// Checks what can be judged of a wrong job's inputs and expressions; gives every finding, those of the job file too, and
/// none that only follows from another.
///
/// # Errors
/// If the engine cannot be started.
pub fn check_mended(mended: &Mended, options: &RunOptions) -> Result<Report, RunError> {
    let mut findings = mended.findings.clone();
    open_but(&mended.job, &mended.doubts, options, &mut findings)?;
    Ok(mended.text.report(findings))
}
