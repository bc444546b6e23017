//! Which key each member has in a target.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::export::{
    cell::{LeftOut, is_key},
    dialects,
    targets::{KeySource, Target},
};

/// A row of the identities table.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentityRow {
    /// The system.
    pub system: String,
    /// The member's id in it.
    pub external_id: String,
    /// WeCom: the employee whose customer the member is.
    pub employee: Option<String>,
}

/// The identities table.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    /// By member.
    rows: HashMap<String, Vec<IdentityRow>>,
    /// Accounts that were merged into another: member → member.
    same_as: HashMap<String, String>,
}

impl Identities {
    /// Adds a row.
    pub fn push(&mut self, member: &str, row: IdentityRow, same_as: Option<&str>) {
        if let Some(other) = same_as.filter(|other| *other != member) {
            self.same_as.entry(member.to_owned()).or_insert_with(|| other.to_owned());
        }
        self.rows.entry(member.to_owned()).or_default().push(row);
    }

    /// The member's ids in a system, in byte order.
    #[must_use]
    pub fn of(&self, member: &str, system: &str) -> Vec<&IdentityRow> {
        let own = self.rows.get(member).into_iter().flatten();
        let mut found: Vec<&IdentityRow> = own.filter(|row| row.system == system).collect();
        found.sort();
        found.dedup();
        found
    }

    /// The account that a member's was merged into last, among those that `is_there`; the member's own if none.
    fn root<'s>(&'s self, member: &'s str, is_there: impl Fn(&str) -> bool) -> &'s str {
        let (mut root, mut at) = (member, member);
        // A circle of accounts ends where it has been gone around.
        let mut seen = HashSet::from([member]);
        while let Some(next) = self.same_as.get(at) {
            if !seen.insert(next) {
                // Of accounts that name each other the lowest id stays.
                let circle = seen.iter().copied().filter(|m| is_there(m)).min();
                return circle.unwrap_or(member);
            }
            if is_there(next) {
                root = next;
            }
            at = next;
        }
        root
    }
}

/// A key of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    /// Index of the kind of key.
    pub(super) kind: usize,
    pub(super) key: String,
    pub(super) employee: String,
    /// The key that the target may know the member by since it was made.
    pub(super) made_as: Option<(usize, String)>,
}

/// The keys of the members in one target.
#[derive(Debug, Default)]
pub struct KeyBook {
    /// `None`: every member is keyed by the member's own id.
    by_member: Option<HashMap<String, Vec<Keyed>>>,
    /// Members left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl KeyBook {
    /// Finds the keys of `members`, which are in byte order.
    #[must_use]
    pub fn new(target: &Target, members: &[&str], identities: &Identities) -> Self {
        if target.keys.iter().all(|k| k.from == KeySource::MemberId) && target.keys.len() == 1 {
            return Self::default();
        }
        let form = dialects::of(target).form(target);
        let null = form.as_ref().map_or("", |f| f.null);
        let by_employee = target.dialect == "wecom";
        let is_there = |id: &str| members.binary_search(&id).is_ok();
        let mut merged: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut book = Self { by_member: Some(HashMap::with_capacity(members.len())), left_out: BTreeMap::new() };
        let mut left_out = BTreeMap::new();
        let mut lose = |why: LeftOut| *left_out.entry(why.as_str()).or_default() += 1;
        for member in members.iter().filter(|m| identities.same_as.contains_key(**m)) {
            let root = identities.root(member, is_there);
            if root != *member {
                merged.entry(root).or_default().push(member);
            }
        }
        let gone: HashSet<&str> = merged.values().flatten().copied().collect();
        let mut taken: HashSet<(usize, String, String)> = HashSet::new();
        for member in members {
            if gone.contains(member) {
                lose(LeftOut::Merged);
                continue;
            }
            let accounts: Vec<&str> =
                std::iter::once(*member).chain(merged.get(member).into_iter().flatten().copied()).collect();
            let mut bad = false;
            let mut found: Vec<Keyed> = Vec::new();
            for (kind, key) in target.keys.iter().enumerate() {
                let keys: Vec<(&str, &str)> = match &key.from {
                    KeySource::MemberId => vec![(*member, "")],
                    KeySource::Identity(system) => accounts
                        .iter()
                        .flat_map(|account| identities.of(account, system))
                        .filter(|row| !by_employee || row.employee.is_some())
                        .map(|row| (row.external_id.as_str(), row.employee.as_deref().unwrap_or_default()))
                        .map(|(id, employee)| (id, if by_employee { employee } else { "" }))
                        .collect(),
                };
                for (id, employee) in keys {
                    if !is_key(id, null) || (by_employee && !is_key(employee, "")) {
                        bad = true;
                    } else if by_employee || found.is_empty() {
                        let made_as = None;
                        found.push(Keyed { kind, key: id.to_owned(), employee: employee.to_owned(), made_as });
                    } else if key.create_only && found[0].kind != kind && found[0].made_as.is_none() {
                        found[0].made_as = Some((kind, id.to_owned()));
                    }
                }
            }
            if found.is_empty() {
                lose(if bad { LeftOut::BadKey } else { LeftOut::NoKey });
                continue;
            }
            let before = found.len();
            found.retain(|k| taken.insert((k.kind, k.key.clone(), k.employee.clone())));
            if found.is_empty() && before > 0 {
                lose(LeftOut::DuplicateKey);
                continue;
            }
            if let Some(by_member) = &mut book.by_member {
                by_member.insert((*member).to_owned(), found);
            }
        }
        book.left_out = left_out;
        book
    }

    /// A member's keys; `None` if the member's own id is the key.
    pub(super) fn of(&self, member: &str) -> Option<&[Keyed]> {
        let by_member = self.by_member.as_ref()?;
        Some(by_member.get(member).map_or(&[], Vec::as_slice))
    }
}
