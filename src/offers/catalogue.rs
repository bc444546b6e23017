//! The catalogue on one day of one shop: names resolved to items and categories, windows to days.

use super::{
    bits::Bits,
    settings::{DecisionSettings, Incentive, Offer, OfferSettings},
};
use crate::{
    base::{Currency, Day, Findings, findings::JobPath, findings::nearest},
    history::Timeline,
    input::ItemTable,
};

/// An offer, bound to the shop's items and the run's day.
#[derive(Debug, Clone)]
pub struct BoundOffer {
    /// The offer as checked.
    pub offer: Offer,
    /// Items it is limited to; `None`: all.
    pub items: Option<Bits>,
    /// Categories it names, with those below; `None` where it names none.
    pub categories: Option<Bits>,
    /// Whether it may be decided on this day.
    pub active: bool,
    /// First day of a decision that is made now.
    pub valid_from: Day,
    /// Last day of a decision that is made now.
    pub valid_until: Day,
    /// Priority × weight of the incentive: what a fit is multiplied by.
    pub weight: f64,
}

impl BoundOffer {
    /// Whether the offer's own lists let it be about `item`.
    #[must_use]
    pub fn allows(&self, item: u32) -> bool {
        self.items.as_ref().is_none_or(|bits| bits.contains(item as usize))
    }
}

/// The offers of a run.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// In the order of the job.
    pub offers: Vec<BoundOffer>,
    /// The decision.
    pub decision: DecisionSettings,
    /// The job's currency.
    pub currency: Currency,
    /// The run's as-of day.
    pub as_of: Day,
    /// What the days mean.
    pub timeline: Timeline,
    /// By offer: its place in byte order of the ids.
    pub(super) rank: Vec<u16>,
}

impl Catalogue {
    /// Binds the offers to the shop. Lists are made in the night after the as-of day, so a decision is valid from the
    /// day after it, or from the start of the offer's window. `at` is where
    /// the job begins.
    pub fn bind(
        settings: &OfferSettings,
        items: &ItemTable,
        currency: Currency,
        as_of: Day,
        timeline: Timeline,
        at: &JobPath,
        findings: &mut Findings,
    ) -> Self {
        let first = as_of.plus(1);
        let decision = settings.decision.clone();
        for (i, path) in decision.deny_categories.iter().enumerate() {
            let at = at.key("decision").key("deny_categories").index(i);
            known_category(items, path, &at, findings);
        }
        let mut offers = Vec::with_capacity(settings.offers.len());
        for (index, offer) in settings.offers.iter().enumerate() {
            let at = at.key("offers").index(index);
            let without_calendar = timeline == Timeline::Ordinal && !offer.kind.without_calendar();
            if without_calendar {
                findings.note(
                    "offers::needs_calendar",
                    at.key("kind"),
                    format!("the data has no calendar, so `{}` makes no offer", offer.id),
                    "",
                );
            }
            let valid_from = offer.starts.map_or(first, |s| s.max(first));
            let until = valid_from.plus(i32::try_from(offer.valid_days).unwrap_or(i32::MAX) - 1);
            let valid_until = offer.ends.map_or(until, |e| e.min(until));
            let announced = offer.starts.is_none_or(|s| s.since(first) <= offer.announce_days as i32);
            let discount = if offer.incentive == Incentive::Discount { decision.discount_weight } else { 1.0 };
            let categories = bind_categories(items, &offer.categories, &at, findings);
            let mut offer = offer.clone();
            if timeline == Timeline::Ordinal {
                offer.sentences = offer.sentences.undated(offer.kind);
            }
            offers.push(BoundOffer {
                items: bind_items(items, &offer, categories.as_ref(), &at, findings),
                categories,
                active: announced && valid_until >= valid_from && !without_calendar,
                valid_from,
                valid_until,
                weight: offer.priority * discount,
                offer,
            });
        }
        let mut order: Vec<usize> = (0..offers.len()).collect();
        order.sort_by(|a, b| offers[*a].offer.id.cmp(&offers[*b].offer.id));
        let mut rank = vec![0; offers.len()];
        for (place, index) in order.into_iter().enumerate() {
            rank[index] = place as u16;
        }
        Self { offers, decision, currency, as_of, timeline, rank }
    }

    /// First day on which a list made now is used.
    #[must_use]
    pub fn first_valid(&self) -> Day {
        self.as_of.plus(1)
    }

    /// The index of the offer called `id`.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<u16> {
        self.offers.iter().position(|o| o.offer.id == id).map(|i| i as u16)
    }
}

/// Whether `path` is `top` or lies below it.
pub(super) fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn known_category(items: &ItemTable, path: &str, at: &JobPath, findings: &mut Findings) {
    if !items.categories.iter().any(|known| is_below(known, path)) {
        let help = nearest(path, items.categories.iter()).map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
        findings.warn("offers::unknown_category", at.clone(), format!("no item is in category `{path}`"), help);
    }
}

fn bind_categories(items: &ItemTable, paths: &[String], at: &JobPath, findings: &mut Findings) -> Option<Bits> {
    if paths.is_empty() {
        return None;
    }
    for (i, path) in paths.iter().enumerate() {
        known_category(items, path, &at.key("categories").index(i), findings);
    }
    Some(Bits::from_fn(items.categories.len(), |c| {
        let known = items.categories.get(c);
        paths.iter().any(|path| is_below(known, path))
    }))
}

fn bind_items(
    items: &ItemTable,
    offer: &Offer,
    categories: Option<&Bits>,
    at: &JobPath,
    findings: &mut Findings,
) -> Option<Bits> {
    let mut named = Vec::new();
    for (i, id) in offer.items.iter().enumerate() {
        match items.ids.find(id) {
            Some(index) => named.push(index),
            None => {
                let at = at.key("items").index(i);
                findings.warn("offers::unknown_item", at, format!("there is no item `{id}`"), "");
            }
        }
    }
    if offer.items.is_empty() && categories.is_none() {
        return None;
    }
    named.sort_unstable();
    Some(Bits::from_fn(items.len(), |i| {
        let listed = offer.items.is_empty() || named.binary_search(&i).is_ok();
        let within =
            categories.is_none_or(|bits| items.category_of(i as u32).is_some_and(|c| bits.contains(c as usize)));
        listed && within
    }))
}
