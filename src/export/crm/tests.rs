//! One conformance suite for every dialect: strict readers accept what is written, whatever the text; nothing broken passes;
//! deltas take a CRM from one snapshot to the next; and whole outputs are as the snapshots have them.

use proptest::prelude::*;

use super::{
    testing::{Held, Night, People, Person, target, write},
    *,
};
use crate::export::{
    dialects::{Role, names},
    targets::Target,
};

/// Every dialect and every form of it, with limits that small files meet.
fn variants() -> Vec<Target> {
    let fields = "fields = { text = { from = \"offer_1.text_zh\", max_chars = 6, max_bytes = 14 }, seg = \"segment_code\", \
                  tags = \"tags\", top = \"tag.vb_top\", until = \"offer_1.valid_until\", \
                  score = { from = \"offer_1.score\", digits = 1 }, sid = \"segment_id\" }\n";
    // Parties that are made by their code have a test of their own.
    let by_id = "keys = [{ field = \"id\", from = \"identity.tryton\" }]";
    let plain = |name| target(name, if name == "tryton" { by_id } else { "" });
    let mut all: Vec<Target> = names().map(plain).collect();
    let mut more = |name: &str, section: String| all.push(target(name, &section));
    for name in names().filter(|n| !matches!(*n, "wecom" | "generic" | "tryton")) {
        more(name, format!("{fields}limits = {{ file_rows = 2 }}"));
        more(name, format!("{fields}limits = {{ file_bytes = 300 }}"));
    }
    more("salesforce", format!("line_ending = \"crlf\"\n{fields}"));
    more("espocrm", format!("header = false\nlist = \"json\"\n{fields}"));
    more("mautic", format!("blank = \"ignored\"\nempty = \"-\"\n{fields}"));
    more("wecom", "limits = { call_tags = 2 }".into());
    more(
        "hubspot",
        format!(
            "keys = [{{ field = \"rid\", from = \"identity.hubspot\" }}, {{ field = \"mid\", from = \"member_id\" }}]\n{fields}"
        ),
    );
    more("postgres", "rows = \"decisions\"".into());
    for format in ["csv", "jsonl", "parquet"] {
        more("generic", format!("format = \"{format}\"\ndelta = \"always\""));
        more(
            "generic",
            format!(
                "format = \"{format}\"\nrows = \"members\"\ndelta = \"always\"\n{}",
                fields.replace("{ text", "{ m = \"member_id\", text")
            ),
        );
    }
    all
}

fn person(tags: &[u32], offers: &[(&str, &str)], external: Option<&str>) -> Person {
    Person {
        tags: tags.to_vec(),
        offers: offers.iter().map(|(o, t)| ((*o).to_owned(), (*t).to_owned())).collect(),
        external: external.map(str::to_owned),
        held_out: false,
    }
}

/// Three nights of a fixed small shop.
fn nights() -> [People; 3] {
    let of = |rows: &[(&str, Person)]| rows.iter().map(|(id, p)| ((*id).to_owned(), p.clone())).collect::<People>();
    let tea = ("tea", "您常买的「龙井, 特级」该续了\n=1+1");
    let pet = ("pet", "🎁 \"猫粮\"");
    let mut held_out = person(&[1], &[tea], Some("e4"));
    held_out.held_out = true;
    let first = [
        ("m1", person(&[0, 2, 3, 4], &[tea, pet], Some("e1"))),
        ("m2", person(&[1, 3], &[pet], Some("e2"))),
        ("m3", person(&[1], &[], None)),
        ("m4", held_out.clone()),
        ("m5", person(&[1, 4], &[tea], Some("e5"))),
    ];
    let second = [
        ("m1", person(&[0, 1, 3, 4], &[tea, pet], Some("e1"))),
        ("m2", person(&[], &[], Some("e2"))),
        ("m3", person(&[1], &[pet], None)),
        ("m4", held_out.clone()),
        ("m6", person(&[2], &[("-0.3", "+86"), tea, pet], Some("e6"))),
    ];
    let third = [
        ("m1", person(&[0, 1, 3, 4], &[pet, tea], Some("e1"))),
        ("m2", person(&[4], &[tea], Some("e2"))),
        ("m3", person(&[1], &[pet], Some("e3"))),
        ("m5", person(&[2], &[tea], Some("e6"))),
    ];
    [of(&first), of(&second), of(&third)]
}

#[test]
fn whole_outputs() {
    for name in names() {
        let target = target(name, "");
        let [first, second, _] = nights();
        let one = write(&target, &first, "run1", None);
        let two = write(&target, &second, "run2", Some(&one));
        assert_eq!((one.problems(), two.problems()), (vec![], vec![]), "{name}");
        let mut text = String::new();
        for (path, bytes) in &two.files {
            if !path.ends_with(".parquet") {
                text.push_str(&format!("==> {path}\n{}\n", String::from_utf8(bytes.clone()).unwrap()));
            }
        }
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn three_nights_of_every_variant() {
    for target in variants() {
        let mut held = Held::new();
        let mut last: Option<Night> = None;
        for (i, people) in nights().iter().enumerate() {
            let night = write(&target, people, &format!("run{i}"), last.as_ref());
            assert_eq!(night.problems(), Vec::<String>::new(), "{target:?}");
            match &last {
                Some(_) => night.import_delta(&mut held),
                None => held = night.snapshot(),
            }
            assert_eq!(held, night.snapshot(), "night {i} of {target:?}");
            assert!(i == 0 || night.report.delta.is_some());
            last = Some(night);
        }
    }
}

#[test]
fn an_unchanged_night_changes_nothing() {
    for target in variants() {
        let [people, ..] = nights();
        let one = write(&target, &people, "run1", None);
        let two = write(&target, &people, "run2", Some(&one));
        assert_eq!(two.report.delta, Some(DeltaCounts::default()), "{target:?}");
        assert!(two.report.of(Role::Delta).all(|f| f.rows == 0));
    }
}

/// What would be read in spite of being broken, by dialect: every change to a good file that a target stumbles over.
fn broken(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let text = String::from_utf8(good.to_vec()).unwrap();
    all.push(("byte-order mark", [b"\xef\xbb\xbf", good].concat()));
    all.push(("cut off", good[..good.len() - 1].to_vec()));
    all.push(("cut inside a character", [good, b"\xe7\x8c"].concat()));
    all.push(("no text", [good, b"\xff\n"].concat()));
    all.push(("blank line", [good, b"\n"].concat()));
    let last = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    all.push(("row twice", [good, &good[last..]].concat()));
    all.push(("row lost", good[..last].to_vec()));
    all.push(("NUL", text.replacen('e', "\0", 1).into_bytes()));
    all.push(("other line end", text.replacen('\n', "\r", 1).into_bytes()));
    if text.contains(',') {
        all.push(("field lost", text.replacen(',', "", 1).into_bytes()));
        all.push(("stray quote", text.replacen(',', ",a\"", 1).into_bytes()));
    }
    all
}

#[test]
fn nothing_broken_passes() {
    let [people, second, _] = nights();
    for target in variants().into_iter().filter(|t| t.format != crate::export::targets::TextFormat::Parquet) {
        let one = write(&target, &people, "run1", None);
        let good = write(&target, &second, "run2", Some(&one));
        for file in good.report.files.iter().filter(|f| f.rows > 0) {
            for (what, bytes) in broken(&good.files[&file.path]) {
                let mut night = good.clone();
                night.files.insert(file.path.clone(), bytes);
                assert!(!night.problems().is_empty(), "{what} in {} of {target:?}", file.path);
            }
        }
    }
    let parquet = target("generic", "format = \"parquet\"");
    let good = write(&parquet, &people, "run1", None);
    for cut in [1, 100, 300] {
        let mut night = good.clone();
        let bytes = night.files.get_mut("crm/generic/full.parquet").unwrap();
        bytes.truncate(bytes.len() - cut);
        assert!(!night.problems().is_empty());
    }
}

#[test]
fn values_that_do_not_fit_are_found() {
    let [people, ..] = nights();
    let salesforce = target("salesforce", "");
    let good = write(&salesforce, &people, "run1", None);
    let path = "crm/salesforce/full.csv";
    for (from, to) in [
        ("2024-10-04", "2024-10-32"),
        ("lc_active;seg_01", "lc_active,seg_01"),
        ("#N/A", ""),
        ("Tags__c", "tags__c"),
        ("e1,", ","),
        ("e1,", "e2,"),
    ] {
        let mut night = good.clone();
        let text = String::from_utf8(night.files[path].clone()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        night.files.insert(path.into(), text.replacen(from, to, 1).into_bytes());
        assert!(!night.problems().is_empty(), "{from} → {to}");
    }
}

#[test]
fn limits_split_files_and_cut_text() {
    let [people, ..] = nights();
    let odoo = target(
        "odoo",
        "fields = { name = { from = \"offer_1.text_zh\", max_bytes = 10 } }\nlimits = { file_rows = 2 }",
    );
    let night = write(&odoo, &people, "run1", None);
    let full: Vec<&str> = night.report.of(Role::Full).map(|f| f.path.as_str()).collect();
    assert_eq!(full, ["crm/odoo/full.csv", "crm/odoo/full.2.csv"]);
    let text = String::from_utf8(night.files["crm/odoo/full.csv"].clone()).unwrap();
    assert_eq!(text, "id,name\ne1,您常买\ne2,\"🎁 \"\"猫\"\n");
    assert_eq!(night.report.left_out["no_key"], 1);
    let strict =
        target("odoo", "fields = { name = { from = \"offer_1.text_zh\", max_chars = 6, too_long = \"leave_out\" } }");
    let night = write(&strict, &people, "run1", None);
    assert_eq!((night.report.left_out["too_long"], night.report.rows), (2, 2));
}

#[test]
fn keys_merge_move_and_collide() {
    let target = target("odoo", "fields = { tags = \"tags\" }");
    let people: People = ["a", "b", "c", "d"].map(|id| (id.to_owned(), person(&[1], &[], None))).into();
    let row = |id: &str| IdentityRow { system: "odoo".into(), external_id: id.into(), employee: None };
    let mut identities = Identities::default();
    identities.push("a", row("x1"), None);
    identities.push("b", row("x1"), None);
    identities.push("c", row("x3"), Some("d"));
    let one = testing::write_with(&target, &people, identities, "run1", None);
    let text = |night: &Night, file: &str| String::from_utf8(night.files[&format!("crm/odoo/{file}")].clone()).unwrap();
    // c was merged into d, which takes its key; b's key is a's.
    assert_eq!(text(&one, "full.csv"), "id,tags\nx1,lc_active\nx3,lc_active\n");
    assert_eq!(one.report.left_out, [("duplicate_key".into(), 1), ("merged".into(), 1)].into());
    // The key moves to another member: it is changed, never cleared.
    let mut identities = Identities::default();
    identities.push("b", row("x1"), None);
    let mut later = people.clone();
    later.get_mut("b").unwrap().tags = vec![2];
    let two = testing::write_with(&target, &later, identities, "run2", Some(&one));
    assert_eq!(text(&two, "delta.csv"), "id,tags\nx1,lc_new\nx3,\n");
}

#[test]
fn what_was_made_by_its_code_goes_on_under_its_id() {
    let tryton = target("tryton", "");
    let people: People =
        [("a".to_owned(), person(&[1, 3], &[], None)), ("b".to_owned(), person(&[1], &[], None))].into();
    let one = write(&tryton, &people, "run1", None);
    let text =
        |night: &Night, file: &str| String::from_utf8(night.files[&format!("crm/tryton/{file}")].clone()).unwrap();
    assert_eq!(text(&one, "delta.code.csv"), "code,categories\na,\"lc_active,seg_01\"\nb,lc_active\n");
    let mut known = people.clone();
    known.get_mut("a").unwrap().external = Some("7".into());
    known.get_mut("b").unwrap().external = Some("8".into());
    let two = write(&tryton, &known, "run2", Some(&one));
    assert_eq!(two.report.delta, Some(DeltaCounts::default()), "the same parties, now known by their ids");
    known.get_mut("b").unwrap().tags = vec![4];
    let three = write(&tryton, &known, "run3", Some(&two));
    assert_eq!(text(&three, "delta.id.clear.csv"), "id,categories\n8,\n");
    assert_eq!(text(&three, "delta.id.csv"), "id,categories\n8,vb_top\n");
}

#[test]
fn another_form_changes_every_row() {
    let [people, ..] = nights();
    let before = target("odoo", "fields = { tags = \"tags\" }");
    let after = target("odoo", "fields = { tags = \"tags\", seg = \"segment_code\" }");
    let one = write(&before, &people, "run1", None);
    let two = write(&after, &people, "run2", Some(&one));
    assert_eq!(two.report.delta.unwrap().changed, two.report.rows);
    assert!(!two.report.warnings.is_empty());
}

#[test]
fn the_preview_is_disarmed() {
    let [_, second, _] = nights();
    let night = write(&target("postgres", "rows = \"decisions\"\npreview_rows = 9"), &second, "run1", None);
    let preview = String::from_utf8(night.files["crm/postgres/preview.csv"].clone()).unwrap();
    assert!(preview.starts_with('\u{feff}') && preview.contains("'-0.3") && preview.contains("'+86"));
    let full = String::from_utf8(night.files["crm/postgres/full.csv"].clone()).unwrap();
    assert!(!full.starts_with('\u{feff}') && full.contains(",-0.3,") && full.contains(",+86,"));
}

/// Text that tries to break out of its cell.
const HOSTILE: &str = "[a\",;|{}\\\\'=+@\t\r\n\u{0}\u{7f}\u{85}\u{feff} 猫🎁#N/-]{0,9}";

fn hostile_person() -> impl Strategy<Value = Person> {
    let tags = prop::collection::btree_set(0u32..5, 0..5);
    let text = prop::string::string_regex(HOSTILE).unwrap();
    let offer = prop::string::string_regex("[a-z\"=,\n]{1,4}").unwrap();
    let offers = prop::collection::vec((offer, text), 0..4);
    let external = prop::option::weighted(0.8, prop::string::string_regex("[a-c,\"=]{1,2}").unwrap());
    (tags, offers, external, prop::bool::weighted(0.1)).prop_map(|(tags, offers, external, held_out)| Person {
        tags: tags.into_iter().collect(),
        offers,
        external,
        held_out,
    })
}

fn hostile_people() -> impl Strategy<Value = People> {
    let id = prop::string::string_regex("[a-c=,\"#N/A\u{0} ]{1,3}").unwrap();
    prop::collection::btree_map(id, hostile_person(), 0..9)
}

/// What happens in a night.
#[derive(Debug, Clone)]
struct NightOf {
    people: People,
    /// No run at all.
    skipped: bool,
    /// The importer failed, and acknowledged nothing.
    failed: bool,
}

fn chain() -> impl Strategy<Value = Vec<NightOf>> {
    let night = (hostile_people(), prop::bool::weighted(0.15), prop::bool::weighted(0.3));
    prop::collection::vec(night.prop_map(|(people, skipped, failed)| NightOf { people, skipped, failed }), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn deltas_lead_from_snapshot_to_snapshot(chain in chain(), pick in 0usize..1000) {
        let all = variants();
        // Every case goes through three variants, so that all have their turn.
        for step in 0..3 {
            let target = &all[(pick + step * 11) % all.len()];
            let mut held = Held::new();
            let mut acknowledged: Option<Night> = None;
            // Members stay from night to night, but for those the next night leaves out.
            let mut people = People::new();
            for (i, night) in chain.iter().enumerate() {
                people.retain(|id, _| !id.contains('c') || i % 2 == 0);
                people.extend(night.people.clone());
                if night.skipped {
                    continue;
                }
                let run = write(target, &people, &format!("run{i}"), acknowledged.as_ref());
                prop_assert_eq!(run.problems(), Vec::<String>::new(), "{:?}", target);
                if night.failed {
                    continue;
                }
                if run.report.delta.is_some() {
                    run.import_delta(&mut held);
                } else {
                    held = run.snapshot();
                }
                prop_assert_eq!(&held, &run.snapshot(), "night {} of {:?}", i, target);
                acknowledged = Some(run);
            }
        }
    }
}
