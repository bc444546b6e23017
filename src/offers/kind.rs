//! What an offer kind is.

use std::fmt;

use super::{
    catalogue::BoundOffer,
    kinds,
    member::MemberView,
    programme::Programme,
    proposal::Proposal,
    raw::{Incentive, RawOffer},
    sentences::Reason,
    world::World,
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
    recommend::{Candidate, Fallback, TermKind},
};

/// Columns of which a kind needs one, by table and name.
pub type Need = &'static [(Table, &'static str)];

/// A mechanic: who gets an offer of this kind, of what, and why. A new kind is a file in `kinds/` and a line in
/// `kinds::KINDS`.
pub trait OfferKind: Send + Sync {
    /// The name in the job file and in the outputs.
    fn code(&self) -> &'static str;

    /// What it gives unless the offer says otherwise.
    fn default_incentive(&self) -> Incentive;

    /// Slots of a list that one offer takes at most unless it says otherwise.
    fn default_per_member(&self) -> u16 {
        1
    }

    /// Every reason it may give, in the order of [`Proposal::reason`].
    fn reasons(&self) -> &'static [Reason];

    /// Keys of [`RawOffer`] that only some kinds read and this one does.
    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it needs of the inputs beside purchase lines: of each group one column.
    fn needs(&self) -> &'static [Need] {
        &[]
    }

    /// [`OfferKind::needs`] where they depend on the offer.
    fn needs_of(&self, _raw: &RawOffer) -> &'static [Need] {
        self.needs()
    }

    /// Whether it asks where a member stands among the others ([`super::Standing`]).
    fn ranks_members(&self) -> bool {
        false
    }

    /// Whether it asks what fits what ([`World::fits`]).
    fn asks_what_fits(&self) -> bool {
        false
    }

    /// Whether an offer's window comes again every year, so that earlier years speak of it.
    fn returns_yearly(&self) -> bool {
        false
    }

    /// Whether it sells: what is not made to members with an open complaint or return.
    fn sells(&self) -> bool {
        true
    }

    /// What the kind needs of an offer beyond the common keys.
    fn check(&self, _raw: &RawOffer, _programme: &Programme, _at: &JobPath, _findings: &mut Findings) {}

    /// Whether it means anything for data that has an order but no calendar.
    fn without_calendar(&self) -> bool {
        false
    }

    /// Whose popularity stands behind a reason that rests on nothing of the member's own; none for all other reasons.
    fn fallback(&self, _reason: u8) -> Option<Fallback> {
        None
    }

    /// The term of an item's score that a reason rests on, where it is one; `about` is the item that the reason names.
    fn rests_on(&self, _reason: u8, _about: Option<u32>) -> Option<TermKind> {
        None
    }

    /// Whether a reason says that the item is new.
    fn is_new(&self, _reason: u8) -> bool {
        false
    }

    /// Whether it can fill the list of a member nothing is known of.
    fn fills_lists(&self) -> bool {
        false
    }

    /// Appends what it proposes to one member, in any order.
    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>);

    /// What it proposes to anyone, best first, for kinds that fill lists.
    /// `popular` are the shop's items that may be offered, most popular first.
    fn for_anyone(
        &self,
        _index: u16,
        _offer: &BoundOffer,
        _world: &World<'_>,
        _popular: &[Candidate],
    ) -> Vec<Proposal> {
        Vec::new()
    }
}

/// A kind of the registry.
#[derive(Clone, Copy)]
pub struct KindRef(pub(super) &'static dyn OfferKind);

impl std::ops::Deref for KindRef {
    type Target = dyn OfferKind;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for KindRef {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Eq for KindRef {}

impl fmt::Debug for KindRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for KindRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// The kind of that name.
#[must_use]
pub fn kind_named(name: &str) -> Option<KindRef> {
    kinds::KINDS.iter().find(|k| k.code() == name).map(|k| KindRef(*k))
}

/// Whether a job can do without what a kind needs, for it learns it: what fits what, from purchases.
#[must_use]
pub fn is_learned(kind: KindRef, need: Need, learn_fits: bool) -> bool {
    learn_fits && kind.asks_what_fits() && need.iter().any(|(table, _)| *table == Table::Compatibility)
}

/// Names of all kinds.
pub fn kind_names() -> impl Iterator<Item = &'static str> {
    kinds::KINDS.iter().map(|k| k.code())
}
