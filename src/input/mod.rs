//! Floor 3: table contracts, cleaning and row accounting.

mod item_table;
mod member_table;

pub use item_table::{ItemTable, NONE};
pub use member_table::{MemberAttributes, MemberTable};
