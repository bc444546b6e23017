//! The run's id, and where `current` points.

use super::{FORMAT, RunError, inputs::TableDigest, previous::Previous};
use crate::{
    base::{Day, digest::Sha256Sum},
    job::Job,
    store::{OutputRoot, Places},
};

/// The run's id: a hash of all that decides its content.
pub(super) fn run_id(
    job: &Job,
    as_of: Day,
    digests: &[TableDigest],
    previous: Option<&Previous>,
    acknowledged: &[[String; 3]],
    tombstones: Option<&str>,
) -> String {
    let mut sum = Sha256Sum::new();
    sum.field(b"nextoffer run");
    sum.field(&FORMAT.to_le_bytes());
    sum.field(job.canonical_json().as_bytes());
    sum.field(as_of.to_string().as_bytes());
    for digest in digests {
        sum.field(digest.table.as_bytes());
        sum.field(digest.sha256.as_bytes());
    }
    sum.field(previous.map_or("none", |p| p.digest.as_str()).as_bytes());
    if let Some((ledger, _)) = previous.and_then(Previous::ledger_digest) {
        sum.field(b"ledger");
        sum.field(ledger.as_bytes());
    }
    acknowledged.iter().flatten().for_each(|part| sum.field(part.as_bytes()));
    if let Some(tombstones) = tombstones {
        sum.field(b"tombstones");
        sum.field(tombstones.as_bytes());
    }
    let mut id = sum.hex();
    id.truncate(16);
    id
}

/// Points `current` at the run unless it names a run of a later day or the run was rolled back; tells whether it does now.
pub(super) fn point_current(
    root: &OutputRoot,
    folder: &str,
    as_of: Day,
    run_id: &str,
    places: &Places,
) -> Result<bool, RunError> {
    if root.rolled_back(places)?.contains(run_id) {
        return Ok(false);
    }
    let later = root
        .current(places)?
        .and_then(|run| Day::parse(run.strip_prefix("dt=")?.split('/').next()?))
        .is_some_and(|current| current > as_of);
    if !later {
        root.set_current(folder, places)?;
    }
    Ok(!later)
}
