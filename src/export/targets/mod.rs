//! `[output.targets.<name>]`: which CRM gets which columns under which names, keyed by what, within which limits.

mod check;
mod column;
mod limits;
mod raw;
mod target;

pub use check::{Shared, check_targets, target_named};
pub use column::{Column, FieldType};
pub use limits::{Limits, RawLimits};
pub use raw::{
    BlankMeans, DeltaWhen, LineEnding, ListForm, RawField, RawFields, RawKey, RawPush, RawTarget, Rows, TextFormat,
    TooLong,
};
pub use target::{Field, Key, KeySource, Push, Target};
