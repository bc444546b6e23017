//! `uplift.parquet`: what was measured, a row a kind, segment and outcome.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};

use super::{error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink, tables::text};
use crate::offers::{OutcomeUplift, UpliftReport};

/// Where it lies.
pub const UPLIFT_PATH: &str = "uplift.parquet";

/// Writes it; gives the number of rows. `segment_code` is null over all segments.
///
/// # Errors
/// If it cannot be written.
pub fn write_uplift(sink: &dyn Sink, report: &UpliftReport, compression: Compression) -> Result<u64, ExportError> {
    let mut rows: Vec<(&str, &str, Option<&str>, &OutcomeUplift)> = Vec::new();
    for track in &report.tracks {
        let whole = track.outcomes.iter().map(|o| (None, o));
        let segments = track.segments.iter();
        let own = segments.flat_map(|s| s.outcomes.iter().map(move |o| (Some(s.segment_code.as_str()), o)));
        rows.extend(whole.chain(own).map(|(s, o)| (track.kind.as_str(), track.against.as_str(), s, o)));
    }
    let float = |name: &str, nullable| Field::new(name, DataType::Float64, nullable);
    let count = |name: &str, nullable| Field::new(name, DataType::Int64, nullable);
    let schema = Arc::new(Schema::new(vec![
        text("kind", false),
        text("against", false),
        text("segment_code", true),
        text("outcome", false),
        count("treated_members", false),
        count("holdout_members", false),
        float("treated", false),
        float("holdout", false),
        float("uplift", false),
        float("low", false),
        float("high", false),
        float("adjusted_uplift", true),
        float("adjusted_low", true),
        float("adjusted_high", true),
        float("variance_reduction", true),
        float("detectable", false),
        count("holdout_needed", true),
    ]));
    let words = |get: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
        Arc::new((0..rows.len()).map(get).collect::<StringArray>())
    };
    let floats = |get: &dyn Fn(&OutcomeUplift) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| get(r.3)).collect::<Float64Array>())
    };
    let counts = |get: &dyn Fn(&OutcomeUplift) -> Option<u64>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| get(r.3).map(|n| n as i64)).collect::<Int64Array>())
    };
    let columns = vec![
        words(&|i| Some(rows[i].0.to_owned())),
        words(&|i| Some(rows[i].1.to_owned())),
        words(&|i| rows[i].2.map(str::to_owned)),
        words(&|i| Some(rows[i].3.outcome.code().to_owned())),
        counts(&|o| Some(o.members.treated)),
        counts(&|o| Some(o.members.holdout)),
        floats(&|o| Some(o.treated)),
        floats(&|o| Some(o.holdout)),
        floats(&|o| Some(o.uplift.difference)),
        floats(&|o| Some(o.uplift.low)),
        floats(&|o| Some(o.uplift.high)),
        floats(&|o| o.adjusted.as_ref().map(|a| a.difference.difference)),
        floats(&|o| o.adjusted.as_ref().map(|a| a.difference.low)),
        floats(&|o| o.adjusted.as_ref().map(|a| a.difference.high)),
        floats(&|o| o.adjusted.as_ref().map(|a| a.variance_reduction)),
        floats(&|o| Some(o.detectable)),
        counts(&|o| o.holdout_needed),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(UPLIFT_PATH))?;
    write_batches(sink, UPLIFT_PATH, &schema, compression, [batch])
}
