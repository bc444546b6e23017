//! The same bytes for any number of threads, any memory, and any way the rows are cut into files.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nextoffer::run::RunOptions;
use parquet::arrow::ArrowWriter;

use super::support::{Table, demo, digests, publish, shop};

#[test]
fn threads_and_memory() {
    let expected = digests(&demo().folder);
    // The smallest limit spills every bucket and every shard.
    for (threads, memory_limit) in
        [(1, None), (2, None), (4, None), (1, Some(1 << 20)), (4, Some(1 << 20)), (2, Some(24 << 20))]
    {
        let out = tempfile::tempdir().unwrap();
        let options = RunOptions { threads, memory_limit, ..RunOptions::default() };
        let run = publish("jobs/demo.toml", out.path(), &["output.features=true"], options);
        assert_eq!(run.manifest, demo().manifest, "{threads} threads, {memory_limit:?}");
        assert_eq!(digests(&run.folder), expected, "{threads} threads, {memory_limit:?}");
    }
}

/// Writes rows of a table, cut into files of `rows` rows and row groups of `group` rows.
fn write_cut(table: &Table, folder: &Path, rows: usize, group: usize) {
    fs::create_dir_all(folder).unwrap();
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    for (i, start) in (0..table.rows()).step_by(rows).enumerate() {
        let part = table.0.slice(start, rows.min(table.rows() - start));
        let file = fs::File::create(folder.join(format!("part-{i:05}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&table.0.schema()), Some(properties.clone())).unwrap();
        writer.write(&part).unwrap();
        writer.close().unwrap();
    }
}

#[test]
fn files_and_row_groups() {
    let lines = Table::read_folder(&shop("transactions"));
    let inputs = tempfile::tempdir().unwrap();
    let mut first = None;
    for (name, rows, group) in
        [("one", lines.rows(), lines.rows()), ("many", 1_777, 500), ("groups", lines.rows(), 3_001)]
    {
        let folder = inputs.path().join(name);
        write_cut(&lines, &folder, rows, group);
        let out = tempfile::tempdir().unwrap();
        let path = format!("inputs.transactions.path={}", folder.display());
        let run = publish("jobs/demo.toml", out.path(), &[&path, "output.features=true"], RunOptions::default());
        let mut found = digests(&run.folder);
        // These two name the files.
        assert!(found.remove("manifest.json").is_some() && found.remove("quarantine.parquet").is_some());
        assert_eq!(run.manifest.rows, demo().manifest.rows, "{name}");
        assert_eq!(run.manifest.members, demo().manifest.members, "{name}");
        let mut expected = digests(&demo().folder);
        expected.retain(|path, _| found.contains_key(path));
        assert_eq!(&found, first.get_or_insert(expected), "{name}");
    }
}

/// The order of rows decides which of two equal rows is the duplicate, and nothing else.
#[test]
fn order_of_rows() {
    let lines = Table::read_folder(&shop("transactions"));
    let backwards: arrow::array::UInt32Array = (0..lines.rows() as u32).rev().collect();
    let turned = Table(arrow::compute::take_record_batch(&lines.0, &backwards).unwrap());
    let inputs = tempfile::tempdir().unwrap();
    let folder: PathBuf = inputs.path().join("turned");
    write_cut(&turned, &folder, 10_000, 10_000);
    let out = tempfile::tempdir().unwrap();
    let path = format!("inputs.transactions.path={}", folder.display());
    let run = publish("jobs/demo.toml", out.path(), &[&path, "output.features=true"], RunOptions::default());
    assert_eq!(run.manifest.rows, demo().manifest.rows);
    let (found, expected) = (digests(&run.folder), digests(&demo().folder));
    for file in ["segments.parquet", "tags.parquet", "offers.parquet", "features.parquet", "crm/generic/full.csv"] {
        assert_eq!(found[file], expected[file], "{file}");
    }
}
