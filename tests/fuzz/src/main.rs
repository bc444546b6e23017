//! What comes from outside, against libFuzzer: job files, SQL expressions, texts in CSV files, Parquet files. Whatever an input
//! is, what comes of it is a result or an error with a message: never a panic, a hang or a gigabyte.
//!
//! `NEXTOFFER_FUZZ` names the target; `tests/fuzz/run` sets it.
#![no_main]

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray},
    error::ArrowError,
};
use libfuzzer_sys::fuzz_target;
use nextoffer::{
    engine::{
        Engine, EngineError,
        expr::{Expected, RowExpr, RowPredicate},
        group_sql::MemberAggregates,
    },
    export::{push_field_for_people, push_record, validate::CsvReader},
    job,
    store::Places,
};

static TARGET: LazyLock<String> = LazyLock::new(|| {
    // Panics inside of a library are caught and become errors: only those that are not caught count.
    std::panic::set_hook(Box::new(|panic| {
        if std::env::var_os("NEXTOFFER_FUZZ_LOUD").is_some() {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
        }
    }));
    std::env::var("NEXTOFFER_FUZZ").unwrap_or_default()
});

fuzz_target!(|data: &[u8]| {
    let text = std::str::from_utf8(data);
    match (TARGET.as_str(), text) {
        ("job", Ok(text)) => job_file(text),
        ("expression", Ok(text)) => expression(text),
        ("csv", Ok(text)) => csv(text),
        ("parquet", _) => parquet(data),
        ("job" | "expression" | "csv", Err(_)) => {}
        (other, _) => {
            eprintln!("NEXTOFFER_FUZZ: no target is called `{other}`");
            std::process::exit(2);
        }
    }
});

fn job_file(text: &str) {
    if let Err(error) = job::load_text(Path::new("job.toml"), text, &[]) {
        assert!(!error.to_string().is_empty());
    }
}

fn batch() -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter([
        ("member_id", Arc::new(StringArray::from(vec![Some("a"), None, Some("💥")])) as ArrayRef),
        ("quantity", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(0), None])) as ArrayRef),
        ("amount", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-0.0), None])) as ArrayRef),
        ("is_return", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])) as ArrayRef),
    ])
}

fn expression(sql: &str) {
    static BATCH: LazyLock<Option<RecordBatch>> = LazyLock::new(|| batch().ok());
    let Some(batch) = BATCH.as_ref() else { return };
    let schema = batch.schema();
    for expected in [Expected::Any, Expected::Number] {
        if let Ok(values) = RowExpr::compile(&schema, sql, expected).map(|e| e.evaluate(batch)) {
            assert!(values.map_or(true, |values| values.len() == batch.num_rows()));
        }
    }
    if let Ok(values) = RowPredicate::compile(&schema, sql).map(|e| e.evaluate(batch)) {
        assert!(values.map_or(true, |values| values.len() == batch.num_rows()));
    }
    let _ = MemberAggregates::compile(&schema, &[sql]);
}

/// Fields, parted by U+001F: what is written is read back as it was.
fn csv(text: &str) {
    let fields: Vec<&str> = text.split('\u{1f}').collect();
    let mut out = String::new();
    push_record(&mut out, fields.iter().copied());
    // A byte-order mark at the front is for the reader to refuse.
    if !out.starts_with('\u{feff}') {
        let mut reader = CsvReader::new(out.as_bytes(), "\n").expect("it is UTF-8");
        let record = reader.record().expect("there is a record").expect("it is sound");
        assert!(record.iter().map(|field| field.text.as_str()).eq(fields.iter().copied()));
        assert!(reader.record().is_none());
    }
    let mut cell = String::new();
    push_field_for_people(&mut cell, text);
    assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
}

struct Bench {
    folder: tempfile::TempDir,
    engine: Engine,
}

/// Opens a file and reads every column of every row.
fn parquet(data: &[u8]) {
    static BENCH: LazyLock<Bench> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a temporary folder");
        let places = Arc::new(Places::new(Default::default(), 1).expect("local files"));
        let engine = Engine::new(places, 1, Some(64 << 20), folder.path()).expect("an engine");
        Bench { folder, engine }
    });
    let path = BENCH.folder.path().join("file.parquet");
    fs::write(&path, data).expect("room for a file");
    let Ok(files) = BENCH.engine.places().list("file.parquet", BENCH.folder.path()) else { return };
    for file in files {
        match BENCH.engine.open_parquet(file) {
            Ok(file) => {
                let columns: Vec<usize> = (0..file.schema.fields().len()).collect();
                let rows: Result<Vec<u64>, EngineError> = BENCH.engine.scan(
                    std::slice::from_ref(&file),
                    &[columns],
                    |_| 0,
                    |rows, read| {
                        *rows += read.batch.num_rows() as u64;
                        Ok(())
                    },
                );
                if let Err(error) = rows {
                    assert!(!error.to_string().is_empty());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
