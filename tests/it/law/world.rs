//! A small shop whose members' standing is known, and readers that see everything a run wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{Field, Schema},
    util::display::array_value_to_string,
};
use nextoffer::{
    base::{Day, progress::Silent},
    job,
    run::{Outcome, RunOptions, run},
};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::support::Published;

/// What stands in columns that no job maps.
pub const UNMAPPED: &str = "UNMAPPED-13800138000";
/// Starts every id of a member.
pub const MARK: &str = "WMEMBER-";
/// Starts the name of what is denied.
pub const DENIED: &str = "胰岛素";
pub const AS_OF: &str = "2026-06-30";

/// What is known of a member.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub birth: Option<&'static str>,
    pub basis: Option<&'static str>,
    pub opted_out: bool,
    pub guardian: bool,
    pub withdrawn: Option<&'static str>,
    pub city: &'static str,
}

impl Person {
    fn plain(number: usize) -> Self {
        let city = ["上海", "杭州", "洛阳", "上海"][number % 4];
        let id = format!("{MARK}{number:03}");
        Self {
            id,
            birth: Some("1990-05-05"),
            basis: Some("consent"),
            opted_out: false,
            guardian: false,
            withdrawn: None,
            city,
        }
    }
}

/// A shop in a folder.
pub struct World {
    pub folder: tempfile::TempDir,
    pub people: Vec<Person>,
    pub forgotten: Vec<String>,
    pub suppressed: Vec<(String, &'static str)>,
}

pub const JOB: &str = r#"
version = 1
name = "law"
shards = 4
as_of = "2026-06-30"
out = "runs"

[inputs]
transactions = { path = "lines.parquet" }
items = { path = "items.parquet" }
members = { path = "members.parquet" }
consent = { path = "consent.parquet" }
suppressed_tags = { path = "suppressed_tags.parquet" }
forgotten = { path = "forgotten.parquet" }

[segments]
k = 2

[recommend]
retune_days = 60

[[offers]]
id = "picked"
kind = "next_item"

[[offers]]
id = "again"
kind = "replenish"
min_purchases = 2

[[offers]]
id = "early_pet"
kind = "category_early_access"
categories = ["pet", "health"]
min_purchases = 2

[[offers]]
id = "ten_off"
kind = "next_item"
incentive = "discount"
value = 10.0
priority = 5.0
eligible = "orders >= 4"
max_per_member = 2

[[offers]]
id = "tier_one"
kind = "next_item"
incentive = "service"
value = 3.0
priority = 5.0
city_tiers = [1]
max_per_member = 1

[decision]
slots = 6

[output]
crm = ["generic", "people"]
features = true
[output.targets.people]
dialect = "generic"
rows = "members"
fields = { member_id = "member_id", segment = "segment_code", stage = "lifecycle", tags = "tags", basis = "basis", text = "offer_1.text_zh" }
"#;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> = columns.iter().map(|(name, a)| Field::new(*name, a.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|c| c.1).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn day(text: &str) -> i32 {
    Day::parse(text).unwrap().0
}

fn times(days: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    let noon = |day: i32| i64::from(day) * 86_400_000_000 + 4 * 3_600_000_000;
    let array: TimestampMicrosecondArray = days.map(|d| d.map(noon)).collect();
    Arc::new(array.with_timezone("UTC"))
}

const ITEMS: &[(&str, &str, &str)] = &[
    ("d1", "health/insulin", "胰岛素针头"),
    ("d2", "health", "胰岛素冷藏盒"),
    ("p1", "pet/food", "鸡肉猫粮"),
    ("p2", "pet/litter", "豆腐猫砂"),
    ("t1", "tea", "明前龙井"),
    ("t2", "tea", "陈年普洱"),
    ("b1", "beauty/mask", "补水面膜"),
    ("b2", "beauty/serum", "亮肤精华"),
    ("h1", "home", "纸巾"),
    ("h2", "home", "洗衣液"),
];

impl World {
    /// Forty members about whom nothing is special, and those that `more` adds.
    pub fn new(more: impl IntoIterator<Item = Person>) -> Self {
        let people = (0..40).map(Person::plain).chain(more).collect();
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, people, forgotten: Vec::new(), suppressed: Vec::new() };
        world.write();
        world
    }

    pub fn person(number: usize) -> Person {
        Person::plain(number)
    }

    /// Writes every table anew.
    pub fn write(&self) {
        let at = |name: &str| self.folder.path().join(name);
        let last = day(AS_OF);
        let (mut who, mut when, mut item, mut price, mut discount) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, person) in self.people.iter().enumerate() {
            let mut buy = |days_ago: i32, index: usize| {
                who.push(Some(person.id.clone()));
                when.push(Some(last - days_ago));
                item.push(Some(ITEMS[index].0));
                price.push(9.9 + index as f64);
                discount.push(if i % 3 == 0 { 2.0 } else { 0.0 });
            };
            // Two sorts of members, everybody in a rhythm of their own; some buy what is denied, and often.
            let favourite = 2 + i % 4;
            for n in 0..3 + i % 4 {
                buy(3 + 30 * n as i32 + i as i32 % 9, favourite);
                buy(3 + 30 * n as i32 + i as i32 % 9, 4 + (i + n) % 6);
                if i % 2 == 0 {
                    buy(4 + 30 * n as i32, i / 2 % 2);
                }
            }
            if i % 2 == 1 {
                (0..8).for_each(|n| buy(6 * n, 8 + n as usize % 2));
            }
        }
        // A line that is quarantined with its raw values.
        who.push(Some(format!("{MARK}001")));
        when.push(Some(last - 1));
        item.push(Some("h1"));
        price.push(0.0);
        discount.push(0.0);
        let lines = who.len();
        let unmapped = || texts((0..lines).map(|_| Some(UNMAPPED)));
        write(
            &at("lines.parquet"),
            vec![
                ("member_id", texts(who)),
                ("phone", unmapped()),
                ("ts", times(when.into_iter())),
                ("item_id", texts(item)),
                ("unit_price", Arc::new(Float64Array::from(price))),
                ("discount", Arc::new(Float64Array::from(discount))),
            ],
        );
        write(
            &at("items.parquet"),
            vec![
                ("item_id", texts(ITEMS.iter().map(|i| Some(i.0)))),
                ("category", texts(ITEMS.iter().map(|i| Some(i.1)))),
                ("name", texts(ITEMS.iter().map(|i| Some(i.2)))),
                ("brand", texts(ITEMS.iter().map(|i| Some(format!("牌{}", i.1.split('/').next().unwrap()))))),
            ],
        );
        let people = &self.people;
        write(
            &at("members.parquet"),
            vec![
                ("member_id", texts(people.iter().map(|p| Some(&p.id)))),
                ("id_card", texts(people.iter().map(|_| Some(UNMAPPED)))),
                ("birth_date", Arc::new(people.iter().map(|p| p.birth.map(day)).collect::<Date32Array>())),
                ("city", texts(people.iter().map(|p| Some(p.city)))),
                ("points", Arc::new(people.iter().map(|_| Some(10)).collect::<Int64Array>())),
            ],
        );
        self.write_consent();
        write(&at("forgotten.parquet"), vec![("member_id", texts(self.forgotten.iter().map(Some)))]);
        write(
            &at("suppressed_tags.parquet"),
            vec![
                ("member_id", texts(self.suppressed.iter().map(|s| Some(&s.0)))),
                ("tag", texts(self.suppressed.iter().map(|s| Some(s.1)))),
            ],
        );
    }

    pub fn write_consent(&self) {
        let with: Vec<&Person> = self.people.iter().filter(|p| p.basis.is_some()).collect();
        let flag = |of: fn(&Person) -> bool| -> ArrayRef {
            Arc::new(with.iter().map(|p| Some(of(p))).collect::<BooleanArray>())
        };
        write(
            &self.folder.path().join("consent.parquet"),
            vec![
                ("member_id", texts(with.iter().map(|p| Some(&p.id)))),
                ("lawful_basis", texts(with.iter().map(|p| p.basis))),
                ("ts", times(with.iter().map(|_| Some(day("2024-01-01"))))),
                ("personalisation_opt_out", flag(|p| p.opted_out)),
                ("guardian_consent", flag(|p| p.guardian)),
                ("withdrawn_at", times(with.iter().map(|p| p.withdrawn.map(day)))),
            ],
        );
    }

    /// The job file, with an edit.
    pub fn job(&self, edit: impl Fn(&str) -> String) -> PathBuf {
        let file = self.folder.path().join("job.toml");
        fs::write(&file, edit(JOB)).unwrap();
        file
    }

    /// A night of the job.
    pub fn night(&self, as_of: &str, edit: impl Fn(&str) -> String) -> Published {
        let loaded = job::load(&self.job(edit), &[]).unwrap_or_else(|e| panic!("{e}"));
        let options = RunOptions { as_of: Day::parse(as_of), ..RunOptions::default() };
        let out = self.folder.path().join("runs");
        match run(&loaded, &options, &Silent).unwrap_or_else(|e| panic!("{e}")) {
            Outcome::Published { folder, current, summary, .. } => {
                Published { folder: out.join(folder), out, manifest: summary.manifest, current }
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn run(&self) -> Published {
        self.night(AS_OF, str::to_owned)
    }
}

/// Every file below a folder, relative to it.
pub fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), path);
            }
        }
    }
    found
}

/// What a file says, Parquet written out.
pub fn read(path: &Path) -> String {
    if path.extension().is_none_or(|e| e != "parquet") {
        return String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    }
    let mut text = String::new();
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let _ = writeln!(text, "{:?}", reader.schema().fields().iter().map(|f| f.name()).collect::<Vec<_>>());
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            for column in batch.columns() {
                let _ = write!(text, "{}\t", array_value_to_string(column, row).unwrap());
            }
            text.push('\n');
        }
    }
    text
}

/// The files below a folder that say a text.
pub fn saying(folder: &Path, text: &str) -> Vec<String> {
    files(folder).into_iter().filter(|(_, path)| read(path).contains(text)).map(|(name, _)| name).collect()
}

/// Files of a run that hold anything about a member.
pub fn about(run: &Published, member: &str) -> Vec<String> {
    saying(&run.folder, member)
}

/// The members of a table.
pub fn members(run: &Published, file: &str) -> BTreeSet<String> {
    run.table(file).names("member_id").into_iter().map(str::to_owned).collect()
}

/// The rows of a CSV file by its first column.
pub fn csv(path: &Path) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut rows: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let row: BTreeMap<String, String> = header.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        rows.entry(row["member_id"].clone()).or_default().push(row);
    }
    rows
}
