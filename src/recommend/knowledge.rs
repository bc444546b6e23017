//! Everything the score is fitted from, at one cut.

use super::{
    Associations, HalfLives, RecommendSettings, Scorer,
    categories::CategoryShares,
    cold::ColdItems,
    panel::{self, Panel},
    parameters::Parameters,
    tastes::Tastes,
};
use crate::{
    history::{ShardError, ShardSet, Timeline},
    input::ItemTable,
    items::{Hazard, ItemStatistics, TREND_HALF_LIVES, View, item_statistics, transitions},
};

/// Item statistics, hazards and associations of one view.
#[derive(Debug, Clone)]
pub struct ItemKnowledge {
    view: View,
    /// What the history says about every item.
    pub statistics: ItemStatistics,
    /// How likely what was bought is bought again.
    pub hazard: Hazard,
    /// τ by item; empty where it is not used.
    trend: Vec<f32>,
    /// What goes with what, by half-life.
    associations: Vec<(f64, Associations)>,
    /// By half-life of popularity.
    categories: Vec<CategoryShares>,
    tastes: Tastes,
    panel: Panel,
    /// By half-life of popularity.
    cold: Vec<ColdItems>,
    profile_items: usize,
    /// Days from the cut to the middle of what is predicted; 0 where the data has no time.
    ahead: i32,
}

impl ItemKnowledge {
    /// Adds up what `view` lets see, under each of the half-lives.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn fit(
        shards: &ShardSet,
        view: &View,
        items: &ItemTable,
        half_lives: &HalfLives,
        settings: &RecommendSettings,
    ) -> Result<Self, ShardError> {
        let trends = half_lives.trend && view.timeline() == Timeline::Calendar;
        // Popularity's own come first: they are counted by their places.
        let mut counted = half_lives.popularity.clone();
        if trends {
            counted.extend(TREND_HALF_LIVES);
        }
        let statistics = item_statistics(shards, view, items, &counted)?;
        let trend = if trends {
            let recent = half_lives.popularity.len();
            (0..statistics.len() as u32).map(|item| statistics.trend(item, recent, recent + 1) as f32).collect()
        } else {
            Vec::new()
        };
        let learn = || {
            let hazard = Hazard::fit(shards, view, &statistics)?;
            let mut associations = Vec::new();
            for &half_life in &half_lives.transitions {
                let budget = settings.pair_budget;
                let counted = transitions(shards, view, &statistics, half_life, budget, settings.neighbours)?;
                associations.push((half_life, Associations::new(&counted)));
            }
            Ok::<_, ShardError>((hazard, associations))
        };
        // Long stretches of the one are of a single thread, and so are some of the other.
        let (learned, alike) =
            rayon::join(learn, || alike(shards, view, &statistics, half_lives.tastes, half_lives.panel));
        let (hazard, associations) = learned?;
        let (tastes, panel) = alike?;
        let categories =
            (0..half_lives.popularity.len()).map(|at| CategoryShares::new(items, &statistics, at)).collect();
        let cold = (0..half_lives.popularity.len()).map(|at| ColdItems::new(items, &statistics, view, at)).collect();
        let ahead = match view.timeline() {
            Timeline::Calendar => i32::try_from(settings.horizon_days / 2).unwrap_or(i32::MAX),
            Timeline::Ordinal => 0,
        };
        Ok(Self {
            view: *view,
            statistics,
            hazard,
            trend,
            associations,
            categories,
            tastes: tastes.unwrap_or_default(),
            panel: panel.unwrap_or_default(),
            cold,
            profile_items: settings.profile_items,
            ahead,
        })
    }

    /// Adds the segments of taste, with popularity under that half-life, and the reference panel.
    pub(super) fn learn_alike(
        &mut self,
        shards: &ShardSet,
        tastes: Option<f64>,
        panel: bool,
    ) -> Result<(), ShardError> {
        let (tastes, panel) = alike(shards, &self.view, &self.statistics, tastes, panel)?;
        if let Some(tastes) = tastes {
            self.tastes = tastes;
        }
        if let Some(panel) = panel {
            self.panel = panel;
        }
        Ok(())
    }

    /// What is visible.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What goes with what, under the half-life that is nearest.
    #[must_use]
    pub fn associations(&self, half_life: f64) -> &Associations {
        static NOTHING: Associations = Associations::NOTHING;
        let far = |known: f64| (known.ln() - half_life.ln()).abs();
        let nearest = self.associations.iter().min_by(|a, b| far(a.0).total_cmp(&far(b.0)));
        nearest.map_or(&NOTHING, |(_, associations)| associations)
    }

    /// Index of the half-life of popularity that is nearest.
    pub(super) fn half_life_index(&self, half_life: f64) -> Option<usize> {
        let far = |h: &f64| (h.ln() - half_life.ln()).abs();
        // Behind them stand those of the trend.
        let known = self.statistics.half_lives().iter().take(self.categories.len()).enumerate();
        known.min_by(|a, b| far(a.1).total_cmp(&far(b.1))).map(|(at, _)| at)
    }

    pub(super) fn categories(&self, half_life: usize) -> &CategoryShares {
        static NOTHING: CategoryShares = CategoryShares::NOTHING;
        self.categories.get(half_life).unwrap_or(&NOTHING)
    }

    pub(super) fn tastes(&self) -> &Tastes {
        &self.tastes
    }

    pub(super) fn panel(&self) -> &Panel {
        &self.panel
    }

    pub(super) fn cold(&self, half_life: usize) -> &ColdItems {
        static NOTHING: ColdItems = ColdItems::NOTHING;
        self.cold.get(half_life).unwrap_or(&NOTHING)
    }

    /// Whether the shop has categories to speak of.
    pub(super) fn has_categories(&self) -> bool {
        self.categories.iter().any(|c| !c.is_empty())
    }

    /// Own items of a member that speak in the transition term.
    #[must_use]
    pub fn profile_items(&self) -> usize {
        self.profile_items
    }

    /// τ of an item ([`ItemStatistics::trend`]); 1 where it is not used.
    pub(super) fn trend(&self, item: u32) -> f64 {
        self.trend.get(item as usize).map_or(1.0, |trend| f64::from(*trend))
    }

    pub(super) fn ahead(&self) -> i32 {
        self.ahead
    }

    /// The score under `parameters`; nothing is blocked yet.
    #[must_use]
    pub fn scorer(&self, parameters: &Parameters) -> Scorer<'_> {
        Scorer::new(self, parameters)
    }
}

/// The segments of taste, with popularity under that half-life, and the reference panel, as far as they are asked for.
fn alike(
    shards: &ShardSet,
    view: &View,
    statistics: &ItemStatistics,
    tastes: Option<f64>,
    panel: bool,
) -> Result<(Option<Tastes>, Option<Panel>), ShardError> {
    let (tastes, panel) = rayon::join(
        || tastes.map(|half_life| Tastes::fit(shards, view, statistics, half_life)).transpose(),
        || panel.then(|| Panel::fit(shards, view, statistics, panel::MEMBERS)).transpose(),
    );
    Ok((tastes?, panel?))
}
