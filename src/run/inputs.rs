//! The job's tables, opened and checked; nothing is read yet but footers.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::{eligibility, kind_needs};
use crate::{
    base::{Findings, digest::Sha256Sum, findings::JobPath},
    engine::{Engine, expr::RowPredicate},
    features::{ShopColumns, check_shop},
    input::{TableInput, contract::Table},
    job::Job,
    store::{Places, StoreError},
};

/// The tables of a job.
#[derive(Debug)]
pub struct Inputs {
    tables: BTreeMap<Table, TableInput>,
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
    let mut tables = BTreeMap::new();
    for (table, source) in job.inputs().tables() {
        let at = JobPath::root().key("inputs").key(table.name());
        if let Some(input) = TableInput::open(engine, table, source, job.folder(), &at, findings) {
            tables.insert(table, input);
        }
    }
    let inputs = Inputs { tables };
    let Some(lines) = inputs.get(Table::Transactions) else { return inputs };
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
    check_rules(job, lines, findings);
    check_columns(job, &inputs, lines, findings);
    inputs
}

/// The job's own expressions over the lines.
fn check_rules(job: &Job, lines: &TableInput, findings: &mut Findings) {
    if let Some(sql) = job.cleaning().not_merchandise() {
        let at = JobPath::root().key("cleaning").key("not_merchandise");
        for file in 0..lines.files.len() {
            if let Err(e) = RowPredicate::compile(&lines.mapped_schema(file), sql) {
                findings.error("cleaning::bad_expression", at, e.to_string(), e.help());
                break;
            }
        }
    }
}

fn check_columns(job: &Job, inputs: &Inputs, lines: &TableInput, findings: &mut Findings) {
    let items = inputs.get(Table::Items);
    let item = |column| items.is_some_and(|t| t.has(column));
    let shop = ShopColumns {
        items: lines.has("item_id"),
        categories: lines.has("item_id") && item("category"),
        brands: lines.has("item_id") && item("brand"),
        channels: lines.has("channel"),
        stores: lines.has("store"),
        cities: lines.has("city"),
        discounts: lines.has("discount"),
        calendar: lines.has("ts"),
    };
    let root = JobPath::root();
    let (sql_at, uses_at) = (root.key("features").key("sql"), root.key("segments").key("features"));
    check_shop(job.features(), &job.segments().features, shop, job.currency(), &sql_at, &uses_at, findings);
    eligibility::check(job, findings);
    kind_needs::check(job, inputs, findings);
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
