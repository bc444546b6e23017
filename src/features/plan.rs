//! Which features a shop can give, and in which columns.

use crate::{
    base::{Currency, Day, Findings, IdTable, findings::JobPath, tag_code::TagCode},
    engine::group_sql::MemberAggregates,
    history::{Dimensions, Shard, ShardSet, Timeline},
    input::{ItemTable, Labelled, Labels},
};

use super::{
    DaySet, FeatureError, FeatureTable,
    categories::CategoryGroups,
    census::{Census, Vocabulary},
    dictionary::{FeatureDictionary, FeatureEntry, Group},
    families::{self, CATEGORY_PREFIX, CHANNEL_PREFIX, Family, FixedFeature, Needs, REST, Source},
    kernel::Scratch,
    settings::{FeatureUse, Features, Fill, family_of},
    sql,
};

/// Which optional columns the shop has: what decides which features it can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopColumns {
    /// Whether lines name items.
    pub items: bool,
    /// Whether items have categories.
    pub categories: bool,
    /// Whether items have brands.
    pub brands: bool,
    /// Whether lines name channels.
    pub channels: bool,
    /// Whether lines name stores.
    pub stores: bool,
    /// Whether lines name cities.
    pub cities: bool,
    /// Whether lines carry discounts.
    pub discounts: bool,
    /// Whether times are calendar times.
    pub calendar: bool,
}

impl ShopColumns {
    /// What is there in the data itself. `discounts` is the census's to say, so it is given.
    #[must_use]
    pub fn of(items: &ItemTable, dimensions: &Dimensions, discounts: bool) -> Self {
        Self {
            items: !items.is_empty(),
            categories: !items.categories.is_empty(),
            brands: !items.brands.is_empty(),
            channels: !dimensions.channels.is_empty(),
            stores: !dimensions.stores.is_empty(),
            cities: !dimensions.cities.is_empty(),
            discounts,
            calendar: dimensions.timeline == Timeline::Calendar,
        }
    }

    fn has(self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Calendar => self.calendar,
            Needs::Items => self.items,
            Needs::Categories => self.categories,
            Needs::Channels => self.channels,
            Needs::Discounts => self.discounts,
        }
    }
}

/// What features are computed from, besides the shards.
#[derive(Debug, Clone, Copy)]
pub struct FeatureView<'a> {
    /// Feature settings.
    pub settings: &'a Features,
    /// The shop's items.
    pub items: &'a ItemTable,
    /// What the shards' codes stand for.
    pub dimensions: &'a Dimensions,
    /// What categories and channels are called.
    pub labels: &'a Labels,
    /// The job's currency: money features are in its major unit.
    pub currency: Currency,
    /// Days that count as festival.
    pub festivals: &'a DaySet,
    /// The last day that is looked at: the as-of date, or an earlier cut.
    pub cut: Day,
}

/// The features of a run: columns, and all that is needed to compute them shard by shard.
#[derive(Debug)]
pub struct FeaturePlan<'a> {
    pub(super) view: FeatureView<'a>,
    pub(super) groups: CategoryGroups,
    /// Column of spend by item: index into the top categories, the last for the rest.
    pub(super) item_slot: Vec<u8>,
    /// Column of spend by channel code, likewise.
    pub(super) channel_slot: Vec<u8>,
    pub(super) sql: Option<MemberAggregates>,
    vocabulary: Vocabulary,
    dictionary: FeatureDictionary,
    notes: Findings,
}

/// Checks the SQL features and the named uses against the columns the shop has, before any data is read.
/// `sql_at` is the path of `features.sql`, `uses_at` that of the list of uses.
pub fn check_shop(
    settings: &Features,
    uses: &[FeatureUse],
    shop: ShopColumns,
    currency: Currency,
    sql_at: &JobPath,
    uses_at: &JobPath,
    findings: &mut Findings,
) {
    let schema = sql::line_schema(shop, currency);
    for (i, feature) in settings.sql.iter().enumerate() {
        if let Err(error) = sql::compile_one(&schema, feature) {
            let help = error.help();
            findings.error(error.code(), sql_at.index(i).key("expr"), error.to_string(), help);
        }
    }
    for used in uses {
        if used.named
            && let Some(missing) = missing_for(&used.name, shop)
        {
            findings.error(
                "features::unavailable",
                uses_at.index(used.position).key("name"),
                format!("feature `{}` cannot be given: the shop has no {}", used.name, missing.1),
                "map the column, or leave the feature out",
            );
        }
    }
}

/// What a feature lacks in this shop, as (code of the note, words).
fn missing_for(name: &str, shop: ShopColumns) -> Option<(&'static str, &'static str)> {
    let needs = match family_of(name.trim_end_matches('*'))? {
        Family::CategoryShare => Needs::Categories,
        Family::ChannelShare if name.starts_with(CHANNEL_PREFIX) => Needs::Channels,
        Family::RecentSpend => Needs::Calendar,
        _ => families::FIXED.iter().find(|f| f.name == name)?.needs,
    };
    (!shop.has(needs)).then_some(lack(needs))
}

fn lack(needs: Needs) -> (&'static str, &'static str) {
    match needs {
        Needs::Nothing => ("features::left_out", "nothing"),
        Needs::Calendar => ("features::no_calendar", "calendar times"),
        Needs::Items => ("features::no_items", "item ids on the lines"),
        Needs::Categories => ("features::no_categories", "item categories"),
        Needs::Channels => ("features::no_channels", "channel column"),
        Needs::Discounts => ("features::no_discounts", "discount column"),
    }
}

impl<'a> FeaturePlan<'a> {
    /// Lays out the columns. With a `vocabulary` (of the model that is scored with, or warm-started from) the categories
    /// and channels with a share of their own are those, as long as the settings are those it was made under; else the
    /// largest of the shop, found in a pass over the shards.
    ///
    /// # Errors
    /// If a shard cannot be read or a SQL feature does not fit the lines.
    pub fn new(
        view: FeatureView<'a>,
        shards: &ShardSet,
        vocabulary: Option<&Vocabulary>,
    ) -> Result<Self, FeatureError> {
        let groups = CategoryGroups::new(view.items, view.settings.category_level);
        let channels = &view.dimensions.channels;
        let parts =
            shards.map(|_, shard| Ok::<_, FeatureError>(Census::of_shard(shard, &groups, channels.len(), view.cut)))?;
        let mut census = Census::default();
        for part in &parts {
            census.add(part);
        }
        let shop = ShopColumns::of(view.items, view.dimensions, census.has_discounts);
        let spoken_of = |given: &&Vocabulary| !given.categories.iter().any(|category| groups.is_denied(category));
        let vocabulary = match vocabulary.filter(|given| given.fits(view.settings)).filter(spoken_of) {
            Some(given) => given.clone(),
            None => census.vocabulary(&groups.names, channels, view.settings),
        };
        let group_slot = slots(&groups.names, &vocabulary.categories);
        let rest = vocabulary.categories.len() as u8;
        let item_slot = groups.of_item.iter().map(|g| group_slot.get(*g as usize).copied().unwrap_or(rest)).collect();
        let channel_slot = slots(channels, &vocabulary.channels);
        let mut notes = Findings::new();
        let dictionary = FeatureDictionary { entries: entries(&view, shop, &vocabulary, &mut notes) };
        let sql = sql::compile_all(&sql::line_schema(shop, view.currency), &view.settings.sql)?;
        Ok(Self { view, groups, item_slot, channel_slot, sql, vocabulary, dictionary, notes })
    }

    /// What the columns are.
    #[must_use]
    pub fn dictionary(&self) -> &FeatureDictionary {
        &self.dictionary
    }

    /// The categories and channels with a share feature of their own; part of the model.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What this shop cannot give, one note for each thing it lacks.
    #[must_use]
    pub fn notes(&self) -> &Findings {
        &self.notes
    }

    /// Computes every feature of every member. Shards are worked on in parallel; the result does not depend on how
    /// many at once. `population_rhythm`: see [`FeatureTable::new`].
    ///
    /// # Errors
    /// If a shard cannot be read, a SQL feature fails, or a value is infinite.
    pub fn compute(&self, shards: &ShardSet, population_rhythm: Option<f64>) -> Result<FeatureTable, FeatureError> {
        let parts = shards.map(|_, shard: &Shard| self.shard(shard, &mut Scratch::new(self)))?;
        Ok(FeatureTable::new(self.dictionary.clone(), parts, population_rhythm))
    }

    pub(super) fn top_categories(&self) -> usize {
        self.vocabulary.categories.len()
    }

    pub(super) fn top_channels(&self) -> usize {
        self.vocabulary.channels.len()
    }
}

/// Slot of each name: its place in `top`, or `top.len()`.
fn slots(names: &IdTable, top: &[String]) -> Vec<u8> {
    let mut slots = vec![top.len() as u8; names.len()];
    for (slot, name) in top.iter().enumerate() {
        if let Some(i) = names.find(name) {
            slots[i] = slot as u8;
        }
    }
    slots
}

fn entries(
    view: &FeatureView<'_>,
    shop: ShopColumns,
    vocabulary: &Vocabulary,
    notes: &mut Findings,
) -> Vec<FeatureEntry> {
    let mut entries: Vec<FeatureEntry> = Vec::new();
    let mut lacking: Vec<(Needs, Vec<String>)> = Vec::new();
    let mut left_out = |needs: Needs, name: String| match lacking.iter_mut().find(|(n, _)| *n == needs) {
        Some((_, names)) => names.push(name),
        None => lacking.push((needs, vec![name])),
    };
    for fixed in families::FIXED {
        if shop.has(fixed.needs) {
            entries.push(fixed_entry(fixed, view, shop));
        } else {
            left_out(fixed.needs, fixed.name.to_owned());
        }
    }
    for (i, days) in view.settings.spend_windows.iter().enumerate() {
        let name = families::window_name(*days);
        if shop.calendar {
            entries.push(FeatureEntry {
                name,
                family: Family::RecentSpend,
                group: None,
                name_zh: format!("近{days}天净消费额"),
                name_en: format!("Net spend in the last {days} days"),
                unit: view.currency.code().to_owned(),
                formula: format!("net spend on days from as-of date − {} to as-of date, at least 0", days - 1),
                fill: Fill::Zero,
                defaults: families::LONG_TAILED,
                source: Source::Window(i as u16),
            });
        } else {
            left_out(Needs::Calendar, name);
        }
    }
    if shop.categories {
        share_entries(&vocabulary.categories, &CATEGORIES, |path| view.labels.category(path), &mut entries);
    } else {
        left_out(Needs::Categories, format!("{CATEGORY_PREFIX}*"));
    }
    if shop.channels {
        share_entries(&vocabulary.channels, &CHANNELS, |code| view.labels.channel(code), &mut entries);
    } else {
        left_out(Needs::Channels, format!("{CHANNEL_PREFIX}*"));
    }
    for (i, sql) in view.settings.sql.iter().enumerate() {
        entries.push(FeatureEntry {
            name: sql.name.clone(),
            family: Family::Sql,
            group: None,
            name_zh: sql.name_zh.clone(),
            name_en: sql.name_en.clone(),
            unit: sql.unit.clone(),
            formula: sql.expr.clone(),
            fill: sql.fill,
            defaults: families::LONG_TAILED,
            source: Source::Sql(i as u16),
        });
    }
    for (needs, names) in lacking {
        let (code, what) = lack(needs);
        let names = names.join(", ");
        notes.note(code, JobPath::root().key("features"), format!("the shop has no {what}: without {names}"), "");
    }
    entries
}

fn fixed_entry(fixed: &FixedFeature, view: &FeatureView<'_>, shop: ShopColumns) -> FeatureEntry {
    let unit = match fixed.source {
        Source::Rhythm if !shop.calendar => "baskets".to_owned(),
        Source::PurchaseDays if !shop.calendar => "baskets".to_owned(),
        _ => fixed.unit.replace("currency", view.currency.code()),
    };
    let fill = match fixed.source {
        Source::Recency => Fill::Constant(f64::from(view.cut.since(view.dimensions.first_day).max(0))),
        _ => fixed.fill,
    };
    FeatureEntry {
        name: fixed.name.to_owned(),
        family: fixed.family,
        group: None,
        name_zh: fixed.name_zh.to_owned(),
        name_en: fixed.name_en.to_owned(),
        unit,
        formula: fixed.formula.to_owned(),
        fill,
        defaults: fixed.defaults,
        source: fixed.source,
    }
}

/// How the shares of one breakdown are named.
struct Breakdown {
    prefix: &'static str,
    family: Family,
    source: fn(u8) -> Source,
    zh: (&'static str, &'static str),
    en: (&'static str, &'static str),
    of: &'static str,
    defaults: families::UseDefaults,
}

const CATEGORIES: Breakdown = Breakdown {
    prefix: CATEGORY_PREFIX,
    family: Family::CategoryShare,
    source: Source::CategoryShare,
    zh: ("其他品类", "消费占比"),
    en: ("spend on", "other categories"),
    of: "net spend in it / net spend",
    defaults: families::CATEGORY_SHARE,
};

const CHANNELS: Breakdown = Breakdown {
    prefix: CHANNEL_PREFIX,
    family: Family::ChannelShare,
    source: Source::ChannelShare,
    zh: ("其他渠道", "渠道消费占比"),
    en: ("spend via", "other channels"),
    of: "amounts of purchase lines through it / amounts of purchase lines",
    defaults: families::CHANNEL_SHARE,
};

/// A space after a Latin word in a Chinese text.
fn gap_after(text: &str) -> &'static str {
    if text.ends_with(|c: char| c.is_ascii_alphanumeric()) { " " } else { "" }
}

fn share_entries<'a>(
    groups: &'a [String],
    breakdown: &Breakdown,
    label: impl Fn(&'a str) -> Labelled<'a>,
    entries: &mut Vec<FeatureEntry>,
) {
    let named = groups.iter().map(Some).chain([None]).enumerate();
    for (i, group) in named {
        let (slug, group, name_zh, name_en) = match group {
            Some(code) => {
                let Labelled { zh, en } = label(code);
                (
                    TagCode::slug("", code).as_str().to_owned(),
                    Some(Group { code: code.clone(), zh: zh.clone().into_owned(), en: en.clone().into_owned() }),
                    format!("{zh}{}{}", gap_after(&zh), breakdown.zh.1),
                    format!("Share of {} {en}", breakdown.en.0),
                )
            }
            None => (
                REST.to_owned(),
                None,
                format!("{}消费占比", breakdown.zh.0),
                format!("Share of {} {}", breakdown.en.0, breakdown.en.1),
            ),
        };
        let mut name = format!("{}{slug}", breakdown.prefix);
        if entries.iter().any(|e| e.name == name) || (group.is_some() && slug == REST) {
            // Two names can share a slug ("Pet Food", "pet-food"); the place in the order keeps them apart.
            name = format!("{name}_{}", i + 1);
        }
        entries.push(FeatureEntry {
            name,
            family: breakdown.family,
            group,
            name_zh,
            name_en,
            unit: "share".to_owned(),
            formula: breakdown.of.to_owned(),
            fill: Fill::Zero,
            defaults: breakdown.defaults,
            source: (breakdown.source)(i as u8),
        });
    }
}
