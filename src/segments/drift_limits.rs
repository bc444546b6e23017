//! The brake: how much may change from run to run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Drift, settings::in_range};
use crate::base::findings::{Findings, JobPath};

/// Drift beyond which a run refuses to publish (exit code 65; nothing is changed). A limit that is left out holds nothing
/// back; without a previous run there is no drift.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDriftLimits {
    /// Largest share (0 to 1) of last run's members who may have moved to another segment.
    pub refuse_moved_above: Option<f64>,
    /// Least adjusted Rand index (0 to 1) of the segments with last run's.
    pub refuse_rand_below: Option<f64>,
    /// Largest population stability index of a feature the segments are made from; 0.25 is usually taken for much.
    pub refuse_psi_above: Option<f64>,
    /// Largest move of a kept segment's centroid, in root mean square distances of members to their centroids.
    pub refuse_shift_above: Option<f64>,
    /// Most segments that may be created or retired.
    pub refuse_new_ids_above: Option<u32>,
}

/// Checked limits of drift.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DriftLimits {
    /// Largest share of members who moved.
    pub moved: Option<f64>,
    /// Least adjusted Rand index.
    pub rand: Option<f64>,
    /// Largest population stability index.
    pub psi: Option<f64>,
    /// Largest move of a centroid.
    pub shift: Option<f64>,
    /// Most ids created or retired.
    pub new_ids: Option<u32>,
}

/// One limit held against a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Key of the limit in the job.
    pub key: &'static str,
    /// What was found.
    pub found: f64,
    /// The limit.
    pub limit: f64,
    /// Whether it holds.
    pub passed: bool,
    /// What was measured, in words.
    pub what: String,
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, found, limit, .. } = self;
        let found = crate::base::round::significant(*found, 4);
        write!(f, "segments.drift.{key} = {limit}: {} {found}", self.what)
    }
}

impl RawDriftLimits {
    /// Checks the section.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> DriftLimits {
        let code = "segments::drift_out_of_range";
        let mut within = |key: &str, value: Option<f64>, most: f64| {
            value.map(|value| in_range(at.key(key), code, value, 0.0, most, findings))
        };
        DriftLimits {
            moved: within("refuse_moved_above", self.refuse_moved_above, 1.0),
            rand: within("refuse_rand_below", self.refuse_rand_below, 1.0),
            psi: within("refuse_psi_above", self.refuse_psi_above, 100.0),
            shift: within("refuse_shift_above", self.refuse_shift_above, 1000.0),
            new_ids: self.refuse_new_ids_above,
        }
    }
}

impl DriftLimits {
    /// Every limit the job declares, held against a run's drift.
    #[must_use]
    pub fn gates(&self, drift: &Drift) -> Vec<Gate> {
        let mut gates = Vec::new();
        let mut at_most = |key, limit: Option<f64>, found: f64, what: String| {
            gates.extend(limit.map(|limit| Gate { key, found, limit, passed: found <= limit, what }));
        };
        at_most("refuse_moved_above", self.moved, drift.moved_share, "share of members who moved".into());
        let psi = drift.psi.iter().filter(|p| p.in_segments).max_by(|a, b| a.psi.total_cmp(&b.psi));
        let (found, of) = psi.map_or((0.0, ""), |p| (p.psi, p.feature.as_str()));
        at_most("refuse_psi_above", self.psi, found, format!("largest stability index ({of})"));
        let shift = drift.centroids.iter().max_by(|a, b| a.shift.total_cmp(&b.shift));
        let (found, of) = shift.map_or((0.0, String::new()), |c| (c.shift, format!("seg_{:02}", c.id)));
        at_most("refuse_shift_above", self.shift, found, format!("largest move of a centroid ({of})"));
        let ids = drift.created.len() + drift.retired.len();
        at_most("refuse_new_ids_above", self.new_ids.map(f64::from), ids as f64, "segments created or retired".into());
        if let Some(limit) = self.rand {
            let found = drift.adjusted_rand;
            let what = "adjusted Rand index with last run".to_owned();
            gates.push(Gate { key: "refuse_rand_below", found, limit, passed: found >= limit, what });
        }
        gates
    }
}
