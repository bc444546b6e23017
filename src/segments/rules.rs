//! Segments by rule: SQL conditions of the job over the member table, beside the clusters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::base::{
    findings::{Findings, JobPath},
    tag_code::TagCode,
};

/// Starts of codes that are given to tags of other sources, and codes that are.
const TAKEN: &[&str] = &[
    "seg_",
    "lc_",
    "vb_",
    "rfm_",
    "ch_",
    "cat_",
    "reg_",
    "price_tier_",
    "birthday_",
    "city_tier_",
    "due_",
    "cross_channel",
    "discount_affinity",
    "festival_buyer",
];

/// A segment by rule: whoever it holds for gets the tag.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSegmentRule {
    /// Code of the tag: lower-case letters, digits and `_`, at most 30.
    pub code: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// An SQL condition over the member's features, tags and attributes, such as
    /// `net_spend >= 5000 and city_tier <= 2`. Tags of other rules are not among the tags.
    pub when: String,
}

/// A checked segment by rule; its condition is compiled when the member table is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentRule {
    /// Code of the tag.
    #[serde(serialize_with = "code_text")]
    pub code: TagCode,
    /// Its place in the job's list, where findings point.
    #[serde(skip)]
    pub position: usize,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The condition.
    pub when: String,
}

fn code_text<S: Serializer>(code: &TagCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

impl RawSegmentRule {
    /// Checks the list of rules; those that cannot be used are left out.
    pub(super) fn check_all(raw: &[Self], at: &JobPath, findings: &mut Findings) -> Vec<SegmentRule> {
        let mut checked: Vec<SegmentRule> = Vec::new();
        for (position, rule) in raw.iter().enumerate() {
            let at = at.index(position);
            let Some(code) = TagCode::new(&rule.code) else {
                findings.error(
                    "segments::not_a_tag",
                    at.key("code"),
                    format!("`{}` cannot be the code of a tag", rule.code),
                    "use 1 to 30 lower-case letters, digits and `_`",
                );
                continue;
            };
            if let Some(start) = TAKEN.iter().find(|t| rule.code.starts_with(**t)) {
                findings.error(
                    "segments::tag_taken",
                    at.key("code"),
                    format!("codes that start with `{start}` are given to tags of another kind"),
                    format!("choose another code, such as `my_{}`", rule.code),
                );
                continue;
            }
            if checked.iter().any(|other| other.code == code) {
                findings.error(
                    "segments::rule_twice",
                    at.key("code"),
                    format!("two rules have the code `{code}`"),
                    "give one of them another code",
                );
                continue;
            }
            for (key, text) in [("zh", &rule.zh), ("en", &rule.en), ("when", &rule.when)] {
                let long = key != "when" && text.chars().count() > 60;
                if text.trim().is_empty() || long {
                    findings.error(
                        "segments::bad_rule",
                        at.key(key),
                        format!("`{key}` of rule `{code}` is empty{}", if long { " or too long" } else { "" }),
                        "a rule has a name of 1 to 60 characters in Chinese and in English, and a condition",
                    );
                }
            }
            checked.push(SegmentRule {
                code,
                position,
                name_zh: rule.zh.trim().to_owned(),
                name_en: rule.en.trim().to_owned(),
                when: rule.when.trim().to_owned(),
            });
        }
        checked
    }
}
