//! One line on its way from the scan to its shard: a compact row of bytes, without member, time and order where it goes on
//! with the order of the line before.

use crate::{base::Minor, input::Reason};

/// A line in a shard's bucket. Member, item and places are provisional numbers until the scan is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Line {
    pub(super) member: u32,
    /// Item number + 1; 0 for none.
    pub(super) item: u32,
    /// Seconds since 1970, local.
    pub(super) time: u32,
    pub(super) residue: u32,
    pub(super) order: Option<u64>,
    pub(super) quantity: i32,
    pub(super) amount: Minor,
    pub(super) discount: Minor,
    pub(super) is_return: bool,
    /// Channel, store, city: number + 1; 0 for none.
    pub(super) places: [u32; 3],
    /// [`verdict_code`].
    pub(super) verdict: u8,
    pub(super) file: u32,
    pub(super) row: u64,
}

const RETURN: u8 = 1;
const VERDICT: u8 = 0b110;
const VERDICT_SHIFT: u32 = 1;
const RESIDUE: u8 = 8;
const ORDER: u8 = 16;
const ONE_UNIT: u8 = 32;
const DISCOUNT: u8 = 64;
/// Member, time and order are those of the line before.
const AGAIN: u8 = 128;

/// A line's verdict as a number: 0 for none.
pub(super) fn verdict_code(verdict: Option<Reason>) -> u8 {
    match verdict {
        Some(Reason::NotMerchandise) => 1,
        Some(Reason::BadPrice) => 2,
        Some(Reason::UnknownItem) => 3,
        // Earlier reasons never reach a bucket.
        _ => 0,
    }
}

/// The reason behind a code.
pub(super) fn verdict_reason(code: u8) -> Option<Reason> {
    match code {
        1 => Some(Reason::NotMerchandise),
        2 => Some(Reason::BadPrice),
        3 => Some(Reason::UnknownItem),
        _ => None,
    }
}

/// What lines carry in this run; both ends of the encoding must agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LineLayout {
    /// Which of channel, store and city the shop has.
    pub(super) places: [bool; 3],
    /// Whether every line carries its file and row, not only those with a verdict.
    pub(super) sources: bool,
}

/// Bytes that no line is longer than.
pub(super) const MOST_BYTES: usize = 96;

/// Writes numbers one after the other into the room of a line.
struct Writer<'a> {
    room: &'a mut [u8; MOST_BYTES],
    len: usize,
}

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.room[self.len] = byte;
        self.len += 1;
    }

    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        self.room[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }

    /// In groups of seven bits, the lowest first.
    fn put(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }
}

impl Line {
    /// Whether the line is of the same member, time and order as `other`.
    pub(super) fn goes_on_with(&self, other: &Self) -> bool {
        (self.member, self.time, self.order) == (other.member, other.time, other.order)
    }

    /// Writes the line's bytes to the front of `room` and says how many they are: their number, flags, and what there is
    /// to say. `again`: the line [goes on with](Line::goes_on_with) the one before.
    pub(super) fn encode(&self, layout: LineLayout, again: bool, room: &mut [u8; MOST_BYTES]) -> usize {
        let mut out = Writer { room, len: 1 };
        let one = self.quantity == super::UNIT;
        let flags = (u8::from(self.is_return) * RETURN)
            | (self.verdict << VERDICT_SHIFT)
            | (u8::from(self.residue != 0) * RESIDUE)
            | (u8::from(self.order.is_some()) * ORDER)
            | (u8::from(one) * ONE_UNIT)
            | (u8::from(self.discount != 0) * DISCOUNT)
            | (u8::from(again) * AGAIN);
        out.byte(flags);
        if !again {
            out.put(u64::from(self.member));
            out.bytes(self.time.to_le_bytes());
            if let Some(order) = self.order {
                out.bytes(order.to_le_bytes());
            }
        }
        out.put(u64::from(self.item));
        if !one {
            out.put(zigzag(i64::from(self.quantity)));
        }
        out.put(zigzag(self.amount));
        if self.discount != 0 {
            out.put(zigzag(self.discount));
        }
        for (place, there) in self.places.iter().zip(layout.places) {
            if there {
                out.put(u64::from(*place));
            }
        }
        if self.residue != 0 {
            out.bytes(self.residue.to_le_bytes());
        }
        if layout.sources || self.verdict != 0 {
            out.put(u64::from(self.file));
            out.put(self.row);
        }
        out.room[0] = out.len as u8;
        out.len
    }

    /// Takes the line at the front off `bytes` and gives its member; `None` of a line that goes on with the one before.
    /// Ends at the end and where the bytes are not whole.
    pub(super) fn skip(bytes: &mut &[u8]) -> Option<Option<u32>> {
        let line = bytes.split_off(..usize::from(*bytes.first()?).max(1))?;
        let (flags, mut rest) = line.get(1..)?.split_first()?;
        if flags & AGAIN != 0 {
            return Some(None);
        }
        Some(Some(get(&mut rest)? as u32))
    }

    /// Takes one line off the front of `bytes`; `before` is the line before if there is one. `None` at the end or if the
    /// bytes are not whole.
    pub(super) fn decode(layout: LineLayout, bytes: &mut &[u8], before: Option<&Self>) -> Option<Self> {
        let [_, flags] = *fixed(bytes)?;
        let mut line =
            Self { is_return: flags & RETURN != 0, verdict: (flags & VERDICT) >> VERDICT_SHIFT, ..Self::default() };
        if flags & AGAIN != 0 {
            let before = before?;
            (line.member, line.time, line.order) = (before.member, before.time, before.order);
        } else {
            line.member = get(bytes)? as u32;
            line.time = u32::from_le_bytes(*fixed(bytes)?);
            if flags & ORDER != 0 {
                line.order = Some(u64::from_le_bytes(*fixed(bytes)?));
            }
        }
        line.item = get(bytes)? as u32;
        line.quantity = if flags & ONE_UNIT != 0 { super::UNIT } else { unzigzag(get(bytes)?) as i32 };
        line.amount = unzigzag(get(bytes)?);
        if flags & DISCOUNT != 0 {
            line.discount = unzigzag(get(bytes)?);
        }
        for (place, there) in line.places.iter_mut().zip(layout.places) {
            if there {
                *place = get(bytes)? as u32;
            }
        }
        if flags & RESIDUE != 0 {
            line.residue = u32::from_le_bytes(*fixed(bytes)?);
        }
        if layout.sources || line.verdict != 0 {
            line.file = get(bytes)? as u32;
            line.row = get(bytes)?;
        }
        Some(line)
    }

    /// Appends the line at the front of `bytes` and those that go on with it.
    pub(super) fn decode_run(layout: LineLayout, mut bytes: &[u8], out: &mut Vec<Self>) {
        let Some(mut line) = Self::decode(layout, &mut bytes, None) else { return };
        loop {
            out.push(line);
            if bytes.get(1).is_none_or(|flags| flags & AGAIN == 0) {
                return;
            }
            let Some(next) = Self::decode(layout, &mut bytes, Some(&line)) else { return };
            line = next;
        }
    }
}

fn fixed<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    bytes.split_off(..N)?.first_chunk()
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_line() -> impl Strategy<Value = Line> {
        let ids = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<Option<u64>>());
        let values = (prop_oneof![Just(1000), any::<i32>()], any::<i64>(), any::<i64>(), any::<bool>());
        (ids, values, any::<[u32; 3]>(), 0u8..4, any::<u32>(), any::<u64>()).prop_map(
            |(
                (member, item, time, residue, order),
                (quantity, amount, discount, is_return),
                places,
                verdict,
                file,
                row,
            )| Line {
                member,
                item,
                time,
                residue,
                order,
                quantity,
                amount,
                discount,
                is_return,
                places,
                verdict,
                file,
                row,
            },
        )
    }

    proptest! {
        #[test]
        fn round_trip(
            lines in prop::collection::vec((any_line(), any::<bool>()), 0..20),
            places in any::<[bool; 3]>(),
            sources: bool,
        ) {
            let layout = LineLayout { places, sources };
            let (mut bytes, mut want, mut starts) = (Vec::new(), Vec::<Line>::new(), Vec::new());
            for (mut line, same) in lines {
                if let Some(before) = want.last().filter(|_| same) {
                    (line.member, line.time, line.order) = (before.member, before.time, before.order);
                }
                let again = want.last().is_some_and(|before| line.goes_on_with(before));
                if !again {
                    starts.push((bytes.len(), line.member));
                }
                let mut room = [0; MOST_BYTES];
                let len = line.encode(layout, again, &mut room);
                bytes.extend_from_slice(&room[..len]);
                for (place, there) in line.places.iter_mut().zip(places) {
                    *place *= u32::from(there);
                }
                if !sources && line.verdict == 0 {
                    (line.file, line.row) = (0, 0);
                }
                want.push(line);
            }
            let mut got = Vec::new();
            for (start, _) in &starts {
                Line::decode_run(layout, &bytes[*start..], &mut got);
            }
            prop_assert_eq!(got, want);
            let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
            let at = |rest: &[u8]| bytes.len() - rest.len();
            let mut start = 0;
            while let Some(member) = Line::skip(&mut rest) {
                found.extend(member.map(|member| (start, member)));
                start = at(rest);
            }
            prop_assert_eq!(found, starts);
            prop_assert_eq!(start, bytes.len());
        }
    }
}
