//! Floor 3: table contracts, cleaning and row accounting.

pub mod accounting;
pub mod contract;
mod error;
pub mod guess;
mod identity_tables;
mod item_table;
pub mod lines;
mod member_table;
mod number;
mod quarantine;
pub mod settings;
pub mod side_rows;
mod side_tables;
mod table_input;
mod zone;

pub use error::InputError;
pub use identity_tables::{IdentityOf, TagId, read_identities, read_tag_ids};
pub use item_table::{ItemTable, NONE};
pub use member_table::{Activity, ActivityKind, MemberAttributes, MemberTable};
pub use quarantine::{CaughtRows, QuarantinedRow, raw_rows};
pub use settings::*;
pub use side_tables::{
    ConsentLedger, Contact, ListedItems, Permission, read_activities, read_compatibility, read_contacts,
    read_forgotten, read_members, read_suppressed_tags,
};
pub use table_input::{MappedBatch, TableInput};
pub use zone::Zone;
