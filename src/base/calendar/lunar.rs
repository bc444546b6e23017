//! Dates of the Chinese lunar calendar.

use icu_calendar::{
    Date,
    cal::ChineseTraditional,
    types::{Month, RataDie},
};

use super::{FIRST_YEAR, LAST_YEAR};
use crate::base::Day;

/// Rata Die number of 1970-01-01.
const UNIX_EPOCH: i64 = 719_163;

/// A date of the Chinese calendar. Years are named by the civil year in which they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LunarDate {
    /// Civil year in which the lunar year begins.
    pub year: i32,
    /// Month, 1…12.
    pub month: u8,
    /// Whether this is the leap month that follows the ordinary month of that number.
    pub leap: bool,
    /// Day of the month, 1…30.
    pub day: u8,
}

impl LunarDate {
    /// The lunar date of a day.
    #[must_use]
    pub fn of(day: Day) -> Self {
        let date = Date::from_rata_die(RataDie::new(i64::from(day.0) + UNIX_EPOCH), ChineseTraditional::new());
        let month = date.month().to_input();
        Self {
            year: date.cyclic_year().related_iso,
            month: month.number(),
            leap: month.is_leap(),
            day: date.day_of_month().0,
        }
    }

    /// The day of this date; `None` if the year has no such leap month, the month no such day, or the year lies
    /// outside [`FIRST_YEAR`]…[`LAST_YEAR`].
    #[must_use]
    pub fn day(self) -> Option<Day> {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&self.year) {
            return None;
        }
        let month = if self.leap { Month::leap(self.month) } else { Month::new(self.month) };
        let date = Date::try_new(self.year.into(), month, self.day, ChineseTraditional::new()).ok()?;
        i32::try_from(date.to_rata_die().to_i64_date() - UNIX_EPOCH).ok().map(Day)
    }

    /// The day on which `year` keeps this date: in a year without its leap month, the ordinary month of that number; in
    /// a month without a 30th, the 29th. This is how families keep such birthdays.
    #[must_use]
    pub fn anniversary(self, year: i32) -> Option<Day> {
        let ordinary = Self { leap: false, ..self };
        [self, Self { day: self.day.min(29), ..self }, ordinary, Self { day: self.day.min(29), ..ordinary }]
            .into_iter()
            .find_map(|date| Self { year, ..date }.day())
    }
}

/// The day of a date of the Chinese calendar: lunar year (named by the civil year in which it begins), month 1…12, whether
/// it is the leap month of that number, and day 1…30. `None` if there is no such date.
#[must_use]
pub fn lunar_to_solar(year: i32, month: u8, leap: bool, day: u8) -> Option<Day> {
    LunarDate { year, month, leap, day }.day()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solar(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn leap_months_of_published_years() {
        // First day of the leap month: 2020 (4), 2023 (2), 2025 (6), 2028 (5), 2033 (11).
        for (year, month, first) in
            [(2020, 4, "2020-05-23"), (2023, 2, "2023-03-22"), (2025, 6, "2025-07-25"), (2028, 5, "2028-06-23")]
        {
            assert_eq!(lunar_to_solar(year, month, true, 1), Some(solar(first)), "{year}");
            assert_eq!(LunarDate::of(solar(first)), LunarDate { year, month, leap: true, day: 1 });
        }
        assert!(lunar_to_solar(2033, 11, true, 1).is_some());
        assert_eq!(lunar_to_solar(2024, 6, true, 1), None);
        assert_eq!(lunar_to_solar(2024, 13, false, 1), None);
        assert_eq!(lunar_to_solar(2024, 0, false, 1), None);
        assert_eq!(lunar_to_solar(1800, 1, false, 1), None);
    }

    #[test]
    fn every_day_of_two_centuries_round_trips() {
        let (first, last) = (solar("1901-01-01"), solar("2100-12-31"));
        for day in first.0..=last.0 {
            assert_eq!(LunarDate::of(Day(day)).day(), Some(Day(day)), "{}", Day(day));
        }
    }

    #[test]
    fn anniversaries_fall_back() {
        let leap = LunarDate { year: 2025, month: 6, leap: true, day: 1 };
        assert_eq!(leap.anniversary(2025), Some(solar("2025-07-25")));
        assert_eq!(leap.anniversary(2024), lunar_to_solar(2024, 6, false, 1));
        for year in 1950..2100 {
            assert!(LunarDate { year: 2000, month: 12, leap: true, day: 30 }.anniversary(year).is_some(), "{year}");
        }
    }
}
