//! The offers and the decision as the job writes them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    caps::{RawBudget, RawCaps},
    response::{RawContactRules, RawExploration, RawLearning},
    uplift::RawUplift,
    variety::RawDiversity,
};

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
/// `{category}`, `{subject}` (brand, collection, city, festival, tier, channel … of the reason), `{channel}` (that of
/// `to_channel`), `{count}`, `{days}`, `{date}`, `{amount}`, `{points}`, `{value}`, `{offer}`, `{valid_from}`,
/// `{valid_until}`.
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
    /// A shorter sentence in Chinese, taken where the first would be too long for its channel.
    pub short_zh: Option<String>,
    /// A shorter sentence in English.
    pub short_en: Option<String>,
}

/// One offer of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOffer {
    /// The offer's own id, written to `offers.parquet`.
    pub id: String,
    /// The mechanic, such as `next_item`, `replenish`, `winback` or `festival_bundle`.
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
    /// Only items of these brands.
    #[serde(default)]
    pub brands: Vec<String>,
    /// Only items of these collections.
    #[serde(default)]
    pub collections: Vec<String>,
    /// Only members who live in these cities.
    #[serde(default)]
    pub cities: Vec<String>,
    /// Only members who live in cities of these tiers (1 = first tier … 5).
    #[serde(default)]
    pub city_tiers: Vec<u8>,
    /// Only members of these loyalty tiers.
    #[serde(default)]
    pub tiers: Vec<String>,
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
    /// Several channels instead of `channel`, the best first: it goes out on the first one that the member opted in to.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The list slots it may take (1 = first); default: all.
    #[serde(default)]
    pub slots: Vec<u8>,
    /// Weight against other offers (1).
    pub priority: Option<f64>,
    /// What it is worth to the shop when it is taken, against other offers (1): a factor of the score, the same for every
    /// member.
    pub worth: Option<f64>,
    /// Face value in major units of the job's currency (0). It never depends on the member.
    pub value: Option<f64>,
    /// Face value in minor units, instead of `value`.
    pub value_minor: Option<i64>,
    /// What it costs the shop when it is taken, in major units (0). It enters no member's score.
    pub cost: Option<f64>,
    /// Cost in minor units, instead of `cost`.
    pub cost_minor: Option<i64>,
    /// `access`, `recognition`, `service` or `discount`; default: the kind's own.
    pub incentive: Option<Incentive>,
    /// Most slots of one member's list that this offer takes; default: the kind's own.
    pub max_per_member: Option<u16>,
    /// Days after a contact with this offer before the member gets it again (0).
    pub cooldown_days: Option<u32>,
    /// Most assignments: in all, a period, a city, a segment, a member.
    pub caps: Option<RawCaps>,
    /// Money, stock and seats there are for the offer in all.
    pub budget: Option<RawBudget>,
    /// The offer (id) that a member gets who would have got this one, had it not been used up.
    pub fallback: Option<String>,
    /// The offer's own sentences.
    #[serde(default)]
    pub sentences: Vec<RawSentence>,
    /// Days ahead from which it is offered. `replenish`: before the due date (7); `birthday`: before the birthday (14);
    /// `points_expiring` and `coupon`: before the points expire (30); `tier_progress`: before the period ends (60);
    /// `service_reminder`: before the warranty ends or the service is due (30); `milestone`: before the anniversary (7).
    pub lead_days: Option<u32>,
    /// `replenish`: days after the due date until which it is offered; default: half the usual gap, at least 7,
    /// at most 30.
    pub late_days: Option<u32>,
    /// `replenish`: purchases from which the member's own gap is used (3). `category_early_access`,
    /// `premium_upgrade`: least number of days on which the category was bought (`recommend.regular_min_days`).
    /// `drop_early_access`, `limited_edition_draw`, `collection`, `content_series`, `seasonal_item`, `vip_preview`,
    /// `local_event`, `coupon`, `festival_bundle`: least number of purchases that show interest (each kind's own).
    /// `winback`, `channel_bridge`, `community_invite`: least number of purchase days (3). `consultation`: least number
    /// of steps of the routine already bought (2).
    pub min_purchases: Option<u32>,
    /// `accessory`: days after the device was bought in which accessories are offered (365).
    pub device_days: Option<u32>,
    /// `category_early_access`, `premium_upgrade`: longest usual gap between baskets with the category, in days (60).
    pub max_gap_days: Option<u32>,
    /// `next_item`: leave out items the member has bought before (false).
    pub only_new: Option<bool>,
    /// How long ago a purchase may lie. `appointment`: of the device (60); `consultation`: of a step of the routine
    /// (120); `store_visit`, `local_event`, `donation_match`, `content_series`: of what shows interest (365);
    /// `community_invite`: of the last order (60).
    pub recent_days: Option<u32>,
    /// `points_expiring`: least balance that is worth a word (100).
    pub min_points: Option<u32>,
    /// `coupon`: points that the coupon costs; left out, it costs none and goes to buyers of its categories.
    pub points_cost: Option<u32>,
    /// `tier_progress`: largest gap to the next tier as a share of what that tier asks for (0.25).
    pub reach_share: Option<f64>,
    /// `winback`: usual gaps since the last order from which a member counts as away (3).
    pub gap_multiple: Option<f64>,
    /// `festival_bundle`: the festival's code, such as `qixi`, or a holiday of `[calendar]`.
    pub festival: Option<String>,
    /// `seasonal_item`: first day of the season as `MM-DD`.
    pub season_from: Option<String>,
    /// `seasonal_item`: last day of the season as `MM-DD`; it may lie in the next year.
    pub season_until: Option<String>,
    /// `channel_bridge`: the purchase channel to bring members to.
    pub to_channel: Option<String>,
    /// `milestone`: numbers of orders to celebrate ([10, 50, 100, 200, 500]).
    #[serde(default)]
    pub orders: Vec<u32>,
    /// `milestone`: whether the yearly return of the day of joining is celebrated (true).
    pub anniversary: Option<bool>,
    /// `community_invite`: members in the best share of their segment by orders (0.2). `milestone`: members in the best
    /// share of all by spend (0.01; 0: no such milestone).
    pub top_share: Option<f64>,
    /// `store_visit`: brands a member must have bought to count as one who likes to discover (4).
    pub min_brands: Option<u32>,
    /// `service_reminder`: days between services; left out, only the end of the warranty is a reason.
    pub service_days: Option<u32>,
    /// `donation_match`: the cause, as the activities table names it. `community_invite`: the group, likewise.
    pub cause: Option<String>,
    /// `donation_match`: share of a segment that must have taken part for its other members to be asked (0.02).
    pub segment_share: Option<f64>,
}

/// How a member's list is put together.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDecision {
    /// Longest list a member gets (10).
    pub slots: Option<u8>,
    /// Length up to which a short list is filled with popular items (3).
    pub fill_to: Option<u8>,
    /// What stands on a member's list since the last run goes only for what scores this share more (0.05): lists that change
    /// every night for next to nothing cost a CRM work and a member trust.
    pub keep: Option<f64>,
    /// What stands on a list keeps its slot from one run to the next: neighbours change places where the lower scores this share
    /// more (1: twice as much). The score moves a little every night, and a list is not sent again for that.
    pub reorder: Option<f64>,
    /// The `next_item` offer that fills short lists and makes the generic list; default: the first one without
    /// `eligible`, `items` and `categories`.
    pub fallback: Option<String>,
    /// Length of the one list of the members who opted out of personalisation (5).
    pub generic_slots: Option<u8>,
    /// Largest share of discounts in a member's list (0.5).
    pub max_discount_share: Option<f64>,
    /// Most slots of a list for any one category; default: no cap. `diversity.quotas` has caps for certain ones.
    pub max_per_category: Option<u8>,
    /// Most slots of a list for one kind; default: no cap.
    pub max_per_kind: Option<u8>,
    /// Weight of discounts against the other incentives (0.8): access, recognition and service come first.
    pub discount_weight: Option<f64>,
    /// Share of members held out (0): they get decisions that are written but never exported.
    pub holdout_share: Option<f64>,
    /// Share of members held out of single kinds of offers, such as `winback = 0.1`: they get ghost decisions of that kind
    /// and everything else like anybody.
    #[serde(default)]
    pub holdout_kinds: BTreeMap<String, f64>,
    /// Salt of the holdouts; another salt, other holdouts (`holdout`).
    pub holdout_salt: Option<String>,
    /// Days after a refusal in which the offer is not made again (90).
    pub refused_days: Option<u32>,
    /// Categories that are never offered and never a reason; a path stands for everything below it.
    #[serde(default)]
    pub deny_categories: Vec<String>,
    /// Longest sentence in characters (200). A sentence that would be longer gives way to the reason's shorter one, then
    /// to the offer's name; none is cut.
    pub max_sentence_chars: Option<u16>,
    /// Longest sentence in characters for offers that go out on a channel, such as `sms = 60`; it goes before
    /// `max_sentence_chars`.
    #[serde(default)]
    pub channel_sentence_chars: BTreeMap<String, u16>,
    /// Sentences for every offer of a kind, in place of the built-in ones.
    #[serde(default)]
    pub sentences: Vec<RawSentence>,
    /// Money for all offers together, in major units: the sum of the face values that members may hold at a time.
    pub budget: Option<f64>,
    /// That money in minor units, instead of `budget`.
    pub budget_minor: Option<i64>,
    /// What the contact history keeps away from a member.
    #[serde(default)]
    pub contacts: RawContactRules,
    /// The probability that a member accepts an offer, learned from contacts.
    #[serde(default)]
    pub learning: RawLearning,
    /// What the offers change, measured against the members held out.
    #[serde(default)]
    pub uplift: RawUplift,
    /// Slots that are drawn by lot.
    #[serde(default)]
    pub exploration: RawExploration,
    /// What keeps a list from being ten times the same.
    #[serde(default)]
    pub diversity: RawDiversity,
}
