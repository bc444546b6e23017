//! The end of a night: what was decided is staged, and staged again without whoever withdrew in the meantime.

use std::collections::HashSet;

use super::{
    Manifest, OfferSummary, RunError, Stages, consent,
    counted::Counted,
    decide::Decided,
    fairness::Fairness,
    fit::{Described, Known, Scene},
    gates::Judged,
    opened::Opened,
    outputs::{self, Identity},
    report,
    side_tables::SideTables,
};
use crate::{
    base::{Findings, IdTable},
    export::crm::CrmPlan,
    input::QuarantinedRow,
    offers::Catalogue,
    store::{OutputRoot, Staging},
};

/// What the files of a run are made of, beside what is said of members and what was decided.
pub(super) struct Closing<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) opened: &'a Opened,
    pub(super) side: &'a SideTables,
    /// Ids of the members, by shard.
    pub(super) members: &'a [IdTable],
    pub(super) known: &'a Known,
    pub(super) catalogue: &'a Catalogue,
    pub(super) identity: &'a Identity<'a>,
    pub(super) quarantined: &'a [QuarantinedRow],
    pub(super) crm: &'a CrmPlan,
    pub(super) judged: &'a Judged,
    pub(super) notes: &'a Findings,
}

/// The lists of all members, for people.
pub(super) struct Lists {
    /// The offers, by falling number of slots.
    pub(super) offers: Vec<OfferSummary>,
    /// Members with at least one slot.
    pub(super) with_list: u64,
    /// Of them, members held out.
    pub(super) held_out: u64,
}

/// A run that is written but not sealed.
pub(super) struct Staged {
    pub(super) staging: Staging,
    pub(super) manifest: Manifest,
    pub(super) lists: Lists,
}

impl Closing<'_> {
    /// Writes every file of the run in a new staging folder of `place`.
    pub(super) fn stage(
        &self,
        described: &mut Described,
        decided: &mut Decided,
        place: &OutputRoot,
        dry_run: bool,
        stages: &mut Stages,
    ) -> Result<Staged, RunError> {
        let (progress, histories) = (self.scene.progress, self.scene.histories);
        let mut withdrawn = HashSet::new();
        loop {
            let staged = self.stage_once(described, decided, &withdrawn, place, stages)?;
            progress.start("consent", None);
            let mut gone = consent::withdrawn(self, histories.dimensions.as_of)?;
            gone.retain(|member| !withdrawn.contains(member));
            progress.finish(&format!("{} members withdrew since it was read", gone.len()));
            stages.end("consent");
            if gone.is_empty() || dry_run {
                return Ok(staged);
            }
            consent::withdraw(&gone, self.members, described, decided);
            withdrawn.extend(gone);
            progress.start("write", None);
        }
    }

    fn stage_once(
        &self,
        described: &Described,
        decided: &Decided,
        withdrawn: &HashSet<String>,
        place: &OutputRoot,
        stages: &mut Stages,
    ) -> Result<Staged, RunError> {
        let staging = place.stage(self.identity.run_id).map_err(RunError::Output)?;
        // Who counts never waits for a file, and who writes often does.
        let count = || (Fairness::of(self, described, decided, withdrawn), Counted::of(self, described, decided));
        let write = || outputs::write(self, described, decided, withdrawn, &staging);
        let (written, (fairness, counted)) = rayon::join(write, count);
        let mut written = written?;
        written.push(fairness.write(&staging)?);
        let files = staging.files()?;
        let mut manifest = outputs::manifest(self, described, decided, &counted, &written, &files);
        manifest.members.withdraw(withdrawn.len() as u64);
        stages.end("write");
        let lists = outputs::offer_summaries(self, described, decided, counted, &manifest);
        report::write(self, described, decided, &manifest, &lists, &fairness, &staging)?;
        let files = staging.files()?;
        manifest.outputs = outputs::entries(&written, &files);
        outputs::json(&staging, "manifest.json", &manifest)?;
        self.scene.progress.finish(&format!("{} files", files.len() + 1));
        stages.end("report");
        Ok(Staged { staging, manifest, lists })
    }
}
