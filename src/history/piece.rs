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
pub(super) enum Piece {
    Heap(Vec<u8>),
    Mapped { map: MmapMut, len: usize },
}

impl Piece {
    /// The next piece of a bucket that has `before` of them.
    pub(super) fn next(before: usize) -> Self {
        let size = FIRST << before.min(6);
        if size >= LARGE
            && let Ok(map) = MmapMut::map_anon(LARGE)
        {
            return Self::Mapped { map, len: 0 };
        }
        Self::Heap(Vec::with_capacity(size.min(LARGE)))
    }

    /// Bytes in it.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped { map, len } => &map[..*len],
        }
    }

    /// Appends bytes if they fit.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Heap(all) => {
                let fits = all.len() + bytes.len() <= all.capacity();
                if fits {
                    all.extend_from_slice(bytes);
                }
                fits
            }
            Self::Mapped { map, len } => {
                let Some(room) = map.get_mut(*len..*len + bytes.len()) else { return false };
                room.copy_from_slice(bytes);
                *len += bytes.len();
                true
            }
        }
    }
}
