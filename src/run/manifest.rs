//! `manifest.json`: what a run read, kept, decided and wrote. The same for the same job, inputs and day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Redaction;
use crate::{base::Day, gates::GateResult, input::accounting::RowCounts};

/// The manifest of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format ([`super::FORMAT`]).
    pub format: u32,
    /// The run's id.
    pub run_id: String,
    /// The job's name.
    pub job: String,
    /// Last day that was read.
    pub as_of: Day,
    /// Id of the run this one followed, if any.
    pub previous_run: Option<String>,
    /// SHA-256 of the checked job in canonical form.
    pub job_sha256: String,
    /// The input tables.
    pub inputs: Vec<InputEntry>,
    /// What became of every row, by table.
    pub rows: BTreeMap<String, RowCounts>,
    /// The members.
    pub members: MemberCounts,
    /// The segments.
    pub segments: Vec<SegmentEntry>,
    /// The offers.
    pub offers: Vec<OfferEntry>,
    /// Key figures.
    pub kpis: BTreeMap<String, f64>,
    /// Quality gates: every one that does not hold, and of each other the result that came closest to its limit.
    pub gates: Vec<GateResult>,
    /// The files of the run, but for this one and those that vary.
    pub outputs: Vec<OutputEntry>,
    /// Features of the processor that kernels chose by.
    pub cpu: Vec<String>,
    /// Deletions that changed the run after it was published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
}

impl Manifest {
    /// The CRM targets it has files of.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        let of = |path: &'_ str| -> Option<(usize, usize)> {
            let rest = path.strip_prefix("crm/")?;
            rest.ends_with("/state.parquet").then(|| (4, path.len() - "/state.parquet".len()))
        };
        let paths = self.outputs.iter().map(|o| o.path.as_str());
        paths.filter_map(|path| of(path).map(|(from, to)| &path[from..to])).collect()
    }
}

/// An input table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputEntry {
    /// The table.
    pub table: String,
    /// Number of files.
    pub files: u64,
    /// Rows by the footers.
    pub rows: u64,
    /// SHA-256 over names and contents.
    pub sha256: String,
}

/// How many members were what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberCounts {
    /// With a kept line.
    pub seen: u64,
    /// In the fit.
    pub in_fit: u64,
    /// Opted out of personalisation.
    pub opted_out: u64,
    /// Left out, by reason.
    pub excluded: BTreeMap<String, u64>,
}

impl MemberCounts {
    /// Moves members who withdrew after they were read from those of the run to those left out.
    pub(super) fn withdraw(&mut self, members: u64) {
        if members > 0 {
            *self.excluded.entry("withdrawn_while_running".to_owned()).or_default() += members;
        }
    }
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// Lasting id.
    pub id: i32,
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Members in it.
    pub members: u64,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferEntry {
    /// Id.
    pub offer_id: String,
    /// Members whom its rule admits.
    pub eligible: u64,
    /// Slots it got, ghost decisions of the holdout included.
    pub chosen: u64,
    /// What is left of its cap; none where it has no cap.
    pub cap_left: Option<u64>,
}

/// A file of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputEntry {
    /// Path within the run's folder.
    pub path: String,
    /// Rows, for tables.
    pub rows: Option<u64>,
    /// Length.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: String,
}

/// Processor features that the kernels choose by.
pub(super) fn cpu_features() -> Vec<String> {
    let mut found = vec![std::env::consts::ARCH.to_owned()];
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        found.extend(known.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()));
    }
    found
}
