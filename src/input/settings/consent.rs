//! `[consent]`: who may be in a run, and what may not be talked about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Findings, findings::JobPath};

/// What is assumed of members whose birth date is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownBirthDate {
    /// They are of age.
    Keep,
    /// They are treated as minors: out, unless a guardian consented.
    Exclude,
}

/// Who may be in a run. A job without a consent table declares the lawful basis that holds for all its members.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConsent {
    /// The lawful basis that holds for every member, such as `consent` or `contract`; required where there is no
    /// `[inputs.consent]`.
    pub lawful_basis: Option<String>,
    /// Members younger than this, in years, are out unless a guardian consented.
    #[serde(default = "fourteen")]
    #[schemars(range(min = 14, max = 150))]
    pub minimum_age: u8,
    /// What is assumed of members whose birth date is not known.
    #[serde(default = "keep_them")]
    pub unknown_birth_date: UnknownBirthDate,
    /// Categories (paths; what lies below them too) that are never a feature, an offer, a tag or a reason.
    #[serde(default)]
    pub denied_categories: Vec<String>,
}

fn fourteen() -> u8 {
    14
}

fn keep_them() -> UnknownBirthDate {
    UnknownBirthDate::Keep
}

impl Default for RawConsent {
    fn default() -> Self {
        Self {
            lawful_basis: None,
            minimum_age: fourteen(),
            unknown_birth_date: keep_them(),
            denied_categories: Vec::new(),
        }
    }
}

/// Who may be in a run, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentSettings {
    lawful_basis: Option<String>,
    minimum_age: u8,
    unknown_birth_date: UnknownBirthDate,
    denied_categories: Vec<String>,
}

impl ConsentSettings {
    /// The lawful basis declared for every member; always there where the job has no consent table.
    #[must_use]
    pub fn lawful_basis(&self) -> Option<&str> {
        self.lawful_basis.as_deref()
    }

    /// Members younger than this, in years, are out unless a guardian consented.
    #[must_use]
    pub fn minimum_age(&self) -> u8 {
        self.minimum_age
    }

    /// What is assumed of members whose birth date is not known.
    #[must_use]
    pub fn unknown_birth_date(&self) -> UnknownBirthDate {
        self.unknown_birth_date
    }

    /// Categories that are never a feature, an offer, a tag or a reason, sorted.
    #[must_use]
    pub fn denied_categories(&self) -> &[String] {
        &self.denied_categories
    }

    /// Whether `category` is a denied category or lies below one.
    #[must_use]
    pub fn denies(&self, category: &str) -> bool {
        self.denied_categories.iter().any(|denied| {
            category.strip_prefix(denied.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl RawConsent {
    /// Checks the section found at `at`; `has_table` says whether the job names a consent table.
    pub fn check(&self, has_table: bool, at: &JobPath, findings: &mut Findings) -> ConsentSettings {
        let lawful_basis = self.lawful_basis.as_deref().map(str::trim).filter(|b| !b.is_empty());
        match lawful_basis {
            None if !has_table => findings.error(
                "consent::no_lawful_basis",
                at.key("lawful_basis"),
                "the job has neither a consent table nor a lawful basis for its members",
                "name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such as \"contract\" or \"consent\")",
            ),
            Some(_) if has_table => findings.error(
                "consent::two_bases",
                at.key("lawful_basis"),
                "`lawful_basis` is declared for all members, and `[inputs.consent]` says it for each",
                "keep one of them: members without a row in the consent table have no lawful basis",
            ),
            _ => {}
        }
        let mut denied_categories: Vec<String> =
            self.denied_categories.iter().map(|c| c.trim_end_matches('/').to_owned()).collect();
        for (i, category) in denied_categories.iter().enumerate() {
            if category.trim().is_empty() {
                let place = at.key("denied_categories").index(i);
                findings.error(
                    "consent::empty_category",
                    place,
                    "a denied category is empty",
                    "write its path or drop it",
                );
            }
        }
        denied_categories.sort_unstable();
        denied_categories.dedup();
        ConsentSettings {
            lawful_basis: lawful_basis.map(str::to_owned),
            minimum_age: self.minimum_age,
            unknown_birth_date: self.unknown_birth_date,
            denied_categories,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basis_from_exactly_one_place() {
        let at = JobPath::root().key("consent");
        let declared = RawConsent { lawful_basis: Some("contract".into()), ..RawConsent::default() };
        for (raw, has_table, want) in [
            (&RawConsent::default(), true, None),
            (&declared, false, None),
            (&RawConsent::default(), false, Some("consent::no_lawful_basis")),
            (&declared, true, Some("consent::two_bases")),
        ] {
            let mut findings = Findings::new();
            raw.check(has_table, &at, &mut findings);
            assert_eq!(findings.iter().next().map(|f| f.code), want);
        }
    }

    #[test]
    fn denied_categories_cover_what_lies_below() {
        let raw = RawConsent { denied_categories: vec!["health/".into(), "adult".into()], ..RawConsent::default() };
        let settings = raw.check(true, &JobPath::root(), &mut Findings::new());
        assert!(settings.denies("health") && settings.denies("health/pills") && settings.denies("adult"));
        assert!(!settings.denies("healthy food") && !settings.denies("pet"));
    }
}
