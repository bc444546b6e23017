//! The same shop in other files: types, time zones, folders. What comes out is the same.

use std::{fs, path::Path, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray},
    compute::{cast, filter_record_batch},
    datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType},
};
use nextoffer::run::RunOptions;
use parquet::arrow::ArrowWriter;

use super::support::{Table, demo, digests, publish, shop};

fn write(batch: &RecordBatch, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A table with every column replaced.
fn changed(table: &Table, change: impl Fn(&str, &ArrayRef) -> ArrayRef) -> RecordBatch {
    let schema = table.0.schema();
    let columns: Vec<ArrayRef> =
        schema.fields().iter().zip(table.0.columns()).map(|(field, array)| change(field.name(), array)).collect();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn assert_as_the_demo(path: &str, more: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let path = format!("inputs.transactions.path={path}");
    let sets: Vec<&str> = [path.as_str(), "output.features=true"].into_iter().chain(more.iter().copied()).collect();
    let run = publish("jobs/demo.toml", out.path(), &sets, RunOptions::default());
    assert_eq!(run.manifest.rows, demo().manifest.rows);
    let (mut found, mut expected) = (digests(&run.folder), digests(&demo().folder));
    for digests in [&mut found, &mut expected] {
        // These two name the files and the job.
        digests.retain(|name, _| name != "manifest.json" && name != "quarantine.parquet");
    }
    assert_eq!(found, expected);
}

#[test]
fn other_types() {
    let lines = Table::read_folder(&shop("transactions"));
    // Shanghai is eight hours ahead of UTC all year.
    let utc = |array: &ArrayRef| -> TimestampMicrosecondArray {
        array.as_primitive::<TimestampMicrosecondType>().unary(|t| t - 8 * 3_600_000_000)
    };
    let work = tempfile::tempdir().unwrap();
    let first = changed(&lines, |name, array| match name {
        "ts" => {
            let zoned: ArrayRef = Arc::new(utc(array).with_timezone("UTC"));
            cast(&zoned, &DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))).unwrap()
        }
        "quantity" => cast(array, &DataType::Float32).unwrap(),
        "unit_price" => cast(array, &DataType::Float64).unwrap(),
        "discount" => cast(array, &DataType::Decimal128(20, 4)).unwrap(),
        "is_return" => cast(array, &DataType::Int8).unwrap(),
        _ => cast(array, &DataType::LargeUtf8).unwrap(),
    });
    write(&first, &work.path().join("first.parquet"));
    assert_as_the_demo(work.path().join("first.parquet").to_str().unwrap(), &[]);

    let second = changed(&lines, |name, array| match name {
        "ts" => {
            let zoned: ArrayRef = Arc::new(utc(array).with_timezone("America/New_York"));
            cast(&zoned, &DataType::Timestamp(TimeUnit::Second, Some("America/New_York".into()))).unwrap()
        }
        "quantity" => cast(array, &DataType::Decimal128(12, 3)).unwrap(),
        // Fen in an integer column, made into yuan by the job.
        "unit_price" => {
            let units = array.as_primitive::<arrow::datatypes::Decimal128Type>();
            let fen = units.clone().with_precision_and_scale(18, 0).unwrap();
            cast(&(Arc::new(fen) as ArrayRef), &DataType::Int64).unwrap()
        }
        "channel" | "city" => {
            cast(array, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap()
        }
        _ => Arc::clone(array),
    });
    write(&second, &work.path().join("second.parquet"));
    let expression = "inputs.transactions.columns.unit_price={ expr = \"unit_price / 100.0\" }";
    assert_as_the_demo(work.path().join("second.parquet").to_str().unwrap(), &[expression]);
}

#[test]
fn other_folders() {
    let lines = Table::read_folder(&shop("transactions"));
    let work = tempfile::tempdir().unwrap();
    let channels = lines.texts("channel");
    let mut names: Vec<&str> = channels.iter().map(|c| c.unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    let without: Vec<usize> =
        (0..lines.0.num_columns()).filter(|i| lines.0.schema().field(*i).name() != "channel").collect();
    for name in &names {
        let mask: BooleanArray = channels.iter().map(|c| Some(*c == Some(*name))).collect();
        let rows = filter_record_batch(&lines.0, &mask).unwrap().project(&without).unwrap();
        let half = rows.num_rows() / 2;
        // The channel is in the names of the folders alone.
        let folder = work.path().join("hive").join(format!("channel={name}"));
        write(&rows.slice(0, half), &folder.join("a.parquet"));
        write(&rows.slice(half, rows.num_rows() - half), &folder.join("b.parquet"));
        fs::write(folder.join("_SUCCESS"), "").unwrap();
        fs::write(folder.join(".a.parquet.crc"), "crc").unwrap();
    }
    let hive = work.path().join("hive");
    assert_as_the_demo(hive.to_str().unwrap(), &[]);
    // A glob that leaves nothing out, and a list of globs.
    assert_as_the_demo(&format!("{}/channel=*/*.parquet", hive.display()), &[]);
    let list: Vec<String> =
        ["a", "b"].iter().map(|half| format!("\"{}/channel=*/{half}.parquet\"", hive.display())).collect();
    assert_as_the_demo(&format!("[{}]", list.join(", ")), &[]);
}

/// A table beside the lines in more files than are read at once: of a member's rows the first by file and row counts,
/// whoever comes to it first.
#[test]
fn members_in_many_files() {
    let members = Table::read(&shop("members.parquet"));
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("members");
    let again = changed(&members, |name, array| match name {
        "city" => Arc::new(members.texts("loyalty_tier").into_iter().collect::<arrow::array::StringArray>()),
        _ => Arc::clone(array),
    });
    // The first rows are the most, so that later files are done before them.
    let first = members.rows() * 3 / 4;
    write(&members.0.slice(0, first), &folder.join("00.parquet"));
    for (part, start) in (first..members.rows()).step_by(20).enumerate() {
        let part = folder.join(format!("{:02}.parquet", part + 1));
        write(&members.0.slice(start, 20.min(members.rows() - start)), &part);
    }
    write(&again, &folder.join("99.parquet"));
    assert!(fs::read_dir(&folder).unwrap().count() > 10);

    let set = format!("inputs.members.path={}", folder.display());
    for threads in [1, 2] {
        let out = tempfile::tempdir().unwrap();
        let options = RunOptions { threads, ..RunOptions::default() };
        let run = publish("jobs/demo.toml", out.path(), &[&set, "output.features=true"], options);
        let (rows, plain) = (&run.manifest.rows["members"], &demo().manifest.rows["members"]);
        assert_eq!((rows.read, rows.kept), (plain.read + members.rows() as u64, plain.kept));
        let (mut found, mut expected) = (digests(&run.folder), digests(&demo().folder));
        for digests in [&mut found, &mut expected] {
            // These count the rows of the table.
            let counting = ["manifest.json", "quarantine.parquet", "model/gates_history.json", "report.html"];
            digests.retain(|name, _| !counting.contains(&name.as_str()));
        }
        assert_eq!(found, expected);
    }
}

/// Integer ids are their decimal digits.
#[test]
fn integer_ids() {
    let lines = Table::read_folder(&shop("transactions"));
    let work = tempfile::tempdir().unwrap();
    let number = |texts: Vec<Option<&str>>| -> Vec<Option<i64>> {
        texts.into_iter().map(|t| t.map(|t| 1_000_000 + t.trim_start_matches('M').parse::<i64>().unwrap())).collect()
    };
    let members = number(lines.texts("member_id"));
    let mut runs = Vec::new();
    for as_text in [true, false] {
        let batch = changed(&lines, |name, array| match name {
            "member_id" if as_text => {
                Arc::new(members.iter().map(|m| m.map(|m| m.to_string())).collect::<arrow::array::StringArray>())
            }
            "member_id" => Arc::new(members.iter().copied().collect::<arrow::array::Int64Array>()),
            _ => Arc::clone(array),
        });
        let path = work.path().join(format!("{as_text}.parquet"));
        write(&batch, &path);
        let job = work.path().join("job.toml");
        let text = "version = 1\nname = \"ids\"\nas_of = \"2026-06-30\"\n[inputs]\ntransactions = { path = \"x\" }\n\
                    [consent]\nlawful_basis = \"contract\"\n[segments]\nk = 4\n";
        fs::write(&job, text).unwrap();
        let out = work.path().join(format!("out-{as_text}"));
        let set = format!("inputs.transactions.path={}", path.display());
        runs.push(publish(job.to_str().unwrap(), &out, &[&set], RunOptions::default()));
    }
    for name in ["segments.parquet", "tags.parquet", "offers.parquet"] {
        assert_eq!(digests(&runs[0].folder)[name], digests(&runs[1].folder)[name], "{name}");
    }
    assert!(runs[0].table("segments.parquet").names("member_id").iter().all(|m| m.starts_with("100")));
}
