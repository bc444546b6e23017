//! Floor 1: places where bytes live. The only floor (with the generator and the commands) that touches files by hand.

#![expect(clippy::disallowed_methods, reason = "the floor that the rule points at: its errors name the path")]

mod acks;
pub mod atomic;
mod error;
mod held;
mod input;
mod journal;
pub mod lock;
mod new_folder;
mod output;
mod places;
mod removing;
mod rewriting;
mod rolled_back;
mod step;
mod tombstones;
mod write_back;

pub use acks::{ACKS, Acks};
pub use error::StoreError;
pub use held::Scratch;
pub use input::InputFile;
pub use journal::Journal;
pub use new_folder::NewFolder;
pub use output::{CURRENT_LINK, CURRENT_POINTER, OutputRoot, PublishedRun, StagedFile, Staging, run_folder};
pub use places::Places;
pub use rewriting::Rewriting;
pub use step::step;
pub use tombstones::{FORGET_KEY, FORGOTTEN, Tombstones};
