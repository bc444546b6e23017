//! The synthetic shop: an omni-channel brand in China of any size, with every input table and with planted truths.
//!
//! [`generate`] writes a folder:
//! - `transactions/` (several Parquet files), `items`, `members`, `consent`, `identities`, `contacts`, `activities`, `compatibility`,
//!   `suppressed_tags`, `tag_ids` (`.parquet`): the columns are named as the table contracts name them. Times are naive
//!   local times (`timestamp[us]` without zone), money is `decimal(12,2)`; `unit_price` is what was paid, `discount` what
//!   the whole line cost less than the list price;
//! - `truth/`: personas, rebuy intervals, devices with what was attached, drifting and lapsed members, and exact counts of
//!   the planted dirt. A job never reads it;
//! - `recipe.json`: the parameters.
//!
//! Members are drawn in cells of 1,024, each from random streams of its own, and a block of cells becomes one
//! row group in every file: the bytes depend on the [`ShopSpec`] alone, not on the threads, and memory on the block,
//! not on the shop.

mod activities;
mod attach;
mod catalogue;
mod cities;
mod columns;
mod contacts;
mod demand;
mod departments;
mod dice;
mod dirt;
mod error;
mod item_tables;
mod line;
mod member_tables;
mod personas;
mod profile;
mod shopper;
mod spec;
mod transactions;
mod truth;
mod world;
mod writer;

use std::{path::Path, sync::Arc};

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError, record_batch::RecordBatch};
use rayon::prelude::*;

pub use dirt::PlantedRows;
pub use error::GenerateError;
pub use spec::{DEFAULT_DAYS, DEFAULT_LAST_DAY, FORMAT, MIN_ITEMS, ShopSpec};
pub use truth::PlantedMembers;

use self::{
    attach::AttachCounts,
    line::Cell,
    profile::Profile,
    shopper::Shopper,
    spec::Recipe,
    transactions::{Codes, Slice},
    world::World,
    writer::{RECIPE, ShopFolder, TableFile},
};
use crate::base::{Day, progress::Progress};

/// Number of planted personas: the true k.
pub const PERSONA_COUNT: usize = personas::PERSONAS.len();
/// Members of a cell, the unit of parallel work.
const CELL: u64 = 1_024;
/// Rows and members of a block, about: what is in memory at one time.
const BLOCK_ROWS: u64 = 2_000_000;
const BLOCK_MEMBERS: u64 = 262_144;

/// Everything [`generate`] puts into a folder, besides the recipe.
const NAMES: &[&str] = &[
    "transactions",
    "truth",
    "items.parquet",
    "members.parquet",
    "consent.parquet",
    "identities.parquet",
    "contacts.parquet",
    "activities.parquet",
    "compatibility.parquet",
    "suppressed_tags.parquet",
    "tag_ids.parquet",
];

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct ShopSummary {
    /// Rows by what is wrong with them.
    pub rows: PlantedRows,
    /// Members by what was planted on them.
    pub members: PlantedMembers,
    /// First day of the history.
    pub first_day: Day,
    /// Last day of the history.
    pub last_day: Day,
    /// Parquet files written.
    pub files: usize,
    /// Bytes of the Parquet files.
    pub bytes: u64,
}

/// Fills a table's columns from a block of cells.
type Fill = fn(&World, &[Cell]) -> Result<Vec<ArrayRef>, ArrowError>;

/// A table with rows by member.
struct MemberTable {
    file: TableFile,
    fill: Fill,
}

/// Generates a shop into `dir`, on the threads of the current rayon pool. `dir` must be empty, new, or hold a generated
/// shop, which is then replaced once the new one is whole.
///
/// # Errors
/// If a parameter is out of range, the folder holds something else, or a file cannot be written.
pub fn generate(spec: &ShopSpec, dir: &Path, progress: &dyn Progress) -> Result<ShopSummary, GenerateError> {
    spec.check()?;
    let folder = ShopFolder::open(dir)?;
    progress.start("generate", Some(spec.lines));
    let world = World::new(spec);
    let codes = Codes::new(&world);

    let slices = transactions::slices(&world);
    let schema = transactions::schema();
    let mut files = slices
        .iter()
        .map(|slice| {
            let path = folder.path("transactions").join(&slice.name);
            TableFile::create(path, Arc::clone(&schema), transactions::PLAIN)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut tables = member_tables(&folder)?;
    let mut totals = write_fixed_tables(&world, &folder)?;

    let (mut planted, mut members, mut attached) =
        (PlantedRows::default(), PlantedMembers::default(), AttachCounts::default());
    let shares = Shares::new(&world);
    for cells in shares.blocks(spec) {
        let block: Vec<Cell> = cells.into_par_iter().map(|cell| simulate(&world, &shares, cell)).collect();
        let (rows, others) = rayon::join(
            || append_rows(&world, &codes, &slices, &mut files, &block),
            || append_members(&world, &mut tables, &block),
        );
        rows?;
        others?;
        let before = planted.rows;
        for cell in &block {
            planted.add(&cell.planted);
            attached.add(&cell.attached);
        }
        members.count(&block);
        progress.advance(planted.rows - before);
    }

    for file in files.into_iter().chain(tables.into_iter().map(|table| table.file)) {
        totals.add(file.close()?);
    }
    let rows_kept = planted.kept();
    folder.json("truth/planted.json", &truth::PlantedFile { rows: planted, rows_kept, members })?;
    folder.json("truth/personas.json", &truth::personas(&members))?;
    folder.json("truth/attachments.json", &truth::attachments(&attached))?;
    folder.json("truth/world.json", &truth::world(&world))?;
    folder.json(RECIPE, &Recipe::of(spec))?;
    folder.publish()?;
    progress.finish(&format!("{} rows of {} members in {} files", planted.rows, members.members, totals.files));
    Ok(ShopSummary {
        rows: planted,
        members,
        first_day: world.first_day,
        last_day: spec.last_day,
        files: totals.files,
        bytes: totals.bytes,
    })
}

/// The spec of a generated shop, or `None` if the folder holds none.
///
/// # Errors
/// If the recipe cannot be read.
pub fn recipe_of(dir: &Path) -> Result<Option<ShopSpec>, GenerateError> {
    Ok(ShopFolder::recipe(dir)?.map(|recipe| recipe.spec))
}

#[derive(Debug, Default)]
struct Totals {
    files: usize,
    bytes: u64,
}

impl Totals {
    fn add(&mut self, (_, bytes): (u64, u64)) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// How the shop's rows are shared out: member `m` gets the rows from `lines × before(m) / total` to
/// `lines × before(m + 1) / total`, where `before` sums the integer weights, so that the quotas sum exactly.
struct Shares {
    /// Sum of the weights before each cell, and the total at the end.
    before: Vec<u64>,
    lines: u64,
    members: u64,
}

impl Shares {
    fn new(world: &World) -> Self {
        let members = world.spec.members;
        let sums: Vec<u64> = (0..members.div_ceil(CELL))
            .into_par_iter()
            .map(|cell| (cell * CELL..members.min((cell + 1) * CELL)).map(|m| Profile::draw(world, m).weight).sum())
            .collect();
        let mut before = vec![0];
        let mut total = 0u64;
        for sum in sums {
            total += sum;
            before.push(total);
        }
        Self { before, lines: world.spec.lines, members }
    }

    /// Rows before a running sum of weights.
    fn rows_before(&self, weight: u64) -> u64 {
        let total = self.before[self.before.len() - 1];
        if total == 0 { 0 } else { (u128::from(self.lines) * u128::from(weight) / u128::from(total)) as u64 }
    }

    /// Ranges of cells that are in memory at one time: fixed by the spec.
    fn blocks(&self, spec: &ShopSpec) -> Vec<std::ops::Range<u64>> {
        let cells = self.members.div_ceil(CELL);
        let rows_a_cell = (u128::from(spec.lines) * u128::from(CELL) / u128::from(spec.members)).max(1) as u64;
        let step = (BLOCK_ROWS / rows_a_cell).clamp(1, BLOCK_MEMBERS / CELL);
        (0..cells.div_ceil(step)).map(|block| block * step..((block + 1) * step).min(cells)).collect()
    }
}

/// Lives the lives of a cell's members.
fn simulate(world: &World, shares: &Shares, index: u64) -> Cell {
    let first_member = index * CELL;
    let members = first_member..shares.members.min(first_member + CELL);
    let mut cell = Cell { first_member, ..Cell::default() };
    let mut weight = shares.before[index as usize];
    for member in members {
        let profile = Profile::draw(world, member);
        let from = shares.rows_before(weight);
        weight += profile.weight;
        let quota = (shares.rows_before(weight) - from) as u32;
        let summary = Shopper::new(world, member, &profile, &mut cell).live(quota);
        cell.profiles.push(profile);
        cell.summaries.push(summary);
    }
    cell.sort_by_day(world.first_day, world.spec.days);
    cell
}

fn append_rows(
    world: &World,
    codes: &Codes,
    slices: &[Slice],
    files: &mut [TableFile],
    block: &[Cell],
) -> Result<(), GenerateError> {
    files.par_iter_mut().zip(slices).try_for_each(|(file, slice)| {
        let batch = transactions::batch(world, codes, slice, block, file.schema())
            .map_err(GenerateError::arrow(file.path()))?;
        file.append(&batch)
    })
}

fn append_members(world: &World, tables: &mut [MemberTable], block: &[Cell]) -> Result<(), GenerateError> {
    tables.par_iter_mut().try_for_each(|table| {
        let columns = (table.fill)(world, block).map_err(GenerateError::arrow(table.file.path()))?;
        append(&mut table.file, columns)
    })
}

fn append(file: &mut TableFile, columns: Vec<ArrayRef>) -> Result<(), GenerateError> {
    let batch = RecordBatch::try_new(Arc::clone(file.schema()), columns).map_err(GenerateError::arrow(file.path()))?;
    file.append(&batch)
}

fn member_tables(folder: &ShopFolder) -> Result<Vec<MemberTable>, GenerateError> {
    let tables: [(&str, Schema, Fill); 9] = [
        ("members.parquet", member_tables::members_schema(), member_tables::members),
        ("consent.parquet", member_tables::consent_schema(), member_tables::consent),
        ("identities.parquet", member_tables::identities_schema(), member_tables::identities),
        ("contacts.parquet", contacts::schema(), contacts::contacts),
        ("activities.parquet", activities::schema(), activities::activities),
        ("suppressed_tags.parquet", member_tables::suppressed_tags_schema(), member_tables::suppressed_tags),
        ("truth/members.parquet", truth::members_schema(), truth::members),
        ("truth/rebuys.parquet", truth::rebuys_schema(), truth::rebuys),
        ("truth/devices.parquet", truth::devices_schema(), truth::devices),
    ];
    tables
        .into_iter()
        .map(|(name, schema, fill)| {
            let file = TableFile::create(folder.path(name), Arc::new(schema), &["external_id"])?;
            Ok(MemberTable { file, fill })
        })
        .collect()
}

fn write_fixed_tables(world: &World, folder: &ShopFolder) -> Result<Totals, GenerateError> {
    let mut totals = Totals::default();
    let items = item_tables::items(world).map_err(GenerateError::arrow(&folder.path("items.parquet")))?;
    for (name, schema, columns) in [
        ("items.parquet", item_tables::items_schema(), items),
        ("compatibility.parquet", item_tables::compatibility_schema(), item_tables::compatibility(world)),
        ("tag_ids.parquet", member_tables::tag_ids_schema(), member_tables::tag_ids(world)),
        ("truth/items.parquet", truth::items_schema(), truth::items(world)),
    ] {
        let mut file = TableFile::create(folder.path(name), Arc::new(schema), &[])?;
        append(&mut file, columns)?;
        totals.add(file.close()?);
    }
    Ok(totals)
}

#[cfg(test)]
mod tests;
