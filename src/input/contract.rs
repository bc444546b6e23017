//! The input tables a job may name, and the columns each may have.

/// What a column holds, whatever the file's own type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// An id: text, or an integer written as decimal digits.
    Id,
    /// Text.
    Text,
    /// A point in time, any unit, with or without zone.
    Time,
    /// A calendar day, or a time of which the local day counts.
    Day,
    /// A whole number.
    Integer,
    /// A number with a fraction: decimal, float or integer.
    Decimal,
    /// An amount in the job's currency: decimal, float or integer in major units.
    Money,
    /// True or false.
    Boolean,
    /// A list of texts, or text separated by `,`, `;` or `|`.
    TextList,
}

impl Class {
    /// The class in words for a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Id => "an id (text or integer)",
            Self::Text => "text",
            Self::Time => "a time",
            Self::Day => "a day",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Money => "an amount (decimal, float or integer)",
            Self::Boolean => "true or false",
            Self::TextList => "a list of texts",
        }
    }
}

/// Whether a table is of use without the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The table cannot be read without it.
    Required,
    /// One of the columns with the same group name must be there.
    OneOf(&'static str),
    /// Something cannot be done without it, and that is said once.
    Optional,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Our name, the left side of the job's column map.
    pub name: &'static str,
    /// What it holds.
    pub class: Class,
    /// Whether the table is of use without it.
    pub need: Need,
}

const fn required(name: &'static str, class: Class) -> Column {
    Column { name, class, need: Need::Required }
}

const fn optional(name: &'static str, class: Class) -> Column {
    Column { name, class, need: Need::Optional }
}

const TRANSACTIONS: &[Column] = &[
    required("member_id", Class::Id),
    Column { name: "ts", class: Class::Time, need: Need::OneOf("ts or basket_index") },
    Column { name: "basket_index", class: Class::Integer, need: Need::OneOf("ts or basket_index") },
    optional("item_id", Class::Id),
    optional("order_id", Class::Id),
    optional("quantity", Class::Decimal),
    optional("unit_price", Class::Money),
    optional("amount", Class::Money),
    optional("discount", Class::Money),
    optional("channel", Class::Text),
    optional("store", Class::Id),
    optional("city", Class::Text),
    optional("is_return", Class::Boolean),
];

const ITEMS: &[Column] = &[
    required("item_id", Class::Id),
    optional("name", Class::Text),
    optional("category", Class::Text),
    optional("brand", Class::Text),
    optional("collection", Class::Text),
    optional("parent", Class::Id),
    optional("price", Class::Money),
    optional("price_tier", Class::Integer),
    optional("launch_date", Class::Day),
    optional("stock", Class::Integer),
    optional("fits", Class::TextList),
    optional("consumable_days", Class::Integer),
    optional("warranty_days", Class::Integer),
    optional("group_size", Class::Integer),
    optional("denied", Class::Boolean),
];

const MEMBERS: &[Column] = &[
    required("member_id", Class::Id),
    optional("birth_date", Class::Day),
    optional("lunar_birthday", Class::Boolean),
    optional("city", Class::Text),
    optional("city_tier", Class::Integer),
    optional("joined", Class::Day),
    optional("loyalty_tier", Class::Text),
    optional("points", Class::Integer),
    optional("points_expire", Class::Day),
    optional("channel_opt_in", Class::TextList),
    optional("preferred_channel", Class::Text),
];

const CONSENT: &[Column] = &[
    required("member_id", Class::Id),
    required("lawful_basis", Class::Text),
    required("ts", Class::Time),
    optional("personalisation_opt_out", Class::Boolean),
    optional("guardian_consent", Class::Boolean),
    optional("withdrawn_at", Class::Time),
];

const IDENTITIES: &[Column] = &[
    required("member_id", Class::Id),
    required("system", Class::Text),
    required("external_id", Class::Id),
    optional("employee", Class::Id),
    optional("email_hash", Class::Text),
    optional("same_as", Class::Id),
];

const CONTACTS: &[Column] = &[
    required("member_id", Class::Id),
    required("offer_id", Class::Id),
    required("sent_at", Class::Time),
    optional("channel", Class::Text),
    optional("outcome", Class::Text),
    optional("outcome_at", Class::Time),
    optional("run_id", Class::Text),
];

const COMPATIBILITY: &[Column] = &[required("device", Class::Id), required("accessory", Class::Id)];

const ACTIVITIES: &[Column] = &[
    required("member_id", Class::Id),
    required("activity", Class::Text),
    required("ts", Class::Time),
    optional("subject", Class::Text),
    optional("closed_at", Class::Time),
];

const SUPPRESSED_TAGS: &[Column] = &[required("member_id", Class::Id), required("tag", Class::Text)];

const TAG_IDS: &[Column] =
    &[required("system", Class::Text), required("tag", Class::Text), required("target_id", Class::Id)];

const FORGOTTEN: &[Column] = &[required("member_id", Class::Id)];

/// An input table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Purchase lines.
    Transactions,
    /// The shop's items.
    Items,
    /// The shop's members.
    Members,
    /// What each member agreed to.
    Consent,
    /// Members' ids in other systems.
    Identities,
    /// Offers sent and what came of them.
    Contacts,
    /// Which accessory fits which device.
    Compatibility,
    /// What members did beside buying.
    Activities,
    /// Tags that must not be given to a member.
    SuppressedTags,
    /// Ids of tags in target systems.
    TagIds,
    /// Members to be forgotten.
    Forgotten,
}

impl Table {
    /// Every table, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::Transactions,
        Self::Items,
        Self::Members,
        Self::Consent,
        Self::Identities,
        Self::Contacts,
        Self::Compatibility,
        Self::Activities,
        Self::SuppressedTags,
        Self::TagIds,
        Self::Forgotten,
    ];

    /// The table's key under `[inputs]`, and its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Items => "items",
            Self::Members => "members",
            Self::Consent => "consent",
            Self::Identities => "identities",
            Self::Contacts => "contacts",
            Self::Compatibility => "compatibility",
            Self::Activities => "activities",
            Self::SuppressedTags => "suppressed_tags",
            Self::TagIds => "tag_ids",
            Self::Forgotten => "forgotten",
        }
    }

    /// The table's columns, in the order of the contract.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Transactions => TRANSACTIONS,
            Self::Items => ITEMS,
            Self::Members => MEMBERS,
            Self::Consent => CONSENT,
            Self::Identities => IDENTITIES,
            Self::Contacts => CONTACTS,
            Self::Compatibility => COMPATIBILITY,
            Self::Activities => ACTIVITIES,
            Self::SuppressedTags => SUPPRESSED_TAGS,
            Self::TagIds => TAG_IDS,
            Self::Forgotten => FORGOTTEN,
        }
    }

    /// The column called `name`.
    #[must_use]
    pub fn column(self, name: &str) -> Option<&'static Column> {
        self.columns().iter().find(|c| c.name == name)
    }
}

impl serde::Serialize for Table {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_found() {
        let names: BTreeSet<_> = Table::ALL.iter().map(|t| t.name()).collect();
        assert_eq!(names.len(), Table::ALL.len());
        for table in Table::ALL {
            let columns: BTreeSet<_> = table.columns().iter().map(|c| c.name).collect();
            assert_eq!(columns.len(), table.columns().len(), "{}", table.name());
            assert!(table.columns().iter().any(|c| c.need == Need::Required), "{}", table.name());
        }
        assert_eq!(Table::Items.column("price").map(|c| c.class), Some(Class::Money));
        assert_eq!(Table::Items.column("ts"), None);
    }
}
