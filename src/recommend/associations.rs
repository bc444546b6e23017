//! What goes with what, ready to score with.

use crate::items::{Neighbour, Transitions};

/// Baskets added to the count a share is taken of: a share seen on few baskets is small.
const SHRINK: f64 = 10.0;

/// For every item j the items i that go with it, weighted by `C_ji / (n_j + 10)`: C counts the baskets in which i
/// follows j (0.7^(lag − 1)-weighted) or stands beside it, n the baskets that hold j.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Associations {
    /// Items + 1 offsets into `entries`.
    offsets: Vec<u32>,
    entries: Vec<(u32, f32)>,
}

impl Associations {
    /// Joins followers and companions, the latter weighted by `same_basket`, keeping the `kept` strongest of each item.
    #[must_use]
    pub fn new(transitions: &Transitions, same_basket: f64, kept: usize) -> Self {
        let mut whole = Self { offsets: vec![0], entries: Vec::new() };
        let mut row: Vec<(u32, f64)> = Vec::new();
        for item in 0..transitions.len() as u32 {
            let weigh = |neighbours: &[Neighbour], weight: f64, row: &mut Vec<(u32, f64)>| {
                row.extend(neighbours.iter().map(|n| (n.item, weight * Transitions::weight(*n))));
            };
            row.clear();
            weigh(transitions.followers.of(item), 1.0, &mut row);
            if same_basket > 0.0 {
                weigh(transitions.companions.of(item), same_basket, &mut row);
            }
            row.sort_by_key(|e| e.0);
            row.dedup_by(|b, a| {
                let same = a.0 == b.0;
                if same {
                    a.1 += b.1;
                }
                same
            });
            row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            row.truncate(kept);
            let n = transitions.baskets(item) as f64 + SHRINK;
            whole.entries.extend(row.iter().map(|(i, c)| (*i, (c / n) as f32)));
            whole.offsets.push(whole.entries.len() as u32);
        }
        whole
    }

    /// What goes with `item`, strongest first.
    #[must_use]
    pub fn of(&self, item: u32) -> &[(u32, f32)] {
        match (self.offsets.get(item as usize), self.offsets.get(item as usize + 1)) {
            (Some(&start), Some(&end)) => &self.entries[start as usize..end as usize],
            _ => &[],
        }
    }
}
