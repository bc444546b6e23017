//! The eight classes of recency, frequency and money that Chinese marketers work with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MemberFacts;
use crate::base::{Currency, Day};

/// A class of recency, frequency and money, each high or low against the shop's middle. 重要 (key) members spend much,
/// 一般 (general) ones little; 价值 members come often and lately, 发展 lately but seldom, 保持 often but not lately, 挽留
/// neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RfmClass {
    /// 重要价值: lately, often, much.
    KeyValue,
    /// 重要发展: lately, seldom, much.
    KeyDevelop,
    /// 重要保持: not lately, often, much.
    KeyKeep,
    /// 重要挽留: not lately, seldom, much.
    KeyWinBack,
    /// 一般价值: lately, often, little.
    GeneralValue,
    /// 一般发展: lately, seldom, little.
    GeneralDevelop,
    /// 一般保持: not lately, often, little.
    GeneralKeep,
    /// 一般挽留: not lately, seldom, little.
    GeneralWinBack,
}

impl RfmClass {
    /// Every class, in the order marketers list them.
    pub const ALL: [Self; 8] = [
        Self::KeyValue,
        Self::KeyDevelop,
        Self::KeyKeep,
        Self::KeyWinBack,
        Self::GeneralValue,
        Self::GeneralDevelop,
        Self::GeneralKeep,
        Self::GeneralWinBack,
    ];

    /// The class of a member who bought lately, often, much, or not.
    #[must_use]
    pub fn of(lately: bool, often: bool, much: bool) -> Self {
        let manner = match (lately, often) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        Self::ALL[manner + if much { 0 } else { 4 }]
    }

    /// Whether the class means lately, often, much.
    #[must_use]
    pub fn means(self) -> [bool; 3] {
        let place = self as usize;
        [place % 4 < 2, place.is_multiple_of(2), place < 4]
    }

    /// The class in snake_case, as outputs carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyValue => "key_value",
            Self::KeyDevelop => "key_develop",
            Self::KeyKeep => "key_keep",
            Self::KeyWinBack => "key_win_back",
            Self::GeneralValue => "general_value",
            Self::GeneralDevelop => "general_develop",
            Self::GeneralKeep => "general_keep",
            Self::GeneralWinBack => "general_win_back",
        }
    }

    /// Chinese and English name.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::KeyValue => ("重要价值客户", "Key: value"),
            Self::KeyDevelop => ("重要发展客户", "Key: develop"),
            Self::KeyKeep => ("重要保持客户", "Key: keep"),
            Self::KeyWinBack => ("重要挽留客户", "Key: win back"),
            Self::GeneralValue => ("一般价值客户", "General: value"),
            Self::GeneralDevelop => ("一般发展客户", "General: develop"),
            Self::GeneralKeep => ("一般保持客户", "General: keep"),
            Self::GeneralWinBack => ("一般挽留客户", "General: win back"),
        }
    }
}

/// What recency, frequency and money are measured against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RfmAgainst {
    /// The mean of all members.
    #[default]
    Mean,
    /// The lower median of all members.
    Median,
}

/// Recency, frequency and money of the shop's middle. Part of the model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RfmThresholds {
    /// Days since the last purchase; at most this many is lately.
    pub recency_days: f64,
    /// Purchase days; more is often.
    pub purchase_days: f64,
    /// Net spend in minor units; more is much.
    pub net_spend: f64,
}

impl RfmAgainst {
    /// The thresholds over all members, in any order; `None` without members, or where nobody spends anything.
    pub(super) fn thresholds<'a>(
        self,
        facts: &(impl Iterator<Item = &'a MemberFacts> + Clone),
        as_of: Day,
    ) -> Option<RfmThresholds> {
        let middle = |of: &dyn Fn(&MemberFacts) -> i64| -> Option<f64> {
            let mut values: Vec<i64> = facts.clone().map(of).collect();
            let members = values.len();
            match self {
                Self::Mean => {
                    let sum: i128 = values.iter().map(|v| i128::from(*v)).sum();
                    (members > 0).then(|| sum as f64 / members as f64)
                }
                Self::Median => {
                    let at = members.checked_sub(1)? / 2;
                    Some(*values.select_nth_unstable(at).1 as f64)
                }
            }
        };
        let thresholds = RfmThresholds {
            recency_days: middle(&|f| i64::from(as_of.since(f.last)))?,
            purchase_days: middle(&|f| i64::from(f.purchase_days))?,
            net_spend: middle(&|f| f.net_spend)?,
        };
        facts.clone().any(|f| f.net_spend > 0).then_some(thresholds)
    }
}

impl RfmThresholds {
    /// The class of a member.
    #[must_use]
    pub fn class(&self, facts: &MemberFacts, as_of: Day) -> RfmClass {
        RfmClass::of(
            f64::from(as_of.since(facts.last)) <= self.recency_days,
            f64::from(facts.purchase_days) > self.purchase_days,
            facts.net_spend as f64 > self.net_spend,
        )
    }

    /// The rule of a class in words, for the tag dictionary.
    pub(super) fn rule(&self, class: RfmClass, against: RfmAgainst, currency: Currency) -> String {
        let [lately, often, much] = class.means();
        let tenth = |v: f64| (v * 10.0).round() / 10.0;
        let money = currency.format(self.net_spend.round() as i64);
        let against = match against {
            RfmAgainst::Mean => "means",
            RfmAgainst::Median => "medians",
        };
        format!(
            "last purchase {} {} days ago, {} {} purchase days, net spend {} {} {money}; the numbers are all members' {against}",
            if lately { "at most" } else { "more than" },
            tenth(self.recency_days),
            if often { "more than" } else { "at most" },
            tenth(self.purchase_days),
            if much { "over" } else { "at most" },
            currency.code(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_their_meaning() {
        for class in RfmClass::ALL {
            let [lately, often, much] = class.means();
            assert_eq!(RfmClass::of(lately, often, much), class);
        }
        assert_eq!(RfmClass::of(true, false, true).names().0, "重要发展客户");
        assert_eq!(RfmClass::of(false, true, true).names().0, "重要保持客户");
        assert_eq!(RfmClass::of(false, false, false).names().0, "一般挽留客户");
    }
}
