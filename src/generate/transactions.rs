//! The transactions table: one file a month (a quarter in small shops), a row group for every block of members, rows by
//! day inside.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Decimal128Array, Int32Array, StringArray, StringViewArray, TimestampMicrosecondArray,
        builder::make_view,
    },
    buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::{
    cities::CITIES,
    dirt::FUTURE_DAYS,
    line::{Cell, GUEST, Line, NO_STORE, RETURN},
    personas::CHANNELS,
    world::World,
};

/// Columns whose values hardly repeat.
pub(super) const PLAIN: &[&str] = &["order_id"];
/// Shops with at least this many rows get a file a month, smaller ones a file a quarter.
const MONTHLY_FROM: u64 = 1_000_000;
/// First letter of an order id by channel; returns have `R`.
const CHANNEL_LETTERS: [u8; 5] = *b"WTDAS";
/// Bytes of an order id: letter, date, member, number.
const ORDER_ID: usize = 18;

/// The columns of the table.
pub(super) fn schema() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8View, nullable);
    let money = |name| Field::new(name, DataType::Decimal128(12, 2), false);
    Arc::new(Schema::new(vec![
        text("member_id", true),
        text("order_id", false).with_data_type(DataType::Utf8),
        text("item_id", false),
        Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("quantity", DataType::Int32, false),
        money("unit_price"),
        money("discount"),
        text("channel", false),
        text("store", true),
        text("city", false),
        Field::new("is_return", DataType::Boolean, false),
    ]))
}

/// The days `from..to` of a file, and its name.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) name: String,
    from: usize,
    to: usize,
}

/// The files of a shop, oldest first; the last one also takes the rows dated after the last day.
pub(super) fn slices(world: &World) -> Vec<Slice> {
    let months = if world.spec.lines >= MONTHLY_FROM { 1 } else { 3 };
    let days = world.spec.days as i32;
    let mut slices: Vec<Slice> = Vec::new();
    let mut months_in_slice = 0;
    for day in 0..days {
        let (year, month, day_of_month) = world.date(day).ymd();
        let new_month = day == 0 || day_of_month == 1;
        months_in_slice += i32::from(new_month);
        if day == 0 || (new_month && months_in_slice > months) {
            months_in_slice = 1;
            slices.push(Slice { name: format!("{year:04}-{month:02}.parquet"), from: day as usize, to: 0 });
        }
        if let Some(slice) = slices.last_mut() {
            slice.to = day as usize + 1;
        }
    }
    if let Some(slice) = slices.last_mut() {
        slice.to += FUTURE_DAYS as usize + 1;
    }
    slices
}

/// Ready-made views of every short string that lines refer to by index.
#[derive(Debug)]
pub(super) struct Codes {
    items: Vec<u128>,
    channels: Vec<u128>,
    stores: Vec<u128>,
    cities: Vec<u128>,
    /// `yymmdd` by day of the history.
    dates: Vec<[u8; 6]>,
}

impl Codes {
    pub(super) fn new(world: &World) -> Self {
        let views = |texts: Vec<String>| texts.iter().map(|text| make_view(text.as_bytes(), 0, 0)).collect();
        let dates = (0..world.spec.days as i32 + FUTURE_DAYS + 1)
            .map(|day| {
                let (year, month, day) = world.date(day).ymd();
                let number = u32::from(year.unsigned_abs()) % 100 * 10_000
                    + u32::from(month.unsigned_abs()) * 100
                    + u32::from(day.unsigned_abs());
                let mut digits = [0; 6];
                write_digits(&mut digits, number);
                digits
            })
            .collect();
        Self {
            items: views(world.line_item_ids()),
            channels: views(CHANNELS.iter().map(|&c| c.to_owned()).collect()),
            stores: views(world.stores.iter().map(|store| store.0.clone()).collect()),
            cities: views(CITIES.iter().map(|city| city.name.to_owned()).collect()),
            dates,
        }
    }
}

/// The rows of one file in one block of members: by day, then member.
pub(super) fn batch(
    world: &World,
    codes: &Codes,
    slice: &Slice,
    block: &[Cell],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let rows = block.iter().map(|cell| cell.days(slice.from, slice.to).len()).sum();
    let mut lines: Vec<Line> = Vec::with_capacity(rows);
    for day in slice.from..slice.to {
        for cell in block {
            lines.extend_from_slice(cell.days(day, day + 1));
        }
    }
    let columns: Vec<ArrayRef> = vec![
        members(&lines)?,
        order_ids(world, codes, &lines)?,
        views(lines.iter().map(|line| codes.items[line.item as usize]), None)?,
        Arc::new(TimestampMicrosecondArray::from_iter_values(lines.iter().map(|l| i64::from(l.time) * 1_000_000))),
        Arc::new(Int32Array::from_iter_values(lines.iter().map(|line| i32::from(line.quantity)))),
        money(lines.iter().map(|line| line.price))?,
        money(lines.iter().map(|line| line.discount))?,
        views(lines.iter().map(|line| codes.channels[usize::from(line.channel)]), None)?,
        views(
            lines.iter().map(|line| codes.stores.get(usize::from(line.store)).copied().unwrap_or(0)),
            Some(NullBuffer::new(BooleanBuffer::collect_bool(lines.len(), |i| lines[i].store != NO_STORE))),
        )?,
        views(lines.iter().map(|line| codes.cities[usize::from(line.city)]), None)?,
        Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(lines.len(), |i| lines[i].flags & RETURN != 0), None)),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn views(values: impl Iterator<Item = u128>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let views: Vec<u128> = values.collect();
    Ok(Arc::new(StringViewArray::try_new(ScalarBuffer::from(views), vec![], nulls)?))
}

fn money(values: impl Iterator<Item = i32>) -> Result<ArrayRef, ArrowError> {
    let array = Decimal128Array::from_iter_values(values.map(i128::from)).with_precision_and_scale(12, 2)?;
    Ok(Arc::new(array))
}

fn members(lines: &[Line]) -> Result<ArrayRef, ArrowError> {
    let mut id = *b"M00000000";
    let ids = lines.iter().map(|line| {
        if line.flags & GUEST != 0 {
            return 0;
        }
        write_digits(&mut id[1..], line.member);
        make_view(&id, 0, 0)
    });
    views(ids, Some(NullBuffer::new(BooleanBuffer::collect_bool(lines.len(), |i| lines[i].flags & GUEST == 0))))
}

fn order_ids(world: &World, codes: &Codes, lines: &[Line]) -> Result<ArrayRef, ArrowError> {
    let mut bytes = Vec::with_capacity(lines.len() * ORDER_ID);
    let mut id = [b'0'; ORDER_ID];
    for line in lines {
        let date = codes.dates[(line.day(world.first_day).max(0) as usize).min(codes.dates.len() - 1)];
        id[0] = if line.flags & RETURN != 0 { b'R' } else { CHANNEL_LETTERS[usize::from(line.channel)] };
        id[1..7].copy_from_slice(&date);
        write_digits(&mut id[7..15], line.member);
        let mut number = line.order;
        for digit in id[15..].iter_mut().rev() {
            *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(number % 36) as usize];
            number /= 36;
        }
        bytes.extend_from_slice(&id);
    }
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(ORDER_ID, lines.len()));
    Ok(Arc::new(StringArray::try_new(offsets, bytes.into(), None)?))
}

/// Writes a number's last decimal digits, with zeros before it.
fn write_digits(to: &mut [u8], mut number: u32) {
    for digit in to.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::spec::ShopSpec;

    #[test]
    fn slices_cover_every_day_once() {
        for (lines, files) in [(10_000, 8), (1_000_000, 24)] {
            let world = World::new(&ShopSpec { lines, ..ShopSpec::new(1_000, 10_000, 1) });
            let slices = slices(&world);
            assert_eq!(slices.len(), files);
            assert_eq!(slices[0].name, "2024-07.parquet");
            assert!(slices.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert_eq!((slices[0].from, slices[files - 1].to), (0, 730 + FUTURE_DAYS as usize + 1));
        }
    }
}
