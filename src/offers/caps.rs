//! How much of an offer there is: caps on assignments and budgets, as written and checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Currency, Findings, Minor, findings::JobPath};

/// Most assignments of an offer. The first cap that is met stops it; a cap of 0 lets nobody have it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCaps {
    /// Members who may hold the offer, over all nights.
    pub total: Option<i64>,
    /// Members who may be given it anew within any `period_days` days.
    pub per_period: Option<i64>,
    /// Length of the period of `per_period` in days (7).
    pub period_days: Option<u32>,
    /// Members of one city who may hold it, for every city.
    pub per_city: Option<i64>,
    /// Members of one segment who may hold it, for every segment.
    pub per_segment: Option<i64>,
    /// Caps of single cities by name, which go before `per_city`.
    #[serde(default)]
    pub cities: BTreeMap<String, i64>,
    /// Caps of single segments by code (`seg_03`), which go before `per_segment`.
    #[serde(default)]
    pub segments: BTreeMap<String, i64>,
    /// Times one member may be contacted with the offer within `per_member_days` days.
    pub per_member: Option<i64>,
    /// Length of the period of `per_member` in days (90).
    pub per_member_days: Option<u32>,
}

/// What an offer may use up over all nights. An assignment uses up the full face value, one seat, one piece of stock.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    /// Money in major units of the job's currency: the sum of the face values that may be assigned.
    pub money: Option<f64>,
    /// Money in minor units, instead of `money`.
    pub money_minor: Option<i64>,
    /// Pieces of stock set aside for the offer.
    pub stock: Option<i64>,
    /// Seats, appointments or draw entries.
    pub seats: Option<i64>,
}

/// Most assignments of an offer, checked. `None`: no cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Caps {
    /// Members who may hold it.
    pub total: Option<u64>,
    /// Members who may be given it anew within any [`Caps::period_days`] days.
    pub per_period: Option<u64>,
    /// Length of that period.
    pub period_days: u32,
    /// Members of each city.
    pub per_city: Option<u64>,
    /// Members of each segment.
    pub per_segment: Option<u64>,
    /// By city name, before `per_city`.
    pub cities: BTreeMap<String, u64>,
    /// By segment code, before `per_segment`.
    pub segments: BTreeMap<String, u64>,
    /// Contacts of one member within [`Caps::per_member_days`] days.
    pub per_member: Option<u64>,
    /// Length of that period.
    pub per_member_days: u32,
}

/// What an offer may use up, checked. `None`: no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Sum of face values, minor units.
    pub money_minor: Option<Minor>,
    /// Pieces of stock.
    pub stock: Option<u64>,
    /// Seats, appointments or draw entries.
    pub seats: Option<u64>,
}

impl Caps {
    /// Most members of a city who may hold the offer.
    #[must_use]
    pub fn of_city(&self, city: &str) -> Option<u64> {
        self.cities.get(city).copied().or(self.per_city)
    }

    /// Most members of a segment who may hold the offer.
    #[must_use]
    pub fn of_segment(&self, code: &str) -> Option<u64> {
        self.segments.get(code).copied().or(self.per_segment)
    }
}

/// Most members who may hold an offer by its caps and its budget of seats, stock and money, at `value` each.
#[must_use]
pub fn most_holders(caps: &Caps, budget: &Budget, value: Minor) -> Option<u64> {
    let by_money = budget.money_minor.filter(|_| value > 0).map(|money| (money / value).unsigned_abs());
    [caps.total, budget.stock, budget.seats, by_money].into_iter().flatten().min()
}

impl RawCaps {
    /// Checks the caps found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> Caps {
        let mut amount = |key: &str, value: Option<i64>| checked(value, &at.key(key), findings);
        let (total, per_period) = (amount("total", self.total), amount("per_period", self.per_period));
        let (per_city, per_segment) = (amount("per_city", self.per_city), amount("per_segment", self.per_segment));
        let per_member = amount("per_member", self.per_member);
        let mut table = |key: &str, raw: &BTreeMap<String, i64>| -> BTreeMap<String, u64> {
            let at = at.key(key);
            raw.iter().filter_map(|(k, v)| Some((k.clone(), checked(Some(*v), &at.key(k), findings)?))).collect()
        };
        let (cities, segments) = (table("cities", &self.cities), table("segments", &self.segments));
        for (key, days, cap) in [
            ("period_days", self.period_days, self.per_period),
            ("per_member_days", self.per_member_days, self.per_member),
        ] {
            if days.is_some_and(|d| d == 0 || d > 3650) {
                let message = format!("{} is out of range", days.unwrap_or_default());
                findings.error("offers::out_of_range", at.key(key), message, "from 1 to 3650");
            } else if days.is_some() && cap.is_none() {
                let message = format!("`{key}` without `{}` does nothing", key.trim_end_matches("_days"));
                findings.warn("offers::period_without_cap", at.key(key), message, "add the cap or take it out");
            }
        }
        Caps {
            total,
            per_period,
            period_days: self.period_days.unwrap_or(7).max(1),
            per_city,
            per_segment,
            cities,
            segments,
            per_member,
            per_member_days: self.per_member_days.unwrap_or(90).max(1),
        }
    }
}

impl RawBudget {
    /// Checks the budget found at `at`. `value` is the offer's face value: a budget of money needs one.
    pub fn check(&self, value: Minor, currency: Currency, at: &JobPath, findings: &mut Findings) -> Budget {
        let money_minor =
            super::settings::money(("money", self.money), ("money_minor", self.money_minor), at, currency, findings);
        let negative = self.money.is_some_and(|m| m < 0.0) || self.money_minor.is_some_and(|m| m < 0);
        if money_minor == Some(0) && !negative {
            findings.warn("offers::cap_of_zero", at.key("money"), "a budget of 0 lets nobody have the offer", "");
        }
        if let Some(money) = money_minor
            && money > 0
            && value == 0
        {
            findings.error(
                "offers::budget_without_value",
                at.key(if self.money.is_some() { "money" } else { "money_minor" }),
                "the offer has no face value, so it uses up no money",
                "give the offer a `value`, or cap it with `caps.total` or `budget.seats`",
            );
        } else if let Some(money) = money_minor
            && money > 0
            && money < value
        {
            findings.warn(
                "offers::budget_below_value",
                at.clone(),
                "the budget is smaller than one face value, so nobody gets the offer",
                "raise the budget",
            );
        }
        let mut amount = |key: &str, value: Option<i64>| checked(value, &at.key(key), findings);
        Budget { money_minor, stock: amount("stock", self.stock), seats: amount("seats", self.seats) }
    }
}

/// A number of assignments. Negative ones are errors, 0 is said once and holds.
fn checked(value: Option<i64>, at: &JobPath, findings: &mut Findings) -> Option<u64> {
    let value = value?;
    if value < 0 {
        let message = format!("{value} is no number of members");
        findings.error("offers::negative_cap", at.clone(), message, "write 0 or more, or leave it out for no cap");
        return None;
    }
    if value == 0 {
        findings.warn("offers::cap_of_zero", at.clone(), "a cap of 0 lets nobody have the offer", "raise it");
    }
    Some(value.unsigned_abs())
}
