//! The same outcomes over the last period, against the period before it: by segment and in all, treated and held out alike.

use serde::{Deserialize, Serialize};

use super::{
    super::learning::purchase_days,
    outcomes::{Outcome, Window, look},
};
use crate::{
    base::{Day, Minor},
    history::Shard,
    input::MemberTable,
    segments::LifecycleSettings,
};

/// What is needed to look at two periods.
#[derive(Clone, Copy)]
pub struct Periods<'a> {
    /// Last day of the later one.
    pub as_of: Day,
    /// Their length.
    pub days: u32,
    /// When a member counts as dormant or lost.
    pub lifecycle: &'a LifecycleSettings,
    /// All members' usual gap.
    pub population_gap: Option<f64>,
    /// Attributes by member id.
    pub members: &'a MemberTable,
}

/// Members and what they add up to: shares count members, spend adds minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    members: u64,
    sum: Minor,
}

/// Sums of both periods, by segment and outcome; the earlier period first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodSums {
    /// By segment.
    tallies: Vec<[[Tally; Outcome::ALL.len()]; 2]>,
}

/// Measures of a segment, or of all members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodMeasures {
    /// Code of the segment; `all` for all members.
    pub segment_code: String,
    /// The measures.
    pub measures: Vec<PeriodMeasure>,
}

/// One measure in both periods.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeriodMeasure {
    /// What is measured.
    pub outcome: Outcome,
    /// Members it is measured among in the last period.
    pub members: u64,
    /// The last period: a share of them, or minor units a member.
    pub now: Option<f64>,
    /// The period before.
    pub before: Option<f64>,
}

impl PeriodSums {
    /// Nothing yet, of so many segments.
    #[must_use]
    pub fn new(segments: usize) -> Self {
        Self { tallies: vec![Default::default(); segments] }
    }

    /// Adds a shard. `segments` has the position of each member's segment.
    pub fn shard(&mut self, shard: &Shard, segments: &[u16], periods: &Periods<'_>) {
        let (mut room, mut days, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        let length = i32::try_from(periods.days).unwrap_or(i32::MAX);
        for (member, segment) in segments.iter().enumerate() {
            let attributes = periods.members.get(shard.members.get(member));
            for (at, back) in [2, 1].into_iter().enumerate() {
                let start = periods.as_of.plus(-back * length);
                let window = Window { start, days: periods.days, history_days: 1 };
                days.clear();
                days.extend(purchase_days(shard, member, start));
                if days.is_empty() {
                    continue;
                }
                days.dedup();
                let away = periods.lifecycle.away(&days, periods.population_gap, start, &mut scratch);
                let seen = look(shard, member, attributes, window, &mut room);
                for (tally, outcome) in self.tallies[usize::from(*segment)][at].iter_mut().zip(Outcome::ALL) {
                    if let Some(value) = seen.outcome(outcome, away) {
                        tally.members += 1;
                        tally.sum += value as Minor;
                    }
                }
            }
        }
    }

    /// Adds the sums of other shards.
    pub fn merge(&mut self, other: &Self) {
        let all = self.tallies.iter_mut().flatten().flatten();
        for (own, more) in all.zip(other.tallies.iter().flatten().flatten()) {
            own.members += more.members;
            own.sum += more.sum;
        }
    }

    /// The measures of all members, then of each segment. `segments` are the segments' codes by position; outcomes that the
    /// shop does not log are left out.
    #[must_use]
    pub fn measures(&self, segments: &[&str], logged: impl Fn(Outcome) -> bool) -> Vec<PeriodMeasures> {
        let mut all = Self::new(1);
        for own in &self.tallies {
            all.merge(&Self { tallies: vec![*own] });
        }
        let of = |code: &str, tallies: &[[Tally; Outcome::ALL.len()]; 2]| {
            let mean = |tally: Tally| (tally.members > 0).then(|| tally.sum as f64 / tally.members as f64);
            let one = |(at, outcome): (usize, Outcome)| PeriodMeasure {
                outcome,
                members: tallies[1][at].members,
                now: mean(tallies[1][at]),
                before: mean(tallies[0][at]),
            };
            let measures = Outcome::ALL.into_iter().enumerate().filter(|(_, o)| logged(*o)).map(one).collect();
            PeriodMeasures { segment_code: code.to_owned(), measures }
        };
        let own = segments.iter().zip(&self.tallies).map(|(code, tallies)| of(code, tallies));
        std::iter::once(of(super::ALL_OFFERS, &all.tallies[0])).chain(own).collect()
    }
}
