//! Texts to small numbers, shared between threads; numbers are provisional until every text is known.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use crate::base::{IdTable, hash::id_hash};

/// Texts and their numbers in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Interner {
    index: HashTable<u32>,
    texts: Vec<Box<str>>,
}

impl Interner {
    /// The number of `text`, given on first sight.
    pub(super) fn intern(&mut self, text: &str, hash: u64) -> u32 {
        // Ids of one shard share their hash's low bits, which the table takes its slot from.
        let hash = hash.rotate_right(32);
        let texts = &self.texts;
        if let Some(found) = self.index.find(hash, |i| &*texts[*i as usize] == text) {
            return *found;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.into());
        let texts = &self.texts;
        self.index.insert_unique(hash, number, |i| id_hash(texts[*i as usize].as_bytes()).rotate_right(32));
        number
    }

    /// Texts by number.
    pub(super) fn into_texts(self) -> Vec<Box<str>> {
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
        let mine = interner.texts.iter().map(AsRef::as_ref);
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
        let local = self.known.intern(text, hash) as usize;
        if let Some(number) = self.numbers.get(local) {
            return *number;
        }
        let number = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).intern(text, hash);
        self.numbers.push(number);
        number
    }
}
