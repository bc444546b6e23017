//! What the lists of all members come to, counted while they are written.

use super::{closing::Closing, decide::Decided, fit::Described};
use crate::{
    offers::{Arm, Catalogue, Decision, Holdout, six_digits},
    recommend::Fallback,
};

/// What the lists of all members come to.
pub(super) struct Counted {
    /// By offer.
    pub(super) tallies: Vec<Tally>,
    /// Members with at least one slot.
    pub(super) with_list: u64,
    /// Of them, members held out.
    pub(super) held_out: u64,
    /// How much of the lists rests on nothing of the member's own, by whose popularity stands in, and how much is new.
    pub(super) fallbacks: Vec<(String, f64)>,
}

/// What one offer came to.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) members: u64,
    pub(super) by_segment: Vec<u64>,
    /// By reason: slots, and the best of them.
    pub(super) by_reason: Vec<(u64, Option<Decision>)>,
}

impl Tally {
    /// Slots of every reason.
    pub(super) fn slots(&self) -> u64 {
        self.by_reason.iter().map(|(slots, _)| slots).sum()
    }
}

impl Counted {
    /// Counts the lists of a night.
    pub(super) fn of(closing: &Closing<'_>, described: &Described, decided: &Decided) -> Self {
        let Closing { members, catalogue, .. } = *closing;
        let segments = &described.model.segments;
        let mut tallies: Vec<Tally> = catalogue
            .offers
            .iter()
            .map(|o| Tally {
                members: 0,
                by_segment: vec![0; segments.len()],
                by_reason: vec![(0, None); o.offer.kind.reasons().len()],
            })
            .collect();
        let holdout = Holdout::new(&catalogue.decision);
        let (mut with_list, mut held_out) = (0, 0);
        let mut own: Vec<u16> = Vec::new();
        for (index, decisions) in decided.decisions.iter().enumerate() {
            for member in 0..decisions.members() {
                let list = decisions.of(member);
                with_list += u64::from(!list.is_empty());
                held_out += u64::from(!list.is_empty() && holdout.arm(members[index].get(member)) == Arm::Holdout);
                own.clear();
                for decision in list {
                    own.push(decision.offer());
                    let choice = decision.unpack(catalogue.as_of);
                    let (slots, best) = &mut tallies[usize::from(choice.offer)].by_reason[usize::from(choice.reason)];
                    *slots += 1;
                    if best.is_none_or(|b| decision.score() > b.score()) {
                        *best = Some(*decision);
                    }
                }
                own.sort_unstable();
                own.dedup();
                let segment = described.memberships.segment[described.features.offset(index) + member];
                for offer in &own {
                    let tally = &mut tallies[usize::from(*offer)];
                    tally.members += 1;
                    tally.by_segment[usize::from(segment)] += 1;
                }
            }
        }
        Self { tallies, with_list, held_out, fallbacks: fallbacks(decided, catalogue) }
    }
}

/// How much of the lists rests on nothing of the member's own, by whose popularity stands in, and how much is new.
fn fallbacks(decided: &Decided, catalogue: &Catalogue) -> Vec<(String, f64)> {
    let mut slots = [0u64; Fallback::ALL.len()];
    let (mut all, mut new, mut lists, mut without) = (0u64, 0u64, 0u64, 0u64);
    for decisions in &decided.decisions {
        for member in 0..decisions.members() {
            let list = decisions.of(member);
            let mut own = false;
            for decision in list {
                let kind = catalogue.offers[usize::from(decision.offer())].offer.kind;
                all += 1;
                new += u64::from(kind.is_new(decision.reason()));
                match kind.fallback(decision.reason()) {
                    Some(level) => slots[level as usize] += 1,
                    None => own = true,
                }
            }
            lists += u64::from(!list.is_empty());
            without += u64::from(!list.is_empty() && !own);
        }
    }
    let share = |part: u64, whole: u64| six_digits(part as f64 / whole.max(1) as f64);
    let mut figures = vec![
        ("fallback_members_share".to_owned(), share(without, lists)),
        ("fallback_slots_share".to_owned(), share(slots.iter().sum(), all)),
        ("new_item_slots_share".to_owned(), share(new, all)),
    ];
    for (level, slots) in Fallback::ALL.into_iter().zip(slots) {
        figures.push((format!("fallback_{}_slots_share", level.code()), share(slots, all)));
    }
    figures
}
