//! Floor 10: the files of a run. All of them are sorted by member id over all shards; blocks of members are rendered in
//! parallel and appended in order, so that the bytes are the same for any number of threads.

mod blocks;
mod cell;
pub mod crm;
mod csv;
pub mod dialects;
mod error;
mod first_assigned;
mod generic;
mod item_statistics;
mod ledger_table;
mod member_days;
mod model_tables;
mod offers_table;
mod order;
mod parquet_file;
mod previous;
mod profiles;
pub mod redact;
mod run;
mod settings;
mod sink;
mod tables;
pub mod targets;
#[cfg(test)]
mod tests;
mod uplift_table;
pub mod validate;
mod words;

pub use blocks::in_order;
pub use csv::{is_formula, push_field, push_field_for_people, push_record};
pub use error::ExportError;
pub use first_assigned::{FIRST_ASSIGNED_COLUMNS, FIRST_ASSIGNED_PATH, push_first_assigned, write_first_assigned};
pub use generic::{DEFAULT_COLUMNS, GenericColumn};
pub use item_statistics::write_item_statistics;
pub use ledger_table::{LEDGER_COLUMNS, LEDGER_PATH, push_seats, write_ledger};
pub use member_days::{NextPurchase, write_held, write_next_purchases};
pub use model_tables::{RepeatPolicies, write_accessories};
pub use offers_table::offers_schema;
pub use order::{MemberOrder, MemberRef};
pub use parquet_file::{EncodedGroup, GroupEncoder, ParquetFile, write_batches};
pub use previous::{PREVIOUS_COLUMNS, push_previous};
pub use profiles::write_profiles;
pub use run::{RunTables, WrittenFile, write_csv, write_run};
pub use settings::{Compression, OutputSettings, RawOutput};
pub use sink::Sink;
pub use uplift_table::{UPLIFT_PATH, write_uplift};
