//! What goes with what, ready to score with.

use crate::items::Transitions;

/// For every item j the items i that go with it, with C_ji, and m_j (see [`Transitions`]): `Σ_j u_j C_ji / Σ_j u_j m_j` is
/// the share of i in the next baskets of members whose profile is like u.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Associations {
    /// Items + 1 offsets into `entries`.
    offsets: Vec<u32>,
    entries: Vec<(u32, f32)>,
    mass: Vec<f32>,
    /// By entry: the logarithm of its lift over the item's share of next baskets whatever was bought before.
    lifts: Vec<f32>,
}

impl Associations {
    pub(super) const NOTHING: Self =
        Self { offsets: Vec::new(), entries: Vec::new(), mass: Vec::new(), lifts: Vec::new() };

    /// The rows of `transitions`, scaled so that the largest mass is 1.
    #[must_use]
    pub fn new(transitions: &Transitions) -> Self {
        let largest = (0..transitions.len() as u32).map(|i| transitions.mass(i)).max().unwrap_or(0).max(1) as f64;
        let mut whole = Self { offsets: vec![0], entries: Vec::with_capacity(transitions.pairs()), ..Self::default() };
        for item in 0..transitions.len() as u32 {
            whole.entries.extend(transitions.of(item).iter().map(|n| (n.item, (n.count as f64 / largest) as f32)));
            whole.offsets.push(whole.entries.len() as u32);
            whole.mass.push((transitions.mass(item) as f64 / largest) as f32);
        }
        let mass: f64 = whole.mass.iter().map(|m| f64::from(*m)).sum();
        let mut base = vec![0.0f64; transitions.len()];
        for (item, count) in &whole.entries {
            base[*item as usize] += f64::from(*count);
        }
        // `Σ_j C_ji / Σ_j m_j`.
        let base: Vec<f32> = base.into_iter().map(|sum| (sum / mass.max(f64::MIN_POSITIVE)) as f32).collect();
        let mut lifts = Vec::with_capacity(whole.entries.len());
        for source in 0..transitions.len() as u32 {
            let lift = |&(item, count): &(u32, f32)| {
                (count / (whole.mass(source) * base[item as usize]).max(f32::MIN_POSITIVE)).ln()
            };
            lifts.extend(whole.of(source).iter().map(lift));
        }
        Self { lifts, ..whole }
    }

    /// [`Associations::of`], and how much each entry tells of its item: the logarithm of its lift over the item's share of
    /// next baskets whatever was bought before. Its part of a score times this says which source tells most.
    pub(super) fn telling(&self, item: u32) -> impl Iterator<Item = (u32, f32, f32)> {
        let start = self.offsets.get(item as usize).map_or(0, |start| *start as usize);
        let entries = self.of(item);
        entries.iter().zip(&self.lifts[start..][..entries.len()]).map(|((item, count), lift)| (*item, *count, *lift))
    }

    /// C_ji of what goes with `item`, largest first.
    #[must_use]
    pub fn of(&self, item: u32) -> &[(u32, f32)] {
        match (self.offsets.get(item as usize), self.offsets.get(item as usize + 1)) {
            (Some(&start), Some(&end)) => &self.entries[start as usize..end as usize],
            _ => &[],
        }
    }

    /// m of `item`.
    #[must_use]
    pub fn mass(&self, item: u32) -> f32 {
        self.mass.get(item as usize).copied().unwrap_or(0.0)
    }
}
