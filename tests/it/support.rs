//! Runs jobs and reads what they wrote, with readers of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::{cast, concat_batches},
    datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use nextoffer::{
    base::progress::Silent,
    job,
    run::{Manifest, Outcome, RunError, RunOptions, run},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

/// The crate's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of real data beside the project; says so if it is not there.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let folder = root().join("../shared/data").join(name);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// A published run.
#[derive(Debug)]
pub struct Published {
    /// The output place.
    pub out: PathBuf,
    /// The run's folder.
    pub folder: PathBuf,
    pub manifest: Manifest,
    /// Whether `current` points at it.
    pub current: bool,
}

impl Published {
    pub fn table(&self, name: &str) -> Table {
        Table::read(&self.folder.join(name))
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }
}

/// Runs a job of this crate, publishing in `out`.
pub fn publish(job: &str, out: &Path, sets: &[&str], options: RunOptions) -> Published {
    try_publish(job, out, sets, options).unwrap_or_else(|e| panic!("{job}: {e}"))
}

/// [`publish`], for runs that may fail.
pub fn try_publish(job: &str, out: &Path, sets: &[&str], options: RunOptions) -> Result<Published, RunError> {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let loaded = job::load(&root().join(job), &sets).unwrap_or_else(|e| panic!("{job}: {e}"));
    let options = RunOptions { out: Some(out.to_str().unwrap().to_owned()), ..options };
    match run(&loaded, &options, &Silent)? {
        Outcome::Published { folder, current, summary, .. } => {
            Ok(Published { out: out.to_owned(), folder: out.join(folder), manifest: summary.manifest, current })
        }
        other => panic!("{job}: {other:?}"),
    }
}

/// The demo's run, made once for all tests that only read it.
pub fn demo() -> &'static Published {
    static DEMO: OnceLock<Published> = OnceLock::new();
    DEMO.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo");
        let _ = fs::remove_dir_all(&out);
        publish("jobs/demo.toml", &out, &["output.features=true"], RunOptions::default())
    })
}

/// Files below a folder with the digests of their bytes ([`digest_of`]), without those that may vary.
pub fn digests(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let manifest = fs::read(folder.join("manifest.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
    let run_id = manifest["run_id"].as_str().unwrap_or("no run");
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if !matches!(name.as_str(), "timings.json" | "metrics.prom" | "lineage.ndjson") && !name.ends_with(".log") {
                let digest = digest_of(&name, &fs::read(&path).unwrap(), run_id);
                found.insert(name, digest);
            }
        }
    }
    found
}

/// SHA-256 of a file of a run. The report and the files' description for a target name their run, which is left out: runs
/// of equal data in other files have other ids.
pub fn digest_of(name: &str, bytes: &[u8], run_id: &str) -> String {
    if name == "report.html" || name.ends_with("/target.json") {
        return sha256(String::from_utf8(bytes.to_vec()).unwrap().replace(run_id, "").as_bytes());
    }
    sha256(bytes)
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// What the program said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program in the crate's folder.
pub fn nextoffer(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_nextoffer"))
        .args(arguments)
        .current_dir(root())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A Parquet file in memory.
#[derive(Debug)]
pub struct Table(pub RecordBatch);

impl Table {
    pub fn read(path: &Path) -> Self {
        let file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        Self(concat_batches(&schema, &batches).unwrap())
    }

    /// Every file of a folder, in the order of names.
    pub fn read_folder(folder: &Path) -> Self {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        let tables: Vec<RecordBatch> = paths.iter().map(|p| Self::read(p).0).collect();
        Self(concat_batches(&tables[0].schema(), &tables).unwrap())
    }

    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    pub fn column(&self, name: &str) -> &ArrayRef {
        self.0.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {:?}", self.0.schema()))
    }

    /// A column within a struct column.
    pub fn field(&self, column: &str, field: &str) -> Self {
        let array = self.column(column).as_struct().column_by_name(field).unwrap();
        Self(RecordBatch::try_from_iter_with_nullable([(field, array.clone(), true)]).unwrap())
    }

    pub fn texts(&self, name: &str) -> Vec<Option<&str>> {
        self.column(name).as_string::<i32>().iter().collect()
    }

    /// A text column without nulls.
    pub fn names(&self, name: &str) -> Vec<&str> {
        self.texts(name).into_iter().map(Option::unwrap).collect()
    }

    pub fn ints(&self, name: &str) -> Vec<Option<i64>> {
        let array = self.column(name);
        let array = match array.data_type() {
            DataType::Date32 => cast(array, &DataType::Int32).unwrap(),
            DataType::Decimal128(p, _) => {
                // Amounts in minor units: the digits as they are stored.
                let units = array.as_primitive::<arrow::datatypes::Decimal128Type>();
                let whole = units.clone().with_precision_and_scale(*p, 0).unwrap();
                std::sync::Arc::new(whole) as ArrayRef
            }
            _ => array.clone(),
        };
        cast(&array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().iter().collect()
    }

    pub fn floats(&self, name: &str) -> Vec<Option<f64>> {
        cast(self.column(name), &DataType::Float64).unwrap().as_primitive::<Float64Type>().iter().collect()
    }

    /// Days since 1970.
    pub fn days(&self, name: &str) -> Vec<Option<i32>> {
        self.column(name).as_primitive::<Date32Type>().iter().collect()
    }

    /// Microseconds since 1970.
    pub fn times(&self, name: &str) -> Vec<Option<i64>> {
        self.column(name).as_primitive::<TimestampMicrosecondType>().iter().collect()
    }

    pub fn flags(&self, name: &str) -> Vec<Option<bool>> {
        self.column(name).as_boolean().iter().collect()
    }

    pub fn lists(&self, name: &str) -> Vec<Vec<String>> {
        let lists = self.column(name).as_list::<i32>();
        let texts = |array: ArrayRef| array.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        (0..lists.len()).map(|i| if lists.is_valid(i) { texts(lists.value(i)) } else { Vec::new() }).collect()
    }
}

/// A column's values by the key column's.
pub fn by_key<V>(keys: Vec<&str>, values: Vec<V>) -> BTreeMap<&str, V> {
    assert_eq!(keys.len(), values.len());
    keys.into_iter().zip(values).collect()
}

/// Files of the fixture shop.
pub fn shop(name: &str) -> PathBuf {
    root().join("fixtures/shop").join(name)
}
