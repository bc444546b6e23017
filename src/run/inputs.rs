//! The job's tables, opened and checked; nothing is read yet but footers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::datatypes::Schema;
use rayon::prelude::*;
use serde::Serialize;

use super::{eligibility, kind_needs};
use crate::{
    base::{Findings, digest::Sha256Sum, findings::JobPath},
    engine::{
        Engine,
        expr::{Expected, ExprError, RowExpr, RowPredicate},
    },
    features::{ShopColumns, check_shop},
    input::{ColumnSource, TableInput, TableSource, contract::Table},
    job::{Doubts, Job},
    store::{Places, StoreError},
};

/// The tables of a job.
#[derive(Debug)]
pub struct Inputs {
    tables: BTreeMap<Table, TableInput>,
    /// Tables of which it is not known what they have: they are named, or may have been meant, but cannot be opened.
    unknown: BTreeSet<Table>,
}

/// What the manifest says of a table's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDigest {
    /// The table.
    pub table: &'static str,
    /// Number of files.
    pub files: u64,
    /// Rows by the footers.
    pub rows: u64,
    /// SHA-256 over the names and digests of the files.
    pub sha256: String,
}

impl Inputs {
    /// A table, if the job names it.
    #[must_use]
    pub fn get(&self, table: Table) -> Option<&TableInput> {
        self.tables.get(&table)
    }

    /// Whether a table has a column, as far as is known.
    pub(super) fn may_have(&self, table: Table, column: &str) -> bool {
        self.get(table).map_or_else(|| self.unknown.contains(&table), |input| input.has(column))
    }

    /// The tables in the order of the contract.
    pub fn iter(&self) -> impl Iterator<Item = &TableInput> {
        self.tables.values()
    }

    /// Digests of every table.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn digests(&self, places: &Places) -> Result<Vec<TableDigest>, StoreError> {
        self.tables.values().map(|input| digest_of(input, places)).collect()
    }
}

/// The digest of a table.
pub(super) fn digest_of(input: &TableInput, places: &Places) -> Result<TableDigest, StoreError> {
    let sums: Vec<Result<String, StoreError>> =
        input.files.par_iter().with_max_len(1).map(|f| f.file.sha256(places)).collect();
    let mut all = Sha256Sum::new();
    for (file, sum) in input.files.iter().zip(sums) {
        all.field(file.file.name.as_bytes());
        all.field(sum?.as_bytes());
    }
    Ok(TableDigest {
        table: input.table.name(),
        files: input.files.len() as u64,
        rows: input.rows(),
        sha256: all.hex(),
    })
}

/// Opens every table of the job and checks all that can be checked without reading rows.
pub fn open_inputs(engine: &Engine, job: &Job, findings: &mut Findings) -> Inputs {
    open_known(engine, job, &Doubts::default(), findings)
}

/// [`open_inputs`] for a job of which something is wrong: reports what is not in doubt.
pub(super) fn open_known(engine: &Engine, job: &Job, doubts: &Doubts, findings: &mut Findings) -> Inputs {
    let mut found = Findings::new();
    let mut tables = BTreeMap::new();
    let root = JobPath::root();
    let all = root.key("inputs");
    for (table, source) in job.inputs().tables() {
        let at = all.key(table.name());
        let trust = Trust::of(source, &at, doubts);
        let mut said = Findings::new();
        let open = |said: &mut Findings| TableInput::open(engine, table, source, job.folder(), &at, said);
        let input = if trust == Trust::Nothing { None } else { open(&mut said) };
        if input.is_none() {
            check_expressions(table, source, &at, &mut said);
        }
        if trust == Trust::Whole {
            tables.extend(input.map(|input| (table, input)));
        }
        let columns = at.key("columns");
        // A column that is looked for under our own name may be one whose mapping is wrong.
        let is_mapped = |at: &JobPath| source.columns().any(|(name, _)| columns.key(name) == *at);
        for finding in said {
            if trust != Trust::Mapped || !columns.holds(&finding.at) || is_mapped(&finding.at) {
                found.push(finding);
            }
        }
    }
    let any = doubts.misspelt(&root) || doubts.misspelt(&all);
    let in_doubt = |table: &Table| any || doubts.hold(&all.key(table.name())) || job.inputs().has(*table);
    let unknown = Table::ALL.into_iter().filter(|t| in_doubt(t) && !tables.contains_key(t)).collect();
    let inputs = Inputs { tables, unknown };
    if let Some(lines) = inputs.get(Table::Transactions) {
        check_lines(lines, &mut found);
    }
    check_rules(job, &inputs, &mut found);
    check_columns(job, &inputs, doubts, &mut found);
    for finding in found {
        // There something is wrong already.
        if !doubts.hold(&finding.at) {
            findings.push(finding);
        }
    }
    inputs
}

/// How far a table may be judged by what the job says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// In all.
    Whole,
    /// Its files, and the columns that are mapped; not what is missing, for that may be what is wrong in the job.
    Mapped,
    /// Not at all: where it lies is wrong.
    Nothing,
}

impl Trust {
    fn of(source: &TableSource, at: &JobPath, doubts: &Doubts) -> Self {
        let store = JobPath::root().key("inputs").key("object_store");
        let is_remote = source.paths().iter().any(|path| path.contains("://") && !path.starts_with("file:"));
        if doubts.touch(&at.key("path")) || (is_remote && doubts.touch(&store)) {
            Self::Nothing
        } else if doubts.below(at).any(|wrong| wrong != "filter") {
            Self::Mapped
        } else {
            Self::Whole
        }
    }
}

/// Checks what the job makes of the columns of a table that cannot be opened, where opening it has said nothing of it.
fn check_expressions(table: Table, source: &TableSource, at: &JobPath, findings: &mut Findings) {
    let made = source.columns().filter_map(|(name, made)| match made {
        ColumnSource::Expr(sql) => Some((at.key("columns").key(name), sql.as_str())),
        ColumnSource::Column(_) => None,
    });
    for (at, sql) in made.chain(source.filter().map(|sql| (at.key("filter"), sql))) {
        if let Some(e) = wrong_anywhere(sql)
            && !findings.iter().any(|f| f.at == at)
        {
            findings.error("input::bad_expression", at, format!("table {}: {e}", table.name()), e.help());
        }
    }
}

/// What is wrong with a condition or an expression whatever columns there are: it is no SQL, or not allowed.
fn wrong_anywhere(sql: &str) -> Option<ExprError> {
    let nowhere = Arc::new(Schema::empty());
    let error = RowExpr::compile(&nowhere, sql, Expected::Any).err()?;
    matches!(error, ExprError::Syntax { .. } | ExprError::NotAllowed { .. }).then_some(error)
}

fn check_lines(lines: &TableInput, findings: &mut Findings) {
    if lines.rows() == 0 {
        let at = JobPath::root().key("inputs").key("transactions").key("path");
        let first = lines.files.first().map_or("", |f| f.file.name.as_str());
        findings.error(
            "input::empty_table",
            at,
            format!("table transactions has no row: {} file(s), the first `{}`", lines.files.len(), first),
            "deliver the purchase lines",
        );
    }
}

/// The job's own expressions over the lines.
fn check_rules(job: &Job, inputs: &Inputs, findings: &mut Findings) {
    let Some(sql) = job.cleaning().not_merchandise() else { return };
    let at = JobPath::root().key("cleaning").key("not_merchandise");
    let Some(lines) = inputs.get(Table::Transactions) else {
        if let Some(e) = wrong_anywhere(sql) {
            findings.error("cleaning::bad_expression", at, e.to_string(), e.help());
        }
        return;
    };
    for file in 0..lines.files.len() {
        if let Err(e) = RowPredicate::compile(&lines.mapped_schema(file), sql) {
            findings.error("cleaning::bad_expression", at, e.to_string(), e.help());
            break;
        }
    }
}

fn check_columns(job: &Job, inputs: &Inputs, doubts: &Doubts, findings: &mut Findings) {
    let line = |column| inputs.may_have(Table::Transactions, column);
    let item = |column| line("item_id") && inputs.may_have(Table::Items, column);
    let shop = ShopColumns {
        items: line("item_id"),
        categories: item("category"),
        brands: item("brand"),
        channels: line("channel"),
        stores: line("store"),
        cities: line("city"),
        discounts: line("discount"),
        calendar: line("ts"),
    };
    let root = JobPath::root();
    let (sql_at, uses_at) = (root.key("features").key("sql"), root.key("segments").key("features"));
    check_shop(job.features(), &job.segments().features, shop, job.currency(), &sql_at, &uses_at, findings);
    eligibility::check(job, doubts, findings);
    kind_needs::check(job, inputs, doubts, findings);
    let Some(lines) = inputs.get(Table::Transactions) else { return };
    if !lines.has("item_id") {
        findings.note(
            "input::no_items",
            root.key("inputs").key("transactions"),
            "the purchase lines name no items: segments and tags only, no offers about items",
            "map `item_id` if the data has it",
        );
    }
    if !lines.has("unit_price") && !lines.has("amount") {
        findings.note(
            "input::no_money",
            root.key("inputs").key("transactions"),
            "the purchase lines carry no price and no amount: spend counts as 0",
            "map `amount` or `unit_price` if the data has one",
        );
    }
}
