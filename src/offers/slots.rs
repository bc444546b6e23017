//! Slots that last: who keeps an offer from one night to the next finds it in the same place.
//!
//! Scores move a little every night, and by themselves they would make neighbours on a list change places on a good part of
//! the lists of a shop in which nothing happened. So an offer starts from the slot it had; what is new starts from the slots
//! that came free, best first; and neighbours change places where the lower scores the share `reorder` of
//! [`super::DecisionSettings`] more than the higher.

use super::{
    catalogue::Catalogue,
    decision::{Choice, Decision, Decisions},
    previous::{Held, PreviousDecisions, slot_of},
    proposal::Target,
};
use crate::base::IdTable;

/// What the order of a list depends on.
#[derive(Debug, Clone, Copy)]
struct Place {
    offer: u16,
    target: Target,
    score: f64,
    /// Drawn by lot: it stays in the slot it was drawn for.
    fixed: bool,
}

impl From<&Decision> for Place {
    fn from(decision: &Decision) -> Self {
        Self { offer: decision.offer(), target: decision.target(), score: decision.score(), fixed: decision.explored() }
    }
}

/// The lists of a shard in the order of their slots the night before: for each member whose list changes its order, its
/// index and, slot by slot, the slot where what stands there was. `members` are the shard's members.
#[must_use]
pub fn lasting_slots(
    decisions: &Decisions,
    members: &IdTable,
    previous: &PreviousDecisions,
    catalogue: &Catalogue,
) -> Vec<(usize, Vec<usize>)> {
    let mut changed = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for (member, id) in members.iter().enumerate() {
        let held = previous.of(id);
        if held.is_empty() {
            continue;
        }
        places.clear();
        places.extend(decisions.of(member).iter().map(Place::from));
        changed.extend(order(&places, held, catalogue).map(|order| (member, order)));
    }
    changed
}

/// The list of all who opted out, in the order of its slots the night before.
#[must_use]
pub fn lasting_generic(list: Vec<Choice>, previous: &PreviousDecisions, catalogue: &Catalogue) -> Vec<Choice> {
    let place = |c: &Choice| Place { offer: c.offer, target: c.target, score: c.score, fixed: c.chance.explored };
    let places: Vec<Place> = list.iter().map(place).collect();
    match order(&places, previous.generic(), catalogue) {
        Some(order) => order.into_iter().map(|from| list[from]).collect(),
        None => list,
    }
}

/// Slot by slot where what stands there was; `None` where nothing moves, or what is new fits no slot that is free.
fn order(list: &[Place], held: &[Held], catalogue: &Catalogue) -> Option<Vec<usize>> {
    let takes = |at: usize, slot: usize| catalogue.offers[usize::from(list[at].offer)].offer.slots >> slot & 1 == 1;
    let mut slots: Vec<Option<usize>> = vec![None; list.len()];
    for at in (0..list.len()).filter(|at| list[*at].fixed) {
        slots[at] = Some(at);
    }
    let mut rest = Vec::new();
    for at in (0..list.len()).filter(|at| !list[*at].fixed) {
        let had = slot_of(held, list[at].offer, list[at].target).map(|slot| usize::from(slot) - 1);
        match had.filter(|slot| *slot < list.len() && slots[*slot].is_none() && takes(at, *slot)) {
            Some(slot) => slots[slot] = Some(at),
            None => rest.push(at),
        }
    }
    for at in rest {
        let free = (0..slots.len()).find(|slot| slots[*slot].is_none() && takes(at, *slot))?;
        slots[free] = Some(at);
    }
    let mut order: Vec<usize> = slots.into_iter().collect::<Option<_>>()?;
    let enough = 1.0 + catalogue.decision.reorder;
    // Every exchange takes away an inversion of scores: at most so many rounds.
    for _ in 0..order.len() {
        let mut moved = false;
        for upper in 0..order.len().saturating_sub(1) {
            let (high, low) = (order[upper], order[upper + 1]);
            let earned = list[low].score > list[high].score * enough && !list[low].fixed && !list[high].fixed;
            if earned && takes(low, upper) && takes(high, upper + 1) {
                order.swap(upper, upper + 1);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    (!order.iter().copied().eq(0..list.len())).then_some(order)
}
