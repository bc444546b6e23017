//! The list of members to forget.

use std::{collections::HashSet, path::Path};

use arrow::{
    array::{Array, AsArray},
    compute::cast,
    datatypes::DataType,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::store::{StoreError, atomic};

const MEMBER: &str = "member_id";

/// Who is to be forgotten.
#[derive(Debug, Default)]
pub(super) struct ForgetList {
    /// Members.
    pub(super) members: HashSet<String>,
    /// Their ids elsewhere.
    pub(super) others: HashSet<String>,
}

/// A list of members that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ForgetListError {
    /// It is not there or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is no text.
    #[error("`{path}` is not UTF-8 text; give one member id a line, or CSV or Parquet with a column `member_id`")]
    NoText {
        /// The file.
        path: String,
    },
    /// It is not what its ending says.
    #[error("`{path}` cannot be read: {why}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing says which column holds the members.
    #[error("`{path}` has no column `member_id`; it has {columns}")]
    NoColumn {
        /// The file.
        path: String,
        /// Its columns.
        columns: String,
    },
    /// It names nobody.
    #[error("`{path}` names no member")]
    Nobody {
        /// The file.
        path: String,
    },
}

/// Reads a list.
pub(super) fn read(path: &Path) -> Result<ForgetList, ForgetListError> {
    let name = path.to_string_lossy().into_owned();
    let Some(bytes) = atomic::read(path)? else {
        return Err(StoreError::Io {
            action: "read",
            path: path.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::NotFound),
        }
        .into());
    };
    let list = match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => from_csv(&bytes, &name)?,
        Some("parquet") => from_parquet(bytes, &name)?,
        _ => {
            let text = std::str::from_utf8(&bytes).map_err(|_| ForgetListError::NoText { path: name.clone() })?;
            let text = text.trim_start_matches('\u{feff}');
            let mut list = ForgetList::default();
            text.lines().for_each(|line| list.add(true, line));
            list
        }
    };
    if list.members.is_empty() {
        return Err(ForgetListError::Nobody { path: name });
    }
    Ok(list)
}

impl ForgetList {
    fn add(&mut self, is_member: bool, cell: &str) {
        let cell = cell.trim();
        if !cell.is_empty() {
            if is_member {
                self.members.insert(cell.to_owned())
            } else {
                self.others.insert(cell.to_owned())
            };
        }
    }
}

fn no_column<'a>(path: &str, columns: impl Iterator<Item = &'a str>) -> ForgetListError {
    let all: Vec<String> = columns.map(|c| format!("`{c}`")).collect();
    ForgetListError::NoColumn { path: path.to_owned(), columns: all.join(", ") }
}

fn from_csv(bytes: &[u8], path: &str) -> Result<ForgetList, ForgetListError> {
    let damaged = |e: csv::Error| ForgetListError::Damaged { path: path.to_owned(), why: e.to_string() };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(damaged)?.clone();
    let Some(at) = header.iter().position(|name| name.trim() == MEMBER) else {
        return Err(no_column(path, header.iter()));
    };
    let mut list = ForgetList::default();
    for record in reader.records() {
        record.map_err(damaged)?.iter().enumerate().for_each(|(i, cell)| list.add(i == at, cell));
    }
    Ok(list)
}

fn from_parquet(bytes: Vec<u8>, path: &str) -> Result<ForgetList, ForgetListError> {
    let damaged = |why: String| ForgetListError::Damaged { path: path.to_owned(), why };
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).map_err(|e| damaged(e.to_string()))?;
    let schema = std::sync::Arc::clone(builder.schema());
    let Ok(at) = schema.index_of(MEMBER) else {
        return Err(no_column(path, schema.fields().iter().map(|f| f.name().as_str())));
    };
    let mut list = ForgetList::default();
    for batch in builder.build().map_err(|e| damaged(e.to_string()))? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        for (i, column) in batch.columns().iter().enumerate() {
            let text = cast(column, &DataType::Utf8);
            let text = match text {
                Ok(text) => text,
                Err(_) if i != at => continue,
                Err(e) => return Err(damaged(format!("column `{MEMBER}`: {e}"))),
            };
            let cells = text.as_string::<i32>();
            (0..cells.len()).filter(|row| cells.is_valid(*row)).for_each(|row| list.add(i == at, cells.value(row)));
        }
    }
    Ok(list)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests put files where they need them")]
mod tests {
    use super::*;

    fn list(name: &str, bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let sorted = |set: HashSet<String>| {
            let mut all: Vec<String> = set.into_iter().collect();
            all.sort();
            all
        };
        let shown = folder.path().to_string_lossy().into_owned() + "/";
        read(&path).map(|l| (sorted(l.members), sorted(l.others))).map_err(|e| e.to_string().replace(&shown, ""))
    }

    #[test]
    fn lines_csv_and_what_is_neither() {
        let own = |ids: &[&str]| ids.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
        assert_eq!(list("a.txt", "\u{feff}M1\r\n\n M2 \nM1\n".as_bytes()), Ok((own(&["M1", "M2"]), vec![])));
        assert_eq!(list("a.csv", b"mail,member_id\nx@y,M1\n,M2\n"), Ok((own(&["M1", "M2"]), own(&["x@y"]))));
        assert_eq!(list("a.csv", b"mail,uid\n"), Err("`a.csv` has no column `member_id`; it has `mail`, `uid`".into()));
        assert_eq!(list("a.txt", b"\n"), Err("`a.txt` names no member".into()));
        assert!(list("a.txt", b"\xff\xfe").unwrap_err().contains("not UTF-8"));
        assert!(list("a.parquet", b"PAR1").unwrap_err().starts_with("`a.parquet` cannot be read"));
    }
}
