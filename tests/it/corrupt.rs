//! Parquet that is broken in every way a seed finds: cut off, bytes turned, footers that lie, pages that blow up. Each run ends
//! with a message that names the file, publishes nothing or a whole run, does not panic, and stays within its memory.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema, TimeUnit},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::{
        metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData},
        properties::WriterProperties,
    },
};
use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const ROWS: usize = 600;

fn lines(rows: usize) -> RecordBatch {
    let text =
        |of: &dyn Fn(usize) -> String| Arc::new((0..rows).map(|i| Some(of(i))).collect::<StringArray>()) as ArrayRef;
    let day = 86_400_000_000_i64;
    let times: Vec<i64> = (0..rows).map(|i| (20_000 + i as i64 % 90) * day).collect();
    RecordBatch::try_from_iter([
        ("member_id", text(&|i| format!("m{}", i % 60))),
        ("item_id", text(&|i| format!("item-{}", i * 7 % 25))),
        ("ts", Arc::new(TimestampMicrosecondArray::from(times)) as ArrayRef),
        ("unit_price", Arc::new((0..rows).map(|i| Some(5.0 + (i % 17) as f64)).collect::<Float64Array>()) as ArrayRef),
    ])
    .unwrap()
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS / 2))
        .build()
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("lines")).unwrap();
        let job = "version = 1\nname = \"corrupt\"\ntimezone = \"Asia/Shanghai\"\ncurrency = \"CNY\"\n\
                   as_of = \"2025-01-31\"\nout = \"out\"\n[inputs]\ntransactions = { path = \"lines\" }\n\
                   [consent]\nlawful_basis = \"consent\"\n[segments]\nk = 2\n[output]\ncrm = []\n";
        fs::write(folder.path().join("job.toml"), job).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("lines/broken.parquet")
    }

    /// Exit code, what was said and the peak of memory in MiB.
    fn run(&self, what: &str) -> (i32, String, u64) {
        let program = env!("CARGO_BIN_EXE_nextoffer");
        let out = self.folder.path().join("out");
        let mut command = Command::new(program);
        command.arg("run").arg(self.folder.path().join("job.toml"));
        command.args(["--quiet", "--threads", "2", "--memory-limit", "64MiB"]);
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let watch = watch_peak(child.id());
        let mut said = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
        let status = child.wait().unwrap();
        let peak = watch.join().unwrap();
        let code = status.code().unwrap_or_else(|| panic!("{what}: {status}: {said}"));
        assert!(!said.contains("panicked"), "{what}: {said}");
        let published = out.join("current").exists();
        match code {
            0 => assert!(published, "{what}"),
            66 | 78 => {
                assert!(!published && said.contains("broken.parquet") | said.contains("transactions"), "{what}: {said}")
            }
            code => panic!("{what}: exit {code}: {said}"),
        }
        let _ = fs::remove_dir_all(&out);
        (code, said, peak)
    }
}

/// Largest memory in MiB of a process while it lasts.
fn watch_peak(process: u32) -> std::thread::JoinHandle<u64> {
    let status = PathBuf::from(format!("/proc/{process}/status"));
    std::thread::spawn(move || {
        let mut peak = 0;
        // Until it has ended: then it has no memory any more.
        while let Ok(text) = fs::read_to_string(&status)
            && let Some(line) = text.lines().find(|line| line.starts_with("VmHWM:"))
        {
            peak = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024;
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        peak
    })
}

#[test]
fn the_sound_file() {
    let bench = Bench::new();
    fs::write(bench.file(), parquet(&lines(ROWS), properties())).unwrap();
    let (code, said, _) = bench.run("sound");
    assert_eq!(code, 0, "{said}");
}

#[test]
fn cut_off_and_turned() {
    let bench = Bench::new();
    let sound = parquet(&lines(ROWS), properties());
    let footer = u32::from_le_bytes(sound[sound.len() - 8..sound.len() - 4].try_into().unwrap()) as usize + 8;
    let pages = sound.len() - footer;
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut below = |n: usize| (dice.next_u64() % n as u64) as usize;
    let mut refused = 0;
    for number in 0..150 {
        let mut bytes = sound.clone();
        let what = match number % 5 {
            0 => {
                bytes.truncate(below(sound.len()));
                format!("cut off at {}", bytes.len())
            }
            1 => {
                let (at, bit) = (pages + below(footer), below(8));
                bytes[at] ^= 1 << bit;
                format!("bit {bit} of byte {at} in the footer")
            }
            2 => {
                let at = pages + below(footer);
                bytes[at] = below(256) as u8;
                format!("byte {at} in the footer is {}", bytes[at])
            }
            3 => {
                let at = below(pages);
                bytes[at] ^= 1 << below(8);
                format!("a bit of byte {at} in the pages")
            }
            _ => {
                let (from, length) = (below(pages), 1 + below(64));
                for byte in bytes.iter_mut().skip(from).take(length) {
                    *byte = 0xff;
                }
                format!("{length} bytes from {from} are 255")
            }
        };
        fs::write(bench.file(), &bytes).unwrap();
        let (code, _, peak) = bench.run(&what);
        refused += u32::from(code != 0);
        assert!(peak < 400, "{what}: {peak} MiB");
    }
    assert!(refused > 90, "{refused}");
}

/// Files that once brought the program down; `tests/fuzz` found them.
#[test]
fn found_by_fuzzing() {
    let bench = Bench::new();
    let mut found = 0;
    for entry in fs::read_dir(super::support::root().join("fixtures/found")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, bench.file()).unwrap();
        let (code, said, _) = bench.run(&path.display().to_string());
        assert_ne!(code, 0, "{path:?}: {said}");
        found += 1;
    }
    assert!(found > 0);
}

/// The same pages under another footer.
fn with_footer(sound: &[u8], rows: i64, group: impl Fn(RowGroupMetaData) -> RowGroupMetaData) -> Vec<u8> {
    let footer = u32::from_le_bytes(sound[sound.len() - 8..sound.len() - 4].try_into().unwrap()) as usize + 8;
    let metadata = ParquetMetaDataReader::decode_metadata(&sound[sound.len() - footer..sound.len() - 8]).unwrap();
    let file = metadata.file_metadata();
    let key_values = file.key_value_metadata().cloned();
    let file = FileMetaData::new(file.version(), rows, None, key_values, file.schema_descr_ptr(), None);
    let groups = metadata.row_groups().iter().cloned().map(group).collect();
    let mut bytes = sound[..sound.len() - footer].to_vec();
    let mut end = Vec::new();
    ParquetMetaDataWriter::new(&mut end, &ParquetMetaData::new(file, groups)).finish().unwrap();
    bytes.extend(end);
    bytes
}

#[test]
fn footers_that_lie() {
    let bench = Bench::new();
    let sound = parquet(&lines(ROWS), properties());
    let rows = ROWS as i64;
    let column = |group: RowGroupMetaData,
                  of: &dyn Fn(
        parquet::file::metadata::ColumnChunkMetaDataBuilder,
    ) -> parquet::file::metadata::ColumnChunkMetaDataBuilder| {
        let columns = group.columns().iter().cloned().map(|c| of(c.into_builder()).build().unwrap()).collect();
        group.into_builder().set_column_metadata(columns).build().unwrap()
    };
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for n in [-1, 0, 1, rows - 1, rows + 1, 1 << 40, i64::MAX, i64::MIN] {
        cases.push((format!("{n} rows in the file"), with_footer(&sound, n, |g| g)));
        let group = |g: RowGroupMetaData| g.into_builder().set_num_rows(n).build().unwrap();
        cases.push((format!("{n} rows in each group"), with_footer(&sound, rows, group)));
        cases.push((format!("{n} rows in file and group"), with_footer(&sound, n, group)));
        let values = |g| column(g, &|c| c.set_num_values(n));
        cases.push((format!("{n} values in each column"), with_footer(&sound, rows, values)));
        let sizes = |g| column(g, &|c| c.set_total_compressed_size(n));
        cases.push((format!("{n} bytes in each column"), with_footer(&sound, rows, sizes)));
        let sizes = |g| column(g, &|c| c.set_total_uncompressed_size(n));
        cases.push((format!("{n} bytes unpacked in each column"), with_footer(&sound, rows, sizes)));
        let pages = |g| column(g, &|c| c.set_data_page_offset(n));
        cases.push((format!("pages at {n}"), with_footer(&sound, rows, pages)));
        let pages = |g| column(g, &|c| c.set_dictionary_page_offset(Some(n)));
        cases.push((format!("dictionaries at {n}"), with_footer(&sound, rows, pages)));
    }
    for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZO, Compression::LZ4_RAW] {
        let other = |g| column(g, &|c| c.set_compression(codec));
        cases.push((format!("compressed with {codec}, so they say"), with_footer(&sound, rows, other)));
    }
    let mut wrong = Vec::new();
    for (what, bytes) in cases {
        fs::write(bench.file(), bytes).unwrap();
        let (_, _, peak) = bench.run(&what);
        if peak >= 400 {
            wrong.push(format!("{what}: {peak} MiB"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pages_that_blow_up() {
    let bench = Bench::new();
    // Gigabytes of nothing, packed into kilobytes: one long text, and many.
    for (what, length, copies) in [("one text of 768 MiB", 768 << 20, 1), ("48 texts of 16 MiB", 16 << 20, 48)] {
        let base = lines(copies.max(2));
        let zeros = "0".repeat(length);
        let members: StringArray =
            (0..base.num_rows()).map(|i| Some(if i < copies { zeros.as_str() } else { "m" })).collect();
        let mut columns = base.columns().to_vec();
        columns[0] = Arc::new(members);
        let batch = RecordBatch::try_new(base.schema(), columns).unwrap();
        let flat = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(false)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None);
        let bytes = parquet(&batch, flat.build());
        drop(batch);
        assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
        fs::write(bench.file(), bytes).unwrap();
        let (code, said, peak) = bench.run(what);
        assert_eq!(code, 66, "{what}: {said}");
        assert!(said.contains("broken.parquet") && said.contains("memory"), "{what}: {said}");
        assert!(peak < 300, "{what}: {peak} MiB");
    }
}

#[test]
fn strange_columns() {
    let bench = Bench::new();
    let base = lines(ROWS);
    // A name twice.
    let mut fields: Vec<Field> = base.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new("member_id", DataType::Utf8, true));
    let mut columns = base.columns().to_vec();
    columns.push(Arc::clone(&columns[1]));
    let twice = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    fs::write(bench.file(), parquet(&twice, properties())).unwrap();
    let (code, said, _) = bench.run("member_id twice");
    assert!(code != 0 && said.contains("member_id"), "{code} {said}");
    // Columns within columns, far down.
    let mut deep: ArrayRef = Arc::clone(base.column(1));
    for level in 0..60 {
        let field = Arc::new(Field::new(format!("level{level}"), deep.data_type().clone(), true));
        deep = Arc::new(arrow::array::StructArray::from(vec![(field, deep)]));
    }
    let mut fields: Vec<Field> = base.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields[0] = Field::new("member_id", deep.data_type().clone(), true);
    let mut columns = base.columns().to_vec();
    columns[0] = deep;
    let nested = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    fs::write(bench.file(), parquet(&nested, properties())).unwrap();
    let (code, said, _) = bench.run("member_id far down");
    assert!(code == 78 && said.contains("member_id"), "{code} {said}");
    assert_eq!(DataType::Timestamp(TimeUnit::Microsecond, None), *base.schema().field(2).data_type());
}
