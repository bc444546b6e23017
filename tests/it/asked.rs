//! What people ask of a published run: `explain` and `diff`, held against the files of the runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use nextoffer::{
    base::{Day, progress::Silent},
    job,
    run::{DiffOptions, ExplainOptions, Explanation, RunOptions, Status, diff, explain},
};

use super::support::{Published, Table, by_key, demo, nextoffer, publish, root, shop};

fn ask(member: &str) -> Explanation {
    let loaded = job::load(&root().join("jobs/demo.toml"), &["output.features=true".to_owned()]).unwrap();
    let out = Some(demo().out.to_str().unwrap().to_owned());
    let options = ExplainOptions { member: member.to_owned(), out, ..ExplainOptions::default() };
    explain(&loaded, &options, &Silent).unwrap()
}

/// The rows of a member.
fn rows_of(table: &Table, member: &str) -> Vec<usize> {
    table.names("member_id").iter().enumerate().filter(|(_, id)| **id == member).map(|(i, _)| i).collect()
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * (1.0 + b.abs())
}

/// The member's list as explained and as published.
fn same_list(found: &Explanation, offers: &Table) {
    let rows = rows_of(offers, &found.answer.member_id);
    assert!(!rows.is_empty());
    assert_eq!(found.answer.list.len(), rows.len());
    let (ids, items, texts) = (offers.names("offer_id"), offers.texts("item_id"), offers.names("text_zh"));
    let (english, reasons, scores) = (offers.names("text_en"), offers.names("reason_code"), offers.floats("score"));
    let (slots, until) = (offers.ints("slot"), offers.days("valid_until"));
    for row in rows {
        let own = found.answer.list.iter().find(|s| s.slot.map(i64::from) == slots[row]).unwrap();
        assert_eq!((own.offer_id.as_str(), own.item_id.as_deref()), (ids[row], items[row]));
        assert_eq!((own.text_zh.as_str(), own.text_en.as_str()), (texts[row], english[row]));
        assert_eq!((own.reason, Some(own.score)), (reasons[row], scores[row]));
        assert_eq!(own.valid_until.map(|d| d.0), until[row]);
    }
}

#[test]
fn an_answer_is_what_the_night_decided() {
    let run = demo();
    let (segments, tags) = (run.table("segments.parquet"), run.table("tags.parquet"));
    let (features, offers) = (run.table("features.parquet"), run.table("offers.parquet"));
    // The first member who has each offer, one who is held out, one in each segment.
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let (members, ids) = (offers.names("member_id"), offers.names("offer_id"));
    let personalised: BTreeSet<&str> = segments.names("member_id").into_iter().collect();
    for offer in &run.manifest.offers {
        let first = members.iter().zip(&ids).find(|(m, id)| **id == offer.offer_id && personalised.contains(**m));
        wanted.extend(first.map(|(member, _)| *member));
    }
    let arms = segments.names("arm");
    wanted.extend(segments.names("member_id").into_iter().zip(&arms).find(|(_, a)| **a == "holdout").map(|m| m.0));
    assert!(wanted.len() >= 4, "{wanted:?}");
    for member in wanted {
        let found = ask(member);
        assert!(found.exact, "{found:?}");
        assert_eq!(found.published.as_ref().unwrap().run_id, run.manifest.run_id);
        assert_eq!(found.answer.status, Status::Personalised);
        same_list(&found, &offers);
        let explained = found.answer.explained.as_ref().unwrap();

        let row = rows_of(&segments, member)[0];
        let place = &explained.segment;
        assert_eq!(Some(i64::from(place.segment.id)), segments.ints("segment_id")[row]);
        assert_eq!(Some(i64::from(place.nearest.id)), segments.ints("nearest_segment")[row]);
        assert_eq!(place.distances[0].segment, place.nearest);
        assert_eq!(place.distances.len(), run.manifest.segments.len());
        let (nearest, second) = (place.distances[0].distance, place.distances[1].distance);
        assert!(is_near(nearest, segments.floats("distance")[row].unwrap()));
        assert!(is_near(second - nearest, segments.floats("margin")[row].unwrap()));
        assert_eq!(explained.arm, arms[row]);

        let row = rows_of(&features, member)[0];
        for feature in &explained.features {
            let column = features.floats(&feature.name);
            assert_eq!(feature.value, column[row].filter(|v| !v.is_nan()), "{}", feature.name);
            let known: Vec<f64> = column.iter().flatten().copied().filter(|v| !v.is_nan()).collect();
            let rank = feature.value.map(|own| {
                let below = known.iter().filter(|v| **v < own).count() as f64;
                let equal = known.iter().filter(|v| **v == own).count() as f64;
                (below + equal / 2.0) / known.len() as f64 * 100.0
            });
            assert_eq!(feature.percentile, rank, "{}", feature.name);
        }

        let published: Vec<(&str, i32)> = rows_of(&tags, member)
            .into_iter()
            .map(|i| (tags.names("tag")[i], tags.days("since")[i].unwrap()))
            .collect();
        let said: Vec<(&str, i32)> = explained.tags.iter().map(|t| (t.tag.as_str(), t.since.0)).collect();
        assert_eq!(said, published);
        assert!(explained.tags.iter().all(|t| !t.rule.is_empty()));

        assert!(!explained.candidates.is_empty());
        for candidate in &explained.candidates {
            let sum: f64 = candidate.terms.iter().map(|t| t.value).sum();
            assert!(is_near(sum, candidate.score), "{candidate:?}");
        }

        // Every offer of the catalogue has one verdict, and what is kept is what is on the list.
        assert_eq!(found.answer.offers.len(), run.manifest.offers.len());
        for offer in &found.answer.offers {
            let slots: Vec<Option<u8>> = offer.slots.iter().map(|s| s.slot).collect();
            let listed = found.answer.list.iter().filter(|s| s.offer_id == offer.offer_id);
            assert_eq!(slots, listed.map(|s| s.slot).collect::<Vec<_>>());
            assert_eq!(offer.verdict == "kept", !slots.is_empty());
            assert!(!offer.why_zh.is_empty() && !offer.why_en.is_empty());
            for parts in offer.slots.iter().filter_map(|s| Some((s.score, s.parts?))) {
                let (score, p) = parts;
                let product = p.fit * p.probability.unwrap_or(1.0) * p.worth * p.priority * p.incentive;
                assert!(is_near(product, score), "{product} {score} {p:?}");
            }
        }
    }
}

#[test]
fn members_who_are_not_in_the_run() {
    let run = demo();
    let offers = run.table("offers.parquet");
    let generic = offers.names("member_id").into_iter().zip(offers.names("basis")).find(|(_, b)| *b == "generic");
    let found = ask(generic.unwrap().0);
    assert_eq!(found.answer.status, Status::OptedOut);
    assert!(found.answer.explained.is_none());
    same_list(&found, &offers);
    // Every offer has its answer here too: on the one list, or refused because of the member's own choice.
    assert_eq!(found.answer.offers.len(), run.manifest.offers.len());
    for offer in &found.answer.offers {
        assert_eq!(offer.verdict == "kept", !offer.slots.is_empty());
        assert!(matches!(offer.verdict, "kept" | "opted_out"), "{offer:?}");
    }
    assert!(found.answer.offers.iter().any(|o| o.verdict == "kept"));

    let nobody = ask("nobody-of-this-id");
    assert_eq!((nobody.answer.status, nobody.answer.list.len()), (Status::Unknown, 0));
    assert!(nobody.answer.offers.is_empty());

    // Of the members table, who is in no output was left out, and the answer says why.
    let inside: BTreeSet<&str> = offers.names("member_id").into_iter().chain(["", "-"]).collect();
    let listed = Table::read(&shop("members.parquet"));
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let left_out: Vec<&str> = listed.names("member_id").into_iter().filter(|m| !inside.contains(m)).take(12).collect();
    for member in left_out {
        let found = ask(member);
        let has_list = !rows_of(&run.table("segments.parquet"), member).is_empty();
        match found.answer.status {
            // Whoever has no slot is in the run all the same.
            Status::Personalised => assert!(has_list && found.answer.list.is_empty()),
            status => {
                assert!(!has_list && found.answer.list.is_empty());
                assert_eq!(found.answer.offers.len(), run.manifest.offers.len());
                let code = found.answer.offers[0].verdict;
                assert!(found.answer.offers.iter().all(|o| o.verdict == code && !o.why_zh.is_empty()), "{code}");
                assert!(["no_lawful_basis", "withdrawn", "minor", "forgotten", "no_lines"].contains(&code), "{code}");
                *seen.entry(format!("{status:?}")).or_default() += 1;
            }
        }
    }
    assert!(seen.len() >= 2, "{seen:?}");
}

/// The text without its line breaks: long lines are wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn explain_on_the_command_line() {
    let run = demo();
    let out = run.out.to_str().unwrap();
    let segments = run.table("segments.parquet");
    let member = segments.names("member_id")[0];
    let with = |more: &[&str]| {
        nextoffer(
            &[&["explain", "jobs/demo.toml", "--out", out, "--set", "output.features=true", "--quiet"], more].concat(),
        )
    };
    let english = with(&["--member", member]);
    assert_eq!(english.code, 0, "{}", english.err);
    for part in
        ["SEGMENT", "FEATURES", "TAGS", "CANDIDATES", "LIST", "EVERY OFFER", "so this is what that night decided"]
    {
        assert!(flat(&english.out).contains(part), "{part}: {}", english.out);
    }
    let chinese = with(&["--member", member, "--lang", "zh"]);
    // A sentence may run over two lines.
    let text: String = chinese.out.split_whitespace().collect();
    assert!(text.contains("每项优惠") && text.contains("即当晚的决定"), "{}", chinese.out);
    let json: serde_json::Value = serde_json::from_str(&with(&["--member", member, "--json"]).out).unwrap();
    assert_eq!((&json["exact"], &json["member_id"]), (&true.into(), &member.into()));
    let nobody = with(&["--member", "nobody-of-this-id"]);
    assert_eq!(nobody.code, 66);
    assert!(flat(&nobody.out).contains("nor the lines of the run know this id"), "{}", nobody.out);
    // Another job than that of the run: said, not hidden.
    let other = with(&["--member", member, "--set", "decision.slots=3"]);
    assert!(flat(&other.out).contains("the job or an input has changed since"), "{}", other.out);
}

fn night(out: &Path, day: &str) -> Published {
    let options = RunOptions { as_of: Day::parse(day), ..RunOptions::default() };
    publish("jobs/demo.toml", out, &[], options)
}

#[test]
fn what_changed_between_two_runs() {
    let place = tempfile::tempdir().unwrap();
    let (before, after) = (night(place.path(), "2026-05-31"), night(place.path(), "2026-06-30"));
    let options = DiffOptions { out: place.path().to_str().unwrap().to_owned(), examples: 3, ..DiffOptions::default() };
    let found = diff("2026-05-31", "current", &options).unwrap();
    assert!(found.follows && found.same_settings);
    assert_eq!(found.before.run_id, before.manifest.run_id);

    // Members, from the tables themselves.
    let table = |run: &Published| run.table("segments.parquet");
    let (a, b) = (table(&before), table(&after));
    let (then, now) =
        (by_key(a.names("member_id"), a.ints("segment_id")), by_key(b.names("member_id"), b.ints("segment_id")));
    let both: Vec<&str> = then.keys().filter(|m| now.contains_key(*m)).copied().collect();
    let moved: Vec<&str> = both.iter().filter(|m| then[*m] != now[*m]).copied().collect();
    let m = &found.members;
    assert_eq!((m.before as usize, m.after as usize, m.both as usize), (then.len(), now.len(), both.len()));
    assert_eq!((m.joined as usize, m.left as usize), (now.len() - both.len(), then.len() - both.len()));
    assert_eq!(m.moved as usize, moved.len());
    assert_eq!(found.moves.iter().map(|m| m.members).sum::<u64>(), m.moved);
    assert!(m.joined > 0 && m.adjusted_rand > 0.5 && m.adjusted_rand <= 1.0, "{m:?}");
    for change in &found.moves {
        assert_eq!(change.examples.len() as u64, change.members.min(3));
        assert!(change.examples.iter().all(|id| moved.contains(&id.as_str())));
    }

    // Tags, member by member.
    let held = |run: &Published| -> BTreeSet<(String, String)> {
        let table = run.table("tags.parquet");
        let pairs = table.names("member_id").into_iter().zip(table.names("tag"));
        pairs.map(|(m, t)| (m.to_owned(), t.to_owned())).collect()
    };
    let (then, now) = (held(&before), held(&after));
    let in_both = |m: &str| both.contains(&m);
    for tag in &found.tags {
        let gained = now.difference(&then).filter(|(m, t)| *t == tag.tag && in_both(m)).count();
        let lost = then.difference(&now).filter(|(m, t)| *t == tag.tag && in_both(m)).count();
        // Members of both runs' tags are counted: whoever has no tag at all in a run is not.
        assert_eq!((tag.gained as usize, tag.lost as usize), (gained, lost), "{tag:?}");
        assert_eq!(tag.held_after as usize, now.iter().filter(|(_, t)| *t == tag.tag).count());
    }
    assert!(found.tags.iter().any(|t| t.tag == "lc_active"));

    // Assignments, offer by offer.
    let given = |run: &Published| -> BTreeSet<(String, String, Option<String>, Option<String>)> {
        let t = run.table("offers.parquet");
        let (ids, offers, items, categories) =
            (t.names("member_id"), t.names("offer_id"), t.texts("item_id"), t.texts("category"));
        let own = |text: Option<&str>| text.map(str::to_owned);
        (0..t.rows()).map(|i| (ids[i].to_owned(), offers[i].to_owned(), own(items[i]), own(categories[i]))).collect()
    };
    let (then, now) = (given(&before), given(&after));
    assert!(!found.offers.is_empty());
    for offer in &found.offers {
        let count = |a: &BTreeSet<_>, b: &BTreeSet<(String, String, Option<String>, Option<String>)>| {
            b.difference(a).filter(|row| row.1 == offer.offer_id).count() as u64
        };
        assert_eq!((offer.given, offer.withdrawn), (count(&then, &now), count(&now, &then)), "{offer:?}");
    }
    let l = &found.lists;
    assert_eq!(l.both, l.same + l.reordered + l.changed);
    assert!(l.changed > 0);

    let kept = found.figures.iter().find(|f| f.figure == "rows.transactions.kept").unwrap();
    assert_eq!(kept.before, Some(before.manifest.rows["transactions"].kept as f64));
    assert!(found.features.iter().any(|f| f.psi.is_some()), "{:?}", found.features);
    assert!(found.segments.iter().all(|s| s.centroid_shift.is_some_and(f64::is_finite)), "{:?}", found.segments);
}

#[test]
fn a_run_against_itself_and_runs_that_are_not_there() {
    let run = demo();
    let folder = run.folder.to_str().unwrap();
    let found = diff(folder, folder, &DiffOptions::default()).unwrap();
    assert_eq!((found.members.moved, found.lists.changed, found.lists.reordered), (0, 0, 0));
    assert!(found.moves.is_empty() && found.tags.is_empty() && found.offers.is_empty() && found.figures.is_empty());
    assert!(found.features.iter().all(|f| f.shift == 0.0 && f.psi == Some(0.0)), "{:?}", found.features);

    let out = run.out.to_str().unwrap();
    let said = nextoffer(&["diff", "2026-06-30", "2020-01-01", "--out", out]);
    assert_eq!(said.code, 66);
    assert!(said.err.contains("no run `2020-01-01`") && said.err.contains("2026-06-30"), "{}", said.err);
    let said = nextoffer(&["diff", "current", "2026-06-30", "--out", out, "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["members"]["moved"], 0);
    let said = nextoffer(&["diff", &format!("{out}/current"), &run.manifest.run_id, "--out", out]);
    assert!(said.out.contains("they are the same run"), "{}{}", said.out, said.err);
}
