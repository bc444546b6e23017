//! Floor 9: the catalogue of offers, what each kind proposes to a member, and which proposals make the member's list.
//!
//! Most of it looks at one member at a time ([`Decider`]). Offers that are scarce over all members (seats, stock,
//! budgets) are allocated between the proposals and the lists ([`Draft`], [`settle`], [`Allocator`]), and a [`Ledger`]
//! keeps what is assigned from night to night. What contacts teach about acceptance ([`Acceptance`]) is a factor of
//! the score.

mod allocate;
mod bits;
mod caps;
mod catalogue;
mod contacts;
mod decide;
mod decision;
mod draft;
mod exploration;
mod holdout;
mod kind;
mod kinds;
mod learning;
mod ledger;
mod list;
mod member;
mod never;
mod parameters;
mod previous;
mod programme;
mod proposal;
mod raw;
mod reach;
mod response;
mod seasons;
mod sentences;
mod settings;
mod slots;
mod standing;
mod subjects;
mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod uplift;
mod variety;
mod world;

pub use allocate::{Allocation, Allocator, Bid, BidMember, Resource, Resources, Scope, ShardBids};
pub use bits::Bits;
pub use caps::{Budget, Caps, RawBudget, RawCaps, most_holders};
pub use catalogue::{BoundOffer, Catalogue, ShopFacts};
pub use contacts::{ContactLog, ContactRow, Contacted, Response};
pub use decide::{DecideSpace, Decider, ShardInputs};
pub use decision::{Chance, Choice, Decision, Decisions, push_score, six_digits};
pub use draft::{Draft, Grant, ScarceInputs, Settled, settle};
pub use exploration::{Lot, Lots};
pub use holdout::{Arm, Holdout};
pub use kind::{KindRef, Need, OfferKind, is_learned, kind_named, kind_names};
pub use learning::{
    Acceptance, Activity, Bin, Calibration, Enough, LearningReport, Level, LogisticModel, Observation, Offering,
    OutOfTime, Prediction, Rates, ReliableBin, Scored, SoFar, log_loss, observe, out_of_time, reliability,
};
pub use ledger::{Ledger, Members, Seat, SeatState};
pub use member::MemberView;
pub use parameters::{Parameters, Season};
pub use previous::{Held, PreviousBuilder, PreviousDecisions, PreviousRow};
pub use programme::{
    Occasion, OccasionWindow, Programme, RawCalendar, RawCities, RawHoliday, RawLoyalty, RawTier, Tier, TierPeriod,
};
pub use proposal::{Evidence, Proposal, Target, saturate};
pub use reach::Reach;
pub use response::{ContactRules, ExplorationSettings, LearningSettings, RawContactRules, RawExploration, RawLearning};
pub use sentences::{Reason, SentencePair, Sentences};
pub use settings::{
    DecisionSettings, Incentive, Offer, OfferSettings, RawCatalogue, RawDecision, RawOffer, RawSentence, check_offers,
    default_offers, price_sensitivity,
};
pub use slots::{lasting_generic, lasting_slots};
pub use standing::{Participation, Standing};
pub use subjects::{SubjectKind, Subjects};
pub use template::{PLACEHOLDERS, Placeholder, Template, TemplateError};
pub use text::{DateTexts, Language, SentenceWriter, push_integer};
pub use trace::{OfferTrace, Refusal, ScoreParts, TraceContext, Verdict};
pub use uplift::{
    ALL_OFFERS, Arms, COVARIATES, Enrolled, EnrolledRow, Enrolments, EnrolmentsBuilder, Gone, HeldOut, Measure,
    Outcome, OutcomeUplift, PeriodMeasure, PeriodMeasures, PeriodSums, Periods, RawUplift, SegmentUplift, TrackUplift,
    Tracks, UpliftReport, UpliftSettings, UpliftSums, Window, experiment_code,
};
pub use variety::{DiversitySettings, RawDiversity};
pub use world::World;
