//! `nextoffer schema`.

use super::terminal::show;
use crate::{job, run::ExitCode};

/// Prints the JSON Schema of the job file.
pub(super) fn main() -> ExitCode {
    show(&job::schema());
    ExitCode::Done
}
