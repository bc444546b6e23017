//! Parameters that only some kinds read, checked.

use serde::Serialize;

use super::{
    raw::RawOffer,
    settings::{fraction, ranged},
};
use crate::base::{Findings, findings::JobPath};

/// Parameters that only some kinds read. `None` where the job leaves the kind its own.
#[derive(Debug, Clone, Serialize)]
pub struct Parameters {
    /// Days ahead.
    pub lead_days: Option<u32>,
    /// Days after a due date; `None`: half the usual gap.
    pub late_days: Option<u32>,
    /// Least purchases.
    pub min_purchases: Option<u32>,
    /// Days after a device was bought.
    pub device_days: u32,
    /// Longest usual gap.
    pub max_gap_days: u32,
    /// Leave out what was bought before.
    pub only_new: bool,
    /// How long ago a purchase may lie.
    pub recent_days: Option<u32>,
    /// Least balance of points.
    pub min_points: u32,
    /// Points a coupon costs.
    pub points_cost: Option<u32>,
    /// Largest gap to the next tier as a share of it.
    pub reach_share: f64,
    /// Usual gaps since the last order.
    pub gap_multiple: f64,
    /// Code of a festival or holiday.
    pub festival: Option<String>,
    /// First and last day of the season, as month and day.
    pub season: Option<Season>,
    /// Purchase channel to bring members to.
    pub to_channel: Option<String>,
    /// Numbers of orders to celebrate, rising.
    pub orders: Vec<u32>,
    /// Whether anniversaries are celebrated.
    pub anniversary: bool,
    /// Best share of a segment or of all.
    pub top_share: Option<f64>,
    /// Least number of brands.
    pub min_brands: u32,
    /// Days between services.
    pub service_days: Option<u32>,
    /// Cause or group.
    pub cause: Option<String>,
    /// Share of a segment that took part.
    pub segment_share: f64,
}

/// A season that returns every year: first and last day as (month, day); the last may lie in the next year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Season {
    /// First day.
    pub from: (i8, i8),
    /// Last day.
    pub until: (i8, i8),
}

/// Every key of [`RawOffer`] that only some kinds read, and whether the offer gives it.
pub(super) fn given(raw: &RawOffer) -> [(&'static str, bool); 22] {
    [
        ("lead_days", raw.lead_days.is_some()),
        ("late_days", raw.late_days.is_some()),
        ("min_purchases", raw.min_purchases.is_some()),
        ("device_days", raw.device_days.is_some()),
        ("max_gap_days", raw.max_gap_days.is_some()),
        ("only_new", raw.only_new.is_some()),
        ("recent_days", raw.recent_days.is_some()),
        ("min_points", raw.min_points.is_some()),
        ("points_cost", raw.points_cost.is_some()),
        ("reach_share", raw.reach_share.is_some()),
        ("gap_multiple", raw.gap_multiple.is_some()),
        ("festival", raw.festival.is_some()),
        ("season_from", raw.season_from.is_some()),
        ("season_until", raw.season_until.is_some()),
        ("to_channel", raw.to_channel.is_some()),
        ("orders", !raw.orders.is_empty()),
        ("anniversary", raw.anniversary.is_some()),
        ("top_share", raw.top_share.is_some()),
        ("min_brands", raw.min_brands.is_some()),
        ("service_days", raw.service_days.is_some()),
        ("cause", raw.cause.is_some()),
        ("segment_share", raw.segment_share.is_some()),
    ]
}

/// Checks the parameters of the offer found at `at`.
pub(super) fn check(raw: &RawOffer, at: &JobPath, findings: &mut Findings) -> Parameters {
    let mut whole = |key: &str, value: Option<u32>, low: u32, high: u32| {
        value.map(|v| ranged(Some(v), low, low..=high, &at.key(key), findings))
    };
    let lead_days = whole("lead_days", raw.lead_days, 0, 365);
    let late_days = whole("late_days", raw.late_days, 0, 3650);
    let min_purchases = whole("min_purchases", raw.min_purchases, 1, 1000);
    let device_days = whole("device_days", raw.device_days, 1, 36_500).unwrap_or(365);
    let max_gap_days = whole("max_gap_days", raw.max_gap_days, 1, 3650).unwrap_or(60);
    let recent_days = whole("recent_days", raw.recent_days, 1, 36_500);
    let min_points = whole("min_points", raw.min_points, 1, 1_000_000_000).unwrap_or(100);
    let points_cost = whole("points_cost", raw.points_cost, 1, 1_000_000_000);
    let min_brands = whole("min_brands", raw.min_brands, 1, 1000).unwrap_or(4);
    let service_days = whole("service_days", raw.service_days, 1, 36_500);
    let mut orders: Vec<u32> = raw
        .orders
        .iter()
        .enumerate()
        .map(|(i, n)| ranged(Some(*n), 1, 1..=1_000_000, &at.key("orders").index(i), findings))
        .collect();
    orders.sort_unstable();
    orders.dedup();
    if orders.is_empty() {
        orders = vec![10, 50, 100, 200, 500];
    }
    let top_share = raw.top_share.map(|share| fraction(Some(share), 0.2, 0.0, 1.0, &at.key("top_share"), findings));
    Parameters {
        lead_days,
        late_days,
        min_purchases,
        device_days,
        max_gap_days,
        only_new: raw.only_new.unwrap_or(false),
        recent_days,
        min_points,
        points_cost,
        reach_share: fraction(raw.reach_share, 0.25, 0.01, 1.0, &at.key("reach_share"), findings),
        gap_multiple: fraction(raw.gap_multiple, 3.0, 1.0, 100.0, &at.key("gap_multiple"), findings),
        festival: raw.festival.clone(),
        season: season(raw, at, findings),
        to_channel: raw.to_channel.clone(),
        orders,
        anniversary: raw.anniversary.unwrap_or(true),
        top_share,
        min_brands,
        service_days,
        cause: raw.cause.clone(),
        segment_share: fraction(raw.segment_share, 0.02, 0.0, 1.0, &at.key("segment_share"), findings),
    }
}

fn season(raw: &RawOffer, at: &JobPath, findings: &mut Findings) -> Option<Season> {
    let mut read = |key: &str, text: Option<&String>| {
        let text = text?;
        let day = month_day(text);
        if day.is_none() {
            let message = format!("`{text}` is no day of a year");
            findings.error("offers::bad_month_day", at.key(key), message, "write month and day, such as 11-15");
        }
        day
    };
    let (from, until) =
        (read("season_from", raw.season_from.as_ref()), read("season_until", raw.season_until.as_ref()));
    if raw.season_from.is_some() != raw.season_until.is_some() {
        let key = if raw.season_from.is_some() { "season_from" } else { "season_until" };
        let message = "a season needs its first and its last day";
        findings.error("offers::half_a_season", at.key(key), message, "give `season_from` and `season_until`");
    }
    Some(Season { from: from?, until: until? })
}

/// Month and day of `MM-DD`; 29 February counts.
pub(super) fn month_day(text: &str) -> Option<(i8, i8)> {
    let day = crate::base::Day::parse(&format!("2024-{text}"))?;
    let (_, month, day) = day.ymd();
    Some((month, day))
}
