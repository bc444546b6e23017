//! A generated shop is read back and held against what was planted.

mod bytes;
mod personas;
mod planted;
mod read;
mod tables;
