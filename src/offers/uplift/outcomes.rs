//! What a member did in a window of days, and what was known of the member before it.

use crate::{
    base::{Day, Minor},
    history::{NO_CODE, Shard},
    input::{ActivityKind, MemberAttributes},
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Bought within the window: among all, who all had bought before.
    RepeatPurchase,
    /// Bought within the window: among those who were dormant or lost at its start.
    Reactivation,
    /// Bought within the window through another channel than the one the member had mostly used: among those with one.
    CrossChannel,
    /// Net spend within the window, in minor units.
    Spend,
    /// Brought somebody within the window; only where the shop logs it.
    Referral,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::RepeatPurchase, Self::Reactivation, Self::CrossChannel, Self::Spend, Self::Referral];

    /// The code written to files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::RepeatPurchase => "repeat_purchase",
            Self::Reactivation => "reactivation",
            Self::CrossChannel => "cross_channel",
            Self::Spend => "spend",
            Self::Referral => "referral",
        }
    }

    /// Whether it is a share of members; else an amount of money.
    #[must_use]
    pub fn is_share(self) -> bool {
        self != Self::Spend
    }
}

/// What was known of a member at the start of a window: covariates of an outcome.
pub const COVARIATES: [&str; 3] = ["spend_before", "purchase_days_before", "days_since_purchase"];

/// A window: the days after `start`, as many as `days`; and how far back it is looked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Last day before it.
    pub start: Day,
    /// Its length.
    pub days: u32,
    /// Days up to `start` that covariates are taken from.
    pub history_days: u32,
}

impl Window {
    /// Its last day.
    #[must_use]
    pub fn end(&self) -> Day {
        self.start.plus(i32::try_from(self.days).unwrap_or(i32::MAX))
    }
}

/// A member seen around a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Whether the member had bought before the window.
    pub known: bool,
    bought: bool,
    spend: Minor,
    /// Whether the member bought through a channel other than the usual one; none without a usual one.
    crossed: Option<bool>,
    referred: bool,
    before: [f64; COVARIATES.len()],
}

/// Looks at a member around a window. Returns after the window's end are not seen, nor those after its start for what was
/// before. `lines_by_channel` is room, one number a channel.
#[must_use]
pub fn look(
    shard: &Shard,
    member: usize,
    attributes: &MemberAttributes,
    window: Window,
    lines_by_channel: &mut Vec<u32>,
) -> Seen {
    let (start, end) = (window.start, window.end());
    let first = start.plus(-i32::try_from(window.history_days).unwrap_or(i32::MAX));
    let mut seen = Seen::default();
    let (mut spent, mut days, mut last_day): (Minor, u32, Option<Day>) = (0, 0, None);
    lines_by_channel.clear();
    let mut new_channels: Vec<u16> = Vec::new();
    for order in shard.orders_of(member) {
        let day = shard.order_day(order);
        if day > end {
            break;
        }
        let before = day <= start;
        let cut = if before { start } else { end };
        let mut bought = false;
        let mut amount = 0;
        for line in shard.lines_of(order) {
            amount += shard.amount.at(line);
            if !shard.is_purchase(line, cut) {
                continue;
            }
            bought = true;
            let Some(channel) = shard.channel.get(line).filter(|c| *c != NO_CODE) else { continue };
            if before {
                let at = usize::from(channel);
                if lines_by_channel.len() <= at {
                    lines_by_channel.resize(at + 1, 0);
                }
                lines_by_channel[at] += 1;
            } else if !new_channels.contains(&channel) {
                new_channels.push(channel);
            }
        }
        if before {
            seen.known |= bought;
            if day > first {
                spent += amount;
                days += u32::from(bought && last_day != Some(day));
            }
            if bought {
                last_day = Some(day);
            }
        } else {
            seen.bought |= bought;
            seen.spend += amount;
        }
    }
    let usual = lines_by_channel.iter().enumerate().filter(|(_, n)| **n > 0);
    let usual = usual.max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(&a.0))).map(|(channel, _)| channel);
    seen.crossed = usual.map(|usual| new_channels.iter().any(|c| usize::from(*c) != usual));
    seen.referred = attributes.did(ActivityKind::Referral, end).any(|a| a.day > start);
    let most = f64::from(window.history_days);
    let since = last_day.map_or(most, |day| f64::from(start.since(day)).min(most));
    seen.before = [spent as f64, f64::from(days), since];
    seen
}

impl Seen {
    /// What came of an outcome; none where the member is not among those it is measured for. `away`: dormant or lost at the
    /// window's start.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome, away: bool) -> Option<f64> {
        let yes = |held: bool| f64::from(u8::from(held));
        match outcome {
            Outcome::RepeatPurchase => Some(yes(self.bought)),
            Outcome::Reactivation => away.then_some(yes(self.bought)),
            Outcome::CrossChannel => self.crossed.map(yes),
            Outcome::Spend => Some(self.spend as f64),
            Outcome::Referral => Some(yes(self.referred)),
        }
    }

    /// What was known before, in the order of [`COVARIATES`].
    #[must_use]
    pub fn before(&self) -> &[f64; COVARIATES.len()] {
        &self.before
    }
}
