//! The job's section `[segments]`, as written and as checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    auto_k::{AutoK, RawAuto, RawAutoK, RawCount},
    drift_limits::{DriftLimits, RawDriftLimits},
    hold::{Identity, RawIdentity},
    lifecycle::{LifecycleSettings, RawLifecycle},
    rfm::RfmAgainst,
    rules::{RawSegmentRule, SegmentRule},
    value::{RawValueBands, ValueSettings},
};
use crate::{
    base::findings::{Findings, JobPath},
    features::{FeatureUse, Features, RawFeatureUse},
};

/// What the job says about segments and tags.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSegments {
    /// Number of k-means segments, 2 to 200, or `"auto"`: chosen from the range of `auto_k` by its rule.
    pub k: RawCount,
    /// How `k = "auto"` chooses, and what `nextoffer tune` tries where its command line does not say.
    pub auto_k: RawAutoK,
    /// The features the segments are made from; left out, a sensible choice of what the data can give.
    pub features: Vec<RawFeatureUse>,
    /// Fits from different starts, of which the best is kept; 1 to 100. A warm start is one fit.
    pub restarts: usize,
    /// Most iterations of one fit, 1 to 10000.
    pub max_iterations: u32,
    /// A fit is done when its centroids move by less than this in all (scaled units).
    pub tolerance: f64,
    /// Most members the centroids are fitted on, chosen by hash; every member is assigned all the same.
    pub fit_sample: usize,
    /// Start from the previous run's centroids where `k` and the features are the same. `false` fits afresh every time;
    /// segments still keep their ids where they share enough members.
    pub warm_start: bool,
    /// Added to the job's seed for the starts: another number, other starts.
    pub seed_offset: u64,
    /// How segments keep their ids from run to run, and members their segment.
    pub identity: RawIdentity,
    /// How much may change from run to run.
    pub drift: RawDriftLimits,
    /// Names of your own by segment code or lasting id, such as `[segments.names.seg_01]` or `[segments.names.1]`.
    pub names: BTreeMap<String, RawSegmentName>,
    /// When a member counts as new, active, at risk, dormant or lost.
    pub lifecycle: RawLifecycle,
    /// Bands of net spend.
    pub value: RawValueBands,
    /// The classes of recency, frequency and money.
    pub rfm: RawRfm,
    /// Tags for favourite channels and categories, and for habits.
    pub tags: RawTagRules,
    /// Segments of your own, by rule: each is a tag beside the clusters.
    pub rules: Vec<RawSegmentRule>,
}

/// The eight classes of recency, frequency and money (重要价值 … 一般挽留).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRfm {
    /// What a member's numbers are high or low against: the `mean` or the `median` of all members. Money is the net
    /// spend of the value bands.
    pub against: RfmAgainst,
}

/// A segment's name; what is left out is made from its centroid.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSegmentName {
    /// Chinese name.
    pub zh: Option<String>,
    /// English name.
    pub en: Option<String>,
}

/// When a member gets a tag for a favourite channel (`ch_…`), category (`cat_…`) or price tier (`price_…`), or for a
/// habit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTagRules {
    /// Least share of net spend (0 to 1) through the preferred channel. A preference stated in the members table goes
    /// first.
    pub channel_share: f64,
    /// Least share of net spend (0 to 1) in a favourite category.
    pub category_share: f64,
    /// Most favourite categories of a member, 0 to 3.
    pub max_categories: usize,
    /// How many levels of the category path count: 1 is the part before the first `/`, 0 the whole path.
    pub category_level: usize,
    /// Purchase days a member needs before anything counts as a favourite or a habit.
    pub min_purchase_days: u32,
    /// Least share of bought amounts (0 to 1) through the second channel of a member who buys across channels.
    pub cross_channel_share: f64,
    /// Least share of bought lines (0 to 1) in the preferred price tier. Tiers are the items', else thirds of the list
    /// prices of each category.
    pub price_tier_share: f64,
    /// Least share of bought lines (0 to 1) with a discount of a member who is drawn by discounts.
    pub discount_share: f64,
    /// Least share of purchase days (0 to 1) in festivals of a festival buyer; in any case more than chance would give in
    /// 95 cases of 100.
    pub festival_share: f64,
}

impl Default for RawSegments {
    fn default() -> Self {
        Self {
            k: RawCount::Number(12),
            auto_k: RawAutoK::default(),
            features: Vec::new(),
            restarts: 4,
            max_iterations: 100,
            tolerance: 1e-4,
            fit_sample: 2_000_000,
            warm_start: true,
            seed_offset: 0,
            identity: RawIdentity::default(),
            drift: RawDriftLimits::default(),
            names: BTreeMap::new(),
            lifecycle: RawLifecycle::default(),
            value: RawValueBands::default(),
            rfm: RawRfm::default(),
            tags: RawTagRules::default(),
            rules: Vec::new(),
        }
    }
}

impl Default for RawTagRules {
    fn default() -> Self {
        Self {
            channel_share: 0.5,
            category_share: 0.3,
            max_categories: 2,
            category_level: 1,
            min_purchase_days: 2,
            cross_channel_share: 0.2,
            price_tier_share: 0.6,
            discount_share: 0.5,
            festival_share: 0.6,
        }
    }
}

/// Checked segment settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segments {
    /// Number of segments, 2…200; where the job leaves it open, the most there may be.
    pub k: usize,
    /// Whether the job leaves k open.
    pub choose_k: bool,
    /// How k is chosen then.
    pub auto_k: AutoK,
    /// Features the segments are made from.
    pub features: Vec<FeatureUse>,
    /// Fits from different starts, at least 1.
    pub restarts: usize,
    /// Most iterations of one fit, at least 1.
    pub max_iterations: u32,
    /// Movement of the centroids at which a fit is done, ≥ 0.
    pub tolerance: f64,
    /// Most members of a fit, at least `k`.
    pub fit_sample: usize,
    /// Whether to start from the previous run's centroids.
    pub warm_start: bool,
    /// Added to the job's seed.
    pub seed_offset: u64,
    /// How segments and members keep their identity.
    pub identity: Identity,
    /// How much may change from run to run.
    pub drift: DriftLimits,
    /// Names by segment code.
    pub names: BTreeMap<String, SegmentName>,
    /// Lifecycle thresholds.
    pub lifecycle: LifecycleSettings,
    /// Value bands.
    pub value: ValueSettings,
    /// What recency, frequency and money are measured against.
    pub rfm: RfmAgainst,
    /// Favourites and habits.
    pub tags: TagRules,
    /// Segments by rule.
    pub rules: Vec<SegmentRule>,
}

/// A segment's name as the job gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SegmentName {
    /// Chinese name.
    pub zh: Option<String>,
    /// English name.
    pub en: Option<String>,
}

/// Checked rules for favourites.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagRules {
    /// Least share of net spend of the preferred channel, in (0, 1].
    pub channel_share: f64,
    /// Least share of net spend of a favourite category, in (0, 1].
    pub category_share: f64,
    /// Most favourite categories, at most [`super::MAX_FAVOURITES`].
    pub max_categories: usize,
    /// Levels of the category path; 0: the whole path.
    pub category_level: usize,
    /// Purchase days before anything is a favourite or a habit.
    pub min_purchase_days: u32,
    /// Least share of bought amounts through the second channel, in (0, 1].
    pub cross_channel_share: f64,
    /// Least share of bought lines in the preferred price tier, in (0, 1].
    pub price_tier_share: f64,
    /// Least share of bought lines with a discount, in (0, 1].
    pub discount_share: f64,
    /// Least share of purchase days in festivals, in (0, 1].
    pub festival_share: f64,
}

/// Reports `value` if it lies outside `low..=high`, and holds it within.
pub(super) fn in_range<T: PartialOrd + Copy + std::fmt::Display>(
    at: JobPath,
    code: &'static str,
    value: T,
    low: T,
    high: T,
    findings: &mut Findings,
) -> T {
    if value >= low && value <= high {
        return value;
    }
    findings.error(
        code,
        at,
        format!("{value} lies outside {low} … {high}"),
        format!("give a number from {low} to {high}"),
    );
    if value > high { high } else { low }
}

impl RawSegments {
    /// Checks the section; what is wrong is reported and replaced by something usable.
    pub fn check(&self, at: &JobPath, features: &Features, findings: &mut Findings) -> Segments {
        let auto_k = self.auto_k.check(&at.key("auto_k"), findings);
        let (k, choose_k) = match self.k {
            RawCount::Number(k) => (in_range(at.key("k"), "segments::k_out_of_range", k, 2, 200, findings), false),
            RawCount::Word(RawAuto::Auto) => (auto_k.to, true),
        };
        let restarts = in_range(at.key("restarts"), "segments::restarts_out_of_range", self.restarts, 1, 100, findings);
        let max_iterations = in_range(
            at.key("max_iterations"),
            "segments::iterations_out_of_range",
            self.max_iterations,
            1,
            10_000,
            findings,
        );
        let tolerance =
            in_range(at.key("tolerance"), "segments::tolerance_out_of_range", self.tolerance, 0.0, 1e6, findings);
        if self.fit_sample < 100 * k {
            findings.error(
                "segments::sample_too_small",
                at.key("fit_sample"),
                format!("{} members are too few to place {k} centroids", self.fit_sample),
                format!("allow at least 100 members a segment: {}", 100 * k),
            );
        }
        let features = FeatureUse::check_all(&self.features, &at.key("features"), features, findings);
        Segments {
            k,
            choose_k,
            auto_k,
            features,
            restarts,
            max_iterations,
            tolerance,
            fit_sample: self.fit_sample.max(100 * k),
            warm_start: self.warm_start,
            seed_offset: self.seed_offset,
            identity: self.identity.check(&at.key("identity"), findings),
            drift: self.drift.check(&at.key("drift"), findings),
            names: check_names(&self.names, &at.key("names"), findings),
            lifecycle: self.lifecycle.check(&at.key("lifecycle"), findings),
            value: self.value.check(&at.key("value"), findings),
            rfm: self.rfm.against,
            tags: self.tags.check(&at.key("tags"), findings),
            rules: RawSegmentRule::check_all(&self.rules, &at.key("rules"), findings),
        }
    }
}

fn check_names(
    names: &BTreeMap<String, RawSegmentName>,
    at: &JobPath,
    findings: &mut Findings,
) -> BTreeMap<String, SegmentName> {
    let mut checked = BTreeMap::new();
    for (code, name) in names {
        let at = at.key(code);
        // By code or by id: both come to the code.
        let digits = code.strip_prefix("seg_").unwrap_or(code);
        let id = digits.parse::<i32>().ok().filter(|id| *id > 0 && digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(code) = id.map(|id| format!("seg_{id:02}")) else {
            findings.error(
                "segments::not_a_code",
                at.clone(),
                format!("`{code}` is no segment code"),
                "segments are called seg_01, seg_02 …, by their lasting id",
            );
            continue;
        };
        if checked.contains_key(&code) {
            findings.error(
                "segments::named_twice",
                at.clone(),
                format!("`{code}` is named twice, by its code and by its id"),
                "keep one of the two",
            );
            continue;
        }
        for (key, text) in [("zh", &name.zh), ("en", &name.en)] {
            if text
                .as_ref()
                .is_some_and(|t| t.trim().is_empty() || t.chars().count() > 60 || t.contains(char::is_control))
            {
                findings.error(
                    "segments::bad_name",
                    at.key(key),
                    format!("the name of `{code}` is empty, longer than 60 characters or holds control characters"),
                    "give a name of 1 to 60 characters, or leave it out",
                );
            }
        }
        checked.insert(code, SegmentName { zh: name.zh.clone(), en: name.en.clone() });
    }
    for key in [|n: &SegmentName| n.zh.clone(), |n: &SegmentName| n.en.clone()] {
        let mut seen: BTreeMap<String, &String> = BTreeMap::new();
        for (code, name) in &checked {
            let Some(text) = key(name) else { continue };
            if let Some(first) = seen.insert(text.clone(), code) {
                findings.error(
                    "segments::name_twice",
                    at.key(code),
                    format!("`{first}` and `{code}` are both called \"{text}\""),
                    "names of segments are unique",
                );
            }
        }
    }
    checked
}

impl RawTagRules {
    fn check(&self, at: &JobPath, findings: &mut Findings) -> TagRules {
        let mut share =
            |key: &str, value: f64| in_range(at.key(key), "segments::share_out_of_range", value, 0.01, 1.0, findings);
        let channel_share = share("channel_share", self.channel_share);
        let category_share = share("category_share", self.category_share);
        let cross_channel_share = share("cross_channel_share", self.cross_channel_share);
        let price_tier_share = share("price_tier_share", self.price_tier_share);
        let discount_share = share("discount_share", self.discount_share);
        let festival_share = share("festival_share", self.festival_share);
        let max_categories = in_range(
            at.key("max_categories"),
            "segments::categories_out_of_range",
            self.max_categories,
            0,
            super::MAX_FAVOURITES,
            findings,
        );
        let category_level = self.category_level;
        let min_purchase_days = self.min_purchase_days;
        TagRules {
            channel_share,
            category_share,
            max_categories,
            category_level,
            min_purchase_days,
            cross_channel_share,
            price_tier_share,
            discount_share,
            festival_share,
        }
    }
}

impl Default for Segments {
    fn default() -> Self {
        RawSegments::default().check(&JobPath::root(), &Features::default(), &mut Findings::new())
    }
}
