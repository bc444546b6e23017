//! This program's own score.

use super::{Method, Ranked, Ranker};
use crate::{
    backtest::{BasketStore, Case},
    history::Shard,
    recommend::{Assortment, Candidate, Scorer, Term, Workspace},
};

/// The score as a run works it out, before the catalogue has its say: alone, or with what the job says of lists beside
/// the scores.
pub struct Ours<'a> {
    name: &'static str,
    settings: String,
    scorer: &'a Scorer<'a>,
    store: &'a BasketStore,
    /// How lists are put together, and of how many suggested items.
    assortment: Option<(&'a Assortment, usize)>,
}

impl<'a> Ours<'a> {
    /// The score under a name; `settings` says in words what it was tuned to.
    #[must_use]
    pub fn new(name: &'static str, settings: String, scorer: &'a Scorer<'a>, store: &'a BasketStore) -> Self {
        Self { name, settings, scorer, store, assortment: None }
    }

    /// Lists are put together of `candidates` suggested items, with likeness and quotas.
    #[must_use]
    pub fn assorted(self, assortment: &'a Assortment, candidates: usize) -> Self {
        Self { assortment: Some((assortment, candidates)), ..self }
    }
}

impl Method for Ours<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }

    fn probability(&self, score: f64) -> Option<f64> {
        self.scorer.probability(score)
    }

    fn ranker(&self) -> Box<dyn Ranker + '_> {
        Box::new(OursRanker {
            method: self,
            space: self.scorer.workspace(),
            candidates: Vec::new(),
            assorted: Vec::new(),
            own: vec![0; self.store.items()],
            stamp: 0,
            new: false,
        })
    }
}

struct OursRanker<'a> {
    method: &'a Ours<'a>,
    space: Workspace,
    candidates: Vec<Candidate>,
    assorted: Vec<Candidate>,
    own: Vec<u32>,
    stamp: u32,
    /// Whether the history does not know the member: the generic list.
    new: bool,
}

impl Ranker for OursRanker<'_> {
    fn read(&mut self, shard: &Shard, case: &Case) {
        self.stamp += 1;
        self.new = case.is_new();
        if self.new {
            return;
        }
        for item in self.method.store.events(case.number as usize) {
            self.own[*item as usize] = self.stamp;
        }
        self.method.scorer.read(shard, case.member as usize, &mut self.space);
    }

    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>) {
        let Self { own, stamp, .. } = self;
        let keep = |item: u32| !explore || own[item as usize] != *stamp;
        let wanted = self.method.assortment.map_or(n, |(_, candidates)| candidates.max(n));
        if self.new {
            self.method.scorer.generic(wanted, &mut self.candidates);
        } else {
            self.method.scorer.best(wanted, keep, &mut self.space, &mut self.candidates);
        }
        if let Some((assortment, _)) = self.method.assortment {
            assortment.pick(&self.candidates, n, &mut self.assorted);
            std::mem::swap(&mut self.candidates, &mut self.assorted);
        }
        out.clear();
        out.extend(self.candidates.iter().map(|c| Ranked {
            item: c.item,
            score: c.score,
            personal: !matches!(c.term, Term::PopularNow | Term::New { category: None }),
        }));
    }
}
