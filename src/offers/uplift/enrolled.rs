//! Who was first assigned what, and when: carried from night to night, so that what a member does can be counted from the
//! same day on, whatever was decided later (intention to treat).
//!
//! A member is on the track of all offers from the first night with a decision on, and on that of a kind from the first
//! night with a decision of that kind on; ghost decisions count like any other. While the share and the salt of a
//! holdout stay as they are it is one experiment; others begin a new one, in which first assignments count anew. Members
//! who are not in the run any more lose their names; that they were there still counts for the sizes of the arms.

use std::collections::BTreeMap;

use super::super::{
    holdout::{Arm, Holdout},
    kind::kind_names,
};
use crate::{
    base::{Day, IdTable, hash::shard_of},
    segments::Lifecycle,
};

/// Name of the track of all offers.
pub const ALL_OFFERS: &str = "all";

/// By what a member is held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldOut {
    /// By nothing: the member is treated.
    No,
    /// Of this kind of offers alone.
    OfKind,
    /// Of all offers.
    OfAll,
}

impl HeldOut {
    /// The arm.
    #[must_use]
    pub fn arm(self) -> Arm {
        if self == Self::No { Arm::Treated } else { Arm::Holdout }
    }

    /// The code written to files; none for treated members.
    #[must_use]
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::OfKind => Some("kind"),
            Self::OfAll => Some("all"),
        }
    }

    fn from_code(code: Option<&str>) -> Option<Self> {
        [Self::No, Self::OfKind, Self::OfAll].into_iter().find(|h| h.code() == code)
    }
}

/// The tracks: all offers, then every kind there is.
#[derive(Debug, Clone)]
pub struct Tracks {
    names: Vec<&'static str>,
    /// What tells a track's experiment from others, as it is written.
    experiments: Vec<String>,
}

impl Tracks {
    /// The tracks under a holdout's rule.
    #[must_use]
    pub fn new(holdout: &Holdout) -> Self {
        let names: Vec<&'static str> = std::iter::once(ALL_OFFERS).chain(kind_names()).collect();
        let of = |(at, name): (usize, &&'static str)| experiment_code(holdout.experiment((at > 0).then_some(*name)));
        Self { experiments: names.iter().enumerate().map(of).collect(), names }
    }

    /// Number of tracks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none; there always are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A track's name.
    #[must_use]
    pub fn name(&self, track: u8) -> &'static str {
        self.names[usize::from(track)]
    }

    /// What tells a track's experiment from others.
    #[must_use]
    pub fn experiment(&self, track: u8) -> &str {
        &self.experiments[usize::from(track)]
    }

    /// The track of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u8> {
        self.names.iter().position(|n| *n == name).and_then(|at| u8::try_from(at).ok())
    }
}

/// A member's first assignment on a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Enrolled {
    /// Index of the member in the shard.
    pub member: u32,
    /// The track.
    pub track: u8,
    /// By what the member is held out.
    pub held_out: HeldOut,
    /// Stage of the member's life on that day.
    pub lifecycle: Lifecycle,
    /// The member's segment on that day, an index into [`Enrolments::segments`].
    pub segment: u16,
    /// As-of day of the run that first assigned.
    pub first: Day,
}

/// Members without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    /// The track.
    pub track: u8,
    /// By what they were held out.
    pub held_out: HeldOut,
    /// As-of day of the run that first assigned.
    pub first: Day,
}

/// Every first assignment.
#[derive(Debug, Clone)]
pub struct Enrolments {
    /// The tracks.
    pub tracks: Tracks,
    /// By shard, by member and track.
    pub shards: Vec<Vec<Enrolled>>,
    /// Members who are not in the run any more.
    pub gone: BTreeMap<Gone, u64>,
    /// Codes of segments.
    pub segments: Vec<String>,
    /// First assignments of experiments that are over.
    pub over: u64,
}

/// A row of the previous run's table.
#[derive(Debug, Clone, Copy)]
pub struct EnrolledRow<'a> {
    /// `member_id`; none for members who are not in the run any more.
    pub member_id: Option<&'a str>,
    /// `kind`.
    pub track: &'a str,
    /// `held_out_of`.
    pub held_out: Option<&'a str>,
    /// `first_day`.
    pub first: Day,
    /// `lifecycle`.
    pub lifecycle: Option<&'a str>,
    /// `segment_code`.
    pub segment: Option<&'a str>,
    /// `experiment`.
    pub experiment: &'a str,
    /// `members`.
    pub members: u64,
}

/// Gathers what earlier runs assigned.
pub struct EnrolmentsBuilder<'a> {
    members: &'a [IdTable],
    out: Enrolments,
    /// The last member that was looked for, and where it is.
    last: (String, Option<(usize, u32)>),
}

impl<'a> EnrolmentsBuilder<'a> {
    /// Nothing yet. `members` are those of tonight, by shard.
    #[must_use]
    pub fn new(members: &'a [IdTable], holdout: &Holdout) -> Self {
        let out = Enrolments {
            tracks: Tracks::new(holdout),
            shards: vec![Vec::new(); members.len()],
            gone: BTreeMap::new(),
            segments: Vec::new(),
            over: 0,
        };
        Self { members, out, last: (String::new(), None) }
    }

    /// Adds a row; rows come sorted by member. Gives false for a row that no run writes.
    #[must_use]
    pub fn push(&mut self, row: &EnrolledRow<'_>) -> bool {
        // A kind that this build does not know is not measured by it.
        let Some(track) = self.out.tracks.find(row.track) else { return true };
        let Some(held_out) = HeldOut::from_code(row.held_out) else { return false };
        if row.experiment != self.out.tracks.experiment(track) {
            self.out.over += row.members;
            return true;
        }
        let gone = Gone { track, held_out, first: row.first };
        let Some(id) = row.member_id else {
            *self.out.gone.entry(gone).or_default() += row.members;
            return true;
        };
        if self.last.0 != id {
            let shard = shard_of(id.as_bytes(), self.members.len().max(1));
            let found = self.members.get(shard).and_then(|ids| ids.find(id)).map(|at| (shard, at as u32));
            self.last = (id.to_owned(), found);
        }
        let lifecycle = Lifecycle::ALL.into_iter().find(|stage| Some(stage.as_str()) == row.lifecycle);
        let (Some(lifecycle), Some(segment)) = (lifecycle, row.segment) else { return false };
        match self.last.1 {
            Some((shard, member)) => {
                let segment = self.out.segment(segment);
                let enrolled = Enrolled { member, track, held_out, lifecycle, segment, first: row.first };
                self.out.shards[shard].push(enrolled);
            }
            None => *self.out.gone.entry(gone).or_default() += 1,
        }
        true
    }

    /// All rows are in.
    #[must_use]
    pub fn build(mut self) -> Enrolments {
        self.out.shards.iter_mut().for_each(|shard| shard.sort_unstable_by_key(|e| (e.member, e.track)));
        self.out
    }
}

/// How an experiment is written.
#[must_use]
pub fn experiment_code(experiment: u64) -> String {
    format!("{experiment:016x}")
}

impl Enrolments {
    /// The index of a segment's code.
    pub fn segment(&mut self, code: &str) -> u16 {
        let at = self.segments.iter().position(|c| c == code).unwrap_or_else(|| {
            self.segments.push(code.to_owned());
            self.segments.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// Adds the members of a shard who have something for the first time. `tracks` gives a bit for each track that a
    /// member has a decision on tonight; `about` by what the member is held out there.
    pub fn enrol(
        &mut self,
        shard: usize,
        members: usize,
        tracks: impl Fn(usize) -> u64,
        about: impl Fn(usize, u8) -> Enrolled,
    ) {
        let before = std::mem::take(&mut self.shards[shard]);
        let mut after = Vec::with_capacity(before.len());
        let mut next = 0;
        for member in 0..members {
            let start = next;
            while before.get(next).is_some_and(|e| e.member as usize == member) {
                next += 1;
            }
            let known = &before[start..next];
            let has = known.iter().fold(0u64, |bits, e| bits | 1 << e.track);
            let mut fresh = tracks(member) & !has;
            after.extend_from_slice(known);
            if fresh == 0 {
                continue;
            }
            let first = after.len() - known.len();
            while fresh != 0 {
                let track = fresh.trailing_zeros() as u8;
                fresh &= fresh - 1;
                after.push(about(member, track));
            }
            after[first..].sort_unstable_by_key(|e| e.track);
        }
        after.shrink_to_fit();
        self.shards[shard] = after;
    }

    /// Takes names away: of these members it is only known that they were there.
    pub fn forget(&mut self, members: &[IdTable], gone: impl Fn(&str) -> bool) {
        for (rows, ids) in self.shards.iter_mut().zip(members) {
            let lost = &mut self.gone;
            rows.retain(|e| {
                let goes = gone(ids.get(e.member as usize));
                if goes {
                    *lost.entry(Gone { track: e.track, held_out: e.held_out, first: e.first }).or_default() += 1;
                }
                !goes
            });
        }
    }
}
