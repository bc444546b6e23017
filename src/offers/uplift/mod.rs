//! What the offers change: members who get them against members held out, by intention to treat, among those who were
//! assigned something, from the first assignment over a fixed window.
//!
//! [`Enrolments`] says from which day on each member counts and in which arm; [`outcomes`] what the member did then and what was
//! known before; [`Measure`] adds it up. Statistics are those of [`crate::evaluate::uplift`].

mod enrolled;
mod measure;
mod outcomes;
mod periods;
mod results;
mod settings;
#[cfg(test)]
mod tests;

pub use enrolled::{
    ALL_OFFERS, Enrolled, EnrolledRow, Enrolments, EnrolmentsBuilder, Gone, HeldOut, Tracks, experiment_code,
};
pub use measure::{Measure, UpliftSums};
pub use outcomes::{COVARIATES, Outcome, Window};
pub use periods::{PeriodMeasure, PeriodMeasures, PeriodSums, Periods};
pub use results::{Arms, OutcomeUplift, SegmentUplift, TrackUplift, UpliftReport};
pub use settings::{RawUplift, UpliftSettings};
