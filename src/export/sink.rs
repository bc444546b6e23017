//! Where the files of a run go.

use std::io::{self, Write};

use crate::store::{NewFolder, Staging};

/// A place that takes the files of a run by their path relative to the run's folder.
pub trait Sink: Sync {
    /// A new file. It is whole once the writer was flushed and dropped.
    ///
    /// # Errors
    /// If the file cannot be made.
    fn create(&self, relative: &str) -> io::Result<Box<dyn Write + Send>>;
}

impl Sink for Staging {
    fn create(&self, relative: &str) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(Staging::create(self, relative)?))
    }
}

impl Sink for NewFolder {
    fn create(&self, relative: &str) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(self.file(relative)?))
    }
}
