//! Coupons of *The Complete Journey*: what is learned from earlier campaigns about the answers to later ones.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a test reads the data beside the project itself, and prints its figures"
)]

use std::collections::BTreeMap;

use arrow::{array::AsArray, datatypes::Date32Type, record_batch::RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::*;
use crate::base::hash::id_hash;

/// Last day of the redemptions and purchases.
const LAST: &str = "2017-12-31";

fn table(folder: &std::path::Path, name: &str) -> RecordBatch {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn texts<'b>(batch: &'b RecordBatch, column: &str) -> Vec<&'b str> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().map(Option::unwrap).collect()
}

fn days(batch: &RecordBatch, column: &str) -> Vec<Day> {
    let column = arrow::compute::cast(batch.column_by_name(column).unwrap(), &arrow::datatypes::DataType::Date32);
    column.unwrap().as_primitive::<Date32Type>().values().iter().map(|d| Day(*d)).collect()
}

struct Campaign {
    kind: u16,
    start: Day,
    end: Day,
}

/// Every contact with what was known of the member when its campaign began; and the offers.
fn observations(folder: &std::path::Path) -> (Vec<Observation>, Offering, Vec<Day>) {
    let campaigns = table(folder, "campaigns.parquet");
    let (starts, ends) = (days(&campaigns, "start_date"), days(&campaigns, "end_date"));
    let kinds = ["Type A", "Type B", "Type C"];
    let about: BTreeMap<&str, (u16, Campaign)> = texts(&campaigns, "campaign_id")
        .into_iter()
        .zip(texts(&campaigns, "campaign_type"))
        .enumerate()
        .map(|(at, (id, kind))| {
            let kind = kinds.iter().position(|k| *k == kind).unwrap() as u16;
            (id, (at as u16, Campaign { kind, start: starts[at], end: ends[at] }))
        })
        .collect();
    let redemptions = table(folder, "coupon_redemptions.parquet");
    let mut redeemed: BTreeMap<(&str, &str), Day> = BTreeMap::new();
    let keys = texts(&redemptions, "member_id").into_iter().zip(texts(&redemptions, "campaign_id"));
    for (key, day) in keys.zip(days(&redemptions, "redemption_date")) {
        redeemed.entry(key).and_modify(|first| *first = (*first).min(day)).or_insert(day);
    }
    let lines = table(folder, "transactions_sample.parquet");
    let mut purchases: BTreeMap<&str, Vec<Day>> = BTreeMap::new();
    for (member, day) in texts(&lines, "member_id").into_iter().zip(days(&lines, "ts")) {
        purchases.entry(member).or_default().push(day);
    }
    let contacts = table(folder, "campaign_contacts.parquet");
    let mut by_member: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (member, campaign) in texts(&contacts, "member_id").into_iter().zip(texts(&contacts, "campaign_id")) {
        by_member.entry(member).or_default().push(campaign);
    }
    let last = Day::parse(LAST).unwrap();
    let none = Vec::new();
    let mut all = Vec::new();
    for (member, sent) in &by_member {
        for campaign in sent {
            let (offer, Campaign { start, end, .. }) = &about[campaign];
            let bought = purchases.get(member).unwrap_or(&none);
            let activity = Activity::of(bought.iter().copied().filter(|d| d < start), *start);
            let earlier = || sent.iter().filter(|c| about[*c].1.start < *start);
            let came = |c: &str| redeemed.get(&(*member, c)).copied();
            let since = earlier().map(|c| start.since(about[c].1.start)).min();
            let so_far = SoFar {
                activity,
                contacts: earlier().filter(|c| start.since(about[*c].1.start) <= 180).count() as u16,
                known: earlier().filter(|c| about[*c].1.end < *start || came(c).is_some_and(|d| d < *start)).count()
                    as u16,
                accepted: earlier().filter(|c| came(c).is_some_and(|d| d < *start)).count() as u16,
                since_contact: since.unwrap_or(730).min(730) as u16,
            };
            // How often a member bought lately, in four groups: what a segment would say.
            let segment = match activity.days {
                0 => 0,
                1..=2 => 1,
                3..=5 => 2,
                _ => 3,
            };
            all.push(Observation {
                member: id_hash(member.as_bytes()),
                offer: Some(*offer),
                segment,
                sent: *start,
                known: (*end <= last).then(|| end.plus(1)),
                accepted: came(campaign).is_some_and(|day| day <= *end),
                so_far,
            });
        }
    }
    let mut kind = vec![0; about.len()];
    about.values().for_each(|(offer, campaign)| kind[usize::from(*offer)] = campaign.kind);
    let mut cuts: Vec<Day> = starts.iter().map(|d| d.plus(-1)).collect();
    cuts.sort_unstable();
    cuts.dedup();
    (all, Offering { kind, kinds: 3, segments: 4 }, cuts)
}

/// Every campaign predicted from those that had ended before it began. `--nocapture` prints the table.
#[test]
fn answers_to_later_campaigns() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/completejourney");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let (all, offering, cuts) = observations(&folder);
    assert_eq!(all.len(), 6589);
    assert_eq!(all.iter().filter(|o| o.accepted).count(), 792);
    let enough = Enough { for_rates: 200, for_model: 1000, most: 200_000 };
    let figures = out_of_time(&all, &offering, enough, &cuts, 1000, 1).unwrap();
    println!(
        "{} contacts of {} campaigns, {} redeemed ({:.1}%)",
        figures.contacts,
        figures.cuts.len(),
        figures.accepted,
        100.0 * figures.accepted as f64 / figures.contacts as f64
    );
    println!("{:<9}{:>9}  over members       gain over base  over members       over offers", "", "log-loss");
    for way in &figures.scored {
        let [loss, gain, offers] = [way.log_loss, way.gain, way.gain_over_offers];
        println!(
            "{:<9}{:>9.4}  {:.4} to {:.4}  {:>14.4}  {:.4} to {:.4}  {:.4} to {:.4}",
            way.name, loss.mean, loss.low, loss.high, gain.mean, gain.low, gain.high, offers.low, offers.high
        );
    }
    for name in ["base", "rates", "learned"] {
        let way = figures.of(name).unwrap();
        let error = way.calibration_error;
        println!("{name}: calibration error {:.4} ({:.4} to {:.4})", error.mean, error.low, error.high);
        println!("  contacts  campaigns  predicted  redeemed  95% over campaigns");
        for bin in &way.reliability {
            let [predicted, low, mean, high] =
                [bin.predicted, bin.accepted.low, bin.accepted.mean, bin.accepted.high].map(|share| 100.0 * share);
            println!(
                "  {:>8}  {:>9}  {predicted:>8.1}%  {mean:>7.1}%  {low:.1}% to {high:.1}%",
                bin.contacts, bin.offers
            );
        }
    }
    let learned = figures.of("learned").unwrap();
    assert!(learned.gain.low > 0.0, "better than the base rate beyond doubt: {:?}", learned.gain);
    assert!(learned.gain_over_offers.low > 0.0, "and would be with other campaigns: {:?}", learned.gain_over_offers);
    let predicted = learned.predictions.iter().map(|p| p.probability).sum::<f64>() / figures.contacts as f64;
    let came = figures.accepted as f64 / figures.contacts as f64;
    assert!((predicted - came).abs() < 0.02, "{predicted} predicted, {came} came");
    // In every bin what came is no further from what was predicted than campaigns differ by chance.
    for bin in &learned.reliability {
        assert!(bin.off.low <= 0.0 && bin.off.high >= 0.0, "{bin:?}");
        assert!((bin.predicted / bin.accepted.mean - 1.0).abs() < 0.35, "no bin is off by more than a third: {bin:?}");
    }
    assert!(learned.calibration_error.mean < figures.of("rates").unwrap().calibration_error.mean, "{learned:?}");
}
