//! The explore term of one member, `π = (1 − Σ w) · g + Σ w · term`: what others of the shop's members make of the member.

use super::{
    Associations, ItemKnowledge, Parameters, Workspace, categories::CategoryShares, panel::Panel, tastes::Tastes,
};
use crate::base::top_k::TopK;

/// The terms under one setting.
#[derive(Debug)]
pub(super) struct Explore<'a> {
    pub(super) parameters: Parameters,
    pub(super) associations: &'a Associations,
    pub(super) categories: &'a CategoryShares,
    pub(super) tastes: &'a Tastes,
    pub(super) panel: &'a Panel,
    profile_items: usize,
}

impl<'a> Explore<'a> {
    /// Popularity and transitions are taken under the half-lives that are nearest to the parameters'.
    pub(super) fn new(knowledge: &'a ItemKnowledge, parameters: &Parameters) -> Self {
        let popularity = knowledge.half_life_index(parameters.half_life_days).unwrap_or(0);
        Self {
            parameters: *parameters,
            associations: knowledge.associations(parameters.transition_half_life_days),
            categories: knowledge.categories(popularity),
            tastes: knowledge.tastes(),
            panel: knowledge.panel(),
            profile_items: knowledge.profile_items(),
        }
    }

    /// Puts `scale` times the terms other than popularity of the member `id`, who was read, into `space.explore`, and
    /// `scale` times the share of popularity into `space.popularity_weight`. A term that has nothing to say of the member
    /// leaves its share to popularity.
    pub(super) fn read(&self, id: &str, scale: f64, space: &mut Workspace) {
        let p = &self.parameters;
        space.explore.clear();
        let mut popularity = p.popularity_weight();
        if p.transition_weight > 0.0 {
            space.find_sources(self.associations, self.profile_items);
            let weight = (scale * p.transition_weight) as f32;
            Workspace::associate(&space.sources, self.associations, weight, &mut space.explore);
            if space.sources.is_empty() {
                popularity += p.transition_weight;
            }
        }
        if p.category_weight > 0.0 {
            space.find_categories(self.categories);
            let weight = (scale * p.category_weight) as f32;
            Workspace::in_categories(&space.categories, self.categories, weight, &mut space.explore);
            if space.categories.is_empty() {
                popularity += p.category_weight;
            }
        }
        if p.segment_weight > 0.0 {
            let Workspace { segment, own, near, explore, .. } = space;
            let segment = segment.get_or_insert_with(|| self.tastes.segment(own, &mut near.vector));
            match segment.map(|segment| self.tastes.get(segment)) {
                Some(segment) => {
                    let weight = (scale * p.segment_weight) as f32;
                    segment.shares.iter().for_each(|(item, share)| explore.add(*item, weight * share));
                    popularity += p.segment_weight * segment.left;
                }
                None => popularity += p.segment_weight,
            }
        }
        if p.neighbour_weight > 0.0 {
            let Workspace { own, near, explore, .. } = space;
            if !near.known {
                self.panel.find(id, own, near);
            }
            let weight = (scale * p.neighbour_weight) as f32;
            for &item in near.shares.touched() {
                explore.add(item, weight * near.shares.get(item));
            }
            if near.found.is_empty() {
                popularity += p.neighbour_weight;
            }
        }
        space.popularity_weight = scale * popularity;
    }
}

/// Offers `top` the items that the member does not have, by the explore term in `space`: exactly the best of all those
/// that pass `keep`. `popularity` is g by item, `by_popularity` the items of positive g in falling order.
pub(super) fn best_new(
    space: &Workspace,
    popularity: impl Fn(u32) -> f64,
    by_popularity: &[u32],
    keep: impl Fn(u32) -> bool,
    top: &mut TopK,
) {
    let popular = |item: u32| space.popularity_weight * popularity(item);
    let mut floor = top.threshold().unwrap_or(0.0);
    for &item in space.explore.touched() {
        let score = f64::from(space.explore.get(item)) + popular(item);
        if score >= floor && score > 0.0 && !space.has(item) && keep(item) {
            top.push(score, item);
            floor = top.threshold().unwrap_or(0.0);
        }
    }
    // What no other term speaks of scores by popularity alone: the first that falls short ends the search.
    for &item in by_popularity {
        let score = popular(item);
        if score <= 0.0 || score < floor {
            break;
        }
        if !space.has(item) && space.explore.get(item) == 0.0 && keep(item) {
            top.push(score, item);
            floor = top.threshold().unwrap_or(0.0);
        }
    }
}
