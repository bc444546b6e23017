//! What a run needs for its CRM targets: what each acknowledged, the keys of the members, the ids of tags.

use super::{Manifest, RunError};
use crate::{
    base::{Day, digest::sha256_hex},
    export::{
        crm::{AckedState, CrmPlan, Identities, IdentityRow, STATE_FILE, TARGET_FILE, TargetPlan, TargetReport},
        targets::Target,
    },
    input::{
        InputError, TableInput, TagId,
        accounting::{LostRow, RowCounts},
        read_identities,
        side_rows::SideContext,
    },
    job::Job,
    store::{OutputRoot, Places},
};

/// What the targets of a job hold.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// By target, in the order of the job; `None` where a target never acknowledged a run of an earlier day.
    pub(super) states: Vec<Option<AckedState>>,
    /// Parts of the run id: target, acknowledged run, digest of its state.
    pub(super) digests: Vec<[String; 3]>,
}

/// Reads what the targets of a job acknowledged: of each the last run with an earlier day. `absorb` gives numbers to what
/// importers dropped, which a dry run must not.
pub(super) fn acknowledged(
    root: &OutputRoot,
    job: &Job,
    as_of: Day,
    absorb: bool,
    places: &Places,
) -> Result<Acknowledged, RunError> {
    let mut all = Acknowledged::default();
    for target in &job.output().crm {
        let state = last_acknowledged(root, job.name(), target, as_of, absorb, places)?;
        let (run_id, digest) = state
            .as_ref()
            .map_or((String::from("none"), String::new()), |(state, digest)| (state.run_id.clone(), digest.clone()));
        all.digests.push([target.name.clone(), run_id, digest]);
        all.states.push(state.map(|(state, _)| state));
    }
    Ok(all)
}

/// What a target holds since the last run it acknowledged that has an earlier day; with the digest of that state.
pub(super) fn last_acknowledged(
    root: &OutputRoot,
    job: &str,
    target: &Target,
    as_of: Day,
    absorb: bool,
    places: &Places,
) -> Result<Option<(AckedState, String)>, RunError> {
    let name = &target.name;
    let acks = if absorb { root.absorb_acks(name, places) } else { root.acks(name, places) }?;
    if acks.runs.is_empty() {
        return Ok(None);
    }
    let runs = root.runs(places)?;
    let earlier = |id: &String| runs.iter().rev().find(|r| r.run_id == *id && r.as_of < as_of);
    match acks.runs.iter().rev().find_map(earlier) {
        Some(run) => base(root, &run.folder(), job, target, places),
        None => Ok(None),
    }
}

/// What a run left in a target. `None` if the run does not say: it is another job's, or did not write the target.
fn base(
    root: &OutputRoot,
    folder: &str,
    job: &str,
    target: &Target,
    places: &Places,
) -> Result<Option<(AckedState, String)>, RunError> {
    let read = |file: &str| root.read(&format!("{folder}/{file}"), places);
    let of_job = match read("manifest.json")? {
        Some(bytes) => serde_json::from_slice::<Manifest>(&bytes).is_ok_and(|m| m.job == job),
        None => false,
    };
    if !of_job {
        return Ok(None);
    }
    let path = |file: &str| format!("{}/{file}", target.folder());
    let (Some(report), Some(state)) = (read(&path(TARGET_FILE))?, read(&path(STATE_FILE))?) else { return Ok(None) };
    let bad = |file: &str, why: String| RunError::BadAcknowledged { file: format!("{folder}/{}", path(file)), why };
    let report = TargetReport::parse(&report).map_err(|why| bad(TARGET_FILE, why))?;
    let digest = sha256_hex(&state);
    let state = AckedState::read(&report, target, state).map_err(|why| bad(STATE_FILE, why))?;
    Ok(Some((state, digest)))
}

/// What the side tables say for targets.
#[derive(Debug, Default)]
pub(super) struct CrmTables {
    pub(super) identities: Identities,
    /// System, tag, id.
    pub(super) tag_ids: Vec<TagId>,
}

impl CrmTables {
    /// Reads the identities of the systems that targets need.
    pub(super) fn read_identities(
        &mut self,
        input: &TableInput,
        systems: &[&str],
        context: &SideContext<'_>,
    ) -> Result<(RowCounts, Vec<LostRow>), InputError> {
        let ((), counts, lost) = read_identities(input, context, |row| {
            if systems.contains(&row.system) || row.same_as.is_some() {
                let identity = IdentityRow {
                    system: row.system.to_owned(),
                    external_id: row.external_id.to_owned(),
                    employee: row.employee.map(str::to_owned),
                };
                self.identities.push(row.member_id, identity, row.same_as);
            }
        })?;
        Ok((counts, lost))
    }

    /// The plan of some targets.
    pub(super) fn plan(self, run_id: &str, targets: impl IntoIterator<Item = (Target, Option<AckedState>)>) -> CrmPlan {
        let of = |(target, base): (Target, Option<AckedState>)| {
            let ids = self.tag_ids.iter().filter(|[system, ..]| *system == target.tag_system);
            let tag_ids = ids.map(|[_, tag, id]| (tag.clone(), id.clone())).collect();
            TargetPlan { target, tag_ids, base }
        };
        let targets = targets.into_iter().map(of).collect();
        CrmPlan { run_id: run_id.to_owned(), targets, identities: self.identities }
    }
}

/// Systems whose identities targets need.
pub(super) fn systems(targets: &[Target]) -> Vec<&str> {
    targets.iter().flat_map(Target::systems).collect()
}

/// Whether any target takes ids of tags.
pub(super) fn takes_tag_ids(targets: &[Target]) -> bool {
    targets.iter().any(|t| t.dialect == "wecom")
}
