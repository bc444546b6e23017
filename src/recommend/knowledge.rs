//! Everything the score is fitted from, at one cut.

use super::{Associations, RecommendSettings, Scorer, parameters::Parameters};
use crate::{
    history::{ShardError, ShardSet},
    input::ItemTable,
    items::{ItemStatistics, View, item_statistics, transitions},
};

/// Weight of a basket that holds both items, against one in which the second follows in the next basket.
const SAME_BASKET: f64 = 0.1;

/// Item statistics and associations of one view.
#[derive(Debug, Clone)]
pub struct ItemKnowledge {
    view: View,
    /// What the history says about every item.
    pub statistics: ItemStatistics,
    /// What goes with what.
    pub associations: Associations,
    profile_items: usize,
}

impl ItemKnowledge {
    /// Adds up what `view` lets see, with popularity under each of `half_lives`.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn fit(
        shards: &ShardSet,
        view: &View,
        items: &ItemTable,
        half_lives: &[f64],
        settings: &RecommendSettings,
    ) -> Result<Self, ShardError> {
        let statistics = item_statistics(shards, view, items, half_lives)?;
        let counted = transitions(shards, view, &statistics, settings.pair_budget, settings.neighbours)?;
        let associations = Associations::new(&counted, SAME_BASKET, settings.neighbours);
        Ok(Self { view: *view, statistics, associations, profile_items: settings.profile_items })
    }

    /// What is visible.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Own items of a member that speak in the transition term.
    #[must_use]
    pub fn profile_items(&self) -> usize {
        self.profile_items
    }

    /// The score under `parameters`; nothing is blocked yet.
    #[must_use]
    pub fn scorer(&self, parameters: &Parameters) -> Scorer<'_> {
        Scorer::new(self.view, &self.statistics, &self.associations, parameters, self.profile_items)
    }
}
