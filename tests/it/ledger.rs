//! Thirty nights of scarce offers: what is assigned stays assigned, what is refused or runs out goes to somebody else,
//! and no cap is ever exceeded.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{Field, Schema},
};
use nextoffer::{
    base::{Day, progress::Progress, progress::Silent},
    generate::{ShopSpec, generate},
    job,
    run::{Outcome, RunOptions, run},
};
use parquet::arrow::ArrowWriter;

use super::support::{Published, Table, publish};

const SEATS: u64 = 12;
const A_CITY: usize = 2;
const COUPONS: u64 = 15;

const JOB: &str = r#"
version = 1
name = "scarce"
shards = 5
out = "runs"

[inputs]
transactions = { path = "shop/transactions" }
items = { path = "shop/items.parquet" }
members = { path = "shop/members.parquet" }
consent = { path = "consent.parquet" }
contacts = { path = "contacts.parquet" }

[segments]
k = 3

[recommend]
retune_days = 60

[[offers]]
id = "picked"
kind = "next_item"

# Worth more to everybody than anything else, so that everybody wants a seat.
[[offers]]
id = "workshop"
kind = "next_item"
incentive = "service"
priority = 30.0
valid_days = 6
budget = { seats = 12 }
caps = { per_city = 2 }

[[offers]]
id = "coupon"
kind = "next_item"
incentive = "discount"
priority = 20.0
value = 10.0
valid_days = 9
budget = { money = 150.0 }

[decision]
slots = 4
holdout_share = 0.2
refused_days = 30
"#;

/// One contact, as the CRM reports it.
#[derive(Debug, Clone)]
struct Sent {
    member: String,
    offer: String,
    day: i32,
    outcome: Option<(&'static str, i32)>,
}

fn micros(day: i32) -> i64 {
    // Noon in Shanghai.
    i64::from(day) * 86_400_000_000 + 4 * 3_600_000_000
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|c| c.1).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let array: TimestampMicrosecondArray = values.collect();
    Arc::new(array.with_timezone("UTC"))
}

fn write_contacts(path: &Path, sent: &[Sent], until: i32) {
    let seen: Vec<&Sent> = sent.iter().filter(|s| s.day <= until).collect();
    let outcome = |s: &Sent| s.outcome.filter(|(_, day)| *day <= until);
    write(
        path,
        vec![
            ("member_id", Arc::new(StringArray::from_iter_values(seen.iter().map(|s| &s.member)))),
            ("offer_id", Arc::new(StringArray::from_iter_values(seen.iter().map(|s| &s.offer)))),
            ("sent_at", times(seen.iter().map(|s| Some(micros(s.day))))),
            ("outcome", Arc::new(seen.iter().map(|s| outcome(s).map(|o| o.0)).collect::<StringArray>())),
            ("outcome_at", times(seen.iter().map(|s| outcome(s).map(|o| micros(o.1))))),
        ],
    );
}

fn write_consent(path: &Path, members: &BTreeSet<String>, withdrawn: &BTreeSet<String>) {
    write(
        path,
        vec![
            ("member_id", Arc::new(StringArray::from_iter_values(members))),
            ("lawful_basis", Arc::new(StringArray::from_iter_values(members.iter().map(|_| "consent")))),
            ("ts", times(members.iter().map(|_| Some(micros(19_000))))),
            ("withdrawn_at", times(members.iter().map(|m| withdrawn.contains(m).then(|| micros(20_000))))),
        ],
    );
}

/// A small shop in a folder, with everybody's consent.
fn shop(folder: &Path) -> (PathBuf, BTreeSet<String>) {
    let spec = ShopSpec { dirt: 0.0, items: 240, ..ShopSpec::new(260, 5_000, 9) };
    generate(&spec, &folder.join("shop"), &Silent).unwrap();
    let members = Table::read(&folder.join("shop/members.parquet"));
    let members: BTreeSet<String> = members.names("member_id").into_iter().map(str::to_owned).collect();
    write_consent(&folder.join("consent.parquet"), &members, &BTreeSet::new());
    write_contacts(&folder.join("contacts.parquet"), &[], 0);
    let job = folder.join("job.toml");
    fs::write(&job, JOB).unwrap();
    (job, members)
}

/// A row of a scarce offer: member, offer, first and last day, arm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Assigned {
    offer: String,
    member: String,
    from: i32,
    until: i32,
    ghost: bool,
}

fn assigned(run: &Published) -> Vec<Assigned> {
    let table = run.table("offers.parquet");
    let (members, offers, arms) = (table.names("member_id"), table.names("offer_id"), table.names("arm"));
    let (from, until) = (table.days("valid_from"), table.days("valid_until"));
    (0..table.rows())
        .filter(|row| offers[*row] != "picked")
        .map(|row| Assigned {
            offer: offers[row].to_owned(),
            member: members[row].to_owned(),
            from: from[row].unwrap(),
            until: until[row].unwrap(),
            ghost: arms[row] == "holdout",
        })
        .collect()
}

/// A number from 0 to 9 that stands for a member's mood about an offer.
fn mood(member: &str, offer: &str) -> u32 {
    member.bytes().chain(offer.bytes()).fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b))) / 7 % 10
}

#[test]
fn thirty_nights() {
    let folder = tempfile::tempdir().unwrap();
    let (job, members) = shop(folder.path());
    let job = job.to_str().unwrap();
    let cities: BTreeMap<String, Option<String>> = {
        let table = Table::read(&folder.path().join("shop/members.parquet"));
        let city = table.texts("city").into_iter().map(|c| c.map(str::to_owned));
        table.names("member_id").into_iter().map(str::to_owned).zip(city).collect()
    };
    let out = folder.path().join("runs");
    let last = Day::parse("2026-06-30").unwrap().0;
    let mut sent: Vec<Sent> = Vec::new();
    // Our own book: who was given what until when, and what came of it.
    let mut book: BTreeMap<(String, String), (i32, i32)> = BTreeMap::new();
    let mut ever: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut withdrawn, mut previous): (BTreeSet<String>, Option<Published>) = Default::default();
    let (mut refilled, mut ghosts, mut kept, mut freed) = (0, 0, 0, 0);
    for night in 0..30 {
        if matches!(night, 8 | 9 | 17) {
            continue;
        }
        let as_of = last - 29 + night;
        let today = as_of + 1;
        if night == 14 {
            let holder = book.keys().find(|(offer, _)| offer == "workshop").unwrap().1.clone();
            withdrawn.insert(holder);
            write_consent(&folder.path().join("consent.parquet"), &members, &withdrawn);
        }
        write_contacts(&folder.path().join("contacts.parquet"), &sent, as_of);
        let options = RunOptions { as_of: Some(Day(as_of)), ..RunOptions::default() };
        let run = publish(job, &out, &[], options);

        // What the night before wrote is an input of this one.
        let input = run.manifest.inputs.iter().find(|i| i.table == "ledger");
        let before = previous.as_ref().and_then(|p| {
            let output = p.manifest.outputs.iter().find(|o| o.path == "model/ledger.parquet")?;
            Some(output.sha256.clone())
        });
        assert_eq!(input.map(|i| i.sha256.clone()), before);
        assert_eq!(before.is_some(), previous.is_some());

        let now = assigned(&run);
        assert!(now.iter().all(|a| !withdrawn.contains(&a.member)));
        // What ends: days that are over, and refusals that are known.
        let outcome = |offer: &str, member: &str, from: i32| {
            let own = sent.iter().filter(|s| s.offer == offer && s.member == member && s.day >= from);
            own.filter_map(|s| s.outcome.filter(|(_, day)| *day <= as_of)).next_back().map(|o| o.0)
        };
        let accepted: BTreeSet<(String, String)> = book
            .iter()
            .filter(|((offer, member), (from, _))| outcome(offer, member, *from) == Some("accepted"))
            .map(|(key, _)| key.clone())
            .collect();
        let before_ending = book.len();
        book.retain(|(offer, member), (from, until)| {
            let taken = accepted.contains(&(offer.clone(), member.clone()));
            (*until >= today || taken) && outcome(offer, member, *from) != Some("refused")
        });
        freed += before_ending - book.len();
        // What is held stays, with its days; nobody who is here loses it.
        for ((offer, member), (from, until)) in &book {
            let row = now.iter().find(|a| a.offer == *offer && a.member == *member);
            if *until >= today && !withdrawn.contains(member) {
                let row = row.unwrap_or_else(|| panic!("night {night}: {member} lost {offer}"));
                assert_eq!((row.from, row.until), (*from, *until), "night {night}: {member}, {offer}");
                kept += 1;
            }
        }
        let known = |a: &&Assigned| book.contains_key(&(a.offer.clone(), a.member.clone()));
        let fresh: Vec<_> = now.iter().filter(|a| !a.ghost && !known(a)).collect();
        for new in fresh {
            assert_eq!(new.from, today, "night {night}: {new:?} is new");
            book.insert((new.offer.clone(), new.member.clone()), (new.from, new.until));
            refilled += usize::from(night > 0);
            ever.entry(new.offer.clone()).or_default().insert(new.member.clone());
            sent.push(Sent {
                member: new.member.clone(),
                offer: new.offer.clone(),
                day: today,
                outcome: match mood(&new.member, &new.offer) {
                    0..=2 => Some(("refused", today + 2)),
                    3 => Some(("accepted", today + 1)),
                    _ => None,
                },
            });
        }
        ghosts += now.iter().filter(|a| a.ghost).count();
        // No cap is exceeded: empty seats, accepted ones and held ones count.
        let holders = |offer: &str| book.keys().filter(|(o, _)| o == offer).count() as u64;
        assert!(holders("workshop") <= SEATS, "night {night}: {} seats", holders("workshop"));
        assert!(holders("coupon") <= COUPONS, "night {night}: {} coupons", holders("coupon"));
        let mut by_city: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, member) in book.keys().filter(|(o, _)| o == "workshop") {
            if let Some(city) = &cities[member] {
                *by_city.entry(city).or_default() += 1;
            }
        }
        assert!(by_city.values().all(|n| *n <= A_CITY), "night {night}: {by_city:?}");
        // More want it than there is, so nothing stays over; what the manifest says is left is.
        for (offer, cap) in [("workshop", SEATS), ("coupon", COUPONS)] {
            let entry = run.manifest.offers.iter().find(|o| o.offer_id == offer).unwrap();
            assert_eq!(entry.cap_left, Some(cap - holders(offer)), "night {night}: {offer}");
            assert!(holders(offer) * 4 >= cap * 3, "night {night}: {} of {cap} {offer}", holders(offer));
        }
        let ledger = run.table("model/ledger.parquet");
        assert!(ledger.texts("member_id").into_iter().flatten().all(|m| !withdrawn.contains(m)));
        previous = Some(run);
    }
    println!(
        "{kept} held over a night, {freed} freed, {refilled} given anew, {ghosts} ghost decisions; {} ever",
        ever["workshop"].len()
    );
    assert!(kept > 100 && freed > 20 && refilled > 20 && ghosts > 0);
    assert!(ever["workshop"].len() as u64 > SEATS, "seats went on to others");
    assert!(!withdrawn.is_empty());
}

/// Withdraws a member's consent while the run is writing.
struct WithdrawWhileWriting {
    consent: PathBuf,
    members: BTreeSet<String>,
    gone: BTreeSet<String>,
    done: Mutex<bool>,
}

impl Progress for WithdrawWhileWriting {
    fn start(&self, stage: &'static str, _total: Option<u64>) {
        let mut done = self.done.lock().unwrap();
        if stage == "write" && !*done {
            write_consent(&self.consent, &self.members, &self.gone);
            *done = true;
        }
    }

    fn advance(&self, _units: u64) {}

    fn finish(&self, _note: &str) {}
}

#[test]
fn who_withdraws_while_the_run_is_at_work_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (job, members) = shop(folder.path());
    let aside = tempfile::tempdir().unwrap();
    let options = || RunOptions { as_of: Day::parse("2026-06-10"), ..RunOptions::default() };
    let whole = publish(job.to_str().unwrap(), aside.path(), &[], options());
    let holder = assigned(&whole).into_iter().find(|a| a.offer == "workshop" && !a.ghost).unwrap().member;
    let other =
        whole.table("segments.parquet").names("member_id").into_iter().find(|m| *m != holder).unwrap().to_owned();
    let gone = BTreeSet::from([holder.clone(), other.clone()]);

    let loaded = job::load(&job, &[]).unwrap();
    let listener = WithdrawWhileWriting {
        consent: folder.path().join("consent.parquet"),
        members: members.clone(),
        gone: gone.clone(),
        done: Mutex::new(false),
    };
    let Outcome::Published { folder: at, summary, .. } = run(&loaded, &options(), &listener).unwrap() else {
        panic!("not published")
    };
    let run = folder.path().join("runs").join(at);
    for file in ["offers.parquet", "segments.parquet", "tags.parquet", "next_purchase.parquet", "model/ledger.parquet"]
    {
        let table = Table::read(&run.join(file));
        assert!(table.texts("member_id").into_iter().flatten().all(|m| !gone.contains(m)), "{file}");
    }
    for file in ["crm/generic/full.csv", "crm/generic/members.csv"] {
        let text = fs::read_to_string(run.join(file)).unwrap();
        assert!(text.lines().all(|line| !gone.iter().any(|m| line.starts_with(&format!("{m},")))), "{file}");
    }
    assert_eq!(summary.manifest.members.excluded.get("withdrawn_while_running"), Some(&2));
    // The seat stays empty: it is in the ledger without a name, and nobody else has it.
    let ledger = Table::read(&run.join("model/ledger.parquet"));
    let seats: Vec<_> = ledger
        .names("offer_id")
        .into_iter()
        .zip(ledger.texts("member_id"))
        .zip(ledger.names("arm"))
        .filter(|((offer, _), arm)| *offer == "workshop" && *arm == "treated")
        .map(|((_, member), _)| member.map(str::to_owned))
        .collect();
    assert_eq!(seats.iter().filter(|s| s.is_none()).count(), 1);
    let before: BTreeSet<String> =
        assigned(&whole).into_iter().filter(|a| a.offer == "workshop" && !a.ghost).map(|a| a.member).collect();
    let now: BTreeSet<String> = seats.into_iter().flatten().collect();
    assert_eq!(now, before.into_iter().filter(|m| *m != holder).collect());

    // The next night knows the newest state, and the seat is still empty.
    let next = publish(
        job.to_str().unwrap(),
        &folder.path().join("runs"),
        &[],
        RunOptions { as_of: Day::parse("2026-06-11"), ..RunOptions::default() },
    );
    let workshop = next.manifest.offers.iter().find(|o| o.offer_id == "workshop").unwrap();
    let listed = assigned(&next).into_iter().filter(|a| a.offer == "workshop" && !a.ghost).count() as u64;
    assert_eq!(listed + 1 + workshop.cap_left.unwrap(), SEATS);
}
