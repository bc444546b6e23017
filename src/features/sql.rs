//! SQL features: a shard's lines as a table, and the job's aggregates over it.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
        TimestampSecondArray, UInt32Array,
    },
    datatypes::{DataType, Field, Int32Type, Schema, TimeUnit},
};

use super::{FeatureError, FeaturePlan, ShopColumns, settings::SqlFeature};
use crate::{
    base::{Currency, IdTable, Minor},
    engine::{
        expr::ExprError,
        group_sql::{MEMBER_COLUMN, MemberAggregates},
    },
    history::{Column, NO_CODE, Shard},
    input::NONE,
};

/// Digits of an amount: every [`Minor`] fits.
const MONEY_DIGITS: u8 = 19;

/// The columns a SQL feature may name, for a shop with these columns: `order_number` (counts the orders of the shard),
/// `item_id`, `category` (whole path), `brand`, `ts` (local time), `day`, `age_days` (days before the as-of date),
/// `quantity` (decimal, 3 digits), `amount` and `discount` (decimal, the currency's digits), `channel`, `store`,
/// `city`, `is_return`, `is_purchase` (no return, and not fully returned by the as-of date).
#[must_use]
pub fn line_schema(shop: ShopColumns, currency: Currency) -> Schema {
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let money = || DataType::Decimal128(MONEY_DIGITS, currency.exponent() as i8);
    let columns = [
        ("order_number", DataType::UInt32, true),
        ("item_id", text(), shop.items),
        ("category", text(), shop.categories),
        ("brand", text(), shop.brands),
        ("ts", DataType::Timestamp(TimeUnit::Second, None), shop.calendar),
        ("day", DataType::Date32, shop.calendar),
        ("age_days", DataType::Int32, shop.calendar),
        ("quantity", DataType::Decimal128(13, 3), true),
        ("amount", money(), true),
        ("discount", money(), shop.discounts),
        ("channel", text(), shop.channels),
        ("store", text(), shop.stores),
        ("city", text(), shop.cities),
        ("is_return", DataType::Boolean, true),
        ("is_purchase", DataType::Boolean, true),
    ];
    let there = columns.into_iter().filter(|(_, _, there)| *there);
    Schema::new(there.map(|(name, data_type, _)| Field::new(name, data_type, true)).collect::<Vec<_>>())
}

/// Compiles one feature, to check it.
pub(super) fn compile_one(schema: &Schema, feature: &SqlFeature) -> Result<(), ExprError> {
    MemberAggregates::compile(schema, &[feature.expr.as_str()]).map(|_| ()).map_err(|(_, e)| e)
}

/// Compiles all features into one plan; `None` if there are none.
pub(super) fn compile_all(schema: &Schema, features: &[SqlFeature]) -> Result<Option<MemberAggregates>, FeatureError> {
    if features.is_empty() {
        return Ok(None);
    }
    let expressions: Vec<&str> = features.iter().map(|f| f.expr.as_str()).collect();
    MemberAggregates::compile(schema, &expressions).map(Some).map_err(|e| blame(features, e))
}

fn blame(features: &[SqlFeature], (at, source): (usize, ExprError)) -> FeatureError {
    FeatureError::Sql { feature: features.get(at).map(|f| f.name.clone()).unwrap_or_default(), source }
}

/// Evaluates the features over the lines of a shard up to the plan's cut: one vector of length `members` each, NaN
/// where the expression gives null or the member has no line.
pub(super) fn evaluate(
    plan: &FeaturePlan<'_>,
    aggregates: &MemberAggregates,
    shard: &Shard,
) -> Result<Vec<Vec<f64>>, FeatureError> {
    let features = &plan.view.settings.sql;
    let failed = |reason: String| blame(features, (0, ExprError::Failed { expr: "lines".to_owned(), reason }));
    let lines = Lines::new(plan, shard);
    let arrays: Vec<ArrayRef> = aggregates.schema().fields().iter().map(|f| lines.column(f.name())).collect();
    let batch = RecordBatch::try_new(Arc::clone(aggregates.schema()), arrays).map_err(|e| failed(e.to_string()))?;
    aggregates.evaluate(&batch, shard.members.len()).map_err(|e| blame(features, e))
}

/// The lines of a shard up to the cut, and what their codes stand for.
struct Lines<'a> {
    plan: &'a FeaturePlan<'a>,
    shard: &'a Shard,
    /// (line, order, member) of each line up to the cut.
    rows: Vec<(u32, u32, u32)>,
}

impl<'a> Lines<'a> {
    fn new(plan: &'a FeaturePlan<'a>, shard: &'a Shard) -> Self {
        let mut rows = Vec::with_capacity(shard.lines());
        for member in 0..shard.members.len() {
            for order in shard.orders_of(member) {
                if shard.order_day(order) > plan.view.cut {
                    break;
                }
                // Offsets of a shard are u32, so its indices are.
                rows.extend(shard.lines_of(order).map(|line| (line as u32, order as u32, member as u32)));
            }
        }
        Self { plan, shard, rows }
    }

    fn column(&self, name: &str) -> ArrayRef {
        let (shard, items, dims) = (self.shard, self.plan.view.items, self.plan.view.dimensions);
        let item = |line: usize| shard.item[line];
        let known = |index: u32| i32::try_from(index).ok();
        let attribute = |column: &[u32], line: usize| {
            column.get(item(line) as usize).copied().filter(|v| *v != NONE).and_then(known)
        };
        // What must not be talked about is not measured by what it is either: the line counts, its item has no name.
        let named = |line: usize| !items.denied.get(item(line) as usize).copied().unwrap_or(false);
        match name {
            MEMBER_COLUMN => Arc::new(self.rows.iter().map(|(_, _, m)| *m).collect::<UInt32Array>()),
            "order_number" => Arc::new(self.rows.iter().map(|(_, o, _)| *o).collect::<UInt32Array>()),
            "item_id" => self.text(&items.ids, |line| known(item(line)).filter(|_| named(line))),
            "category" => self.text(&items.categories, |line| attribute(&items.category, line).filter(|_| named(line))),
            "brand" => self.text(&items.brands, |line| attribute(&items.brand, line).filter(|_| named(line))),
            "ts" => {
                let time = |(_, o, _): &(u32, u32, u32)| i64::from(shard.order_time[*o as usize].0);
                Arc::new(TimestampSecondArray::from_iter_values(self.rows.iter().map(time)))
            }
            "day" => {
                let day = |(_, o, _): &(u32, u32, u32)| shard.order_day(*o as usize).0;
                Arc::new(Date32Array::from_iter_values(self.rows.iter().map(day)))
            }
            "age_days" => {
                let age = |(_, o, _): &(u32, u32, u32)| self.plan.view.cut.since(shard.order_day(*o as usize));
                Arc::new(Int32Array::from_iter_values(self.rows.iter().map(age)))
            }
            "quantity" => self.decimal(13, 3, |line| i64::from(shard.quantity.at(line))),
            "amount" => self.money(&shard.amount),
            "discount" => self.money(&shard.discount),
            "channel" => self.text(&dims.channels, |line| code(&shard.channel, line)),
            "store" => self.text(&dims.stores, |line| code(&shard.store, line)),
            "city" => self.text(&dims.cities, |line| code(&shard.city, line)),
            "is_return" => self.flag(|line| shard.is_return.contains(line)),
            _ => self.flag(|line| shard.is_purchase(line, self.plan.view.cut)),
        }
    }

    fn lines(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().map(|(line, _, _)| *line as usize)
    }

    fn flag(&self, of: impl Fn(usize) -> bool) -> ArrayRef {
        Arc::new(self.lines().map(|line| Some(of(line))).collect::<BooleanArray>())
    }

    fn money(&self, amounts: &Column<Minor>) -> ArrayRef {
        let digits = self.plan.view.currency.exponent() as i8;
        self.decimal(MONEY_DIGITS, digits, |line| amounts.get(line).unwrap_or(0))
    }

    fn decimal(&self, precision: u8, scale: i8, of: impl Fn(usize) -> i64) -> ArrayRef {
        let values = Decimal128Array::from_iter_values(self.lines().map(|line| i128::from(of(line))));
        // Precision and scale are those of the schema, which arrow accepts.
        let data_type = DataType::Decimal128(precision, scale);
        Arc::new(values.with_data_type(data_type))
    }

    /// A dictionary column: keys by line, values the whole table.
    fn text(&self, table: &IdTable, key: impl Fn(usize) -> Option<i32>) -> ArrayRef {
        let in_table = |k: &i32| usize::try_from(*k).is_ok_and(|k| k < table.len());
        let keys: Int32Array = self.lines().map(|line| key(line).filter(in_table)).collect();
        let values: ArrayRef = Arc::new(table.iter().map(Some).collect::<StringArray>());
        // Every key is checked to lie in the table, the one thing that could be refused.
        Arc::new(
            DictionaryArray::<Int32Type>::try_new(keys, values)
                .unwrap_or_else(|_| DictionaryArray::from_iter(std::iter::empty::<Option<&str>>())),
        )
    }
}

fn code(codes: &Column<u16>, line: usize) -> Option<i32> {
    codes.get(line).filter(|c| *c != NO_CODE).map(i32::from)
}
