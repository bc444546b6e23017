//! A file of a target, in as many parts as the target's limits ask for.

use std::io::Write;

use super::report::FileEntry;
use crate::export::{ExportError, dialects::Role, sink::Sink, targets::Limits};

/// Writes the parts of a file: `full.csv`, `full.2.csv`, …
pub(super) struct Parts<'s> {
    sink: &'s dyn Sink,
    /// Path without extension.
    stem: String,
    extension: &'static str,
    header: String,
    limits: &'s Limits,
    role: Role,
    key: String,
    out: Option<(Box<dyn Write + Send>, String)>,
    bytes: u64,
    rows: u64,
    done: Vec<FileEntry>,
}

impl<'s> Parts<'s> {
    pub(super) fn new(
        sink: &'s dyn Sink,
        stem: String,
        extension: &'static str,
        header: String,
        limits: &'s Limits,
        (role, key): (Role, &str),
    ) -> Self {
        let (out, done) = (None, Vec::new());
        Self { sink, stem, extension, header, limits, role, key: key.to_owned(), out, bytes: 0, rows: 0, done }
    }

    fn open(&mut self) -> Result<(), ExportError> {
        let path = match self.done.len() {
            0 => format!("{}.{}", self.stem, self.extension),
            before => format!("{}.{}.{}", self.stem, before + 1, self.extension),
        };
        let mut out = self.sink.create(&path).map_err(ExportError::io(&path))?;
        out.write_all(self.header.as_bytes()).map_err(ExportError::io(&path))?;
        (self.bytes, self.rows) = (self.header.len() as u64, 0);
        self.out = Some((out, path));
        Ok(())
    }

    fn close(&mut self) -> Result<(), ExportError> {
        if let Some((mut out, path)) = self.out.take() {
            out.flush().map_err(ExportError::io(&path))?;
            self.done.push(FileEntry { path, role: self.role, key: self.key.clone(), rows: self.rows });
        }
        Ok(())
    }

    fn has_room(&self, bytes: u64, rows: u64) -> bool {
        self.limits.file_bytes.is_none_or(|most| self.bytes + bytes <= most)
            && self.limits.file_rows.is_none_or(|most| self.rows + rows <= most)
    }

    fn put(&mut self, text: &str, rows: u64) -> Result<(), ExportError> {
        if let Some((out, path)) = &mut self.out {
            out.write_all(text.as_bytes()).map_err(ExportError::io(path))?;
            self.bytes += text.len() as u64;
            self.rows += rows;
        }
        Ok(())
    }

    /// Appends one row.
    pub(super) fn row(&mut self, text: &str) -> Result<(), ExportError> {
        if self.out.is_none() {
            self.open()?;
        }
        if self.rows > 0 && !self.has_room(text.len() as u64, 1) {
            self.close()?;
            self.open()?;
        }
        self.put(text, 1)
    }

    /// Appends rows that end at `ends`, `lines` of them in all.
    pub(super) fn rows(&mut self, text: &str, ends: &[usize], lines: u64) -> Result<(), ExportError> {
        if self.out.is_none() {
            self.open()?;
        }
        if self.has_room(text.len() as u64, lines) {
            return self.put(text, lines);
        }
        let mut start = 0;
        for end in ends {
            // A row of several lines is only where nothing limits the file.
            self.row(&text[start..*end])?;
            start = *end;
        }
        Ok(())
    }

    /// Ends the last part; there is at least one.
    pub(super) fn finish(mut self) -> Result<Vec<FileEntry>, ExportError> {
        if self.out.is_none() && self.done.is_empty() {
            self.open()?;
        }
        self.close()?;
        Ok(self.done)
    }
}
