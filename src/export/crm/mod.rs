//! From the members and decisions of a run to the files of its CRM targets: full snapshot, delta against the acknowledged
//! run, preview for people, and the state a later delta compares with.

mod block;
mod columns;
mod keys;
mod parts;
mod published;
mod render;
mod report;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod writer;

pub use block::{Block, MemberFacts, SegmentName, Source, TagWord, Words};
pub use columns::parquet_schema;
pub use keys::{Identities, IdentityRow, KeyBook};
pub use published::{PublishedRun, PublishedTables};
pub use render::{Rendered, render};
pub use report::{DeltaCounts, FileEntry, TARGET_FILE, TargetReport, validate_target};
pub use state::{AckedState, STATE_COLUMNS, STATE_FILE, StateRow};
pub use writer::{CrmPlan, Renderer, TargetPlan, TargetWriter};
