//! A member's baskets, as far as a view lets see.

use crate::{
    base::{Day, hash::salted_hash},
    history::{NO_ITEM, Shard, ShardError, ShardSet, Timeline},
};

/// Some of the members: those of the lowest salted hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberSample {
    salt: u64,
    /// The highest hash that is in it.
    last: u64,
}

impl MemberSample {
    /// Everybody.
    pub const ALL: Self = Self { salt: 0, last: u64::MAX };

    /// At most `limit` members of `shards`.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn of(shards: &ShardSet, limit: usize, salt: u64) -> Result<Self, ShardError> {
        let all = Self { salt, ..Self::ALL };
        let hashes: Vec<Vec<u64>> = shards.map(|_, shard| {
            Ok::<_, ShardError>((0..shard.members.len()).map(|m| all.hash(shard.members.get(m))).collect())
        })?;
        let mut hashes = hashes.concat();
        if hashes.len() <= limit {
            return Ok(all);
        }
        let last = *hashes.select_nth_unstable(limit.saturating_sub(1)).1;
        Ok(Self { last, ..all })
    }

    /// The hash of a member.
    #[must_use]
    pub fn hash(&self, member: &str) -> u64 {
        salted_hash(member.as_bytes(), self.salt)
    }

    /// Whether a member of this hash is in it.
    #[must_use]
    pub fn has(&self, hash: u64) -> bool {
        hash <= self.last
    }

    /// Whether `member` is in it.
    #[must_use]
    pub fn has_member(&self, member: &str) -> bool {
        self.last == u64::MAX || self.has(self.hash(member))
    }
}

/// How much of the histories is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    cut: Day,
    timeline: Timeline,
    /// Newest baskets of every member that are hidden.
    hidden: u8,
    /// Whose histories are visible.
    sample: MemberSample,
}

impl View {
    /// Everything up to and including `cut`: later lines and later returns are invisible.
    #[must_use]
    pub fn at(cut: Day, timeline: Timeline) -> Self {
        Self { cut, timeline, hidden: 0, sample: MemberSample::ALL }
    }

    /// As [`View::at`], and each member's newest basket is invisible too, for members with two or more: the cut of
    /// data that has an order but no time.
    #[must_use]
    pub fn hiding_newest(cut: Day, timeline: Timeline) -> Self {
        Self::hiding(cut, timeline, 1)
    }

    /// As [`View::at`], and each member's `hidden` newest baskets are invisible too; of members who have no more than
    /// that, all but the oldest.
    #[must_use]
    pub fn hiding(cut: Day, timeline: Timeline, hidden: u8) -> Self {
        Self { cut, timeline, hidden, sample: MemberSample::ALL }
    }

    /// The same of some members: the others have no baskets.
    #[must_use]
    pub fn of(self, sample: MemberSample) -> Self {
        Self { sample, ..self }
    }

    /// Whose histories are visible.
    #[must_use]
    pub fn sample(&self) -> MemberSample {
        self.sample
    }

    /// Last visible day.
    #[must_use]
    pub fn cut(&self) -> Day {
        self.cut
    }

    /// What the days mean.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// The last day of `member` that is visible.
    fn cut_of(&self, shard: &Shard, member: usize) -> Day {
        let mut cut = self.cut;
        for _ in 0..self.hidden {
            match newest_basket_day(shard, member, cut) {
                Some(newest) if newest_basket_day(shard, member, newest.plus(-1)).is_some() => cut = newest.plus(-1),
                _ => break,
            }
        }
        cut
    }
}

/// The day of the member's newest basket when nothing after `cut` is known.
#[must_use]
pub fn newest_basket_day(shard: &Shard, member: usize, cut: Day) -> Option<Day> {
    shard.orders_of(member).rev().find_map(|order| {
        let day = shard.order_day(order);
        let bought =
            day <= cut && shard.lines_of(order).any(|line| shard.item[line] != NO_ITEM && shard.is_purchase(line, cut));
        bought.then_some(day)
    })
}

/// The baskets of one member, oldest first; in each, the distinct items in rising order. Filled again and again, so
/// that reading a member allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct MemberBaskets {
    days: Vec<Day>,
    /// `days.len() + 1` offsets into `items`.
    offsets: Vec<u32>,
    items: Vec<u32>,
    view: Option<View>,
}

impl MemberBaskets {
    /// Reads the visible baskets of `member`.
    pub fn fill(&mut self, shard: &Shard, member: usize, view: &View) {
        self.fill_with(shard, member, view, |_, _| {});
    }

    /// As [`MemberBaskets::fill`], calling `each(line, item)` for every purchase line in a basket.
    pub fn fill_with(&mut self, shard: &Shard, member: usize, view: &View, mut each: impl FnMut(usize, u32)) {
        self.days.clear();
        self.items.clear();
        self.offsets.clear();
        self.offsets.push(0);
        self.view = Some(*view);
        if !view.sample.has_member(shard.members.get(member)) {
            return;
        }
        let cut = view.cut_of(shard, member);
        let mut rising = true;
        let (mut open, mut last) = (None, NO_ITEM);
        for order in shard.orders_of(member) {
            let day = shard.order_day(order);
            if day > cut {
                break;
            }
            let lines = shard.lines_of(order);
            for (line, item) in lines.clone().zip(&shard.item[lines]) {
                let item = *item;
                if item == NO_ITEM || !shard.is_purchase(line, cut) {
                    continue;
                }
                each(line, item);
                if open != Some(day) {
                    self.close(rising);
                    rising = true;
                    open = Some(day);
                    self.days.push(day);
                    self.items.push(item);
                } else if item != last {
                    // Orders hold their lines by item: only a day with several orders has to be sorted.
                    rising &= last < item;
                    self.items.push(item);
                }
                last = item;
            }
        }
        self.close(rising);
    }

    /// Ends the open basket, if there is one.
    fn close(&mut self, rising: bool) {
        if self.days.is_empty() {
            return;
        }
        let start = self.offsets.last().map_or(0, |o| *o as usize);
        if !rising {
            self.items[start..].sort_unstable();
            let mut kept = start + 1;
            for at in start + 1..self.items.len() {
                if self.items[at] != self.items[kept - 1] {
                    self.items[kept] = self.items[at];
                    kept += 1;
                }
            }
            self.items.truncate(kept);
        }
        self.offsets.push(self.items.len() as u32);
    }

    /// Number of baskets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether the member has no visible basket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The day of basket `basket`.
    #[must_use]
    pub fn day(&self, basket: usize) -> Day {
        self.days[basket]
    }

    /// The days of all baskets, rising.
    #[must_use]
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// The distinct items of basket `basket`, in rising order.
    #[must_use]
    pub fn items(&self, basket: usize) -> &[u32] {
        &self.items[self.offsets[basket] as usize..self.offsets[basket + 1] as usize]
    }

    /// (item, basket) pairs over all baskets.
    #[must_use]
    pub fn events(&self) -> usize {
        self.items.len()
    }

    /// The items of all baskets, end to end.
    #[must_use]
    pub fn all_items(&self) -> &[u32] {
        &self.items
    }

    /// How old basket `basket` is: days before the cut, or baskets before the member's newest where the data has no
    /// time.
    #[must_use]
    pub fn age(&self, basket: usize) -> usize {
        match self.view {
            Some(View { timeline: Timeline::Calendar, cut, .. }) => {
                usize::try_from(cut.since(self.days[basket])).unwrap_or(0)
            }
            _ => self.days.len() - 1 - basket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{Row, shards_of};

    fn read(rows: &[Row], view: &View) -> Vec<(i32, Vec<u32>)> {
        let shard = &shards_of(rows, 1)[0];
        let mut baskets = MemberBaskets::default();
        baskets.fill(shard, 0, view);
        (0..baskets.len()).map(|b| (baskets.day(b).0, baskets.items(b).to_vec())).collect()
    }

    #[test]
    fn orders_of_a_day_are_one_basket() {
        let mut late = Row::buy("m", 3, 1, 5);
        late.order = "z".into();
        late.second = 90;
        let rows = [
            Row::buy("m", 3, 7, 5),
            Row::buy("m", 3, 7, 5),
            late.clone(),
            Row { item: 7, ..late },
            Row::buy("m", 5, 2, 5),
        ];
        let view = View::at(Day(9), Timeline::Calendar);
        assert_eq!(read(&rows, &view), [(3, vec![1, 7]), (5, vec![2])]);
        assert_eq!(read(&rows, &View::at(Day(4), Timeline::Calendar)), [(3, vec![1, 7])]);
        assert_eq!(read(&rows, &View::hiding_newest(Day(9), Timeline::Ordinal)), [(3, vec![1, 7])]);
        // The only basket left is not hidden.
        assert_eq!(read(&rows, &View::hiding_newest(Day(4), Timeline::Ordinal)), [(3, vec![1, 7])]);
    }

    #[test]
    fn returns_count_from_their_day_on() {
        let mut back = Row::buy("m", 8, 7, -5);
        back.units = -1;
        let rows = [Row::buy("m", 3, 7, 5), Row::buy("m", 5, 2, 5), back];
        assert_eq!(read(&rows, &View::at(Day(7), Timeline::Calendar)), [(3, vec![7]), (5, vec![2])]);
        assert_eq!(read(&rows, &View::at(Day(8), Timeline::Calendar)), [(5, vec![2])]);
    }
}
