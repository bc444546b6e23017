//! Which festival a day belongs to, by table lookup.

use super::{FIRST_YEAR, Festival, LAST_YEAR};
use crate::base::Day;

/// No festival in the table of main festivals.
const NO_FESTIVAL: u8 = u8::MAX;

/// The festivals of every day of a span, computed once.
///
/// Where windows overlap, the **main** festival of a day is the one whose own day it is; otherwise the one with the
/// shorter window (the more particular occasion); otherwise the one that comes first in [`Festival::ALL`].
#[derive(Debug, Clone)]
pub struct FestivalCalendar {
    first: Day,
    /// Index into [`Festival::ALL`] by day since `first`, or [`NO_FESTIVAL`].
    main: Vec<u8>,
    /// Bit `i` is set while the window of `Festival::ALL[i]` is open.
    open: Vec<u32>,
}

impl FestivalCalendar {
    /// The calendar of `first`…`last`, both inclusive; empty if `last` is earlier. Days outside the civil years
    /// [`FIRST_YEAR`]…[`LAST_YEAR`] belong to no festival.
    #[must_use]
    pub fn new(first: Day, last: Day) -> Self {
        let floor = Day::from_ymd(FIRST_YEAR as i16, 1, 1).unwrap_or_default();
        let ceiling = Day::from_ymd(LAST_YEAR as i16, 12, 31).unwrap_or_default();
        let (first, last) = (first.max(floor), last.min(ceiling));
        let days = usize::try_from(i64::from(last.0) - i64::from(first.0) + 1).unwrap_or(0);
        let mut calendar = Self { first, main: vec![NO_FESTIVAL; days], open: vec![0; days] };
        if days == 0 {
            return calendar;
        }
        // Weakest first, so that a stronger claim overwrites it: long windows, then short ones, then the days themselves.
        let mut order: Vec<usize> = (0..Festival::ALL.len()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(Festival::ALL[i].window_days()), std::cmp::Reverse(i)));
        let years = i32::from(first.ymd().0) - 1..=i32::from(last.ymd().0) + 1;
        for &i in &order {
            for year in years.clone() {
                if let Some((from, to)) = Festival::ALL[i].window(year) {
                    for slot in calendar.slots(from, to) {
                        calendar.main[slot] = i as u8;
                        calendar.open[slot] |= 1 << i;
                    }
                }
            }
        }
        for &i in &order {
            for year in years.clone() {
                if let Some(day) = Festival::ALL[i].day(year) {
                    for slot in calendar.slots(day, day) {
                        calendar.main[slot] = i as u8;
                    }
                }
            }
        }
        calendar
    }

    fn slots(&self, from: Day, to: Day) -> std::ops::Range<usize> {
        let end = (i64::from(to.0) - i64::from(self.first.0) + 1).clamp(0, self.main.len() as i64) as usize;
        let start = (i64::from(from.0) - i64::from(self.first.0)).clamp(0, end as i64) as usize;
        start..end
    }

    fn slot(&self, day: Day) -> Option<usize> {
        usize::try_from(i64::from(day.0) - i64::from(self.first.0)).ok().filter(|slot| *slot < self.main.len())
    }

    /// The main festival in whose shopping window the day lies.
    #[must_use]
    pub fn festival_of(&self, day: Day) -> Option<Festival> {
        self.slot(day).and_then(|slot| Festival::ALL.get(usize::from(self.main[slot])).copied())
    }

    /// Whether the day lies in the festival's shopping window, whatever else it lies in.
    #[must_use]
    pub fn is_open(&self, festival: Festival, day: Day) -> bool {
        self.slot(day).is_some_and(|slot| self.open[slot] >> (festival as u32) & 1 == 1)
    }

    /// Every festival in whose window the day lies, in the order of [`Festival::ALL`].
    pub fn festivals_of(&self, day: Day) -> impl Iterator<Item = Festival> + use<> {
        let open = self.slot(day).map_or(0, |slot| self.open[slot]);
        Festival::ALL.iter().copied().filter(move |festival| open >> (*festival as u32) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> FestivalCalendar {
        FestivalCalendar::new(Day::parse("2014-12-20").unwrap(), Day::parse("2035-12-31").unwrap())
    }

    fn main(calendar: &FestivalCalendar, text: &str) -> Option<Festival> {
        calendar.festival_of(Day::parse(text).unwrap())
    }

    #[test]
    fn overlaps_have_one_main_festival() {
        let calendar = calendar();
        // Dragon Boat on 19 June 2026 takes the days before it, 618 keeps its own day.
        assert_eq!(main(&calendar, "2026-06-05"), Some(Festival::MidYear618));
        assert_eq!(main(&calendar, "2026-06-17"), Some(Festival::DragonBoat));
        assert_eq!(main(&calendar, "2026-06-18"), Some(Festival::MidYear618));
        assert_eq!(main(&calendar, "2026-06-20"), Some(Festival::MidYear618));
        assert_eq!(main(&calendar, "2014-12-31"), Some(Festival::NewYear));
        assert_eq!(main(&calendar, "2026-04-10"), None);
        assert_eq!(main(&calendar, "2014-12-19"), None, "outside the span");
        let both: Vec<_> = calendar.festivals_of(Day::parse("2026-06-17").unwrap()).collect();
        assert_eq!(both, [Festival::DragonBoat, Festival::MidYear618]);
    }

    #[test]
    fn the_table_equals_the_windows() {
        let calendar = calendar();
        for day in Day::parse("2015-02-01").unwrap().0..Day::parse("2035-11-30").unwrap().0 {
            let day = Day(day);
            let year = i32::from(day.ymd().0);
            for &festival in Festival::ALL {
                let inside = (year - 1..=year + 1)
                    .filter_map(|year| festival.window(year))
                    .any(|(from, to)| from <= day && day <= to);
                assert_eq!(calendar.is_open(festival, day), inside, "{festival:?} {day}");
                if festival.day(year) == Some(day) {
                    let main = calendar.festival_of(day).unwrap();
                    assert_eq!(main.day(year), Some(day));
                }
            }
            assert_eq!(calendar.festival_of(day).is_some(), calendar.festivals_of(day).next().is_some());
        }
    }

    #[test]
    fn absurd_spans_are_harmless() {
        assert_eq!(FestivalCalendar::new(Day(10), Day(5)).festival_of(Day(7)), None);
        let wide = FestivalCalendar::new(Day(i32::MIN), Day(i32::MAX));
        assert_eq!(wide.festival_of(Day::parse("2026-12-25").unwrap()), Some(Festival::Christmas));
        assert_eq!(wide.festival_of(Day(i32::MAX)), None);
    }
}
