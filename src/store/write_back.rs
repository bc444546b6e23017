//! Brings a large file to the disk while it is still being written, so that the flush at its end finds little left to do.

use std::{
    fs::File,
    io,
    thread::{Builder, JoinHandle},
};

/// Bytes after which what was written is sent on its way.
const STEP: u64 = 64 << 20;

/// The flushes of one file.
#[derive(Debug, Default)]
pub(super) struct WriteBack {
    /// Bytes written since the last flush began.
    waiting: u64,
    under_way: Option<JoinHandle<io::Result<()>>>,
}

impl WriteBack {
    /// Says that so many bytes more were handed to the file; begins a flush if there are many and none is under way.
    ///
    /// # Errors
    /// If an earlier flush failed.
    pub(super) fn wrote(&mut self, bytes: u64, file: &File) -> io::Result<()> {
        self.waiting += bytes;
        if self.waiting < STEP || self.under_way.as_ref().is_some_and(|flush| !flush.is_finished()) {
            return Ok(());
        }
        self.finish()?;
        self.waiting = 0;
        let file = file.try_clone()?;
        // Where no thread can be had, the last flush does it all.
        self.under_way = Builder::new().name("nextoffer-flush".into()).spawn(move || file.sync_data()).ok();
        Ok(())
    }

    /// Waits for the flush that is under way. The system tells of a failed flush once only, so that what one says here
    /// must be heeded.
    ///
    /// # Errors
    /// If it failed.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.under_way.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(flushed)) => flushed,
            Some(Err(_)) => Err(io::Error::other("a flush was cut short")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        os::{fd::OwnedFd, unix::net::UnixStream},
    };

    use super::*;

    #[test]
    fn flushes_begin_with_enough_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        let mut back = WriteBack::default();
        file.write_all(&[1; 100]).unwrap();
        back.wrote(100, &file).unwrap();
        assert!(back.under_way.is_none());
        back.wrote(STEP, &file).unwrap();
        assert!(back.under_way.is_some());
        assert_eq!(back.waiting, 0);
        back.finish().unwrap();
        assert!(back.under_way.is_none());
    }

    #[test]
    fn a_failed_flush_is_told() {
        // A socket cannot be flushed to a disk.
        let (socket, _other) = UnixStream::pair().unwrap();
        let file = File::from(OwnedFd::from(socket));
        let mut back = WriteBack::default();
        back.wrote(STEP, &file).unwrap();
        back.finish().unwrap_err();
        back.finish().unwrap();
    }
}
