//! Sums over members, shard by shard, and what comes of them.

use std::collections::BTreeMap;

use super::{
    super::holdout::{Arm, Holdout},
    enrolled::{Enrolled, Enrolments, HeldOut},
    outcomes::{COVARIATES, Outcome, Seen, Window, look},
    results::{Arms, OutcomeUplift, SegmentUplift, TrackUplift, UpliftReport},
    settings::UpliftSettings,
};
use crate::{
    base::Day,
    evaluate::{
        Moments,
        uplift::{
            adjusted_difference, detectable, difference_of_means, difference_of_shares, holdout_needed, sample_ratio,
        },
    },
    history::Shard,
    input::MemberTable,
    segments::Lifecycle,
};

/// Members of the smaller arm from which on a segment is shown.
const LEAST_IN_SEGMENT: u64 = 10;

/// How first assignments are measured.
#[derive(Clone, Copy)]
pub struct Measure<'a> {
    /// The job's settings.
    pub settings: &'a UpliftSettings,
    /// Who is held out.
    pub holdout: &'a Holdout,
    /// Last day that is known.
    pub as_of: Day,
    /// Attributes by member id.
    pub members: &'a MemberTable,
    /// Whether the shop logs what members do beside buying.
    pub has_activities: bool,
    /// Whether the lines name channels.
    pub has_channels: bool,
}

/// The sums of an outcome in an arm.
#[derive(Debug, Clone, PartialEq)]
struct Sum {
    moments: Moments,
    hits: u64,
}

/// Whom a track has.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    assigned: Arms,
    left: Arms,
    since: Option<Day>,
}

/// A track, a segment, an arm.
type Cell = (u8, u16, Arm);

/// The sums of some members.
#[derive(Debug, Clone, Default)]
pub struct UpliftSums {
    cells: BTreeMap<Cell, Vec<Sum>>,
    /// By track and arm: members whose days are not over.
    open: BTreeMap<(u8, Arm), u64>,
}

impl UpliftSums {
    /// Adds the sums of other members.
    pub fn merge(&mut self, other: Self) {
        for (cell, sums) in other.cells {
            match self.cells.get_mut(&cell) {
                None => drop(self.cells.insert(cell, sums)),
                Some(own) => own.iter_mut().zip(&sums).for_each(|(own, more)| {
                    own.moments.merge(&more.moments);
                    own.hits += more.hits;
                }),
            }
        }
        for (key, open) in other.open {
            *self.open.entry(key).or_default() += open;
        }
    }
}

impl Measure<'_> {
    fn window(&self, first: Day) -> Window {
        Window { start: first, days: self.settings.window_days, history_days: self.settings.history_days }
    }

    /// The outcomes that the shop's data can tell.
    fn outcomes(&self) -> impl Iterator<Item = Outcome> + use<> {
        let (activities, channels) = (self.has_activities, self.has_channels);
        Outcome::ALL.into_iter().filter(move |outcome| match outcome {
            Outcome::Referral => activities,
            Outcome::CrossChannel => channels,
            _ => true,
        })
    }

    /// Whether a kind's uplift is measured against a holdout of its own: then members held out of all offers are in neither
    /// arm. Else they are the one it is measured against.
    fn has_own(&self, enrolments: &Enrolments, track: u8) -> bool {
        track > 0 && self.holdout.share_of(enrolments.tracks.name(track)).is_some()
    }

    /// The arm in which a member is measured on a track; none where in neither.
    fn arm(&self, enrolments: &Enrolments, track: u8, held_out: HeldOut) -> Option<Arm> {
        match held_out {
            HeldOut::OfAll if self.has_own(enrolments, track) => None,
            held_out => Some(held_out.arm()),
        }
    }

    /// The sums over a shard.
    #[must_use]
    pub fn shard(&self, index: usize, shard: &Shard, enrolments: &Enrolments) -> UpliftSums {
        let outcomes: Vec<Outcome> = self.outcomes().collect();
        let mut sums = UpliftSums::default();
        let mut room = Vec::new();
        // A member's tracks often begin on one day: it is looked at once.
        let mut last: Option<(u32, Day, Seen)> = None;
        for enrolled in &enrolments.shards[index] {
            let Some(arm) = self.arm(enrolments, enrolled.track, enrolled.held_out) else { continue };
            let window = self.window(enrolled.first);
            if window.end() > self.as_of {
                *sums.open.entry((enrolled.track, arm)).or_default() += 1;
                continue;
            }
            let seen = match last {
                Some((member, first, seen)) if member == enrolled.member && first == enrolled.first => seen,
                _ => {
                    let member = enrolled.member as usize;
                    let attributes = self.members.get(shard.members.get(member));
                    look(shard, member, attributes, window, &mut room)
                }
            };
            last = Some((enrolled.member, enrolled.first, seen));
            sums.add(enrolled, arm, &seen, &outcomes);
        }
        sums
    }

    /// What comes of the sums over all shards.
    #[must_use]
    pub fn report(&self, sums: &UpliftSums, enrolments: &Enrolments) -> UpliftReport {
        let counts = self.counts(enrolments);
        let mut tracks: Vec<TrackUplift> = (0..enrolments.tracks.len() as u8)
            .zip(&counts)
            .filter_map(|(track, counted)| self.track(track, counted, sums, enrolments))
            .collect();
        if let Some(kinds) = tracks.get_mut(1..) {
            kinds.sort_by(|a, b| a.kind.cmp(&b.kind));
        }
        UpliftReport {
            window_days: self.settings.window_days,
            history_days: self.settings.history_days,
            detect: self.settings.detect,
            over: enrolments.over,
            tracks,
        }
    }

    /// By track: whom it has, whether they are in the run or not.
    fn counts(&self, enrolments: &Enrolments) -> Vec<Counted> {
        let mut counts = vec![Counted::default(); enrolments.tracks.len()];
        let mut count = |track: u8, held_out: HeldOut, first: Day, members: u64, gone: bool| {
            let Some(arm) = self.arm(enrolments, track, held_out) else { return };
            let own = &mut counts[usize::from(track)];
            own.since = Some(own.since.map_or(first, |day| day.min(first)));
            own.assigned.add(arm, members);
            if gone {
                own.left.add(arm, members);
            }
        };
        enrolments.shards.iter().flatten().for_each(|e| count(e.track, e.held_out, e.first, 1, false));
        enrolments.gone.iter().for_each(|(g, members)| count(g.track, g.held_out, g.first, *members, true));
        counts
    }

    fn track(&self, track: u8, counted: &Counted, sums: &UpliftSums, enrolments: &Enrolments) -> Option<TrackUplift> {
        let kind = enrolments.tracks.name(track);
        let own = self.has_own(enrolments, track);
        let expected = if own { self.holdout.share_of(kind).unwrap_or_default() } else { self.holdout.share() };
        if expected <= 0.0 {
            return None;
        }
        let assigned = counted.assigned;
        let open = |arm| sums.open.get(&(track, arm)).copied().unwrap_or_default();
        let mut whole: BTreeMap<Arm, Vec<Sum>> = BTreeMap::new();
        let mut by_segment: BTreeMap<&str, BTreeMap<Arm, &Vec<Sum>>> = BTreeMap::new();
        for ((_, segment, arm), own) in sums.cells.range((track, 0, Arm::Treated)..=(track, u16::MAX, Arm::Holdout)) {
            let code = enrolments.segments.get(usize::from(*segment)).map_or("", String::as_str);
            by_segment.entry(code).or_default().insert(*arm, own);
            match whole.get_mut(arm) {
                None => drop(whole.insert(*arm, own.clone())),
                Some(sums) => sums.iter_mut().zip(own).for_each(|(sum, more)| {
                    sum.moments.merge(&more.moments);
                    sum.hits += more.hits;
                }),
            }
        }
        let of = |arms: &dyn Fn(Arm) -> Option<Vec<Sum>>, least: u64| -> Vec<OutcomeUplift> {
            let (Some(treated), Some(holdout)) = (arms(Arm::Treated), arms(Arm::Holdout)) else { return Vec::new() };
            let pairs = self.outcomes().zip(treated.iter().zip(&holdout));
            pairs.filter_map(|(outcome, (t, h))| self.compare(outcome, t, h, least)).collect()
        };
        let outcomes = of(&|arm| whole.get(&arm).cloned(), 2);
        let segments = by_segment
            .iter()
            .map(|(code, arms)| SegmentUplift {
                segment_code: (*code).to_owned(),
                outcomes: of(&|arm| arms.get(&arm).map(|sums| (*sums).clone()), LEAST_IN_SEGMENT),
            })
            .filter(|s| !s.outcomes.is_empty())
            .collect();
        Some(TrackUplift {
            kind: kind.to_owned(),
            against: if own { "kind" } else { "all" }.to_owned(),
            since: counted.since?,
            assigned,
            left: counted.left,
            open: Arms { treated: open(Arm::Treated), holdout: open(Arm::Holdout) },
            sample_ratio: sample_ratio(&[assigned.treated, assigned.holdout], &[1.0 - expected, expected]),
            outcomes,
            segments,
        })
    }

    /// One outcome of the two arms; none where an arm has fewer than `least` members.
    fn compare(&self, outcome: Outcome, treated: &Sum, holdout: &Sum, least: u64) -> Option<OutcomeUplift> {
        let (a, b) = (&treated.moments, &holdout.moments);
        if a.rows().min(b.rows()) < least.max(2) {
            return None;
        }
        let uplift = match outcome.is_share() {
            true => difference_of_shares((treated.hits, a.rows()), (holdout.hits, b.rows()))?,
            false => difference_of_means(a, b, 0)?,
        };
        let covariates: Vec<usize> = (1..=COVARIATES.len()).collect();
        let adjusted = adjusted_difference(a, b, 0, &covariates).filter(|a| a.variance_reduction > 0.0);
        // What is needed is said for the method that is used: adjustment saves members.
        let kept = 1.0 - adjusted.as_ref().map_or(0.0, |a| a.variance_reduction);
        let variance = kept * b.variance(0).max(f64::MIN_POSITIVE);
        let (effect, members) = (self.settings.detect * b.mean(0).abs(), a.rows() + b.rows());
        Some(OutcomeUplift {
            outcome,
            members: Arms { treated: a.rows(), holdout: b.rows() },
            treated: a.mean(0),
            holdout: b.mean(0),
            uplift,
            adjusted,
            detectable: detectable(variance, a.rows(), b.rows())?,
            holdout_needed: holdout_needed(variance, effect, members),
        })
    }
}

impl UpliftSums {
    fn add(&mut self, enrolled: &Enrolled, arm: Arm, seen: &Seen, outcomes: &[Outcome]) {
        let none = || Sum { moments: Moments::new(1 + COVARIATES.len()), hits: 0 };
        let sums =
            self.cells.entry((enrolled.track, enrolled.segment, arm)).or_insert_with(|| vec![none(); outcomes.len()]);
        let away = matches!(enrolled.lifecycle, Lifecycle::Dormant | Lifecycle::Lost);
        let [spent, days, since] = *seen.before();
        for (sum, outcome) in sums.iter_mut().zip(outcomes) {
            if let Some(value) = seen.outcome(*outcome, away) {
                sum.moments.add(&[value, spent, days, since]);
                sum.hits += u64::from(value > 0.0);
            }
        }
    }
}

impl Arms {
    fn add(&mut self, arm: Arm, members: u64) {
        match arm {
            Arm::Treated => self.treated += members,
            Arm::Holdout => self.holdout += members,
        }
    }
}
