//! Night after night: what lasts from one run to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use nextoffer::{
    base::Day,
    run::{PreviousChoice, RunError, RunOptions},
};

use super::support::{Published, demo, digests, publish, try_publish};

/// Without the lines that come after the last day.
const UNCHANGED: &str = "inputs.transactions.filter=ts < timestamp '2026-07-01T00:00:00'";

fn night(out: &Path, as_of: &str, previous: PreviousChoice) -> Published {
    let options = RunOptions { as_of: Day::parse(as_of), previous, ..RunOptions::default() };
    publish("jobs/demo.toml", out, &[UNCHANGED], options)
}

fn newest(out: &Path, as_of: &str) -> Published {
    night(out, as_of, PreviousChoice::Newest)
}

fn segments_of(run: &Published) -> BTreeMap<String, (i64, String)> {
    let table = run.table("segments.parquet");
    let values = table.ints("segment_id").into_iter().map(Option::unwrap).zip(table.names("segment_code"));
    let ids = table.names("member_id").into_iter().map(str::to_owned);
    ids.zip(values.map(|(id, code)| (id, code.to_owned()))).collect()
}

fn tags_of(run: &Published) -> BTreeMap<(String, String), i32> {
    let table = run.table("tags.parquet");
    let keys = table.names("member_id").into_iter().zip(table.names("tag"));
    keys.map(|(member, tag)| (member.to_owned(), tag.to_owned()))
        .zip(table.days("since").into_iter().flatten())
        .collect()
}

/// Validity and sentence by member, offer, item and category.
type Decisions = BTreeMap<(String, String, Option<String>, Option<String>), (i32, i32, String)>;

fn offers_of(run: &Published) -> Decisions {
    let table = run.table("offers.parquet");
    let (members, ids) = (table.names("member_id"), table.names("offer_id"));
    let (items, categories) = (table.texts("item_id"), table.texts("category"));
    let (from, until) = (table.days("valid_from"), table.days("valid_until"));
    let sentences = table.names("text_zh");
    let own = |text: Option<&str>| text.map(str::to_owned);
    (0..table.rows())
        .map(|i| {
            let key = (members[i].to_owned(), ids[i].to_owned(), own(items[i]), own(categories[i]));
            (key, (from[i].unwrap(), until[i].unwrap(), sentences[i].to_owned()))
        })
        .collect()
}

#[test]
fn the_second_night_keeps_what_the_first_gave() {
    let out = tempfile::tempdir().unwrap();
    let first = newest(out.path(), "2026-06-30");
    let second = newest(out.path(), "2026-07-01");
    assert_eq!(first.manifest.previous_run, None);
    assert_eq!(second.manifest.previous_run.as_ref(), Some(&first.manifest.run_id));
    assert!(second.current && second.manifest.rows["transactions"].kept == first.manifest.rows["transactions"].kept);

    // The segments keep their ids and codes, and nearly all members stay where they were.
    let identity = |run: &Published| -> Vec<(i32, String)> {
        run.manifest.segments.iter().map(|s| (s.id, s.code.clone())).collect()
    };
    assert_eq!(identity(&first), identity(&second));
    let (before, after) = (segments_of(&first), segments_of(&second));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let members = before.len() as f64;
    let moved = before.iter().filter(|(member, at)| after[*member] != **at).count() as f64 / members;
    assert!(moved < 0.01, "{moved} of the members changed their segment");

    // A tag that stays keeps its date; one that is new has the new day's.
    let (old_tags, new_tags) = (tags_of(&first), tags_of(&second));
    for (tag, since) in &new_tags {
        assert_eq!(*since, old_tags.get(tag).copied().unwrap_or(second.manifest.as_of.0), "{tag:?}");
    }
    let gone = old_tags.keys().filter(|tag| !new_tags.contains_key(*tag));
    let come = new_tags.keys().filter(|tag| !old_tags.contains_key(*tag));
    let changed: BTreeSet<&String> = gone.chain(come).map(|(member, _)| member).collect();
    assert!((changed.len() as f64) < 0.05 * members, "{} members changed a tag", changed.len());

    // An offer that stays is valid from and until the same day, and nearly always says the same.
    let (old_offers, new_offers) = (offers_of(&first), offers_of(&second));
    let (mut kept, mut reworded) = (0, 0);
    for (offer, (from, until, sentence)) in &new_offers {
        match old_offers.get(offer) {
            Some((old_from, old_until, old_sentence)) => {
                assert_eq!((from, until), (old_from, old_until), "{offer:?}");
                kept += 1;
                reworded += usize::from(sentence != old_sentence);
            }
            None => assert!(*from > second.manifest.as_of.0, "{offer:?}"),
        }
    }
    let gone = old_offers.keys().filter(|key| !new_offers.contains_key(*key));
    let come = new_offers.keys().filter(|key| !old_offers.contains_key(*key));
    let changed: BTreeSet<&String> = gone.chain(come).map(|(member, ..)| member).collect();
    println!(
        "{} of {members} lists changed; {kept} decisions stayed, {reworded} of them in other words",
        changed.len()
    );
    assert!((changed.len() as f64) < 0.05 * members, "{} of {members} lists changed", changed.len());
    assert!(reworded as f64 <= 0.01 * kept as f64, "{reworded} of {kept} decisions that stayed say something else");
}

#[test]
fn the_previous_run_by_name_or_none() {
    let out = tempfile::tempdir().unwrap();
    let first = newest(out.path(), "2026-06-29");
    let second = newest(out.path(), "2026-06-30");
    let elsewhere = tempfile::tempdir().unwrap();
    let named = night(elsewhere.path(), "2026-06-30", PreviousChoice::Place(first.folder.to_str().unwrap().to_owned()));
    assert_eq!(named.manifest, second.manifest, "the run found and the run named are one");
    assert_eq!(digests(&named.folder), digests(&second.folder));

    let alone = night(out.path(), "2026-06-30", PreviousChoice::None);
    assert_eq!(alone.manifest.previous_run, None);
    assert_ne!(alone.manifest.run_id, second.manifest.run_id);
    let days = alone.table("tags.parquet").days("since");
    assert!(days.iter().all(|day| *day == Some(alone.manifest.as_of.0)), "everything starts afresh");

    let options = RunOptions { previous: PreviousChoice::Place("nowhere".into()), ..RunOptions::default() };
    let error = try_publish("jobs/demo.toml", out.path(), &[], options).unwrap_err();
    assert!(matches!(error, RunError::NoPrevious { .. }), "{error}");

    // A run of the same or a later day would let the future in.
    let same_day = PreviousChoice::Place(second.folder.to_str().unwrap().to_owned());
    let options = RunOptions { previous: same_day, ..RunOptions::default() };
    let error = try_publish("jobs/demo.toml", elsewhere.path(), &[], options).unwrap_err();
    assert!(matches!(error, RunError::WrongPrevious { .. }), "{error}");
    assert!(error.to_string().contains("its day 2026-06-30 is not before 2026-06-30"), "{error}");
}

#[test]
fn a_backfill_leaves_current_alone() {
    let out = tempfile::tempdir().unwrap();
    let newest_run = newest(out.path(), "2026-06-30");
    let current = fs::read_link(out.path().join("current")).unwrap();
    let backfill = newest(out.path(), "2026-06-20");
    assert!(!backfill.current && backfill.folder.join("_SUCCESS").exists());
    assert_eq!(fs::read_link(out.path().join("current")).unwrap(), current);
    // A later day is no previous run of an earlier one.
    assert_eq!(backfill.manifest.previous_run, None);
    // Nothing later than the as-of day was read into it.
    let rows = &backfill.manifest.rows["transactions"];
    assert!(rows.quarantined["after_as_of"] > 0 && rows.kept < newest_run.manifest.rows["transactions"].kept);
}

/// Other jobs in the same place are no earlier runs of this one.
#[test]
fn another_jobs_run_is_not_followed() {
    let out = tempfile::tempdir().unwrap();
    let options = || RunOptions { as_of: Day::parse("2026-06-25"), ..RunOptions::default() };
    publish("jobs/demo.toml", out.path(), &["name=other"], options());
    let run = publish("jobs/demo.toml", out.path(), &["output.features=true"], RunOptions::default());
    assert_eq!(run.manifest.previous_run, None);
    assert_eq!(digests(&run.folder), digests(&demo().folder));
}
