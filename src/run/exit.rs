//! Exit codes: a contract with schedulers, after sysexits.

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Published, or checked and found in order.
    Done = 0,
    /// The command line is wrong.
    Usage = 64,
    /// A quality gate refused to publish; nothing changed.
    Refused = 65,
    /// An input is absent or cannot be read.
    NoInput = 66,
    /// A bug.
    Bug = 70,
    /// The output cannot be created.
    CannotCreate = 73,
    /// The output cannot be written.
    CannotWrite = 74,
    /// Try again: another run holds the lock.
    TryAgain = 75,
    /// The job file is wrong.
    BadJob = 78,
    /// Already published (only with `--skip-if-published`).
    AlreadyPublished = 99,
}
