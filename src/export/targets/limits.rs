//! What a vendor takes at most. Vendors change these, so that they are defaults of the job, never constants of the code
//! that writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A target's limits as the job has them; what is left out is the dialect's default, 0 is no limit.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct RawLimits {
            $($(#[doc = $doc])+ pub $name: Option<u64>,)+
        }

        /// A target's limits; `None` is no limit.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Limits {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<u64>,)+
        }

        impl Limits {
            /// These limits with what the job says in their place.
            #[must_use]
            pub fn with(&self, raw: &RawLimits) -> Self {
                let over = |own: Option<u64>, said: Option<u64>| match said {
                    None => own,
                    Some(0) => None,
                    Some(limit) => Some(limit),
                };
                Self { $($name: over(self.$name, raw.$name),)+ }
            }
        }
    };
}

limits! {
    /// Bytes of one file; longer ones are split.
    file_bytes,
    /// Rows of one file below its header; longer ones are split.
    file_rows,
    /// Characters of the header line.
    header_chars,
    /// Columns of a file.
    columns,
    /// Characters of one field.
    field_chars,
    /// Characters of one record.
    record_chars,
    /// Rows a day; what goes beyond is said in `target.json`.
    day_rows,
    /// Calls under way at once (WeCom answers more with 45033).
    calls_at_once,
    /// Tags of one call, added and removed ones together.
    call_tags,
    /// Tags of one customer by one employee.
    customer_tags,
    /// Characters of a tag's name in the target.
    tag_name_chars,
    /// Characters of a tag group's name in the target.
    group_name_chars,
}
