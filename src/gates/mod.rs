//! Floor 10: quality gates. What a night measures of itself is held against earlier nights and against limits of the job;
//! a limit warns, or refuses to publish.
//!
//! A [`Night`] is all that is measured. A run carries the nights before it in `model/gates_history.json`
//! ([`History`]) and its distributions of some weeks back in `model/baselines.json` ([`Baselines`]), so that it needs no
//! other run than the previous one. [`judge`] is a pure function of these and the settings.

mod baselines;
mod history;
mod judge;
mod late;
mod night;
mod result;
mod settings;
mod spec;
#[cfg(test)]
mod tests;

pub use baselines::{Baseline, Baselines};
pub use history::History;
pub use judge::{Evidence, judge};
pub use late::{LateDay, LateLines, LineDays};
pub use night::{Night, OfferNight, RecentLines, TableNight};
pub use result::{GateResult, GateStatus};
pub use settings::{GateSettings, Limits, RawGates, RawLimit, RawLimits};
