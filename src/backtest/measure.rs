//! From lists to figures: one observation a member.

use super::{Case, Cases, Counts, MethodLists};
use crate::{
    evaluate::{
        beyond::{self, Exposure},
        ranking::{self, Ideal},
    },
    recommend::Likeness,
};

/// Lengths of the lists that are judged.
pub const LENGTHS: [usize; 3] = [5, 10, 20];

/// What is measured of a list, by name.
pub const METRICS: [&str; 6] = ["recall", "ndcg", "ndcg_std", "precision", "hit_rate", "map"];

/// Figures of one list against one truth: metrics by length.
pub const FIGURES: usize = METRICS.len() * LENGTHS.len();

/// Length of the list that coverage, novelty and the like look at.
const BEYOND_LENGTH: usize = 10;

/// Members whose lists' diversity is measured.
const DIVERSITY_SAMPLE: usize = 2_000;

/// Which list is held against which part of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The mixed list against everything that was bought.
    Overall,
    /// The mixed list against what the member had bought before.
    Repeat,
    /// The mixed list against what the member had not bought before.
    Explore,
    /// The list without already-bought items against what the member had not bought before.
    ExploreList,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Overall, Self::Repeat, Self::Explore, Self::ExploreList];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overall => "overall",
            Self::Repeat => "repeat",
            Self::Explore => "explore",
            Self::ExploreList => "explore_list",
        }
    }
}

/// The name of a figure: its metric and the length of the list, such as `recall@10`.
#[must_use]
pub fn figure_name(figure: usize) -> String {
    format!("{}@{}", METRICS[figure / LENGTHS.len()], LENGTHS[figure % LENGTHS.len()])
}

/// The observations of one method.
#[derive(Debug, Clone)]
pub struct Measured {
    /// By scope, case and figure: shape `(4, cases, FIGURES)`; 0 where the scope does not apply to the case.
    pub values: Vec<f64>,
    /// Beyond accuracy.
    pub beyond: Beyond,
}

/// What a method's lists of ten are like, hits apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Beyond {
    /// Share of the items with a purchase in the history that stand on any list.
    pub coverage: f64,
    /// Gini coefficient of how often those items are listed: 0 = all alike, 1 = one item takes all.
    pub gini: f64,
    /// Mean of −log2 of the share of members who bought the item.
    pub novelty: f64,
    /// Mean over the pairs of a list of 1 − cosine of the sets of members who bought the two.
    pub diversity: f64,
    /// Mean over the pairs of a list of 1 − likeness by category and brand; 0 where the shop says neither.
    pub variety: f64,
    /// Share of the members on whose list nothing rests on their own history.
    pub fallback_members: f64,
    /// Share of the places that do not rest on the member's own history.
    pub fallback_slots: f64,
}

impl Beyond {
    /// Each figure with its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("coverage", self.coverage),
            ("gini", self.gini),
            ("novelty", self.novelty),
            ("diversity", self.diversity),
            ("variety", self.variety),
            ("fallback_members", self.fallback_members),
            ("fallback_slots", self.fallback_slots),
        ]
    }

    /// The mean of several, weighted.
    #[must_use]
    pub fn mean(parts: &[(f64, Self)]) -> Self {
        let whole: f64 = parts.iter().map(|p| p.0).sum();
        let mean = |get: fn(&Self) -> f64| parts.iter().map(|(w, b)| w * get(b)).sum::<f64>() / whole.max(1e-300);
        Self {
            coverage: mean(|b| b.coverage),
            gini: mean(|b| b.gini),
            novelty: mean(|b| b.novelty),
            diversity: mean(|b| b.diversity),
            variety: mean(|b| b.variety),
            fallback_members: mean(|b| b.fallback_members),
            fallback_slots: mean(|b| b.fallback_slots),
        }
    }
}

/// Whether a scope applies to each case: whether there is such a truth. Shape `(4, cases)`.
#[must_use]
pub fn applies(cases: &Cases) -> Vec<bool> {
    let mut flags = Vec::with_capacity(4 * cases.len());
    for scope in Scope::ALL {
        flags.extend(cases.all().iter().map(|case| {
            let repeats = cases.repeats(case);
            match scope {
                Scope::Overall => true,
                Scope::Repeat => repeats.contains(&true),
                Scope::Explore | Scope::ExploreList => repeats.contains(&false),
            }
        }));
    }
    flags
}

/// Measures one method's lists.
#[must_use]
pub fn measure(cases: &Cases, lists: &MethodLists, counts: &Counts, likeness: &Likeness) -> Measured {
    let n = cases.len();
    let mut values = vec![0.0; Scope::ALL.len() * n * FIGURES];
    let (mut ranked, mut truth) = (Vec::new(), Vec::new());
    for (at, case) in cases.all().iter().enumerate() {
        for (s, scope) in Scope::ALL.into_iter().enumerate() {
            let list = if scope == Scope::ExploreList { lists.explore(at) } else { lists.mixed(at) };
            ranked.clear();
            ranked.extend(list.iter().map(|entry| entry.item));
            truth_of(cases, case, scope, &mut truth);
            let out = &mut values[(s * n + at) * FIGURES..(s * n + at + 1) * FIGURES];
            if !truth.is_empty() {
                figures(&ranked, &truth, out);
            }
        }
    }
    Measured { values, beyond: beyond(cases, lists, counts, likeness) }
}

fn truth_of(cases: &Cases, case: &Case, scope: Scope, out: &mut Vec<u32>) {
    out.clear();
    let wanted = |repeat: bool| match scope {
        Scope::Overall => true,
        Scope::Repeat => repeat,
        Scope::Explore | Scope::ExploreList => !repeat,
    };
    let all = cases.truth(case).iter().zip(cases.repeats(case));
    out.extend(all.filter(|(_, repeat)| wanted(**repeat)).map(|(item, _)| *item));
}

fn figures(ranked: &[u32], truth: &[u32], out: &mut [f64]) {
    for (metric, chunk) in out.chunks_exact_mut(LENGTHS.len()).enumerate() {
        for (value, k) in chunk.iter_mut().zip(LENGTHS) {
            *value = match metric {
                0 => ranking::recall(ranked, truth, k),
                1 => ranking::ndcg(ranked, truth, k, Ideal::Whole),
                2 => ranking::ndcg(ranked, truth, k, Ideal::AtK),
                3 => ranking::precision(ranked, truth, k),
                4 => ranking::hit(ranked, truth, k),
                _ => ranking::average_precision(ranked, truth, k),
            };
        }
    }
}

fn beyond(cases: &Cases, lists: &MethodLists, counts: &Counts, likeness: &Likeness) -> Beyond {
    let mut exposure = Exposure::new(counts.items());
    let members = counts.members().max(1) as f64;
    let (mut surprise, mut places, mut impersonal, mut fallback) = (0.0, 0usize, 0usize, 0usize);
    for at in 0..cases.len() {
        let list = lists.mixed(at);
        let list = &list[..list.len().min(BEYOND_LENGTH)];
        for entry in list {
            exposure.show(entry.item);
            let buyers = counts.item(entry.item as usize).len().max(1) as f64;
            surprise -= (buyers / members).log2();
        }
        let personal = list.iter().filter(|entry| entry.personal).count();
        places += list.len();
        impersonal += list.len() - personal;
        fallback += usize::from(personal == 0);
    }
    let sold = (0..counts.items()).filter(|item| !counts.item(*item).is_empty());
    let (coverage, gini) = exposure.spread(sold);
    let mut unlike = beyond::Unlikeness::new(|item| counts.item(item as usize).iter().map(|(member, _)| *member));
    let variety = match likeness.knows_anything() {
        true => sampled(cases, lists, |list| beyond::mean_of_pairs(list, |a, b| 1.0 - likeness.of(a, b))),
        false => 0.0,
    };
    Beyond {
        coverage,
        gini,
        novelty: surprise / places.max(1) as f64,
        diversity: sampled(cases, lists, |list| unlike.of_list(list)),
        variety,
        fallback_members: fallback as f64 / cases.len().max(1) as f64,
        fallback_slots: impersonal as f64 / places.max(1) as f64,
    }
}

/// The mean of a figure of the lists of members spread evenly over the cases.
fn sampled(cases: &Cases, lists: &MethodLists, mut of_list: impl FnMut(&[u32]) -> Option<f64>) -> f64 {
    let step = cases.len().div_ceil(DIVERSITY_SAMPLE).max(1);
    let (mut sum, mut n) = (0.0, 0.0);
    for at in (0..cases.len()).step_by(step) {
        let list = lists.mixed(at);
        let items: Vec<u32> = list.iter().take(BEYOND_LENGTH).map(|entry| entry.item).collect();
        if let Some(mean) = of_list(&items) {
            sum += mean;
            n += 1.0;
        }
    }
    if n > 0.0 { sum / n } else { 0.0 }
}
