//! Local days and local wall-clock times, as small integers.

use std::fmt;

use jiff::civil::{self, Weekday};

/// A local calendar day: days since 1970-01-01 in the job's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

/// A local wall-clock time: seconds since 1970-01-01T00:00 in the job's time zone, until 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime(pub u32);

/// Seconds in a day.
pub const DAY_SECONDS: u32 = 86_400;

impl LocalTime {
    /// The day this time falls on.
    #[must_use]
    pub fn day(self) -> Day {
        Day((self.0 / DAY_SECONDS) as i32)
    }
}

impl Day {
    /// The day of a civil date.
    #[must_use]
    pub fn from_civil(date: civil::Date) -> Self {
        let span = date.since(civil::date(1970, 1, 1)).map(|s| s.get_days()).unwrap_or_default();
        Self(span)
    }

    /// The day of year, month and day of month, if that date exists.
    #[must_use]
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().map(Self::from_civil)
    }

    /// Parses `YYYY-MM-DD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 10 {
            return None;
        }
        text.parse::<civil::Date>().ok().map(Self::from_civil)
    }

    /// The civil date.
    #[must_use]
    pub fn civil(self) -> civil::Date {
        civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(self.0.clamp(-700_000, 2_900_000)))
            .unwrap_or(civil::Date::MAX)
    }

    /// Year, month (1…12) and day of month (1…31).
    #[must_use]
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = self.civil();
        (date.year(), date.month(), date.day())
    }

    /// Whether the day is a Saturday or a Sunday.
    #[must_use]
    pub fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!(self.0.rem_euclid(7), 2 | 3)
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        self.civil().weekday()
    }

    /// This day plus `days`.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Days from `earlier` to this day; negative if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// Midnight at the start of the day, if it lies in the range of [`LocalTime`].
    #[must_use]
    pub fn start(self) -> Option<LocalTime> {
        u32::try_from(self.0).ok()?.checked_mul(DAY_SECONDS).map(LocalTime)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a date like 2026-03-31")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates() {
        let day = Day::parse("2026-02-17").unwrap();
        assert_eq!(day.to_string(), "2026-02-17");
        assert_eq!(Day::parse("1970-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("2026-02-30"), None);
        assert!(Day::parse("2026-11-22").unwrap().is_weekend());
        assert!(!Day::parse("2026-11-23").unwrap().is_weekend());
        assert_eq!(LocalTime(86_400 * 3 + 5).day(), Day(3));
        assert_eq!(Day(-1).to_string(), "1969-12-31");
    }
}
