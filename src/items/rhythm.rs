//! A member's own rhythm in a category: on how many days, how far apart, how long ago.

use super::MemberBaskets;
use crate::{base::Day, input::NONE};

/// When a member buys something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Distinct purchase days.
    pub days: u32,
    /// The first of them.
    pub first: Day,
    /// The last of them.
    pub last: Day,
    /// Lower median of the gaps between them, in days; 0 where there is but one day.
    pub median_gap: u32,
}

/// Who counts as a regular buyer: by the member's own rhythm, not by a count that is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct RhythmRule {
    /// Fewest purchase days that make a rhythm.
    pub min_days: u32,
    /// The last purchase lies at most this many of the member's own median gaps back.
    pub max_gaps: f64,
}

impl Rhythm {
    /// The rhythm of days in rising order; `None` where there is none. `gaps` is scratch space.
    fn of(days: impl Iterator<Item = Day>, gaps: &mut Vec<u32>) -> Option<Self> {
        gaps.clear();
        let mut span: Option<(Day, Day)> = None;
        for day in days {
            span = match span {
                None => Some((day, day)),
                Some((first, last)) => {
                    gaps.push(day.since(last).unsigned_abs());
                    Some((first, day))
                }
            };
        }
        let (first, last) = span?;
        let days = gaps.len() as u32 + 1;
        let median_gap = if gaps.is_empty() {
            0
        } else {
            let middle = (gaps.len() - 1) / 2;
            *gaps.select_nth_unstable(middle).1
        };
        Some(Self { days, first, last, median_gap })
    }

    /// Whether this makes a regular buyer on `as_of`.
    #[must_use]
    pub fn is_regular(&self, as_of: Day, rule: &RhythmRule) -> bool {
        self.days >= rule.min_days.max(2)
            && f64::from(as_of.since(self.last)) <= rule.max_gaps * f64::from(self.median_gap)
    }

    /// The day the next purchase is due by this rhythm.
    #[must_use]
    pub fn due(&self) -> Option<Day> {
        (self.median_gap > 0).then(|| self.last.plus(i32::try_from(self.median_gap).unwrap_or(i32::MAX)))
    }
}

/// The member's rhythm in the items that `wanted` says; `None` if none was bought.
#[must_use]
pub fn rhythm_where(baskets: &MemberBaskets, wanted: impl Fn(u32) -> bool) -> Option<Rhythm> {
    let days = (0..baskets.len()).filter(|b| baskets.items(*b).iter().any(|i| wanted(*i))).map(|b| baskets.day(b));
    Rhythm::of(days, &mut Vec::new())
}

/// A member's rhythms in all categories; filled again and again.
#[derive(Debug, Clone, Default)]
pub struct CategoryRhythms {
    events: Vec<(u32, Day)>,
    gaps: Vec<u32>,
    rhythms: Vec<(u32, Rhythm)>,
}

impl CategoryRhythms {
    /// Reads the rhythms of the member whose baskets these are. `group` has one entry an item: its category index (or
    /// any other grouping), or [`NONE`]; items past its end have none.
    pub fn fill(&mut self, baskets: &MemberBaskets, group: &[u32]) {
        self.clear();
        for basket in 0..baskets.len() {
            let day = baskets.day(basket);
            for item in baskets.items(basket) {
                if let Some(&g) = group.get(*item as usize).filter(|g| **g != NONE) {
                    self.add(g, day);
                }
            }
        }
        self.close();
    }

    /// Starts another member, for callers that read the lines themselves.
    pub fn clear(&mut self) {
        self.events.clear();
        self.rhythms.clear();
    }

    /// A purchase in a group on a day; several on one day count once.
    pub fn add(&mut self, group: u32, day: Day) {
        self.events.push((group, day));
    }

    /// Works out the rhythms of what was added since [`CategoryRhythms::clear`].
    pub fn close(&mut self) {
        self.events.sort_unstable();
        self.events.dedup();
        for run in self.events.chunk_by(|a, b| a.0 == b.0) {
            if let Some(rhythm) = Rhythm::of(run.iter().map(|e| e.1), &mut self.gaps) {
                self.rhythms.push((run[0].0, rhythm));
            }
        }
    }

    /// The rhythms, by group in rising order.
    #[must_use]
    pub fn all(&self) -> &[(u32, Rhythm)] {
        &self.rhythms
    }

    /// The rhythm in one group.
    #[must_use]
    pub fn get(&self, group: u32) -> Option<Rhythm> {
        self.rhythms.binary_search_by_key(&group, |r| r.0).ok().map(|at| self.rhythms[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::{
            Timeline,
            testing::{Row, shards_of},
        },
        items::View,
    };

    #[test]
    fn regular_by_own_rhythm() {
        let rows: Vec<Row> =
            [(0, 1), (10, 2), (10, 1), (21, 1), (33, 3), (80, 5)].map(|(day, item)| Row::buy("m", day, item, 1)).into();
        let mut baskets = MemberBaskets::default();
        baskets.fill(&shards_of(&rows, 1)[0], 0, &View::at(Day(100), Timeline::Calendar));
        let group = [NONE, 0, 0, 0, 0, 1];
        let mut rhythms = CategoryRhythms::default();
        rhythms.fill(&baskets, &group);
        let pet = Rhythm { days: 4, first: Day(0), last: Day(33), median_gap: 11 };
        assert_eq!(rhythms.get(0), Some(pet));
        assert_eq!(rhythms.get(1), Some(Rhythm { days: 1, first: Day(80), last: Day(80), median_gap: 0 }));
        assert_eq!(rhythm_where(&baskets, |i| group[i as usize] == 0), Some(pet));
        assert_eq!(rhythm_where(&baskets, |i| i == 9), None);
        let rule = RhythmRule { min_days: 3, max_gaps: 2.0 };
        assert!(pet.is_regular(Day(55), &rule));
        assert!(!pet.is_regular(Day(56), &rule));
        assert!(!rhythms.get(1).unwrap().is_regular(Day(80), &rule));
        assert_eq!(pet.due(), Some(Day(44)));
    }
}
