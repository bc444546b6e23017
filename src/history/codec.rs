//! A shard as bytes in the spill folder. Never leaves the machine or the run, so it has no version.

use std::io::{self, Read, Write};

use super::{
    Column, Returned, Shard,
    column::{Cells, each_size},
};
use crate::base::{Day, IdTable, LocalTime};

/// Numbers that are written as their little-endian bytes.
trait Plain: Copy {
    const SIZE: usize;
    fn put(self, out: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! plain {
    ($($t:ty),*) => {$(
        impl Plain for $t {
            const SIZE: usize = size_of::<$t>();
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                let mut array = [0; size_of::<$t>()];
                array.copy_from_slice(bytes);
                <$t>::from_le_bytes(array)
            }
        }
    )*};
}
plain!(u8, i8, i16, u32, i32, i64);

fn put<T: Plain>(out: &mut impl Write, values: impl ExactSizeIterator<Item = T>) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(8 + values.len() * T::SIZE);
    bytes.extend_from_slice(&(values.len() as u64).to_le_bytes());
    values.for_each(|v| v.put(&mut bytes));
    out.write_all(&bytes)
}

fn get<T: Plain>(source: &mut impl Read) -> io::Result<Vec<T>> {
    let mut head = [0; 8];
    source.read_exact(&mut head)?;
    let len = usize::try_from(u64::from_le_bytes(head)).map_err(io::Error::other)?;
    let mut bytes = vec![0; len * T::SIZE];
    source.read_exact(&mut bytes)?;
    Ok(bytes.chunks_exact(T::SIZE).map(T::get).collect())
}

fn broken() -> io::Error {
    io::Error::other("the spilled shard is not whole")
}

/// Writes a column: how many bytes its numbers have, and the numbers.
fn put_column<T>(out: &mut impl Write, column: &Column<T>) -> io::Result<()> {
    each_size!(&column.cells, numbers => {
        out.write_all(&[column.cells.bytes_each() as u8])?;
        put(out, numbers.iter().copied())
    })
}

fn get_column<T>(source: &mut impl Read) -> io::Result<Column<T>> {
    let mut size = [0];
    source.read_exact(&mut size)?;
    let cells = match size {
        [1] => Cells::One(get(source)?),
        [2] => Cells::Two(get(source)?),
        [4] => Cells::Four(get(source)?),
        [8] => Cells::Eight(get(source)?),
        _ => return Err(broken()),
    };
    Ok(cells.into())
}

/// Writes a shard.
pub(super) fn write(shard: &Shard, out: &mut impl Write) -> io::Result<()> {
    let mut ids = Vec::new();
    for id in shard.members.iter() {
        ids.extend_from_slice(&(id.len() as u32).to_le_bytes());
        ids.extend_from_slice(id.as_bytes());
    }
    put(out, ids.iter().copied())?;
    put(out, shard.member_orders.iter().copied())?;
    put(out, shard.order_time.iter().map(|t| t.0))?;
    put(out, shard.order_lines.iter().copied())?;
    put(out, shard.item.iter().copied())?;
    put_column(out, &shard.quantity)?;
    put_column(out, &shard.amount)?;
    put_column(out, &shard.discount)?;
    for places in [&shard.channel, &shard.store, &shard.city] {
        put_column(out, places)?;
    }
    put(out, shard.is_return.ones().map(|line| line as u32).collect::<Vec<_>>().into_iter())?;
    put(out, shard.returned.iter().map(|r| r.line))?;
    put(out, shard.returned.iter().map(|r| r.day.0))
}

/// Reads a shard back.
pub(super) fn read(source: &mut impl Read) -> io::Result<Shard> {
    let bytes: Vec<u8> = get(source)?;
    let mut rest = bytes.as_slice();
    let mut members = IdTable::default();
    while !rest.is_empty() {
        let head = rest.split_off(..4).ok_or_else(broken)?;
        let id = rest.split_off(..u32::get(head) as usize).ok_or_else(broken)?;
        members.push_sorted(std::str::from_utf8(id).map_err(io::Error::other)?);
    }
    let mut shard = Shard {
        members,
        member_orders: get(source)?,
        order_time: get(source)?.into_iter().map(LocalTime).collect(),
        order_lines: get(source)?,
        item: get(source)?,
        quantity: get_column(source)?,
        amount: get_column(source)?,
        discount: get_column(source)?,
        channel: get_column(source)?,
        store: get_column(source)?,
        city: get_column(source)?,
        ..Shard::default()
    };
    for line in get::<u32>(source)? {
        shard.is_return.grow_and_insert(line as usize);
    }
    let lines: Vec<u32> = get(source)?;
    let days = get(source)?.into_iter().map(Day);
    shard.returned = lines.into_iter().zip(days).map(|(line, day)| Returned { line, day }).collect();
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{Row, shards_of};

    #[test]
    fn round_trip() {
        let mut back = Row::buy("a", 9, 3, -100);
        back.units = -1;
        let rows = [Row::buy("a", 3, 3, 100), back, Row::buy("b", 4, 1, 5)];
        for shard in shards_of(&rows, 2) {
            let mut bytes = Vec::new();
            write(&shard, &mut bytes).unwrap();
            assert_eq!(read(&mut bytes.as_slice()).unwrap(), shard);
        }
    }
}
