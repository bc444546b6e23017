//! The `[report]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Language;
use crate::base::{Findings, findings::JobPath};

/// How `report.html` is made, as the job has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReport {
    /// Language that is shown at first (`zh`); both are in the file.
    pub language: Option<Language>,
    /// Members drawn on the map of the segments, chosen by hash (2000).
    #[schemars(range(min = 0, max = 20000))]
    pub map_members: Option<u32>,
}

/// How `report.html` is made, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportSettings {
    /// Language that is shown at first.
    pub language: Language,
    /// Members drawn on the map.
    pub map_members: u32,
}

impl RawReport {
    /// Checks the section.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> ReportSettings {
        let map_members = self.map_members.unwrap_or(2000);
        if map_members > 20_000 {
            findings.error(
                "report::map_too_large",
                at.key("map_members"),
                format!("{map_members} members on the map are too many to tell apart"),
                "use at most 20000",
            );
        }
        ReportSettings { language: self.language.unwrap_or_default(), map_members }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_points_are_refused() {
        let mut findings = Findings::new();
        let raw = RawReport { language: Some(Language::En), map_members: Some(20_001) };
        let checked = raw.check(&JobPath::root().key("report"), &mut findings);
        assert_eq!(checked.language, Language::En);
        assert_eq!(findings.iter().next().unwrap().at.as_str(), "report.map_members");
        let mut findings = Findings::new();
        assert_eq!(RawReport::default().check(&JobPath::root(), &mut findings).map_members, 2000);
        assert!(findings.is_empty());
    }
}
