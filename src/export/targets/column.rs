//! What a CRM field can be filled from.

use serde::{Deserialize, Serialize};

use crate::{base::tag_code::TagCode, export::generic::GenericColumn};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// A calendar day.
    Day,
    /// True or false.
    Flag,
    /// Tag codes.
    Tags,
}

/// A column of a member or of a decision, by the name the job gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Column {
    /// The member's id.
    MemberId,
    /// Lasting id of the member's segment.
    SegmentId,
    /// Code of the member's segment.
    SegmentCode,
    /// Chinese name of the member's segment.
    SegmentNameZh,
    /// English name of the member's segment.
    SegmentNameEn,
    /// Lifecycle stage.
    Lifecycle,
    /// Value band.
    ValueBand,
    /// Every tag.
    Tags,
    /// The tags of one source.
    TagsOf(String),
    /// Whether the member has a tag.
    HasTag(String),
    /// `treated` or `holdout`.
    Arm,
    /// `personalised` or `generic`.
    Basis,
    /// The member's id in another system.
    Identity(String),
    /// A column of the decision in a slot of the member's list, 1 = first.
    Offer(u8, GenericColumn),
    /// A column of the row's decision.
    Decision(GenericColumn),
}

/// Columns of a member that need no more than their name.
const PLAIN: &[(&str, Column)] = &[
    ("member_id", Column::MemberId),
    ("segment_id", Column::SegmentId),
    ("segment_code", Column::SegmentCode),
    ("segment_name_zh", Column::SegmentNameZh),
    ("segment_name_en", Column::SegmentNameEn),
    ("lifecycle", Column::Lifecycle),
    ("value_band", Column::ValueBand),
    ("tags", Column::Tags),
    ("arm", Column::Arm),
    ("basis", Column::Basis),
];

/// Sources of tags, for `tags.<source>`.
const SOURCES: &[&str] = &["cluster", "lifecycle", "value", "channel", "category", "rule"];

impl Column {
    /// The column of that name. A row of a target is a decision or a member: `decisions` tells which.
    #[must_use]
    pub fn named(name: &str, decisions: bool) -> Option<Self> {
        if decisions && let Some(column) = GenericColumn::named(name) {
            return Some(Self::Decision(column));
        }
        if let Some((_, column)) = PLAIN.iter().find(|(known, _)| *known == name) {
            return Some(column.clone());
        }
        let (first, rest) = name.split_once('.')?;
        match first {
            "tags" => SOURCES.contains(&rest).then(|| Self::TagsOf(rest.to_owned())),
            "tag" => TagCode::new(rest).map(|_| Self::HasTag(rest.to_owned())),
            "identity" => (!rest.is_empty()).then(|| Self::Identity(rest.to_owned())),
            _ => {
                let slot: u8 = first.strip_prefix("offer_")?.parse().ok().filter(|s| *s > 0)?;
                let column = GenericColumn::named(rest)?;
                (column != GenericColumn::MemberId).then_some(Self::Offer(slot, column))
            }
        }
    }

    /// Names to choose from, for messages.
    #[must_use]
    pub fn names(decisions: bool) -> Vec<String> {
        let mut names: Vec<String> = PLAIN.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.extend(SOURCES.iter().map(|s| format!("tags.{s}")));
        for column in GenericColumn::names() {
            names.push(if decisions { column.to_owned() } else { format!("offer_1.{column}") });
        }
        names
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> FieldType {
        match self {
            Self::SegmentId => FieldType::Integer,
            Self::Tags | Self::TagsOf(_) => FieldType::Tags,
            Self::HasTag(_) => FieldType::Flag,
            Self::Offer(_, column) | Self::Decision(column) => column.kind(),
            _ => FieldType::Text,
        }
    }

    /// Whether a text may be cut to the field's length without changing what it stands for.
    #[must_use]
    pub fn is_prose(&self) -> bool {
        match self {
            Self::SegmentNameZh | Self::SegmentNameEn => true,
            Self::Offer(_, c) | Self::Decision(c) => matches!(c, GenericColumn::TextZh | GenericColumn::TextEn),
            _ => false,
        }
    }
}

impl From<Column> for String {
    fn from(column: Column) -> Self {
        match column {
            Column::TagsOf(source) => format!("tags.{source}"),
            Column::HasTag(tag) => format!("tag.{tag}"),
            Column::Identity(system) => format!("identity.{system}"),
            Column::Offer(slot, c) => format!("offer_{slot}.{}", c.name()),
            Column::Decision(c) => format!("decision.{}", c.name()),
            plain => {
                PLAIN.iter().find(|(_, known)| *known == plain).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
            }
        }
    }
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = match name.strip_prefix("decision.") {
            Some(column) => GenericColumn::named(column).map(Self::Decision),
            None => Self::named(&name, false),
        };
        found.ok_or_else(|| format!("there is no column `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive() {
        for decisions in [false, true] {
            for name in Column::names(decisions) {
                let Some(column) = Column::named(&name, decisions) else { continue };
                assert_eq!(Column::try_from(String::from(column.clone())), Ok(column), "{name}");
            }
        }
        let of = |name| Column::named(name, false);
        assert_eq!(of("tag.vb_top"), Some(Column::HasTag("vb_top".into())));
        assert_eq!(of("offer_2.text_zh"), Some(Column::Offer(2, GenericColumn::TextZh)));
        for wrong in ["offer_0.text_zh", "offer_1.member_id", "tag.TOP", "tags.x", "identity.", "slot", ""] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(Column::named("slot", true), Some(Column::Decision(GenericColumn::Slot)));
    }
}
