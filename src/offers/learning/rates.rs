//! Acceptance rates, shrunk level by level: offer × segment → offer → kind → all.
//!
//! A rate of `a` acceptances in `n` contacts below a level of rate `m` is `(a + κ m) / (n + κ)`. `κ` of each level is the
//! one of a fixed grid under which the counts are most likely as draws from beta distributions of mean `m` and weight
//! `κ` (empirical Bayes; Gelman et al. 2013, ch. 5).

use serde::{Deserialize, Serialize};

use super::{Offering, SoFar, observe::Observation};
use crate::{base::Day, evaluate::special::ln_gamma};

/// Weights that are tried, in contacts.
const WEIGHTS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 3000.0, 10_000.0];

/// Contacts with a known outcome, and acceptances among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Contacts.
    pub contacts: u64,
    /// Acceptances.
    pub accepted: u64,
}

impl Level {
    fn add(&mut self, accepted: bool) {
        self.contacts += 1;
        self.accepted += u64::from(accepted);
    }

    fn shrunk(self, to: f64, weight: f64) -> f64 {
        (self.accepted as f64 + weight * to) / (self.contacts as f64 + weight)
    }
}

/// The rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Of all contacts.
    pub all: Level,
    /// By kind.
    pub kinds: Vec<Level>,
    /// By offer.
    pub offers: Vec<Level>,
    /// By offer, then segment.
    pub segments: Vec<Vec<Level>>,
    /// Weight of the level above for kinds, offers, and segments of an offer, in contacts.
    pub weights: [f64; 3],
    /// By offer: its kind.
    kind: Vec<u16>,
}

/// An observation with the rates that were known when it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) member: u64,
    pub(super) offer: Option<u16>,
    pub(super) sent: Day,
    pub(super) known: Option<Day>,
    pub(super) accepted: bool,
    /// The rate of the offer in the segment, by what was known.
    pub(super) rate: f64,
    /// The rate of all contacts, by what was known.
    pub(super) base: f64,
    pub(super) so_far: SoFar,
}

impl Rates {
    fn none(offering: &Offering) -> Self {
        Self {
            all: Level::default(),
            kinds: vec![Level::default(); offering.kinds],
            offers: vec![Level::default(); offering.kind.len()],
            segments: vec![vec![Level::default(); offering.segments]; offering.kind.len()],
            weights: [WEIGHTS[4]; 3],
            kind: offering.kind.clone(),
        }
    }

    fn add(&mut self, observation: &Observation) {
        self.all.add(observation.accepted);
        let Some(offer) = observation.offer.map(usize::from).filter(|o| *o < self.offers.len()) else { return };
        if let Some(kind) = self.kinds.get_mut(usize::from(self.kind[offer])) {
            kind.add(observation.accepted);
        }
        self.offers[offer].add(observation.accepted);
        if let Some(level) = self.segments[offer].get_mut(usize::from(observation.segment)) {
            level.add(observation.accepted);
        }
    }

    /// Counts observations whose outcome is known, and finds the weights.
    #[must_use]
    pub fn fit<'o>(observations: impl Iterator<Item = &'o Observation>, offering: &Offering) -> Self {
        let mut rates = Self::none(offering);
        observations.filter(|o| o.known.is_some()).for_each(|o| rates.add(o));
        let base = rates.base();
        rates.weights[0] = likeliest(rates.kinds.iter().map(|k| (*k, base)));
        rates.weights[1] =
            likeliest(rates.offers.iter().zip(&rates.kind).map(|(o, kind)| (*o, rates.kind_rate(*kind))));
        let below = |offer: usize| rates.segments[offer].iter().map(move |s| (*s, offer));
        rates.weights[2] =
            likeliest((0..rates.offers.len()).flat_map(below).map(|(s, offer)| (s, rates.offer_rate(offer))));
        rates
    }

    /// The rate of all contacts, a little towards one half.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.all.shrunk(0.5, 1.0)
    }

    fn kind_rate(&self, kind: u16) -> f64 {
        let level = self.kinds.get(usize::from(kind)).copied().unwrap_or_default();
        level.shrunk(self.base(), self.weights[0])
    }

    fn offer_rate(&self, offer: usize) -> f64 {
        self.offers[offer].shrunk(self.kind_rate(self.kind[offer]), self.weights[1])
    }

    /// The rate of an offer in a segment; that of all contacts for an offer that is not in the catalogue.
    #[must_use]
    pub fn rate(&self, offer: u16, segment: u16) -> f64 {
        let offer = usize::from(offer);
        if offer >= self.offers.len() {
            return self.base();
        }
        let level = self.segments[offer].get(usize::from(segment)).copied().unwrap_or_default();
        level.shrunk(self.offer_rate(offer), self.weights[2])
    }

    /// Every observation with the rates as they were known when it was sent: a contact counts from the day after its
    /// outcome became known. `observations` come in the order of sending.
    pub(super) fn walk(&self, observations: &[Observation], offering: &Offering) -> Vec<Row> {
        let mut so_far = Self { weights: self.weights, ..Self::none(offering) };
        let mut becoming: Vec<&Observation> = observations.iter().filter(|o| o.known.is_some()).collect();
        becoming.sort_by_key(|o| (o.known, o.order()));
        let mut becoming = becoming.into_iter().peekable();
        observations
            .iter()
            .map(|o| {
                while let Some(done) = becoming.next_if(|b| b.known.is_some_and(|day| day < o.sent)) {
                    so_far.add(done);
                }
                Row {
                    member: o.member,
                    offer: o.offer,
                    sent: o.sent,
                    known: o.known,
                    accepted: o.accepted,
                    rate: o.offer.map_or(so_far.base(), |offer| so_far.rate(offer, o.segment)),
                    base: so_far.base(),
                    so_far: o.so_far,
                }
            })
            .collect()
    }
}

/// The weight under which counts below levels of given rates are most likely.
fn likeliest(levels: impl Iterator<Item = (Level, f64)>) -> f64 {
    let levels: Vec<(Level, f64)> = levels.filter(|(l, _)| l.contacts > 0).collect();
    let likelihood = |weight: f64| -> f64 {
        let one = |(level, mean): &(Level, f64)| {
            let (a, n) = (level.accepted as f64, level.contacts as f64);
            let (alpha, beta) = (weight * mean, weight * (1.0 - mean));
            ln_beta(alpha + a, beta + n - a) - ln_beta(alpha, beta)
        };
        levels.iter().map(one).sum()
    };
    let best = WEIGHTS.iter().map(|w| (*w, likelihood(*w))).max_by(|a, b| a.1.total_cmp(&b.1));
    // Nothing to tell the weights apart by: one in the middle.
    best.filter(|_| levels.len() > 1).map_or(WEIGHTS[4], |(weight, _)| weight)
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_levels_are_shrunk_hard_and_unlike_ones_little() {
        let level = |accepted, contacts| (Level { contacts, accepted }, 0.2);
        let alike = likeliest((0..20).map(|_| level(20, 100)));
        let unlike = likeliest((0..20).map(|i| level(if i % 2 == 0 { 38 } else { 2 }, 100)));
        assert!(alike >= 1000.0 && unlike <= 20.0, "{alike} {unlike}");
    }
}
