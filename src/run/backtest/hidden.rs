//! What is hidden from the fit, and reading it and the rest apart.

use std::collections::HashSet;

use super::super::{
    RunError, RunOptions,
    lines::LineReader,
    opened::{Opened, as_of},
    side_tables::SideTables,
};
use crate::{
    backtest::{BacktestSettings, Future, Protocol, Window},
    base::{Day, Findings, findings::JobPath, progress::Progress},
    history::{Histories, Timeline},
    input::{
        InputError, TableInput, TableSource, Zone,
        contract::Table,
        side_rows::{SideContext, latest_day, read_side},
    },
    job::Job,
};

/// What a backtest works with.
pub(super) struct Scene<'a> {
    pub(super) job: &'a Job,
    pub(super) settings: &'a BacktestSettings,
    pub(super) opened: &'a Opened,
    pub(super) side: &'a SideTables,
    pub(super) memory_limit: Option<u64>,
    pub(super) progress: &'a dyn Progress,
}

/// What is hidden, with its tables open.
pub(super) enum Plan {
    /// All after each of the days; the truth ends with the last day.
    Cuts { lines: TableInput, cuts: Vec<Day>, horizon_days: u32, last: Day },
    /// The lines that a condition names.
    Column { history: TableInput, truth: TableInput, as_of: Day, condition: String },
    /// Each member's newest basket.
    LastBasket { lines: TableInput, as_of: Day },
}

impl Plan {
    /// Number of folds.
    pub(super) fn folds(&self) -> usize {
        match self {
            Self::Cuts { cuts, .. } => cuts.len(),
            _ => 1,
        }
    }

    /// What the truth is, in words.
    pub(super) fn truth(&self) -> String {
        match self {
            Self::Cuts { cuts, horizon_days, .. } => {
                let days: Vec<String> = cuts.iter().map(ToString::to_string).collect();
                format!("{horizon_days} days after {}", days.join(", "))
            }
            Self::Column { condition, .. } => format!("lines with {condition}"),
            Self::LastBasket { .. } => "each member's newest basket".to_owned(),
        }
    }

    /// What the truth of one fold is, in words.
    pub(super) fn truth_of(&self, fold: usize) -> String {
        match self {
            Self::Cuts { cuts, horizon_days, .. } => format!("{horizon_days} days after {}", cuts[fold]),
            _ => self.truth(),
        }
    }

    /// Name of the folder with the results.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Cuts { cuts, .. } if cuts.len() > 1 => format!("cut={}-folds={}", cuts[0], cuts.len()),
            Self::Cuts { cuts, .. } => format!("cut={}", cuts[0]),
            Self::Column { .. } => "truth-column".to_owned(),
            Self::LastBasket { .. } => "last-basket".to_owned(),
        }
    }

    /// Last day that the fit of a fold sees.
    pub(super) fn as_of(&self, fold: usize) -> Day {
        match self {
            Self::Cuts { cuts, .. } => cuts[fold],
            Self::Column { as_of, .. } | Self::LastBasket { as_of, .. } => *as_of,
        }
    }

    /// The days of a fold's truth.
    pub(super) fn window(&self, fold: usize) -> Window {
        match self {
            Self::Cuts { cuts, horizon_days, last, .. } => {
                let until = cuts[fold].plus(i32::try_from(*horizon_days).unwrap_or(i32::MAX));
                Window { after: cuts[fold], until: until.min(*last) }
            }
            _ => Window::ALWAYS,
        }
    }

    /// Whether each member's newest basket has to be taken out of the histories.
    pub(super) fn hides_newest(&self) -> bool {
        matches!(self, Self::LastBasket { .. })
    }
}

/// What is hidden, and the only members to score, if not all.
pub(super) type Planned = (Plan, Option<HashSet<String>>);

impl Scene<'_> {
    /// Opens the tables as the protocol wants them, and finds who is to be scored. `None` if there are errors among the
    /// notes.
    pub(super) fn plan(&self, notes: &mut Findings) -> Result<Option<Planned>, RunError> {
        let Some(source) = self.job.inputs().table(Table::Transactions) else { return Ok(None) };
        let at = JobPath::root().key("backtest");
        let source = match &self.settings.filter {
            Some(filter) => source.narrowed(filter),
            None => source.clone(),
        };
        let Some(lines) = self.table(Table::Transactions, &source, &at.key("filter"), notes) else { return Ok(None) };
        let plan = match &self.settings.protocol {
            Protocol::Cut { day } => self.cuts(lines, *day, &at, notes)?,
            Protocol::Column { truth } => {
                let key = at.key("truth");
                let open = |condition: &str, notes: &mut Findings| {
                    self.table(Table::Transactions, &source.narrowed(condition), &key, notes)
                };
                // A condition that is neither true nor false is not true.
                let Some(truth_lines) = open(truth, notes) else { return Ok(None) };
                let Some(history) = open(&format!("({truth}) IS NOT TRUE"), notes) else { return Ok(None) };
                let as_of = self.last_day(&history)?.ok_or(RunError::NoAsOf)?;
                Some(Plan::Column { history, truth: truth_lines, as_of, condition: truth.clone() })
            }
            Protocol::LastBasket => {
                if lines.has("ts") {
                    let message = "the lines have dates: each newest basket is predicted from others that came later";
                    let help = "a cut in time is the fair measure of dated data";
                    notes.note("backtest::dated_baskets", at.key("last_basket"), message, help);
                }
                let as_of = self.last_day(&lines)?.ok_or(RunError::NoAsOf)?;
                Some(Plan::LastBasket { lines, as_of })
            }
        };
        let Some(plan) = plan else { return Ok(None) };
        let only = match &self.settings.members {
            None => None,
            Some(condition) => match self.members(condition, &source, &at.key("members"), notes)? {
                None => return Ok(None),
                some => some,
            },
        };
        Ok(Some((plan, only)))
    }

    fn last_day(&self, lines: &TableInput) -> Result<Option<Day>, InputError> {
        let column = if lines.has("ts") { "ts" } else { "basket_index" };
        latest_day(&self.opened.engine, lines, column, &Zone::new(self.job.timezone()))
    }

    fn cuts(
        &self,
        lines: TableInput,
        day: Option<Day>,
        at: &JobPath,
        notes: &mut Findings,
    ) -> Result<Option<Plan>, RunError> {
        let BacktestSettings { horizon_days, folds, .. } = *self.settings;
        if !lines.has("ts") {
            let message = "the lines have an order but no time, so there is no day to cut at";
            let help = "set `last_basket = true` (--last-basket), or `truth` to a condition that tells the truth";
            notes.error("backtest::no_calendar", at.clone(), message, help);
            return Ok(None);
        }
        let last = as_of(self.job, &RunOptions::default(), self.opened, &lines, &Zone::new(self.job.timezone()))?;
        let horizon = i32::try_from(horizon_days).unwrap_or(i32::MAX);
        let newest = day.unwrap_or_else(|| last.plus(-horizon));
        if newest >= last {
            let message = format!("the cut {newest} leaves no day of truth: the lines end on {last}");
            notes.error("backtest::late_cut", at.key("cut"), message, "give an earlier cut");
            return Ok(None);
        }
        if newest.plus(horizon) > last {
            let message = format!("the lines end on {last}, before the {horizon_days} days after {newest} are over");
            notes.warn("backtest::short_truth", at.key("horizon_days"), message, "give an earlier cut");
        }
        let cuts = (0..folds as i32).map(|fold| newest.plus(-fold.saturating_mul(horizon))).collect();
        Ok(Some(Plan::Cuts { lines, cuts, horizon_days, last }))
    }

    /// Opens a table; what does not fit is found at `at`.
    fn table(&self, table: Table, source: &TableSource, at: &JobPath, notes: &mut Findings) -> Option<TableInput> {
        let mut found = Findings::new();
        let input = TableInput::open(&self.opened.engine, table, source, self.job.folder(), at, &mut found);
        for finding in found {
            if finding.severity == crate::base::Severity::Error {
                notes.error("backtest::bad_expression", at.clone(), finding.message, finding.help.unwrap_or_default());
            }
        }
        input.filter(|_| !notes.has_errors())
    }

    /// Ids of the members for whom the condition holds: a row of the members table, else one of the purchase lines.
    fn members(
        &self,
        condition: &str,
        lines: &TableSource,
        at: &JobPath,
        notes: &mut Findings,
    ) -> Result<Option<HashSet<String>>, RunError> {
        let listed = self.job.inputs().table(Table::Members).map(|source| (Table::Members, source.narrowed(condition)));
        let bought = (Table::Transactions, lines.narrowed(condition));
        let mut first = None;
        for (table, source) in listed.into_iter().chain([bought]) {
            let mut found = Findings::new();
            match self.table(table, &source, at, &mut found) {
                Some(input) => return Ok(Some(self.member_ids(&input)?)),
                None => first = first.or(Some(found)),
            }
        }
        notes.extend(first.unwrap_or_default());
        Ok(None)
    }

    fn member_ids(&self, input: &TableInput) -> Result<HashSet<String>, InputError> {
        let context = SideContext {
            engine: &self.opened.engine,
            cleaning: self.job.cleaning(),
            zone: Zone::new(self.job.timezone()),
            currency_digits: self.job.currency().exponent(),
        };
        let mut ids = HashSet::new();
        read_side(input, &context, |row| {
            let id = row.required("member_id")?;
            if !ids.contains(id) {
                ids.insert(id.to_owned());
            }
            Ok(())
        })?;
        Ok(ids)
    }

    /// Folds the lines up to a day.
    fn read(&self, lines: &TableInput, as_of: Day) -> Result<Histories, InputError> {
        let Self { job, opened, memory_limit, progress, .. } = *self;
        LineReader { job, opened, lines, as_of, memory_limit, progress }.read(self.side)
    }

    /// Reads what may be truth in any fold. The histories behind it are let go of again.
    pub(super) fn future(&self, plan: &Plan) -> Result<Future, RunError> {
        Ok(match plan {
            Plan::Cuts { lines, .. } => {
                let folds = 0..plan.folds();
                let until = folds.clone().map(|fold| plan.window(fold).until).max().unwrap_or_default();
                let after = folds.map(|fold| plan.window(fold).after).min().unwrap_or_default();
                let Histories { shards, items, .. } = self.read(lines, until)?;
                Future::read(&shards, items, Window { after, until })?
            }
            Plan::Column { truth, .. } => {
                let until = self.last_day(truth)?.ok_or(RunError::NoAsOf)?;
                let Histories { shards, items, .. } = self.read(truth, until)?;
                Future::read(&shards, items, Window::ALWAYS)?
            }
            Plan::LastBasket { lines, as_of } => {
                let Histories { shards, items, .. } = self.read(lines, *as_of)?;
                let timeline = if lines.has("ts") { Timeline::Calendar } else { Timeline::Ordinal };
                Future::newest_baskets(&shards, items, *as_of, timeline)?
            }
        })
    }

    /// Reads what the fit of a fold may see; each member's newest basket is still in it where the plan hides that.
    pub(super) fn history(&self, plan: &Plan, fold: usize) -> Result<Histories, RunError> {
        let lines = match plan {
            Plan::Cuts { lines, .. } | Plan::LastBasket { lines, .. } => lines,
            Plan::Column { history, .. } => history,
        };
        Ok(self.read(lines, plan.as_of(fold))?)
    }
}
