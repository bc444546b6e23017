//! The job's sections `[inputs]`, `[cleaning]`, `[consent]` and `[labels]`: as written and as checked.

mod cleaning;
mod consent;
mod inputs;
mod labels;

pub use cleaning::{Action, CleaningSettings, RawCleaning, RawReturns, Reason, ReturnRules, UnknownItems, Window};
pub use consent::{ConsentSettings, RawConsent, UnknownBirthDate};
pub use inputs::{
    ColumnSource, InputSettings, ObjectStoreSettings, OneOrMany, RawColumn, RawExpr, RawInputs, RawObjectStore,
    RawTable, TableSource,
};
pub use labels::{Labelled, Labels, RawLabel, RawLabels};
