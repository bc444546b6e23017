//! Floor 1: places where bytes live. The only floor (with the generator and the commands) that touches files by hand.

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
