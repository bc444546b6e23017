//! What members get whose own purchases say nothing: what is popular among members like them.

use std::collections::BTreeMap;

use super::{Candidate, Scorer, Term, Workspace};
use crate::items::GroupPopularity;

/// Baskets of the wider group that a group's popularity is shrunk by.
const PSEUDO_BASKETS: f64 = 50.0;
/// Items of a board.
const LENGTH: usize = 300;
/// Tiers of cities, 1 to 5; 0 is that of a member whose city is not known.
pub const CITY_TIERS: usize = 6;

/// Whose popularity a member gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// That of the member's segment.
    Segment,
    /// That of the cities of the member's tier.
    CityTier,
    /// That of the shop.
    Everyone,
}

impl Fallback {
    /// From the nearest to the widest.
    pub const ALL: [Self; 3] = [Self::Segment, Self::CityTier, Self::Everyone];

    /// The code in files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::CityTier => "city_tier",
            Self::Everyone => "everyone",
        }
    }
}

/// The items of one segment and tier of cities.
#[derive(Debug, Clone, Default, PartialEq)]
struct Board {
    /// Most popular first, with their popularity.
    items: Vec<(u32, f64)>,
    level: Option<Fallback>,
}

/// Boards by segment and tier of cities, as a chain: `p = (W_si + 50 p_t) / (W_s + 50)`, the weighted baskets of the
/// segment that hold the item, shrunk to those of the tier, `p_t = (W_ti + 50 g) / (W_t + 50)`, which are shrunk to the
/// shop's. What the members of a group have too few baskets for comes from the wider one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Boards {
    /// By segment, then by tier.
    boards: Vec<Board>,
}

impl Boards {
    /// Of `segments` segments. The groups of `counted` are the segments, then the tiers (0 to 5); `popularity` is the
    /// shop's by item.
    #[must_use]
    pub fn new(counted: &GroupPopularity, segments: usize, popularity: &[f64]) -> Self {
        let shrunk = |group: usize, item: u32, wider: f64| {
            (counted.with_item(group, item) + PSEUDO_BASKETS * wider) / (counted.baskets(group) + PSEUDO_BASKETS)
        };
        let enough = |group: usize| counted.baskets(group) >= PSEUDO_BASKETS;
        let tiers: Vec<Vec<f64>> = (0..CITY_TIERS)
            .map(|tier| {
                let known = tier > 0;
                let of = |(item, g): (usize, &f64)| if known { shrunk(segments + tier, item as u32, *g) } else { *g };
                popularity.iter().enumerate().map(of).collect()
            })
            .collect();
        let mut boards = Vec::with_capacity(segments * CITY_TIERS);
        for segment in 0..segments {
            for (tier, wider) in tiers.iter().enumerate() {
                let of = |(item, p): (usize, &f64)| (item as u32, shrunk(segment, item as u32, *p));
                let mut items: Vec<(u32, f64)> = wider.iter().enumerate().map(of).filter(|(_, p)| *p > 0.0).collect();
                let order = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
                if items.len() > LENGTH {
                    items.select_nth_unstable_by(LENGTH, order);
                    items.truncate(LENGTH);
                }
                items.sort_unstable_by(order);
                let level = match (enough(segment), tier > 0 && enough(segments + tier)) {
                    (true, _) => Fallback::Segment,
                    (false, true) => Fallback::CityTier,
                    (false, false) => Fallback::Everyone,
                };
                boards.push(Board { items, level: Some(level) });
            }
        }
        Self { boards }
    }

    /// Whether the suggested items of a member rest on nothing of the member's own.
    #[must_use]
    pub fn are_called_for(candidates: &[Candidate]) -> bool {
        candidates.iter().all(|c| matches!(c.term, Term::PopularNow | Term::New { category: None }))
    }

    /// Puts the `n` best items that pass `keep` of the member's board in the place of `candidates`, scored as popularity
    /// is, for the member that was read last. Without a board of the segment they stay as they are.
    #[expect(clippy::too_many_arguments, reason = "who the member is, and where the items come from and go to")]
    pub fn stand_in(
        &self,
        segment: u16,
        city_tier: u8,
        n: usize,
        keep: impl Fn(u32) -> bool,
        scorer: &Scorer<'_>,
        space: &Workspace,
        candidates: &mut Vec<Candidate>,
    ) {
        let tier = usize::from(city_tier) % CITY_TIERS;
        let board = self.boards.get(usize::from(segment) * CITY_TIERS + tier);
        let Some((board, level)) = board.and_then(|b| Some((b, b.level?))) else { return };
        let new: BTreeMap<u32, Term> = candidates.iter().map(|c| (c.item, c.term)).collect();
        candidates.clear();
        candidates.extend(board.items.iter().filter(|(item, _)| keep(*item)).take(n).map(|&(item, popularity)| {
            let term = match (new.get(&item), level) {
                (Some(Term::New { .. }), _) => Term::New { category: None },
                (_, Fallback::Everyone) => Term::PopularNow,
                (_, group) => Term::PopularAmong { group },
            };
            Candidate { item, score: scorer.popular_score(popularity, space), term }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::Day,
        history::{
            ShardSet, Timeline,
            testing::{Row, shards_of},
        },
        items::{NO_GROUP, View},
    };

    /// Sixty members of segment 0 buy item 0, of whom ten live in cities of tier 2 and buy item 1 too; two members of
    /// segment 1 buy item 2.
    #[test]
    fn the_chain_by_hand() {
        let mut rows = Vec::new();
        for m in 0..60 {
            let name = format!("m{m:02}");
            rows.push(Row::buy(&name, 100, 0, 1));
            if m < 10 {
                rows.push(Row::buy(&name, 100, 1, 1));
            }
        }
        rows.extend(["n0", "n1"].map(|name| Row::buy(name, 100, 2, 1)));
        let all = shards_of(&rows, 2);
        let of = |shard: usize, member: usize| {
            let name = all[shard].members.get(member);
            let tier = if name < "m10" { 2 } else { 0 };
            [u16::from(name.starts_with('n')), if tier > 0 { 2 + tier } else { NO_GROUP }]
        };
        let shards = ShardSet::in_memory(all.clone());
        let view = View::at(Day(100), Timeline::Calendar);
        let counted = GroupPopularity::count(&shards, &view, 3, 62, 30.0, 2 + CITY_TIERS, of).unwrap();
        assert_eq!((counted.baskets(0), counted.baskets(1), counted.baskets(4)), (60.0, 2.0, 10.0));
        assert_eq!((counted.with_item(0, 1), counted.with_item(4, 1), counted.with_item(1, 2)), (10.0, 10.0, 2.0));
        let g = [60.0 / 62.0, 10.0 / 62.0, 2.0 / 62.0];
        let boards = Boards::new(&counted, 2, &g);
        let share = |board: usize, item: u32| boards.boards[board].items.iter().find(|i| i.0 == item).unwrap().1;
        // Segment 0, no known city: its own baskets, shrunk to the shop's.
        assert!((share(0, 1) - (10.0 + 50.0 * g[1]) / 110.0).abs() < 1e-12);
        // Segment 1 in cities of tier 2: shrunk to the tier, which is shrunk to the shop.
        let tier = (10.0 + 50.0 * g[1]) / 60.0;
        assert!((share(CITY_TIERS + 2, 1) - 50.0 * tier / 52.0).abs() < 1e-12);
        let levels: Vec<Fallback> = [0, CITY_TIERS, CITY_TIERS + 2].map(|b| boards.boards[b].level.unwrap()).into();
        assert_eq!(levels, [Fallback::Segment, Fallback::Everyone, Fallback::Everyone]);
    }
}
