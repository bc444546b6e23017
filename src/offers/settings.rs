//! The catalogue and the decision, checked.

use std::collections::BTreeMap;

use serde::Serialize;

pub use super::raw::{Incentive, RawDecision, RawOffer, RawSentence};
use super::{
    caps::{Budget, Caps},
    kind::{KindRef, Need, kind_named, kind_names},
    parameters::{self, Parameters},
    programme::{Programme, check_cities, check_city},
    response::{ContactRules, ExplorationSettings, LearningSettings},
    sentences::{Sentences, check_sentences},
    template::is_layout,
    uplift::UpliftSettings,
    variety::DiversitySettings,
};
use crate::{
    base::{Currency, Day, Findings, Minor, cities::CityTiers, findings::JobPath, findings::nearest},
    input::MemberAttributes,
};

/// A checked offer.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    /// The offer's id.
    pub id: String,
    /// Its place in the job's list, where findings point. That of a job in order is its place in the catalogue too.
    #[serde(skip)]
    pub position: usize,
    /// Its kind.
    pub kind: KindRef,
    /// What its kind needs of the inputs: of each group one column.
    #[serde(skip)]
    pub needs: Vec<Need>,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Item ids it is limited to; empty: all.
    pub items: Vec<String>,
    /// Category paths it is limited to; empty: all.
    pub categories: Vec<String>,
    /// Brands it is limited to; empty: all.
    pub brands: Vec<String>,
    /// Collections it is limited to; empty: all.
    pub collections: Vec<String>,
    /// Cities whose members may get it, as [`CityTiers::plain`] writes them; empty: all.
    pub cities: Vec<String>,
    /// City tiers whose members may get it; empty: all.
    pub city_tiers: Vec<u8>,
    /// Loyalty tiers whose members may get it; empty: all.
    pub tiers: Vec<String>,
    /// First day of the window.
    pub starts: Option<Day>,
    /// Last day of the window.
    pub ends: Option<Day>,
    /// Days before `starts` from which it may be announced.
    pub announce_days: u32,
    /// Days a decision stays valid.
    pub valid_days: u32,
    /// SQL boolean over the member.
    pub eligible: Option<String>,
    /// Where it is shown.
    pub placement: String,
    /// The channel it goes out on, where there is but one.
    pub channel: Option<String>,
    /// The channels it may go out on, the best first; empty: it is not said.
    pub channels: Vec<String>,
    /// Slots it may take, bit `s` for slot `s + 1`.
    pub slots: u64,
    /// Weight against other offers.
    pub priority: f64,
    /// What it is worth to the shop when it is taken.
    pub worth: f64,
    /// Face value in minor units.
    pub value_minor: Minor,
    /// What it costs the shop when it is taken, in minor units.
    pub cost_minor: Minor,
    /// What it gives.
    pub incentive: Incentive,
    /// Most slots of a list.
    pub max_per_member: u16,
    /// Days after a contact.
    pub cooldown_days: u32,
    /// Most assignments.
    pub caps: Caps,
    /// What it may use up.
    pub budget: Budget,
    /// Id of the offer that takes its place when it is used up.
    pub fallback: Option<String>,
    /// Its sentences, one pair a reason of the kind.
    pub sentences: Sentences,
    /// Parameters of the kind.
    pub parameters: Parameters,
}

impl Offer {
    /// Whether there is only so much of it over all members.
    #[must_use]
    pub fn is_scarce(&self, decision: &DecisionSettings) -> bool {
        self.is_limited() || (decision.budget_minor.is_some() && self.value_minor > 0)
    }

    /// Whether it has a budget or a cap over all members of its own.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        let Caps { total, per_period, per_city, per_segment, cities, segments, .. } = &self.caps;
        let caps = total.or(*per_period).or(*per_city).or(*per_segment).is_some();
        let Budget { money_minor, stock, seats } = &self.budget;
        caps || !cities.is_empty() || !segments.is_empty() || stock.or(*seats).is_some() || money_minor.is_some()
    }
}

/// The checked decision.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionSettings {
    /// Longest list.
    pub slots: u8,
    /// Length that short lists are filled to.
    pub fill_to: u8,
    /// Share by which something new must score more than what is on the list since the last run.
    pub keep: f64,
    /// Share by which the lower of two neighbours on a list must score more to change places since the last run.
    pub reorder: f64,
    /// Index of the offer that fills, if there is one.
    pub fallback: Option<u16>,
    /// Length of the generic list.
    pub generic_slots: u8,
    /// Largest share of discounts.
    pub max_discount_share: f64,
    /// Most slots for a category.
    pub max_per_category: Option<u8>,
    /// Most slots for a kind.
    pub max_per_kind: Option<u8>,
    /// Weight of discounts.
    pub discount_weight: f64,
    /// Share held out.
    pub holdout_share: f64,
    /// Share held out of single kinds, by code of the kind.
    pub holdout_kinds: BTreeMap<String, f64>,
    /// Salt of the holdout.
    pub holdout_salt: String,
    /// Days after a refusal.
    pub refused_days: u32,
    /// Category paths never offered.
    pub deny_categories: Vec<String>,
    /// Longest sentence in characters.
    pub max_sentence_chars: u16,
    /// By channel, before `max_sentence_chars`.
    pub channel_sentence_chars: BTreeMap<String, u16>,
    /// Money for all offers together, minor units.
    pub budget_minor: Option<Minor>,
    /// What contacts keep away.
    pub contacts: ContactRules,
    /// What is learned from contacts.
    pub learning: LearningSettings,
    /// How uplift is measured.
    pub uplift: UpliftSettings,
    /// What is drawn by lot.
    pub exploration: ExplorationSettings,
    /// How far likeness counts, and quotas for categories.
    pub diversity: DiversitySettings,
}

impl Offer {
    /// The channel it goes out on to a member: the first one that they agreed to; where the shop does not say what they
    /// agreed to, the first one.
    #[must_use]
    pub fn channel_for(&self, member: &MemberAttributes) -> Option<&str> {
        self.channel_place(member).map(|place| self.channels[place].as_str())
    }

    /// The place of [`Offer::channel_for`] among its channels.
    #[must_use]
    pub fn channel_place(&self, member: &MemberAttributes) -> Option<usize> {
        let agreed = |channel: &String| member.channel_opt_in.contains(channel);
        self.channels.iter().position(agreed).or((!self.channels.is_empty()).then_some(0))
    }
}

impl DecisionSettings {
    /// The longest sentence in characters for an offer, by the channels it may go out on.
    #[must_use]
    pub fn most_chars(&self, offer: &Offer) -> u16 {
        let of = |channel: &String| self.channel_sentence_chars.get(channel).copied();
        offer.channels.iter().map(|c| of(c).unwrap_or(self.max_sentence_chars)).min().unwrap_or(self.max_sentence_chars)
    }
}

/// The checked catalogue and decision.
#[derive(Debug, Clone, Serialize)]
pub struct OfferSettings {
    /// Offers in the order of the job.
    pub offers: Vec<Offer>,
    /// The decision.
    pub decision: DecisionSettings,
    /// The loyalty programme, the occasions, the cities.
    pub programme: Programme,
}

/// The offers of a file that a job names with `offers_file`: `[[offers]]` and nothing else.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCatalogue {
    /// The offers.
    #[serde(default)]
    pub offers: Vec<RawOffer>,
}

/// A job without `[[offers]]` suggests the next item to everyone.
#[must_use]
pub fn default_offers() -> Vec<RawOffer> {
    vec![RawOffer { id: "next_item".into(), kind: "next_item".into(), ..RawOffer::default() }]
}

/// Checks a catalogue and the decision. `at_offers` is the path of the array of offers, `at_decision` of the section.
pub fn check_offers(
    offers: &[RawOffer],
    decision: &RawDecision,
    programme: Programme,
    at_offers: &JobPath,
    at_decision: &JobPath,
    currency: Currency,
    findings: &mut Findings,
) -> OfferSettings {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut checked = Vec::with_capacity(offers.len());
    for (index, raw) in offers.iter().enumerate() {
        let at = at_offers.index(index);
        if let Some(first) = seen.insert(&raw.id, index) {
            findings.error(
                "offers::duplicate_id",
                at.key("id"),
                format!("two offers are called `{}` (numbers {} and {})", raw.id, first + 1, index + 1),
                "give every offer an id of its own",
            );
        }
        if let Some(mut offer) = check_offer(raw, decision, &programme, &at, at_decision, currency, findings) {
            offer.position = index;
            checked.push(offer);
        }
    }
    check_fallbacks(offers, at_offers, findings);
    if offers.len() > usize::from(u16::MAX) {
        findings.error("offers::too_many", at_offers.clone(), "a catalogue holds at most 65,535 offers", "");
    }
    check_decision_sentences(decision, at_decision, findings);
    let decision = check_decision(decision, &checked, currency, at_decision, findings);
    super::never::check(&checked, &decision, at_offers, findings);
    OfferSettings { offers: checked, decision, programme }
}

/// Every `fallback` must name another offer, and no chain of them may close.
fn check_fallbacks(offers: &[RawOffer], at: &JobPath, findings: &mut Findings) {
    let of = |id: &str| offers.iter().position(|o| o.id == id);
    for (index, raw) in offers.iter().enumerate() {
        let Some(id) = &raw.fallback else { continue };
        let at = at.index(index).key("fallback");
        let Some(mut next) = of(id) else {
            let help = nearest(id, offers.iter().map(|o| o.id.as_str()));
            let help = help.map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
            findings.error("offers::unknown_fallback", at, format!("there is no offer `{id}`"), help);
            continue;
        };
        for _ in 0..offers.len() {
            if next == index {
                let message = format!("the fallbacks of `{}` lead back to it", raw.id);
                findings.error("offers::fallback_circle", at, message, "let the last one have no `fallback`");
                break;
            }
            match offers[next].fallback.as_deref().and_then(of) {
                Some(after) => next = after,
                None => break,
            }
        }
    }
}

fn check_offer(
    raw: &RawOffer,
    decision: &RawDecision,
    programme: &Programme,
    at: &JobPath,
    at_decision: &JobPath,
    currency: Currency,
    findings: &mut Findings,
) -> Option<Offer> {
    if raw.id.trim().is_empty() || raw.id.chars().any(char::is_control) {
        findings.error("offers::bad_id", at.key("id"), format!("`{}` is no offer id", raw.id), "write a plain name");
    }
    let Some(kind) = kind_named(&raw.kind) else {
        let help = nearest(&raw.kind, kind_names()).map_or_else(
            || format!("kinds: {}", kind_names().collect::<Vec<_>>().join(", ")),
            |n| format!("did you mean `{n}`?"),
        );
        findings.error("offers::unknown_kind", at.key("kind"), format!("there is no offer kind `{}`", raw.kind), help);
        return None;
    };
    for (name, given) in parameters::given(raw) {
        if given && !kind.parameters().contains(&name) {
            findings.error(
                "offers::unused_parameter",
                at.key(name),
                format!("an offer of kind `{}` does not use `{name}`", kind.code()),
                match kind.parameters() {
                    [] => "take it out".to_owned(),
                    used => format!("it uses {}", used.join(", ")),
                },
            );
        }
    }
    let starts = day(raw.starts.as_deref(), &at.key("starts"), findings);
    let ends = day(raw.ends.as_deref(), &at.key("ends"), findings);
    if let (Some(s), Some(e)) = (starts, ends)
        && e < s
    {
        findings.error(
            "offers::window_reversed",
            at.key("ends"),
            format!("the window of `{}` ends on {e}, before it starts on {s}", raw.id),
            "swap the two days",
        );
    }
    if let Some(eligible) = &raw.eligible
        && eligible.trim().is_empty()
    {
        findings.error(
            "offers::empty_rule",
            at.key("eligible"),
            "the rule is empty",
            "leave `eligible` out for everyone",
        );
    }
    let incentive = raw.incentive.unwrap_or(kind.default_incentive());
    if let Some(name) = raw.eligible.as_deref().and_then(price_sensitivity)
        && (incentive == Incentive::Discount || raw.value.is_some() || raw.value_minor.is_some())
    {
        findings.error(
            "offers::discount_gated_by_price_sensitivity",
            at.key("eligible"),
            format!("the rule of `{}` decides by `{name}` who gets money off", raw.id),
            "price sensitivity and discount affinity must never gate or size a discount (PIPL 24)",
        );
    }
    let mut slots = 0u64;
    for (i, slot) in raw.slots.iter().enumerate() {
        if (1..=50).contains(slot) {
            slots |= 1 << (slot - 1);
        } else {
            let at = at.key("slots").index(i);
            findings.error(
                "offers::slot_out_of_range",
                at,
                format!("there is no slot {slot}"),
                "slots count from 1 to 50",
            );
        }
    }
    kind.check(raw, programme, at, findings);
    let parameters = parameters::check(raw, at, findings);
    check_names(raw, programme, at, findings);
    let mut bound = |key: &str, value: Option<u32>, default: u32, low: u32, high: u32| {
        ranged(value, default, low..=high, &at.key(key), findings)
    };
    let announce_days = bound("announce_days", raw.announce_days, 0, 0, 365);
    let valid_days = bound("valid_days", raw.valid_days, 14, 1, 3650);
    let cooldown_days = bound("cooldown_days", raw.cooldown_days, 0, 0, 3650);
    let max_per_member =
        bound("max_per_member", raw.max_per_member.map(u32::from), u32::from(kind.default_per_member()), 1, 50) as u16;
    let priority = fraction(raw.priority, 1.0, 1e-6, 1e6, &at.key("priority"), findings);
    let worth = fraction(raw.worth, 1.0, 1e-6, 1e6, &at.key("worth"), findings);
    let sentences = check_sentences(kind, raw, &decision.sentences, at, at_decision, findings);
    let value_minor =
        money(("value", raw.value), ("value_minor", raw.value_minor), at, currency, findings).unwrap_or(0);
    let cost_minor = money(("cost", raw.cost), ("cost_minor", raw.cost_minor), at, currency, findings).unwrap_or(0);
    let caps = raw.caps.as_ref().map(|c| c.check(&at.key("caps"), findings)).unwrap_or_default();
    for city in caps.cities.keys() {
        check_city(city, &programme.cities, at.key("caps").key("cities").key(city), findings);
    }
    let budget = raw.budget.as_ref().map(|b| b.check(value_minor, currency, &at.key("budget"), findings));
    let channels: Vec<String> = raw.channel.iter().chain(&raw.channels).cloned().collect();
    if raw.channel.is_some() && !raw.channels.is_empty() {
        let message = format!("`{}` gives both `channel` and `channels`", raw.id);
        findings.error("offers::channel_twice", at.key("channel"), message, "keep one of them");
    }
    for (key, name) in [("name_zh", &raw.name_zh), ("name_en", &raw.name_en)] {
        let Some(name) = name else { continue };
        if name.trim().is_empty() || name.chars().any(is_layout) {
            findings.error(
                "offers::bad_name",
                at.key(key),
                format!("the name of `{}` is empty, or holds a line break or a control character", raw.id),
                "it stands in sentences: write it on one line, or leave it out",
            );
        }
    }
    Some(Offer {
        id: raw.id.clone(),
        position: 0,
        kind,
        needs: kind.needs_of(raw).to_vec(),
        name_zh: raw.name_zh.clone().unwrap_or_else(|| raw.id.clone()),
        name_en: raw.name_en.clone().unwrap_or_else(|| raw.id.clone()),
        items: raw.items.clone(),
        categories: raw.categories.clone(),
        brands: raw.brands.clone(),
        collections: raw.collections.clone(),
        cities: raw.cities.iter().map(|c| CityTiers::plain(c).to_owned()).collect(),
        city_tiers: raw.city_tiers.clone(),
        tiers: raw.tiers.clone(),
        starts,
        ends,
        announce_days,
        valid_days,
        eligible: raw.eligible.clone(),
        placement: raw.placement.clone().unwrap_or_else(|| "list".into()),
        channel: if let [only] = channels.as_slice() { Some(only.clone()) } else { None },
        channels,
        slots: if raw.slots.is_empty() { u64::MAX } else { slots },
        priority,
        worth,
        value_minor,
        cost_minor,
        incentive,
        max_per_member,
        cooldown_days,
        caps,
        budget: budget.unwrap_or_default(),
        fallback: raw.fallback.clone(),
        sentences,
        parameters,
    })
}

/// What names cities, tiers and festivals must name ones that there are.
fn check_names(raw: &RawOffer, programme: &Programme, at: &JobPath, findings: &mut Findings) {
    check_cities(&raw.cities, &programme.cities, &at.key("cities"), findings);
    for (i, tier) in raw.city_tiers.iter().enumerate().filter(|(_, tier)| !(1..=5).contains(*tier)) {
        let at = at.key("city_tiers").index(i);
        findings.error("offers::out_of_range", at, format!("there is no city tier {tier}"), "from 1 to 5");
    }
    for (i, tier) in raw.tiers.iter().enumerate() {
        if !programme.tiers.is_empty() && programme.tier(tier).is_none() {
            let help = nearest(tier, programme.tiers.iter().map(|t| t.code.as_str()));
            let help = help.map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
            let at = at.key("tiers").index(i);
            findings.error("offers::unknown_tier", at, format!("`[loyalty]` has no tier `{tier}`"), help);
        }
    }
    if let Some(code) = &raw.festival
        && programme.occasion(code).is_none()
    {
        let help = nearest(code, programme.occasion_codes()).map_or_else(
            || format!("festivals: {}", programme.occasion_codes().collect::<Vec<_>>().join(", ")),
            |n| format!("did you mean `{n}`?"),
        );
        let message = format!("there is no festival `{code}`");
        findings.error("offers::unknown_festival", at.key("festival"), message, help);
    }
}

fn day(text: Option<&str>, at: &JobPath, findings: &mut Findings) -> Option<Day> {
    let text = text?;
    let day = Day::parse(text);
    if day.is_none() {
        let message = format!("`{text}` is not a date");
        findings.error("offers::bad_date", at.clone(), message, "write it as YYYY-MM-DD");
    }
    day
}

/// An amount of money that may be given in major or in minor units, each with its key; negative ones are errors.
pub(super) fn money(
    (key, major): (&str, Option<f64>),
    (minor_key, minor): (&str, Option<i64>),
    at: &JobPath,
    currency: Currency,
    findings: &mut Findings,
) -> Option<Minor> {
    let amount = match (major, minor) {
        (None, None) => return None,
        (None, Some(minor)) => minor,
        (Some(major), None) => {
            let exact = major * currency.minor_per_major() as f64;
            let minor = exact.round();
            if !exact.is_finite() || (exact - minor).abs() > 1e-6 * exact.abs().max(1.0) {
                findings.error(
                    "offers::value_precision",
                    at.key(key),
                    format!("{major} is no amount of {}", currency.code()),
                    format!("it has at most {} digits after the point", currency.exponent()),
                );
            }
            minor as Minor
        }
        (Some(_), Some(minor)) => {
            let message = format!("both `{key}` and `{minor_key}` are given");
            findings.error("offers::value_twice", at.key(key), message, "keep one of them");
            minor
        }
    };
    if amount < 0 {
        let at = at.key(if major.is_some() { key } else { minor_key });
        findings.error("offers::value_negative", at, format!("`{key}` is negative"), "write 0 or more");
    }
    Some(amount.max(0))
}

/// A word of an SQL rule that stands for price sensitivity or discount affinity.
#[must_use]
pub fn price_sensitivity(rule: &str) -> Option<&str> {
    rule.split(|c: char| !(c.is_alphanumeric() || c == '_')).find(|word| {
        let word = word.to_lowercase();
        ["discount", "price_sensitiv", "price_tier", "coupon_affinity", "promo"].iter().any(|part| word.contains(part))
    })
}

fn check_decision_sentences(raw: &RawDecision, at: &JobPath, findings: &mut Findings) {
    for (i, sentence) in raw.sentences.iter().enumerate() {
        let at = at.key("sentences").index(i);
        match &sentence.kind {
            None => findings.error("offers::sentence_without_kind", at, "the sentence names no kind", "add `kind = …`"),
            Some(name) if kind_named(name).is_none() => {
                let help = nearest(name, kind_names()).map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
                let message = format!("there is no offer kind `{name}`");
                findings.error("offers::unknown_kind", at.key("kind"), message, help);
            }
            Some(_) => {}
        }
    }
}

fn check_decision(
    raw: &RawDecision,
    offers: &[Offer],
    currency: Currency,
    at: &JobPath,
    findings: &mut Findings,
) -> DecisionSettings {
    let mut small = |key: &str, value: Option<u8>, default: u8, low: u32, high: u32| {
        ranged(value.map(u32::from), u32::from(default), low..=high, &at.key(key), findings) as u8
    };
    let slots = small("slots", raw.slots, 10, 1, 50);
    let fill_to = small("fill_to", raw.fill_to, 3.min(slots), 0, u32::from(slots));
    let generic_slots = small("generic_slots", raw.generic_slots, 5.min(slots), 0, 50);
    let max_per_category = raw.max_per_category.map(|v| small("max_per_category", Some(v), 1, 1, 50));
    let max_per_kind = raw.max_per_kind.map(|v| small("max_per_kind", Some(v), 1, 1, 50));
    DecisionSettings {
        slots,
        fill_to,
        keep: fraction(raw.keep, 0.05, 0.0, 1.0, &at.key("keep"), findings),
        reorder: fraction(raw.reorder, 1.0, 0.0, 10.0, &at.key("reorder"), findings),
        fallback: fallback(raw, offers, at, findings),
        generic_slots,
        max_discount_share: fraction(raw.max_discount_share, 0.5, 0.0, 1.0, &at.key("max_discount_share"), findings),
        max_per_category,
        max_per_kind,
        discount_weight: fraction(raw.discount_weight, 0.8, 1e-6, 1.0, &at.key("discount_weight"), findings),
        holdout_share: fraction(raw.holdout_share, 0.0, 0.0, 0.5, &at.key("holdout_share"), findings),
        holdout_kinds: holdout_kinds(raw, offers, &at.key("holdout_kinds"), findings),
        holdout_salt: raw.holdout_salt.clone().unwrap_or_else(|| "holdout".into()),
        refused_days: ranged(raw.refused_days, 90, 0..=3650, &at.key("refused_days"), findings),
        deny_categories: raw.deny_categories.clone(),
        max_sentence_chars: ranged(
            raw.max_sentence_chars.map(u32::from),
            200,
            10..=10_000,
            &at.key("max_sentence_chars"),
            findings,
        ) as u16,
        channel_sentence_chars: raw
            .channel_sentence_chars
            .iter()
            .map(|(channel, most)| {
                let at = at.key("channel_sentence_chars").key(channel);
                (channel.clone(), ranged(Some(u32::from(*most)), 200, 10..=10_000, &at, findings) as u16)
            })
            .collect(),
        budget_minor: money(("budget", raw.budget), ("budget_minor", raw.budget_minor), at, currency, findings),
        contacts: raw.contacts.check(&at.key("contacts"), findings),
        learning: raw.learning.check(&at.key("learning"), findings),
        uplift: raw.uplift.check(&at.key("uplift"), findings),
        exploration: raw.exploration.check(&at.key("exploration"), findings),
        diversity: raw.diversity.check(&at.key("diversity"), findings),
    }
}

fn holdout_kinds(raw: &RawDecision, offers: &[Offer], at: &JobPath, findings: &mut Findings) -> BTreeMap<String, f64> {
    for kind in raw.holdout_kinds.keys() {
        let at = at.key(kind);
        if kind_named(kind).is_none() {
            let help = nearest(kind, kind_names()).map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
            findings.error("offers::unknown_kind", at, format!("there is no offer kind `{kind}`"), help);
        } else if !offers.iter().any(|o| o.kind.code() == kind) {
            let message = format!("no offer is of kind `{kind}`: nobody is held out of it");
            findings.warn("offers::holdout_of_nothing", at, message, "add such an offer or take the share out");
        }
    }
    let share =
        |(kind, share): (&String, &f64)| (kind.clone(), fraction(Some(*share), 0.0, 0.0, 0.5, &at.key(kind), findings));
    raw.holdout_kinds.iter().map(share).collect()
}

fn fallback(raw: &RawDecision, offers: &[Offer], at: &JobPath, findings: &mut Findings) -> Option<u16> {
    let fits = |o: &Offer| o.kind.fills_lists() && o.eligible.is_none() && !o.is_limited();
    let found = match &raw.fallback {
        None => offers.iter().position(|o| fits(o) && o.items.is_empty() && o.categories.is_empty()),
        Some(id) => {
            let found = offers.iter().position(|o| o.id == *id);
            match found {
                None => {
                    let help = nearest(id, offers.iter().map(|o| o.id.as_str()));
                    let help = help.map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
                    let message = format!("there is no offer `{id}`");
                    findings.error("offers::unknown_fallback", at.key("fallback"), message, help);
                }
                Some(i) if !fits(&offers[i]) => findings.error(
                    "offers::unfit_fallback",
                    at.key("fallback"),
                    format!("`{id}` cannot fill the lists of all members"),
                    "name an offer of kind `next_item` without `eligible`, caps and budget",
                ),
                Some(_) => {}
            }
            found.filter(|i| fits(&offers[*i]))
        }
    };
    if found.is_none() && raw.fallback.is_none() {
        findings.note(
            "offers::no_fallback",
            at.clone(),
            "no `next_item` offer is open to everyone, so short lists stay short and members who opted out of \
             personalisation get no list",
            "add an offer of kind `next_item` without `eligible`, `items` and `categories`",
        );
    }
    found.and_then(|i| u16::try_from(i).ok())
}

pub(super) fn ranged(
    value: Option<u32>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    at: &JobPath,
    findings: &mut Findings,
) -> u32 {
    match value {
        None => default,
        Some(v) if range.contains(&v) => v,
        Some(v) => {
            let message = format!("{v} is out of range");
            let help = format!("from {} to {}", range.start(), range.end());
            findings.error("offers::out_of_range", at.clone(), message, help);
            default
        }
    }
}

pub(super) fn fraction(
    value: Option<f64>,
    default: f64,
    low: f64,
    high: f64,
    at: &JobPath,
    findings: &mut Findings,
) -> f64 {
    match value {
        None => default,
        Some(v) if v >= low && v <= high => v,
        Some(v) => {
            let message = format!("{v} is out of range");
            findings.error("offers::out_of_range", at.clone(), message, format!("from {low} to {high}"));
            default
        }
    }
}
