//! What each feature is: name, unit, formula, fill rule.

use super::{
    families::{Family, Source, UseDefaults},
    scaling::Scaling,
    settings::{Fill, Scale, Transform},
};

/// The category or channel that a share is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// As the shop writes it.
    pub code: String,
    /// What it is called in Chinese.
    pub zh: String,
    /// What it is called in English.
    pub en: String,
}

/// One feature of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureEntry {
    /// Name in snake_case.
    pub name: String,
    /// What it is about.
    pub family: Family,
    /// The category or channel a share is of; `None` for the rest and all other features.
    pub group: Option<Group>,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Unit of the raw value.
    pub unit: String,
    /// How the raw value comes about.
    pub formula: String,
    /// What stands in for a missing value.
    pub fill: Fill,
    /// How it enters the segments unless the job says otherwise.
    pub defaults: UseDefaults,
    pub(super) source: Source,
}

/// The features of a run, in the order of the columns of a [`super::FeatureTable`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureDictionary {
    pub(super) entries: Vec<FeatureEntry>,
}

impl FeatureDictionary {
    /// The header of [`FeatureDictionary::rows`].
    pub const HEADER: [&'static str; 12] = [
        "name",
        "family",
        "name_zh",
        "name_en",
        "unit",
        "formula",
        "fill",
        "in_segments",
        "transform",
        "winsorise",
        "scale",
        "weight",
    ];

    /// The features, in column order.
    #[must_use]
    pub fn entries(&self) -> &[FeatureEntry] {
        &self.entries
    }

    /// Number of features.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no feature.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The column of a feature.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|e| e.name == name)
    }

    /// The rows of `feature_dictionary.csv` under [`FeatureDictionary::HEADER`], one a feature. `scaling` says which
    /// features the segments are made from, and how; the last four columns are empty for the others.
    #[must_use]
    pub fn rows(&self, scaling: Option<&Scaling>) -> Vec<[String; 12]> {
        self.entries
            .iter()
            .map(|entry| {
                let used = scaling.and_then(|s| s.features.iter().find(|f| f.name == entry.name));
                let text = |f: &dyn Fn(&super::ScaledFeature) -> String| used.map(f).unwrap_or_default();
                let fill = match (used, entry.fill) {
                    (Some(u), Fill::Median) => format!("median ({})", short(u.fill_value)),
                    (_, fill) => fill.to_string(),
                };
                [
                    entry.name.clone(),
                    entry.family.as_str().to_owned(),
                    entry.name_zh.clone(),
                    entry.name_en.clone(),
                    entry.unit.clone(),
                    entry.formula.clone(),
                    fill,
                    if used.is_some() { "yes" } else { "no" }.to_owned(),
                    text(&|u| u.transform.as_str().to_owned()),
                    text(&|u| {
                        u.bounds.map(|[low, high]| format!("{} … {}", short(low), short(high))).unwrap_or_default()
                    }),
                    text(&|u| u.scale.as_str().to_owned()),
                    text(&|u| u.weight.to_string()),
                ]
            })
            .collect()
    }
}

/// A number for people; the model holds it in full.
fn short(value: f64) -> f64 {
    crate::base::round::significant(value, 4)
}

impl std::fmt::Display for Fill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Zero => f.write_str("zero"),
            Self::Median => f.write_str("median"),
            Self::Constant(value) => write!(f, "constant {value}"),
        }
    }
}

impl Transform {
    /// The name a job gives it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Log1p => "log1p",
            Self::Sqrt => "sqrt",
        }
    }
}

impl Scale {
    /// The name a job gives it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Standard => "standard",
            Self::Robust => "robust",
            Self::Minmax => "minmax",
        }
    }
}

impl Family {
    /// Its name in snake_case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recency => "recency",
            Self::Frequency => "frequency",
            Self::Spend => "spend",
            Self::Basket => "basket",
            Self::Tenure => "tenure",
            Self::Rhythm => "rhythm",
            Self::Lateness => "lateness",
            Self::Variety => "variety",
            Self::CategoryShare => "category_share",
            Self::ChannelShare => "channel_share",
            Self::Returns => "returns",
            Self::Discount => "discount",
            Self::Weekend => "weekend",
            Self::Festival => "festival",
            Self::RecentSpend => "recent_spend",
            Self::Quantity => "quantity",
            Self::Sql => "sql",
        }
    }
}
