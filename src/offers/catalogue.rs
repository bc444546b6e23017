//! The catalogue on one day of one shop: names resolved to items and categories, windows to days.

use super::{
    bits::Bits,
    programme::{OccasionWindow, Programme},
    proposal::Target,
    seasons::{self, Bound},
    settings::{DecisionSettings, Incentive, Offer, OfferSettings},
    subjects::{SubjectKind, Subjects},
};
use crate::{
    base::{Currency, Day, Findings, IdTable, cities::CityTiers, findings::JobPath, findings::nearest},
    history::Timeline,
    input::{ItemTable, Labels, MemberAttributes},
};

/// What a catalogue is bound to.
#[derive(Debug, Clone, Copy)]
pub struct ShopFacts<'a> {
    /// The shop's items.
    pub items: &'a ItemTable,
    /// Channels of the purchase lines.
    pub channels: &'a IdTable,
    /// What members read in place of codes.
    pub labels: &'a Labels,
    /// The job's currency.
    pub currency: Currency,
    /// The run's as-of day.
    pub as_of: Day,
    /// What the days mean.
    pub timeline: Timeline,
}

/// An offer, bound to the shop's items and the run's day.
#[derive(Debug, Clone)]
pub struct BoundOffer {
    /// The offer as checked.
    pub offer: Offer,
    /// Items it is limited to; `None`: all.
    pub items: Option<Bits>,
    /// Categories it names, with those below; `None` where it names none.
    pub categories: Option<Bits>,
    /// By category it names, in its order: that category with those below.
    pub parts: Vec<Bits>,
    /// Items of the brands and collections of what it is limited to, where it is limited.
    pub kin: Option<Bits>,
    /// Whether it may be decided on this day.
    pub active: bool,
    /// First day of a decision that is made now.
    pub valid_from: Day,
    /// Last day of a decision that is made now.
    pub valid_until: Day,
    /// Priority × worth × weight of the incentive: what a fit is multiplied by.
    pub weight: f64,
    /// Earlier windows of the offer's festival or season, the newest first.
    pub earlier: Vec<OccasionWindow>,
    /// The window of its festival or season that it is for now.
    pub window: Option<OccasionWindow>,
    /// What the offer as a whole is about: its festival, its cause.
    pub subject: Target,
    /// The channel it is to bring members to.
    pub to_channel: Target,
    /// Index of that channel among the channels of the lines.
    pub to_channel_code: Option<u16>,
}

impl BoundOffer {
    /// Whether the offer's own lists let it be about `item`.
    #[must_use]
    pub fn allows(&self, item: u32) -> bool {
        self.items.as_ref().is_none_or(|bits| bits.contains(item as usize))
    }

    /// Whether the member lives and stands where the offer is for.
    #[must_use]
    pub fn is_for(&self, member: &MemberAttributes) -> bool {
        let Offer { cities, city_tiers, tiers, .. } = &self.offer;
        let city = |c: &String| member.city.as_deref().is_some_and(|own| CityTiers::plain(own) == c);
        (cities.is_empty() || cities.iter().any(city))
            && (city_tiers.is_empty() || member.city_tier.is_some_and(|t| city_tiers.contains(&t)))
            && (tiers.is_empty() || member.loyalty_tier.as_deref().is_some_and(|own| tiers.iter().any(|t| t == own)))
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
    /// What reasons name beside items and categories.
    pub subjects: Subjects,
    /// The loyalty programme and the calendar.
    pub programme: Programme,
    /// By channel of the lines: the subject it is.
    channels: Vec<Target>,
    /// By offer: its place in byte order of the ids.
    pub(super) rank: Vec<u16>,
}

impl Catalogue {
    /// Binds the offers to the shop. Lists are made in the night after the as-of day, so a decision is valid from the
    /// day after it, or from the start of the offer's window. `at` is where
    /// the job begins.
    pub fn bind(settings: &OfferSettings, shop: &ShopFacts<'_>, at: &JobPath, findings: &mut Findings) -> Self {
        let ShopFacts { items, currency, as_of, timeline, .. } = *shop;
        let first = as_of.plus(1);
        let decision = settings.decision.clone();
        for (i, path) in decision.deny_categories.iter().enumerate() {
            let at = at.key("decision").key("deny_categories").index(i);
            known_category(items, path, &at, findings);
        }
        for path in decision.diversity.quotas.keys() {
            let at = at.key("decision").key("diversity").key("quotas").key(path);
            known_category(items, path, &at, findings);
        }
        let mut subjects = shop_subjects(shop, &settings.programme);
        for tier in settings.offers.iter().flat_map(|o| &o.tiers) {
            subjects.add(SubjectKind::Tier, tier, tier, tier);
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
            let mut offer = offer.clone();
            if offer.is_scarce(&decision) {
                // One each: a cap counts members.
                offer.max_per_member = 1;
            }
            let denied = deny(&mut offer, &decision, &at, findings);
            let Bound { window, earlier, subject, in_time } =
                seasons::bind(&mut offer, &settings.programme, &mut subjects, first, &at, findings);
            let valid_from = offer.starts.map_or(first, |s| s.max(first));
            let until = valid_from.plus(i32::try_from(offer.valid_days).unwrap_or(i32::MAX) - 1);
            let valid_until = offer.ends.map_or(until, |e| e.min(until));
            let announced = offer.starts.is_none_or(|s| s.since(first) <= offer.announce_days as i32);
            let discount = if offer.incentive == Incentive::Discount { decision.discount_weight } else { 1.0 };
            let categories = bind_categories(items, &offer.categories, &at, findings);
            if timeline == Timeline::Ordinal {
                offer.sentences = offer.sentences.undated(offer.kind);
            }
            let to_channel_code = bind_channel(shop, &offer, &at, findings);
            let allowed = bind_items(items, &offer, categories.as_ref(), &at, findings);
            let below =
                |path: &String| Bits::from_fn(items.categories.len(), |c| is_below(items.categories.get(c), path));
            offers.push(BoundOffer {
                parts: offer.categories.iter().map(below).collect(),
                kin: allowed.as_ref().map(|allowed| kin(items, &offer, allowed)),
                items: allowed,
                categories,
                active: announced && in_time && valid_until >= valid_from && !without_calendar && !denied,
                valid_from,
                valid_until,
                weight: offer.priority * offer.worth * discount,
                earlier,
                window,
                subject,
                to_channel: offer
                    .parameters
                    .to_channel
                    .as_ref()
                    .map_or(Target::None, |c| subjects.find(SubjectKind::Channel, c)),
                to_channel_code,
                offer,
            });
        }
        let mut order: Vec<usize> = (0..offers.len()).collect();
        order.sort_by(|a, b| offers[*a].offer.id.cmp(&offers[*b].offer.id));
        let mut rank = vec![0; offers.len()];
        for (place, index) in order.into_iter().enumerate() {
            rank[index] = place as u16;
        }
        let programme = settings.programme.clone();
        let channels = shop.channels.iter().map(|code| subjects.find(SubjectKind::Channel, code)).collect();
        Self { offers, decision, currency, as_of, timeline, subjects, programme, channels, rank }
    }

    /// A channel of the lines as a subject.
    #[must_use]
    pub fn channel(&self, code: u16) -> Target {
        self.channels.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// First day on which a list made now is used.
    #[must_use]
    pub fn first_valid(&self) -> Day {
        self.as_of.plus(1)
    }

    /// Whether there is only so much of an offer over all members: a cap, a budget, or a face value that the money of all
    /// offers is spent on.
    #[must_use]
    pub fn is_scarce(&self, offer: u16) -> bool {
        self.offers.get(usize::from(offer)).is_some_and(|o| o.offer.is_scarce(&self.decision))
    }

    /// The offer that a member gets who would have got this one, had it not been used up; one that is scarce itself
    /// cannot stand by.
    #[must_use]
    pub fn stands_by(&self, offer: u16) -> Option<u16> {
        let id = self.offers.get(usize::from(offer))?.offer.fallback.as_deref()?;
        self.index_of(id).filter(|other| !self.is_scarce(*other))
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

/// The names of the shop: brands, collections, channels, tiers, and every city a table knows.
fn shop_subjects(shop: &ShopFacts<'_>, programme: &Programme) -> Subjects {
    let mut subjects = Subjects::default();
    for (kind, names) in [(SubjectKind::Brand, &shop.items.brands), (SubjectKind::Collection, &shop.items.collections)]
    {
        for name in names.iter() {
            subjects.add(kind, name, name, name);
        }
    }
    for code in shop.channels.iter() {
        let label = shop.labels.channel(code);
        subjects.add(SubjectKind::Channel, code, &label.zh, &label.en);
    }
    for tier in &programme.tiers {
        subjects.add(SubjectKind::Tier, &tier.code, &tier.names[0], &tier.names[1]);
    }
    for city in programme.cities.names() {
        subjects.add(SubjectKind::City, city, city, city);
    }
    subjects
}

/// Takes denied categories out of what the offer is limited to, so that no sentence names them; whether none is left.
fn deny(offer: &mut Offer, decision: &DecisionSettings, at: &JobPath, findings: &mut Findings) -> bool {
    let denied = |path: &String| decision.deny_categories.iter().any(|top| is_below(path, top));
    let before = offer.categories.len();
    if let Some(i) = offer.categories.iter().position(denied) {
        let message = format!("`{}` is about the category `{}`, which is denied", offer.id, offer.categories[i]);
        findings.warn(
            "offers::denied_category",
            at.key("categories").index(i),
            message,
            "take it out: a denied category is never offered and never a reason",
        );
    }
    offer.categories.retain(|path| !denied(path));
    before > 0 && offer.categories.is_empty()
}

/// The items that share a collection with what the offer is limited to or, where that has none, a brand. Brands and
/// collections the offer names stand for themselves.
fn kin(items: &ItemTable, offer: &Offer, allowed: &Bits) -> Bits {
    if offer.items.is_empty() && offer.categories.is_empty() {
        return allowed.clone();
    }
    let mut brands = vec![false; items.brands.len()];
    let mut collections = vec![false; items.collections.len()];
    for item in (0..items.len()).filter(|i| allowed.contains(*i)).map(|i| i as u32) {
        match (items.collection_of(item), items.brand_of(item)) {
            (Some(c), _) => collections[c as usize] = true,
            (None, Some(b)) => brands[b as usize] = true,
            (None, None) => {}
        }
    }
    Bits::from_fn(items.len(), |i| {
        let item = i as u32;
        items.collection_of(item).is_some_and(|c| collections[c as usize])
            || items.brand_of(item).is_some_and(|b| brands[b as usize])
    })
}

/// The channel of the lines that an offer is to bring members to.
fn bind_channel(shop: &ShopFacts<'_>, offer: &Offer, at: &JobPath, findings: &mut Findings) -> Option<u16> {
    let code = offer.parameters.to_channel.as_ref()?;
    let found = shop.channels.find(code);
    if found.is_none() {
        let help = nearest(code, shop.channels.iter()).map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
        let message = format!("no purchase line has the channel `{code}`");
        findings.warn("offers::unknown_channel", at.key("to_channel"), message, help);
    }
    found.and_then(|c| u16::try_from(c).ok())
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
    let codes = |key: &str, names: &[String], known: &IdTable, findings: &mut Findings| -> Vec<u32> {
        let mut codes = Vec::new();
        for (i, name) in names.iter().enumerate() {
            match known.find(name) {
                Some(code) => codes.push(code as u32),
                None => {
                    let help = nearest(name, known.iter()).map(|n| format!("did you mean `{n}`?")).unwrap_or_default();
                    let message = format!("no item is of `{name}`");
                    findings.warn("offers::unknown_name", at.key(key).index(i), message, help);
                }
            }
        }
        codes
    };
    let brands = codes("brands", &offer.brands, &items.brands, findings);
    let collections = codes("collections", &offer.collections, &items.collections, findings);
    if offer.items.is_empty() && categories.is_none() && offer.brands.is_empty() && offer.collections.is_empty() {
        return None;
    }
    named.sort_unstable();
    let of = |wanted: &[String], codes: &[u32], own: Option<u32>| {
        wanted.is_empty() || own.is_some_and(|code| codes.contains(&code))
    };
    let bits = Bits::from_fn(items.len(), |i| {
        let item = i as u32;
        (offer.items.is_empty() || named.binary_search(&i).is_ok())
            && categories.is_none_or(|bits| items.category_of(item).is_some_and(|c| bits.contains(c as usize)))
            && of(&offer.brands, &brands, items.brand_of(item))
            && of(&offer.collections, &collections, items.collection_of(item))
    });
    if bits.count() == 0 && !items.is_empty() {
        findings.warn(
            "offers::nobody",
            at.key("id"),
            format!("`{}` is limited to items of which the shop has none", offer.id),
            "correct `items`, `categories`, `brands` or `collections`",
        );
    }
    Some(bits)
}
