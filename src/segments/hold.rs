//! Members stay where they were unless the move is clear.

use ndarray::ArrayView2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PreviousPlace, identity::distance, settings::in_range};
use crate::base::{
    Day,
    findings::{Findings, JobPath},
};

/// How segments keep their identity from run to run, and members their segment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawIdentity {
    /// How far past the border a member must be to move to another segment: 0 is the border itself, half-way between
    /// the two centroids, 1 is the other segment's centroid. Until then the member is held: `segment_id` is the old
    /// segment, `nearest_segment` the other.
    pub margin: f64,
    /// Days after which a held member moves all the same; 0 holds nobody.
    pub longest_hold_days: u32,
    /// Most iterations of a fit that starts from last run's centroids. One moves each centroid to the mean of the members
    /// nearest to it, so that segments follow their members; many would let them walk to another solution overnight.
    pub warm_iterations: u32,
    /// Least share of members in common (0 to 1: in both over in either) for a cluster to carry on the id of one of last
    /// run's segments.
    pub least_overlap: f64,
}

impl Default for RawIdentity {
    fn default() -> Self {
        Self { margin: 0.1, longest_hold_days: 30, warm_iterations: 1, least_overlap: 0.3 }
    }
}

/// Checked identity settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// Part of the way from the border to the other centroid, in 0…1.
    pub margin: f64,
    /// Most days a member is held; 0 for none.
    pub longest_hold_days: u32,
    /// Most iterations of a warm fit, at least 1.
    pub warm_iterations: u32,
    /// Least overlap that carries an id on, in 0…1.
    pub least_overlap: f64,
}

impl RawIdentity {
    /// Checks the section.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> Identity {
        let code = "segments::identity_out_of_range";
        Identity {
            margin: in_range(at.key("margin"), code, self.margin, 0.0, 1.0, findings),
            longest_hold_days: in_range(at.key("longest_hold_days"), code, self.longest_hold_days, 0, 3650, findings),
            warm_iterations: in_range(at.key("warm_iterations"), code, self.warm_iterations, 1, 10_000, findings),
            least_overlap: in_range(at.key("least_overlap"), code, self.least_overlap, 0.01, 1.0, findings),
        }
    }
}

/// A member held in a segment that is not the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Row among all members.
    pub row: u32,
    /// Day since which another segment has been the nearest.
    pub since: Day,
}

/// Each member's segment (a label) and who is held, by rising row.
///
/// A member held in segment `s` while `n` is the nearest moves when
/// `(d_s² − d_n²) / |c_s − c_n|² > margin`: that is how far the member lies past the border, measured along the line
/// between the centroids, as a part of the way from the border to the other centroid.
pub(super) fn hold(
    matrix: ArrayView2<'_, f32>,
    centroids: ArrayView2<'_, f32>,
    ids: &[i32],
    nearest: &[u16],
    before: &[PreviousPlace],
    settings: &Identity,
    as_of: Day,
) -> (Vec<u16>, Vec<Held>) {
    let mut segment = nearest.to_vec();
    let mut held = Vec::new();
    if settings.longest_hold_days == 0 {
        return (segment, held);
    }
    for (row, (place, nearest)) in before.iter().zip(nearest).enumerate() {
        let n = usize::from(*nearest);
        let Some(s) = ids.iter().position(|id| *id == place.segment).filter(|s| *s != n) else { continue };
        let since = place.held_since.unwrap_or(as_of);
        if as_of.since(since) >= settings.longest_hold_days as i32 {
            continue;
        }
        let to = |centroid: usize| distance(matrix.row(row).iter().zip(centroids.row(centroid))).powi(2);
        let between = distance(centroids.row(s).iter().zip(centroids.row(n))).powi(2);
        if between > 0.0 && (to(s) - to(n)) / between > settings.margin {
            continue;
        }
        segment[row] = s as u16;
        held.push(Held { row: row as u32, since });
    }
    (segment, held)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_move_must_be_clear() {
        let centroids = array![[0.0f32, 0.0], [10.0, 0.0]];
        // At the border, 6 % past it, 20 % past it; far off to the side changes nothing.
        let matrix: Array2<f32> = array![[5.1, 0.0], [5.3, 300.0], [6.0, 0.0], [5.3, 0.0], [5.3, 0.0]];
        let at = |segment, since: Option<i32>| PreviousPlace { segment, nearest: 9, held_since: since.map(Day) };
        let before = [at(4, None), at(4, Some(98)), at(4, Some(98)), at(4, Some(70)), at(2, None)];
        let settings = Identity { margin: 0.1, longest_hold_days: 30, warm_iterations: 1, least_overlap: 0.3 };
        let run =
            |settings: &Identity| hold(matrix.view(), centroids.view(), &[4, 9], &[1; 5], &before, settings, Day(100));
        let (segment, held) = run(&settings);
        // The third is clear, the fourth was held for thirty days, the fifth's segment is gone.
        assert_eq!(segment, [0, 0, 1, 1, 1]);
        assert_eq!(held, [Held { row: 0, since: Day(100) }, Held { row: 1, since: Day(98) }]);
        assert_eq!(run(&Identity { longest_hold_days: 0, ..settings.clone() }).0, [1; 5]);
        assert_eq!(run(&Identity { margin: 0.01, ..settings }).0, [1; 5]);
    }
}
