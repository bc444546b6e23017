//! `[decision.diversity]`: how far likeness counts against the score in a list, and quotas for categories.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{fraction, ranged};
use crate::base::{Findings, findings::JobPath};

/// How lists are kept from being ten times the same.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDiversity {
    /// Weight of the score against likeness to what is on the list already, 0 to 1 (maximal marginal relevance, λ): 1 is
    /// the score alone (1). Alike are items with a start of their category path or the brand in common, and variants.
    pub lambda: Option<f64>,
    /// Most slots of a list for a category with all below it, by its path.
    #[serde(default)]
    pub quotas: BTreeMap<String, u8>,
}

/// The same, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiversitySettings {
    /// Weight of the score against likeness; 1: the score alone.
    pub lambda: f64,
    /// Most slots by path of a category.
    pub quotas: BTreeMap<String, u8>,
}

impl Default for DiversitySettings {
    fn default() -> Self {
        Self { lambda: 1.0, quotas: BTreeMap::new() }
    }
}

impl RawDiversity {
    /// Checks it; every problem becomes a finding below `at`.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> DiversitySettings {
        let lambda = fraction(self.lambda, 1.0, 0.0, 1.0, &at.key("lambda"), findings);
        let at = at.key("quotas");
        let quota = |(path, most): (&String, &u8)| {
            (path.clone(), ranged(Some(u32::from(*most)), 50, 1..=50, &at.key(path), findings) as u8)
        };
        DiversitySettings { lambda, quotas: self.quotas.iter().map(quota).collect() }
    }
}

impl DiversitySettings {
    /// Whether likeness counts.
    #[must_use]
    pub fn counts_likeness(&self) -> bool {
        self.lambda < 1.0
    }
}
