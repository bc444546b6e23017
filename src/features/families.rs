//! The built-in features: their names, units, formulas, and how they enter the segments unless the job says otherwise.

use super::settings::{Fill, Scale, Transform};

/// Start of the names of category shares.
pub const CATEGORY_PREFIX: &str = "share_category_";
/// Start of the names of channel shares.
pub const CHANNEL_PREFIX: &str = "share_channel_";
/// What the remaining categories or channels are called.
pub(super) const REST: &str = "rest";

/// A family of features: what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Days since the last purchase.
    Recency,
    /// How often the member buys.
    Frequency,
    /// Net spend.
    Spend,
    /// Net spend per order.
    Basket,
    /// Days since the first purchase.
    Tenure,
    /// The usual gap between purchase days.
    Rhythm,
    /// Recency against the usual gap.
    Lateness,
    /// Number of different things bought.
    Variety,
    /// Where in the assortment the money goes.
    CategoryShare,
    /// Through which channel the member buys.
    ChannelShare,
    /// What goes back.
    Returns,
    /// How much is bought at a discount.
    Discount,
    /// Purchases at weekends.
    Weekend,
    /// Purchases in festivals.
    Festival,
    /// Net spend in a window before the as-of date.
    RecentSpend,
    /// Units per line.
    Quantity,
    /// Written in the job as SQL.
    Sql,
}

/// What a column of the shop or a property of its times a feature cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Calendar,
    Items,
    Categories,
    Channels,
    Discounts,
}

/// How one member's value is computed; see [`FixedFeature::formula`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Recency,
    Orders,
    PurchaseDays,
    NetSpend,
    BasketValue,
    Tenure,
    Rhythm,
    Lateness,
    DistinctItems,
    DistinctCategories,
    Channels,
    ReturnRate,
    DiscountShare,
    WeekendShare,
    FestivalShare,
    MeanQuantity,
    Window(u16),
    CategoryShare(u8),
    ChannelShare(u8),
    Sql(u16),
}

/// How a feature enters the segments unless the job says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UseDefaults {
    /// Applied to the raw value.
    pub transform: Transform,
    /// Applied to the transformed values.
    pub scale: Scale,
    /// Factor on the scaled value.
    pub weight: f64,
    /// Quantiles that raw values are held within.
    pub winsorise: Option<[f64; 2]>,
}

/// A feature whose name is fixed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FixedFeature {
    pub name: &'static str,
    pub family: Family,
    pub source: Source,
    pub needs: Needs,
    pub name_zh: &'static str,
    pub name_en: &'static str,
    pub unit: &'static str,
    pub formula: &'static str,
    pub fill: Fill,
    pub defaults: UseDefaults,
}

/// A count, an amount or a time: long-tailed, so its logarithm.
pub(super) const LONG_TAILED: UseDefaults =
    UseDefaults { transform: Transform::Log1p, scale: Scale::Standard, weight: 1.0, winsorise: None };
/// A share from 0 to 1 that is not part of a breakdown.
pub(super) const SHARE: UseDefaults =
    UseDefaults { transform: Transform::None, scale: Scale::Standard, weight: 0.5, winsorise: Some([0.0, 0.99]) };
/// A category's share of spend: left on its scale from 0 to 1, so that a rare category does not weigh more than a
/// common one; the weight puts a member who buys one category only several standard deviations of the other features
/// away from one who buys another.
pub(super) const CATEGORY_SHARE: UseDefaults =
    UseDefaults { transform: Transform::None, scale: Scale::None, weight: 4.0, winsorise: None };
/// A channel's share of spend.
pub(super) const CHANNEL_SHARE: UseDefaults =
    UseDefaults { transform: Transform::None, scale: Scale::None, weight: 2.0, winsorise: None };

const fn weighted(defaults: UseDefaults, weight: f64) -> UseDefaults {
    UseDefaults { weight, ..defaults }
}

/// What segments are made from when the job names nothing.
pub(super) const DEFAULT_USES: &[&str] = &[
    "recency_days",
    "orders",
    "net_spend",
    "basket_value",
    "rhythm",
    "lateness",
    "distinct_categories",
    "discount_share",
    "share_category_*",
    "share_channel_*",
];

macro_rules! fixed {
    ($name:literal, $family:ident, $source:ident, $needs:ident, $zh:literal, $en:literal, $unit:literal, $fill:expr,
     $defaults:expr, $formula:literal) => {
        FixedFeature {
            name: $name,
            family: Family::$family,
            source: Source::$source,
            needs: Needs::$needs,
            name_zh: $zh,
            name_en: $en,
            unit: $unit,
            formula: $formula,
            fill: $fill,
            defaults: $defaults,
        }
    };
}

/// Every feature with a fixed name, in the order of the columns. "Purchase line" is a line that is no return and was
/// not fully returned by the as-of date; a purchase order or day has at least one.
pub(super) const FIXED: &[FixedFeature] = &[
    fixed!(
        "recency_days",
        Recency,
        Recency,
        Calendar,
        "距上次购买天数",
        "Days since last purchase",
        "days",
        Fill::Constant(0.0),
        LONG_TAILED,
        "as-of date − last purchase day; without any purchase: days from the first day of the data"
    ),
    fixed!(
        "orders",
        Frequency,
        Orders,
        Nothing,
        "购买订单数",
        "Purchase orders",
        "orders",
        Fill::Zero,
        LONG_TAILED,
        "number of orders with a purchase line"
    ),
    fixed!(
        "purchase_days",
        Frequency,
        PurchaseDays,
        Nothing,
        "购买天数",
        "Purchase days",
        "days",
        Fill::Zero,
        LONG_TAILED,
        "number of days with a purchase line"
    ),
    fixed!(
        "net_spend",
        Spend,
        NetSpend,
        Nothing,
        "净消费额",
        "Net spend",
        "currency",
        Fill::Zero,
        LONG_TAILED,
        "sum of amounts, less refunds of matched returns"
    ),
    fixed!(
        "basket_value",
        Basket,
        BasketValue,
        Nothing,
        "客单价",
        "Basket value",
        "currency per order",
        Fill::Zero,
        weighted(LONG_TAILED, 0.7),
        "net spend / purchase orders"
    ),
    fixed!(
        "tenure_days",
        Tenure,
        Tenure,
        Calendar,
        "首购至今天数",
        "Days since first purchase",
        "days",
        Fill::Zero,
        weighted(LONG_TAILED, 0.5),
        "as-of date − first purchase day"
    ),
    fixed!(
        "rhythm",
        Rhythm,
        Rhythm,
        Nothing,
        "购买间隔中位数",
        "Usual gap between purchases",
        "days",
        Fill::Median,
        weighted(LONG_TAILED, 0.5),
        "median gap between successive purchase days; missing under 2 purchase days"
    ),
    fixed!(
        "lateness",
        Lateness,
        Lateness,
        Calendar,
        "逾期倍数",
        "Lateness against own rhythm",
        "gaps",
        Fill::Median,
        UseDefaults { winsorise: Some([0.0, 0.99]), ..weighted(LONG_TAILED, 0.5) },
        "recency / rhythm; where the member has no rhythm, the median rhythm of all members"
    ),
    fixed!(
        "distinct_items",
        Variety,
        DistinctItems,
        Items,
        "购买商品数",
        "Distinct items",
        "items",
        Fill::Zero,
        LONG_TAILED,
        "number of different items on purchase lines"
    ),
    fixed!(
        "distinct_categories",
        Variety,
        DistinctCategories,
        Categories,
        "购买品类数",
        "Distinct categories",
        "categories",
        Fill::Zero,
        weighted(LONG_TAILED, 0.5),
        "number of different categories on purchase lines, at the job's category level"
    ),
    fixed!(
        "channels",
        ChannelShare,
        Channels,
        Channels,
        "购买渠道数",
        "Channels bought through",
        "channels",
        Fill::Zero,
        SHARE,
        "number of different channels on purchase lines"
    ),
    fixed!(
        "return_rate",
        Returns,
        ReturnRate,
        Nothing,
        "退货率",
        "Return rate",
        "share",
        Fill::Zero,
        SHARE,
        "refunds of matched returns / amounts of all bought lines"
    ),
    fixed!(
        "discount_share",
        Discount,
        DiscountShare,
        Discounts,
        "折扣占比",
        "Discount share",
        "share",
        Fill::Zero,
        SHARE,
        "discounts / (amounts + discounts), over purchase lines"
    ),
    fixed!(
        "weekend_share",
        Weekend,
        WeekendShare,
        Calendar,
        "周末订单占比",
        "Weekend share",
        "share",
        Fill::Zero,
        SHARE,
        "purchase orders on Saturdays and Sundays / purchase orders"
    ),
    fixed!(
        "festival_share",
        Festival,
        FestivalShare,
        Calendar,
        "节日订单占比",
        "Festival share",
        "share",
        Fill::Zero,
        SHARE,
        "purchase orders on festival days / purchase orders"
    ),
    fixed!(
        "mean_quantity",
        Quantity,
        MeanQuantity,
        Nothing,
        "单行平均件数",
        "Mean quantity",
        "units per line",
        Fill::Zero,
        LONG_TAILED,
        "units / lines, over purchase lines"
    ),
];

/// Name of the net spend in the last `days` days.
pub(super) fn window_name(days: u32) -> String {
    format!("spend_{days}d")
}

/// Whether a name has the form of [`window_name`].
pub(super) fn is_window_name(name: &str) -> bool {
    name.strip_prefix("spend_")
        .and_then(|rest| rest.strip_suffix('d'))
        .is_some_and(|days| !days.is_empty() && days.bytes().all(|b| b.is_ascii_digit()))
}
