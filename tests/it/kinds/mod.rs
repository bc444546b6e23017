//! Every offer kind on the generated shop: who gets it and why, held against the shop's own tables, recounted here from
//! the rows alone.

mod history;
mod members;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::OnceLock,
};

use nextoffer::{
    base::{Day, progress::Silent},
    job,
    run::{Outcome, RunOptions, RunSummary, run},
};

use super::support::{Table, by_key, root, shop};

/// A slot of a list.
#[derive(Debug, Clone)]
struct Slot {
    member: String,
    item: Option<String>,
    reason: String,
    count: Option<i64>,
    days: Option<i64>,
    date: Option<i32>,
    amount: Option<i64>,
    about: Option<String>,
    about_category: Option<String>,
    zh: String,
    en: String,
    from: i32,
    until: i32,
}

/// A purchase line that cleaning keeps, or one that a return may have undone.
#[derive(Debug, Clone)]
struct Line {
    day: i32,
    order: String,
    item: String,
    channel: String,
    /// Some line of the member brings the item back later.
    perhaps_returned: bool,
}

/// The shop as its tables have it, and what the run made of it.
struct Shop {
    as_of: i32,
    slots: BTreeMap<String, Vec<Slot>>,
    summary: Box<RunSummary>,
    lines: BTreeMap<String, Vec<Line>>,
    category: BTreeMap<String, String>,
    brand: BTreeMap<String, String>,
    collection: BTreeMap<String, String>,
    members: Table,
    activities: Table,
    /// Members a run may personalise for and who bought something.
    personalised: BTreeSet<String>,
    /// Members with an open complaint or request.
    at_odds: BTreeSet<String>,
}

fn found() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| Shop::run("kinds"))
}

/// The demo's job with the offers of every kind in place of its own, paths made whole.
fn job_text() -> String {
    let demo = fs::read_to_string(root().join("jobs/demo.toml")).unwrap();
    let inputs =
        demo[..demo.find("[[offers]]").unwrap()].replace("../fixtures", root().join("fixtures").to_str().unwrap());
    let activities = format!("activities = {{ path = \"{}\" }}\n\n[cleaning]", shop("activities.parquet").display());
    let offers = fs::read_to_string(root().join("tests/it/kinds/offers.toml")).unwrap();
    format!("{}\n{offers}", inputs.replacen("\n[cleaning]", &activities, 1))
}

/// The job of [`job_text`], changed by `edit`, run without publishing.
fn dry_run(edit: impl Fn(String) -> String) -> Outcome {
    let loaded =
        job::load_text(&root().join("jobs/kinds.toml"), &edit(job_text()), &[]).unwrap_or_else(|e| panic!("{e}"));
    run(&loaded, &RunOptions { dry_run: true, ..RunOptions::default() }, &Silent).unwrap()
}

impl Shop {
    fn run(name: &str) -> Self {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&out);
        let loaded =
            job::load_text(&root().join("jobs/kinds.toml"), &job_text(), &[]).unwrap_or_else(|e| panic!("{e}"));
        let options = RunOptions { out: Some(out.to_str().unwrap().to_owned()), ..RunOptions::default() };
        let Outcome::Published { folder, summary, .. } = run(&loaded, &options, &Silent).unwrap() else { panic!() };
        let offers = Table::read(&out.join(folder).join("offers.parquet"));
        let items = Table::read(&shop("items.parquet"));
        let members = Table::read(&shop("members.parquet"));
        let activities = Table::read(&shop("activities.parquet"));
        let truth = Table::read(&shop("truth/members.parquet"));
        let as_of = summary.manifest.as_of.0;
        let column = |name: &str| -> BTreeMap<String, String> {
            let values = items.texts(name);
            let pairs = items.names("item_id").into_iter().zip(values);
            pairs.filter_map(|(id, v)| Some((id.to_owned(), v?.to_owned()))).collect()
        };
        let may = truth.flags("may_be_personalised");
        let lines = lines(as_of);
        let personalised = truth.names("member_id").into_iter().zip(may).filter(|(_, may)| *may == Some(true));
        let personalised =
            personalised.map(|(id, _)| id.to_owned()).filter(|id| lines.contains_key(id)).collect::<BTreeSet<_>>();
        let mut at_odds = BTreeSet::new();
        let (who, what, closed) =
            (activities.names("member_id"), activities.names("activity"), activities.times("closed_at"));
        for row in 0..activities.rows() {
            if matches!(what[row], "complaint" | "return_request")
                && closed[row].is_none_or(|at| at.div_euclid(86_400_000_000) > i64::from(as_of))
            {
                at_odds.insert(who[row].to_owned());
            }
        }
        Self {
            as_of,
            slots: slots(&offers),
            summary,
            lines,
            category: column("category"),
            brand: column("brand"),
            collection: column("collection"),
            members,
            activities,
            personalised,
            at_odds,
        }
    }

    /// The slots of an offer.
    fn of(&self, offer: &str) -> &[Slot] {
        self.slots.get(offer).map_or(&[], Vec::as_slice)
    }

    /// A member's purchases.
    fn bought(&self, member: &str) -> &[Line] {
        self.lines.get(member).map_or(&[], Vec::as_slice)
    }

    /// A member's purchases in a category, with those below it.
    fn in_category<'a>(&'a self, member: &str, path: &'a str) -> impl Iterator<Item = &'a Line> + 'a {
        self.bought(member).iter().filter(move |line| self.is_in(&line.item, path))
    }

    fn is_in(&self, item: &str, path: &str) -> bool {
        self.category.get(item).and_then(|c| c.strip_prefix(path)).is_some_and(|r| r.is_empty() || r.starts_with('/'))
    }

    /// A column of the members table.
    fn attribute<V>(&self, values: Vec<V>) -> BTreeMap<&str, V> {
        by_key(self.members.names("member_id"), values)
    }

    /// Members who may get an offer that sells, or any.
    fn reachable(&self, sells: bool) -> impl Iterator<Item = &String> {
        self.personalised.iter().filter(move |id| !(sells && self.at_odds.contains(*id)))
    }

    /// The share of `expected` members who have the offer; at least `least` of them must be there to speak of a share.
    fn recall<'a>(&self, offer: &str, expected: impl IntoIterator<Item = &'a String>, least: usize) -> f64 {
        let has: BTreeSet<&str> = self.of(offer).iter().map(|s| s.member.as_str()).collect();
        let expected: Vec<&String> = expected.into_iter().collect();
        assert!(expected.len() >= least, "{offer}: only {} expected", expected.len());
        expected.iter().filter(|id| has.contains(id.as_str())).count() as f64 / expected.len() as f64
    }
}

fn slots(offers: &Table) -> BTreeMap<String, Vec<Slot>> {
    let mut out: BTreeMap<String, Vec<Slot>> = BTreeMap::new();
    let (ids, members, items) = (offers.names("offer_id"), offers.names("member_id"), offers.texts("item_id"));
    let (reasons, basis) = (offers.names("reason_code"), offers.names("basis"));
    let (zh, en) = (offers.names("text_zh"), offers.names("text_en"));
    let (from, until) = (offers.days("valid_from"), offers.days("valid_until"));
    let ints = |field: &str| offers.field("evidence", field).ints(field);
    let (count, days, amount) = (ints("count"), ints("days"), ints("amount_minor"));
    let date = offers.field("evidence", "date");
    let date = date.days("date");
    let (about, category) = (offers.field("evidence", "item_id"), offers.field("evidence", "category"));
    let (about, category) = (about.texts("item_id"), category.texts("category"));
    for row in (0..offers.rows()).filter(|row| basis[*row] == "personalised") {
        out.entry(ids[row].to_owned()).or_default().push(Slot {
            member: members[row].to_owned(),
            item: items[row].map(str::to_owned),
            reason: reasons[row].to_owned(),
            count: count[row],
            days: days[row],
            date: date[row],
            amount: amount[row],
            about: about[row].map(str::to_owned),
            about_category: category[row].map(str::to_owned),
            zh: zh[row].to_owned(),
            en: en[row].to_owned(),
            from: from[row].unwrap(),
            until: until[row].unwrap(),
        });
    }
    out
}

/// Purchases by member, oldest first, by the rules of cleaning.
fn lines(as_of: i32) -> BTreeMap<String, Vec<Line>> {
    let rows = Table::read_folder(&shop("transactions"));
    let (members, times, items) = (rows.texts("member_id"), rows.times("ts"), rows.names("item_id"));
    let (orders, channels, prices) = (rows.names("order_id"), rows.names("channel"), rows.ints("unit_price"));
    let returns = rows.flags("is_return");
    let mut back: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in 0..rows.rows() {
        if let (Some(member), Some(true)) = (members[row], returns[row]) {
            back.insert((member, items[row]));
        }
    }
    let mut out: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for row in 0..rows.rows() {
        let day = times[row].unwrap().div_euclid(86_400_000_000) as i32;
        let Some(member) = members[row] else { continue };
        if day > as_of || items[row].starts_with("FEE-") || prices[row].unwrap() <= 0 || returns[row] == Some(true) {
            continue;
        }
        out.entry(member.to_owned()).or_default().push(Line {
            day,
            order: orders[row].to_owned(),
            item: items[row].to_owned(),
            channel: channels[row].to_owned(),
            perhaps_returned: back.contains(&(member, items[row])),
        });
    }
    out.values_mut().for_each(|lines| lines.sort_by(|a, b| (a.day, &a.item).cmp(&(b.day, &b.item))));
    out
}

/// Different days of purchases.
fn days_of<'a>(lines: impl Iterator<Item = &'a Line>) -> BTreeSet<i32> {
    lines.map(|l| l.day).collect()
}

fn day(text: &str) -> i32 {
    Day::parse(text).unwrap().0
}
