//! What the shop says about its members.

use std::collections::HashMap;

use crate::base::Day;

/// One member's row of the members, consent and suppression tables, joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberAttributes {
    /// Birth date (solar as written, or lunar if `lunar_birthday`).
    pub birth_date: Option<Day>,
    /// Whether the birth date is a date of the lunar calendar.
    pub lunar_birthday: bool,
    /// City as written.
    pub city: Option<String>,
    /// City tier, 1 = first tier.
    pub city_tier: Option<u8>,
    /// Day of joining.
    pub joined: Option<Day>,
    /// The programme's own tier.
    pub loyalty_tier: Option<String>,
    /// Points balance.
    pub points: Option<i64>,
    /// Day the points expire.
    pub points_expire: Option<Day>,
    /// Channels the member agreed to be contacted on.
    pub channel_opt_in: Vec<String>,
    /// Channel the member prefers.
    pub preferred_channel: Option<String>,
    /// Opted out of personalisation: the generic list, no segment, no behavioural tag.
    pub opted_out: bool,
    /// Tags that must never be given to this member.
    pub suppressed_tags: Vec<String>,
}

/// Attributes by member id. Members without a row have the defaults.
#[derive(Debug, Clone, Default)]
pub struct MemberTable {
    rows: HashMap<String, MemberAttributes>,
    none: MemberAttributes,
}

impl MemberTable {
    /// The member's attributes; defaults if the shop has no row for them.
    #[must_use]
    pub fn get(&self, member_id: &str) -> &MemberAttributes {
        self.rows.get(member_id).unwrap_or(&self.none)
    }

    /// The member's row to fill in, made on first use.
    pub fn entry(&mut self, member_id: &str) -> &mut MemberAttributes {
        if !self.rows.contains_key(member_id) {
            self.rows.insert(member_id.to_owned(), MemberAttributes::default());
        }
        // The row was just made.
        self.rows.entry(member_id.to_owned()).or_default()
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
