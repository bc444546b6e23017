//! How far each offer reaches: how many members are left after each step of the decision.

use super::trace::Refusal;

/// Members left after each step, for one offer. Each step counts those that passed all before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whom its rule, cities, tiers and window admit.
    pub eligible: u64,
    /// Who agreed to be contacted on its channel.
    pub consented: u64,
    /// Whom no contact rule (refusal, cooldown, cap a member) keeps it from.
    pub rested: u64,
    /// For whom its kind found a reason.
    pub with_reason: u64,
    /// Who got a slot in the best list before caps over all members.
    pub wanted: u64,
    /// Who is left after the caps over all members: who has it.
    pub after_caps: u64,
}

impl Reach {
    /// Adds another shard's counts.
    pub fn add(&mut self, other: &Self) {
        self.eligible += other.eligible;
        self.consented += other.consented;
        self.rested += other.rested;
        self.with_reason += other.with_reason;
        self.wanted += other.wanted;
        self.after_caps += other.after_caps;
    }

    /// Counts a member whom the offer is closed to for this reason, or open to.
    pub(super) fn count(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            Some(Refusal::NotOpen | Refusal::NotEligible | Refusal::AtOdds | Refusal::NotForMember) => {}
            Some(Refusal::NoOptIn) => self.eligible += 1,
            Some(_) => {
                self.eligible += 1;
                self.consented += 1;
            }
            None => {
                self.eligible += 1;
                self.consented += 1;
                self.rested += 1;
            }
        }
    }
}
