//! Lists that are not ten times the same: how alike items are, maximal marginal relevance, quotas for categories.

use std::collections::BTreeMap;

use super::Candidate;
use crate::input::ItemTable;

/// How much of the likeness of two items is their category, where their brands are known too.
const CATEGORY_SHARE: f64 = 0.8;

/// How alike items are, 0 to 1, by what the items table says of them.
///
/// Variants of one product are fully alike. Else it is the share of the category path that two items have in common (a
/// leaf category in common is 1, of `pet/food` and `pet/toy` ½), to a fifth whether the brand is the same; what one of
/// the two lacks is left out of account. Items of which neither is known are not alike.
#[derive(Debug, Clone, Default)]
pub struct Likeness {
    /// By item; empty where the shop has no such column.
    category: Vec<u32>,
    brand: Vec<u32>,
    family: Vec<u32>,
    /// By category: the parts of its path, numbered so that equal starts have equal numbers.
    parts: Vec<Vec<u32>>,
}

impl Likeness {
    /// Of a shop's items.
    #[must_use]
    pub fn new(items: &ItemTable) -> Self {
        let mut starts: BTreeMap<&str, u32> = BTreeMap::new();
        let parts = items
            .categories
            .iter()
            .map(|path| {
                let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
                ends.map(|end| {
                    let next = starts.len() as u32;
                    *starts.entry(&path[..end]).or_insert(next)
                })
                .collect()
            })
            .collect();
        let family = match items.parent.is_empty() {
            true => Vec::new(),
            false => (0..items.len() as u32).map(|i| items.parent_of(i).unwrap_or(i)).collect(),
        };
        Self { category: items.category.clone(), brand: items.brand.clone(), family, parts }
    }

    /// Whether anything is known that items could be alike by.
    #[must_use]
    pub fn knows_anything(&self) -> bool {
        !(self.parts.is_empty() && self.brand.is_empty() && self.family.is_empty())
    }

    /// Of two items.
    #[must_use]
    pub fn of(&self, a: u32, b: u32) -> f64 {
        if a == b || self.family.get(a as usize).is_some_and(|f| self.family.get(b as usize) == Some(f)) {
            return 1.0;
        }
        let known = |column: &[u32], item: u32| column.get(item as usize).copied().filter(|v| *v != crate::input::NONE);
        let both = |column: &[u32]| Some((known(column, a)?, known(column, b)?));
        let category = both(&self.category).map(|(a, b)| self.of_categories(a, b));
        let brand = both(&self.brand).map(|(a, b)| f64::from(u8::from(a == b)));
        match (category, brand) {
            (Some(category), Some(brand)) => CATEGORY_SHARE * category + (1.0 - CATEGORY_SHARE) * brand,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        }
    }

    /// The share of their paths that two categories have in common.
    #[must_use]
    pub fn of_categories(&self, a: u32, b: u32) -> f64 {
        let (Some(a), Some(b)) = (self.parts.get(a as usize), self.parts.get(b as usize)) else { return 0.0 };
        let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        common as f64 / a.len().max(b.len()).max(1) as f64
    }
}

/// Maximal marginal relevance (Carbonell & Goldstein 1998): `λ · relevance − (1 − λ) · max likeness` to what is on the list
/// already, relevance being the score over the best score.
#[must_use]
pub fn marginal_relevance(lambda: f64, relevance: f64, nearest: f64) -> f64 {
    lambda * relevance - (1.0 - lambda) * nearest
}

/// Most places of a list for categories, each with all below it.
#[derive(Debug, Clone, Default)]
pub struct Quotas {
    /// By quota: its categories (one flag each), and the most places.
    quotas: Vec<(Vec<bool>, u8)>,
    /// Most places for any one category.
    each: Option<u8>,
}

impl Quotas {
    /// `of` are paths of categories with the most places for each; `each` is the most for any one category.
    #[must_use]
    pub fn new(items: &ItemTable, of: &BTreeMap<String, u8>, each: Option<u8>) -> Self {
        let below = |path: &str, top: &str| path.strip_prefix(top).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        let flags = |top: &str| items.categories.iter().map(|path| below(path, top)).collect();
        Self { quotas: of.iter().map(|(top, most)| (flags(top), *most)).collect(), each }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quotas.is_empty() && self.each.is_none()
    }

    /// Whether one more of `category` is too many beside a list with these categories.
    pub fn is_full(&self, category: u32, list: &(impl Iterator<Item = u32> + Clone)) -> bool {
        let holds = |flags: &[bool], c: u32| flags.get(c as usize).copied().unwrap_or(false);
        let full = |flags: &[bool], most: u8| {
            holds(flags, category) && list.clone().filter(|c| holds(flags, *c)).count() >= usize::from(most)
        };
        self.each.is_some_and(|most| list.clone().filter(|c| *c == category).count() >= usize::from(most))
            || self.quotas.iter().any(|(flags, most)| full(flags, *most))
    }
}

/// What a list of suggested items must look like beside their scores.
#[derive(Debug, Clone)]
pub struct Assortment {
    likeness: Likeness,
    quotas: Quotas,
    lambda: f64,
}

impl Assortment {
    /// With the weight of the score against likeness (1: the score alone) and quotas.
    #[must_use]
    pub fn new(items: &ItemTable, lambda: f64, quotas: Quotas) -> Self {
        Self { likeness: Likeness::new(items), quotas, lambda }
    }

    /// Picks `n` of `candidates` (best first) one after the other, into `out`, which is cleared; ties go to the earlier
    /// candidate.
    pub fn pick(&self, candidates: &[Candidate], n: usize, out: &mut Vec<Candidate>) {
        out.clear();
        let best = candidates.iter().map(|c| c.score).fold(0.0, f64::max);
        let mut left: Vec<(&Candidate, f64)> = candidates.iter().map(|c| (c, 0.0)).collect();
        let category = |item: u32| self.likeness.category.get(item as usize).copied();
        while out.len() < n && !left.is_empty() {
            left.retain(|(c, _)| {
                let taken = out.iter().filter_map(|c| category(c.item));
                category(c.item).is_none_or(|own| !self.quotas.is_full(own, &taken))
            });
            let value = |(c, nearest): &(&Candidate, f64)| {
                marginal_relevance(self.lambda, if best > 0.0 { c.score / best } else { 0.0 }, *nearest)
            };
            let values: Vec<f64> = left.iter().map(value).collect();
            let mut at = 0;
            for (other, found) in values.iter().enumerate() {
                if found.total_cmp(&values[at]).is_gt() {
                    at = other;
                }
            }
            if left.is_empty() {
                break;
            }
            let (picked, _) = left.remove(at);
            out.push(*picked);
            if self.lambda < 1.0 {
                for (c, nearest) in &mut left {
                    *nearest = nearest.max(self.likeness.of(c.item, picked.item));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::IdTable, recommend::Term};

    fn shop() -> ItemTable {
        let none = crate::input::NONE;
        ItemTable {
            ids: IdTable::from_unsorted(["a", "b", "c", "d", "e"]),
            categories: IdTable::from_unsorted(["pet/food", "pet/toy", "tea"]),
            category: vec![0, 0, 1, 2, none],
            brands: IdTable::from_unsorted(["x", "y"]),
            brand: vec![0, 1, 0, 0, 1],
            parent: vec![none, none, none, none, 3],
            ..ItemTable::default()
        }
    }

    #[test]
    fn likeness_by_hand() {
        let like = Likeness::new(&shop());
        let close = |a, b, expected: f64| {
            assert!((like.of(a, b) - expected).abs() < 1e-12, "{a} {b}: {}", like.of(a, b));
            assert_eq!(like.of(a, b), like.of(b, a));
        };
        close(0, 0, 1.0);
        close(0, 1, 0.8);
        close(0, 2, 0.6);
        close(0, 3, 0.2);
        close(1, 3, 0.0);
        // By brand alone, for one has no category; a variant.
        close(1, 4, 1.0);
        close(3, 4, 1.0);
        assert!(!Likeness::new(&ItemTable::default()).knows_anything());
    }

    fn picked(lambda: f64, quotas: &[(&str, u8)], each: Option<u8>, n: usize) -> Vec<u32> {
        let items = shop();
        let quotas = quotas.iter().map(|(c, n)| ((*c).to_owned(), *n)).collect();
        let assortment = Assortment::new(&items, lambda, Quotas::new(&items, &quotas, each));
        let candidates: Vec<Candidate> = [(0, 1.0), (1, 0.9), (2, 0.8), (3, 0.7)]
            .map(|(item, score)| Candidate { item, score, term: Term::PopularNow })
            .into();
        let mut out = Vec::new();
        assortment.pick(&candidates, n, &mut out);
        out.iter().map(|c| c.item).collect()
    }

    #[test]
    fn relevance_against_likeness() {
        assert_eq!(picked(1.0, &[], None, 9), [0, 1, 2, 3]);
        // After item 0: 1 has .45 − .4, 2 has .4 − .3, 3 has .35 − .1; then 1 and 2 are as near to 0 as before.
        assert_eq!(picked(0.5, &[], None, 9), [0, 3, 2, 1]);
        assert_eq!(picked(0.9, &[], None, 2), [0, 1]);
    }

    #[test]
    fn quotas_hold() {
        assert_eq!(picked(1.0, &[], Some(1), 9), [0, 2, 3]);
        assert_eq!(picked(1.0, &[("pet", 1)], None, 9), [0, 3]);
        assert_eq!(picked(1.0, &[("pet", 2), ("tea", 1)], Some(2), 9), [0, 1, 3]);
        assert!(Quotas::new(&shop(), &BTreeMap::new(), None).is_empty());
    }
}
