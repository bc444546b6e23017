//! Texts to small numbers, shared between threads; numbers are provisional until every text is known.

use std::sync::{Mutex, PoisonError};

use crate::base::{IdTable, hash::id_hash};

/// Texts and their numbers in the order of arrival: an open-addressed table over texts that lie end to end.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// A power of two of slots, at most three quarters of them taken: small tables stay in cache.
    slots: Vec<Slot>,
    texts: Texts,
}

/// A slot of the table; `tag` 0 is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// High half of the text's hash, 1 for 0.
    tag: u32,
    number: u32,
}

/// Texts by number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<u32>,
}

impl Texts {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    pub(super) fn get(&self, number: u32) -> &str {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    /// All of them, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|i| self.get(i))
    }
}

fn tag_of(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}

impl Interner {
    /// Where the search for a hash begins. Ids of one shard share their hash's low bits, so that the middle ones count.
    fn home(&self, hash: u64) -> usize {
        (hash >> 16) as usize & (self.slots.len() - 1)
    }

    /// The slot of a hash, read so that it is in cache when [`Interner::guess`] asks for it.
    pub(super) fn touch(&self, hash: u64) -> u32 {
        if self.slots.is_empty() { 0 } else { self.slots[self.home(hash)].tag }
    }

    /// The number of a text that may have this hash, and a byte of it, so that the text is in cache for the comparison.
    pub(super) fn guess(&self, hash: u64) -> Option<(u32, u8)> {
        let number = self.find(hash, |_| true)?;
        Some((number, self.texts.get(number).as_bytes().first().copied().unwrap_or(0)))
    }

    fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (tag, mask) = (tag_of(hash), self.slots.len() - 1);
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot.tag == 0 {
                return None;
            }
            if slot.tag == tag && is_it(slot.number) {
                return Some(slot.number);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of `text`, given on first sight; `guess` is tried first.
    pub(super) fn intern(&mut self, text: &str, hash: u64, guess: Option<u32>) -> u32 {
        if let Some(number) = guess.filter(|n| self.texts.get(*n) == text) {
            return number;
        }
        if let Some(number) = self.find(hash, |n| self.texts.get(n) == text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.bytes.push_str(text);
        self.texts.ends.push(self.texts.bytes.len() as u32);
        if self.texts.len() * 4 > self.slots.len() * 3 {
            self.grow();
        } else {
            self.place(Slot { tag: tag_of(hash), number }, hash);
        }
        number
    }

    fn place(&mut self, slot: Slot, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash);
        while self.slots[at].tag != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        self.slots = vec![Slot::default(); (self.slots.len() * 2).max(64)];
        for number in 0..self.texts.len() as u32 {
            let hash = id_hash(self.texts.get(number).as_bytes());
            self.place(Slot { tag: tag_of(hash), number }, hash);
        }
    }

    /// Texts by number.
    pub(super) fn into_texts(self) -> Texts {
        self.texts
    }
}

/// An interner that several threads share; each asks through its own [`LocalInterner`].
#[derive(Debug, Default)]
pub(super) struct SharedInterner(Mutex<Interner>);

impl SharedInterner {
    /// Texts in byte order with `more` among them, and the rank of each provisional number.
    pub(super) fn ranked(&self, more: Option<&IdTable>) -> (IdTable, Vec<u32>) {
        let interner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = interner.texts.iter();
        let table = IdTable::from_unsorted(mine.chain(more.into_iter().flat_map(IdTable::iter)));
        let ranks = interner.texts.iter().map(|t| table.find(t).map_or(u32::MAX, |r| r as u32)).collect();
        (table, ranks)
    }
}

/// One thread's memory of a shared interner.
#[derive(Debug)]
pub(super) struct LocalInterner<'a> {
    shared: &'a SharedInterner,
    known: Interner,
    /// By local number.
    numbers: Vec<u32>,
}

impl<'a> LocalInterner<'a> {
    pub(super) fn new(shared: &'a SharedInterner) -> Self {
        Self { shared, known: Interner::default(), numbers: Vec::new() }
    }

    /// The shared number of `text`.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let hash = id_hash(text.as_bytes());
        let local = self.known.intern(text, hash, None) as usize;
        if let Some(number) = self.numbers.get(local) {
            return *number;
        }
        let number = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).intern(text, hash, None);
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
        fn equals_a_list(texts in prop::collection::vec("[a-c]{0,3}", 0..200)) {
            let mut interner = Interner::default();
            let mut seen: Vec<String> = Vec::new();
            for text in texts {
                let hash = id_hash(text.as_bytes());
                let guess = interner.guess(hash).map(|(number, _)| number);
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
        assert_eq!(interner.intern("b", 7, Some(1)), 2);
    }
}
