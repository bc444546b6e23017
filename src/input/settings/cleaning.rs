//! `[cleaning]`: which rows are kept, and what becomes of the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Day, Findings, findings::JobPath};

/// Why a row is not kept, in the order in which the reasons are tried: a row has the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// A value cannot be read: not a finite number, no valid text, a time outside the calendar.
    Unreadable,
    /// No member id.
    NoMember,
    /// Later than the as-of day.
    AfterAsOf,
    /// Earlier than the window.
    BeforeWindow,
    /// All mapped columns equal an earlier row's.
    Duplicate,
    /// The job's `not_merchandise` condition holds.
    NotMerchandise,
    /// The price is not positive and the row is no return.
    BadPrice,
    /// The item is not in the items table, and the job says that such rows go.
    UnknownItem,
}

impl Reason {
    /// Every reason in order.
    pub const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::NoMember,
        Self::AfterAsOf,
        Self::BeforeWindow,
        Self::Duplicate,
        Self::NotMerchandise,
        Self::BadPrice,
        Self::UnknownItem,
    ];

    /// The reason's name in the manifest and in `quarantine.parquet`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NoMember => "no_member",
            Self::AfterAsOf => "after_as_of",
            Self::BeforeWindow => "before_window",
            Self::Duplicate => "duplicate",
            Self::NotMerchandise => "not_merchandise",
            Self::BadPrice => "bad_price",
            Self::UnknownItem => "unknown_item",
        }
    }
}

/// What becomes of a row that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is counted.
    Drop,
    /// It is counted and written to `quarantine.parquet`.
    Quarantine,
}

/// What becomes of lines whose item is not in the items table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownItems {
    /// They are kept: the item is known from lines only.
    Keep,
    /// They are not kept, for the reason `unknown_item`.
    Drop,
}

/// Which purchase lines are kept and what becomes of the others. The reasons are tried in the order unreadable,
/// no_member, after_as_of, before_window, duplicate, not_merchandise, bad_price, unknown_item; a row is counted under the
/// first that holds. Unreadable rows always go to quarantine.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCleaning {
    /// Only lines of this many days up to the as-of day are kept. Without it and without `start`, all are.
    #[schemars(range(min = 1, max = 36_525))]
    pub window_days: Option<u32>,
    /// First day whose lines are kept (YYYY-MM-DD), instead of `window_days`.
    pub start: Option<String>,
    /// Rows without a member.
    #[serde(default = "drop_it")]
    pub on_no_member: Action,
    /// Rows later than the as-of day.
    #[serde(default = "drop_it")]
    pub on_after_as_of: Action,
    /// Rows earlier than the window.
    #[serde(default = "drop_it")]
    pub on_before_window: Action,
    /// Rows equal to an earlier row in all mapped columns.
    #[serde(default = "drop_it")]
    pub on_duplicate: Action,
    /// Rows for which `not_merchandise` holds.
    #[serde(default = "drop_it")]
    pub on_not_merchandise: Action,
    /// Rows whose price is not positive and that are no returns.
    #[serde(default = "quarantine_it")]
    pub on_bad_price: Action,
    /// Rows whose item is not in the items table, where `unknown_items` is `drop`.
    #[serde(default = "quarantine_it")]
    pub on_unknown_item: Action,
    /// An SQL condition over our columns for rows that sell nothing: postage, fees, vouchers.
    pub not_merchandise: Option<String>,
    /// Whether lines are kept whose item is not in the items table.
    #[serde(default = "keep_them")]
    pub unknown_items: UnknownItems,
    /// How returns are told from purchases.
    #[serde(default)]
    pub returns: RawReturns,
}

/// How returns are told from purchases, besides the column `is_return`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReturns {
    /// A regular expression: orders whose id it finds are returns.
    pub order_id_pattern: Option<String>,
    /// Whether a negative quantity is a return.
    #[serde(default = "yes")]
    pub negative_quantity: bool,
}

fn drop_it() -> Action {
    Action::Drop
}

fn quarantine_it() -> Action {
    Action::Quarantine
}

fn keep_them() -> UnknownItems {
    UnknownItems::Keep
}

fn yes() -> bool {
    true
}

impl Default for RawCleaning {
    fn default() -> Self {
        Self {
            window_days: None,
            start: None,
            on_no_member: Action::Drop,
            on_after_as_of: Action::Drop,
            on_before_window: Action::Drop,
            on_duplicate: Action::Drop,
            on_not_merchandise: Action::Drop,
            on_bad_price: Action::Quarantine,
            on_unknown_item: Action::Quarantine,
            not_merchandise: None,
            unknown_items: UnknownItems::Keep,
            returns: RawReturns::default(),
        }
    }
}

impl Default for RawReturns {
    fn default() -> Self {
        Self { order_id_pattern: None, negative_quantity: true }
    }
}

/// The earliest lines that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// All of them.
    All,
    /// Those of this many days up to the as-of day, which counts as one.
    Days(u32),
    /// Those from this day on.
    From(Day),
}

/// The cleaning rules, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleaningSettings {
    window: Window,
    /// By [`Reason`] as its position in [`Reason::ALL`].
    actions: [Action; Reason::ALL.len()],
    not_merchandise: Option<String>,
    unknown_items: UnknownItems,
    returns: ReturnRules,
}

/// How returns are told from purchases, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReturnRules {
    /// A regular expression for the order ids of returns.
    pub order_id_pattern: Option<String>,
    /// Whether a negative quantity is a return.
    pub negative_quantity: bool,
}

impl CleaningSettings {
    /// The first day whose lines are kept by a run as of `as_of`, if there is a bound.
    #[must_use]
    pub fn first_day(&self, as_of: Day) -> Option<Day> {
        match self.window {
            Window::All => None,
            Window::Days(days) => Some(as_of.plus(1 - i32::try_from(days).unwrap_or(i32::MAX))),
            Window::From(day) => Some(day),
        }
    }

    /// The earliest lines that are kept.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// What becomes of a row that is not kept for `reason`.
    #[must_use]
    pub fn action(&self, reason: Reason) -> Action {
        self.actions[reason as usize]
    }

    /// SQL condition over our columns for rows that sell nothing.
    #[must_use]
    pub fn not_merchandise(&self) -> Option<&str> {
        self.not_merchandise.as_deref()
    }

    /// Whether lines are kept whose item is not in the items table.
    #[must_use]
    pub fn unknown_items(&self) -> UnknownItems {
        self.unknown_items
    }

    /// How returns are told from purchases.
    #[must_use]
    pub fn returns(&self) -> &ReturnRules {
        &self.returns
    }
}

impl RawCleaning {
    /// Checks the section found at `at`; `has_items` says whether the job names an items table.
    pub fn check(&self, has_items: bool, at: &JobPath, findings: &mut Findings) -> CleaningSettings {
        let start = self.start.as_deref().and_then(|text| {
            let day = Day::parse(text);
            if day.is_none() {
                let message = format!("`{text}` is not a date");
                findings.error("cleaning::bad_start", at.key("start"), message, "write it like 2024-01-01");
            }
            day
        });
        if self.window_days.is_some() && self.start.is_some() {
            let message = "`start` and `window_days` both say where the window begins";
            findings.error("cleaning::two_windows", at.key("start"), message, "keep one of them");
        }
        let window = match (start, self.window_days) {
            (Some(day), _) => Window::From(day),
            (None, Some(days)) => Window::Days(days),
            (None, None) => Window::All,
        };
        if self.unknown_items == UnknownItems::Drop && !has_items {
            findings.error(
                "cleaning::no_items_table",
                at.key("unknown_items"),
                "without `[inputs.items]` every item is unknown, so no line would be kept",
                "name the items table or set `unknown_items = \"keep\"`",
            );
        }
        if let Some(pattern) = &self.returns.order_id_pattern
            && let Err(error) = regex::Regex::new(pattern)
        {
            // The last line says what is wrong; those before it draw the pattern.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            findings.error(
                "cleaning::bad_pattern",
                at.key("returns").key("order_id_pattern"),
                format!("`{pattern}` is not a regular expression: {why}"),
                "write it like \"^C\"",
            );
        }
        let present = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        CleaningSettings {
            window,
            actions: [
                Action::Quarantine,
                self.on_no_member,
                self.on_after_as_of,
                self.on_before_window,
                self.on_duplicate,
                self.on_not_merchandise,
                self.on_bad_price,
                self.on_unknown_item,
            ],
            not_merchandise: present(&self.not_merchandise),
            unknown_items: self.unknown_items,
            returns: ReturnRules {
                order_id_pattern: present(&self.returns.order_id_pattern),
                negative_quantity: self.returns.negative_quantity,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_as_left_out_and_as_an_empty_table_agree() {
        let empty: RawCleaning = toml::from_str("").unwrap();
        let mut findings = Findings::new();
        let at = JobPath::root().key("cleaning");
        assert_eq!(empty.check(true, &at, &mut findings), RawCleaning::default().check(true, &at, &mut findings));
        assert!(findings.is_empty());
    }

    #[test]
    fn windows_and_actions() {
        let raw: RawCleaning = toml::from_str("window_days = 30\non_no_member = 'quarantine'").unwrap();
        let mut findings = Findings::new();
        let settings = raw.check(false, &JobPath::root(), &mut findings);
        assert!(findings.is_empty());
        assert_eq!(settings.first_day(Day(100)), Some(Day(71)));
        assert_eq!(settings.action(Reason::NoMember), Action::Quarantine);
        assert_eq!(settings.action(Reason::Unreadable), Action::Quarantine);
        assert_eq!(settings.action(Reason::Duplicate), Action::Drop);
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
        }
    }

    #[test]
    fn every_problem_is_found() {
        let raw: RawCleaning = toml::from_str(
            "window_days = 30\nstart = '2024-02-30'\nunknown_items = 'drop'\nreturns.order_id_pattern = '^(C'",
        )
        .unwrap();
        let mut findings = Findings::new();
        raw.check(false, &JobPath::root().key("cleaning"), &mut findings);
        let codes: Vec<_> = findings.iter().map(|f| f.code).collect();
        assert_eq!(
            codes,
            ["cleaning::bad_start", "cleaning::two_windows", "cleaning::no_items_table", "cleaning::bad_pattern"]
        );
        let last = findings.iter().last().map(|f| f.message.clone()).unwrap_or_default();
        assert_eq!(last, "`^(C` is not a regular expression: unclosed group");
    }
}
