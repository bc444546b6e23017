//! The gates there are.

/// How the values of a gate read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Rows.
    Rows,
    /// A share, from 0 to 1.
    Share,
    /// Days.
    Days,
    /// Minor units of the job's currency.
    Money,
    /// An index without a unit.
    Index,
}

/// A gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// Its name: the key under `[gates]`.
    pub(super) name: &'static str,
    /// Limit above which it warns, unless the job says otherwise.
    pub(super) warn: Option<f64>,
    /// Limit above which it refuses, unless the job says otherwise.
    pub(super) refuse: Option<f64>,
    /// How what was found reads.
    pub(super) found: Unit,
    /// How what is held against the limit reads.
    pub(super) held: Unit,
    /// What was found, in Chinese and English.
    pub(super) what: [&'static str; 2],
    /// What is held against the limit.
    pub(super) measure: [&'static str; 2],
}

const fn spec(
    name: &'static str,
    limits: (Option<f64>, Option<f64>),
    units: (Unit, Unit),
    what: [&'static str; 2],
    measure: [&'static str; 2],
) -> Spec {
    Spec { name, warn: limits.0, refuse: limits.1, found: units.0, held: units.1, what, measure }
}

const POINTS: [&str; 2] = ["上升百分点", "risen by, in points"];

/// Every gate, in the order they are shown.
pub(super) static SPECS: &[Spec] = &[
    spec(
        "rows_fall",
        (Some(0.1), Some(0.3)),
        (Unit::Rows, Unit::Share),
        ["读入行数", "rows read"],
        ["减少", "fewer by"],
    ),
    spec("rows_growth", (Some(0.5), None), (Unit::Rows, Unit::Share), ["读入行数", "rows read"], ["增加", "more by"]),
    spec(
        "lost_rise",
        (Some(0.05), Some(0.2)),
        (Unit::Share, Unit::Share),
        ["丢弃与隔离行占比", "share of rows dropped or quarantined"],
        POINTS,
    ),
    spec(
        "duplicates_rise",
        (Some(0.02), Some(0.1)),
        (Unit::Share, Unit::Share),
        ["重复行占比", "share of duplicate rows"],
        POINTS,
    ),
    spec(
        "blank_rise",
        (Some(0.05), Some(0.2)),
        (Unit::Share, Unit::Share),
        ["空值占比", "share of rows without a value"],
        POINTS,
    ),
    spec(
        "unknown_items_rise",
        (Some(0.05), Some(0.2)),
        (Unit::Share, Unit::Share),
        ["商品表以外的交易行占比", "share of lines of items that the items table lacks"],
        POINTS,
    ),
    spec(
        "stale_days",
        (Some(3.0), Some(31.0)),
        (Unit::Days, Unit::Days),
        ["最新交易行距截止日天数", "days from the newest line to the last day"],
        ["天数", "days"],
    ),
    spec(
        "late_lines",
        (Some(0.05), None),
        (Unit::Share, Unit::Share),
        ["上次运行之前日期的迟到行占比", "share of lines that came late, of days before the last run"],
        ["占比", "share"],
    ),
    spec(
        "amount_mean",
        (Some(0.3), Some(2.0)),
        (Unit::Money, Unit::Share),
        ["近期每行平均金额", "mean amount of a recent line"],
        ["偏离", "off by"],
    ),
    spec(
        "amount_median",
        (Some(0.3), Some(2.0)),
        (Unit::Money, Unit::Share),
        ["近期每行金额中位数", "median amount of a recent line"],
        ["偏离", "off by"],
    ),
    spec(
        "new_members",
        (Some(0.1), Some(0.5)),
        (Unit::Share, Unit::Share),
        ["新会员占比", "share of members the last run did not have"],
        ["占比", "share"],
    ),
    spec(
        "moved",
        (Some(0.1), None),
        (Unit::Share, Unit::Share),
        ["换群会员占比", "share of members who changed their segment"],
        ["占比", "share"],
    ),
    spec(
        "feature_drift",
        (Some(0.25), None),
        (Unit::Index, Unit::Index),
        ["特征相对上次运行的稳定性指数", "stability index of a feature against the last run"],
        ["指数", "index"],
    ),
    spec(
        "slow_drift",
        (Some(0.25), None),
        (Unit::Index, Unit::Index),
        ["特征相对基线的稳定性指数", "stability index of a feature against the baseline"],
        ["指数", "index"],
    ),
    spec(
        "segment_mix",
        (Some(0.25), None),
        (Unit::Index, Unit::Index),
        ["各群规模相对基线的稳定性指数", "stability index of the segments' sizes against the baseline"],
        ["指数", "index"],
    ),
    spec(
        "offer_mix",
        (Some(0.3), None),
        (Unit::Share, Unit::Share),
        ["优惠类型构成的变动占比", "share of slots that went to other kinds than usual"],
        ["占比", "share"],
    ),
    spec(
        "reach_fall",
        (Some(0.1), Some(0.5)),
        (Unit::Share, Unit::Share),
        ["获得清单的会员占比", "share of members with a list"],
        ["下降百分点", "fallen by, in points"],
    ),
    spec(
        "fallback_rise",
        (Some(0.1), Some(0.5)),
        (Unit::Share, Unit::Share),
        ["以热门商品补位的占比", "share of slots filled with what is popular"],
        POINTS,
    ),
];

/// The gate of that name.
pub(super) fn named(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}
