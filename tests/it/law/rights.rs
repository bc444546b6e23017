//! What members may ask for: no personalisation, an explanation, to withdraw, to be forgotten, to have tags removed.

use std::{collections::BTreeSet, path::Path, sync::Mutex};

use nextoffer::{
    base::progress::{Progress, Silent},
    job,
    run::{ExplainOptions, Explanation, Outcome, RunOptions, Status, acknowledge, explain, run},
};

use super::world::{AS_OF, Person, World, about, csv, members};
use crate::support::{Published, Table, nextoffer};

fn took_over(run: &Published, target: &str) {
    acknowledge("current", target, run.out.to_str().unwrap()).unwrap();
}

#[test]
fn pipl_24_who_opted_out_gets_the_same_generic_list() {
    let opted_out: Vec<Person> = (50..54).map(|n| Person { opted_out: true, ..World::person(n) }).collect();
    let mut world = World::new(opted_out.clone());
    let run = world.run();
    let ids: BTreeSet<String> = opted_out.iter().map(|p| p.id.clone()).collect();
    // No segment, no tag, no feature, no expected day.
    for file in ["segments.parquet", "tags.parquet", "features.parquet", "next_purchase.parquet"] {
        assert!(members(&run, file).is_disjoint(&ids), "{file}");
    }
    let offers = run.table("offers.parquet");
    let lists: BTreeSet<Vec<String>> = ids
        .iter()
        .map(|id| {
            let own = (0..offers.rows()).filter(|row| offers.names("member_id")[*row] == id);
            own.map(|row| {
                format!(
                    "{} {:?} {}",
                    offers.ints("slot")[row].unwrap(),
                    offers.texts("item_id")[row],
                    offers.names("text_zh")[row]
                )
            })
            .collect()
        })
        .collect();
    assert_eq!(lists.len(), 1, "the same list for each: {lists:?}");
    assert!(!lists.first().unwrap().is_empty());
    // Every row says on what basis.
    for (member, (basis, segment)) in
        offers.names("member_id").into_iter().zip(offers.names("basis").into_iter().zip(offers.ints("segment_id")))
    {
        let generic = ids.contains(member);
        assert_eq!((basis, segment.is_none()), (if generic { "generic" } else { "personalised" }, generic), "{member}");
    }
    let people = csv(&run.folder.join("crm/people/full.csv"));
    for id in &ids {
        let row = &people[id][0];
        assert_eq!(
            (row["basis"].as_str(), row["segment"].as_str(), row["stage"].as_str()),
            ("generic", "", ""),
            "{row:?}"
        );
        assert!(matches!(row["tags"].as_str(), "" | "[]"), "{row:?}");
    }
    assert_eq!(run.manifest.members.opted_out, 4);
    // What the generic list holds depends on nobody who opted out: other purchases of theirs, the same list.
    let text = |run: &Published| {
        let offers = run.table("offers.parquet");
        let first = offers.names("basis").iter().position(|b| *b == "generic").unwrap();
        offers.names("text_zh")[first].to_owned()
    };
    let with = text(&run);
    world.people.truncate(41);
    world.write();
    assert_eq!(text(&world.run()), with);
}

#[test]
fn pipl_24_opting_out_later_takes_the_tags_away() {
    let mut world = World::new([]);
    let first = world.night("2026-06-29", str::to_owned);
    took_over(&first, "people");
    let chosen = world.people[3].id.clone();
    assert!(!csv(&first.folder.join("crm/people/full.csv"))[&chosen][0]["tags"].is_empty());
    world.people[3].opted_out = true;
    world.write();
    let second = world.night(AS_OF, str::to_owned);
    let delta = csv(&second.folder.join("crm/people/delta.csv"));
    let row = &delta[&chosen][0];
    assert_eq!(
        (row["op"].as_str(), row["segment"].as_str(), row["basis"].as_str()),
        ("changed", "", "generic"),
        "{row:?}"
    );
    assert!(matches!(row["tags"].as_str(), "" | "[]"), "{row:?}");
}

fn ask(world: &World, member: &str) -> Explanation {
    let loaded = job::load(&world.job(str::to_owned), &[]).unwrap();
    explain(&loaded, &ExplainOptions { member: member.to_owned(), ..ExplainOptions::default() }, &Silent).unwrap()
}

#[test]
fn pipl_24_48_an_explanation_on_request() {
    let opted_out = Person { opted_out: true, ..World::person(50) };
    let child = Person { birth: Some("2015-01-01"), ..World::person(51) };
    let world = World::new([opted_out.clone(), child.clone()]);
    let run = world.run();
    // A stored reason and its evidence on every row.
    let offers = run.table("offers.parquet");
    assert!(offers.names("reason_code").iter().all(|r| !r.is_empty()));
    assert!(
        offers.names("text_zh").iter().zip(offers.names("text_en")).all(|(zh, en)| !zh.is_empty() && !en.is_empty())
    );
    let personal = &world.people[4].id;
    let found = ask(&world, personal);
    assert!(found.exact);
    assert_eq!(found.answer.run_id, run.manifest.run_id);
    let told = found.answer.explained.as_ref().unwrap();
    assert!(!told.features.is_empty() && !told.tags.is_empty() && told.tags.iter().all(|t| !t.rule.is_empty()));
    assert_eq!(found.answer.offers.len(), 5, "every offer of the catalogue");
    for offer in &found.answer.offers {
        assert!(!offer.verdict.is_empty() && !offer.why_zh.is_empty() && !offer.why_en.is_empty(), "{offer:?}");
    }
    assert_eq!(ask(&world, &opted_out.id).answer.status, Status::OptedOut);
    let refused = ask(&world, &child.id).answer;
    assert_eq!(refused.status, Status::Minor);
    assert!(refused.offers.len() == 5 && refused.offers.iter().all(|o| o.verdict == "minor"), "{:?}", refused.offers);
    // On the command line: the member's own words only.
    let file = world.job(str::to_owned);
    let said = nextoffer(&["explain", file.to_str().unwrap(), "--member", personal, "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [personal.as_str(), run.manifest.run_id.as_str(), "ten_off", "picked", "score"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    for other in world.people.iter().filter(|p| p.id != *personal) {
        assert!(!said.out.contains(&other.id), "{}", other.id);
    }
}

#[test]
fn pipl_15_withdrawn_consent_counts_from_the_next_night_and_takes_the_tags_away() {
    let (none, blank) = (Person { basis: None, ..World::person(50) }, World::person(51));
    let mut world = World::new([none.clone(), blank]);
    let first = world.night("2026-06-28", str::to_owned);
    assert_eq!(about(&first, &none.id), [""; 0]);
    assert_eq!(first.manifest.members.excluded.get("no_lawful_basis"), Some(&1));
    for target in ["people", "generic"] {
        took_over(&first, target);
    }
    // Exempt from as-of: a withdrawal of a later day counts for every day that is run from now on.
    let gone = world.people[5].id.clone();
    world.people[5].withdrawn = Some("2026-07-15");
    world.write();
    let second = world.night("2026-06-29", str::to_owned);
    assert_eq!(second.manifest.members.excluded.get("withdrawn"), Some(&1));
    let mut named = about(&second, &gone);
    // The delta names who has to go, and nothing but that.
    named.retain(|file| !file.ends_with("delta.csv") && !file.ends_with("state.parquet"));
    assert_eq!(named, [""; 0]);
    let delta = csv(&second.folder.join("crm/people/delta.csv"));
    let row = &delta[&gone][0];
    assert_eq!(row["op"], "removed");
    for field in ["segment", "stage", "text"] {
        assert_eq!(row[field], "", "{row:?}");
    }
    let slots = &csv(&second.folder.join("crm/generic/delta.csv"))[&gone];
    let before = &csv(&first.folder.join("crm/generic/full.csv"))[&gone];
    assert!(slots.iter().all(|r| r["op"] == "removed") && slots.len() == before.len(), "{slots:?}");
    // Once the target has taken it over, the member is named nowhere.
    for target in ["people", "generic"] {
        took_over(&second, target);
    }
    let third = world.night(AS_OF, str::to_owned);
    assert_eq!(about(&third, &gone), [""; 0]);
}

/// Withdraws a member's consent when the run begins to write.
struct WithdrawWhileWriting {
    world: Mutex<World>,
    at: usize,
}

impl Progress for WithdrawWhileWriting {
    fn start(&self, stage: &'static str, _total: Option<u64>) {
        let mut world = self.world.lock().unwrap();
        if stage == "write" && world.people[self.at].withdrawn.is_none() {
            let at = self.at;
            world.people[at].withdrawn = Some(AS_OF);
            world.write_consent();
        }
    }

    fn advance(&self, _units: u64) {}

    fn finish(&self, _note: &str) {}
}

#[test]
fn pipl_15_consent_is_read_once_more_right_before_publishing() {
    let world = World::new([]);
    let (gone, place) = (world.people[6].id.clone(), world.folder.path().join("runs"));
    let loaded = job::load(&world.job(str::to_owned), &[]).unwrap();
    let listener = WithdrawWhileWriting { world: Mutex::new(world), at: 6 };
    let Outcome::Published { folder, summary, .. } = run(&loaded, &RunOptions::default(), &listener).unwrap() else {
        panic!("not published")
    };
    assert_eq!(summary.manifest.members.excluded.get("withdrawn_while_running"), Some(&1));
    assert_eq!(super::world::saying(&place.join(folder), &gone), [""; 0]);
}

#[test]
fn pipl_47_who_is_to_be_forgotten_is_absent_from_everything() {
    let mut world = World::new([]);
    let gone = world.people[7].id.clone();
    world.forgotten.push(gone.clone());
    world.write();
    let run = world.run();
    assert_eq!(about(&run, &gone), [""; 0]);
    assert_eq!(run.manifest.members.excluded.get("forgotten"), Some(&1));
    assert_eq!(ask(&world, &gone).answer.status, Status::Forgotten);
    // The list is part of what the run is: another list, another run.
    let id = run.manifest.run_id.clone();
    world.forgotten.push(world.people[8].id.clone());
    world.write();
    assert_ne!(world.run().manifest.run_id, id);
}

#[test]
fn provisions_17_removed_tags_are_never_given_again() {
    let mut world = World::new([]);
    let first = world.night("2026-06-28", str::to_owned);
    took_over(&first, "people");
    let tags_of = |run: &Published, member: &str| -> Vec<String> {
        let tags = run.table("tags.parquet");
        let own = tags.names("member_id").into_iter().zip(tags.names("tag")).filter(|(m, _)| *m == member);
        own.map(|(_, tag)| tag.to_owned()).collect()
    };
    let member = world.people[9].id.clone();
    let held = tags_of(&first, &member);
    let (segment, stage) = (
        held.iter().find(|t| t.starts_with("seg_")).unwrap().clone(),
        held.iter().find(|t| t.starts_with("lc_")).unwrap().clone(),
    );
    for tag in ["seg_01", "seg_02", "seg_03", Box::leak(stage.clone().into_boxed_str())] {
        world.suppressed.push((member.clone(), tag));
    }
    world.write();
    for day in ["2026-06-29", AS_OF] {
        let run = world.night(day, str::to_owned);
        let now = tags_of(&run, &member);
        assert!(!now.contains(&segment) && !now.contains(&stage) && !now.is_empty(), "{now:?}");
        assert!(now.iter().all(|t| !t.starts_with("seg_")), "{now:?}");
        // Nor does any file of a CRM say the same in other words.
        let row = &csv(&run.folder.join("crm/people/full.csv"))[&member][0];
        assert_eq!((row["segment"].as_str(), row["stage"].as_str()), ("", ""), "{row:?}");
        assert!(!row["tags"].contains(&segment) && !row["tags"].contains(&stage), "{row:?}");
        let about = &csv(&run.folder.join("crm/generic/members.csv"))[&member][0];
        assert_eq!((about["segment_code"].as_str(), about["lifecycle"].as_str()), ("", ""), "{about:?}");
        if day == "2026-06-29" {
            let delta = csv(&run.folder.join("crm/people/delta.csv"));
            assert_eq!(delta[&member][0]["op"], "changed");
        }
    }
    assert!(Path::new(&first.folder).exists() && Table::read(&first.folder.join("tags.parquet")).rows() > 0);
}
