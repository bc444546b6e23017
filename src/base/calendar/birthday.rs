//! Birthdays, solar and lunar.

use super::LunarDate;
use crate::base::Day;

/// A yearly birthday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birthday {
    /// Month and day of the civil calendar.
    Solar {
        /// Month, 1…12.
        month: i8,
        /// Day, 1…31.
        day: i8,
    },
    /// Month and day of the lunar calendar.
    Lunar {
        /// Month, 1…12.
        month: u8,
        /// Day, 1…30.
        day: u8,
    },
}

impl Birthday {
    /// The birthday of a birth date as a shop writes it: with `lunar`, year, month and day of the written date are those
    /// of the lunar calendar (a date column cannot say leap month; it counts as the ordinary one).
    #[must_use]
    pub fn from_written(birth_date: Day, lunar: bool) -> Self {
        let (_, month, day) = birth_date.ymd();
        if lunar { Self::Lunar { month: month as u8, day: day as u8 } } else { Self::Solar { month, day } }
    }

    /// The birthday kept in a year: civil year, or the lunar year that begins in it. 29 February falls on the 28th
    /// in common years.
    #[must_use]
    pub fn in_year(self, year: i32) -> Option<Day> {
        match self {
            Self::Solar { month, day } => {
                let year = i16::try_from(year).ok()?;
                Day::from_ymd(year, month, day).or_else(|| Day::from_ymd(year, month, day.min(28)))
            }
            Self::Lunar { month, day } => LunarDate { year, month, leap: false, day }.anniversary(year),
        }
    }

    /// The first birthday on or after a day.
    #[must_use]
    pub fn next(self, on_or_after: Day) -> Option<Day> {
        let year = i32::from(on_or_after.ymd().0);
        // A lunar birthday late in the lunar year falls in the civil year after.
        (year - 1..=year + 1).filter_map(|year| self.in_year(year)).find(|day| *day >= on_or_after)
    }
}

/// The civil day of birth of a birth date as a shop writes it (see [`Birthday::from_written`]).
#[must_use]
pub fn born_on(birth_date: Day, lunar: bool) -> Option<Day> {
    if !lunar {
        return Some(birth_date);
    }
    let (year, month, day) = birth_date.ymd();
    let date = LunarDate { year: i32::from(year), month: u8::try_from(month).ok()?, leap: false, day: day as u8 };
    date.anniversary(date.year)
}

/// Full years lived on a day, by the civil calendar; negative before birth.
#[must_use]
pub fn age_on(birth_date: Day, lunar: bool, on: Day) -> Option<i32> {
    let (born_year, born_month, born_day) = born_on(birth_date, lunar)?.ymd();
    let (year, month, day) = on.ymd();
    let before = (month, day) < (born_month, born_day);
    Some(i32::from(year) - i32::from(born_year) - i32::from(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn solar_birthdays() {
        let leap = Birthday::from_written(day("2000-02-29"), false);
        assert_eq!(leap.next(day("2025-02-01")), Some(day("2025-02-28")));
        assert_eq!(leap.next(day("2028-02-29")), Some(day("2028-02-29")));
        assert_eq!(leap.next(day("2028-03-01")), Some(day("2029-02-28")));
    }

    #[test]
    fn lunar_birthdays() {
        // The 15th of the eighth month is Mid-Autumn.
        let moon = Birthday::from_written(day("1990-08-15"), true);
        assert_eq!(moon.next(day("2025-09-01")), Some(day("2025-10-06")));
        assert_eq!(moon.next(day("2025-10-07")), Some(day("2026-09-25")));
        // Late in the twelfth month: the next civil year's January or February.
        let late = Birthday::from_written(day("1990-12-28"), true);
        assert_eq!(late.next(day("2026-01-01")), Some(day("2026-02-15")));
    }

    #[test]
    fn lunar_birthdays_in_leap_months() {
        // 2025 has a sixth month twice: the first one counts, in it and in years that have but one.
        let sixth = Birthday::from_written(day("1995-06-10"), true);
        assert_eq!(sixth.next(day("2025-06-01")), Some(day("2025-07-04")));
        assert_eq!(sixth.next(day("2025-07-05")), lunar(2026, 6, 10));
        // A 30th is kept on the 29th where the month has no 30th.
        let last = Birthday::Lunar { month: 12, day: 30 };
        assert_eq!(last.in_year(2024), lunar(2024, 12, 29));
        assert_eq!(last.in_year(2024), Some(day("2025-01-28")));
        for year in 1950..2100 {
            assert!(last.in_year(year).is_some() && sixth.in_year(year).is_some(), "{year}");
        }
    }

    fn lunar(year: i32, month: u8, day: u8) -> Option<Day> {
        crate::base::calendar::lunar_to_solar(year, month, false, day)
    }

    #[test]
    fn ages() {
        assert_eq!(age_on(day("2012-06-30"), false, day("2026-06-30")), Some(14));
        assert_eq!(age_on(day("2012-07-01"), false, day("2026-06-30")), Some(13));
        // 12th lunar month of 2011 is January 2012.
        assert_eq!(born_on(day("2011-12-20"), true), Some(day("2012-01-13")));
        assert_eq!(age_on(day("2011-12-20"), true, day("2026-01-12")), Some(13));
        assert_eq!(age_on(day("2030-01-01"), false, day("2026-06-30")), Some(-4));
    }
}
