//! Reads the tables beside the purchase lines: small enough to go through row by row, in file order.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, StringViewArray},
    compute::cast,
    datatypes::{DataType, Field, Int64Type},
};

use super::{
    CleaningSettings, InputError, MappedBatch, Reason, TableInput,
    accounting::{BlankCounts, LostRow, Problem, RowCounts, action_of},
    contract::Table,
    lines::{local_micros, text_view},
    number::{Number, NumberColumn},
    settings::Action,
    zone::{Zone, split_micros},
};
use crate::{
    base::{Day, Minor},
    engine::{Engine, EngineError},
};

/// What reading a side table needs to know of the run.
#[derive(Debug)]
pub struct SideContext<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The cleaning rules, for what becomes of lost rows.
    pub cleaning: &'a CleaningSettings,
    /// Reader of instants.
    pub zone: Zone,
    /// Digits of the currency.
    pub currency_digits: u8,
}

/// One row of a side table.
#[derive(Debug)]
pub struct SideRow<'a> {
    table: Table,
    batch: &'a SideBatch,
    row: usize,
}

/// Why a row of a side table is not kept.
pub type Loss = (Reason, Problem);

#[derive(Debug)]
struct SideBatch {
    /// By position in the contract.
    columns: Vec<Option<SideColumn>>,
}

#[derive(Debug)]
enum SideColumn {
    Text(StringViewArray),
    Micros(Vec<Option<i64>>),
    Number(NumberColumn),
    Boolean(ArrayRef),
    List(ListArray),
}

/// Reads every row of a table and calls `each` with it, in file and row order. Rows for which `each` gives a reason are
/// counted and, where the job wants to see them, returned for quarantine.
///
/// # Errors
/// If a file cannot be read or an expression fails.
pub fn read_side(
    input: &TableInput,
    context: &SideContext<'_>,
    mut each: impl FnMut(&SideRow<'_>) -> Result<(), Loss>,
) -> Result<(RowCounts, Vec<LostRow>), InputError> {
    let mut counts = RowCounts::default();
    let mut lost = Vec::new();
    let mut all_blank = BlankCounts::default();
    input.scan_in_order(
        context.engine,
        |chunk| (chunk.file, Vec::new(), BlankCounts::default()),
        |(file, batches, blank), rows| {
            let mapped = input.map(*file, &rows)?;
            blank.add(input.table, &mapped);
            let columns = SideBatch::new(input.table, &mapped, context)?;
            batches.push((mapped, columns));
            Ok::<_, InputError>(())
        },
        |(file, batches, blank)| {
            all_blank.merge(&blank);
            for (mapped, columns) in &batches {
                for row in 0..mapped.len() {
                    counts.read += 1;
                    let kept = match mapped.bad_text(row) {
                        Some(column) => Err((Reason::Unreadable, Problem::NotText(column))),
                        None => each(&SideRow { table: input.table, batch: columns, row }),
                    };
                    match kept {
                        Ok(()) => counts.kept += 1,
                        Err((reason, problem)) => {
                            counts.lose(reason, 1, context.cleaning);
                            if action_of(reason, context.cleaning) == Action::Quarantine {
                                let row = mapped.row_number(row);
                                lost.push(LostRow { file: file as u32, row, reason, problem });
                            }
                        }
                    }
                }
            }
        },
    )?;
    counts.blank = all_blank.by_column(input.table);
    Ok((counts, lost))
}

impl SideBatch {
    fn new(table: Table, mapped: &MappedBatch, context: &SideContext<'_>) -> Result<Self, InputError> {
        use super::contract::Class;
        let mut columns = Vec::with_capacity(table.columns().len());
        for (position, column) in table.columns().iter().enumerate() {
            let Some(array) = mapped.column(position) else {
                columns.push(None);
                continue;
            };
            columns.push(Some(match column.class {
                Class::Id | Class::Text => SideColumn::Text(text_view(array)?),
                Class::Time | Class::Day => SideColumn::Micros(local_micros(array, &context.zone)?),
                Class::Boolean => SideColumn::Boolean(
                    cast(array, &DataType::Boolean).map_err(|e| EngineError::arrow("read a truth value", e))?,
                ),
                Class::TextList if is_list(array) => SideColumn::List(text_list(array)?),
                Class::TextList => SideColumn::Text(text_view(array)?),
                Class::Integer | Class::Decimal | Class::Money => match NumberColumn::new(array) {
                    Some(numbers) => SideColumn::Number(numbers),
                    None => return Err(EngineError::arrow("read a number", not_a_number(array)).into()),
                },
            }));
        }
        Ok(Self { columns })
    }
}

fn not_a_number(array: &ArrayRef) -> arrow::error::ArrowError {
    arrow::error::ArrowError::CastError(format!("{} is no number type", array.data_type()))
}

fn is_list(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_))
}

fn text_list(array: &ArrayRef) -> Result<ListArray, InputError> {
    let wanted = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let list = cast(array, &wanted).map_err(|e| EngineError::arrow("read a list", e))?;
    Ok(list.as_list::<i32>().clone())
}

impl SideRow<'_> {
    fn column(&self, name: &str) -> Option<&SideColumn> {
        let position = self.table.columns().iter().position(|c| c.name == name)?;
        self.batch.columns[position].as_ref()
    }

    /// A text, if it is there and not blank.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.column(name)? {
            SideColumn::Text(texts) if texts.is_valid(self.row) => {
                Some(texts.value(self.row)).filter(|t| !t.trim_ascii().is_empty())
            }
            _ => None,
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// The reason `unreadable` if it is not.
    pub fn required(&self, name: &'static str) -> Result<&str, Loss> {
        self.text(name).ok_or((Reason::Unreadable, Problem::Empty(name)))
    }

    /// Local microseconds of a time.
    #[must_use]
    pub fn micros(&self, name: &str) -> Option<i64> {
        match self.column(name)? {
            SideColumn::Micros(times) => times[self.row],
            _ => None,
        }
    }

    /// A day. Days before 1970 are days too: people were born then.
    #[must_use]
    pub fn day(&self, name: &str) -> Option<Day> {
        let micros = self.micros(name)?;
        match split_micros(micros) {
            Some((time, _)) => Some(time.day()),
            None => i32::try_from(micros.div_euclid(86_400_000_000))
                .ok()
                .filter(|d| (-100_000..100_000).contains(d))
                .map(Day),
        }
    }

    fn number(&self, name: &'static str) -> Result<Option<super::number::Decimal>, Loss> {
        match self.column(name) {
            Some(SideColumn::Number(numbers)) => match numbers.get(self.row) {
                Number::Value(value) => Ok(Some(value)),
                Number::Null => Ok(None),
                Number::Unusable => Err((Reason::Unreadable, Problem::NotFinite(name))),
            },
            _ => Ok(None),
        }
    }

    /// A whole number, rounded half to even.
    ///
    /// # Errors
    /// The reason `unreadable` if it is not finite or too large.
    pub fn integer(&self, name: &'static str) -> Result<Option<i64>, Loss> {
        let too_large = (Reason::Unreadable, Problem::TooLarge(name));
        self.number(name)?.map(|d| d.to_units(0).ok_or(too_large)).transpose()
    }

    /// An amount in minor units.
    ///
    /// # Errors
    /// The reason `unreadable` if it is not finite or too large.
    pub fn money(&self, name: &'static str, context: &SideContext<'_>) -> Result<Option<Minor>, Loss> {
        let too_large = (Reason::Unreadable, Problem::TooLarge(name));
        self.number(name)?.map(|d| d.to_units(u32::from(context.currency_digits)).ok_or(too_large)).transpose()
    }

    /// A truth value; false where it is not there.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        match self.column(name) {
            Some(SideColumn::Boolean(values)) => values.is_valid(self.row) && values.as_boolean().value(self.row),
            _ => false,
        }
    }

    /// A list of texts; a single text is split at `,`, `;` and `|`.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        let clean = |t: &str| {
            let t = t.trim();
            (!t.is_empty()).then(|| t.to_owned())
        };
        match self.column(name) {
            Some(SideColumn::List(lists)) if lists.is_valid(self.row) => {
                let values = lists.value(self.row);
                values.as_string::<i32>().iter().flatten().filter_map(clean).collect()
            }
            Some(SideColumn::Text(texts)) if texts.is_valid(self.row) => {
                texts.value(self.row).split([',', ';', '|']).filter_map(clean).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The last local day of a time column over all files: from the footers where they say, else by a scan. Times outside
/// 1970–2106 do not count.
///
/// # Errors
/// If a file cannot be read or an expression fails.
pub fn latest_day(
    engine: &Engine,
    input: &TableInput,
    column: &'static str,
    zone: &Zone,
) -> Result<Option<Day>, InputError> {
    let latest = |times: Vec<Option<i64>>| {
        times.into_iter().flatten().filter_map(split_micros).map(|(time, _)| time.day()).max()
    };
    if column == "ts"
        && let Some(bounds) = input.footer_bounds(column)
    {
        let mut last = None;
        for (low, high) in bounds {
            // A bound outside the calendar says nothing of the other rows.
            let (low, high) = (local_micros(&low, zone)?, local_micros(&high, zone)?);
            if high.iter().chain(&low).flatten().any(|t| split_micros(*t).is_none()) {
                return scan_latest(engine, input, column, zone);
            }
            last = last.max(latest(high));
        }
        return Ok(last);
    }
    scan_latest(engine, input, column, zone)
}

fn scan_latest(
    engine: &Engine,
    input: &TableInput,
    column: &'static str,
    zone: &Zone,
) -> Result<Option<Day>, InputError> {
    let parts = input.scan(
        engine,
        |chunk| (chunk.file, None),
        |(file, last), rows| {
            let mapped = input.map(*file, &rows)?;
            let Some(array) = mapped.named(input.table, column) else { return Ok(()) };
            let day = if column == "ts" {
                let times = local_micros(array, zone)?;
                times.into_iter().flatten().filter_map(split_micros).map(|(time, _)| time.day()).max()
            } else {
                let index = cast(array, &DataType::Int64).map_err(|e| EngineError::arrow("read basket_index", e))?;
                let in_range = |v: i64| i32::try_from(v).ok().filter(|v| (0..49_000).contains(v)).map(Day);
                index.as_primitive::<Int64Type>().iter().flatten().filter_map(in_range).max()
            };
            *last = day.max(*last);
            Ok::<_, InputError>(())
        },
    )?;
    Ok(parts.into_iter().filter_map(|(_, last)| last).max())
}
