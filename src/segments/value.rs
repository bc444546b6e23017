//! Bands of net spend.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        Currency, Minor,
        findings::{Findings, JobPath},
    },
    history::Timeline,
};

/// A band of net spend; the shop's own, not the programme's tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueBand {
    /// The biggest spenders.
    Top,
    /// Next to them.
    High,
    /// The middle.
    Mid,
    /// Everyone else.
    Low,
}

/// Bands of net spend: shares of the members, counted from the biggest spender down.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawValueBands {
    /// Days before the as-of date that count, the as-of date included; left out: all of the history.
    pub window_days: Option<u32>,
    /// Share of the members in the band `top`; 0.05 if left out.
    pub top: Option<f64>,
    /// Share of the members in `top` and `high` together; 0.2 if left out.
    pub high: Option<f64>,
    /// Share of the members in `top`, `high` and `mid` together; 0.5 if left out. The others are `low`.
    pub mid: Option<f64>,
}

/// Checked value bands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueSettings {
    /// Days that count; `None`: all.
    pub window_days: Option<u32>,
    /// Shares of the members at the lower ends of `top`, `high` and `mid`: not falling, each in 0…1.
    pub shares: [f64; 3],
}

impl RawValueBands {
    /// Checks the section.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> ValueSettings {
        let usual = [0.05, 0.2, 0.5];
        let mut shares = [self.top.unwrap_or(usual[0]), self.high.unwrap_or(usual[1]), self.mid.unwrap_or(usual[2])];
        let fits = shares[0] >= 0.0 && shares[0] <= shares[1] && shares[1] <= shares[2] && shares[2] <= 1.0;
        if !fits {
            findings.error(
                "segments::value_order",
                at.clone(),
                format!("top {}, high {} and mid {} do not rise from 0 to 1", shares[0], shares[1], shares[2]),
                "each is the share of members down to the end of its band, such as 0.05, 0.2 and 0.5",
            );
            shares = usual;
        }
        if self.window_days == Some(0) {
            findings.error(
                "segments::value_window",
                at.key("window_days"),
                "a window of 0 days holds no purchase",
                "give at least 1 day, or leave it out for all of the history",
            );
        }
        ValueSettings { window_days: self.window_days.filter(|d| *d > 0), shares }
    }
}

/// Least net spend of each band but `low`, in minor units; `None` where the band is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueThresholds {
    /// Of `top`.
    pub top: Option<Minor>,
    /// Of `high`.
    pub high: Option<Minor>,
    /// Of `mid`.
    pub mid: Option<Minor>,
}

impl ValueSettings {
    /// The settings that hold on a timeline: without calendar time there is no window.
    pub(super) fn on(&self, timeline: Timeline) -> Self {
        Self { window_days: self.window_days.filter(|_| timeline == Timeline::Calendar), shares: self.shares }
    }

    /// The thresholds over all members' net spend, in any order.
    ///
    /// A band holds at most its share of the members: where equal spends straddle the end of a band, all of them go to
    /// the band below. Nobody without spend is above `low`.
    #[must_use]
    pub fn thresholds(&self, mut spends: Vec<Minor>) -> ValueThresholds {
        spends.sort_unstable_by(|a, b| b.cmp(a));
        let [top, high, mid] = self.shares.map(|share| {
            // 0.29 × 100 is 28.999…6 in binary; the members meant are 29.
            let members = ((share * spends.len() as f64 + 1e-9).floor() as usize).min(spends.len());
            let least = *spends.get(members.checked_sub(1)?)?;
            if spends.get(members) != Some(&least) {
                return Some(least);
            }
            let above = spends.partition_point(|s| *s > least);
            spends.get(above.checked_sub(1)?).copied()
        });
        let positive = |least: Option<Minor>| least.map(|l| l.max(1));
        ValueThresholds { top: positive(top), high: positive(high), mid: positive(mid) }
    }

    /// The rule of a band in words, for the tag dictionary.
    pub(super) fn rule(&self, band: ValueBand, thresholds: &ValueThresholds, currency: Currency) -> String {
        let window = match self.window_days {
            Some(days) => format!("net spend of the last {days} days"),
            None => "net spend".to_owned(),
        };
        let money = |amount: Minor| format!("{} {}", currency.code(), currency.format(amount));
        let percent = |share: f64| format!("{} %", (share * 1000.0).round() / 10.0);
        let from = |least: Option<Minor>, share: f64| match least {
            Some(least) => format!("{window} at least {} (the first {} of members)", money(least), percent(share)),
            None => format!("{window} among the first {} of members; nobody at present", percent(share)),
        };
        let [top, high, mid] = self.shares;
        match band {
            ValueBand::Top => from(thresholds.top, top),
            ValueBand::High => from(thresholds.high, high) + ", not top",
            ValueBand::Mid => from(thresholds.mid, mid) + ", not top or high",
            ValueBand::Low => format!("{window} below that of mid"),
        }
    }
}

impl ValueThresholds {
    /// The band of a net spend.
    #[must_use]
    pub fn band(&self, spend: Minor) -> ValueBand {
        let reaches = |least: Option<Minor>| least.is_some_and(|l| spend >= l);
        if reaches(self.top) {
            ValueBand::Top
        } else if reaches(self.high) {
            ValueBand::High
        } else if reaches(self.mid) {
            ValueBand::Mid
        } else {
            ValueBand::Low
        }
    }
}

impl ValueBand {
    /// Every band, the highest first.
    pub const ALL: [Self; 4] = [Self::Top, Self::High, Self::Mid, Self::Low];

    /// The band in snake_case, as outputs carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Top => "top",
            Self::High => "high",
            Self::Mid => "mid",
            Self::Low => "low",
        }
    }

    /// Chinese and English name.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Top => ("顶级价值", "Top value"),
            Self::High => ("高价值", "High value"),
            Self::Mid => ("中价值", "Mid value"),
            Self::Low => ("低价值", "Low value"),
        }
    }
}
