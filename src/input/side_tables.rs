//! The tables beside the purchase lines, as the run uses them.

use std::collections::HashSet;

use hashbrown::HashMap;

use super::{
    Activity, ActivityKind, ConsentSettings, InputError, ItemTable, MemberTable, NONE, Reason, TableInput,
    UnknownBirthDate,
    accounting::{LostRow, Problem, RowCounts},
    member_table::SharedTexts,
    side_rows::{Loss, SideContext, SideRow, read_side},
};
use crate::base::{Day, IdTable, Minor};

type Read<T> = Result<(T, RowCounts, Vec<LostRow>), InputError>;

/// One row of the items table.
#[derive(Debug, Clone, Default)]
struct ListedItem {
    name: String,
    category: Option<String>,
    brand: Option<String>,
    collection: Option<String>,
    parent: Option<String>,
    price: Option<Minor>,
    price_tier: u8,
    launch: Option<Day>,
    stock: Option<i64>,
    fits: Vec<String>,
    consumable_days: Option<u32>,
    warranty_days: Option<u32>,
    group_size: u16,
    denied: bool,
}

/// The items table, by item id.
#[derive(Debug, Default)]
pub struct ListedItems {
    rows: HashMap<String, ListedItem>,
    has: HashSet<&'static str>,
    repeated: Option<String>,
}

impl ListedItems {
    /// Reads the table; of rows with one id the first stays.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(input: &TableInput, context: &SideContext<'_>) -> Read<Self> {
        let mut items = Self {
            rows: HashMap::new(),
            has: input.table.columns().iter().map(|c| c.name).filter(|c| input.has(c)).collect(),
            repeated: None,
        };
        let (counts, lost) = read_side(input, context, |row| {
            let id = row.required("item_id")?;
            if items.rows.contains_key(id) {
                items.repeated.get_or_insert_with(|| id.to_owned());
                return Err((Reason::Duplicate, Problem::None));
            }
            let item = listed_item(row, context)?;
            items.rows.insert(id.to_owned(), item);
            Ok(())
        })?;
        Ok((items, counts, lost))
    }

    /// The first id that has more than one row.
    #[must_use]
    pub fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }

    /// The ids in byte order.
    #[must_use]
    pub fn ids(&self) -> IdTable {
        IdTable::from_unsorted(self.rows.keys())
    }

    /// The attributes of every item in `ids`; items below one of the `denied` categories are denied.
    #[must_use]
    pub fn assemble(&self, ids: IdTable, denied: &[String]) -> ItemTable {
        let rows: Vec<Option<&ListedItem>> = ids.iter().map(|id| self.rows.get(id)).collect();
        let texts = |get: fn(&ListedItem) -> &Option<String>, column: &str| {
            if !self.has.contains(column) {
                return (IdTable::default(), Vec::new());
            }
            let table = IdTable::from_unsorted(rows.iter().flatten().filter_map(|r| get(r).as_deref()));
            let codes = rows
                .iter()
                .map(|r| r.and_then(|r| get(r).as_deref()).and_then(|t| table.find(t)).map_or(NONE, |c| c as u32))
                .collect();
            (table, codes)
        };
        let (categories, category) = texts(|r| &r.category, "category");
        let (brands, brand) = texts(|r| &r.brand, "brand");
        let (collections, collection) = texts(|r| &r.collection, "collection");
        let below = |category: &str| denied.iter().any(|top| is_below(category, top));
        let column = |name: &str| self.has.contains(name);
        ItemTable {
            listed: rows.iter().map(Option::is_some).collect(),
            name: rows.iter().map(|r| r.map(|r| r.name.clone()).unwrap_or_default()).collect(),
            categories,
            category,
            brands,
            brand,
            collections,
            collection,
            parent: optional(
                column("parent"),
                &rows,
                |r| r.parent.as_deref().and_then(|p| ids.find(p)).map_or(NONE, |p| p as u32),
                NONE,
            ),
            price: optional(column("price"), &rows, |r| r.price, None),
            price_tier: optional(column("price_tier"), &rows, |r| r.price_tier, 0),
            launch: optional(column("launch_date"), &rows, |r| r.launch, None),
            stock: optional(column("stock"), &rows, |r| r.stock, None),
            fits: optional(column("fits"), &rows, |r| r.fits.clone(), Vec::new()),
            consumable_days: optional(column("consumable_days"), &rows, |r| r.consumable_days, None),
            warranty_days: optional(column("warranty_days"), &rows, |r| r.warranty_days, None),
            group_size: optional(column("group_size"), &rows, |r| r.group_size, 0),
            denied: rows
                .iter()
                .map(|r| r.is_some_and(|r| r.denied || r.category.as_deref().is_some_and(below)))
                .collect(),
            ids,
        }
    }
}

/// Whether a category path is `top` or lies below it.
fn is_below(category: &str, top: &str) -> bool {
    category.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn optional<T: Clone>(there: bool, rows: &[Option<&ListedItem>], get: impl Fn(&ListedItem) -> T, none: T) -> Vec<T> {
    if !there {
        return Vec::new();
    }
    rows.iter().map(|r| r.map_or_else(|| none.clone(), &get)).collect()
}

fn listed_item(row: &SideRow<'_>, context: &SideContext<'_>) -> Result<ListedItem, Loss> {
    let text = |name| row.text(name).map(str::to_owned);
    let days = |name| Ok::<_, Loss>(row.integer(name)?.and_then(|d| u32::try_from(d).ok()).filter(|d| *d > 0));
    Ok(ListedItem {
        name: text("name").unwrap_or_default(),
        category: text("category"),
        brand: text("brand"),
        collection: text("collection"),
        parent: text("parent"),
        price: row.money("price", context)?,
        price_tier: row.integer("price_tier")?.and_then(|t| u8::try_from(t).ok()).unwrap_or(0),
        launch: row.day("launch_date"),
        stock: row.integer("stock")?,
        fits: row.list("fits"),
        consumable_days: days("consumable_days")?,
        warranty_days: days("warranty_days")?,
        group_size: row.integer("group_size")?.and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 1).unwrap_or(0),
        denied: row.flag("denied"),
    })
}

/// Rows that room is made for at once: files may say anything of their length.
fn believable(input: &TableInput) -> usize {
    usize::try_from(input.rows()).unwrap_or(0).min(1 << 22)
}

/// Reads the members table into `members`; of rows with one id the first stays.
///
/// # Errors
/// If a file cannot be read.
pub fn read_members(input: &TableInput, context: &SideContext<'_>, members: &mut MemberTable) -> Read<()> {
    members.reserve(believable(input));
    // By number of the member.
    let mut seen: Vec<bool> = Vec::new();
    let mut shared = SharedTexts::default();
    let (counts, lost) = read_side(input, context, |row| {
        let id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?;
        let number = members.number(id);
        seen.resize(seen.len().max(number + 1), false);
        if std::mem::replace(&mut seen[number], true) {
            return Err((Reason::Duplicate, Problem::None));
        }
        let points = row.integer("points")?;
        let city_tier = row.integer("city_tier")?.and_then(|t| u8::try_from(t).ok());
        let mut text = |name| row.text(name).map(|text| shared.text(text));
        let (city, loyalty_tier, channel) = (text("city"), text("loyalty_tier"), text("preferred_channel"));
        let entry = members.entry(id);
        entry.birth_date = row.day("birth_date");
        entry.lunar_birthday = row.flag("lunar_birthday");
        entry.city = city;
        entry.city_tier = city_tier;
        entry.joined = row.day("joined");
        entry.loyalty_tier = loyalty_tier;
        entry.points = points;
        entry.points_expire = row.day("points_expire");
        entry.channel_opt_in = shared.list(row.list("channel_opt_in"));
        entry.preferred_channel = channel;
        Ok(())
    })?;
    Ok(((), counts, lost))
}

/// Reads what members did beside buying into `members`. Activities of other names than the contract's are kept out and
/// counted as unreadable.
///
/// # Errors
/// If a file cannot be read.
pub fn read_activities(input: &TableInput, context: &SideContext<'_>, members: &mut MemberTable) -> Read<()> {
    let (counts, lost) = read_side(input, context, |row| {
        let id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?;
        let kind = ActivityKind::from_code(row.required("activity")?)
            .ok_or((Reason::Unreadable, Problem::Unknown("activity")))?;
        let empty = (Reason::Unreadable, Problem::Empty("ts"));
        let (at, day) = (row.micros("ts").ok_or(empty)?, row.day("ts").ok_or(empty)?);
        let activity =
            Activity { at, kind, day, subject: row.text("subject").map(str::to_owned), closed: row.day("closed_at") };
        let done = &mut members.entry(id).activities;
        match done.binary_search(&activity) {
            Ok(_) => Err((Reason::Duplicate, Problem::None)),
            Err(place) => {
                done.insert(place, activity);
                Ok(())
            }
        }
    })?;
    Ok(((), counts, lost))
}

/// Reads tags that members asked to be rid of into `members`.
///
/// # Errors
/// If a file cannot be read.
pub fn read_suppressed_tags(input: &TableInput, context: &SideContext<'_>, members: &mut MemberTable) -> Read<()> {
    let (counts, lost) = read_side(input, context, |row| {
        let id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?;
        let tag = row.required("tag")?.to_owned();
        let tags = &mut members.entry(id).suppressed_tags;
        if tags.contains(&tag) {
            return Err((Reason::Duplicate, Problem::None));
        }
        tags.push(tag);
        Ok(())
    })?;
    Ok(((), counts, lost))
}

/// Reads a table of ids that has one column, such as the forget list.
///
/// # Errors
/// If a file cannot be read.
pub fn read_forgotten(input: &TableInput, context: &SideContext<'_>) -> Read<HashSet<String>> {
    let mut ids = HashSet::new();
    let (counts, lost) = read_side(input, context, |row| {
        let id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?;
        if ids.insert(id.to_owned()) { Ok(()) } else { Err((Reason::Duplicate, Problem::None)) }
    })?;
    Ok((ids, counts, lost))
}

/// Reads which accessory fits which device: pairs of item ids or categories, as written.
///
/// # Errors
/// If a file cannot be read.
pub fn read_compatibility(input: &TableInput, context: &SideContext<'_>) -> Read<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let (counts, lost) = read_side(input, context, |row| {
        pairs.push((row.required("device")?.to_owned(), row.required("accessory")?.to_owned()));
        Ok(())
    })?;
    Ok((pairs, counts, lost))
}

/// One contact with a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub member_id: String,
    /// Which offer.
    pub offer_id: String,
    /// When it was sent.
    pub sent: Day,
    /// When it was accepted, if it was.
    pub accepted: Option<Day>,
    /// When it was refused, if it was.
    pub refused: Option<Day>,
    /// When what it assigned was given back, if it was (`released`).
    pub released: Option<Day>,
}

/// Reads the contact history.
///
/// # Errors
/// If a file cannot be read.
pub fn read_contacts(input: &TableInput, context: &SideContext<'_>) -> Read<Vec<Contact>> {
    let mut contacts = Vec::new();
    let (counts, lost) = read_side(input, context, |row| {
        let member_id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?.to_owned();
        let offer_id = row.required("offer_id")?.to_owned();
        let sent = row.day("sent_at").ok_or((Reason::Unreadable, Problem::Empty("sent_at")))?;
        // An outcome without a day of its own came when the contact was sent.
        let came =
            |outcome: &str| (row.text("outcome") == Some(outcome)).then(|| row.day("outcome_at").unwrap_or(sent));
        let (accepted, refused, released) = (came("accepted"), came("refused"), came("released"));
        contacts.push(Contact { member_id, offer_id, sent, accepted, refused, released });
        Ok(())
    })?;
    Ok((contacts, counts, lost))
}

/// A member's newest state of consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ConsentState {
    ts: i64,
    lawful: bool,
    withdrawn: bool,
    opted_out: bool,
    guardian: bool,
}

/// What members agreed to. Not bound to the as-of day: the newest state counts.
#[derive(Debug, Default)]
pub struct ConsentLedger {
    /// `None` where the job has no consent table.
    states: Option<HashMap<String, ConsentState>>,
}

/// Whether a member's data may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Everything.
    Full,
    /// Opted out of personalisation.
    OptedOut,
    /// No lawful basis.
    NoLawfulBasis,
    /// Consent was withdrawn.
    Withdrawn,
    /// Too young, without a guardian's consent.
    Minor,
}

impl ConsentLedger {
    /// Reads the consent table; of several rows of a member the latest counts, of equally late ones the last.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(input: &TableInput, context: &SideContext<'_>) -> Read<Self> {
        let mut states: HashMap<String, ConsentState> = HashMap::with_capacity(believable(input));
        let (counts, lost) = read_side(input, context, |row| {
            let id = row.text("member_id").ok_or((Reason::NoMember, Problem::None))?;
            let ts = row.micros("ts").ok_or((Reason::Unreadable, Problem::Empty("ts")))?;
            let state = ConsentState {
                ts,
                lawful: row.text("lawful_basis").is_some(),
                withdrawn: row.micros("withdrawn_at").is_some(),
                opted_out: row.flag("personalisation_opt_out"),
                guardian: row.flag("guardian_consent"),
            };
            let newest = states.entry_ref(id).or_insert(state);
            if newest.ts <= ts {
                *newest = state;
            }
            Ok(())
        })?;
        Ok((Self { states: Some(states) }, counts, lost))
    }

    /// Whether a member has a row.
    #[must_use]
    pub fn contains(&self, member: &str) -> bool {
        self.states.as_ref().is_some_and(|states| states.contains_key(member))
    }

    /// What a member's data may be used for on `as_of`.
    #[must_use]
    pub fn permission(&self, member: &str, birth: Option<Day>, as_of: Day, rules: &ConsentSettings) -> Permission {
        let state = match &self.states {
            None => None,
            Some(states) => match states.get(member) {
                None => return Permission::NoLawfulBasis,
                Some(state) if state.withdrawn => return Permission::Withdrawn,
                Some(state) if !state.lawful => return Permission::NoLawfulBasis,
                Some(state) => Some(state),
            },
        };
        let minor = match birth {
            Some(birth) => age(birth, as_of) < i32::from(rules.minimum_age()),
            None => rules.unknown_birth_date() == UnknownBirthDate::Exclude,
        };
        if minor && !state.is_some_and(|s| s.guardian) {
            return Permission::Minor;
        }
        if state.is_some_and(|s| s.opted_out) { Permission::OptedOut } else { Permission::Full }
    }
}

/// Full years between a birth date and a day; who was born on 29 February turns a year older on 1 March.
fn age(birth: Day, on: Day) -> i32 {
    let ((by, bm, bd), (y, m, d)) = (birth.ymd(), on.ymd());
    i32::from(y) - i32::from(by) - i32::from((m, d) < (bm, bd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let day = |t| Day::parse(t).unwrap();
        assert_eq!(age(day("2012-06-30"), day("2026-06-30")), 14);
        assert_eq!(age(day("2012-07-01"), day("2026-06-30")), 13);
        assert_eq!(age(day("2012-02-29"), day("2026-02-28")), 13);
        assert_eq!(age(day("2012-02-29"), day("2026-03-01")), 14);
        assert_eq!(age(day("2027-01-01"), day("2026-03-01")), -1);
    }

    #[test]
    fn categories_below() {
        assert!(is_below("adult/toys", "adult"));
        assert!(is_below("adult", "adult"));
        assert!(!is_below("adults", "adult"));
    }
}
