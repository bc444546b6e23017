//! The `[features]` section and the feature list of `[segments]`: as written, and as checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::families::{self, CATEGORY_PREFIX, CHANNEL_PREFIX, Family};
use crate::base::findings::{Findings, JobPath, nearest};

/// Most categories or channels that get a share feature of their own.
pub const MAX_TOP: usize = 64;

/// What the job says about features.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawFeatures {
    /// How many categories get a share-of-spend feature of their own: those with the most net spend over all members.
    /// The others are added up in `share_category_rest`. 0 to 64.
    pub top_categories: usize,
    /// How many levels of the category path count: 1 is the part before the first `/`, 0 the whole path.
    pub category_level: usize,
    /// How many channels get a share-of-spend feature of their own; the others are added up in `share_channel_rest`.
    /// 0 to 64.
    pub top_channels: usize,
    /// Windows in days before the as-of date, each giving a feature `spend_<days>d`.
    pub spend_windows: Vec<u32>,
    /// Features written as SQL.
    pub sql: Vec<RawSqlFeature>,
}

impl Default for RawFeatures {
    fn default() -> Self {
        Self {
            top_categories: 12,
            category_level: 1,
            top_channels: 8,
            spend_windows: vec![30, 90, 365],
            sql: Vec::new(),
        }
    }
}

/// A feature written as a SQL aggregate over the lines of one member.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSqlFeature {
    /// Name of the feature: lower-case letters, digits and `_`.
    pub name: String,
    /// The aggregate, such as `sum(amount) filter (where category = 'pet')`. Columns: `order_number`, `item_id`,
    /// `category`, `brand`, `ts`, `day`, `age_days`, `quantity`, `amount`, `discount`, `channel`, `store`, `city`,
    /// `is_return`, `is_purchase`. Money is a decimal, so sums are exact; the quotient of two decimals keeps 6 digits.
    pub expr: String,
    /// Unit of the value, for the feature dictionary.
    #[serde(default)]
    pub unit: Option<String>,
    /// What stands in where the expression gives null.
    #[serde(default)]
    pub fill: RawFill,
    /// The value for `fill = "constant"`.
    #[serde(default)]
    pub fill_value: Option<f64>,
    /// Chinese name; the feature's name if left out.
    #[serde(default)]
    pub name_zh: Option<String>,
    /// English name; the feature's name if left out.
    #[serde(default)]
    pub name_en: Option<String>,
}

/// What stands in for a missing value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawFill {
    /// 0.
    #[default]
    Zero,
    /// The median of the members who have a value.
    Median,
    /// The value of `fill_value`.
    Constant,
}

/// One feature the segments are made from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFeatureUse {
    /// Name of a feature, or the start of names and `*`, such as `share_category_*`.
    pub name: String,
    /// Applied to the raw value first; each feature has a fitting default.
    #[serde(default)]
    pub transform: Option<Transform>,
    /// How the transformed value is brought to a common scale; each feature has a fitting default.
    #[serde(default)]
    pub scale: Option<Scale>,
    /// Factor on the scaled value: 2 makes differences in this feature count four times in squared distance.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Lower and upper quantile (0 to 1) that raw values are held within, such as `[0.01, 0.99]`.
    #[serde(default)]
    pub winsorise: Option<[f64; 2]>,
}

/// A function applied to a raw value. All are monotone and odd, so that negative values keep their sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// The value as it is.
    None,
    /// `ln(1 + x)`; for negative `x`, `−ln(1 − x)`.
    Log1p,
    /// `√x`; for negative `x`, `−√−x`.
    Sqrt,
}

/// How transformed values are brought to a common scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As they are.
    None,
    /// Minus the mean, over the standard deviation (of the population).
    Standard,
    /// Minus the median, over the distance between the quartiles.
    Robust,
    /// From the smallest, 0, to the largest, 1.
    Minmax,
}

/// Checked feature settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Features {
    /// Categories with a share of their own, at most [`MAX_TOP`].
    pub top_categories: usize,
    /// Levels of the category path that count; 0: the whole path.
    pub category_level: usize,
    /// Channels with a share of their own, at most [`MAX_TOP`].
    pub top_channels: usize,
    /// Windows in days, rising, each > 0.
    pub spend_windows: Vec<u32>,
    /// Features written as SQL.
    pub sql: Vec<SqlFeature>,
}

/// A checked SQL feature. Its expression is compiled when the shop's columns are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SqlFeature {
    /// Name of the feature.
    pub name: String,
    /// The aggregate expression.
    pub expr: String,
    /// Unit of the value.
    pub unit: String,
    /// What stands in where the expression gives null.
    pub fill: Fill,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// What stands in for a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// 0.
    Zero,
    /// The median of the members who have a value.
    Median,
    /// A fixed value.
    Constant(f64),
}

/// A checked use of a feature, or of all features whose names start alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureUse {
    /// Name, or prefix and `*`.
    pub name: String,
    /// Its place in the job's list, where findings point; 0 for a default, which stands nowhere.
    #[serde(skip)]
    pub position: usize,
    /// Transform, if not the feature's default.
    pub transform: Option<Transform>,
    /// Scale, if not the feature's default.
    pub scale: Option<Scale>,
    /// Weight, if not the feature's default.
    pub weight: Option<f64>,
    /// Quantiles, if not the feature's default.
    pub winsorise: Option<[f64; 2]>,
    /// Whether the job names it; a default that the shop cannot give is left out with a note, a named one is an error.
    pub named: bool,
}

impl Default for Features {
    fn default() -> Self {
        RawFeatures::default().check(&JobPath::root(), &mut Findings::new())
    }
}

impl RawFeatures {
    /// Checks the section; what is wrong is reported and replaced by a default.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> Features {
        let mut top = |key: &str, value: usize| {
            if value > MAX_TOP {
                findings.error(
                    "features::top_out_of_range",
                    at.key(key),
                    format!("`{key}` is {value}; at most {MAX_TOP} can have a feature of their own"),
                    format!("set it to 0 … {MAX_TOP}"),
                );
            }
            value.min(MAX_TOP)
        };
        let top_categories = top("top_categories", self.top_categories);
        let top_channels = top("top_channels", self.top_channels);
        let mut spend_windows = Vec::new();
        for (i, days) in self.spend_windows.iter().enumerate() {
            if *days == 0 || *days > 36_500 || spend_windows.contains(days) {
                findings.error(
                    "features::bad_window",
                    at.key("spend_windows").index(i),
                    format!("a window of {days} days is not usable, or is there twice"),
                    "give each number of days from 1 to 36500 once",
                );
            } else {
                spend_windows.push(*days);
            }
        }
        spend_windows.sort_unstable();
        let mut checked = Features {
            top_categories,
            category_level: self.category_level,
            top_channels,
            spend_windows,
            sql: Vec::new(),
        };
        for (i, raw) in self.sql.iter().enumerate() {
            let sql = raw.check(&at.key("sql").index(i), &checked, findings);
            checked.sql.push(sql);
        }
        checked
    }
}

impl RawSqlFeature {
    fn check(&self, at: &JobPath, so_far: &Features, findings: &mut Findings) -> SqlFeature {
        let mut chars = self.name.bytes();
        let well_formed = chars.next().is_some_and(|c| c.is_ascii_lowercase())
            && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
            && self.name.len() <= 60;
        if !well_formed {
            findings.error(
                "features::bad_name",
                at.key("name"),
                format!("`{}` cannot be the name of a feature", self.name),
                "use lower-case letters, digits and `_`, starting with a letter, at most 60",
            );
        } else if so_far.knows(&self.name) {
            findings.error(
                "features::name_taken",
                at.key("name"),
                format!("a feature named `{}` is there already", self.name),
                "choose another name",
            );
        }
        if self.expr.trim().is_empty() {
            findings.error(
                "features::empty_expr",
                at.key("expr"),
                format!("feature `{}` has an empty expression", self.name),
                "write an aggregate, such as `sum(amount)`",
            );
        }
        let fill = match (self.fill, self.fill_value) {
            (RawFill::Constant, Some(value)) if value.is_finite() => Fill::Constant(value),
            (RawFill::Constant, _) => {
                findings.error(
                    "features::fill_value",
                    at.key("fill_value"),
                    format!("feature `{}` is filled with a constant, but has no finite `fill_value`", self.name),
                    "add `fill_value`, or use `fill = \"zero\"`",
                );
                Fill::Zero
            }
            (RawFill::Zero, value) | (RawFill::Median, value) => {
                if value.is_some() {
                    findings.warn(
                        "features::fill_value",
                        at.key("fill_value"),
                        format!("`fill_value` of feature `{}` is not used", self.name),
                        "set `fill = \"constant\"`, or leave `fill_value` out",
                    );
                }
                if self.fill == RawFill::Median { Fill::Median } else { Fill::Zero }
            }
        };
        let or_name = |text: &Option<String>| text.clone().unwrap_or_else(|| self.name.clone());
        SqlFeature {
            name: self.name.clone(),
            expr: self.expr.clone(),
            unit: self.unit.clone().unwrap_or_default(),
            fill,
            name_zh: or_name(&self.name_zh),
            name_en: or_name(&self.name_en),
        }
    }
}

impl Features {
    /// Every name that is known before the data is read: all but those of single categories and channels.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = families::FIXED.iter().map(|f| f.name.to_owned()).collect();
        names.extend(self.spend_windows.iter().map(|days| families::window_name(*days)));
        names.extend(self.sql.iter().map(|f| f.name.clone()));
        names
    }

    /// Whether a feature of that name exists or, for shares of categories and channels, may exist.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        name.starts_with(CATEGORY_PREFIX)
            || name.starts_with(CHANNEL_PREFIX)
            || self.names().iter().any(|known| known == name)
    }

    fn knows_prefix(&self, prefix: &str) -> bool {
        [CATEGORY_PREFIX, CHANNEL_PREFIX].iter().any(|p| p.starts_with(prefix) || prefix.starts_with(p))
            || self.names().iter().any(|known| known.starts_with(prefix))
    }
}

impl FeatureUse {
    /// Checks the list of features that segments are made from; an empty list gives the default one.
    pub fn check_all(raw: &[RawFeatureUse], at: &JobPath, features: &Features, findings: &mut Findings) -> Vec<Self> {
        if raw.is_empty() {
            return Self::defaults();
        }
        let mut uses: Vec<Self> = Vec::new();
        for (i, one) in raw.iter().enumerate() {
            let at = at.index(i);
            if uses.iter().any(|u| u.name == one.name) {
                findings.error(
                    "features::used_twice",
                    at.key("name"),
                    format!("feature `{}` is listed twice", one.name),
                    "keep one of the two, and give it a `weight` if it shall count more",
                );
                continue;
            }
            if let Some(mut checked) = Self::check(one, &at, features, findings) {
                checked.position = i;
                uses.push(checked);
            }
        }
        if uses.is_empty() { Self::defaults() } else { uses }
    }

    fn check(raw: &RawFeatureUse, at: &JobPath, features: &Features, findings: &mut Findings) -> Option<Self> {
        let known = match raw.name.strip_suffix('*') {
            Some(prefix) => features.knows_prefix(prefix),
            None => features.knows(&raw.name),
        };
        if !known {
            let names = features.names();
            let open = [format!("{CATEGORY_PREFIX}*"), format!("{CHANNEL_PREFIX}*")];
            let candidates = names.iter().chain(&open).map(String::as_str);
            let help = match nearest(&raw.name, candidates) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known features: {}, {}", names.join(", "), open.join(", ")),
            };
            findings.error(
                "features::unknown_feature",
                at.key("name"),
                format!("there is no feature `{}`", raw.name),
                help,
            );
            return None;
        }
        let weight = raw.weight.filter(|w| {
            let usable = *w > 0.0 && *w <= 1000.0;
            if !usable {
                findings.error(
                    "features::bad_weight",
                    at.key("weight"),
                    format!("feature `{}` has the weight {w}", raw.name),
                    "give a weight above 0, up to 1000; to leave a feature out, do not list it",
                );
            }
            usable
        });
        let winsorise = raw.winsorise.filter(|[low, high]| {
            let usable = (0.0..1.0).contains(low) && *high > 0.0 && *high <= 1.0 && low < high;
            if !usable {
                findings.error(
                    "features::bad_quantiles",
                    at.key("winsorise"),
                    format!("feature `{}` is winsorised at [{low}, {high}]", raw.name),
                    "give a lower and a higher quantile between 0 and 1, such as [0.01, 0.99]",
                );
            }
            usable
        });
        Some(Self {
            name: raw.name.clone(),
            position: 0,
            transform: raw.transform,
            scale: raw.scale,
            weight,
            winsorise,
            named: true,
        })
    }

    /// The uses of a job that names none.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        families::DEFAULT_USES
            .iter()
            .map(|name| Self {
                name: (*name).to_owned(),
                position: 0,
                transform: None,
                scale: None,
                weight: None,
                winsorise: None,
                named: false,
            })
            .collect()
    }

    /// Whether this use takes in the feature of that name.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }
}

/// The family a name that is not a SQL feature belongs to.
#[must_use]
pub(super) fn family_of(name: &str) -> Option<Family> {
    if name.starts_with(CATEGORY_PREFIX) {
        return Some(Family::CategoryShare);
    }
    if name.starts_with(CHANNEL_PREFIX) {
        return Some(Family::ChannelShare);
    }
    families::FIXED
        .iter()
        .find(|f| f.name == name)
        .map(|f| f.family)
        .or_else(|| families::is_window_name(name).then_some(Family::RecentSpend))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(name: &str) -> RawFeatureUse {
        RawFeatureUse { name: name.into(), transform: None, scale: None, weight: None, winsorise: None }
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let sql = |name: &str, fill| RawSqlFeature {
            name: name.into(),
            expr: " ".into(),
            unit: None,
            fill,
            fill_value: None,
            name_zh: None,
            name_en: None,
        };
        let raw = RawFeatures {
            top_categories: 65,
            spend_windows: vec![30, 30, 0],
            sql: vec![sql("Pet", RawFill::Constant), sql("net_spend", RawFill::Zero)],
            ..RawFeatures::default()
        };
        let mut findings = Findings::new();
        let checked = raw.check(&JobPath::root().key("features"), &mut findings);
        assert_eq!(checked.top_categories, 64);
        let places: Vec<String> = findings.iter().map(|f| format!("{} {}", f.code, f.at)).collect();
        assert_eq!(
            places,
            [
                "features::top_out_of_range features.top_categories",
                "features::bad_window features.spend_windows[1]",
                "features::bad_window features.spend_windows[2]",
                "features::bad_name features.sql[0].name",
                "features::empty_expr features.sql[0].expr",
                "features::fill_value features.sql[0].fill_value",
                "features::name_taken features.sql[1].name",
                "features::empty_expr features.sql[1].expr",
            ]
        );
    }

    #[test]
    fn uses_are_checked_against_the_names() {
        let features = Features::default();
        let mut findings = Findings::new();
        let mut bad = used("orders");
        bad.weight = Some(-1.0);
        bad.winsorise = Some([0.9, 0.1]);
        let raw = [used("recensy_days"), used("share_categ*"), used("spend_30d"), bad, used("spend_30d"), used("xyz*")];
        let uses = FeatureUse::check_all(&raw, &JobPath::root(), &features, &mut findings);
        assert_eq!(uses.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["share_categ*", "spend_30d", "orders"]);
        let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
        assert_eq!(
            codes,
            [
                "features::unknown_feature",
                "features::bad_weight",
                "features::bad_quantiles",
                "features::used_twice",
                "features::unknown_feature",
            ]
        );
        assert_eq!(findings.iter().next().unwrap().help.as_deref(), Some("did you mean `recency_days`?"));
    }

    #[test]
    fn no_list_gives_the_defaults() {
        let uses = FeatureUse::check_all(&[], &JobPath::root(), &Features::default(), &mut Findings::new());
        assert!(!uses.is_empty() && uses.iter().all(|u| !u.named && u.weight.is_none()));
        let features = Features::default();
        assert!(uses.iter().all(|u| u.name.ends_with('*') || features.knows(&u.name)));
    }
}
