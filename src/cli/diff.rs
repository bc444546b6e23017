//! `nextoffer diff`.

use std::fmt::Write as _;

use clap::Args;

use super::terminal::{count, display_width, pad, run_error, show};
use crate::run::{self, DiffOptions, Difference, ExitCode, RunName};

/// Rows of each table that are shown; the rest is counted. `--json` has them all.
const ROWS: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The first run: its folder or URL; or `current`, a date or a run id within --out
    before: String,
    /// The second run, named likewise
    after: String,
    /// Output place in which `current`, dates and run ids are looked up
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: String,
    /// Show ids of members who moved, this many a move
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5", default_value_t = 0, hide_default_value = true)]
    members: usize,
    /// Print JSON, whole
    #[arg(long)]
    json: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

/// Compares two runs.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let options = DiffOptions {
        out: arguments.out.clone(),
        examples: arguments.members,
        threads: arguments.threads,
        ..DiffOptions::default()
    };
    let found = match run::diff(&arguments.before, &arguments.after, &options) {
        Ok(found) => found,
        Err(error) => return run_error(&error),
    };
    if arguments.json {
        match serde_json::to_string_pretty(&found) {
            Ok(text) => show(&(text + "\n")),
            Err(_) => return ExitCode::Bug,
        }
    } else {
        show(&describe(&found));
    }
    ExitCode::Done
}

/// Columns of a table; the first is set to the left, the others to the right.
struct Columns {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new() }
    }

    fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table under a title; nothing if it has no row. `left` columns are set to the left.
    fn show(&self, title: &str, left: usize, out: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{title}");
        let shown = &self.rows[..self.rows.len().min(ROWS)];
        let widths: Vec<usize> = (0..self.head.len())
            .map(|c| shown.iter().chain([&self.head]).map(|row| display_width(&row[c])).max().unwrap_or(0))
            .collect();
        for row in std::iter::once(&self.head).chain(shown) {
            let mut line = String::from(" ");
            for (c, cell) in row.iter().enumerate() {
                let filled = if c < left {
                    pad(cell, widths[c])
                } else {
                    format!("{}{cell}", " ".repeat(widths[c] - display_width(cell)))
                };
                let _ = write!(line, " {filled} ");
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        if self.rows.len() > ROWS {
            let _ = writeln!(out, "  … and {} more (--json has them all)", self.rows.len() - ROWS);
        }
    }
}

/// `a → b`, or only what there is.
fn change(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(a), Some(b)) if a == b => a,
        (Some(a), Some(b)) => format!("{a} → {b}"),
        (Some(a), None) => format!("{a} → gone"),
        (None, Some(b)) => format!("new: {b}"),
        (None, None) => String::new(),
    }
}

fn counts(before: u64, after: u64) -> String {
    change(Some(count(before)), Some(count(after)))
}

/// A figure: whole ones as they are, others with four decimals.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) { count(value as u64) } else { format!("{value:.4}") }
}

fn describe(found: &Difference) -> String {
    let mut out = String::new();
    let run = |r: &RunName| format!("{} as of {}, run {}  {}", r.job, r.as_of, r.run_id, r.place);
    let _ = writeln!(out, "BEFORE  {}\nAFTER   {}", run(&found.before), run(&found.after));
    match (found.follows, found.same_settings) {
        (true, true) => out.push_str("the second run followed the first, with the same settings\n"),
        (true, false) => out.push_str("the second run followed the first; the job was changed in between\n"),
        (false, true) => out.push_str("the same settings; the second run did not start from the first\n"),
        (false, false) => out.push_str("different settings; the second run did not start from the first\n"),
    }
    if found.before.run_id == found.after.run_id {
        out.push_str("they are the same run\n");
    }
    members(found, &mut out);
    segments(found, &mut out);
    let mut table = Columns::new(&["feature", "shift (spreads)", "spread ×", "PSI"]);
    for f in found.features.iter().filter(|f| f.shift != 0.0 || f.spread_ratio != 1.0) {
        let psi = f.psi.map_or_else(|| "-".to_owned(), |p| format!("{p:.4}"));
        table.push([f.feature.clone(), format!("{:+.4}", f.shift), format!("{:.3}", f.spread_ratio), psi]);
    }
    table.show("DRIFT of features over all members (PSI below 0.1: little, above 0.25: much)", 1, &mut out);
    tags(found, &mut out);
    offers(found, &mut out);
    let mut table = Columns::new(&["figure", "before", "after"]);
    for f in &found.figures {
        let shown = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), figure);
        table.push([f.figure.clone(), shown(f.before), shown(f.after)]);
    }
    table.show("FIGURES that changed", 1, &mut out);
    out
}

fn members(found: &Difference, out: &mut String) {
    let m = &found.members;
    let _ = writeln!(out, "\nMEMBERS {}", counts(m.before, m.after));
    let _ = writeln!(out, "  {} in both, {} joined, {} left", count(m.both), count(m.joined), count(m.left));
    let share = m.moved_share * 100.0;
    let _ = writeln!(
        out,
        "  {} moved to another segment ({share:.2}%), adjusted Rand {:.4}, {} held where they are not nearest",
        count(m.moved),
        m.adjusted_rand,
        count(m.held)
    );
    let with_examples = found.moves.iter().any(|m| !m.examples.is_empty());
    let mut table =
        Columns::new(if with_examples { &["from", "to", "e.g.", "members"] } else { &["from", "to", "members"] });
    for m in &found.moves {
        let examples = with_examples.then(|| m.examples.join(" "));
        table.push([m.from.clone(), m.to.clone()].into_iter().chain(examples).chain([count(m.members)]));
    }
    table.show("MOVES between segments", if with_examples { 3 } else { 2 }, out);
}

fn segments(found: &Difference, out: &mut String) {
    let mut table = Columns::new(&["segment", "name", "centroid moved by", "members", "distance"]);
    for s in &found.segments {
        let name = |names: &Option<[String; 2]>| names.as_ref().map(|[zh, en]| format!("{zh} / {en}"));
        let moved = |f: &run::FeatureShift| format!("{} {:.4} → {:.4}", f.feature, f.before, f.after);
        let strongest = s.shifted.first().map(moved).unwrap_or_default();
        let distance = s.centroid_shift.map_or_else(|| "-".to_owned(), |d| format!("{d:.4}"));
        let size = counts(s.members_before, s.members_after);
        table.push([s.code.clone(), change(name(&s.name_before), name(&s.name_after)), strongest, size, distance]);
    }
    table.show("SEGMENTS", 3, out);
}

fn tags(found: &Difference, out: &mut String) {
    let mut table = Columns::new(&["tag", "name", "rule", "held by", "gained", "lost"]);
    for t in &found.tags {
        let name = |names: &Option<[String; 2]>| names.as_ref().map(|[zh, en]| format!("{zh} / {en}"));
        let rule = if t.rule_changed { "changed" } else { "" };
        let held = counts(t.held_before, t.held_after);
        let name = change(name(&t.name_before), name(&t.name_after));
        table.push([t.tag.clone(), name, rule.to_owned(), held, count(t.gained), count(t.lost)]);
    }
    table.show("TAGS (gained and lost among members of both runs)", 3, out);
}

fn offers(found: &Difference, out: &mut String) {
    let l = &found.lists;
    let _ = writeln!(
        out,
        "\nLISTS of {} members in both: {} the same, {} reordered, {} changed; {} got one, {} lost theirs",
        count(l.both),
        count(l.same),
        count(l.reordered),
        count(l.changed),
        count(l.gained),
        count(l.lost)
    );
    let mut table = Columns::new(&["offer", "eligible", "slots", "new", "gone"]);
    for o in &found.offers {
        table.push([
            o.offer_id.clone(),
            change(o.eligible_before.map(count), o.eligible_after.map(count)),
            counts(o.chosen_before, o.chosen_after),
            count(o.given),
            count(o.withdrawn),
        ]);
    }
    table.show("OFFERS (new and gone: a member, an offer and what it is about)", 1, out);
}
