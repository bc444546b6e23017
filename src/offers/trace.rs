//! What became of every offer for one member: for people who ask why.

use super::{decision::Choice, proposal::Proposal};
use crate::base::Day;

/// What became of one offer for one member.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferTrace {
    /// Index of the offer in the catalogue.
    pub offer: u16,
    /// The best it proposed to the member, with its score; `None` if it proposed nothing or was closed before.
    pub best: Option<(Proposal, ScoreParts)>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is in the member's list.
    Kept {
        /// The slots it has (1 = first), with what stands there.
        slots: Vec<(u8, Choice, ScoreParts)>,
    },
    /// It is not: the first rule that stood against it.
    Refused(Refusal),
}

/// What a score is made of: `score = fit × probability × worth × priority × incentive weight`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreParts {
    /// How well it fits the member, in (0, 1].
    pub fit: f64,
    /// Calibrated probability that the member accepts it; `None` while nothing is learned (then it counts as 1).
    pub probability: Option<f64>,
    /// What it is worth to the shop.
    pub worth: f64,
    /// The offer's priority.
    pub priority: f64,
    /// Weight of its incentive.
    pub incentive: f64,
    /// The comparable score.
    pub score: f64,
    /// What its scarce resources cost at their prices; 0 where nothing is scarce. The list takes the best of
    /// `score − price`.
    pub price: f64,
}

/// The first rule that stood against an offer.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Its window is not open on this day, or it needs a calendar that the data does not have.
    NotOpen,
    /// Its `eligible` rule does not admit the member.
    NotEligible,
    /// The member did not opt in to its channel.
    NoOptIn,
    /// The member complains or waits for a return, and it sells something.
    AtOdds,
    /// The member lives in none of its cities or city tiers, or has none of its loyalty tiers.
    NotForMember,
    /// It was refused; it rests until the end of a day.
    RefusedLately {
        /// That day.
        until: Day,
    },
    /// It was accepted; it rests until the end of a day.
    AcceptedLately {
        /// That day.
        until: Day,
    },
    /// It was sent; it rests until the end of a day.
    Cooldown {
        /// That day.
        until: Day,
    },
    /// It was sent and not answered; it rests until the end of a day.
    UnansweredLately {
        /// That day.
        until: Day,
    },
    /// It was sent as often as its cap for one member allows.
    SentOften {
        /// Times it was sent.
        times: u64,
        /// In so many days.
        days: u32,
    },
    /// The member was contacted as often as the cap over all offers allows.
    ContactedOften,
    /// Its kind found nothing to propose to the member.
    NothingToPropose,
    /// It has all the slots of the list that it may take.
    OfferFull,
    /// Its kind has all the slots it may take.
    KindFull,
    /// Its category has all the slots it may take.
    CategoryFull,
    /// Discounts hold their share of the list.
    DiscountsFull,
    /// The list has the same thing by another offer.
    Twice,
    /// It takes none of the slots that were left.
    SlotTaken,
    /// Better offers fill the list.
    Outranked {
        /// The lowest score in the list.
        lowest: f64,
    },
    /// A cap over all members is full: members for whom it is worth more have what there is.
    CapFull {
        /// Which cap, such as `caps.total`, `budget.seats`, `caps.per_city (上海)`, `caps.per_segment (seg_03)`,
        /// `decision.budget`.
        cap: String,
        /// Its price, in score per assignment.
        price: f64,
    },
}

impl Refusal {
    /// A code for the rule, as tables and tests name it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::NotEligible => "not_eligible",
            Self::NoOptIn => "no_opt_in",
            Self::AtOdds => "at_odds",
            Self::NotForMember => "not_for_member",
            Self::RefusedLately { .. } => "refused_lately",
            Self::AcceptedLately { .. } => "accepted_lately",
            Self::Cooldown { .. } => "cooldown",
            Self::UnansweredLately { .. } => "unanswered_lately",
            Self::SentOften { .. } => "sent_often",
            Self::ContactedOften => "contacted_often",
            Self::NothingToPropose => "nothing_to_propose",
            Self::OfferFull => "offer_full",
            Self::KindFull => "kind_full",
            Self::CategoryFull => "category_full",
            Self::DiscountsFull => "discounts_full",
            Self::Twice => "twice",
            Self::SlotTaken => "slot_taken",
            Self::Outranked { .. } => "outranked",
            Self::CapFull { .. } => "cap_full",
        }
    }
}
