//! Purchase lines, cleaned: one batch in, clean rows out, every other row counted under the first reason that holds.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, StringViewArray},
    compute::cast,
    datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use regex::Regex;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    CleaningSettings, InputError, MappedBatch, Reason, TableInput,
    accounting::{LostRow, Problem, ReasonCounts},
    contract::Table,
    number::{Decimal, Number, NumberColumn},
    zone::{Zone, split_micros},
};
use crate::{
    base::{Day, IdTable, LocalTime, Minor, date::DAY_SECONDS, hash::LastHash},
    engine::{EngineError, expr::RowPredicate},
    input::settings::UnknownItems,
};

/// Digits after the point of a quantity.
const QUANTITY_DIGITS: u32 = 3;

/// How lines are cleaned, for one run.
#[derive(Debug)]
pub struct LineCleaner {
    /// Reader of instants.
    zone: Zone,
    /// First second after the as-of day.
    end: u32,
    /// First second of the window.
    begin: u32,
    currency_digits: u32,
    negative_quantity: bool,
    return_orders: Option<Regex>,
    /// Ids of the items table, where lines of other items are not kept.
    known_items: Option<Arc<IdTable>>,
    /// By file: the job's condition over our columns.
    not_merchandise: Option<Vec<RowPredicate>>,
    has_time: bool,
}

/// A line that may be kept; `verdict` is the reason, after `duplicate`, for which it is not.
#[derive(Debug, Clone, Copy)]
pub struct LineRow<'a> {
    /// Member id.
    pub member: &'a str,
    /// Hash of the member id.
    pub member_hash: u64,
    /// Local time.
    pub time: LocalTime,
    /// Hash of what the other fields round away; 0 if nothing.
    pub residue: u32,
    /// Hash of the order id; `None` where the shop has no such column or value.
    pub order: Option<u64>,
    /// Item id.
    pub item: Option<&'a str>,
    /// Thousandths; negative on returns.
    pub quantity: i32,
    /// Line total; negative on returns.
    pub amount: Minor,
    /// Whether the line is a return.
    pub is_return: bool,
    /// Discount, positive.
    pub discount: Minor,
    /// Channel, store and city.
    pub places: [Option<&'a str>; 3],
    /// Why the line is not kept if it is no duplicate.
    pub verdict: Option<Reason>,
    /// Row number within its file.
    pub row: u64,
}

/// Text and number columns of one batch, ready to be read row by row.
#[derive(Debug)]
pub struct LineColumns {
    member: StringViewArray,
    time: Vec<Option<i64>>,
    item: Option<StringViewArray>,
    order: Option<StringViewArray>,
    quantity: Option<NumberColumn>,
    unit_price: Option<NumberColumn>,
    amount: Option<NumberColumn>,
    discount: Option<NumberColumn>,
    places: [Option<StringViewArray>; 3],
    is_return: Option<ArrayRef>,
    not_merchandise: Option<arrow::array::BooleanArray>,
}

/// What a run must know to clean lines.
#[derive(Debug)]
pub struct CleaningContext<'a> {
    /// The rules.
    pub cleaning: &'a CleaningSettings,
    /// The job's zone.
    pub zone: &'a jiff::tz::TimeZone,
    /// Last day that is read.
    pub as_of: Day,
    /// Digits of the currency.
    pub currency_digits: u8,
    /// Ids of the items table, if the job has one.
    pub listed_items: Option<Arc<IdTable>>,
}

impl LineCleaner {
    /// Prepares the rules for the files of a table.
    ///
    /// # Errors
    /// If `not_merchandise` or the return pattern does not fit; `check` reports both with their place.
    pub fn new(input: &TableInput, context: &CleaningContext<'_>) -> Result<Self, InputError> {
        let cleaning = context.cleaning;
        let not_merchandise = match cleaning.not_merchandise() {
            None => None,
            Some(sql) => {
                let compiled = (0..input.files.len())
                    .map(|file| {
                        RowPredicate::compile(&input.mapped_schema(file), sql).map_err(|e| input.failed(file, e))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                Some(compiled)
            }
        };
        let day_start = |day: Day| day.start().map_or(0, |t| t.0);
        let returns = cleaning.returns();
        Ok(Self {
            zone: Zone::new(context.zone),
            end: context.as_of.plus(1).start().map_or(u32::MAX, |t| t.0),
            begin: cleaning.first_day(context.as_of).map_or(0, day_start),
            currency_digits: u32::from(context.currency_digits),
            negative_quantity: returns.negative_quantity,
            // A pattern that does not compile is a finding of the job file; the pipeline only takes checked jobs.
            return_orders: returns.order_id_pattern.as_deref().and_then(|p| Regex::new(p).ok()),
            known_items: match cleaning.unknown_items() {
                UnknownItems::Drop => context.listed_items.clone(),
                UnknownItems::Keep => None,
            },
            not_merchandise,
            has_time: input.has("ts"),
        })
    }

    /// Reads a batch's columns.
    ///
    /// # Errors
    /// If a column cannot be converted or the job's condition fails on a row.
    pub fn columns(&self, input: &TableInput, file: usize, batch: &MappedBatch) -> Result<LineColumns, InputError> {
        let column = |name| batch.named(Table::Transactions, name);
        let text = |name| column(name).map(text_view).transpose();
        let numbers = |name| column(name).and_then(NumberColumn::new);
        let not_merchandise = match &self.not_merchandise {
            None => None,
            Some(by_file) => {
                let rows = batch.as_batch(Table::Transactions)?;
                Some(by_file[file].evaluate(&rows).map_err(|e| input.failed(file, e))?)
            }
        };
        Ok(LineColumns {
            member: text("member_id")?.unwrap_or_else(|| StringViewArray::new_null(batch.len())),
            time: self.times(batch)?,
            item: text("item_id")?,
            order: text("order_id")?,
            quantity: numbers("quantity"),
            unit_price: numbers("unit_price"),
            amount: numbers("amount"),
            discount: numbers("discount"),
            places: [text("channel")?, text("store")?, text("city")?],
            is_return: column("is_return")
                .map(|a| cast(a, &DataType::Boolean).map_err(|e| EngineError::arrow("read is_return", e)))
                .transpose()?,
            not_merchandise,
        })
    }

    /// Local microseconds of every row; data that has only the order of baskets counts baskets as days.
    fn times(&self, batch: &MappedBatch) -> Result<Vec<Option<i64>>, InputError> {
        let name = if self.has_time { "ts" } else { "basket_index" };
        let Some(array) = batch.named(Table::Transactions, name) else { return Ok(vec![None; batch.len()]) };
        Ok(if self.has_time {
            local_micros(array, &self.zone)?
        } else {
            let index = cast(array, &DataType::Int64).map_err(|e| EngineError::arrow("read basket_index", e))?;
            let day = i64::from(DAY_SECONDS) * 1_000_000;
            index.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v.saturating_mul(day))).collect()
        })
    }

    /// Cleans every row of a batch: rows that may be kept go to `keep`, the others are counted, and entered in `lost`
    /// where the job wants to see them.
    pub fn clean<'a>(
        &self,
        file: u32,
        batch: &MappedBatch,
        columns: &'a LineColumns,
        counts: &mut ReasonCounts,
        mut lost: impl FnMut(LostRow),
        mut keep: impl FnMut(LineRow<'a>),
    ) {
        let mut hashes = [LastHash::default(); 2];
        for i in 0..batch.len() {
            let cleaned = match batch.bad_text(i) {
                Some(column) => Err((Reason::Unreadable, Problem::NotText(column))),
                None => self.row(columns, i, &mut hashes),
            };
            match cleaned {
                Ok(mut row) => {
                    row.row = batch.row_number(i);
                    keep(row);
                }
                Err((reason, problem)) => {
                    counts.add(reason);
                    lost(LostRow { file, row: batch.row_number(i), reason, problem });
                }
            }
        }
    }

    fn row<'a>(
        &self,
        columns: &'a LineColumns,
        i: usize,
        [members, orders]: &mut [LastHash<'a>; 2],
    ) -> Result<LineRow<'a>, (Reason, Problem)> {
        let unreadable = |problem| (Reason::Unreadable, problem);
        let time_name = if self.has_time { "ts" } else { "basket_index" };
        let micros = columns.time[i].ok_or(unreadable(Problem::Empty(time_name)))?;
        let (time, sub_second) = split_micros(micros).ok_or(unreadable(Problem::OutOfCalendar(time_name)))?;
        let quantity = decimal(columns.quantity.as_ref(), i, "quantity").map_err(unreadable)?;
        let unit_price = decimal(columns.unit_price.as_ref(), i, "unit_price").map_err(unreadable)?;
        let amount = decimal(columns.amount.as_ref(), i, "amount").map_err(unreadable)?;
        let discount = match columns.discount.as_ref().map(|c| c.get(i)) {
            Some(Number::Unusable) => return Err(unreadable(Problem::NotFinite("discount"))),
            Some(Number::Value(value)) => Some(value),
            Some(Number::Null) | None => None,
        };
        let too_large = |column| unreadable(Problem::TooLarge(column));
        let count = quantity.unwrap_or(Decimal::ONE);
        let thousandths =
            count.to_units(QUANTITY_DIGITS).and_then(|q| i32::try_from(q).ok()).ok_or(too_large("quantity"))?;
        let total = match (amount, unit_price) {
            (Some(amount), _) => Some(amount),
            (None, Some(price)) => Some(price.times(count).ok_or(too_large("unit_price"))?),
            (None, None) => None,
        };
        let money = |d: Decimal, column| d.to_units(self.currency_digits).ok_or(too_large(column));
        let total_minor = total.map_or(Ok(0), |t| money(t, "amount"))?;
        let discount_minor = discount.map_or(Ok(0), |d| money(d.abs(), "discount"))?;

        let member = non_empty(&columns.member, i).ok_or((Reason::NoMember, Problem::None))?;
        if time.0 >= self.end {
            return Err((Reason::AfterAsOf, Problem::None));
        }
        if time.0 < self.begin {
            return Err((Reason::BeforeWindow, Problem::None));
        }

        let order = columns.order.as_ref().and_then(|c| non_empty(c, i));
        let flagged = columns.is_return.as_ref().is_some_and(|a| a.is_valid(i) && a.as_boolean().value(i));
        let is_return = flagged
            || (self.negative_quantity && count.signum() < 0)
            || order.is_some_and(|id| self.return_orders.as_ref().is_some_and(|p| p.is_match(id)));
        let item = columns.item.as_ref().and_then(|c| non_empty(c, i));
        let verdict = if columns.not_merchandise.as_ref().is_some_and(|mask| mask.value(i)) {
            Some(Reason::NotMerchandise)
        } else if !is_return && [amount, unit_price].iter().flatten().any(|price| price.signum() <= 0) {
            Some(Reason::BadPrice)
        } else if self.known_items.as_ref().is_some_and(|known| item.is_none_or(|id| known.find(id).is_none())) {
            Some(Reason::UnknownItem)
        } else {
            None
        };
        let sign = if is_return { -1 } else { 1 };
        Ok(LineRow {
            member,
            member_hash: members.of(member),
            time,
            residue: self.residue(sub_second, count, [amount, unit_price, discount]),
            order: order.map(|id| orders.of(id)),
            item,
            quantity: if is_return { thousandths.saturating_abs() * sign } else { thousandths },
            amount: if is_return { total_minor.saturating_abs() * i64::from(sign) } else { total_minor },
            is_return,
            discount: discount_minor,
            places: std::array::from_fn(|p| columns.places[p].as_ref().and_then(|c| non_empty(c, i))),
            verdict,
            row: 0,
        })
    }

    /// What two rows that look equal in every kept field may still differ in: fractions of a second, digits that rounding
    /// took, a price beside an amount, signs that a return loses.
    fn residue(&self, sub_second: u32, count: Decimal, money: [Option<Decimal>; 3]) -> u32 {
        let rounded = money.iter().flatten().any(|d| !d.is_exact_in(self.currency_digits));
        let plain = sub_second == 0
            && !rounded
            && count.is_exact_in(QUANTITY_DIGITS)
            && count.signum() > 0
            && !(money[0].is_some() && money[1].is_some());
        if plain {
            return 0;
        }
        let mut bytes = Vec::with_capacity(80);
        bytes.extend(sub_second.to_le_bytes());
        for part in [Some(count)].iter().chain(&money) {
            let (mantissa, scale) = part.map_or((i128::MIN, 0), Decimal::parts);
            bytes.extend(mantissa.to_le_bytes());
            bytes.extend(scale.to_le_bytes());
        }
        (xxh3_64(&bytes) as u32).max(1)
    }
}

/// A value that must be there if the shop has the column.
fn decimal(column: Option<&NumberColumn>, row: usize, name: &'static str) -> Result<Option<Decimal>, Problem> {
    match column.map(|c| c.get(row)) {
        None => Ok(None),
        Some(Number::Value(value)) => Ok(Some(value)),
        Some(Number::Null) => Err(Problem::Empty(name)),
        Some(Number::Unusable) => Err(Problem::NotFinite(name)),
    }
}

fn non_empty(column: &StringViewArray, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    let text = column.value(row);
    // Most texts do not begin with a space.
    let there = text.as_bytes().first().is_some_and(|byte| !byte.is_ascii_whitespace());
    (there || !text.trim_ascii().is_empty()).then_some(text)
}

/// Ids and texts as views; integers as their decimal digits.
pub(super) fn text_view(array: &ArrayRef) -> Result<StringViewArray, InputError> {
    let failed = |e| EngineError::arrow("read a text", e);
    let array = match array.data_type() {
        DataType::Utf8View => Arc::clone(array),
        t if t.is_integer() => {
            let text = cast(array, &DataType::Utf8).map_err(failed)?;
            cast(&text, &DataType::Utf8View).map_err(failed)?
        }
        _ => cast(array, &DataType::Utf8View).map_err(failed)?,
    };
    Ok(array.as_string_view().clone())
}

/// Local microseconds since 1970 of a time column of any type.
pub(super) fn local_micros(array: &ArrayRef, zone: &Zone) -> Result<Vec<Option<i64>>, InputError> {
    let zoned = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    // Through i64 of the column's own unit, so that times outside a unit's range saturate instead of failing.
    let micros: Vec<Option<i64>> = match array.data_type() {
        DataType::Timestamp(unit, _) => {
            let raw = cast(array, &DataType::Int64).map_err(|e| EngineError::arrow("read a time", e))?;
            let scale = |v: i64| match unit {
                TimeUnit::Second => v.saturating_mul(1_000_000),
                TimeUnit::Millisecond => v.saturating_mul(1000),
                TimeUnit::Microsecond => v,
                TimeUnit::Nanosecond => v.div_euclid(1000),
            };
            raw.as_primitive::<Int64Type>().iter().map(|v| v.map(scale)).collect()
        }
        _ => {
            let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))
                .map_err(|e| EngineError::arrow("read a time", e))?;
            times.as_primitive::<TimestampMicrosecondType>().iter().collect()
        }
    };
    Ok(if zoned { micros.into_iter().map(|v| v.map(|v| zone.local_micros(v))).collect() } else { micros })
}
