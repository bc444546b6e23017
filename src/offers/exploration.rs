//! Slots that are drawn by lot.
//!
//! A share of the members, chosen by a salted hash, has the last slot of the list drawn evenly among all offers that may
//! stand there; every other member has the best of them there. Both kinds of members carry the probability with which
//! their last slot came to hold what it holds (its propensity): with share `s` and `n` offers that may stand there it is
//! `1 − s + s/n` for the best and `s/n` for any other. So what was shown and what came of it can be weighed without
//! bias (Horvitz and Thompson 1952). A lot holds for some days, and not all members' lots end in one night.

use super::{
    decide::{Decider, ListSpace, Scored},
    draft::ScarceInputs,
    list::{Entry, Pick},
    response::ExplorationSettings,
};
use crate::base::{
    Day,
    hash::{hash_in_share, id_hash, salted_hash},
};

/// The lots of a job.
#[derive(Debug, Clone, Copy)]
pub struct Lots {
    share: f64,
    days: u32,
    salt: u64,
}

/// What a member's lot says on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// Whether the last slot is drawn.
    pub explores: bool,
    /// What the draw is made with.
    pub number: u64,
}

impl Lots {
    /// The lots that a job sets; `None` where nothing is drawn.
    #[must_use]
    pub fn new(settings: &ExplorationSettings) -> Option<Self> {
        let salt = id_hash(settings.salt.as_bytes());
        (settings.share > 0.0).then_some(Self { share: settings.share, days: settings.days.max(1), salt })
    }

    /// A member's lot on a day.
    #[must_use]
    pub fn of(&self, member_id: &str, day: Day) -> Lot {
        let own = salted_hash(member_id.as_bytes(), self.salt);
        // Members' lots end on different days.
        let block = (i64::from(day.0) + (own % u64::from(self.days)) as i64).div_euclid(i64::from(self.days));
        let hash = salted_hash(member_id.as_bytes(), self.salt ^ salted_hash(&block.to_le_bytes(), self.salt));
        let number = salted_hash(&hash.to_le_bytes(), self.salt);
        Lot { explores: hash_in_share(hash, self.share), number }
    }

    /// Draws the last slot of the list of `space`, or notes with which probability it would have come to what it is.
    pub(super) fn draw(
        &self,
        decider: &Decider<'_>,
        member_id: &str,
        slots: u8,
        scarce: Option<&ScarceInputs<'_>>,
        space: &mut ListSpace,
    ) {
        let Some(last) = space.picks.picks.pop() else { return };
        let slot = space.picks.picks.len();
        let mut pool: Vec<(u16, u32)> = Vec::new();
        for (at, entry) in space.entries.iter().enumerate() {
            if entry.offer == last.entry.offer
                || scarce.is_some_and(|s| s.resources.is_scarce(entry.offer))
                || !decider.rules.takes_slot(entry.offer, slot)
            {
                continue;
            }
            let better = |known: u32| {
                let old: &Entry = &space.entries[known as usize];
                entry.score > old.score || (entry.score == old.score && entry.target < old.target)
            };
            let known = pool.iter().position(|(offer, _)| *offer == entry.offer);
            if known.is_some_and(|k| !better(pool[k].1))
                || decider.rules.stands_against(entry, &space.picks.picks, usize::from(slots).min(slot + 1)).is_some()
            {
                continue;
            }
            match known {
                Some(k) => pool[k].1 = at as u32,
                None => pool.push((entry.offer, at as u32)),
            }
        }
        // In the order of the offers' ids; what stood there counts as one of them.
        pool.sort_unstable_by_key(|(offer, _)| decider.catalogue().rank[usize::from(*offer)]);
        let n = pool.len() as u64 + 1;
        let evenly = self.share / n as f64;
        let lot = self.of(member_id, decider.catalogue().as_of);
        let drawn = if lot.explores { (lot.number % n).checked_sub(1) } else { None };
        let (pick, propensity) = match drawn {
            Some(at) => {
                let at = pool[at as usize].1;
                let entry = space.entries[at as usize];
                space.list.pop();
                space.list.push(Scored { score: entry.score, proposal: space.proposals[at as usize] });
                (Pick { entry, at, filler: false }, evenly)
            }
            None => (last, 1.0 - self.share + evenly),
        };
        space.picks.picks.push(pick);
        space.last = Some((propensity as f32, lot.explores && n > 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_shares_that_hold_for_their_days() {
        let settings = ExplorationSettings { share: 0.2, days: 7, salt: "s".into() };
        let lots = Lots::new(&settings).unwrap();
        let names: Vec<String> = (0..4000).map(|i| format!("m{i}")).collect();
        let drawn = |day: i32| -> Vec<bool> { names.iter().map(|n| lots.of(n, Day(day)).explores).collect() };
        let first = drawn(20_000);
        let share = first.iter().filter(|e| **e).count() as f64 / 4000.0;
        assert!((share - 0.2).abs() < 0.02, "{share}");
        let changed = |day: i32| drawn(day).iter().zip(&first).filter(|(a, b)| a != b).count() as f64 / 4000.0;
        // A seventh of the lots end each night, and a third of those change (2 × 0.2 × 0.8).
        assert!((changed(20_001) - 0.32 / 7.0).abs() < 0.015, "{}", changed(20_001));
        assert!((changed(20_007) - 0.32).abs() < 0.03);
        assert_eq!(first, drawn(20_000));
        assert!(Lots::new(&ExplorationSettings { share: 0.0, days: 7, salt: "s".into() }).is_none());
    }
}
