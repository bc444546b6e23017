//! Whether a footer can be that of its file: what it says about sizes is used to make room, before anything is read.

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::session::BATCH_ROWS;

/// Room that a batch of one column may always take: 4 KiB a value.
const ALWAYS: u64 = (BATCH_ROWS as u64) * 4096;
/// Room that it may take where the run has no memory limit.
const UNLIMITED: u64 = 1 << 30;

/// What is wrong with the footer of a file of `size` bytes.
pub(super) fn sound(metadata: &ParquetMetaData, size: u64) -> Result<(), String> {
    let rows = metadata.file_metadata().num_rows();
    if rows < 0 {
        return Err(format!("its footer counts {rows} rows"));
    }
    let mut counted: i64 = 0;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let of_group = |why: String| format!("row group {number} of its footer {why}");
        if group.num_rows() < 0 {
            return Err(of_group(format!("counts {} rows", group.num_rows())));
        }
        counted = counted.saturating_add(group.num_rows());
        for column in group.columns() {
            let of_column =
                |why: &str, n: i64| of_group(format!("says of column `{}`: {why} {n}", column.column_path()));
            let (values, descriptor) = (column.num_values(), column.column_descr());
            // A column without lists has a value, or a null, a row.
            if values < 0 || (descriptor.max_rep_level() == 0 && values != group.num_rows()) {
                return Err(of_column("number of values", values));
            }
            if column.uncompressed_size() < 0 {
                return Err(of_column("bytes unpacked", column.uncompressed_size()));
            }
            let starts = [Some(column.data_page_offset()), column.dictionary_page_offset()];
            let length = column.compressed_size();
            for start in starts.into_iter().flatten() {
                if u64::try_from(start).map_or(true, |start| start > size) {
                    return Err(of_column("pages at", start));
                }
            }
            let first = starts.into_iter().flatten().filter(|start| *start > 0).min().unwrap_or(0);
            let end = first.checked_add(length).and_then(|end| u64::try_from(end).ok());
            if length < 0 || end.is_none_or(|end| end > size) {
                return Err(of_column("bytes", length));
            }
        }
    }
    if counted != rows {
        return Err(format!("its footer counts {rows} rows, its row groups {counted}"));
    }
    Ok(())
}

/// Why one batch of some columns (of the file's schema) of a row group takes more memory than it may.
pub(super) fn too_large(
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
    columns: &[usize],
    limit: Option<u64>,
) -> Option<String> {
    let allowed = limit.map_or(UNLIMITED, |limit| (limit / 2).max(ALWAYS));
    let schema = metadata.file_metadata().schema_descr();
    for (leaf, column) in group.columns().iter().enumerate() {
        if !columns.contains(&schema.get_column_root_idx(leaf)) {
            continue;
        }
        let unpacked = u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX);
        let values = u64::try_from(column.num_values()).unwrap_or(0).max(1);
        let batch = (unpacked / values).saturating_mul(values.min(BATCH_ROWS as u64));
        if batch > allowed {
            let (batch, allowed) = (batch >> 20, allowed >> 20);
            return Some(format!(
                "{batch} MiB of memory would be needed to unpack column `{}`, whose values are absurdly long; {allowed} MiB \
                 are allowed",
                column.column_path()
            ));
        }
    }
    None
}
