//! Texts to small numbers, shared between threads; numbers are provisional until every text is known.

use std::sync::{Mutex, PoisonError};

use super::{IdTable, hash::id_hash};

/// Texts and their numbers in the order of arrival: an open-addressed table that holds short texts in its slots, over all
/// texts that lie end to end.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    /// A power of two of slots, at most seven eighths of them taken: small tables stay in cache.
    slots: Vec<Slot>,
    texts: Texts,
}

/// A slot of the table; `tag` 0 is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// High half of the text's hash, 1 for 0.
    tag: u32,
    number: u32,
    head: Head,
}

/// Bytes of a text that a slot holds.
const HEAD: usize = 15;

/// A text's first bytes and its length, as two numbers: of texts that fit all there is to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head([u64; 2]);

impl Head {
    fn of(text: &[u8]) -> Self {
        let word = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
        let length = (text.len().min(HEAD + 1) as u64) << 56;
        match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) if text.len() <= HEAD => {
                // The last eight bytes without those that are among the first eight already.
                let rest = word(*last).checked_shr(8 * (16 - text.len() as u32)).unwrap_or(0);
                Self([word(*first), rest | length])
            }
            (Some(first), _) => {
                let rest = text[8..].first_chunk().map_or(0, |rest| word(*rest) & (u64::MAX >> 8));
                Self([word(*first), rest | length])
            }
            (None, _) => {
                let mut first = [0; 8];
                first[..text.len()].copy_from_slice(text);
                Self([word(first), length])
            }
        }
    }

    /// A hash of a text that it is of: much cheaper than that of ids for short texts.
    fn hash(self, text: &str) -> u64 {
        if !self.is_whole() {
            return id_hash(text.as_bytes());
        }
        // Numbers without a pattern.
        let [a, b] = [self.0[0] ^ 0x2d35_8dcc_aa6c_78a5, self.0[1] ^ 0x8bb8_4b93_962e_acc9];
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    }

    /// Whether it says all of its text.
    fn is_whole(self) -> bool {
        self.0[1] >> 56 <= HEAD as u64
    }
}

/// Texts by number.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<u64>,
}

impl Texts {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        &self.bytes[self.place(number)]
    }

    /// The bytes of one of them.
    fn bytes(&self, number: u32) -> &[u8] {
        &self.bytes.as_bytes()[self.place(number)]
    }

    fn place(&self, number: u32) -> std::ops::Range<usize> {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        start as usize..self.ends[at] as usize
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|i| self.get(i))
    }
}

fn tag_of(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}

impl Interner {
    /// Where the search for a tag begins. Ids of one shard share their hash's low bits, so that the high ones count.
    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.slots.len() - 1)
    }

    /// The slot of a hash, read so that it is in cache when [`Interner::guess`] asks for it.
    #[must_use]
    pub fn touch(&self, hash: u64) -> u32 {
        if self.slots.is_empty() { 0 } else { self.slots[self.home(tag_of(hash))].tag }
    }

    /// The number that a text of this hash has if it was seen before, and a byte of what it must be compared with, so that
    /// this is in cache for the comparison.
    #[must_use]
    pub fn guess(&self, text: &str, hash: u64) -> Option<(u32, u8)> {
        let head = Head::of(text.as_bytes());
        let number = self.find(hash, head, |_| true)?;
        if head.is_whole() {
            return Some((number, 0));
        }
        Some((number, self.texts.bytes(number).last().copied().unwrap_or(0)))
    }

    fn find(&self, hash: u64, head: Head, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (tag, mask) = (tag_of(hash), self.slots.len() - 1);
        let mut at = self.home(tag);
        loop {
            let slot = self.slots[at];
            if slot.tag == 0 {
                return None;
            }
            if slot.tag == tag && slot.head == head && is_it(slot.number) {
                return Some(slot.number);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of `text`, if it was seen before.
    #[must_use]
    pub fn number(&self, text: &str) -> Option<u32> {
        let bytes = text.as_bytes();
        self.find(id_hash(bytes), Head::of(bytes), |n| bytes.len() <= HEAD || self.texts.bytes(n) == bytes)
    }

    /// What it holds.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The number of `text`, given on first sight; `hash` may be any, as long as it is always the same for a text. `guess`,
    /// what [`Interner::guess`] said of it, is tried first.
    pub fn intern(&mut self, text: &str, hash: u64, guess: Option<u32>) -> u32 {
        let bytes = text.as_bytes();
        if let Some(number) = guess
            && (bytes.len() <= HEAD || self.texts.bytes(number) == bytes)
        {
            return number;
        }
        self.intern_head(text, Head::of(bytes), hash)
    }

    fn intern_head(&mut self, text: &str, head: Head, hash: u64) -> u32 {
        let whole = head.is_whole();
        if let Some(number) = self.find(hash, head, |n| whole || self.texts.bytes(n) == text.as_bytes()) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.bytes.push_str(text);
        self.texts.ends.push(self.texts.bytes.len() as u64);
        if self.texts.len() * 8 > self.slots.len() * 7 {
            self.make_room((self.slots.len() * 2).max(64));
        }
        self.place(Slot { tag: tag_of(hash), number, head });
        number
    }

    /// Makes room for so many texts in all.
    pub fn reserve(&mut self, texts: usize) {
        let slots = (texts * 8).div_ceil(7).next_power_of_two().max(64);
        if slots > self.slots.len() {
            self.make_room(slots);
        }
        self.texts.ends.reserve_exact(texts.saturating_sub(self.texts.len()));
    }

    fn make_room(&mut self, slots: usize) {
        let larger = vec![Slot::default(); slots];
        for slot in std::mem::replace(&mut self.slots, larger).into_iter().filter(|slot| slot.tag != 0) {
            self.place(slot);
        }
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(slot.tag);
        while self.slots[at].tag != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Texts by number.
    #[must_use]
    pub fn into_texts(self) -> Texts {
        self.texts
    }
}

/// An interner that several threads share; each asks through its own [`LocalInterner`].
#[derive(Debug, Default)]
pub struct SharedInterner(Mutex<Interner>);

impl SharedInterner {
    /// Texts in byte order with `more` among them, and the rank of each provisional number.
    #[must_use]
    pub fn ranked(&self, more: Option<&IdTable>) -> (IdTable, Vec<u32>) {
        let interner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = interner.texts.iter();
        let table = IdTable::from_unsorted(mine.chain(more.into_iter().flat_map(IdTable::iter)));
        let ranks = interner.texts.iter().map(|t| table.find(t).map_or(u32::MAX, |r| r as u32)).collect();
        (table, ranks)
    }
}

/// One thread's memory of a shared interner.
#[derive(Debug)]
pub struct LocalInterner<'a> {
    shared: &'a SharedInterner,
    known: Interner,
    /// By local number.
    numbers: Vec<u32>,
}

impl<'a> LocalInterner<'a> {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(shared: &'a SharedInterner) -> Self {
        Self { shared, known: Interner::default(), numbers: Vec::new() }
    }

    /// The shared number of `text`.
    pub fn intern(&mut self, text: &str) -> u32 {
        let head = Head::of(text.as_bytes());
        let hash = head.hash(text);
        let known = &self.known;
        match known.find(hash, head, |n| head.is_whole() || known.texts.bytes(n) == text.as_bytes()) {
            Some(local) => self.numbers[local as usize],
            None => self.learn(text, head, hash),
        }
    }

    #[cold]
    fn learn(&mut self, text: &str, head: Head, hash: u64) -> u32 {
        self.known.intern_head(text, head, hash);
        let number = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).intern_head(text, head, hash);
        self.numbers.push(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_a_list(texts in prop::collection::vec("[ab\0]{0,3}|[ab]{7,9}|[ab]{14,17}", 0..200)) {
            let mut interner = Interner::default();
            let mut seen: Vec<String> = Vec::new();
            for text in texts {
                let hash = id_hash(text.as_bytes());
                let guess = interner.guess(&text, hash).map(|(number, _)| number);
                let want = seen.iter().position(|s| *s == text).unwrap_or(seen.len());
                if want == seen.len() {
                    seen.push(text.clone());
                }
                prop_assert_eq!(interner.intern(&text, hash, guess) as usize, want);
            }
            let got: Vec<&str> = interner.texts.iter().collect();
            prop_assert_eq!(got, seen);
        }
    }

    #[test]
    fn equal_tags_are_told_apart() {
        let mut interner = Interner::default();
        // The first text makes room by its true hash; the others then come with the same, false one.
        interner.intern("first", id_hash(b"first"), None);
        assert_eq!(interner.intern("a", 7, None), 1);
        assert_eq!(interner.intern("b", 7, None), 2);
        assert_eq!(interner.intern("a", 7, None), 1);
        assert_eq!(interner.guess("b", 7).map(|(number, _)| number), Some(2));
        // Only the ends of long texts differ: a guess may then be wrong.
        let (long, other) = ("0123456789abcdefg", "0123456789abcdefh");
        assert_eq!(interner.intern(long, 7, None), 3);
        assert_eq!(interner.guess(other, 7).map(|(number, _)| number), Some(3));
        assert_eq!(interner.intern(other, 7, Some(3)), 4);
        assert_eq!(interner.intern(long, 7, Some(3)), 3);
    }

    proptest! {
        #[test]
        fn heads_of_short_texts_are_one_to_one(a in "[a\0]{0,18}", b in "[a\0]{0,18}") {
            let (x, y) = (Head::of(a.as_bytes()), Head::of(b.as_bytes()));
            prop_assert_eq!(x.is_whole(), a.len() <= HEAD);
            if x.is_whole() || y.is_whole() {
                prop_assert_eq!(x == y, a == b);
            } else {
                prop_assert_eq!(x == y, a[..HEAD] == b[..HEAD]);
            }
        }
    }
}
