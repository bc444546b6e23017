//! Parquet files and folders of a shop.

#![expect(clippy::disallowed_methods, reason = "the generator's own files; every error names its path")]

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};

use super::{GenerateError, spec::Recipe};

/// Name of the file that makes a folder a generated shop. Written last.
pub(super) const RECIPE: &str = "recipe.json";
/// Where a shop grows until it is whole.
const PARTIAL: &str = ".partial";

/// A Parquet file that grows by one row group at a time.
pub(super) struct TableFile {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<File>>,
    rows: u64,
}

impl TableFile {
    /// Creates the file. `plain` names columns whose values hardly repeat, so that a dictionary would not help.
    pub(super) fn create(path: PathBuf, schema: SchemaRef, plain: &[&str]) -> Result<Self, GenerateError> {
        let file = File::create(&path).map_err(GenerateError::io("create", &path))?;
        let level = ZstdLevel::try_new(1).unwrap_or_default();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(None);
        for column in plain {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
        }
        // Without the Arrow schema a reader sees the types of Parquet alone, as in files of other programs.
        let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(BufWriter::new(file), Arc::clone(&schema), options)
            .map_err(GenerateError::parquet(&path))?;
        Ok(Self { path, schema, writer, rows: 0 })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a row group; nothing for no rows.
    pub(super) fn append(&mut self, batch: &RecordBatch) -> Result<(), GenerateError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).and_then(|()| self.writer.flush()).map_err(GenerateError::parquet(&self.path))
    }

    /// Finishes the file; rows and bytes.
    pub(super) fn close(self) -> Result<(u64, u64), GenerateError> {
        let file = self
            .writer
            .into_inner()
            .map_err(GenerateError::parquet(&self.path))?
            .into_inner()
            .map_err(|error| GenerateError::io("write", &self.path)(error.into_error()))?;
        let bytes = file.metadata().map_err(GenerateError::io("read", &self.path))?.len();
        Ok((self.rows, bytes))
    }
}

/// The folder of a shop while it grows: everything is written below `.partial` and moved when it is whole.
pub(super) struct ShopFolder {
    root: PathBuf,
    partial: PathBuf,
}

impl ShopFolder {
    /// Opens the folder for a new shop; makes it if there is none.
    pub(super) fn open(root: &Path) -> Result<Self, GenerateError> {
        fs::create_dir_all(root).map_err(GenerateError::io("create", root))?;
        let partial = root.join(PARTIAL);
        let (mut empty, mut foreign) = (true, false);
        for entry in fs::read_dir(root).map_err(GenerateError::io("read", root))? {
            let name = entry.map_err(GenerateError::io("read", root))?.file_name();
            empty = false;
            foreign |= !super::NAMES.iter().chain(&[PARTIAL, RECIPE]).any(|known| name == *known);
        }
        // A folder that broke off half-way has no recipe, but it still has `.partial`.
        if !empty && (foreign || !(partial.is_dir() || Self::recipe(root)?.is_some())) {
            return Err(GenerateError::NotAShop { path: root.to_owned() });
        }
        remove(&partial)?;
        for folder in ["transactions", "truth"] {
            let path = partial.join(folder);
            fs::create_dir_all(&path).map_err(GenerateError::io("create", &path))?;
        }
        Ok(Self { root: root.to_owned(), partial })
    }

    /// The recipe of a folder, if it holds a generated shop.
    pub(super) fn recipe(root: &Path) -> Result<Option<Recipe>, GenerateError> {
        let path = root.join(RECIPE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(GenerateError::io("read", &path)(error)),
        };
        let recipe: Recipe = serde_json::from_slice(&text).map_err(|source| GenerateError::Json { path, source })?;
        Ok((recipe.generator == Recipe::GENERATOR).then_some(recipe))
    }

    /// Where a file is written for now.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Writes a JSON file.
    pub(super) fn json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), GenerateError> {
        let path = self.path(name);
        let mut text =
            serde_json::to_vec_pretty(value).map_err(|source| GenerateError::Json { path: path.clone(), source })?;
        text.push(b'\n');
        fs::write(&path, text).map_err(GenerateError::io("write", &path))
    }

    /// Puts everything in place, over the shop that was there. The recipe goes first and comes last, so that a folder with
    /// a recipe is whole.
    pub(super) fn publish(self) -> Result<(), GenerateError> {
        remove(&self.root.join(RECIPE))?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.partial).map_err(GenerateError::io("read", &self.partial))? {
            names.push(entry.map_err(GenerateError::io("read", &self.partial))?.file_name());
        }
        names.sort_by_key(|name| (name == RECIPE, name.clone()));
        for name in names {
            let (from, to) = (self.partial.join(&name), self.root.join(&name));
            remove(&to)?;
            fs::rename(&from, &to).map_err(GenerateError::io("move into place", &to))?;
        }
        fs::remove_dir(&self.partial).map_err(GenerateError::io("remove", &self.partial))
    }
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> Result<(), GenerateError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GenerateError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
