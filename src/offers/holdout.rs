//! Who is held out: a salted hash of the member, so that nobody changes sides between nights.
//!
//! There is one holdout for all offers, and there may be one more for a kind of offers: its members get ghost decisions
//! of that kind and everything else like anybody. Holdouts are drawn independently of each other.

use std::collections::BTreeMap;

use super::settings::DecisionSettings;
use crate::base::hash::{hash_in_share, id_hash, salted_hash};

/// Which arm a member is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The arm of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Treated, Self::Holdout].into_iter().find(|arm| arm.code() == code)
    }
}

/// One draw of members.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Draw {
    salt: u64,
    share: f64,
}

impl Draw {
    fn holds(self, member_id: &str) -> bool {
        self.share > 0.0 && hash_in_share(salted_hash(member_id.as_bytes(), self.salt), self.share)
    }
}

/// The rule of the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct Holdout {
    all: Draw,
    /// By code of the kind.
    kinds: BTreeMap<String, Draw>,
}

impl Holdout {
    /// The rule that the job sets.
    #[must_use]
    pub fn new(settings: &DecisionSettings) -> Self {
        let salt = id_hash(settings.holdout_salt.as_bytes());
        let draw = |(kind, share): (&String, &f64)| {
            (kind.clone(), Draw { salt: salted_hash(kind.as_bytes(), salt), share: *share })
        };
        Self {
            all: Draw { salt, share: settings.holdout_share },
            kinds: settings.holdout_kinds.iter().filter(|(_, share)| **share > 0.0).map(draw).collect(),
        }
    }

    /// Whether anybody is held out of anything.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.all.share > 0.0 || !self.kinds.is_empty()
    }

    /// The member's arm for all offers. Growing the share moves members into the holdout and none out of it.
    #[must_use]
    pub fn arm(&self, member_id: &str) -> Arm {
        if self.all.holds(member_id) { Arm::Holdout } else { Arm::Treated }
    }

    /// The member's arm for offers of a kind: held out of all, or of this kind.
    #[must_use]
    pub fn arm_of(&self, member_id: &str, kind: &str) -> Arm {
        if self.arm(member_id) == Arm::Holdout || self.is_held_out_of(member_id, kind) {
            Arm::Holdout
        } else {
            Arm::Treated
        }
    }

    /// Whether the holdout of this kind alone has the member.
    #[must_use]
    pub fn is_held_out_of(&self, member_id: &str, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(|draw| draw.holds(member_id))
    }

    /// Share of members that are held out of all offers.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.all.share
    }

    /// Share of members that the holdout of a kind has, if there is one.
    #[must_use]
    pub fn share_of(&self, kind: &str) -> Option<f64> {
        self.kinds.get(kind).map(|draw| draw.share)
    }

    /// What tells one experiment from another: arms are the same while it is. `None`: the one of all offers.
    #[must_use]
    pub fn experiment(&self, kind: Option<&str>) -> u64 {
        let own = kind.map_or(Draw { salt: 0, share: 0.0 }, |kind| {
            self.kinds.get(kind).copied().unwrap_or(Draw { salt: 0, share: 0.0 })
        });
        let mut bytes = Vec::with_capacity(32);
        for draw in [self.all, own] {
            bytes.extend_from_slice(&draw.salt.to_le_bytes());
            bytes.extend_from_slice(&draw.share.to_bits().to_le_bytes());
        }
        id_hash(&bytes)
    }
}
