//! One member's best list, given prices.

use super::{
    super::list::{Entry, Fillers, ListRules, PickSpace},
    Bid, BidMember, Resources,
};

/// Added to the score of what a member keeps in any case: far above every score, far below the end of exact integers.
const KEPT: f64 = 1e12;

/// Where a bid stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It may be asked for.
    Open,
    /// It is asked for.
    Asked,
    /// It is granted.
    Granted,
    /// It is out of the question.
    Refused,
}

/// Buffers that are used again from member to member.
#[derive(Default)]
pub(super) struct Space {
    entries: Vec<Entry>,
    /// By entry: its bid, and what it is worth after prices.
    back: Vec<(u32, f64)>,
    pub(super) picks: PickSpace,
    /// The bids of the best list, slot 1 first.
    pub(super) chosen: Vec<u32>,
}

/// What prices the bids of one member.
#[derive(Clone, Copy)]
pub(super) struct Offerings<'a> {
    pub(super) rules: &'a ListRules<'a>,
    pub(super) resources: &'a Resources,
    /// By resource.
    pub(super) prices: &'a [f64],
    /// What is left by resource; none: enough of everything.
    pub(super) left: Option<&'a [u64]>,
}

impl Offerings<'_> {
    /// What an assignment costs at the prices.
    pub(super) fn price(&self, bid: &Bid, member: &BidMember) -> f64 {
        let mut price = 0.0;
        self.resources.each(bid.offer(), member.city, member.segment, |r, cost| price += self.prices[r] * cost as f64);
        price
    }

    /// Puts the best list into `space.chosen`; gives its value after prices. `state` says where each bid stands; bids
    /// that `left` has no room for count as refused, and `without` one bid.
    pub(super) fn solve(
        &self,
        member: &BidMember,
        bids: &[Bid],
        state: impl Fn(usize) -> State,
        without: Option<u32>,
        space: &mut Space,
    ) -> f64 {
        space.entries.clear();
        space.back.clear();
        for (at, bid) in bids.iter().enumerate() {
            let entry = bid.entry();
            let (score, worth) = if bid.is_request() {
                match state(at) {
                    State::Refused => continue,
                    State::Granted => (entry.score + KEPT, entry.score),
                    State::Open | State::Asked => {
                        let worth = entry.score - self.price(bid, member);
                        let room = self.left.is_none_or(|left| {
                            self.resources.exhausted(bid.offer(), member.city, member.segment, left).is_none()
                        });
                        if worth <= 0.0 || without == Some(at as u32) || !room {
                            continue;
                        }
                        (worth, worth)
                    }
                }
            } else if bid.is_held() {
                (entry.score + KEPT, entry.score)
            } else {
                (entry.score, entry.score)
            };
            space.entries.push(Entry { score, ..entry });
            space.back.push((at as u32, worth));
        }
        self.rules.fill(&space.entries, &mut space.picks, usize::from(member.slots), &Fillers::NONE);
        space.chosen.clear();
        let mut value = 0.0;
        for pick in &space.picks.picks {
            let (bid, worth) = space.back[pick.at as usize];
            space.chosen.push(bid);
            value += worth;
        }
        value
    }

    /// Puts the bids of `space.chosen` in the order of their scores, as far as the slots of their offers allow.
    pub(super) fn arrange(&self, member: &BidMember, bids: &[Bid], space: &mut Space) {
        space.entries.clear();
        space.entries.extend(space.chosen.iter().map(|at| bids[*at as usize].entry()));
        self.rules.fill(&space.entries, &mut space.picks, usize::from(member.slots), &Fillers::NONE);
        if space.picks.picks.len() == space.chosen.len() {
            let before = std::mem::take(&mut space.chosen);
            space.chosen.extend(space.picks.picks.iter().map(|p| before[p.at as usize]));
        }
    }
}
