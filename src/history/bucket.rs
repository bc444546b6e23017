//! Buckets: where the lines of one shard gather during the scan, in memory or spilled.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Mutex, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    line::{Line, LineLayout, MOST_BYTES, verdict_code},
    piece::Piece,
};
use crate::{
    base::{
        hash::LastHash,
        interner::{Interner, LocalInterner, SharedInterner, Texts},
    },
    input::{InputError, lines::LineRow},
};

/// Bytes that a line is expected to have; what is more goes into further pieces.
const LINE_BYTES: u64 = 18;

/// Bytes of the first pieces of all buckets together, however many rows are told: files may say anything of their length.
const MOST_EXPECTED: u64 = 4 << 30;

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
    /// Bytes that a bucket will have; 0 where memory is limited, for then it is not kept for what takes its place.
    expected: usize,
    spill: std::path::PathBuf,
}

/// A row's texts as provisional numbers + 1, 0 for none, and its residue with the texts in it that are not kept.
#[derive(Debug, Clone, Copy, Default)]
struct Named {
    item: u32,
    places: [u32; 3],
    residue: u32,
}

/// One thread's way into the buckets.
#[derive(Debug)]
pub(super) struct Feeder<'a> {
    buckets: &'a Buckets,
    items: LocalInterner<'a>,
    places: [LocalInterner<'a>; 3],
    /// Rows of the batch at hand by shard.
    by_shard: Vec<Vec<u32>>,
    /// What is said of each row of the batch at hand.
    named: Vec<Named>,
    guesses: Vec<Option<u32>>,
}

impl Buckets {
    pub(super) fn new(
        shards: usize,
        layout: LineLayout,
        folded: [bool; 3],
        limit: Option<u64>,
        rows: u64,
        spill: &std::path::Path,
    ) -> Self {
        let expected = rows.saturating_mul(LINE_BYTES).min(MOST_EXPECTED) / shards.max(1) as u64;
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            items: SharedInterner::default(),
            places: Default::default(),
            layout,
            folded,
            held: AtomicU64::new(0),
            limit: limit.unwrap_or(u64::MAX),
            expected: if limit.is_some() { 0 } else { usize::try_from(expected).unwrap_or(0) },
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
            named: Vec::new(),
            guesses: Vec::new(),
        }
    }

    /// Takes a bucket out.
    pub(super) fn take(&self, shard: usize) -> Result<Lines, InputError> {
        let mut bucket = std::mem::take(&mut *self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = Lines { count: bucket.lines, layout: self.layout, ..Lines::default() };
        if let Some(file) = &mut bucket.spilled {
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut lines.spilled))
                .map_err(|e| self.failed(e))?;
        }
        let bytes: usize = bucket.pieces.iter().map(|piece| piece.bytes().len()).sum();
        self.held.fetch_sub(bytes as u64, Ordering::Relaxed);
        lines.pieces = bucket.pieces;
        lines.members = bucket.members.into_texts();
        Ok(lines)
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

/// The lines of one bucket, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Ids of the members by number.
    pub(super) members: Texts,
    /// How many there are.
    pub(super) count: usize,
    layout: LineLayout,
    spilled: Vec<u8>,
    pieces: Vec<Piece>,
}

/// Where lines stand that go on with each other: chunk, and place in it, which in a spilled one may lie past 4 GiB.
pub(super) type RunPlace = (u32, usize);

impl Lines {
    fn chunk(&self, number: usize) -> &[u8] {
        match number.checked_sub(1) {
            None => &self.spilled,
            Some(piece) => self.pieces[piece].bytes(),
        }
    }

    /// Calls `each` with the member of every run of lines that go on with each other, and where they stand.
    pub(super) fn runs(&self, mut each: impl FnMut(u32, RunPlace)) {
        for number in 0..=self.pieces.len() {
            let chunk = self.chunk(number);
            let (mut rest, mut start) = (chunk, 0);
            while let Some(member) = Line::skip(&mut rest) {
                if let Some(member) = member {
                    each(member, (number as u32, start));
                }
                start = chunk.len() - rest.len();
            }
        }
    }

    /// Appends the lines that stand at a place.
    pub(super) fn read(&self, (chunk, start): RunPlace, out: &mut Vec<Line>) {
        Line::decode_run(self.layout, &self.chunk(chunk as usize)[start..], out);
    }
}

impl Feeder<'_> {
    /// Puts the rows of one batch into their buckets.
    pub(super) fn push(&mut self, file: u32, rows: &[LineRow<'_>]) -> Result<(), InputError> {
        let shards = self.by_shard.len() as u64;
        for list in &mut self.by_shard {
            list.clear();
        }
        // A division only where there is no mask.
        let mask = shards.is_power_of_two().then(|| shards - 1);
        for (i, row) in rows.iter().enumerate() {
            let shard = mask.map_or_else(|| row.member_hash % shards, |mask| row.member_hash & mask);
            self.by_shard[shard as usize].push(i as u32);
        }
        self.name(rows);
        // A shard that another thread is at can wait: a page that is cleared for it takes longer than all the others.
        let buckets = self.buckets;
        let mut busy = Vec::new();
        for shard in 0..self.by_shard.len() {
            if self.by_shard[shard].is_empty() {
                continue;
            }
            match buckets.shards[shard].try_lock() {
                Ok(mut bucket) => self.fill(&mut bucket, shard, file, rows)?,
                Err(TryLockError::Poisoned(bucket)) => self.fill(&mut bucket.into_inner(), shard, file, rows)?,
                Err(TryLockError::WouldBlock) => busy.push(shard),
            }
        }
        busy.into_iter().try_for_each(|shard| {
            let mut bucket = buckets.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
            self.fill(&mut bucket, shard, file, rows)
        })
    }

    /// Puts the rows of one shard into its bucket.
    fn fill(&mut self, bucket: &mut Bucket, shard: usize, file: u32, rows: &[LineRow<'_>]) -> Result<(), InputError> {
        let Self { buckets, by_shard, named, guesses, .. } = self;
        let (layout, picks) = (buckets.layout, &by_shard[shard]);
        guess(&bucket.members, rows, picks, guesses);
        let mut added = 0;
        let mut before = None;
        for (i, guess) in picks.iter().zip(&*guesses) {
            let row = &rows[*i as usize];
            let Named { item, places, residue } = named[*i as usize];
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
            let again = before.replace(line).is_some_and(|before| line.goes_on_with(&before));
            added += bucket.append(again, buckets.expected, |again, room| line.encode(layout, again, room));
        }
        buckets.held.fetch_add(added as u64, Ordering::Relaxed);
        bucket.lines += picks.len();
        if buckets.held.load(Ordering::Relaxed) > buckets.limit {
            buckets.write_out(bucket).map_err(|e| buckets.failed(e))?;
        }
        Ok(())
    }
}

impl<'a> Feeder<'_> {
    /// Numbers the texts of all rows, one column after the other: the processor then waits for several slots of a table at
    /// once.
    fn name(&mut self, rows: &[LineRow<'a>]) {
        self.named.clear();
        self.named.extend(rows.iter().map(|row| Named { residue: row.residue, ..Named::default() }));
        for (named, row) in self.named.iter_mut().zip(rows) {
            named.item = row.item.map_or(0, |id| self.items.intern(id) + 1);
        }
        for p in 0..3 {
            // Lines of one order mostly follow each other: what they say of places is the same.
            let (mut last, mut hash) = (None, LastHash::default());
            for (named, row) in self.named.iter_mut().zip(rows) {
                let Some(text) = row.places[p] else { continue };
                if self.buckets.folded[p] {
                    named.residue = mixed(named.residue, p, hash.of(text));
                    continue;
                }
                let known = last.filter(|(before, _)| *before == text);
                let (_, number) = *last.insert(known.unwrap_or_else(|| (text, self.places[p].intern(text) + 1)));
                named.places[p] = number;
            }
        }
    }
}

/// A residue with the hash of a text of place `p` in it; never 0.
fn mixed(residue: u32, p: usize, hash: u64) -> u32 {
    let odd = 0x9e37_79b9_7f4a_7c15u64.wrapping_add(2 * p as u64);
    let hash = (hash ^ u64::from(residue).rotate_left(29)).wrapping_mul(odd);
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
    /// Adds a line that `encode` writes, and says how many bytes it has. The first of a piece never goes on with the one
    /// before.
    fn append(&mut self, again: bool, expected: usize, encode: impl Fn(bool, &mut [u8; MOST_BYTES]) -> usize) -> usize {
        let mut len = 0;
        let mut write = |again, room: &mut [u8; MOST_BYTES]| {
            len = encode(again, room);
            len
        };
        if !self.pieces.last_mut().is_some_and(|piece| piece.push(|room| write(again, room))) {
            let mut piece = match self.pieces.len() {
                0 => Piece::first(expected),
                before => Piece::next(before),
            };
            // A line is far shorter than any piece.
            piece.push(|room| write(false, room));
            self.pieces.push(piece);
        }
        len
    }
}

#[cfg(test)]
impl Lines {
    /// Lines that are told already, in one piece.
    pub(super) fn of(lines: &[Line], members: Texts, layout: LineLayout) -> Self {
        let mut all = Self { members, count: lines.len(), layout, ..Self::default() };
        for (at, line) in lines.iter().enumerate() {
            let again = at > 0 && line.goes_on_with(&lines[at - 1]);
            let mut room = [0; MOST_BYTES];
            let len = line.encode(layout, again, &mut room);
            all.spilled.extend_from_slice(&room[..len]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::id_hash;

    #[test]
    fn what_is_not_kept_still_tells_lines_apart() {
        let mixed = |residue, p, text: &str| mixed(residue, p, id_hash(text.as_bytes()));
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
