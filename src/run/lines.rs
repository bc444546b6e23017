//! The purchase lines: read, and folded by what the tables beside them say.

use std::sync::Arc;

use super::{RunError, opened::Opened, side_tables::SideTables};
use crate::{
    base::{Day, IdTable, progress::Progress},
    history::{FoldOptions, Histories, ScannedLines, fold_lines, scan_lines},
    input::{
        InputError, TableInput, Zone,
        contract::Table,
        lines::{CleaningContext, LineCleaner},
        settings::UnknownItems,
    },
    job::Job,
    store::Tombstones,
};

/// Reads the lines of a job up to a day.
pub(super) struct LineReader<'a> {
    pub(super) job: &'a Job,
    pub(super) opened: &'a Opened,
    pub(super) lines: &'a TableInput,
    pub(super) as_of: Day,
    pub(super) memory_limit: Option<u64>,
    pub(super) progress: &'a dyn Progress,
}

impl LineReader<'_> {
    /// Reads the tables beside the lines, and the lines: side by side, but where lines of unknown items are not kept. The
    /// items must be known first then.
    pub(super) fn read_all(&self, zone: Zone, tombstones: Tombstones) -> Result<(SideTables, ScannedLines), RunError> {
        let read_side = || SideTables::read(self.job, self.opened, zone, tombstones);
        let wants_items = self.job.cleaning().unknown_items() == UnknownItems::Drop;
        if wants_items && self.opened.inputs.get(Table::Items).is_some() {
            let side = read_side()?;
            let lines = self.scan(Some(Arc::new(side.listed.ids())))?;
            return Ok((side, lines));
        }
        let (side, lines) = rayon::join(read_side, || self.scan(None));
        Ok((side?, lines?))
    }

    /// Reads the lines, once the tables beside them are known.
    pub(super) fn read(&self, side: &SideTables) -> Result<Histories, InputError> {
        let listed = self.opened.inputs.get(Table::Items).map(|_| Arc::new(side.listed.ids()));
        self.fold(self.scan(listed)?, side)
    }

    /// Reads and cleans the lines.
    fn scan(&self, listed_items: Option<Arc<IdTable>>) -> Result<ScannedLines, InputError> {
        let context = CleaningContext {
            cleaning: self.job.cleaning(),
            zone: self.job.timezone(),
            as_of: self.as_of,
            currency_digits: self.job.currency().exponent(),
            listed_items,
        };
        let cleaner = LineCleaner::new(self.lines, &context)?;
        scan_lines(&self.opened.engine, self.lines, &cleaner, &self.options(), self.progress)
    }

    /// Folds lines into the histories of the members who may be in a run.
    pub(super) fn fold(&self, scanned: ScannedLines, side: &SideTables) -> Result<Histories, InputError> {
        let listed = self.opened.inputs.get(Table::Items).map(|_| side.listed.ids());
        let standing = |member: &str| side.standing(self.job, member, self.as_of);
        fold_lines(scanned, self.lines, listed.as_ref(), &standing, &self.options(), self.progress)
    }

    fn options(&self) -> FoldOptions<'_> {
        // Stores and cities of lines are read by SQL features alone.
        let named = |column: &str| {
            let words = |sql: &str| sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == column);
            self.job.features().sql.iter().any(|f| words(&f.expr))
        };
        FoldOptions {
            shards: self.job.shards(),
            as_of: self.as_of,
            cleaning: self.job.cleaning(),
            memory_limit: self.memory_limit,
            spill: &self.opened.spill,
            keep: [named("store"), named("city")],
        }
    }
}
