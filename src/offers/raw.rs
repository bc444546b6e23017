//! The offers and the decision as the job writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an offer gives beyond the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Incentive {
    /// Being first, or being let in.
    Access,
    /// Being seen: a suggestion, a thank-you, a status.
    Recognition,
    /// A service.
    Service,
    /// Money off.
    Discount,
}

impl Incentive {
    /// The code written to files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Recognition => "recognition",
            Self::Service => "service",
            Self::Discount => "discount",
        }
    }
}

/// Sentences of a reason, in place of the built-in ones. Placeholders stand between braces: `{item}`, `{because}`,
/// `{category}`, `{count}`, `{days}`, `{date}`, `{amount}`, `{value}`, `{offer}`, `{valid_from}`, `{valid_until}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSentence {
    /// The kind it belongs to; only in `decision.sentences`.
    pub kind: Option<String>,
    /// The reason code; left out: every reason of the kind.
    pub reason: Option<String>,
    /// The sentence in Chinese.
    pub zh: Option<String>,
    /// The sentence in English.
    pub en: Option<String>,
}

/// One offer of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOffer {
    /// The offer's own id, written to `offers.parquet`.
    pub id: String,
    /// The mechanic: `next_item`, `replenish`, `accessory`, `category_early_access`.
    pub kind: String,
    /// Name in Chinese, for `{offer}`; default: the id.
    pub name_zh: Option<String>,
    /// Name in English, for `{offer}`; default: the id.
    pub name_en: Option<String>,
    /// Only these items (ids).
    #[serde(default)]
    pub items: Vec<String>,
    /// Only items of these categories; a path stands for everything below it too.
    #[serde(default)]
    pub categories: Vec<String>,
    /// First day of the offer's window (`YYYY-MM-DD`); default: always.
    pub starts: Option<String>,
    /// Last day of the offer's window; default: always.
    pub ends: Option<String>,
    /// How many days before `starts` the offer may already be announced (0).
    pub announce_days: Option<u32>,
    /// Days a decision stays valid, the first one counted (14).
    pub valid_days: Option<u32>,
    /// Who may get it: an SQL boolean over the member's features, tags and attributes; default: everyone.
    pub eligible: Option<String>,
    /// Where it is shown (`list`).
    pub placement: Option<String>,
    /// The channel it goes out on; a member who has not opted in to that channel does not get it.
    pub channel: Option<String>,
    /// The list slots it may take (1 = first); default: all.
    #[serde(default)]
    pub slots: Vec<u8>,
    /// Weight against other offers (1).
    pub priority: Option<f64>,
    /// Face value in major units of the job's currency (0). It never depends on the member.
    pub value: Option<f64>,
    /// Face value in minor units, instead of `value`.
    pub value_minor: Option<i64>,
    /// `access`, `recognition`, `service` or `discount`; default: the kind's own.
    pub incentive: Option<Incentive>,
    /// Most slots of one member's list that this offer takes; default: the kind's own.
    pub max_per_member: Option<u16>,
    /// Days after a contact with this offer before the member gets it again (0).
    pub cooldown_days: Option<u32>,
    /// The offer's own sentences.
    #[serde(default)]
    pub sentences: Vec<RawSentence>,
    /// `replenish`: days before the due date from which it is offered (7).
    pub lead_days: Option<u32>,
    /// `replenish`: days after the due date until which it is offered; default: half the usual gap, at least 7,
    /// at most 30.
    pub late_days: Option<u32>,
    /// `replenish`: purchases from which the member's own gap is used (3). `category_early_access`: least number of
    /// days on which the category was bought (`recommend.regular_min_days`).
    pub min_purchases: Option<u32>,
    /// `accessory`: days after the device was bought in which accessories are offered (365).
    pub device_days: Option<u32>,
    /// `category_early_access`: longest usual gap between baskets with the category, in days (60).
    pub max_gap_days: Option<u32>,
    /// `next_item`: leave out items the member has bought before (false).
    pub only_new: Option<bool>,
}

/// How a member's list is put together.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDecision {
    /// Longest list a member gets (10).
    pub slots: Option<u8>,
    /// Length up to which a short list is filled with popular items (3).
    pub fill_to: Option<u8>,
    /// The `next_item` offer that fills short lists and makes the generic list; default: the first one without
    /// `eligible`, `items` and `categories`.
    pub fallback: Option<String>,
    /// Length of the one list of the members who opted out of personalisation (5).
    pub generic_slots: Option<u8>,
    /// Largest share of discounts in a member's list (0.5).
    pub max_discount_share: Option<f64>,
    /// Most slots of a list for one category; default: no cap.
    pub max_per_category: Option<u8>,
    /// Most slots of a list for one kind; default: no cap.
    pub max_per_kind: Option<u8>,
    /// Weight of discounts against the other incentives (0.8): access, recognition and service come first.
    pub discount_weight: Option<f64>,
    /// Share of members held out (0): they get decisions that are written but never exported.
    pub holdout_share: Option<f64>,
    /// Salt of the holdout; another salt, another holdout (`holdout`).
    pub holdout_salt: Option<String>,
    /// Days after a refusal in which the offer is not made again (90).
    pub refused_days: Option<u32>,
    /// Categories that are never offered and never a reason; a path stands for everything below it.
    #[serde(default)]
    pub deny_categories: Vec<String>,
    /// Longest sentence in characters (200); longer ones are cut and end in `…`.
    pub max_sentence_chars: Option<u16>,
    /// Sentences for every offer of a kind, in place of the built-in ones.
    #[serde(default)]
    pub sentences: Vec<RawSentence>,
}
