//! Parameters that only some kinds read: each is written once, below, beside its key of [`RawOffer`].

use serde::Serialize;

use super::{
    raw::RawOffer,
    settings::{fraction, ranged},
};
use crate::base::{Findings, findings::JobPath};

/// The checked type of a parameter of each form.
macro_rules! checked {
    (whole) => { Option<u32> };
    (whole_or) => { u32 };
    (share) => { Option<f64> };
    (share_or) => { f64 };
    (flag_or) => { bool };
    (text) => { Option<String> };
    (numbers_or) => { Vec<u32> };
}

/// Checks the key of a parameter of each form: a whole number between two bounds, with or without a default; the same of
/// a fraction; yes or no; a text; whole numbers, rising.
macro_rules! check_form {
    (whole, ($low:expr, $high:expr), $raw:expr, $at:expr, $findings:expr) => {
        $raw.map(|v| ranged(Some(v), $low, $low..=$high, &$at, $findings))
    };
    (whole_or, ($low:expr, $high:expr, $default:expr), $raw:expr, $at:expr, $findings:expr) => {
        ranged($raw, $default, $low..=$high, &$at, $findings)
    };
    (share, ($low:expr, $high:expr), $raw:expr, $at:expr, $findings:expr) => {
        $raw.map(|v| fraction(Some(v), $low, $low, $high, &$at, $findings))
    };
    (share_or, ($low:expr, $high:expr, $default:expr), $raw:expr, $at:expr, $findings:expr) => {
        fraction($raw, $default, $low, $high, &$at, $findings)
    };
    (flag_or, ($default:expr), $raw:expr, $at:expr, $findings:expr) => {
        $raw.unwrap_or($default)
    };
    (text, (), $raw:expr, $at:expr, $findings:expr) => {
        $raw.clone()
    };
    (numbers_or, ($low:expr, $high:expr, $default:expr), $raw:expr, $at:expr, $findings:expr) => {
        numbers(&$raw, $low..=$high, &$default, &$at, $findings)
    };
}

/// Whether an offer gives a key.
trait Given {
    fn given(&self) -> bool;
}

impl<T> Given for Option<T> {
    fn given(&self) -> bool {
        self.is_some()
    }
}

impl<T> Given for Vec<T> {
    fn given(&self) -> bool {
        !self.is_empty()
    }
}

macro_rules! parameters {
    ($($(#[$doc:meta])* $key:ident: $form:ident $bounds:tt,)*) => {
        /// Parameters that only some kinds read. `None` where the job leaves the kind its own.
        #[derive(Debug, Clone, Serialize)]
        pub struct Parameters {
            $($(#[$doc])* pub $key: checked!($form),)*
            /// First and last day of the season, as month and day.
            pub season: Option<Season>,
        }

        /// Every key of [`RawOffer`] that only some kinds read, and whether the offer gives it.
        pub(super) fn given(raw: &RawOffer) -> Vec<(&'static str, bool)> {
            vec![
                $((stringify!($key), raw.$key.given()),)*
                ("season_from", raw.season_from.given()),
                ("season_until", raw.season_until.given()),
            ]
        }

        /// Checks the parameters of the offer found at `at`.
        pub(super) fn check(raw: &RawOffer, at: &JobPath, findings: &mut Findings) -> Parameters {
            Parameters {
                $($key: check_form!($form, $bounds, raw.$key, at.key(stringify!($key)), findings),)*
                season: season(raw, at, findings),
            }
        }
    };
}

parameters! {
    /// Days ahead.
    lead_days: whole(0, 365),
    /// Days after a due date; `None`: half the usual gap.
    late_days: whole(0, 3650),
    /// Least purchases.
    min_purchases: whole(1, 1000),
    /// How long ago a purchase may lie.
    recent_days: whole(1, 36_500),
    /// Points a coupon costs.
    points_cost: whole(1, 1_000_000_000),
    /// Days between services.
    service_days: whole(1, 36_500),
    /// Days after a device was bought.
    device_days: whole_or(1, 36_500, 365),
    /// Longest usual gap.
    max_gap_days: whole_or(1, 3650, 60),
    /// Least balance of points.
    min_points: whole_or(1, 1_000_000_000, 100),
    /// Least number of brands.
    min_brands: whole_or(1, 1000, 4),
    /// Numbers of orders to celebrate, rising.
    orders: numbers_or(1, 1_000_000, [10, 50, 100, 200, 500]),
    /// Leave out what was bought before.
    only_new: flag_or(false),
    /// Whether anniversaries are celebrated.
    anniversary: flag_or(true),
    /// Largest gap to the next tier as a share of it.
    reach_share: share_or(0.01, 1.0, 0.25),
    /// Usual gaps since the last order.
    gap_multiple: share_or(1.0, 100.0, 3.0),
    /// Share of a segment that took part.
    segment_share: share_or(0.0, 1.0, 0.02),
    /// Best share of a segment or of all.
    top_share: share(0.0, 1.0),
    /// Code of a festival or holiday.
    festival: text(),
    /// Purchase channel to bring members to.
    to_channel: text(),
    /// Cause or group.
    cause: text(),
}

/// Whole numbers in rising order, or the default where none are given.
fn numbers(
    raw: &[u32],
    range: std::ops::RangeInclusive<u32>,
    default: &[u32],
    at: &JobPath,
    findings: &mut Findings,
) -> Vec<u32> {
    if raw.is_empty() {
        return default.to_vec();
    }
    let each = raw.iter().enumerate();
    let mut numbers: Vec<u32> =
        each.map(|(i, n)| ranged(Some(*n), *range.start(), range.clone(), &at.index(i), findings)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A season that returns every year: first and last day as (month, day); the last may lie in the next year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Season {
    /// First day.
    pub from: (i8, i8),
    /// Last day.
    pub until: (i8, i8),
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
