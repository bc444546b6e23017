//! The hidden end of the history.

use crate::{
    evaluate::TimeSplit,
    history::{Dimensions, Shard, ShardError, ShardSet, Timeline},
    items::{MemberBaskets, MemberSample, View, last_day, newest_basket_day},
};

/// The hidden end of the history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) history: View,
    whole: View,
    nth: u8,
}

impl Tail {
    /// The `nth` stretch from the end, from 1 on: of `horizon_days` days, or the members' nth newest baskets where the data
    /// has no time.
    pub(super) fn find(
        shards: &ShardSet,
        dimensions: &Dimensions,
        horizon_days: u32,
        nth: u8,
        sampled: MemberSample,
    ) -> Result<Self, ShardError> {
        let Dimensions { timeline, as_of, .. } = *dimensions;
        if timeline == Timeline::Ordinal {
            let (history, whole) = (View::hiding(as_of, timeline, nth), View::hiding(as_of, timeline, nth - 1));
            return Ok(Self { history: history.of(sampled), whole: whole.of(sampled), nth });
        }
        let last = last_day(shards, as_of)?.unwrap_or(as_of);
        let later = i64::from(horizon_days) * i64::from(nth.saturating_sub(1));
        let split = TimeSplit::tail(last.plus(-i32::try_from(later).unwrap_or(i32::MAX)), horizon_days);
        let (history, whole) = (View::at(split.cut, timeline), View::at(split.until, timeline));
        Ok(Self { history: history.of(sampled), whole: whole.of(sampled), nth })
    }

    /// Whether the member has a basket on both sides.
    fn is_scored(&self, shard: &Shard, member: usize) -> bool {
        let Some(newest) = newest_basket_day(shard, member, self.whole.cut()) else { return false };
        match self.history.timeline() {
            // Baskets enough to hide so many and have one left.
            Timeline::Ordinal => {
                (0..self.nth).try_fold(newest, |day, _| newest_basket_day(shard, member, day.plus(-1))).is_some()
            }
            Timeline::Calendar => {
                newest > self.history.cut() && newest_basket_day(shard, member, self.history.cut()).is_some()
            }
        }
    }

    /// At most `limit` members that can be scored, those of the lowest hash, by shard.
    pub(super) fn sample(&self, shards: &ShardSet, limit: usize) -> Result<Vec<Vec<u32>>, ShardError> {
        let sampled = self.history.sample();
        let hashed: Vec<Vec<(u64, u32)>> = shards.map(|_, shard| {
            let hashed = (0..shard.members.len()).map(|m| (sampled.hash(shard.members.get(m)), m as u32));
            let known = hashed.filter(|(hash, m)| sampled.has(*hash) && self.is_scored(shard, *m as usize));
            Ok::<_, ShardError>(known.collect())
        })?;
        let mut all: Vec<u64> = hashed.iter().flatten().map(|h| h.0).collect();
        let last = if all.len() > limit { *all.select_nth_unstable(limit.saturating_sub(1)).1 } else { u64::MAX };
        let chosen = |shard: Vec<(u64, u32)>| shard.into_iter().filter(|h| h.0 <= last).map(|h| h.1).collect();
        Ok(hashed.into_iter().map(chosen).collect())
    }

    /// What the member bought in the tail: distinct items in rising order.
    pub(super) fn truth(&self, shard: &Shard, member: usize, baskets: &mut MemberBaskets, out: &mut Vec<u32>) {
        out.clear();
        baskets.fill(shard, member, &self.whole);
        for basket in 0..baskets.len() {
            let is_truth = match self.history.timeline() {
                Timeline::Ordinal => basket > 0 && basket + 1 == baskets.len(),
                Timeline::Calendar => baskets.day(basket) > self.history.cut(),
            };
            if is_truth {
                out.extend_from_slice(baskets.items(basket));
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}
