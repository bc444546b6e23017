//! The parameters of a shop.

use super::GenerateError;
use crate::base::Day;

/// Version of the generator: the same spec gives the same data only within one version. Part of `recipe.json`.
pub const FORMAT: u32 = 2;
/// The last day of a shop unless another is asked for: 2026-06-30. Never the clock.
pub const DEFAULT_LAST_DAY: Day = Day(20_634);
/// Days of history unless asked for: two years.
pub const DEFAULT_DAYS: u32 = 730;
/// Fewest items: every category needs a few.
pub const MIN_ITEMS: u32 = 200;

/// What shop to generate. The same spec gives the same bytes, whatever the number of threads.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopSpec {
    /// Members in the members table, 1…50,000,000. About 2% of them have bought nothing.
    pub members: u64,
    /// Rows in the transactions table, planted dirt included: exactly so many. At most 2,000 a member.
    pub lines: u64,
    /// Items of the catalogue, [`MIN_ITEMS`]…1,000,000.
    pub items: u32,
    /// Seed of every draw.
    pub seed: u64,
    /// Last day of the history: the as-of day the shop is made for.
    pub last_day: Day,
    /// Days of history up to and including `last_day`, 90…3,650.
    pub days: u32,
    /// Scale of the planted dirt: 1 = realistic rates, 0 = none; at most 5.
    pub dirt: f64,
}

impl ShopSpec {
    /// A shop with the default number of items (240 and one more for every thousand lines, at most 20,000), two years
    /// of history up to [`DEFAULT_LAST_DAY`] and realistic dirt.
    #[must_use]
    pub fn new(members: u64, lines: u64, seed: u64) -> Self {
        let items = (240 + lines / 1000).min(20_000) as u32;
        Self { members, lines, items, seed, last_day: DEFAULT_LAST_DAY, days: DEFAULT_DAYS, dirt: 1.0 }
    }

    /// First day of the history.
    #[must_use]
    pub fn first_day(&self) -> Day {
        self.last_day.plus(1 - self.days as i32)
    }

    /// Checks every parameter.
    ///
    /// # Errors
    /// [`GenerateError::Spec`] for the first parameter outside its range.
    pub fn check(&self) -> Result<(), GenerateError> {
        let refuse = |parameter, value: String, allowed: &str| {
            Err(GenerateError::Spec { parameter, value, allowed: allowed.to_owned() })
        };
        if !(1..=50_000_000).contains(&self.members) {
            return refuse("members", self.members.to_string(), "1 to 50,000,000");
        }
        if self.lines > self.members * 2_000 {
            return refuse("lines", self.lines.to_string(), "at most 2,000 a member");
        }
        if !(MIN_ITEMS..=1_000_000).contains(&self.items) {
            return refuse("items", self.items.to_string(), "200 to 1,000,000");
        }
        if !(90..=3_650).contains(&self.days) {
            return refuse("days", self.days.to_string(), "90 to 3,650");
        }
        if !(2000..=2100).contains(&self.last_day.ymd().0) {
            return refuse("last_day", self.last_day.to_string(), "a date of the years 2000 to 2100");
        }
        if !(0.0..=5.0).contains(&self.dirt) {
            return refuse("dirt", self.dirt.to_string(), "0 to 5");
        }
        Ok(())
    }
}

/// What `recipe.json` holds: the spec, and what made it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Recipe {
    pub(super) generator: String,
    pub(super) format: u32,
    pub(super) spec: ShopSpec,
}

impl Recipe {
    pub(super) const GENERATOR: &str = "nextoffer generate";

    pub(super) fn of(spec: &ShopSpec) -> Self {
        Self { generator: Self::GENERATOR.to_owned(), format: FORMAT, spec: spec.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_limits() {
        assert_eq!(DEFAULT_LAST_DAY.to_string(), "2026-06-30");
        let spec = ShopSpec::new(1_000, 50_000, 1);
        assert_eq!((spec.items, spec.first_day().to_string().as_str()), (290, "2024-07-01"));
        spec.check().unwrap();
        assert_eq!(ShopSpec::new(400_000, 20_000_000, 1).items, 20_000);
        for bad in [
            ShopSpec { members: 0, ..spec.clone() },
            ShopSpec { lines: 3_000_000, ..spec.clone() },
            ShopSpec { items: 10, ..spec.clone() },
            ShopSpec { days: 10, ..spec.clone() },
            ShopSpec { dirt: f64::NAN, ..spec.clone() },
            ShopSpec { last_day: Day(0), ..spec },
        ] {
            assert!(matches!(bad.check(), Err(GenerateError::Spec { .. })), "{bad:?}");
        }
    }
}
