//! Who is held out: a salted hash of the member, so that nobody changes sides between nights.

use super::settings::DecisionSettings;
use crate::base::hash::{hash_in_share, id_hash, salted_hash};

/// Which arm a member is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// Gets the decisions.
    Treated,
    /// Gets ghost decisions, which are written but never exported.
    Holdout,
}

impl Arm {
    /// The code written to files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Treated => "treated",
            Self::Holdout => "holdout",
        }
    }
}

/// The rule of the holdout.
#[derive(Debug, Clone, Copy)]
pub struct Holdout {
    salt: u64,
    share: f64,
}

impl Holdout {
    /// The rule that the job sets.
    #[must_use]
    pub fn new(settings: &DecisionSettings) -> Self {
        Self { salt: id_hash(settings.holdout_salt.as_bytes()), share: settings.holdout_share }
    }

    /// The member's arm. Growing the share moves members into the holdout and none out of it.
    #[must_use]
    pub fn arm(&self, member_id: &str) -> Arm {
        if hash_in_share(salted_hash(member_id.as_bytes(), self.salt), self.share) {
            Arm::Holdout
        } else {
            Arm::Treated
        }
    }
}
