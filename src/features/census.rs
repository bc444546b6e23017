//! The shop-wide figures that decide which categories and channels get a share feature of their own. Exact integers:
//! the sum over shards is the same in any order.

use serde::{Deserialize, Serialize};

use super::{categories::CategoryGroups, settings::Features};
use crate::{
    base::{Day, IdTable, Minor},
    history::Shard,
};

/// Net spend and purchase lines by category, purchase spend and lines by channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// By category group.
    categories: Vec<Share>,
    /// By channel code.
    channels: Vec<Share>,
    /// Whether any shard has discounts.
    pub has_discounts: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    spend: i128,
    lines: u64,
}

impl Share {
    fn add(&mut self, spend: Minor, lines: u64) {
        self.spend += i128::from(spend);
        self.lines += lines;
    }
}

/// The categories and channels with a share feature of their own, in column order. Part of the model: a run that starts
/// from last night's centroids keeps last night's vocabulary, so that the columns mean the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Category path prefixes, those with the most net spend first.
    pub categories: Vec<String>,
    /// Channels, those with the most purchase spend first.
    pub channels: Vec<String>,
    /// The settings it was made under: levels of the category path, most categories, most channels.
    pub made_under: (usize, usize, usize),
}

impl Vocabulary {
    /// Whether it was made under these settings; under others it would name other groups.
    #[must_use]
    pub fn fits(&self, settings: &Features) -> bool {
        self.made_under == made_under(settings)
    }
}

fn made_under(settings: &Features) -> (usize, usize, usize) {
    (settings.category_level, settings.top_categories, settings.top_channels)
}

impl Census {
    /// Counts one shard's lines up to `cut`.
    pub fn of_shard(shard: &Shard, groups: &CategoryGroups, channels: usize, cut: Day) -> Self {
        let mut census = Self {
            categories: vec![Share::default(); groups.names.len()],
            channels: vec![Share::default(); if shard.channel.is_empty() { 0 } else { channels }],
            has_discounts: !shard.discount.is_empty(),
        };
        for order in 0..shard.orders() {
            if shard.order_day(order) > cut {
                continue;
            }
            for line in shard.lines_of(order) {
                let bought = shard.is_purchase(line, cut);
                let amount = shard.amount.at(line);
                if let Some(group) = groups.of(shard.item[line]) {
                    census.categories[group].add(amount, u64::from(bought));
                }
                if bought
                    && let Some(channel) = shard.channel.get(line)
                    && let Some(share) = census.channels.get_mut(usize::from(channel))
                {
                    share.add(amount, 1);
                }
            }
        }
        census
    }

    /// Adds another shard's figures.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.categories, &other.categories), (&mut self.channels, &other.channels)] {
            mine.resize(mine.len().max(theirs.len()), Share::default());
            for (m, t) in mine.iter_mut().zip(theirs) {
                m.spend += t.spend;
                m.lines += t.lines;
            }
        }
        self.has_discounts |= other.has_discounts;
    }

    /// The categories and channels with the most spend; ties by purchase lines, then by bytes.
    pub fn vocabulary(&self, groups: &IdTable, channels: &IdTable, settings: &Features) -> Vocabulary {
        Vocabulary {
            categories: best(&self.categories, groups, settings.top_categories),
            channels: best(&self.channels, channels, settings.top_channels),
            made_under: made_under(settings),
        }
    }
}

fn best(shares: &[Share], names: &IdTable, top: usize) -> Vec<String> {
    let mut order: Vec<usize> = (0..shares.len()).filter(|i| shares[*i].lines > 0).collect();
    // Indices are ranks in byte order.
    order.sort_by(|a, b| {
        let key = |i: usize| (std::cmp::Reverse(shares[i].spend), std::cmp::Reverse(shares[i].lines), i);
        key(*a).cmp(&key(*b))
    });
    order.iter().take(top).map(|i| names.get(*i).to_owned()).collect()
}
