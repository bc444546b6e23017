//! A table of the job bound to its files: which column is which, in every file.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    compute::{cast, filter_record_batch},
    datatypes::{DataType, Field, Schema, SchemaRef},
};

use super::{
    ColumnSource, InputError, TableSource,
    contract::{Class, Need, Table},
    number,
};
use crate::{
    base::{
        Findings,
        findings::{JobPath, nearest},
    },
    engine::{
        Engine, EngineError, ParquetFile, ScanChunk, ScanRows,
        expr::{Expected, ExprError, RowExpr, RowPredicate},
    },
};

/// A table whose files are open and whose columns are bound.
#[derive(Debug)]
pub struct TableInput {
    /// Which table.
    pub table: Table,
    /// Its files, in byte order of their names.
    pub files: Vec<ParquetFile>,
    bindings: Vec<Binding>,
}

/// How one file's columns become ours.
#[derive(Debug)]
struct Binding {
    /// Columns of the file that are read.
    read: Vec<usize>,
    /// By position in the contract's columns.
    columns: Vec<Option<Mapped>>,
    filter: Option<RowPredicate>,
}

#[derive(Debug)]
enum Mapped {
    /// Position among the columns read.
    Column(usize),
    Expr(RowExpr),
}

/// Rows of a table with our columns, `None` where the shop has no such column.
#[derive(Debug, Clone)]
pub struct MappedBatch {
    /// Row number in the file of each row, if rows were filtered out; else rows run on from `first_row`.
    rows: Option<Vec<u64>>,
    first_row: u64,
    len: usize,
    columns: Vec<Option<ArrayRef>>,
    /// Rows with a text that is none, in order, and our name of its column.
    bad_texts: Vec<(usize, &'static str)>,
}

impl TableInput {
    /// Opens every file of a table and binds its columns. Everything that does not fit becomes a finding at `at`.
    pub fn open(
        engine: &Engine,
        table: Table,
        source: &TableSource,
        base: &Path,
        at: &JobPath,
        findings: &mut Findings,
    ) -> Option<Self> {
        let mut files = Vec::new();
        let mut whole = true;
        for path in source.paths() {
            match engine.places().list(path, base) {
                Ok(found) => files.extend(found),
                Err(e) => {
                    whole = false;
                    let message = format!("table {}: {}", table.name(), chain(&e));
                    findings.error("input::not_found", at.key("path"), message, "correct `path`, or deliver the file");
                }
            }
        }
        let mut opened = Vec::with_capacity(files.len());
        for file in files {
            match engine.open_parquet(file) {
                Ok(file) => opened.push(file),
                Err(e) => {
                    whole = false;
                    let message = format!("table {}: {}", table.name(), chain(&e));
                    let help = "the file is cut off or of another format: deliver it again";
                    findings.error("input::not_parquet", at.key("path"), message, help);
                }
            }
        }
        let mut bindings = Vec::with_capacity(opened.len());
        for file in &opened {
            match bind(table, source, file, at, findings) {
                Some(binding) => bindings.push(binding),
                None => whole = false,
            }
        }
        whole.then_some(Self { table, files: opened, bindings })
    }

    /// Whether any file has the column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        let Some(position) = self.table.columns().iter().position(|c| c.name == column) else { return false };
        self.bindings.iter().any(|b| b.columns[position].is_some())
    }

    /// Smallest and largest values of a column by the footers, per file; `None` if any file does not say, or if rows are
    /// filtered.
    #[must_use]
    pub fn footer_bounds(&self, column: &str) -> Option<Vec<(ArrayRef, ArrayRef)>> {
        let position = self.table.columns().iter().position(|c| c.name == column)?;
        self.files
            .iter()
            .zip(&self.bindings)
            .filter(|(file, _)| file.rows > 0)
            .map(|(file, binding)| match &binding.columns[position] {
                Some(Mapped::Column(at)) if binding.filter.is_none() => {
                    file.bounds(file.schema.field(binding.read[*at]).name())
                }
                _ => None,
            })
            .collect()
    }

    /// Rows of all files, by their footers.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// [`Engine::scan`] over the columns that are read of every file.
    ///
    /// # Errors
    /// As there, with the table named.
    pub fn scan<S: Send>(
        &self,
        engine: &Engine,
        begin: impl Fn(&ScanChunk) -> S + Sync,
        each: impl Fn(&mut S, ScanRows) -> Result<(), InputError> + Sync,
    ) -> Result<Vec<S>, InputError> {
        let columns: Vec<Vec<usize>> = self.bindings.iter().map(|b| b.read.clone()).collect();
        engine.scan(&self.files, &columns, begin, each).map_err(|e| e.in_table(self.table.name()))
    }

    /// [`Engine::scan_in_order`] over the table's files.
    ///
    /// # Errors
    /// As there, with the table named.
    pub fn scan_in_order<S: Send>(
        &self,
        engine: &Engine,
        begin: impl Fn(&ScanChunk) -> S + Sync,
        each: impl Fn(&mut S, ScanRows) -> Result<(), InputError> + Sync,
        take: impl FnMut(S),
    ) -> Result<(), InputError> {
        let columns: Vec<Vec<usize>> = self.bindings.iter().map(|b| b.read.clone()).collect();
        engine.scan_in_order(&self.files, &columns, begin, each, take).map_err(|e| e.in_table(self.table.name()))
    }

    /// Turns a batch as read into our columns.
    ///
    /// # Errors
    /// If an expression cannot be evaluated on these rows.
    pub fn map(&self, file: usize, read: &ScanRows) -> Result<MappedBatch, InputError> {
        let binding = &self.bindings[file];
        let mut rows = None;
        let (first_row, mut batch) = (read.first_row, read.batch.clone());
        let mut bad_texts: Vec<_> = read.bad_texts.iter().map(|(row, at)| (*row, self.reader_of(file, *at))).collect();
        if let Some(filter) = &binding.filter {
            let mask = filter.evaluate(&batch).map_err(|e| self.failed(file, e))?;
            rows = Some(mask.values().set_indices().map(|i| first_row + i as u64).collect());
            bad_texts.retain(|(row, _)| mask.value(*row));
            for (row, _) in &mut bad_texts {
                *row = mask.values().slice(0, *row).count_set_bits();
            }
            batch = filter_record_batch(&batch, &mask).map_err(|e| EngineError::arrow("filtered rows", e))?;
        }
        let mut columns = Vec::with_capacity(binding.columns.len());
        for mapped in &binding.columns {
            columns.push(match mapped {
                None => None,
                Some(Mapped::Column(at)) => Some(Arc::clone(batch.column(*at))),
                Some(Mapped::Expr(expr)) => Some(expr.evaluate(&batch).map_err(|e| self.failed(file, e))?),
            });
        }
        Ok(MappedBatch { rows, first_row, len: batch.num_rows(), columns, bad_texts })
    }

    /// Our name of the first column that a column read (by its position) becomes part of.
    fn reader_of(&self, file: usize, read: usize) -> &'static str {
        let binding = &self.bindings[file];
        let name = self.files[file].schema.field(binding.read[read]).name();
        let reads = |mapped: &Option<Mapped>| match mapped {
            Some(Mapped::Column(at)) => *at == read,
            Some(Mapped::Expr(expr)) => expr.columns().iter().any(|c| c == name),
            None => false,
        };
        binding.columns.iter().position(reads).map_or("filter", |position| self.table.columns()[position].name)
    }

    /// An expression that failed on a file's rows.
    pub(super) fn failed(&self, file: usize, source: ExprError) -> InputError {
        InputError::Expression {
            table: self.table.name(),
            file: self.files[file].file.name.clone(),
            source: Box::new(source),
        }
    }
}

impl MappedBatch {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row's number within its file.
    #[must_use]
    pub fn row_number(&self, row: usize) -> u64 {
        self.rows.as_ref().map_or(self.first_row + row as u64, |rows| rows[row])
    }

    /// The column in which the row's text is not UTF-8, if one is.
    #[must_use]
    pub fn bad_text(&self, row: usize) -> Option<&'static str> {
        let at = self.bad_texts.partition_point(|(bad, _)| *bad < row);
        self.bad_texts.get(at).filter(|(bad, _)| *bad == row).map(|(_, column)| *column)
    }

    /// A column by its position in the contract.
    #[must_use]
    pub fn column(&self, position: usize) -> Option<&ArrayRef> {
        self.columns.get(position).and_then(Option::as_ref)
    }

    /// A column by its name in the table's contract.
    #[must_use]
    pub fn named(&self, table: Table, name: &str) -> Option<&ArrayRef> {
        table.columns().iter().position(|c| c.name == name).and_then(|p| self.column(p))
    }

    /// The rows with our column names, for expressions of the job over them. Columns the shop lacks are left out.
    ///
    /// # Errors
    /// If the columns do not make a batch.
    pub fn as_batch(&self, table: Table) -> Result<RecordBatch, EngineError> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (column, array) in table.columns().iter().zip(&self.columns) {
            if let Some(array) = array {
                let array = if column.class == Class::Id && array.data_type().is_integer() {
                    cast(array, &DataType::Utf8).map_err(|e| EngineError::arrow("read an id", e))?
                } else {
                    Arc::clone(array)
                };
                fields.push(Field::new(column.name, array.data_type().clone(), true));
                arrays.push(array);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|e| EngineError::arrow("put columns together", e))
    }
}

impl TableInput {
    /// The schema of [`MappedBatch::as_batch`] for a file.
    #[must_use]
    pub fn mapped_schema(&self, file: usize) -> SchemaRef {
        let binding = &self.bindings[file];
        let source = read_schema(&self.files[file], &binding.read);
        let fields: Vec<Field> = self
            .table
            .columns()
            .iter()
            .zip(&binding.columns)
            .filter_map(|(column, mapped)| {
                let data_type = match mapped.as_ref()? {
                    Mapped::Column(at) => source.field(*at).data_type().clone(),
                    Mapped::Expr(expr) => expr.data_type().clone(),
                };
                let as_text = column.class == Class::Id && data_type.is_integer();
                Some(Field::new(column.name, if as_text { DataType::Utf8 } else { data_type }, true))
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
}

/// The schema of the batches a scan of these columns gives: strings as views.
fn read_schema(file: &ParquetFile, read: &[usize]) -> Schema {
    let fields: Vec<Field> = read.iter().map(|i| file.scan_field(*i)).collect();
    Schema::new(fields)
}

fn bind(
    table: Table,
    source: &TableSource,
    file: &ParquetFile,
    at: &JobPath,
    findings: &mut Findings,
) -> Option<Binding> {
    let all: Vec<usize> = (0..file.schema.fields().len()).collect();
    let schema: SchemaRef = Arc::new(read_schema(file, &all));
    let place = format!("table {}, file `{}`", table.name(), file.file.name);
    let mut whole = true;
    // First pass against every column of the file; then the columns nobody uses are not read.
    let mut used: Vec<usize> = Vec::new();
    let mut plan: Vec<Option<Plan>> = Vec::new();
    for column in table.columns() {
        let at = at.key("columns").key(column.name);
        let planned = match source.column(column.name) {
            Some(ColumnSource::Expr(sql)) => match RowExpr::compile(&schema, sql, Expected::Any) {
                Ok(expr) => {
                    used.extend(expr.columns().iter().filter_map(|name| schema.index_of(name).ok()));
                    whole &= check_class(column.class, expr.data_type(), &place, column.name, &at, findings);
                    Some(Plan::Expr(sql))
                }
                Err(e) => {
                    whole = false;
                    findings.error("input::bad_expression", at, format!("{place}: {e}"), e.help());
                    None
                }
            },
            Some(ColumnSource::Column(name)) => match schema.index_of(name) {
                Ok(index) => {
                    used.push(index);
                    let data_type = schema.field(index).data_type();
                    whole &= check_class(column.class, data_type, &place, name, &at, findings);
                    Some(Plan::Column(index))
                }
                Err(_) => {
                    whole = false;
                    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                    let help = match nearest(name, names.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("the file has: {}", names.join(", ")),
                    };
                    findings.error("input::missing_column", at, format!("{place} has no column `{name}`"), help);
                    None
                }
            },
            None => match schema.index_of(column.name) {
                Ok(index) => {
                    used.push(index);
                    let data_type = schema.field(index).data_type();
                    whole &= check_class(column.class, data_type, &place, column.name, &at, findings);
                    Some(Plan::Column(index))
                }
                Err(_) => None,
            },
        };
        plan.push(planned);
    }
    whole &= check_needs(table, source, &plan, &schema, &place, at, findings);
    let filter = source.filter().and_then(|sql| match RowPredicate::compile(&schema, sql) {
        Ok(expr) => {
            used.extend(expr.columns().iter().filter_map(|name| schema.index_of(name).ok()));
            Some(sql)
        }
        Err(e) => {
            whole = false;
            let message = format!("{place}: {e}");
            findings.error("input::bad_expression", at.key("filter"), message, e.help());
            None
        }
    });
    if !whole {
        return None;
    }
    used.sort_unstable();
    used.dedup();
    let narrow: SchemaRef = Arc::new(read_schema(file, &used));
    let columns = plan
        .into_iter()
        .map(|planned| match planned? {
            Plan::Column(index) => used.binary_search(&index).ok().map(Mapped::Column),
            // It compiled against the wider schema, so it compiles against the columns it names.
            Plan::Expr(sql) => RowExpr::compile(&narrow, sql, Expected::Any).ok().map(Mapped::Expr),
        })
        .collect();
    let filter = filter.and_then(|sql| RowPredicate::compile(&narrow, sql).ok());
    Some(Binding { read: used, columns, filter })
}

enum Plan<'a> {
    Column(usize),
    Expr(&'a str),
}

fn check_needs(
    table: Table,
    source: &TableSource,
    plan: &[Option<Plan<'_>>],
    schema: &Schema,
    place: &str,
    at: &JobPath,
    findings: &mut Findings,
) -> bool {
    let mut whole = true;
    let mut groups: Vec<(&str, bool)> = Vec::new();
    for (column, planned) in table.columns().iter().zip(plan) {
        // A column that was named and not found has its own finding.
        let there = planned.is_some() || source.column(column.name).is_some();
        match column.need {
            Need::Required if !there => {
                whole = false;
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let message = format!("{place} has no column for `{}` ({})", column.name, column.class.words());
                let help = match nearest(column.name, names.iter().copied()) {
                    Some(near) => format!("if it is `{near}`, write `columns.{} = \"{near}\"`", column.name),
                    None => format!("name it under `columns`; the file has: {}", names.join(", ")),
                };
                findings.error("input::missing_column", at.key("columns"), message, help);
            }
            Need::OneOf(group) => match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, any)) => *any |= there,
                None => groups.push((group, there)),
            },
            _ => {}
        }
    }
    for (group, there) in groups {
        if !there {
            whole = false;
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let help = format!("name one under `columns`; the file has: {}", names.join(", "));
            findings.error(
                "input::missing_column",
                at.key("columns"),
                format!("{place} has no column for {group}"),
                help,
            );
        }
    }
    whole
}

fn check_class(
    class: Class,
    data_type: &DataType,
    place: &str,
    name: &str,
    at: &JobPath,
    findings: &mut Findings,
) -> bool {
    if fits(class, data_type) {
        return true;
    }
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let found = if is_text { "text".to_owned() } else { data_type.to_string() };
    let message = format!("{place}: column `{name}` is {found}, but {} is needed", class.words());
    let ours = at.as_str().rsplit('.').next().unwrap_or(name);
    let help = match conversion(class, data_type, name) {
        Some(sql) => format!("convert it: `{ours} = {{ expr = \"{sql}\" }}` under `columns`"),
        None => format!("name another column: `{ours} = \"…\"` under `columns`"),
    };
    findings.error("input::wrong_type", at.clone(), message, help);
    false
}

/// The SQL that makes a column (`name` as SQL writes it) of this type what is needed, if there is one.
pub(super) fn conversion(class: Class, data_type: &DataType, name: &str) -> Option<String> {
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match class {
        Class::Id => Some(format!("cast({name} as bigint)")),
        Class::Time | Class::Day => (is_text || data_type.is_numeric()).then(|| format!("to_timestamp({name})")),
        Class::Integer | Class::Decimal | Class::Money => is_text.then(|| format!("cast({name} as decimal(18, 4))")),
        Class::Boolean => is_text.then(|| format!("{name} = 'true'")),
        Class::Text | Class::TextList => Some(format!("cast({name} as varchar)")),
    }
}

pub(super) fn fits(class: Class, data_type: &DataType) -> bool {
    if let DataType::Dictionary(_, values) = data_type {
        return fits(class, values);
    }
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match class {
        Class::Id => is_text || data_type.is_integer(),
        Class::Text => is_text || data_type.is_integer(),
        Class::Time | Class::Day => {
            matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
        }
        Class::Integer | Class::Decimal | Class::Money => number::is_number(data_type),
        Class::Boolean => matches!(data_type, DataType::Boolean) || data_type.is_integer(),
        Class::TextList => {
            is_text
                || matches!(data_type, DataType::List(f) | DataType::LargeList(f) | DataType::ListView(f)
                    if fits(Class::Text, f.data_type()))
        }
    }
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
