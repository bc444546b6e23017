//! What is never offered again, or not so soon: "what the member just bought and does not rebuy".

use std::collections::BTreeMap;

use crate::{input::ItemTable, items::ItemStatistics};

use super::RecommendSettings;

/// Whether an item that the member has may be offered to that member again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatPolicy {
    /// Not within `never_repeat_days` of the last purchase.
    NeverRepeat,
    /// Not before half the usual gap (of the item, else of its category; or half of `consumable_days`) is over.
    Replenish,
    /// At any time.
    Always,
}

/// Opportunities a category needs before its policy is learned.
const LEARNING_SUPPORT: u64 = 500;

/// For every item how long after its purchase it is not offered to the same member.
///
/// A category's policy is what the job declares for it or for the nearest category above it in its path. Where the job
/// declares none it is learned: `never_repeat` if, of at least 500 later baskets of members who have an item of the
/// category, the share that holds the *same* item again is below `never_repeat_below` times the shop's mean; else
/// `always`, for then the score itself tells who rebuys. Items without a category are `always`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatRules {
    policy: Vec<RepeatPolicy>,
    wait: Vec<u32>,
}

impl RepeatRules {
    /// Resolves the policies of all items; declared names that are no category are given back, in order.
    #[must_use]
    pub fn new(settings: &RecommendSettings, items: &ItemTable, statistics: &ItemStatistics) -> (Self, Vec<String>) {
        let by_category: Vec<RepeatPolicy> = items
            .categories
            .iter()
            .enumerate()
            .map(|(category, path)| {
                declared(&settings.repeat, path).unwrap_or_else(|| learned(settings, statistics, category as u32))
            })
            .collect();
        let policy: Vec<RepeatPolicy> = (0..items.len() as u32)
            .map(|item| items.category_of(item).map_or(RepeatPolicy::Always, |c| by_category[c as usize]))
            .collect();
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
        (Self { policy, wait }, unknown)
    }

    /// No rule at all, for `items` items.
    #[must_use]
    pub fn none(items: usize) -> Self {
        Self { policy: vec![RepeatPolicy::Always; items], wait: vec![0; items] }
    }

    /// The item's policy.
    #[must_use]
    pub fn policy(&self, item: u32) -> RepeatPolicy {
        self.policy[item as usize]
    }

    /// Days (baskets, where the data has no time) after a purchase during which the item is not offered to the member.
    #[must_use]
    pub fn wait(&self, item: u32) -> u32 {
        self.wait[item as usize]
    }
}

fn is_below(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn declared(repeat: &BTreeMap<String, RepeatPolicy>, path: &str) -> Option<RepeatPolicy> {
    repeat.iter().filter(|(name, _)| is_below(path, name)).max_by_key(|(name, _)| name.len()).map(|(_, policy)| *policy)
}

fn learned(settings: &RecommendSettings, statistics: &ItemStatistics, category: u32) -> RepeatPolicy {
    let (rebought, opportunities) = statistics.category_rebuy(category);
    let rate = rebought as f64 / opportunities.max(1) as f64;
    if opportunities >= LEARNING_SUPPORT && rate < settings.never_repeat_below * statistics.mean_rebuy_rate() {
        RepeatPolicy::NeverRepeat
    } else {
        RepeatPolicy::Always
    }
}
