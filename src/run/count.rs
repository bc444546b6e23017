//! The number of segments of a run.

use std::borrow::Cow;

use ndarray::Array2;

use super::{RunError, fit::Scene};
use crate::{
    base::{Day, IdTable},
    features::Scaling,
    segments::{CurveInput, FORMAT, KChoice, SegmentModel, Segments, fit_sample, k_curve, k_fits},
};

/// How many segments there are: what was chosen, where the job leaves it open.
pub(super) struct SegmentCount(pub(super) Option<KChoice>);

impl Scene<'_> {
    /// Chooses k where the job says `k = "auto"`: the previous run's choice while it is fresh and about the same
    /// features and range, else by the rule, on a sample of the members by hash.
    pub(super) fn k(
        &self,
        matrix: &Array2<f32>,
        ids: &[IdTable],
        scaling: &Scaling,
        previous_model: Option<&SegmentModel>,
    ) -> Result<SegmentCount, RunError> {
        let settings = self.job.segments();
        let auto = &settings.auto_k;
        if !settings.choose_k {
            return Ok(SegmentCount(None));
        }
        let as_of = self.histories.dimensions.as_of;
        let same_features = previous_model
            .is_some_and(|m| m.format == FORMAT && m.features.iter().eq(scaling.features.iter().map(|f| &f.name)));
        if same_features
            && let Some(previous) = self.previous
            && let Some(choice) = previous.k_choice(self.engine.places())?
            && (0..i64::from(auto.rechoose_days)).contains(&i64::from(as_of.since(choice.chosen_on)))
            && (auto.from..=auto.to).contains(&choice.curve.chosen)
        {
            return Ok(SegmentCount(Some(choice)));
        }
        self.progress.finish("scaled");
        self.progress.start("choosing k", Some(k_fits(auto)));
        let rows = fit_sample(ids.iter().flat_map(IdTable::iter), auto.sample, self.job.seed());
        let rows = rows.as_deref();
        let input = CurveInput { matrix: matrix.view(), sample: rows, resample: rows, auto, job_seed: self.job.seed() };
        let curve = k_curve(&input, settings, &mut || self.progress.advance(1))?;
        self.progress.finish(&format!("{} of {} to {}", curve.chosen, auto.from, auto.to));
        self.progress.start("segments", None);
        Ok(SegmentCount(Some(KChoice { chosen_on: as_of, curve })))
    }
}

impl SegmentCount {
    /// The job's settings with the number.
    pub(super) fn settings<'a>(&self, of_job: &'a Segments) -> Cow<'a, Segments> {
        match &self.0 {
            None => Cow::Borrowed(of_job),
            Some(choice) => Cow::Owned(Segments { k: choice.curve.chosen, ..of_job.clone() }),
        }
    }

    /// How the number came about, for the line of the stage.
    pub(super) fn words(&self, as_of: Day) -> String {
        match &self.0 {
            Some(choice) if choice.chosen_on < as_of => format!(" (k chosen on {})", choice.chosen_on),
            Some(_) => " (k chosen tonight)".to_owned(),
            None => String::new(),
        }
    }
}
