//! Salesforce Bulk API 2.0: upsert by an external-id field. A blank leaves a value as it is, `#N/A` clears it.

use super::{CsvForm, Defaults, Dialect, ListStyle, Options};
use crate::export::targets::{BlankMeans, Limits, LineEnding, Target};

/// The dialect.
#[derive(Debug)]
pub struct Salesforce;

impl Dialect for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("Member_Id__c", "identity.salesforce", false)],
            fields: &[
                ("Segment__c", "segment_code"),
                ("Lifecycle__c", "lifecycle"),
                ("Value_Band__c", "value_band"),
                ("Tags__c", "tags"),
                ("Next_Offer__c", "offer_1.offer_id"),
                ("Next_Offer_Until__c", "offer_1.valid_until"),
            ],
            limits: Limits {
                file_bytes: Some(100_000_000),
                header_chars: Some(32_000),
                columns: Some(5_000),
                field_chars: Some(32_000),
                record_chars: Some(400_000),
                day_rows: Some(150_000_000),
                ..Limits::default()
            },
            blank: (BlankMeans::Ignored, false),
            options: Options { line_ending: true, ..Options::default() },
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm {
            line_end: if target.line_ending == LineEnding::Crlf { "\r\n" } else { "\n" },
            null: "#N/A",
            list: ListStyle::Joined(';'),
            ..CsvForm::default()
        })
    }
}
