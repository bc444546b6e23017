//! A first job file from a look at the data: columns guessed by name and type, each guess with a value to judge it by.

use std::{fmt::Write as _, path::Path, sync::Arc};

use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::RunError;
use crate::{
    engine::{Engine, EngineError, ParquetFile, ScanRows},
    input::{
        contract::{Need, Table},
        guess::{Guess, guess_columns},
    },
    store::{Places, Scratch},
};

/// Rows that are looked at: those of the first file's first stretch.
const LOOKED_AT: usize = 100_000;

/// What the command line says of the data.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The purchase lines: a Parquet file, folder, glob or URL, relative to the working folder.
    pub lines: String,
    /// The items table, if there is one.
    pub items: Option<String>,
    /// The members table, if there is one.
    pub members: Option<String>,
    /// The job's name.
    pub name: String,
    /// IANA name of the zone.
    pub timezone: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// A job file's text, and what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstJob {
    /// The TOML.
    pub text: String,
    /// Required columns for which none was found.
    pub missing: Vec<String>,
}

/// A table that was looked at.
struct Looked {
    table: Table,
    place: String,
    rows: u64,
    guesses: Vec<Guess>,
    /// A value of each guessed column.
    examples: Vec<Option<String>>,
    /// Columns of the file that nothing was guessed for.
    rest: Vec<String>,
    /// What starts the order ids of rows with a negative quantity and of no others.
    return_letter: Option<char>,
}

/// Looks at the data and writes a job file for it. Paths are written as they are given, so that the file belongs where
/// they hold.
///
/// # Errors
/// If a file cannot be found or read.
pub fn init(options: &InitOptions) -> Result<FirstJob, RunError> {
    let places = Arc::new(Places::new(Default::default(), 1)?);
    let temporary = Scratch::temporary().map_err(RunError::Output)?;
    let engine = Engine::new(Arc::clone(&places), 1, None, temporary.path())?;
    let mut tables = vec![look(&engine, Table::Transactions, &options.lines)?];
    for (table, place) in [(Table::Items, &options.items), (Table::Members, &options.members)] {
        if let Some(place) = place {
            tables.push(look(&engine, table, place)?);
        }
    }
    let missing = tables.iter().flat_map(Looked::missing).collect();
    Ok(FirstJob { text: write(options, &tables), missing })
}

fn look(engine: &Engine, table: Table, place: &str) -> Result<Looked, RunError> {
    let files = engine.places().list(place, Path::new("."))?;
    let files = files.into_iter().map(|f| engine.open_parquet(f)).collect::<Result<Vec<ParquetFile>, _>>()?;
    let rows = files.iter().map(|f| f.rows).sum();
    let Some(first) = files.into_iter().find(|f| f.rows > 0) else {
        return Err(RunError::NothingToLookAt { place: place.to_owned() });
    };
    let guesses = guess_columns(table, &first.schema);
    let position = |name: &str| first.schema.index_of(name).ok();
    let columns: Vec<usize> = guesses.iter().filter_map(|g| position(&g.theirs)).collect();
    let rest = first.schema.fields().iter().map(|f| f.name().clone());
    let rest = rest.filter(|name| guesses.iter().all(|g| g.theirs != *name)).collect();
    let mut looked = Looked {
        table,
        place: place.to_owned(),
        rows,
        examples: vec![None; guesses.len()],
        return_letter: None,
        guesses,
        rest,
    };
    let texts = texts(engine, first, &columns)?;
    looked.examples = texts.iter().map(|column| column.iter().flatten().find(|t| !t.is_empty()).cloned()).collect();
    looked.return_letter = looked.return_letter(&texts);
    Ok(looked)
}

/// The first values of some columns, as texts.
fn texts(engine: &Engine, file: ParquetFile, columns: &[usize]) -> Result<Vec<Vec<Option<String>>>, RunError> {
    let mut texts = vec![Vec::new(); columns.len()];
    if columns.is_empty() {
        return Ok(texts);
    }
    let begin = |_: &crate::engine::ScanChunk| vec![Vec::new(); columns.len()];
    let each = |found: &mut Vec<Vec<Option<String>>>, ScanRows { batch, .. }: ScanRows| {
        if found[0].len() >= LOOKED_AT {
            return Ok(());
        }
        let options = FormatOptions::default();
        for (column, array) in found.iter_mut().zip(batch.columns()) {
            let failed = |e| EngineError::arrow("showed a value", e);
            let shown = ArrayFormatter::try_new(array, &options).map_err(failed)?;
            column.extend((0..array.len()).map(|row| {
                let value = arrow::array::Array::is_valid(array, row).then(|| shown.value(row).try_to_string().ok());
                value.flatten()
            }));
        }
        Ok::<_, EngineError>(())
    };
    for part in engine.scan(&[file], &[columns.to_vec()], begin, each)? {
        for (all, more) in texts.iter_mut().zip(part) {
            all.extend(more);
        }
    }
    Ok(texts)
}

impl Looked {
    fn position(&self, ours: &str) -> Option<usize> {
        self.guesses.iter().position(|g| g.ours == ours)
    }

    /// The letter that starts nearly all order ids of rows with a negative quantity, and nearly none of the others.
    fn return_letter(&self, texts: &[Vec<Option<String>>]) -> Option<char> {
        let (orders, quantities) = (&texts[self.position("order_id")?], &texts[self.position("quantity")?]);
        let starts = |negative: bool| {
            orders.iter().zip(quantities).filter_map(move |(order, quantity)| {
                let is_negative = quantity.as_ref()?.starts_with('-');
                (is_negative == negative).then(|| order.as_ref()?.chars().next()).flatten()
            })
        };
        let letter = starts(true).find(|c| c.is_alphabetic())?;
        let share = |negative: bool| {
            let (mut hits, mut all) = (0u64, 0u64);
            for start in starts(negative) {
                hits += u64::from(start == letter);
                all += 1;
            }
            (hits, all)
        };
        let ((hits, all), (strays, others)) = (share(true), share(false));
        (all >= 20 && hits * 10 >= all * 7 && strays * 100 <= others).then_some(letter)
    }

    /// Required columns that were not found.
    fn missing(&self) -> Vec<String> {
        let there = |name: &str| self.position(name).is_some();
        let mut missing = Vec::new();
        for column in self.table.columns() {
            let name = match column.need {
                Need::Required if !there(column.name) => column.name.to_owned(),
                Need::OneOf(group) => {
                    let mut alike = self.table.columns().iter().filter(|c| c.need == Need::OneOf(group));
                    if alike.any(|c| there(c.name)) {
                        continue;
                    }
                    group.to_owned()
                }
                _ => continue,
            };
            let named = format!("{}: {name}", self.table.name());
            if !missing.contains(&named) {
                missing.push(named);
            }
        }
        missing
    }
}

/// A TOML string.
fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn write(options: &InitOptions, tables: &[Looked]) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("# A first job, guessed from a look at the data: read every line once, correct what is wrong, then run");
    line("#   nextoffer check job.toml");
    line("#   nextoffer run job.toml");
    line("# `nextoffer schema` describes every key; those left out have defaults.");
    line("version = 1");
    line(&format!("name = {}", text(&options.name)));
    line(&format!(
        "timezone = {}  # gives times without a zone their meaning, and defines days",
        text(&options.timezone)
    ));
    line(&format!("currency = {}  # the data does not say it: --currency does", text(&options.currency)));
    line("as_of = \"latest-in-data\"  # the last day that is read; a scheduler says it with --as-of");
    line("out = \"runs\"");
    for looked in tables {
        line("");
        line(&format!("[inputs.{}]", looked.table.name()));
        line(&format!("path = {}  # {} rows", text(&looked.place), looked.rows));
        if !looked.guesses.is_empty() {
            line("");
            line(&format!("[inputs.{}.columns]", looked.table.name()));
        }
        for (guess, example) in looked.guesses.iter().zip(&looked.examples) {
            let source = match &guess.expr {
                None => text(&guess.theirs),
                Some(sql) => format!("{{ expr = {} }}", text(sql)),
            };
            let mut why = match example {
                Some(value) => format!("such as {}", shortened(value)),
                None => "no value in the rows looked at".to_owned(),
            };
            if !guess.others.is_empty() {
                let _ = write!(why, "; or {}?", guess.others.join(", "));
            }
            line(&format!("{} = {source}  # {why}", guess.ours));
        }
        for missing in looked.missing() {
            let name = missing.rsplit(": ").next().unwrap_or(&missing);
            line(&format!("# MISSING: {name}. No column looks like it; a job cannot do without."));
        }
        if !looked.rest.is_empty() {
            line(&format!("# Not used: {}", looked.rest.join(", ")));
        }
    }
    let lines = &tables[0];
    line("");
    line("[cleaning]");
    line("# Lines that are no goods, as SQL over our columns:");
    line("# not_merchandise = \"item_id in ('POSTAGE', 'FEE')\"");
    line("on_no_member = \"drop\"");
    line("on_bad_price = \"quarantine\"");
    if let Some(letter) = lines.return_letter {
        line("");
        line("[cleaning.returns]");
        line(&format!(
            "order_id_pattern = \"^{letter}\"  # starts the orders of nearly all lines with a negative quantity"
        ));
    }
    line("");
    line("[consent]");
    line(
        "# The basis in law on which all these members' purchases are used. A shop that keeps consent a member names its",
    );
    line("# table as [inputs.consent] instead.");
    line("lawful_basis = \"contract\"");
    line("");
    line("[segments]");
    line("k = 8  # `nextoffer tune job.toml --k 4..16` shows what serves");
    if lines.position("item_id").is_some() {
        line("");
        line("[[offers]]");
        line("id = \"next_item\"");
        line("kind = \"next_item\"");
        line("name_zh = \"为您推荐\"");
        line("name_en = \"Picked for you\"");
        line("");
        line("[[offers]]");
        line("id = \"replenish\"");
        line("kind = \"replenish\"");
        line("name_zh = \"贴心补货\"");
        line("name_en = \"Time to restock\"");
        line("priority = 1.2");
    }
    if lines.position("ts").is_some() {
        line("");
        line("[[offers]]");
        line("id = \"winback\"");
        line("kind = \"winback\"");
        line("name_zh = \"好久不见\"");
        line("name_en = \"We miss you\"");
    }
    out
}

/// A value on one line, for a comment.
fn shortened(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match plain.char_indices().nth(40) {
        None => plain,
        Some((end, _)) => format!("{}…", &plain[..end]),
    }
}
