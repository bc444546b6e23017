//! A piece of a bucket's memory.

use memmap2::MmapMut;

/// Bytes of a piece once a bucket has grown: pieces are not moved when a bucket grows.
const LARGE: usize = 512 << 10;
/// Bytes of a bucket's first piece; each next one is twice as large, so that many shards of a small shop stay small.
const FIRST: usize = 8 << 10;

/// Memory that is filled from the front. Large pieces are mapped from the system, not taken from the allocator: the pieces
/// of all shards lie between each other, and what is freed in such a patchwork would be of no use for the long columns
/// that take their place.
#[derive(Debug)]
pub(super) struct Piece {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Heap(Box<[u8]>),
    Mapped(MmapMut),
}

impl Piece {
    /// The first piece of a bucket that so many bytes are expected in. It is the allocator's: as one long stretch it is of
    /// use for the columns that take its place, and what is never filled is never touched.
    pub(super) fn first(expected: usize) -> Self {
        Self { memory: Memory::Heap(vec![0; expected.max(FIRST)].into()), len: 0 }
    }

    /// The next piece of a bucket that has `before` of them.
    pub(super) fn next(before: usize) -> Self {
        let size = FIRST << before.min(6);
        let mapped = (size >= LARGE).then(|| MmapMut::map_anon(LARGE).ok()).flatten();
        let memory = mapped.map_or_else(|| Memory::Heap(vec![0; size.min(LARGE)].into()), Memory::Mapped);
        Self { memory, len: 0 }
    }

    /// Bytes in it.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(bytes) => &bytes[..self.len],
            Memory::Mapped(map) => &map[..self.len],
        }
    }

    /// Appends what `write` puts at the front of `N` free bytes, if there are so many; `write` says how many it took.
    pub(super) fn push<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> usize) -> bool {
        let memory: &mut [u8] = match &mut self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Mapped(map) => map,
        };
        let Some(room) = memory.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut()) else { return false };
        self.len += write(room).min(N);
        true
    }
}
