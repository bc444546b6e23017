//! SQL expressions of a job over the rows of a batch: column mappings, filters, eligibility rules.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    datatypes::{DataType, Schema, SchemaRef},
};
use datafusion::{
    common::{
        Column, DFSchema, SchemaError,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    execution::session_state::{SessionState, SessionStateBuilder},
    logical_expr::{Expr, Volatility, cast},
    physical_expr::PhysicalExpr,
    prelude::SessionConfig,
    sql::sqlparser::ast,
};

use crate::base::findings::nearest;

/// A SQL expression does not fit, or failed on the data.
#[derive(Debug, thiserror::Error)]
pub enum ExprError {
    /// It is no SQL expression.
    #[error("`{expr}` is not a SQL expression: {reason}")]
    Syntax {
        /// The expression.
        expr: String,
        /// What the parser said, with the position where it knows one.
        reason: String,
    },
    /// It names a column that is not there.
    #[error("`{expr}` names the column `{column}`{}, which is not there", position(expr, column))]
    UnknownColumn {
        /// The expression.
        expr: String,
        /// The column.
        column: String,
        /// The nearest known column.
        nearest: Option<String>,
        /// Every known column.
        known: Vec<String>,
    },
    /// It calls a function that is not there.
    #[error("`{expr}` calls the function `{function}`{}, which is not there", position(expr, function))]
    UnknownFunction {
        /// The expression.
        expr: String,
        /// The function.
        function: String,
        /// The nearest known function.
        nearest: Option<String>,
    },
    /// It uses something an expression of a job may not.
    #[error("`{expr}` uses {what}, which is not possible here")]
    NotAllowed {
        /// The expression.
        expr: String,
        /// What it uses.
        what: String,
    },
    /// It is no aggregate, but must be one.
    #[error("`{expr}` has no single value for a member: {}", outside(column.as_deref()))]
    NotAggregate {
        /// The expression.
        expr: String,
        /// The column outside of an aggregate function; none if the expression has no aggregate function at all.
        column: Option<String>,
    },
    /// Its values have the wrong type.
    #[error("`{expr}` gives {found}, where {expected} is wanted")]
    WrongType {
        /// The expression.
        expr: String,
        /// Type of its values.
        found: String,
        /// Type wanted.
        expected: &'static str,
    },
    /// The planner refuses it.
    #[error("`{expr}` cannot be used: {reason}")]
    Invalid {
        /// The expression.
        expr: String,
        /// What the planner said.
        reason: String,
    },
    /// It failed on a row of the data.
    #[error("`{expr}` failed on the data: {reason}")]
    Failed {
        /// The expression.
        expr: String,
        /// What went wrong.
        reason: String,
    },
}

impl ExprError {
    /// A stable code for findings.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "sql::syntax",
            Self::UnknownColumn { .. } => "sql::unknown_column",
            Self::UnknownFunction { .. } => "sql::unknown_function",
            Self::NotAllowed { .. } => "sql::not_allowed",
            Self::NotAggregate { .. } => "sql::not_aggregate",
            Self::WrongType { .. } => "sql::wrong_type",
            Self::Invalid { .. } => "sql::invalid",
            Self::Failed { .. } => "sql::failed",
        }
    }

    /// The name in the expression that it is about, if it is about one.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::UnknownColumn { column, .. } | Self::NotAggregate { column: Some(column), .. } => Some(column),
            Self::UnknownFunction { function, .. } => Some(function),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Syntax { .. } => "write one SQL expression, such as `quantity * unit_price`".to_owned(),
            Self::UnknownColumn { nearest: Some(name), .. } | Self::UnknownFunction { nearest: Some(name), .. } => {
                format!("did you mean `{name}`?")
            }
            Self::UnknownColumn { known, .. } => {
                format!("columns: {}; a name with blanks or signs goes in \"double quotes\"", known.join(", "))
            }
            Self::UnknownFunction { .. } => "use a function of DataFusion's SQL".to_owned(),
            Self::NotAllowed { .. } => {
                "an expression may use the columns of one table and fixed values only".to_owned()
            }
            Self::NotAggregate { .. } => "put it into sum(…), count(…), min(…), max(…), avg(…) or the like".to_owned(),
            Self::WrongType { expected, .. } => format!("make it {expected}, for example with CAST(… AS …)"),
            Self::Invalid { .. } => "correct the expression".to_owned(),
            Self::Failed { .. } => "guard it: nullif(x, 0) under a division, try_cast instead of cast".to_owned(),
        }
    }
}

/// Where a name stands in an expression, in words.
fn position(expr: &str, name: &str) -> String {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: usize| !expr[..at].ends_with(in_name) && !expr[at + name.len()..].starts_with(in_name);
    match expr.match_indices(name).map(|(at, _)| at).find(|at| whole(*at)) {
        Some(at) => format!(" (character {})", expr[..at].chars().count() + 1),
        None => String::new(),
    }
}

fn outside(column: Option<&str>) -> String {
    match column {
        Some(column) => format!("`{column}` stands outside of an aggregate function"),
        None => "it has no aggregate function".to_owned(),
    }
}

/// The type an expression must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it gives.
    Any,
    /// A truth value.
    Boolean,
    /// A number; truth values are not numbers.
    Number,
    /// A text.
    Text,
}

impl Expected {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
        }
    }

    fn accepts(self, data_type: &DataType) -> bool {
        match (self, data_type) {
            (_, DataType::Null) | (Self::Any, _) => true,
            (expected, DataType::Dictionary(_, values)) => expected.accepts(values),
            (Self::Boolean, t) => *t == DataType::Boolean,
            (Self::Number, t) => t.is_numeric(),
            (Self::Text, t) => t.is_string(),
        }
    }
}

/// The session expressions are planned in: names keep their case, nothing depends on the machine.
pub(super) static STATE: LazyLock<SessionState> = LazyLock::new(|| {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    SessionStateBuilder::new().with_config(config).with_default_features().build()
});

/// A scalar SQL expression, ready to evaluate on batches of one schema.
#[derive(Debug, Clone)]
pub struct RowExpr {
    sql: String,
    columns: Vec<String>,
    data_type: DataType,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
}

impl RowExpr {
    /// Plans `sql` over the columns of `schema`. Column names are taken as they are written, in either case.
    ///
    /// # Errors
    /// If it is no scalar expression over those columns, its type is not the expected one, or it would depend on the
    /// clock or on chance.
    pub fn compile(schema: &SchemaRef, sql: &str, expected: Expected) -> Result<Self, ExprError> {
        let df_schema = df_schema(schema, sql)?;
        let expr = logical(sql, &df_schema)?;
        refuse(sql, &expr, true)?;
        let mut columns: Vec<String> = expr.column_refs().iter().map(|c| c.name.clone()).collect();
        columns.sort();
        let invalid = |e: DataFusionError| explain(sql, &e);
        let mut physical = STATE.create_physical_expr(expr.clone(), &df_schema).map_err(invalid)?;
        let mut data_type = physical.data_type(schema).map_err(invalid)?;
        if !expected.accepts(&data_type) {
            return Err(wrong_type(sql, &data_type, expected.name()));
        }
        if expected == Expected::Boolean && data_type != DataType::Boolean {
            physical = STATE.create_physical_expr(cast(expr, DataType::Boolean), &df_schema).map_err(invalid)?;
            data_type = DataType::Boolean;
        }
        Ok(Self { sql: sql.to_owned(), columns, data_type, schema: Arc::clone(schema), physical })
    }

    /// The columns it reads, in byte order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Type of its values.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The expression as written.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// One value a row of the batch.
    ///
    /// # Errors
    /// If a row makes it fail (a division by zero, a cast), or the batch lacks a column or has it in another type.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, ExprError> {
        let failed = |reason: String| ExprError::Failed { expr: self.sql.clone(), reason };
        let value = if batch.schema_ref().fields() == self.schema.fields() {
            self.physical.evaluate(batch)
        } else {
            // Columns may come in another order, or fewer of them: the others are not read.
            let arrays = self.schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
                _ if self.columns.binary_search(field.name()).is_ok() => {
                    Err(failed(format!("the batch has no column `{}` of type {}", field.name(), field.data_type())))
                }
                _ => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
            });
            let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>()?;
            let nullable: Vec<_> =
                self.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
            let aligned =
                RecordBatch::try_new(Arc::new(Schema::new(nullable)), arrays).map_err(|e| failed(e.to_string()))?;
            self.physical.evaluate(&aligned)
        };
        value.and_then(|v| v.into_array(batch.num_rows())).map_err(|e| failed(first_line(&e)))
    }
}

/// A condition on rows.
#[derive(Debug, Clone)]
pub struct RowPredicate(RowExpr);

impl RowPredicate {
    /// Plans a condition; see [`RowExpr::compile`].
    ///
    /// # Errors
    /// As [`RowExpr::compile`], and if it gives no truth value.
    pub fn compile(schema: &SchemaRef, sql: &str) -> Result<Self, ExprError> {
        RowExpr::compile(schema, sql, Expected::Boolean).map(Self)
    }

    /// The columns it reads, in byte order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        self.0.columns()
    }

    /// The condition as written.
    #[must_use]
    pub fn sql(&self) -> &str {
        self.0.sql()
    }

    /// Whether it holds, for each row of the batch; null counts as no. The result has no nulls.
    ///
    /// # Errors
    /// As [`RowExpr::evaluate`].
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ExprError> {
        let values = self.0.evaluate(batch)?;
        let values = values.as_boolean();
        Ok(match values.nulls() {
            Some(nulls) if nulls.null_count() > 0 => BooleanArray::new(values.values() & nulls.inner(), None),
            _ => BooleanArray::new(values.values().clone(), None),
        })
    }
}

pub(super) fn df_schema(schema: &SchemaRef, sql: &str) -> Result<DFSchema, ExprError> {
    DFSchema::try_from(Arc::clone(schema)).map_err(|e| explain(sql, &e))
}

/// Deepest nesting that is parsed: with every level the parser tries several times as much before it reports a mistake further in,
/// so that a mistake twenty levels down would keep it busy for hours.
const DEEPEST: usize = 8;

/// Whether brackets stand deeper within each other than is parsed; those in texts count too.
fn too_deep(sql: &str) -> bool {
    let mut depth: usize = 0;
    sql.chars().any(|c| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Most points between names: of a chain `a.b.c` the parser tries every rest twice before it reports a mistake in it, so that
/// forty of them would keep it busy for days.
const MOST_POINTS: usize = 8;

/// Whether there are more points between names than are parsed: those of numbers do not count, nor those in quotes, unless
/// a comment may hide where quotes begin.
fn too_many_points(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let skips = !sql.contains("--") && !sql.contains("/*");
    let (mut quote, mut points) = (None, 0);
    let in_number = |at: usize| {
        let after = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let starts = before.is_none_or(|b| !b.is_ascii_alphanumeric() && !b"_.\")]}'".contains(&b) && b.is_ascii());
        after && (starts || before.is_some_and(|b| b.is_ascii_digit()))
    };
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, *byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'\'' | b'"') if skips => quote = Some(*byte),
            (None, b'.') if !in_number(at) => points += 1,
            _ => {}
        }
    }
    points > MOST_POINTS
}

/// The logical expression of `sql`, columns resolved.
pub(super) fn logical(sql: &str, schema: &DFSchema) -> Result<Expr, ExprError> {
    if too_deep(sql) {
        let reason = format!("brackets stand more than {DEEPEST} deep within each other; split it");
        return Err(ExprError::Invalid { expr: sql.to_owned(), reason });
    }
    if too_many_points(sql) {
        let reason = format!("it has more than {MOST_POINTS} points between names; columns go by their names alone");
        return Err(ExprError::Invalid { expr: sql.to_owned(), reason });
    }
    let dialect = STATE.config().options().sql_parser.dialect;
    let parsed = STATE.sql_to_expr_with_alias(sql, &dialect).map_err(|e| explain(sql, &e))?;
    if parsed.alias.is_some() {
        return Err(ExprError::NotAllowed { expr: sql.to_owned(), what: "an alias (AS)".to_owned() });
    }
    let subquery = ast::visit_expressions(&parsed.expr, |e| match e {
        ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } => {
            std::ops::ControlFlow::Break(())
        }
        _ => std::ops::ControlFlow::Continue(()),
    });
    if subquery.is_break() {
        return Err(ExprError::NotAllowed { expr: sql.to_owned(), what: "a subquery".to_owned() });
    }
    STATE.create_logical_expr_from_sql_expr(parsed, schema).map_err(|e| explain(sql, &e))
}

/// Refuses what a job's expression may not use: windows, the clock, chance, and aggregates where `scalar`.
pub(super) fn refuse(sql: &str, expr: &Expr, scalar: bool) -> Result<(), ExprError> {
    let mut what: Option<String> = None;
    // The closure never fails.
    let _ = expr.apply(|node| {
        what = match node {
            Expr::WindowFunction(_) => Some("a window function (OVER)".to_owned()),
            Expr::AggregateFunction(f) if scalar => Some(format!("the aggregate function {}", f.func.name())),
            Expr::Placeholder(_) => Some("a placeholder".to_owned()),
            Expr::ScalarVariable(..) => Some("a variable".to_owned()),
            Expr::ScalarFunction(f) if f.func.signature().volatility != Volatility::Immutable => {
                Some(format!("{}(), which depends on the clock or on chance", f.func.name()))
            }
            _ => None,
        };
        Ok(if what.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    match what {
        Some(what) => Err(ExprError::NotAllowed { expr: sql.to_owned(), what }),
        None => Ok(()),
    }
}

pub(super) fn wrong_type(sql: &str, found: &DataType, expected: &'static str) -> ExprError {
    let found = match found {
        DataType::Dictionary(_, values) => values.to_string(),
        other => other.to_string(),
    };
    ExprError::WrongType { expr: sql.to_owned(), found, expected }
}

/// Puts what the planner said into our words.
pub(super) fn explain(sql: &str, error: &DataFusionError) -> ExprError {
    let expr = sql.to_owned();
    let mut innermost = error;
    while let DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) = innermost {
        innermost = inner;
    }
    match innermost {
        DataFusionError::SQL(parser, _) => {
            let reason = parser.to_string();
            let reason = reason.trim_start_matches("sql parser error: ").to_owned();
            ExprError::Syntax { expr, reason }
        }
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let known: Vec<String> = valid_fields.iter().map(|c: &Column| c.name.clone()).collect();
                let nearest = nearest(&field.name, known.iter().map(String::as_str)).map(str::to_owned);
                ExprError::UnknownColumn { expr, column: field.name.clone(), nearest, known }
            }
            other => ExprError::Invalid { expr, reason: other.to_string() },
        },
        other => {
            let message = first_lines(other);
            match message.split_once("Invalid function '").and_then(|(_, rest)| rest.split_once('\'')) {
                Some((function, _)) => {
                    let known = STATE.scalar_functions().keys().chain(STATE.aggregate_functions().keys());
                    let nearest = nearest(function, known.map(String::as_str)).map(str::to_owned);
                    ExprError::UnknownFunction { expr, function: function.to_owned(), nearest }
                }
                None => ExprError::Invalid { expr, reason: first_line(other) },
            }
        }
    }
}

fn first_lines(error: &DataFusionError) -> String {
    error.strip_backtrace()
}

/// The first line of an error's message, without the engine's own prefix.
pub(super) fn first_line(error: &DataFusionError) -> String {
    let message = first_lines(error);
    let mut line = message.lines().next().unwrap_or_default();
    let prefixes = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Internal error: ",
        "This feature is not implemented: ",
    ];
    // The planner lists every signature it tried.
    line = line.split(", errors: ").next().unwrap_or_default();
    while let Some(rest) = prefixes.iter().find_map(|p| line.strip_prefix(p)) {
        line = rest;
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Float64Array, Int64Array, StringArray},
        datatypes::Field,
    };

    use super::*;

    fn batch() -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("Quantity", DataType::Int64, true),
            Field::new("Unit Price", DataType::Float64, true),
            Field::new("code", DataType::Utf8, true),
        ]);
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from(vec![Some(2), None, Some(0)])),
                Arc::new(Float64Array::from(vec![1.5, 2.0, 3.0])),
                Arc::new(StringArray::from(vec![Some("POST"), Some("85123A"), None])),
            ],
        )
        .unwrap()
    }

    #[test]
    fn chains_of_names_are_bounded() {
        let schema = batch().schema();
        let chain = vec!["a"; 40].join(".") + ".)";
        for sql in [chain.clone(), format!("-- '\n{chain}"), format!("/*'*/{chain}")] {
            let error = RowExpr::compile(&schema, &sql, Expected::Any).unwrap_err();
            assert_eq!(error.code(), "sql::invalid", "{sql}");
        }
        // Numbers and texts have as many points as they like.
        let numbers = vec![".5 * 1.25"; 20].join(" + ");
        assert!(RowExpr::compile(&schema, &numbers, Expected::Number).is_ok());
        let texts = format!("code in ({})", vec!["'a.b.c'"; 20].join(", "));
        assert!(RowExpr::compile(&schema, &texts, Expected::Boolean).is_ok());
    }

    #[test]
    fn values_and_conditions() {
        let batch = batch();
        let expr = RowExpr::compile(&batch.schema(), r#"Quantity * "Unit Price""#, Expected::Number).unwrap();
        assert_eq!(expr.columns(), ["Quantity", "Unit Price"]);
        let got = expr.evaluate(&batch).unwrap();
        assert_eq!(
            got.as_primitive::<arrow::datatypes::Float64Type>().iter().collect::<Vec<_>>(),
            [Some(3.0), None, Some(0.0)]
        );
        let not_merchandise =
            RowPredicate::compile(&batch.schema(), "code not like '%_____%' or code is null").unwrap();
        assert_eq!(not_merchandise.evaluate(&batch).unwrap(), BooleanArray::from(vec![true, false, true]));
        let nulls_are_no = RowPredicate::compile(&batch.schema(), "Quantity > 1").unwrap();
        let reordered = batch.project(&[2, 0]).unwrap();
        assert_eq!(nulls_are_no.evaluate(&reordered).unwrap(), BooleanArray::from(vec![true, false, false]));
        let upper = RowExpr::compile(&batch.schema(), "UPPER(lower(code))", Expected::Text).unwrap();
        assert_eq!(upper.evaluate(&batch).unwrap().as_string::<i32>().value(0), "POST");
        assert!(nulls_are_no.evaluate(&batch.project(&[1]).unwrap()).is_err());
    }

    #[test]
    fn refusals_say_what_to_do() {
        let schema = batch().schema();
        let refused = |sql: &str, expected| {
            let error = RowExpr::compile(&schema, sql, expected).unwrap_err();
            format!("{} | {error} | {}", error.code(), error.help())
        };
        insta::assert_snapshot!(
            [
                refused("quantity + 1", Expected::Number),
                refused("Quantity + Prise", Expected::Number),
                refused("uper(code)", Expected::Text),
                refused("code +", Expected::Any),
                refused("code) from x", Expected::Any),
                refused("sum(Quantity)", Expected::Any),
                refused("random() < 0.5", Expected::Boolean),
                refused("now() > '2026-01-01'", Expected::Boolean),
                refused("(select 1)", Expected::Any),
                refused("Quantity", Expected::Boolean),
                refused("code", Expected::Number),
                refused("code * 'x'", Expected::Number),
                refused("row_number() over (order by code)", Expected::Any),
                refused("$1 > 2", Expected::Any),
                refused("", Expected::Any),
            ]
            .join("\n")
        );
    }

    #[test]
    fn failing_rows_name_the_expression() {
        let batch = batch();
        let expr = RowExpr::compile(&batch.schema(), "10 / Quantity", Expected::Number).unwrap();
        let error = expr.evaluate(&batch).unwrap_err();
        assert_eq!(error.to_string(), "`10 / Quantity` failed on the data: Divide by zero error");
    }
}
