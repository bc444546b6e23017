//! Floor 1: places where bytes live. The only floor (with the generator and the commands) that touches files by hand.

#![expect(clippy::disallowed_methods, reason = "the floor that the rule points at: its errors name the path")]

pub mod atomic;
mod error;
mod input;
pub mod lock;
mod output;
mod places;

pub use error::StoreError;
pub use input::InputFile;
pub use output::{CURRENT_LINK, CURRENT_POINTER, OutputRoot, PublishedRun, StagedFile, Staging, run_folder};
pub use places::Places;
