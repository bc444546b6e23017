//! The job's section `[segments.auto_k]`, as written and as checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::in_range;
use crate::base::findings::{Findings, JobPath};

/// A number of segments, or the word that leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawCount {
    /// That many.
    Number(usize),
    /// Chosen by the rule.
    Word(RawAuto),
}

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAuto {
    /// Chosen by the rule.
    Auto,
}

/// How `k = "auto"` chooses: of the k in the range whose segments are found again on resamples of the members
/// (`least_stability`; if none is so stable, those within 0.02 of the most stable), the one with the best mean rank over
/// simplified silhouette, Caliński–Harabasz and Davies–Bouldin; ties go to the smaller k.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAutoK {
    /// Least number of segments, 2 to 200.
    pub from: usize,
    /// Greatest number of segments, `from` to 200.
    pub to: usize,
    /// Starts of each k, 1 to 100; the one with the least inertia is judged.
    pub seeds: u32,
    /// Bootstrap resamples that each k is fitted to, 1 to 1000.
    pub resamples: u32,
    /// Most members that a run fits and resamples to choose k, by hash. `nextoffer tune` fits on `fit_sample` members
    /// and resamples this many.
    pub sample: usize,
    /// Mean adjusted Rand index over the resamples that a k needs to be looked at, 0 to 1.
    pub least_stability: f64,
    /// Days for which later runs keep a chosen k, as long as the features are the same.
    pub rechoose_days: u32,
}

/// Checked settings of the choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AutoK {
    /// Least k, at least 2.
    pub from: usize,
    /// Greatest k, at least `from`.
    pub to: usize,
    /// Starts of each k, at least 1.
    pub seeds: u32,
    /// Resamples, at least 1.
    pub resamples: u32,
    /// Most members to choose on.
    pub sample: usize,
    /// Stability a k needs, 0…1.
    pub least_stability: f64,
    /// Days for which a choice is kept.
    pub rechoose_days: u32,
}

impl Default for RawAutoK {
    fn default() -> Self {
        Self { from: 4, to: 20, seeds: 3, resamples: 8, sample: 50_000, least_stability: 0.8, rechoose_days: 28 }
    }
}

impl Default for AutoK {
    fn default() -> Self {
        RawAutoK::default().check(&JobPath::root(), &mut Findings::new())
    }
}

impl RawAutoK {
    /// Checks the section; what is wrong is reported and replaced by something usable.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> AutoK {
        const CODE: &str = "segments::auto_k_out_of_range";
        let from = in_range(at.key("from"), CODE, self.from, 2, 200, findings);
        let to = in_range(at.key("to"), CODE, self.to, from, 200, findings);
        let seeds = in_range(at.key("seeds"), CODE, self.seeds, 1, 100, findings);
        let resamples = in_range(at.key("resamples"), CODE, self.resamples, 1, 1000, findings);
        let sample = in_range(at.key("sample"), CODE, self.sample, 100 * to, usize::MAX, findings);
        let least_stability = in_range(at.key("least_stability"), CODE, self.least_stability, 0.0, 1.0, findings);
        AutoK { from, to, seeds, resamples, sample, least_stability, rechoose_days: self.rechoose_days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::Features,
        segments::{RawSegments, Segments},
    };

    fn checked(text: &str) -> (Segments, Vec<String>) {
        let raw: RawSegments = toml::from_str(text).unwrap();
        let mut findings = Findings::new();
        let checked = raw.check(&JobPath::root().key("segments"), &Features::default(), &mut findings);
        let found = findings.iter().map(|f| format!("{} {}", f.code, f.at)).collect();
        (checked, found)
    }

    #[test]
    fn a_number_or_the_word() {
        let (number, found) = checked("k = 7");
        assert!(found.is_empty(), "{found:?}");
        assert_eq!((number.k, number.choose_k), (7, false));
        let (auto, found) = checked("k = \"auto\"\nauto_k = { from = 3, to = 9, sample = 1000 }");
        assert!(found.is_empty(), "{found:?}");
        assert_eq!((auto.k, auto.choose_k, auto.auto_k.from), (9, true, 3));
        assert!(toml::from_str::<RawSegments>("k = \"automatic\"").is_err());
    }

    #[test]
    fn what_cannot_be_chosen_from_is_found() {
        let text = "k = \"auto\"\nauto_k = { from = 12, to = 5, seeds = 0, sample = 10, least_stability = 1.5 }";
        let (held, found) = checked(text);
        let expected = ["to", "seeds", "sample", "least_stability"];
        assert_eq!(found, expected.map(|key| format!("segments::auto_k_out_of_range segments.auto_k.{key}")));
        assert_eq!((held.auto_k.from, held.auto_k.to, held.auto_k.sample), (12, 12, 1200));
    }
}
