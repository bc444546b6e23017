//! Floor 12: the job file assembled from the sections that the other floors own.
//!
//! Text becomes a tree whose places are kept, overrides are set in it, the JSON Schema finds what has the wrong shape,
//! each section checks its own meaning, and only a job without errors comes out. Every finding is reported at once; what could
//! be made of a wrong job goes with them, for `check` to hold against the inputs.

mod across;
mod canonical;
mod checked;
mod currencies;
mod document;
mod doubts;
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
pub use doubts::Doubts;
pub use load::{JobError, Loaded, Mended, load, load_text};
pub use raw::RawJob;
pub use report::{JobText, Report};
pub use schema::schema;
pub use size::parse_size;
