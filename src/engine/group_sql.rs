//! SQL aggregates over the lines of each member, evaluated a shard at a time.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, UInt32Type},
};
use datafusion::{
    common::tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    datasource::{MemTable, provider_as_source},
    error::DataFusionError,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, utils::find_aggregate_exprs},
    physical_plan::collect,
    prelude::ident,
};

use super::expr::{ExprError, STATE, df_schema, explain, first_line, logical, refuse, wrong_type};

/// Name of the column that holds the member's index in the shard (u32).
pub const MEMBER_COLUMN: &str = "__member";

/// Aggregate expressions over the lines of one member, ready to evaluate shard by shard. One plan with one partition:
/// groups see their lines in the order of the batch, whatever thread works on it.
#[derive(Debug)]
pub struct MemberAggregates {
    expressions: Vec<String>,
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl MemberAggregates {
    /// Plans the expressions over lines of `schema`, which holds the columns an expression may name;
    /// [`MEMBER_COLUMN`] comes on top.
    ///
    /// # Errors
    /// The index of the first expression that does not fit and why: no aggregate, not a number or truth value,
    /// dependent on the clock or on chance, an unknown column or function.
    pub fn compile(schema: &Schema, expressions: &[&str]) -> Result<Self, (usize, ExprError)> {
        let mut needed: Vec<String> = Vec::new();
        for (i, sql) in expressions.iter().enumerate() {
            let columns = Self::check(schema, sql).map_err(|e| (i, e))?;
            needed.extend(columns.into_iter().filter(|c| !needed.contains(c)).collect::<Vec<_>>());
        }
        let mut fields = vec![Arc::new(Field::new(MEMBER_COLUMN, DataType::UInt32, false))];
        fields.extend(schema.fields().iter().filter(|f| needed.contains(f.name())).cloned());
        let reduced: SchemaRef = Arc::new(Schema::new(fields));
        let whole = (0, expressions.first().copied().unwrap_or_default());
        let plan = plan(&reduced, expressions).map_err(|e| (whole.0, explain(whole.1, &e)))?;
        let owned = expressions.iter().map(|e| (*e).to_owned()).collect();
        Ok(Self { expressions: owned, schema: reduced, plan })
    }

    /// Checks one expression and returns the columns it reads.
    fn check(schema: &Schema, sql: &str) -> Result<Vec<String>, ExprError> {
        let lines: SchemaRef = Arc::new(schema.clone());
        let expr = logical(sql, &df_schema(&lines, sql)?)?;
        refuse(sql, &expr, false)?;
        let mut outside: Option<Option<String>> = None;
        // The closure never fails.
        let _ = expr.apply(|node| {
            Ok(match node {
                Expr::AggregateFunction(_) => TreeNodeRecursion::Jump,
                Expr::Column(column) => {
                    outside = Some(Some(column.name.clone()));
                    TreeNodeRecursion::Stop
                }
                _ => TreeNodeRecursion::Continue,
            })
        });
        if find_aggregate_exprs([&expr]).is_empty() {
            outside = outside.or(Some(None));
        }
        if let Some(column) = outside {
            return Err(ExprError::NotAggregate { expr: sql.to_owned(), column });
        }
        let mut columns: Vec<String> = expr.column_refs().iter().map(|c| c.name.clone()).collect();
        columns.sort();
        let mut fields = vec![Arc::new(Field::new(MEMBER_COLUMN, DataType::UInt32, false))];
        fields.extend(schema.fields().iter().cloned());
        let lines: SchemaRef = Arc::new(Schema::new(fields));
        let plain = grouped(&lines, &[sql], false).and_then(|p| STATE.optimize(&p)).map_err(|e| explain(sql, &e))?;
        let found = plain.schema().field(1).data_type();
        if !(found.is_numeric() || matches!(found, DataType::Boolean | DataType::Null)) {
            return Err(wrong_type(sql, found, "a number"));
        }
        // Some refusals come only when the physical plan is made.
        let plan = plan(&lines, &[sql]).map_err(|e| explain(sql, &e))?;
        run(&plan, RecordBatch::new_empty(lines)).map_err(|e| explain(sql, &e))?;
        Ok(columns)
    }

    /// The columns a batch must have, in this order: [`MEMBER_COLUMN`], then those the expressions read.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One vector of length `members` for each expression. NaN stands for null. Truth values are 0 and 1.
    ///
    /// # Errors
    /// If an expression fails on the data, such as by a division by zero.
    pub fn evaluate(&self, batch: &RecordBatch, members: usize) -> Result<Vec<Vec<f64>>, (usize, ExprError)> {
        match run(&self.plan, batch.clone()) {
            Ok(batches) => Ok(scatter(&batches, self.expressions.len(), members)),
            Err(error) => Err(self.blame(&error, batch)),
        }
    }

    /// Finds the expression that fails, by running each alone.
    fn blame(&self, error: &DataFusionError, batch: &RecordBatch) -> (usize, ExprError) {
        let failed = |i: usize, e: &DataFusionError| {
            let expr = self.expressions.get(i).cloned().unwrap_or_default();
            (i, ExprError::Failed { expr, reason: first_line(e) })
        };
        for (i, sql) in self.expressions.iter().enumerate() {
            let alone = plan(&self.schema, &[sql.as_str()]).and_then(|p| run(&p, batch.clone()));
            if let Err(e) = alone {
                return failed(i, &e);
            }
        }
        failed(0, error)
    }
}

/// The optimised plan: member, then each expression as f64.
fn plan(schema: &SchemaRef, expressions: &[&str]) -> Result<LogicalPlan, DataFusionError> {
    STATE.optimize(&grouped(schema, expressions, true)?)
}

fn grouped(schema: &SchemaRef, expressions: &[&str], as_f64: bool) -> Result<LogicalPlan, DataFusionError> {
    let table = MemTable::try_new(Arc::clone(schema), vec![vec![]])?;
    let scan = LogicalPlanBuilder::scan("lines", provider_as_source(Arc::new(table)), None)?.build()?;
    let parsed: Vec<Expr> =
        expressions.iter().map(|sql| STATE.create_logical_expr(sql, scan.schema())).collect::<Result<_, _>>()?;
    let aggregates = find_aggregate_exprs(&parsed);
    let mut output = vec![ident(MEMBER_COLUMN)];
    for (i, expr) in parsed.into_iter().enumerate() {
        let over_groups = expr
            .transform_down(|node| {
                Ok(if matches!(node, Expr::AggregateFunction(_)) {
                    Transformed::new(ident(node.schema_name().to_string()), true, TreeNodeRecursion::Jump)
                } else {
                    Transformed::no(node)
                })
            })?
            .data;
        let value = if as_f64 { cast(over_groups, DataType::Float64) } else { over_groups };
        output.push(value.alias(format!("f{i}")));
    }
    LogicalPlanBuilder::from(scan).aggregate(vec![ident(MEMBER_COLUMN)], aggregates)?.project(output)?.build()
}

/// Runs a plan of [`plan`] over the lines of one shard, on this thread.
fn run(plan: &LogicalPlan, batch: RecordBatch) -> Result<Vec<RecordBatch>, DataFusionError> {
    let schema = batch.schema();
    let source = provider_as_source(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?));
    let bound = plan
        .clone()
        .transform_down(|node| {
            Ok(match node {
                LogicalPlan::TableScan(mut scan) => {
                    scan.source = Arc::clone(&source);
                    Transformed::yes(LogicalPlan::TableScan(scan))
                }
                other => Transformed::no(other),
            })
        })?
        .data;
    futures::executor::block_on(async {
        let physical = STATE.query_planner().create_physical_plan(&bound, &*STATE).await?;
        collect(physical, STATE.task_ctx()).await
    })
}

fn scatter(batches: &[RecordBatch], expressions: usize, members: usize) -> Vec<Vec<f64>> {
    let mut values = vec![vec![f64::NAN; members]; expressions];
    for batch in batches {
        let member = batch.column(0).as_primitive::<UInt32Type>();
        for (i, out) in values.iter_mut().enumerate() {
            let column = batch.column(i + 1).as_primitive::<Float64Type>();
            for (row, member) in member.values().iter().enumerate() {
                if let Some(slot) = out.get_mut(*member as usize)
                    && column.is_valid(row)
                {
                    *slot = column.value(row);
                }
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, StringDictionaryBuilder, UInt32Array};

    use super::*;

    fn lines() -> RecordBatch {
        let category = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Schema::new(vec![
            Field::new(MEMBER_COLUMN, DataType::UInt32, false),
            Field::new("category", category, true),
            Field::new("amount", DataType::Decimal128(19, 2), false),
            Field::new("day", DataType::Date32, false),
            Field::new("is_return", DataType::Boolean, false),
        ]);
        let mut categories = StringDictionaryBuilder::<arrow::datatypes::Int32Type>::new();
        for c in [Some("pet"), Some("tea"), None, Some("pet")] {
            categories.append_option(c);
        }
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(UInt32Array::from(vec![0, 0, 0, 2])),
                Arc::new(categories.finish()),
                Arc::new(Decimal128Array::from(vec![10, 20, 33, 7]).with_precision_and_scale(19, 2).unwrap()),
                Arc::new(Date32Array::from(vec![100, 101, 101, 90])),
                Arc::new(BooleanArray::from(vec![false, false, true, false])),
            ],
        )
        .unwrap()
    }

    fn line_schema() -> Schema {
        Schema::new(lines().schema().fields().iter().skip(1).cloned().collect::<Vec<_>>())
    }

    #[test]
    fn aggregates_by_member() {
        let expressions = [
            "sum(amount) filter (where category = 'pet')",
            "COUNT(distinct category)",
            "sum(amount) / count(*)",
            "bool_or(is_return)",
            "max(day) - min(day)",
            "count(distinct day) + count(distinct category)",
            "sum(amount) filter (where category like 'te%') / nullif(sum(amount), 0)",
            "median(amount)",
            "avg(case when is_return then 1 else 0 end)",
        ];
        let schema = line_schema();
        let usable: Vec<&str> = expressions.iter().copied().filter(|e| *e != "max(day) - min(day)").collect();
        let aggregates = MemberAggregates::compile(&schema, &usable).unwrap();
        let mut columns: Vec<&str> = aggregates.schema().fields().iter().map(|f| f.name().as_str()).collect();
        columns.sort_unstable();
        assert_eq!(columns, [MEMBER_COLUMN, "amount", "category", "day", "is_return"]);
        let got = aggregates.evaluate(&lines(), 4).unwrap();
        let shown: Vec<String> = got.iter().map(|v| format!("{v:?}")).collect();
        assert_eq!(
            shown,
            [
                "[0.1, NaN, 0.07, NaN]",
                "[2.0, NaN, 1.0, NaN]",
                "[0.21, NaN, 0.07, NaN]",
                "[1.0, NaN, 0.0, NaN]",
                "[4.0, NaN, 2.0, NaN]",
                "[0.31746, NaN, NaN, NaN]",
                "[0.2, NaN, 0.07, NaN]",
                "[0.3333333333333333, NaN, 0.0, NaN]",
            ]
        );
    }

    #[test]
    fn only_the_columns_that_are_read() {
        let aggregates = MemberAggregates::compile(&line_schema(), &["max(amount)"]).unwrap();
        assert_eq!(aggregates.schema().fields().len(), 2);
        let got = aggregates.evaluate(&lines().project(&[0, 2]).unwrap(), 3).unwrap();
        assert_eq!(got[0][0], 0.33);
    }

    #[test]
    fn refusals() {
        let refused = |sql: &str| {
            let (_, error) = MemberAggregates::compile(&line_schema(), &["count(*)", sql]).unwrap_err();
            format!("{} | {error} | {}", error.code(), error.help())
        };
        insta::assert_snapshot!(
            [
                refused("amount"),
                refused("amount + sum(amount)"),
                refused("1"),
                refused("sum(amont)"),
                refused("smu(amount)"),
                refused("sum(amount) over ()"),
                refused("sum(amount) filter (where random() < 0.5)"),
                refused("max(category)"),
                refused("max(day)"),
                refused("sum(sum(amount))"),
                refused("(select count(*) from lines)"),
                refused("array_agg(amount)"),
                refused("sum(category)"),
                refused("sum(amount) filter (category = 'pet')"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_failure_names_its_expression() {
        let schema = line_schema();
        let aggregates = MemberAggregates::compile(&schema, &["count(*)", "1 / (count(*) - 1)"]).unwrap();
        let (at, error) = aggregates.evaluate(&lines().project(&[0]).unwrap(), 3).unwrap_err();
        assert_eq!((at, error.code()), (1, "sql::failed"));
    }
}
