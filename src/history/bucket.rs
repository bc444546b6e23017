//! Buckets: where the lines of one shard gather during the scan, in memory or spilled.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    line::{Line, LineLayout, MOST_BYTES, verdict_code},
    piece::Piece,
};
use crate::{
    base::{
        hash::id_hash,
        interner::{Interner, LocalInterner, SharedInterner, Texts},
    },
    input::{InputError, lines::LineRow},
};

/// The lines of one shard.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    members: Interner,
    pieces: Vec<Piece>,
    spilled: Option<std::fs::File>,
    lines: usize,
}

/// All buckets of a run.
#[derive(Debug)]
pub(super) struct Buckets {
    shards: Vec<Mutex<Bucket>>,
    pub(super) items: SharedInterner,
    pub(super) places: [SharedInterner; 3],
    pub(super) layout: LineLayout,
    /// Which of channel, store and city no one reads later: two lines must still differ by it, so that it goes into the
    /// residue.
    folded: [bool; 3],
    /// Bytes of pieces in memory.
    held: AtomicU64,
    /// Bytes above which a bucket is written out when it is next touched.
    limit: u64,
    spill: std::path::PathBuf,
}

/// One thread's way into the buckets.
#[derive(Debug)]
pub(super) struct Feeder<'a> {
    buckets: &'a Buckets,
    items: LocalInterner<'a>,
    places: [LocalInterner<'a>; 3],
    /// Rows of the batch at hand by shard.
    by_shard: Vec<Vec<u32>>,
    guesses: Vec<Option<u32>>,
}

impl Buckets {
    pub(super) fn new(
        shards: usize,
        layout: LineLayout,
        folded: [bool; 3],
        limit: Option<u64>,
        spill: &std::path::Path,
    ) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            items: SharedInterner::default(),
            places: Default::default(),
            layout,
            folded,
            held: AtomicU64::new(0),
            limit: limit.unwrap_or(u64::MAX),
            spill: spill.to_owned(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn feeder(&self) -> Feeder<'_> {
        Feeder {
            buckets: self,
            items: LocalInterner::new(&self.items),
            places: std::array::from_fn(|p| LocalInterner::new(&self.places[p])),
            by_shard: vec![Vec::new(); self.shards.len()],
            guesses: Vec::new(),
        }
    }

    /// Takes a bucket out: its members' ids by number, and its lines in order of arrival into `lines`, which is cleared.
    pub(super) fn take(&self, shard: usize, lines: &mut Vec<Line>) -> Result<Texts, InputError> {
        let mut bucket = std::mem::take(&mut *self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner));
        lines.clear();
        lines.reserve(bucket.lines);
        if let Some(file) = &mut bucket.spilled {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).map_err(|e| self.failed(e))?;
            self.decode(&bytes, lines);
        }
        for piece in std::mem::take(&mut bucket.pieces) {
            self.decode(piece.bytes(), lines);
            self.held.fetch_sub(piece.bytes().len() as u64, Ordering::Relaxed);
        }
        Ok(bucket.members.into_texts())
    }

    fn decode(&self, mut bytes: &[u8], lines: &mut Vec<Line>) {
        while let Some(line) = Line::decode(self.layout, &mut bytes) {
            lines.push(line);
        }
    }

    fn failed(&self, source: io::Error) -> InputError {
        InputError::Spill { path: self.spill.clone(), source }
    }

    fn write_out(&self, bucket: &mut Bucket) -> io::Result<()> {
        let file = match &mut bucket.spilled {
            Some(file) => file,
            // A file without a name: it is gone when the run ends, however it ends.
            none => none.insert(tempfile::tempfile_in(&self.spill)?),
        };
        for piece in bucket.pieces.drain(..) {
            file.write_all(piece.bytes())?;
            self.held.fetch_sub(piece.bytes().len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Feeder<'_> {
    /// Puts the rows of one batch into their buckets.
    pub(super) fn push(&mut self, file: u32, rows: &[LineRow<'_>]) -> Result<(), InputError> {
        let shards = self.by_shard.len() as u64;
        for list in &mut self.by_shard {
            list.clear();
        }
        for (i, row) in rows.iter().enumerate() {
            self.by_shard[(row.member_hash % shards) as usize].push(i as u32);
        }
        let layout = self.buckets.layout;
        for shard in 0..self.by_shard.len() {
            if self.by_shard[shard].is_empty() {
                continue;
            }
            let mut bucket = self.buckets.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
            guess(&bucket.members, rows, &self.by_shard[shard], &mut self.guesses);
            let mut added = 0;
            for (i, guess) in self.by_shard[shard].iter().zip(&self.guesses) {
                let row = &rows[*i as usize];
                let item = row.item.map_or(0, |id| self.items.intern(id) + 1);
                let (mut places, mut residue) = ([0; 3], row.residue);
                for (p, text) in row.places.iter().enumerate() {
                    match text {
                        Some(text) if self.buckets.folded[p] => residue = mixed(residue, p, text),
                        Some(text) => places[p] = self.places[p].intern(text) + 1,
                        None => {}
                    }
                }
                let line = Line {
                    member: bucket.members.intern(row.member, row.member_hash, *guess),
                    item,
                    time: row.time.0,
                    residue,
                    order: row.order,
                    quantity: row.quantity,
                    amount: row.amount,
                    discount: row.discount,
                    is_return: row.is_return,
                    places,
                    verdict: verdict_code(row.verdict),
                    file,
                    row: row.row,
                };
                added += bucket.append(|room| line.encode(layout, room));
            }
            self.buckets.held.fetch_add(added as u64, Ordering::Relaxed);
            bucket.lines += self.by_shard[shard].len();
            if self.buckets.held.load(Ordering::Relaxed) > self.buckets.limit {
                self.buckets.write_out(&mut bucket).map_err(|e| self.buckets.failed(e))?;
            }
        }
        Ok(())
    }
}

/// A residue with a text of place `p` in it; never 0.
fn mixed(residue: u32, p: usize, text: &str) -> u32 {
    let odd = 0x9e37_79b9_7f4a_7c15u64.wrapping_add(2 * p as u64);
    let hash = (id_hash(text.as_bytes()) ^ u64::from(residue).rotate_left(29)).wrapping_mul(odd);
    ((hash >> 32) as u32).max(1)
}

/// Guesses the members of rows. A shard's table is cold when its turn comes: reading every slot first, then every long
/// text, lets the processor wait for many of them at once.
fn guess(members: &Interner, rows: &[LineRow<'_>], picks: &[u32], guesses: &mut Vec<Option<u32>>) {
    let slots = picks.iter().fold(0, |all, i| all ^ members.touch(rows[*i as usize].member_hash));
    let mut bytes = 0;
    guesses.clear();
    guesses.extend(picks.iter().map(|i| {
        let row = &rows[*i as usize];
        let (number, byte) = members.guess(row.member, row.member_hash)?;
        bytes ^= byte;
        Some(number)
    }));
    std::hint::black_box((slots, bytes));
}

impl Bucket {
    /// Adds a line that `encode` writes; says how many bytes it has.
    fn append(&mut self, encode: impl Fn(&mut [u8; MOST_BYTES]) -> usize) -> usize {
        let mut len = 0;
        let mut write = |room: &mut [u8; MOST_BYTES]| {
            len = encode(room);
            len
        };
        if !self.pieces.last_mut().is_some_and(|piece| piece.push(&mut write)) {
            let mut piece = Piece::next(self.pieces.len());
            // A line is far shorter than any piece.
            piece.push(&mut write);
            self.pieces.push(piece);
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_still_tells_lines_apart() {
        let residues = [
            mixed(0, 1, "s1"),
            mixed(0, 2, "s1"),
            mixed(0, 1, "s2"),
            mixed(7, 1, "s1"),
            mixed(mixed(0, 1, "s1"), 2, "s1"),
        ];
        for (i, a) in residues.iter().enumerate() {
            assert_ne!(*a, 0);
            assert!(residues[..i].iter().all(|b| a != b), "{residues:?}");
        }
        assert_eq!(mixed(0, 1, "s1"), residues[0]);
    }
}
