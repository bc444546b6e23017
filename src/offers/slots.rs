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
    // Every exchange takes away an inversion of scores, so that there is an end to it.
    let mut moved = true;
    while std::mem::take(&mut moved) {
        for upper in 0..order.len().saturating_sub(1) {
            let (high, low) = (order[upper], order[upper + 1]);
            let earned = list[low].score > list[high].score * enough && !list[low].fixed && !list[high].fixed;
            if earned && takes(low, upper) && takes(high, upper + 1) {
                order.swap(upper, upper + 1);
                moved = true;
            }
        }
    }
    (!order.iter().copied().eq(0..list.len())).then_some(order)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::Day,
        input::{ItemTable, NONE},
        offers::{PreviousRow, testing::Shop},
    };

    /// Two offers, of which the second takes no slot but 2 and 3.
    const OFFERS: &str = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\n\
                          [[offers]]\nid = \"r\"\nkind = \"replenish\"\nslots = [2, 3]\n";
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    fn table() -> ItemTable {
        ItemTable {
            ids: IdTable::from_unsorted(NAMES),
            category: vec![NONE; 8],
            listed: vec![true; 8],
            name: vec![String::new(); 8],
            stock: vec![None; 8],
            launch: vec![None; 8],
            denied: vec![false; 8],
            fits: vec![Vec::new(); 8],
            consumable_days: vec![None; 8],
            ..ItemTable::default()
        }
    }

    fn with_offers(job: &str) -> (Catalogue, ItemTable) {
        let shop = Shop::new(table(), Vec::new(), 100);
        (shop.catalogue(job), shop.items)
    }

    /// What the member had: items in the order of their slots.
    fn had(items: &[&str], catalogue: &Catalogue, table: &ItemTable) -> Vec<Held> {
        let mut builder = PreviousDecisions::builder(catalogue, table, Day(101));
        for (slot, item) in items.iter().enumerate() {
            builder.push(&PreviousRow {
                member_id: "me",
                slot: slot as i32 + 1,
                offer_id: "n",
                item_id: Some(item),
                category: None,
                valid_from: Day(95),
                valid_until: Day(110),
                generic: false,
                reason_code: "",
                about: None,
            });
        }
        builder.build().of("me").to_vec()
    }

    fn place(offer: u16, item: u32, score: f64) -> Place {
        Place { offer, target: Target::Item(item), score, fixed: false }
    }

    fn ordered(list: &[Place], had: &[Held], catalogue: &Catalogue) -> Vec<u32> {
        let order = order(list, had, catalogue).unwrap_or_else(|| (0..list.len()).collect());
        order.into_iter().filter_map(|at| list[at].target.item()).collect()
    }

    #[test]
    fn neighbours_stay_unless_one_scores_much_more() {
        let (catalogue, table) = with_offers(OFFERS);
        let held = had(&["a", "b", "c", "d"], &catalogue, &table);
        // In the order of the scores everything would have moved.
        let list = [place(0, 3, 0.9), place(0, 2, 0.8), place(0, 1, 0.7), place(0, 0, 0.6)];
        assert_eq!(ordered(&list, &held, &catalogue), [0, 1, 2, 3]);
        // What is new takes the slot that came free; more than twice the score goes up.
        let list = [place(0, 6, 0.9), place(0, 2, 0.8), place(0, 0, 0.6), place(0, 3, 0.5)];
        assert_eq!(ordered(&list, &held, &catalogue), [0, 6, 2, 3]);
        let list = [place(0, 6, 1.3), place(0, 2, 0.8), place(0, 0, 0.6), place(0, 3, 0.5)];
        assert_eq!(ordered(&list, &held, &catalogue), [6, 0, 2, 3]);
        // An offer keeps to the slots it takes, and what was drawn by lot to its own.
        let list = [place(0, 0, 0.9), place(1, 6, 0.8), place(0, 1, 0.1)];
        assert_eq!(ordered(&list, &had(&["b", "a"], &catalogue, &table), &catalogue), [0, 6, 1]);
        let list = [place(0, 1, 0.9), place(0, 2, 0.8), Place { fixed: true, ..place(0, 0, 0.7) }];
        assert_eq!(ordered(&list, &held, &catalogue), [2, 1, 0]);
        // With no margin the scores decide.
        let (strict, table) = with_offers(&format!("{OFFERS}[decision]\nreorder = 0.0\n"));
        let list = [place(0, 3, 0.9), place(0, 2, 0.8), place(0, 1, 0.7), place(0, 0, 0.6)];
        assert_eq!(ordered(&list, &had(&["a", "b", "c", "d"], &strict, &table), &strict), [3, 2, 1, 0]);
    }

    proptest! {
        #[test]
        fn every_entry_keeps_one_slot_and_no_neighbour_is_twice_as_good(
            scores in prop::collection::vec(1u32..1000, 1..8), before in Just(NAMES.to_vec()).prop_shuffle(), cut in 0usize..8,
        ) {
            let (catalogue, table) = with_offers(OFFERS);
            let held = had(&before[..cut], &catalogue, &table);
            let mut scores = scores;
            scores.sort_unstable_by(|a, b| b.cmp(a));
            let list: Vec<Place> = scores.iter().enumerate().map(|(i, s)| place(0, i as u32, f64::from(*s))).collect();
            let order = order(&list, &held, &catalogue).unwrap_or_else(|| (0..list.len()).collect());
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..list.len()));
            for pair in order.windows(2) {
                prop_assert!(list[pair[1]].score <= 2.0 * list[pair[0]].score);
            }
        }
    }
}
