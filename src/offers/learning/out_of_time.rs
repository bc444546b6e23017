//! How well the learning predicts contacts that were sent after everything it was fitted on.

use rand::Rng as _;

use super::{Acceptance, Enough, Observation, Offering, log_loss};
use crate::{
    base::{Day, seed},
    evaluate::{Interval, Resamples},
};

/// Least probability that a log-loss is taken of.
const LEAST: f64 = 1e-6;

/// A probability and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Hash of the member id.
    pub member: u64,
    /// Index of the offer; `None` where it is not in the catalogue.
    pub offer: Option<u16>,
    /// Predicted probability of an acceptance.
    pub probability: f64,
    /// Whether it was accepted.
    pub accepted: bool,
}

impl Prediction {
    /// Log-loss in nats.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let p = self.probability.clamp(LEAST, 1.0 - LEAST);
        if self.accepted { -p.ln() } else { -(1.0 - p).ln() }
    }
}

/// A way to predict, with its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its name: `base`, `rates`, `learned`.
    pub name: &'static str,
    /// Mean log-loss in nats with its 95% interval over members.
    pub log_loss: Interval,
    /// By how much its log-loss is lower than that of the base rate, with the interval of the difference.
    pub gain: Interval,
    /// The same gain with the interval over offers: what it would be with other offers.
    pub gain_over_offers: Interval,
    /// What was predicted against what came, in fifths.
    pub reliability: Vec<ReliableBin>,
    /// Mean distance of the two over the bins, weighted by contacts (expected calibration error), with its interval over
    /// offers.
    pub calibration_error: Interval,
    /// Every prediction, in the order of contacts.
    pub predictions: Vec<Prediction>,
}

/// The figures of a series of trials.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfTime {
    /// Contacts that were predicted.
    pub contacts: u64,
    /// Acceptances among them.
    pub accepted: u64,
    /// Days on which a trial was fitted.
    pub cuts: Vec<Day>,
    /// The base rate, the rates alone, and what is learned.
    pub scored: Vec<Scored>,
}

/// Predicts each contact by what was known on the last of `cuts` before it was sent: everything is learned afresh on
/// every cut from the contacts whose outcome was known by then. Contacts before the first cut at which there was enough
/// are not predicted. Intervals are percentiles over `resamples` resamples of members.
#[must_use]
pub fn out_of_time(
    observations: &[Observation],
    offering: &Offering,
    enough: Enough,
    cuts: &[Day],
    resamples: usize,
    job_seed: u64,
) -> Option<OutOfTime> {
    let mut ways: [Vec<Prediction>; 3] = Default::default();
    let mut used = Vec::new();
    for (at, cut) in cuts.iter().enumerate() {
        let until = cuts.get(at + 1);
        let seen: Vec<Observation> = observations
            .iter()
            .filter(|o| o.sent <= *cut)
            .map(|o| Observation { known: o.known.filter(|day| day <= cut), ..*o })
            .map(|o| Observation { accepted: o.accepted && o.known.is_some(), ..o })
            .collect();
        let Some(learned) = Acceptance::learn(seen, offering, enough) else { continue };
        let next = observations.iter().filter(|o| o.sent > *cut && until.is_none_or(|u| o.sent <= *u));
        for o in next.filter(|o| o.known.is_some()) {
            let offer = o.offer.unwrap_or(u16::MAX);
            let all = learned.rates.all;
            let base = all.accepted as f64 / all.contacts as f64;
            let p = [base, learned.rates.rate(offer, o.segment), learned.probability(offer, o.segment, &o.so_far)];
            for (way, probability) in ways.iter_mut().zip(p) {
                way.push(Prediction { member: o.member, offer: o.offer, probability, accepted: o.accepted });
            }
        }
        used.push(*cut);
    }
    if ways[0].is_empty() {
        return None;
    }
    let losses: Vec<Vec<f64>> = ways.iter().map(|w| w.iter().map(Prediction::loss).collect()).collect();
    let by_member: Vec<u64> = ways[0].iter().map(|p| p.member).collect();
    let by_offer: Vec<u64> = ways[0].iter().map(|p| p.offer.map_or(u64::MAX, u64::from)).collect();
    let over_members = intervals(&by_member, &losses, resamples, job_seed);
    let over_offers = intervals(&by_offer, &losses, resamples, job_seed);
    let mut scored = Vec::with_capacity(ways.len());
    for (at, (name, predictions)) in ["base", "rates", "learned"].into_iter().zip(&ways).enumerate() {
        let (reliability, calibration_error) = reliable(predictions, resamples, job_seed);
        scored.push(Scored {
            name,
            log_loss: over_members.0[at],
            gain: over_members.1[at],
            gain_over_offers: over_offers.1[at],
            reliability,
            calibration_error,
            predictions: predictions.clone(),
        });
    }
    Some(OutOfTime {
        contacts: ways[0].len() as u64,
        accepted: ways[0].iter().filter(|p| p.accepted).count() as u64,
        cuts: used,
        scored,
    })
}

/// Intervals of mean losses and of their differences to the first, over resamples of clusters: contacts of one member, or
/// of one offer, are not independent of each other. `cluster` has one of each contact.
fn intervals(cluster: &[u64], losses: &[Vec<f64>], resamples: usize, job_seed: u64) -> (Vec<Interval>, Vec<Interval>) {
    let mut members: Vec<(u64, usize)> = cluster.iter().enumerate().map(|(i, c)| (*c, i)).collect();
    members.sort_unstable();
    let groups: Vec<(f64, Vec<f64>)> = members
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| {
            let sum = |loss: &Vec<f64>| group.iter().map(|(_, i)| loss[*i]).sum::<f64>();
            (group.len() as f64, losses.iter().map(sum).collect())
        })
        .collect();
    let mut rng = seed::rng(job_seed, "out of time");
    let ways = losses.len();
    let mut draws: Vec<Vec<f64>> = vec![Vec::with_capacity(resamples); ways];
    let mut differences = draws.clone();
    for _ in 0..resamples {
        let (mut n, mut sums) = (0.0, vec![0.0; ways]);
        for _ in 0..groups.len() {
            let (count, loss) = &groups[rng.gen_range(0..groups.len())];
            n += count;
            sums.iter_mut().zip(loss).for_each(|(s, l)| *s += l);
        }
        for way in 0..ways {
            draws[way].push(sums[way] / n);
            differences[way].push((sums[0] - sums[way]) / n);
        }
    }
    let mean = |loss: &[f64]| loss.iter().sum::<f64>() / loss.len() as f64;
    let interval = |mean: f64, draws: &mut Vec<f64>| {
        draws.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| draws.get(((draws.len().max(1) - 1) as f64 * share).round() as usize).copied();
        Interval { mean, low: at(0.025).unwrap_or(mean), high: at(0.975).unwrap_or(mean) }
    };
    let means = losses.iter().zip(&mut draws).map(|(l, d)| interval(mean(l), d)).collect();
    let first = mean(&losses[0]);
    let gains = losses.iter().zip(&mut differences).map(|(l, d)| interval(first - mean(l), d)).collect();
    (means, gains)
}

/// Predictions next to each other, what came of them, and how far chance among offers could have moved that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliableBin {
    /// Contacts.
    pub contacts: u64,
    /// Offers they are of.
    pub offers: u64,
    /// Mean prediction.
    pub predicted: f64,
    /// Share that was accepted, with its interval over offers.
    pub accepted: Interval,
    /// Share less prediction, with its interval over offers.
    pub off: Interval,
}

/// Bins of the reliability table.
const BINS: usize = 5;

/// The reliability table in fifths, and the calibration error, with intervals over resamples of offers: what a campaign was
/// like is the chance that matters, and its contacts share it.
fn reliable(predictions: &[Prediction], resamples: usize, job_seed: u64) -> (Vec<ReliableBin>, Interval) {
    let mut sorted: Vec<&Prediction> = predictions.iter().collect();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let mut offers: Vec<Option<u16>> = sorted.iter().map(|p| p.offer).collect();
    offers.sort_unstable();
    offers.dedup();
    // By bin and offer: contacts, predictions, acceptances.
    let cells: Vec<Vec<[f64; 3]>> = (0..BINS)
        .map(|bin| {
            let mut own = vec![[0.0; 3]; offers.len()];
            for p in &sorted[sorted.len() * bin / BINS..sorted.len() * (bin + 1) / BINS] {
                if let Ok(at) = offers.binary_search(&p.offer) {
                    let more = [1.0, p.probability, f64::from(u8::from(p.accepted))];
                    own[at].iter_mut().zip(more).for_each(|(sum, m)| *sum += m);
                }
            }
            own
        })
        .collect();
    let sums = |bin: usize, times: &[f64]| {
        let mut sum = [0.0; 3];
        for (cell, times) in cells[bin].iter().zip(times) {
            sum.iter_mut().zip(cell).for_each(|(s, c)| *s += times * c);
        }
        sum
    };
    let error = |times: &[f64]| {
        let all: Vec<[f64; 3]> = (0..BINS).map(|bin| sums(bin, times)).collect();
        let contacts: f64 = all.iter().map(|s| s[0]).sum();
        all.iter().map(|s| (s[2] - s[1]).abs()).sum::<f64>() / contacts.max(1.0)
    };
    let mut rng = seed::rng(job_seed, "reliability");
    let draws: Vec<Vec<f64>> = (0..resamples)
        .map(|_| {
            let mut times = vec![0.0; offers.len()];
            (0..offers.len()).for_each(|_| times[rng.gen_range(0..offers.len())] += 1.0);
            times
        })
        .collect();
    let once = vec![1.0; offers.len()];
    let bins = (0..BINS).map(|bin| {
        let [n, predicted, accepted] = sums(bin, &once);
        let resampled: Vec<[f64; 3]> = draws.iter().map(|times| sums(bin, times)).filter(|s| s[0] > 0.0).collect();
        let share = accepted / n.max(1.0);
        ReliableBin {
            contacts: n as u64,
            offers: cells[bin].iter().filter(|c| c[0] > 0.0).count() as u64,
            predicted: predicted / n.max(1.0),
            accepted: Resamples::interval(share, resampled.iter().map(|s| s[2] / s[0])),
            off: Resamples::interval(share - predicted / n.max(1.0), resampled.iter().map(|s| (s[2] - s[1]) / s[0])),
        }
    });
    (bins.collect(), Resamples::interval(error(&once), draws.iter().map(|times| error(times))))
}

/// Mean log-loss of every way, by name.
impl OutOfTime {
    /// The figures of the way called `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Scored> {
        self.scored.iter().find(|s| s.name == name)
    }

    /// Mean log-loss of the way called `name`, in nats.
    #[must_use]
    pub fn log_loss(&self, name: &str) -> Option<f64> {
        self.of(name).map(|s| log_loss(&s.predictions))
    }
}
