//! Floor 12: the job file assembled from the sections that the other floors own.
//!
//! Text becomes a tree whose places are kept, overrides are set in it, the JSON Schema finds what has the wrong shape,
//! each section checks its own meaning, and only a job without errors comes out. Every finding is reported at once.

mod across;
mod canonical;
mod checked;
mod currencies;
mod document;
mod load;
mod offer_rows;
mod path;
mod raw;
mod report;
mod schema;
mod size;
mod structure;
#[cfg(test)]
mod tests;

pub use checked::{AsOf, Job, VERSION};
pub use load::{JobError, Loaded, load, load_text};
pub use raw::RawJob;
pub use report::{JobText, Report};
pub use schema::schema;
pub use size::parse_size;
