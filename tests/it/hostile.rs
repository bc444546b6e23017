//! Hostile texts, made by turning good ones over: job files, SQL expressions, offers tables, acknowledgement files. Whatever
//! comes of them is an error with a message or a result, never a panic, and no name in them is ever a path.
//!
//! `NEXTOFFER_FUZZ_SECONDS` says how long each test goes on (2 by default), `NEXTOFFER_FUZZ_SEED` where it starts.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::SchemaRef,
};
use nextoffer::{
    engine::{
        expr::{Expected, RowExpr, RowPredicate},
        group_sql::MemberAggregates,
    },
    job,
    store::{OutputRoot, Places},
};
use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::support::{nextoffer, root};

/// Pieces that have broken parsers before.
const PIECES: &[&str] = &[
    "\0",
    "\u{feff}",
    "\u{202e}",
    "💥",
    "é",
    "\r\n",
    "\"",
    "'",
    "\"\"\"",
    "''",
    "\\",
    "\\u0000",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "(",
    ")",
    "=",
    ",",
    ".",
    "#",
    ";",
    "--",
    "/*",
    "-",
    "+",
    "1e999",
    "-0",
    "nan",
    "inf",
    "0x7fffffffffffffff",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1979-05-27T07:32:00Z",
    "0000-00-00",
    "2026-02-30",
    "null",
    "true",
    "../../etc/passwd",
    "/",
    "C:\\",
    "select 1",
    "case when",
    "end",
    "cast(",
    " as ",
    "over ()",
    "%",
    "/ 0",
    "interval '1 day'",
    "array[1,2]",
    "regexp_replace('a','(a+)+$','b')",
    "repeat('x', 9)",
    "not ",
    " in (",
    "like '%'",
];

struct Dice {
    rng: Xoshiro256PlusPlus,
    until: Instant,
}

impl Dice {
    fn new(salt: u8) -> Self {
        let number = |name: &str, default: u64| {
            std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
        };
        let mut seed = [salt; 32];
        seed[..8].copy_from_slice(&number("NEXTOFFER_FUZZ_SEED", 1).to_le_bytes());
        let until = Instant::now() + Duration::from_secs(number("NEXTOFFER_FUZZ_SECONDS", 2));
        Self { rng: Xoshiro256PlusPlus::from_seed(seed), until }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n.max(1) as u64) as usize
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Turns a text over, with parts of another.
    fn turned(&mut self, text: &str, other: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..=self.below(4) {
            let (from, to) = (self.place(&text), self.place(&text));
            let (from, to) = (from.min(to), from.max(to));
            let mut near = (from + 1 + self.below(12)).min(text.len());
            while !text.is_char_boundary(near) {
                near += 1;
            }
            match self.below(7) {
                0 => drop(text.drain(from..near)),
                1 => text.insert_str(from, PIECES[self.below(PIECES.len())]),
                2 => text.replace_range(from..near, PIECES[self.below(PIECES.len())]),
                3 => {
                    let part = text[from..near].repeat(1 + self.below(40));
                    text.insert_str(from, &part);
                }
                4 => {
                    let from = self.place(other);
                    let part: String = other[from..].chars().take(self.below(200)).collect();
                    text.insert_str(to, &part);
                }
                5 => text.truncate(to),
                _ => {
                    let part = text[from..near].to_owned();
                    let at = self.place(&text);
                    text.insert_str(at, &part);
                }
            }
        }
        text
    }
}

#[test]
fn job_files() {
    let mut dice = Dice::new(1);
    let texts: Vec<(std::path::PathBuf, String)> = ["jobs/demo.toml", "jobs/nightly.toml", "jobs/tafeng.toml"]
        .map(|name| (root().join(name), fs::read_to_string(root().join(name)).unwrap()))
        .into();
    // Each of them is sound.
    for (path, text) in &texts {
        job::load_text(path, text, &[]).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let (mut sound, mut refused) = (0, 0);
    while dice.goes_on() {
        let (one, other) = (dice.below(texts.len()), dice.below(texts.len()));
        let text = dice.turned(&texts[one].1, &texts[other].1);
        match job::load_text(&texts[one].0, &text, &[]) {
            Ok(_) => sound += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!("{sound} jobs sound, {refused} refused");
    assert!(refused > 10);
}

fn batch() -> RecordBatch {
    RecordBatch::try_from_iter([
        ("member_id", Arc::new(StringArray::from(vec![Some("a"), None, Some("💥")])) as ArrayRef),
        ("quantity", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(0), None])) as ArrayRef),
        ("amount", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-0.0), None])) as ArrayRef),
        ("is_return", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])) as ArrayRef),
    ])
    .unwrap()
}

fn use_expression(schema: &SchemaRef, batch: &RecordBatch, sql: &str) -> bool {
    let mut sound = false;
    for expected in [Expected::Any, Expected::Number] {
        if let Ok(expression) = RowExpr::compile(schema, sql, expected) {
            sound = true;
            if let Ok(values) = expression.evaluate(batch) {
                assert_eq!(values.len(), batch.num_rows(), "{sql}");
            }
        }
    }
    if let Ok(predicate) = RowPredicate::compile(schema, sql)
        && let Ok(values) = predicate.evaluate(batch)
    {
        assert_eq!(values.len(), batch.num_rows(), "{sql}");
    }
    let _ = MemberAggregates::compile(schema, &[sql]);
    sound
}

#[test]
fn expressions() {
    let mut dice = Dice::new(2);
    let (batch, texts) = (
        batch(),
        [
            "quantity * amount > 10 and not is_return",
            "avg(case when extract(hour from ts) >= 21 then 1.0 else 0.0 end) filter (where is_return)",
            "member_id like 'FEE-%' or member_id in ('a', 'b') or member_id is null",
            "coalesce(nullif(quantity, 0), 1) / (quantity - quantity)",
            "cast(member_id as double) + cast(amount as int) % 7",
            "regexp_like(member_id, '^[a-z]+$') and char_length(upper(trim(member_id))) between 1 and 9",
        ],
    );
    let schema = batch.schema();
    let mut sound = 0;
    while dice.goes_on() {
        let (one, other) = (dice.below(texts.len()), dice.below(texts.len()));
        let sql = dice.turned(texts[one], texts[other]);
        sound += u32::from(use_expression(&schema, &batch, &sql));
    }
    println!("{sound} expressions sound");
    assert!(sound > 0);
}

/// Expressions that are deep or long: the stack and the clock hold.
#[test]
fn deep_expressions() {
    let batch = batch();
    let schema = batch.schema();
    for depth in [10, 100, 1000, 20_000] {
        for sql in [
            format!("{}quantity{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}is_return", "not ".repeat(depth)),
            format!("{}quantity", "- ".repeat(depth)),
            format!("{}1{}", "abs(".repeat(depth), ")".repeat(depth)),
            vec!["quantity"; depth].join(" + "),
            format!("member_id in ({})", vec!["'x'"; depth].join(", ")),
            format!("{}0{}", "case when is_return then ".repeat(depth), " end".repeat(depth)),
        ] {
            if depth > 1000 && sql.contains('+') {
                // A sum of so many terms is sound, and its planning takes its time.
                continue;
            }
            use_expression(&schema, &batch, &sql);
        }
    }
}

#[test]
fn jobs_that_are_deep() {
    for depth in [100, 10_000, 200_000] {
        for text in [
            format!("version = {}1{}", "[".repeat(depth), "]".repeat(depth)),
            format!("{}.x = 1", vec!["a"; depth].join(".")),
            format!("a = {}{}", "{ b = ".repeat(depth), "}".repeat(depth)),
        ] {
            assert!(job::load_text(Path::new("deep.toml"), &text, &[]).is_err());
        }
    }
}

/// Names from outside: of runs and targets on the command line, of files that an importer drops.
#[test]
fn names_are_never_paths() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let run = out.join("dt=2026-06-01/run=0123456789abcdef");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("_SUCCESS"), "").unwrap();
    fs::create_dir_all(out.join("acks/crm")).unwrap();
    let before = tree(place.path());
    let places = Places::new(Default::default(), 1).unwrap();
    let root = OutputRoot::Folder(out.clone());
    for name in [
        "..",
        "../x",
        "000001-..",
        "0123456789abcdef\n..",
        "a\\..\\b",
        "%2e%2e%2f",
        "000002-%2e%2e",
        "💥.ok",
        "-",
        "000003-",
    ] {
        if !name.contains("../") && name != ".." {
            fs::write(out.join("acks/crm").join(name), "").unwrap();
        }
    }
    let dropped = tree(place.path());
    let acks = root.acks("crm", &places).unwrap();
    assert!(!acks.runs.iter().any(|run| run.contains('/')), "{acks:?}");
    root.absorb_acks("crm", &places).unwrap();
    assert_eq!(tree(place.path()), dropped, "none of them is the name of a run");
    assert!(dropped.len() > before.len());
    // Where nothing else is known of a target, a path is none.
    for target in ["../crm", "../../crm", "/etc", ".", "..", "crm/../crm", "a\0b"] {
        if target.contains('\0') {
            continue;
        }
        for command in ["ack", "push"] {
            let said = nextoffer(&[command, run.to_str().unwrap(), "--target", target, "--out", out.to_str().unwrap()]);
            assert_ne!(said.code, 0, "{command} {target}");
            assert!(!said.err.contains("panicked"), "{}", said.err);
        }
    }
    assert_eq!(tree(place.path()), dropped);
}

fn tree(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(tree(&path));
        }
        all.push(path);
    }
    all.sort();
    all
}
