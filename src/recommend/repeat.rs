//! What is never offered again, or not so soon: "what the member just bought and does not rebuy".

use std::collections::BTreeMap;

use crate::{
    input::ItemTable,
    items::{GapShape, ItemStatistics},
};

use super::{OwnItem, RecommendSettings};

/// Whether an item that the member has may be offered to that member again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatPolicy {
    /// Not within `never_repeat_days` of the last purchase.
    NeverRepeat,
    /// Not before half the usual gap is over: of the item, else of its category, or of `consumable_days`; the member's own,
    /// if that is shorter.
    Replenish,
    /// At any time.
    Always,
}

impl RepeatPolicy {
    /// The code in files and in the job.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NeverRepeat => "never_repeat",
            Self::Replenish => "replenish",
            Self::Always => "always",
        }
    }
}

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// The job says so.
    Declared,
    /// The history says so.
    Learned,
    /// Neither the job nor the history says anything else than `always`.
    Default,
}

impl PolicySource {
    /// The code in files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Learned => "learned",
            Self::Default => "default",
        }
    }
}

/// Opportunities that `never_repeat` needs before it is learned.
const LEARNING_SUPPORT: u64 = 500;
/// Repeat purchases that `replenish` needs before it is learned.
const REPEAT_SUPPORT: u64 = 100;
/// Largest share of them that may come before half the usual gap is over.
const MOST_EARLY: f64 = 0.2;
/// That share where purchases come at random: `1 - 2^(-1/2)`.
const EARLY_BY_CHANCE: f64 = 1.0 - std::f64::consts::FRAC_1_SQRT_2;
/// Least usual gap in days: below it half of it is no time to wait.
const LEAST_GAP: u32 = 7;
/// Purchases from which a member's own rhythm counts.
const OWN_PURCHASES: u32 = 3;
/// Quantile of the normal distribution: what is early must be rarer than by chance beyond it.
const CERTAIN: f64 = 1.96;

/// What a policy is learned from: how the *same* item is bought again, of a category or of one item.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct RepeatEvidence {
    /// Later baskets of members who have such an item.
    pub opportunities: u64,
    /// Those that hold it again.
    pub rebought: u64,
    /// Median days between two purchases of it; none where nobody bought it twice.
    pub usual_gap_days: Option<u32>,
    /// Pairs of purchases that the median is of.
    pub repeats: u64,
    /// Of those, the share that came before half the median was over.
    pub early_share: f64,
}

impl RepeatEvidence {
    fn new((rebought, opportunities): (u64, u64), gaps: Option<GapShape>) -> Self {
        Self {
            opportunities,
            rebought,
            usual_gap_days: gaps.map(|g| g.usual.days),
            repeats: gaps.map_or(0, |g| g.usual.count),
            early_share: gaps.map_or(0.0, |g| g.early_share()),
        }
    }

    /// Whether it is bought again in a rhythm: few repeats come early, and surely fewer than by chance.
    fn has_rhythm(&self) -> bool {
        let spread = (self.early_share * (1.0 - self.early_share) / self.repeats.max(1) as f64).sqrt();
        self.repeats >= REPEAT_SUPPORT
            && self.usual_gap_days.is_some_and(|days| days >= LEAST_GAP)
            && self.early_share <= MOST_EARLY
            && self.early_share + CERTAIN * spread < EARLY_BY_CHANCE
    }

    /// The policy that the history speaks for.
    fn policy(&self, never_below: f64) -> (RepeatPolicy, PolicySource) {
        let rate = self.rebought as f64 / self.opportunities.max(1) as f64;
        if self.opportunities >= LEARNING_SUPPORT && rate < never_below {
            (RepeatPolicy::NeverRepeat, PolicySource::Learned)
        } else if self.has_rhythm() {
            (RepeatPolicy::Replenish, PolicySource::Learned)
        } else {
            (RepeatPolicy::Always, PolicySource::Default)
        }
    }
}

/// The policy of a category, for people.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CategoryPolicy {
    /// The category's path.
    pub category: String,
    /// Its policy.
    pub policy: RepeatPolicy,
    /// Where that comes from.
    pub source: PolicySource,
    /// What the history says of it.
    #[serde(flatten)]
    pub evidence: RepeatEvidence,
}

/// For every item how long after its purchase it is not offered to the same member.
///
/// A category's policy is what the job declares for it or for the nearest category above it in its path. Where the job
/// declares none it is learned from how members buy the *same* item of it again:
///
/// * `never_repeat` if, of at least 500 later baskets of members who have an item of the category, the share that holds
///   that item again is below `never_repeat_below` times the shop's mean;
/// * `replenish` if, of at least 100 repeat purchases with a median gap of a week or more, at most a fifth come before
///   half the median is over, and surely (95%) fewer than the 29% of purchases that come at random;
/// * else `always`, for then the score itself tells who rebuys.
///
/// An item without a category is judged by its own purchases in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatRules {
    policy: Vec<RepeatPolicy>,
    source: Vec<PolicySource>,
    wait: Vec<u32>,
    categories: Vec<CategoryPolicy>,
}

impl RepeatRules {
    /// Resolves the policies of all items; declared names that are no category are given back, in order.
    #[must_use]
    pub fn new(settings: &RecommendSettings, items: &ItemTable, statistics: &ItemStatistics) -> (Self, Vec<String>) {
        let never_below = settings.never_repeat_below * statistics.mean_rebuy_rate();
        let categories: Vec<CategoryPolicy> = items
            .categories
            .iter()
            .enumerate()
            .map(|(category, path)| {
                let c = category as u32;
                let evidence = RepeatEvidence::new(statistics.category_rebuy(c), statistics.category_repeat_gap(c));
                let (policy, source) = match declared(&settings.repeat, path) {
                    Some(policy) => (policy, PolicySource::Declared),
                    None => evidence.policy(never_below),
                };
                CategoryPolicy { category: path.to_owned(), policy, source, evidence }
            })
            .collect();
        let (policy, source): (Vec<RepeatPolicy>, Vec<PolicySource>) = (0..items.len() as u32)
            .map(|item| match items.category_of(item).and_then(|c| categories.get(c as usize)) {
                Some(of) => (of.policy, of.source),
                None => {
                    let rebuy = (statistics.rebought(item), statistics.opportunities(item));
                    RepeatEvidence::new(rebuy, statistics.repeat_gap(item)).policy(never_below)
                }
            })
            .unzip();
        let wait = policy
            .iter()
            .enumerate()
            .map(|(item, policy)| match policy {
                RepeatPolicy::Always => 0,
                RepeatPolicy::NeverRepeat => settings.never_repeat_days,
                RepeatPolicy::Replenish => {
                    let lasts = items.consumable_days.get(item).copied().flatten();
                    lasts.or_else(|| statistics.usual_gap(item as u32).map(|gap| gap.days)).unwrap_or(0) / 2
                }
            })
            .collect();
        let known = |name: &str| items.categories.iter().any(|path| is_below(path, name));
        let unknown = settings.repeat.keys().filter(|name| !known(name)).cloned().collect();
        (Self { policy, source, wait, categories }, unknown)
    }

    /// The rules of `never_repeat` and of `replenish` in words, with the shop's mean rebuy rate.
    #[must_use]
    pub fn in_words(never_repeat_below: f64, mean_rebuy_rate: f64) -> (String, String) {
        let never = format!(
            "rebought / opportunities below {:.6} ({never_repeat_below} times the shop's mean), of at least \
             {LEARNING_SUPPORT} opportunities",
            never_repeat_below * mean_rebuy_rate
        );
        let replenish = format!(
            "early_share at most {MOST_EARLY}, and surely (95%) below {EARLY_BY_CHANCE:.3}, of at least {REPEAT_SUPPORT} \
             repeats with a median gap of at least {LEAST_GAP} days; early is before half the median gap"
        );
        (never, replenish)
    }

    /// No rule at all, for `items` items.
    #[must_use]
    pub fn none(items: usize) -> Self {
        Self {
            policy: vec![RepeatPolicy::Always; items],
            source: vec![PolicySource::Default; items],
            wait: vec![0; items],
            categories: Vec::new(),
        }
    }

    /// The item's policy.
    #[must_use]
    pub fn policy(&self, item: u32) -> RepeatPolicy {
        self.policy[item as usize]
    }

    /// Where the item's policy comes from.
    #[must_use]
    pub fn source(&self, item: u32) -> PolicySource {
        self.source[item as usize]
    }

    /// Days (baskets, where the data has no time) after a purchase during which the item is not offered to the member.
    #[must_use]
    pub fn wait(&self, item: u32) -> u32 {
        self.wait[item as usize]
    }

    /// The same for what a member has: who buys a `replenish` item in a rhythm of their own waits for half of their own mean
    /// gap, if that is shorter.
    #[must_use]
    pub fn wait_of(&self, own: &OwnItem) -> u32 {
        let usual = self.wait(own.item);
        if usual == 0 || own.count < OWN_PURCHASES || self.policy(own.item) != RepeatPolicy::Replenish {
            return usual;
        }
        usual.min(own.last_day.since(own.first_day).unsigned_abs() / (own.count - 1) / 2)
    }

    /// Whether what a member has is not offered again yet.
    #[must_use]
    pub fn rests(&self, own: &OwnItem) -> bool {
        own.age < self.wait_of(own)
    }

    /// The policies of the categories, in byte order of their paths.
    #[must_use]
    pub fn categories(&self) -> &[CategoryPolicy] {
        &self.categories
    }

    /// Items under a policy.
    #[must_use]
    pub fn count(&self, policy: RepeatPolicy) -> usize {
        self.policy.iter().filter(|p| **p == policy).count()
    }
}

fn is_below(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn declared(repeat: &BTreeMap<String, RepeatPolicy>, path: &str) -> Option<RepeatPolicy> {
    repeat.iter().filter(|(name, _)| is_below(path, name)).max_by_key(|(name, _)| name.len()).map(|(_, policy)| *policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(opportunities: u64, rebought: u64, gaps: Option<(u32, u64, f64)>) -> RepeatPolicy {
        let (usual_gap_days, repeats, early_share) = gaps.map_or((None, 0, 0.0), |(d, n, e)| (Some(d), n, e));
        RepeatEvidence { opportunities, rebought, usual_gap_days, repeats, early_share }.policy(0.01).0
    }

    #[test]
    fn the_rule_and_its_support() {
        // Bought again less than a hundredth of the time, often enough seen.
        assert_eq!(of(500, 4, None), RepeatPolicy::NeverRepeat);
        assert_eq!(of(499, 0, None), RepeatPolicy::Always);
        assert_eq!(of(500, 5, None), RepeatPolicy::Always);
        // A rhythm: few come early, often enough seen, and not by chance.
        assert_eq!(of(9000, 900, Some((30, 900, 0.06))), RepeatPolicy::Replenish);
        assert_eq!(of(9000, 900, Some((30, 900, 0.21))), RepeatPolicy::Always);
        assert_eq!(of(900, 99, Some((30, 99, 0.06))), RepeatPolicy::Always);
        assert_eq!(of(900, 110, Some((30, 110, 0.19))), RepeatPolicy::Replenish);
        assert_eq!(of(900, 110, Some((6, 110, 0.06))), RepeatPolicy::Always);
        // Of the two, what is not bought again goes first.
        assert_eq!(of(90_000, 110, Some((200, 110, 0.06))), RepeatPolicy::NeverRepeat);
    }
}
