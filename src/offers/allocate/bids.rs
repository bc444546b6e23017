//! What members bid for, in 12 bytes a bid.

use super::super::{list::Entry, proposal::Target};

/// Bits of [`Bid::marks`].
const TARGET: u8 = 3;
const SCARCE: u8 = 4;
const HELD: u8 = 8;
const GHOST: u8 = 16;

/// One offer for one member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bid {
    score: f32,
    target: u32,
    offer: u16,
    marks: u8,
}

const _: () = assert!(size_of::<Bid>() == 12);

impl Bid {
    /// A bid for something there is enough of.
    #[must_use]
    pub fn new(offer: u16, target: Target, score: f64) -> Self {
        let (mark, target) = match target {
            Target::None => (0, 0),
            Target::Item(item) => (1, item),
            Target::Category(category) => (2, category),
            Target::Subject(subject) => (3, subject),
        };
        Self { score: score as f32, target, offer, marks: mark }
    }

    /// The bid is for something scarce.
    #[must_use]
    pub fn scarce(self) -> Self {
        Self { marks: self.marks | SCARCE, ..self }
    }

    /// The member holds it already: it stays in the list and uses up nothing more.
    #[must_use]
    pub fn held(self) -> Self {
        Self { marks: self.marks | HELD, ..self }
    }

    /// The member is held out of the offer's kind: the bid is granted like any other, and uses up nothing.
    #[must_use]
    pub fn ghost(self) -> Self {
        Self { marks: self.marks | GHOST, ..self }
    }

    /// Whether it uses up nothing for a member who is held out of the offer's kind.
    #[must_use]
    pub fn is_ghost(&self) -> bool {
        self.marks & GHOST != 0
    }

    /// Index of the offer in the catalogue.
    #[must_use]
    pub fn offer(&self) -> u16 {
        self.offer
    }

    /// Comparable score.
    #[must_use]
    pub fn score(&self) -> f64 {
        f64::from(self.score)
    }

    /// What is offered.
    #[must_use]
    pub fn target(&self) -> Target {
        match self.marks & TARGET {
            1 => Target::Item(self.target),
            2 => Target::Category(self.target),
            3 => Target::Subject(self.target),
            _ => Target::None,
        }
    }

    /// Whether it is for something scarce that the member does not hold.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.marks & (SCARCE | HELD) == SCARCE
    }

    /// Whether the member holds it already.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.marks & HELD != 0
    }

    pub(super) fn entry(&self) -> Entry {
        Entry { score: self.score(), target: self.target(), offer: self.offer }
    }
}

/// A member who bids for something scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidMember {
    /// Index of the member in the shard.
    pub member: u32,
    /// Place of the member's id among all bidding members' ids: ties go to the lower one. No two are equal.
    pub rank: u32,
    /// The member's city; `u32::MAX` where it is not known.
    pub city: u32,
    /// Position of the member's segment.
    pub segment: u32,
    /// Longest list.
    pub slots: u8,
    /// Whether the member is held out: gets what is granted at the same time, and uses up nothing.
    pub ghost: bool,
}

/// The bids of a shard's members.
#[derive(Debug, Clone)]
pub struct ShardBids {
    members: Vec<BidMember>,
    /// One more than members.
    offsets: Vec<u32>,
    bids: Vec<Bid>,
}

impl Default for ShardBids {
    fn default() -> Self {
        Self { members: Vec::new(), offsets: vec![0], bids: Vec::new() }
    }
}

impl ShardBids {
    /// Adds a member with bids. Of what is not scarce it is enough to give the list that the member gets without
    /// anything scarce.
    pub fn push(&mut self, member: BidMember, bids: impl IntoIterator<Item = Bid>) {
        self.members.push(member);
        self.bids.extend(bids);
        self.offsets.push(self.bids.len() as u32);
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &[BidMember] {
        &self.members
    }

    /// The members, to set their ranks.
    pub fn members_mut(&mut self) -> &mut [BidMember] {
        &mut self.members
    }

    /// The bids of the member at a position of [`ShardBids::members`].
    #[must_use]
    pub fn of(&self, at: usize) -> &[Bid] {
        &self.bids[self.range(at)]
    }

    /// Every bid.
    #[must_use]
    pub fn all(&self) -> &[Bid] {
        &self.bids
    }

    /// Gives back room that was not needed.
    pub fn shrink(&mut self) {
        self.bids.shrink_to_fit();
        self.members.shrink_to_fit();
        self.offsets.shrink_to_fit();
    }

    pub(super) fn range(&self, at: usize) -> std::ops::Range<usize> {
        self.offsets[at] as usize..self.offsets[at + 1] as usize
    }
}
