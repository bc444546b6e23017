//! `segment_profiles.parquet`: what the members of each segment are like, one row a measure.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, Int32Array, StringArray},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};

use super::{error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink, tables::text};
use crate::{
    base::Currency,
    segments::{Profile, SegmentProfiles, ShareProfile},
};

/// A row: measure, name of what is measured, value, the same over all members, effect, z.
type Row<'a> = (&'static str, &'a str, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

/// Writes the profiles, sorted by segment (0: all members), measure and name; gives the number of rows. Columns:
/// `segment_id`, `segment_code`, `measure`, `name` (a feature, category, channel, stage …; empty where the measure needs
/// none), `value`, `all_members` (the same over all members), `effect` and `z` (see
/// [`crate::segments::FeatureProfile`]). Spend is in major units.
///
/// # Errors
/// If it cannot be written.
pub fn write_profiles(
    sink: &dyn Sink,
    profiles: &SegmentProfiles,
    currency: Currency,
    compression: Compression,
) -> Result<u64, ExportError> {
    const PATH: &str = "segment_profiles.parquet";
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let schema = Arc::new(Schema::new(vec![
        Field::new("segment_id", DataType::Int32, false),
        text("segment_code", false),
        text("measure", false),
        text("name", false),
        number("value"),
        number("all_members"),
        number("effect"),
        number("z"),
    ]));
    let mut order: Vec<&Profile> = std::iter::once(&profiles.all).chain(&profiles.segments).collect();
    order.sort_by_key(|p| p.segment_id);
    let mut keys: Vec<(i32, &str)> = Vec::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for profile in order {
        let mut own = rows_of(profile, &profiles.all, currency);
        own.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        keys.extend(own.iter().map(|_| (profile.segment_id, profile.segment_code.as_str())));
        rows.extend(own);
    }
    let numbers =
        |get: fn(&Row<'_>) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<Float64Array>()) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(keys.iter().map(|k| k.0))),
        Arc::new(StringArray::from_iter_values(keys.iter().map(|k| k.1))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
        numbers(|r| r.2),
        numbers(|r| r.3),
        numbers(|r| r.4),
        numbers(|r| r.5),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(PATH))?;
    write_batches(sink, PATH, &schema, compression, [batch])
}

fn rows_of<'a>(profile: &'a Profile, all: &'a Profile, currency: Currency) -> Vec<Row<'a>> {
    let major = |minor: i64| minor as f64 / 10f64.powi(i32::from(currency.exponent()));
    let one = |measure, value, base| -> Row<'a> { (measure, "", value, base, None, None) };
    let mut rows = vec![
        one("members", Some(profile.members as f64), Some(all.members as f64)),
        one("member_share", Some(profile.member_share), Some(all.member_share)),
        one("spend", Some(major(profile.spend_minor)), Some(major(all.spend_minor))),
        one("spend_share", Some(profile.spend_share), Some(all.spend_share)),
        one("repeat_purchase_rate", profile.repeat_purchase_rate, all.repeat_purchase_rate),
        one("reactivation_rate", profile.reactivation_rate, all.reactivation_rate),
        one("cross_channel_share", profile.cross_channel_share, all.cross_channel_share),
    ];
    for (own, base) in profile.features.iter().zip(&all.features) {
        for (i, measure) in ["lower_quartile", "median", "upper_quartile"].into_iter().enumerate() {
            let (effect, z) = if measure == "median" { (own.effect, own.z) } else { (None, None) };
            rows.push((measure, &own.name, own.quartiles.map(|q| q[i]), base.quartiles.map(|q| q[i]), effect, z));
        }
    }
    let mut shares = |measure, list: &'a [ShareProfile]| {
        rows.extend(list.iter().map(|s| (measure, s.code.as_str(), Some(s.share), Some(s.all), None, s.z)));
    };
    shares("category_share", &profile.categories);
    shares("channel_share", &profile.channels);
    shares("city_tier_share", &profile.city_tiers);
    shares("lifecycle_share", &profile.lifecycle);
    shares("value_band_share", &profile.value_bands);
    shares("rfm_share", &profile.rfm);
    rows
}
