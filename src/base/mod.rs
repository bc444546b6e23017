//! Floor 0: the vocabulary everything else is written in. Nothing here reads a file or knows a table.

pub mod calendar;
pub mod cities;
pub mod date;
pub mod digest;
pub mod findings;
pub mod hash;
pub mod id_table;
pub mod interner;
pub mod keyed_hash;
pub mod money;
pub mod pool;
pub mod progress;
pub mod round;
pub mod seed;
pub mod tag_code;
pub mod top_k;

pub use date::{Day, LocalTime};
pub use findings::{Finding, Findings, Severity};
pub use id_table::IdTable;
pub use money::{Currency, Minor};
