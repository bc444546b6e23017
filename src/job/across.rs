//! What one section needs of another.

use super::raw::RawJob;
use crate::{
    base::{Day, Findings, findings::JobPath},
    export::OutputSettings,
    input::{contract::Table, settings::InputSettings},
    offers::{Incentive, OfferSettings, is_learned, kind_named, price_sensitivity},
    segments::Segments,
};

/// Checks what sections need of each other, as far as the job alone tells; what a table lacks is found when it is opened.
pub(super) fn check(raw: &RawJob, inputs: &InputSettings, findings: &mut Findings) {
    check_offers(raw, inputs, findings);
    let without_categories = !inputs.has(Table::Items);
    for (section, key, categories) in [
        ("consent", "denied_categories", &raw.consent.denied_categories),
        ("decision", "deny_categories", &raw.decision.deny_categories),
    ] {
        if without_categories && !categories.is_empty() {
            findings.error(
                "job::categories_without_items",
                JobPath::root().key(section).key(key),
                "categories are denied, but no table says which items they hold",
                "name `[inputs.items]` with a `category` column",
            );
        }
    }
}

/// What must never gate or size money off.
const NEVER_BY_PRICE: &str = "price sensitivity and discount affinity must never gate or size a discount (PIPL 24)";

/// Whether a name stands in an SQL text as a word of its own.
fn names(sql: &str, name: &str) -> bool {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
}

/// Money off must not be decided by price sensitivity, not by way of a feature of the job's own, of a segment by rule, or of
/// both either. What a rule says in so many words is found with the offer itself.
pub(super) fn check_discounts(raw: &RawJob, segments: &Segments, offers: &OfferSettings, findings: &mut Findings) {
    let measures = |sql: &str| -> Option<String> {
        let own = raw.features.sql.iter().find(|f| names(sql, &f.name) && price_sensitivity(&f.expr).is_some());
        price_sensitivity(sql).map(str::to_owned).or_else(|| own.map(|f| f.name.clone()))
    };
    for offer in &offers.offers {
        let gives_money = offer.incentive == Incentive::Discount || offer.value_minor > 0;
        let Some(sql) = offer.eligible.as_deref().filter(|_| gives_money) else { continue };
        let at = JobPath::root().key("offers").index(offer.position).key("eligible");
        let mut refuse = |word: &str, message: String| {
            let code = "offers::discount_gated_by_price_sensitivity";
            findings.error_within(code, at.clone(), Some(word), message, NEVER_BY_PRICE);
        };
        for feature in raw.features.sql.iter().filter(|f| names(sql, &f.name)) {
            if price_sensitivity(&feature.expr).is_some() && price_sensitivity(&feature.name).is_none() {
                let name = &feature.name;
                let message = format!(
                    "the rule of `{}` decides by `{name}`, which measures discounts, who gets money off",
                    offer.id
                );
                refuse(name, message);
            }
        }
        for rule in segments.rules.iter().filter(|rule| names(sql, rule.code.as_str())) {
            let Some(name) = measures(&rule.when) else { continue };
            let message = format!(
                "the rule of `{}` decides by `{}`, and so by `{name}`, who gets money off",
                offer.id, rule.code
            );
            refuse(rule.code.as_str(), message);
        }
        let by_cluster = ["segment_id", "segment_code"].into_iter().find(|name| names(sql, name));
        if let Some(name) = by_cluster
            && let Some(feature) = segments.features.iter().map(|f| f.name.as_str()).find(|f| measures(f).is_some())
        {
            findings.warn(
                "offers::discount_by_segment",
                at.clone(),
                format!(
                    "the rule of `{}` decides by `{name}` who gets money off, and segments are made with `{feature}` among \
                     others",
                    offer.id
                ),
                "take that feature out of `[[segments.features]]`, or decide by something that is no price sensitivity",
            );
        }
    }
}

/// CRM targets that key on tables the job does not name.
pub(super) fn check_targets(output: &OutputSettings, inputs: &InputSettings, findings: &mut Findings) {
    let at = |name: &str| JobPath::root().key("output").key("targets").key(name);
    for target in &output.crm {
        if let Some(system) = target.systems().first()
            && !inputs.has(Table::Identities)
        {
            let message = format!("target `{}` needs ids of system `{system}`, but no table holds them", target.name);
            let help = "name `[inputs.identities]`, or set `keys` with `from = \"member_id\"`";
            findings.error("output::no_identities", at(&target.name).key("keys"), message, help);
        }
        if target.dialect == "wecom" && !inputs.has(Table::TagIds) {
            let message = format!("target `{}` takes ids of tags, but no table holds them", target.name);
            let help = "name `[inputs.tag_ids]`";
            findings.error("output::no_tag_ids", at(&target.name), message, help);
        }
    }
}

fn check_offers(raw: &RawJob, inputs: &InputSettings, findings: &mut Findings) {
    for (index, offer) in raw.offers.iter().enumerate() {
        let at = JobPath::root().key("offers").index(index);
        let mut needs = |at: JobPath, message: String, help: &str| {
            findings.error("job::offer_needs_table", at, message, help);
        };
        // Which columns a table has is found when it is opened.
        let kind = kind_named(&offer.kind);
        let learned = |need| kind.is_some_and(|kind| is_learned(kind, need, raw.recommend.learn_fits));
        for need in kind.map_or(&[][..], |kind| kind.needs_of(offer)).iter().filter(|need| !learned(need)) {
            if !need.iter().any(|(table, _)| inputs.has(*table)) {
                let tables: Vec<String> =
                    need.iter().map(|(table, column)| format!("`[inputs.{}]` with `{column}`", table.name())).collect();
                needs(
                    at.key("kind"),
                    format!("`{}` is of kind `{}`, which needs a table that is not named", offer.id, offer.kind),
                    &format!("name {}", tables.join(" or ")),
                );
                // One remedy at a time.
                break;
            }
        }
        if let (Some(as_of), Some(ends)) = (Day::parse(&raw.as_of), offer.ends.as_deref().and_then(Day::parse))
            && ends <= as_of
        {
            findings.note(
                "offers::window_over",
                at.key("ends"),
                format!("nobody can get `{}` on lists made after {as_of}: its window ends on {ends}", offer.id),
                "take it out, or move its window",
            );
        }
        let mut needs = |at: JobPath, message: String, help: &str| {
            findings.error("job::offer_needs_table", at, message, help);
        };
        if !offer.categories.is_empty() && !inputs.has(Table::Items) {
            needs(
                at.key("categories"),
                format!("`{}` is limited to categories, but no table says which items they hold", offer.id),
                "name `[inputs.items]` with a `category` column",
            );
        }
        if offer.channel.is_some() && !inputs.has(Table::Members) {
            findings.warn(
                "job::nobody_opted_in",
                at.key("channel"),
                format!("`{}` goes to members who opted in to its channel, but no table says who did", offer.id),
                "name `[inputs.members]` with a `channel_opt_in` column",
            );
        }
        if offer.cooldown_days.is_some_and(|days| days > 0) && !inputs.has(Table::Contacts) {
            findings.warn(
                "job::cooldown_without_contacts",
                at.key("cooldown_days"),
                format!("`{}` has a cooldown, but no table says who was contacted", offer.id),
                "name `[inputs.contacts]`",
            );
        }
    }
}
