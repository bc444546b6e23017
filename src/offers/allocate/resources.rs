//! What can run out.

use super::super::catalogue::Catalogue;

/// No resource.
const NONE: u32 = u32::MAX;

/// What a resource is a limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An offer, over all members.
    Offer(u16),
    /// An offer in one city, by the city's index.
    City(u16, u32),
    /// An offer in one segment, by the segment's position.
    Segment(u16, u32),
    /// The money of all offers together.
    Money,
}

/// Something of which there is only so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// What it is a limit of.
    pub scope: Scope,
    /// What is left of it: members, or minor units of money.
    pub left: u64,
}

/// Which resources an offer uses up.
#[derive(Debug, Clone, Default)]
struct Uses {
    scarce: bool,
    total: Option<u32>,
    /// By city; shorter where cities are without a limit.
    cities: Vec<u32>,
    /// By segment.
    segments: Vec<u32>,
    /// Minor units taken of the money of all offers.
    money: u64,
}

/// Everything that can run out, and what an assignment takes of it.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    list: Vec<Resource>,
    uses: Vec<Uses>,
    money: Option<u32>,
}

impl Resources {
    /// No limits for a catalogue's offers yet.
    #[must_use]
    pub fn new(catalogue: &Catalogue) -> Self {
        Self { list: Vec::new(), uses: vec![Uses::default(); catalogue.offers.len()], money: None }
    }

    /// Sets what is left for `scope`; of several limits on one scope the smallest holds. [`Scope::Money`] holds for the
    /// offers that [`Resources::costs`] names.
    pub fn limit(&mut self, scope: Scope, left: u64) {
        let next = self.list.len() as u32;
        let place = match scope {
            Scope::Offer(offer) => {
                let uses = &mut self.uses[usize::from(offer)];
                uses.scarce = true;
                uses.total.get_or_insert(next)
            }
            Scope::City(offer, city) => {
                let uses = &mut self.uses[usize::from(offer)];
                uses.scarce = true;
                slot(&mut uses.cities, city, next)
            }
            Scope::Segment(offer, segment) => {
                let uses = &mut self.uses[usize::from(offer)];
                uses.scarce = true;
                slot(&mut uses.segments, segment, next)
            }
            Scope::Money => self.money.get_or_insert(next),
        };
        if *place == next {
            self.list.push(Resource { scope, left });
        } else {
            let known = &mut self.list[*place as usize];
            known.left = known.left.min(left);
        }
    }

    /// An assignment of `offer` takes `minor` units of the money of all offers.
    pub fn costs(&mut self, offer: u16, minor: u64) {
        let uses = &mut self.uses[usize::from(offer)];
        uses.money = minor;
        uses.scarce |= minor > 0;
    }

    /// The resources, by index.
    #[must_use]
    pub fn list(&self) -> &[Resource] {
        &self.list
    }

    /// Number of offers.
    pub(super) fn offers(&self) -> usize {
        self.uses.len()
    }

    /// Whether an offer uses up anything.
    #[must_use]
    pub fn is_scarce(&self, offer: u16) -> bool {
        self.uses.get(usize::from(offer)).is_some_and(|u| u.scarce)
    }

    /// Calls `each` with the index of every resource that an assignment of `offer` to a member of a city and a segment
    /// uses up, and with how much of it.
    #[inline]
    pub(in super::super) fn each(&self, offer: u16, city: u32, segment: u32, mut each: impl FnMut(usize, u64)) {
        let uses = &self.uses[usize::from(offer)];
        if let Some(total) = uses.total {
            each(total as usize, 1);
        }
        for (table, at) in [(&uses.cities, city), (&uses.segments, segment)] {
            if let Some(resource) = table.get(at as usize)
                && *resource != NONE
            {
                each(*resource as usize, 1);
            }
        }
        if let Some(money) = self.money
            && uses.money > 0
        {
            each(money as usize, uses.money);
        }
    }

    /// The first resource of which `left` holds too little for one more assignment.
    pub(in super::super) fn exhausted(&self, offer: u16, city: u32, segment: u32, left: &[u64]) -> Option<usize> {
        let mut found = None;
        self.each(offer, city, segment, |resource, cost| {
            if left[resource] < cost {
                found.get_or_insert(resource);
            }
        });
        found
    }
}

fn slot(table: &mut Vec<u32>, at: u32, next: u32) -> &mut u32 {
    let at = at as usize;
    if table.len() <= at {
        table.resize(at + 1, NONE);
    }
    if table[at] == NONE {
        table[at] = next;
    }
    &mut table[at]
}
