//! A generated shop is read back and held against what was planted.

#![expect(clippy::disallowed_methods, reason = "tests read and write files of their own")]

mod bytes;
mod personas;
mod planted;
mod read;
mod tables;
