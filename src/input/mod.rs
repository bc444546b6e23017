//! Floor 3: table contracts, cleaning and row accounting.

pub mod accounting;
pub mod contract;
mod error;
mod item_table;
pub mod lines;
mod member_table;
mod number;
pub mod settings;
mod table_input;
mod zone;

pub use error::InputError;
pub use item_table::{ItemTable, NONE};
pub use member_table::{MemberAttributes, MemberTable};
pub use settings::*;
pub use table_input::{MappedBatch, TableInput};
