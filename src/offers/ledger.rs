//! The ledger: what is assigned of scarce offers, night after night.
//!
//! It is rebuilt every night from the previous run's ledger and from the contacts. A seat is held until the assignment
//! ends (`valid_until`), the member refuses it, or it is given back (a contact with the outcome `released`, or the
//! offer is taken out of the catalogue); one that was accepted is held until the offer itself ends, for it is taken.
//! Limits are what the job says less what is held. A seat of a member who may not be named any more (forgotten,
//! withdrawn) keeps nobody's name and stays empty until it ends. Seats of the holdout are ghosts: they are remembered, so
//! that a ghost keeps what it has, and use up nothing.

use std::collections::BTreeMap;

use super::{
    allocate::{Resources, Scope},
    catalogue::Catalogue,
    contacts::ContactRow,
    decision::Choice,
    holdout::Arm,
};
use crate::base::{Day, IdTable, Minor, hash::id_hash};

/// Where a seat stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatState {
    /// It is held.
    Held,
    /// It was accepted.
    Accepted,
    /// It ended; it still counts towards what was assigned in a period.
    Ended,
}

impl SeatState {
    /// The code written to files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Ended => "ended",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Held, Self::Accepted, Self::Ended].into_iter().find(|s| s.code() == code)
    }
}

/// One assignment of something scarce.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// Whose it is; `None`: it stays empty.
    pub member: Option<String>,
    /// As-of day of the run that assigned it.
    pub assigned: Day,
    /// City of the member when it was assigned.
    pub city: Option<String>,
    /// Code of the member's segment when it was assigned.
    pub segment: Option<String>,
    /// Face value.
    pub value_minor: Minor,
    /// Where it stands.
    pub state: SeatState,
    /// Whether it is a ghost's.
    pub arm: Arm,
    /// The decision it was assigned by.
    pub choice: Choice,
    /// Whether the decision has a reason; one that only the contacts tell of has none.
    pub has_reason: bool,
}

impl Seat {
    fn live(&self) -> bool {
        self.state != SeatState::Ended
    }

    /// The decision of a seat that is held and whose offer runs, within the offer's window.
    pub(super) fn held_choice(&self, catalogue: &Catalogue) -> Option<Choice> {
        let offer = &catalogue.offers[usize::from(self.choice.offer)];
        let until = offer.offer.ends.map_or(self.choice.valid_until, |end| self.choice.valid_until.min(end));
        (self.live() && offer.active && until >= catalogue.first_valid())
            .then_some(Choice { valid_until: until, ..self.choice })
    }
}

/// All seats.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// By offer id, member id, day.
    seats: Vec<Seat>,
    /// Hash of the member and the seat, sorted; seats that are held alone.
    by_member: Vec<(u64, u32)>,
}

/// A city and the code of a segment.
type Place = (Option<String>, Option<String>);

/// What the ledger asks about members.
pub struct Members<'a> {
    /// Whether a member may still be named.
    pub may_be_named: &'a dyn Fn(&str) -> bool,
    /// A member's city and segment code tonight.
    pub place: &'a dyn Fn(&str) -> Place,
}

impl Ledger {
    /// Rebuilds the ledger of tonight. `seats` are those of the previous run; of `contacts` only those with scarce offers
    /// matter, and nothing after the as-of day is seen.
    #[must_use]
    pub fn rebuild<'c>(
        seats: Vec<Seat>,
        contacts: impl IntoIterator<Item = ContactRow<'c>>,
        catalogue: &Catalogue,
        members: &Members<'_>,
    ) -> Self {
        let (as_of, today) = (catalogue.as_of, catalogue.first_valid());
        let mut seats: Vec<Seat> = seats.into_iter().filter(|s| catalogue.is_scarce(s.choice.offer)).collect();
        let mut live: BTreeMap<(u16, String), usize> = BTreeMap::new();
        for (at, seat) in seats.iter().enumerate() {
            if let Some(member) = seat.member.as_ref().filter(|_| seat.live()) {
                live.insert((seat.choice.offer, member.clone()), at);
            }
        }
        let mut rows: Vec<(u16, ContactRow<'c>)> = contacts
            .into_iter()
            .filter(|row| row.sent <= as_of)
            .filter_map(|row| Some((catalogue.index_of(row.offer_id).filter(|o| catalogue.is_scarce(*o))?, row)))
            .collect();
        rows.sort_unstable_by_key(|(offer, r)| (*offer, r.member_id, r.sent, r.accepted, r.refused, r.released));
        // Which seats of the previous night have no name and no contact yet.
        let mut nameless: Vec<bool> = seats.iter().map(|seat| seat.member.is_none()).collect();
        for (offer, row) in rows {
            let seen = |day: Option<Day>| day.filter(|d| *d <= as_of);
            let given_back = seen(row.refused).max(seen(row.released));
            let accepted = seen(row.accepted).filter(|day| given_back.is_none_or(|back| *day > back));
            let key = (offer, row.member_id.to_owned());
            if !live.contains_key(&key) && !(members.may_be_named)(row.member_id) {
                // The seat of a member without a name is one of those that stay empty: it is not given out twice.
                let own = |seat: &Seat| {
                    seat.member.is_none()
                        && seat.live()
                        && seat.arm == Arm::Treated
                        && seat.choice.offer == offer
                        && (seat.assigned..=seat.choice.valid_until).contains(&row.sent)
                };
                if let Some(at) = (0..nameless.len()).find(|at| nameless[*at] && own(&seats[*at])) {
                    nameless[at] = false;
                    live.insert(key.clone(), at);
                }
            }
            match live.get(&key) {
                Some(at) if row.sent >= seats[*at].assigned => {
                    if accepted.is_some() {
                        seats[*at].state = SeatState::Accepted;
                    } else if given_back.is_some() {
                        seats[*at].state = SeatState::Ended;
                        live.remove(&key);
                    }
                }
                Some(_) => {}
                None if given_back.is_none() || accepted.is_some() => {
                    let seat = told_by_contact(offer, &row, accepted.is_some(), catalogue, members);
                    if ends(&seat, catalogue) >= today {
                        live.insert(key, seats.len());
                        seats.push(seat);
                    }
                }
                None => {}
            }
        }
        for seat in &mut seats {
            if seat.live() && ends(seat, catalogue) < today {
                seat.state = SeatState::Ended;
            }
            if seat.member.as_deref().is_some_and(|m| !(members.may_be_named)(m)) {
                seat.member = None;
            }
        }
        // What ended is remembered for as long as a cap on a period can ask for it.
        seats.retain(|seat| {
            let caps = &catalogue.offers[usize::from(seat.choice.offer)].offer.caps;
            seat.live() || (caps.per_period.is_some() && in_period(seat, caps.period_days, as_of))
        });
        Self::of_seats(seats, catalogue)
    }

    fn of_seats(mut seats: Vec<Seat>, catalogue: &Catalogue) -> Self {
        let rank = |seat: &Seat| catalogue.rank[usize::from(seat.choice.offer)];
        seats.sort_by(|a, b| {
            (rank(a), &a.member, a.assigned, a.state, &a.city, &a.segment).cmp(&(
                rank(b),
                &b.member,
                b.assigned,
                b.state,
                &b.city,
                &b.segment,
            ))
        });
        let mut by_member: Vec<(u64, u32)> = seats
            .iter()
            .enumerate()
            .filter(|(_, seat)| seat.live())
            .filter_map(|(at, seat)| Some((id_hash(seat.member.as_ref()?.as_bytes()), at as u32)))
            .collect();
        by_member.sort_unstable();
        Self { seats, by_member }
    }

    /// Every seat, by offer id, member id and day.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Takes names out of the ledger; their seats stay empty until they end.
    pub fn empty_seats(&mut self, gone: impl Fn(&str) -> bool) {
        for seat in &mut self.seats {
            if seat.member.as_deref().is_some_and(&gone) {
                seat.member = None;
            }
        }
        let seats = &self.seats;
        self.by_member.retain(|(_, at)| seats[*at as usize].member.is_some());
    }

    /// The seats that a member holds.
    pub(super) fn of(&self, member_id: &str) -> impl Iterator<Item = &Seat> {
        let hash = if self.by_member.is_empty() { 0 } else { id_hash(member_id.as_bytes()) };
        let start = self.by_member.partition_point(|(h, _)| *h < hash);
        self.by_member[start..].iter().take_while(move |(h, _)| *h == hash).map(|(_, at)| &self.seats[*at as usize])
    }

    /// Whether a member holds a seat of an offer.
    pub(super) fn has(&self, member_id: &str, offer: u16) -> bool {
        self.of(member_id).any(|seat| seat.choice.offer == offer)
    }

    /// What is left tonight of everything that is limited; `None` where nothing is. `cities` are those that may have a
    /// limit, `segments` the segments' codes by position.
    #[must_use]
    pub fn resources(&self, catalogue: &Catalogue, cities: &IdTable, segments: &[&str]) -> Option<Resources> {
        let mut resources = Resources::new(catalogue);
        let mut any = false;
        for (index, bound) in catalogue.offers.iter().enumerate() {
            let (index, offer) = (index as u16, &bound.offer);
            if !catalogue.is_scarce(index) {
                continue;
            }
            any = true;
            let own: Vec<&Seat> =
                self.seats.iter().filter(|s| s.choice.offer == index && s.arm == Arm::Treated).collect();
            let live = |filter: &dyn Fn(&Seat) -> bool| own.iter().filter(|s| s.live() && filter(s)).count() as u64;
            let (held, value) =
                (live(&|_| true), own.iter().filter(|s| s.live()).map(|s| s.value_minor).sum::<Minor>());
            let (caps, budget) = (&offer.caps, &offer.budget);
            for limit in [caps.total, budget.stock, budget.seats].into_iter().flatten() {
                resources.limit(Scope::Offer(index), limit.saturating_sub(held));
            }
            if let Some(money) = budget.money_minor
                && offer.value_minor > 0
            {
                let left = (money - value).max(0) / offer.value_minor;
                resources.limit(Scope::Offer(index), left.unsigned_abs());
            }
            if let Some(limit) = caps.per_period {
                let lately = own.iter().filter(|s| in_period(s, caps.period_days, catalogue.as_of)).count() as u64;
                resources.limit(Scope::Offer(index), limit.saturating_sub(lately));
            }
            for (at, city) in cities.iter().enumerate() {
                if let Some(limit) = caps.of_city(city) {
                    let held = live(&|s| s.city.as_deref() == Some(city));
                    resources.limit(Scope::City(index, at as u32), limit.saturating_sub(held));
                }
            }
            for (at, code) in segments.iter().enumerate() {
                if let Some(limit) = caps.of_segment(code) {
                    let held = live(&|s| s.segment.as_deref() == Some(*code));
                    resources.limit(Scope::Segment(index, at as u32), limit.saturating_sub(held));
                }
            }
        }
        if let Some(money) = catalogue.decision.budget_minor {
            let held: Minor =
                self.seats.iter().filter(|s| s.live() && s.arm == Arm::Treated).map(|s| s.value_minor).sum();
            resources.limit(Scope::Money, (money - held).max(0).unsigned_abs());
            for (index, bound) in catalogue.offers.iter().enumerate() {
                resources.costs(index as u16, bound.offer.value_minor.max(0).unsigned_abs());
            }
        }
        any.then_some(resources)
    }

    /// The ledger after tonight: with the seats that are newly assigned.
    #[must_use]
    pub fn with(self, new: impl IntoIterator<Item = Seat>, catalogue: &Catalogue) -> Self {
        let mut seats = self.seats;
        seats.extend(new);
        Self::of_seats(seats, catalogue)
    }
}

/// Whether a seat was assigned within the last days before the lists of tonight.
fn in_period(seat: &Seat, days: u32, as_of: Day) -> bool {
    seat.arm == Arm::Treated && i64::from(as_of.since(seat.assigned)) < i64::from(days)
}

/// Last day of a seat: the assignment's, or the offer's own if it was accepted.
fn ends(seat: &Seat, catalogue: &Catalogue) -> Day {
    let end = catalogue.offers[usize::from(seat.choice.offer)].offer.ends;
    match (seat.state, end) {
        (SeatState::Accepted, Some(end)) => end,
        // What is taken of an offer without an end is taken for good.
        (SeatState::Accepted, None) => Day(i32::MAX),
        (_, Some(end)) => seat.choice.valid_until.min(end),
        (_, None) => seat.choice.valid_until,
    }
}

/// A seat that no ledger knows of, but that a contact assigned.
fn told_by_contact(
    offer: u16,
    row: &ContactRow<'_>,
    accepted: bool,
    catalogue: &Catalogue,
    members: &Members<'_>,
) -> Seat {
    let bound = &catalogue.offers[usize::from(offer)];
    let (city, segment) = (members.place)(row.member_id);
    let valid_days = i32::try_from(bound.offer.valid_days).unwrap_or(i32::MAX);
    Seat {
        member: Some(row.member_id.to_owned()),
        assigned: row.sent.plus(-1),
        city,
        segment,
        value_minor: bound.offer.value_minor,
        state: if accepted { SeatState::Accepted } else { SeatState::Held },
        arm: Arm::Treated,
        choice: Choice {
            offer,
            target: super::Target::None,
            score: 0.0,
            reason: 0,
            evidence: super::Evidence::default(),
            valid_from: row.sent,
            valid_until: row.sent.plus(valid_days - 1),
            chance: super::Chance::default(),
        },
        has_reason: false,
    }
}
