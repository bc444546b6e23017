//! Floor 2: the only folder that names DataFusion. Sessions, scans of Parquet files, SQL expressions, and how work is
//! mapped over shards.

mod bad_text;
mod damage;
mod error;
pub mod expr;
mod footer;
pub mod group_sql;
mod guard;
mod scan;
mod session;
pub mod shard_map;

pub use error::EngineError;
pub use scan::{ParquetFile, ScanChunk, ScanRows};
pub use session::Engine;
