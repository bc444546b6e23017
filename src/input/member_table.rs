//! What the shop says about its members.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::{HashMap, HashSet};

use crate::base::{Day, cities::CityTiers, hash::id_hash, interner::Interner};

/// What a member did, beside buying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActivityKind {
    /// Brought somebody to the shop.
    Referral,
    /// Joined a group of the shop.
    Community,
    /// Gave to a cause.
    Donation,
    /// Complained; open until it is closed.
    Complaint,
    /// Asked to bring something back; open until it is closed.
    ReturnRequest,
}

impl ActivityKind {
    /// Every kind with the code the table has for it.
    pub const ALL: [(&'static str, Self); 5] = [
        ("referral", Self::Referral),
        ("community", Self::Community),
        ("donation", Self::Donation),
        ("complaint", Self::Complaint),
        ("return_request", Self::ReturnRequest),
    ];

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)
    }
}

/// Something a member did on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Activity {
    /// Local microseconds since 1970.
    pub at: i64,
    /// What.
    pub kind: ActivityKind,
    /// The local day.
    pub day: Day,
    /// The cause or the group.
    pub subject: Option<String>,
    /// When it was done with, for complaints and requests.
    pub closed: Option<Day>,
}

/// One member's row of the members, consent and suppression tables, joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberAttributes {
    /// Birth date (solar as written, or lunar if `lunar_birthday`).
    pub birth_date: Option<Day>,
    /// Whether the birth date is a date of the lunar calendar.
    pub lunar_birthday: bool,
    /// City as written.
    pub city: Option<Arc<str>>,
    /// City tier, 1 = first tier.
    pub city_tier: Option<u8>,
    /// Day of joining.
    pub joined: Option<Day>,
    /// The programme's own tier.
    pub loyalty_tier: Option<Arc<str>>,
    /// Points balance.
    pub points: Option<i64>,
    /// Day the points expire.
    pub points_expire: Option<Day>,
    /// Channels the member agreed to be contacted on.
    pub channel_opt_in: Arc<[String]>,
    /// Channel the member prefers.
    pub preferred_channel: Option<Arc<str>>,
    /// Opted out of personalisation: the generic list, no segment, no behavioural tag.
    pub opted_out: bool,
    /// Tags that must never be given to this member.
    pub suppressed_tags: Vec<String>,
    /// What the member did, oldest first; later than the as-of day too.
    pub activities: Vec<Activity>,
}

impl MemberAttributes {
    /// What the member did of a kind up to `as_of`, oldest first.
    pub fn did(&self, kind: ActivityKind, as_of: Day) -> impl DoubleEndedIterator<Item = &Activity> {
        self.activities.iter().filter(move |a| a.kind == kind && a.day <= as_of)
    }

    /// Whether a complaint or a request to bring something back is open on `as_of`.
    #[must_use]
    pub fn is_at_odds(&self, as_of: Day) -> bool {
        self.activities.iter().any(|a| {
            matches!(a.kind, ActivityKind::Complaint | ActivityKind::ReturnRequest)
                && a.day <= as_of
                && a.closed.is_none_or(|day| day > as_of)
        })
    }
}

/// Texts that many members share, held once: cities, tiers, channels and lists of channels.
#[derive(Debug, Default)]
pub struct SharedTexts {
    texts: HashSet<Arc<str>>,
    lists: HashSet<Arc<[String]>>,
}

impl SharedTexts {
    /// The shared copy of a text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        Arc::clone(self.texts.get_or_insert_with(text, |text| text.into()))
    }

    /// The shared copy of a list.
    pub fn list(&mut self, list: Vec<String>) -> Arc<[String]> {
        if let Some(known) = self.lists.get(list.as_slice()) {
            return Arc::clone(known);
        }
        let shared: Arc<[String]> = list.into();
        self.lists.insert(Arc::clone(&shared));
        shared
    }
}

/// Attributes by member id. Members without a row have the defaults.
#[derive(Debug, Clone, Default)]
pub struct MemberTable {
    ids: Interner,
    /// By number of the id.
    rows: Vec<MemberAttributes>,
    none: MemberAttributes,
}

impl MemberTable {
    /// Makes room for so many more members.
    pub fn reserve(&mut self, members: usize) {
        self.ids.reserve(members);
        self.rows.reserve_exact(members);
    }

    /// Whether a member has a row.
    #[must_use]
    pub fn contains(&self, member: &str) -> bool {
        self.ids.number(member).is_some()
    }

    /// The member's attributes; defaults if the shop has no row for them.
    #[must_use]
    pub fn get(&self, member_id: &str) -> &MemberAttributes {
        self.ids.number(member_id).and_then(|number| self.rows.get(number as usize)).unwrap_or(&self.none)
    }

    /// The number of the member's row, made on first use: rows are numbered in the order in which they are made.
    pub fn number(&mut self, member_id: &str) -> usize {
        let number = self.ids.intern(member_id, id_hash(member_id.as_bytes()), None) as usize;
        if number == self.rows.len() {
            self.rows.push(MemberAttributes::default());
        }
        number
    }

    /// The member's row to fill in, made on first use.
    pub fn entry(&mut self, member_id: &str) -> &mut MemberAttributes {
        let number = self.number(member_id);
        &mut self.rows[number]
    }

    /// Gives members without a city tier that of their city. Returns the names of cities that no table knows, with the
    /// number of members that live there, the most first.
    pub fn complete_city_tiers(&mut self, tiers: &CityTiers) -> Vec<(String, usize)> {
        let mut known: HashMap<Arc<str>, Option<u8>> = HashMap::new();
        let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
        for row in &mut self.rows {
            let (Some(city), None) = (&row.city, row.city_tier) else { continue };
            let tier = *known.entry(city.clone()).or_insert_with(|| tiers.tier(city));
            row.city_tier = tier;
            if tier.is_none() {
                *unknown.entry(city.to_string()).or_default() += 1;
            }
        }
        let mut unknown: Vec<(String, usize)> = unknown.into_iter().collect();
        unknown.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        unknown
    }

    /// Every member with a row, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MemberAttributes)> {
        self.ids.texts().iter().zip(&self.rows)
    }

    /// Number of members with a row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no member has a row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
