//! One cut: fit, rank with every method, measure.

use std::collections::HashSet;

use rayon::prelude::*;

use super::{
    super::{
        RunError, Stages,
        fit::{Scene as FitScene, know},
    },
    hidden::{Plan, Scene},
};
use crate::{
    backtest::{
        BacktestSettings, Baseline, BasketStore, CaseRules, Cases, Counts, FoldObservations, FoldResult, Future,
        LENGTHS, Measured, Method, MethodLists, Narrowing, Window, applies, measure,
        methods::{
            ItemKnn, Ours, Personal, Popular, Popularity, TifuKnn, TifuSettings, UpCf, UpCfSettings, Weighting,
            tune_tifu,
        },
        narrow, rank_all,
    },
    base::{Day, Findings, IdTable},
    history::{Histories, ShardSet, Timeline},
    input::ItemTable,
    items::View,
    job::Job,
    offers::DiversitySettings,
    recommend::{Assortment, Likeness, Quotas},
};

/// Members of the history's tail that baselines are tuned on.
const TUNING_MEMBERS: usize = 2_000;

/// A fold, measured.
pub(super) struct Fitted {
    pub(super) result: FoldResult,
    /// Ids of the items.
    pub(super) items: IdTable,
    /// Ids of items that only the truth knows, numbered on from `items`.
    pub(super) unknown_items: IdTable,
    pub(super) cases: Cases,
    /// Ids of the scored members, by case.
    pub(super) members: Vec<String>,
    /// Cases in byte order of the members' ids.
    pub(super) order: Vec<usize>,
    /// Names and settings of the methods.
    methods: Vec<(String, String)>,
    pub(super) lists: Vec<MethodLists>,
    measured: Vec<Measured>,
    /// Our probabilities, with whether they came true.
    pub(super) forecasts: Vec<(f64, bool)>,
}

impl Fitted {
    /// Last day of the history.
    pub(super) fn cut(&self) -> Day {
        self.result.cut.unwrap_or_default()
    }

    /// Names and settings of the methods, ours first.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        self.methods.clone()
    }

    /// What is left when the lists are written.
    pub(super) fn into_observations(self) -> (FoldResult, FoldObservations) {
        let applies = applies(&self.cases);
        (self.result, FoldObservations { members: self.members, applies, measured: self.measured })
    }
}

/// Fits on the history of a fold, ranks and measures.
pub(super) fn fit(
    scene: &Scene<'_>,
    plan: &Plan,
    at: usize,
    future: &Future,
    only: Option<&HashSet<String>>,
    stages: &mut Stages,
    notes: &mut Findings,
) -> Result<Fitted, RunError> {
    let Scene { job, settings, opened, side, progress, .. } = scene;
    let histories = scene.history(plan, at)?;
    let cut = plan.as_of(at);
    if histories.rows.kept == 0 {
        return Err(RunError::NoLines { as_of: cut, rows: Box::new(histories.rows) });
    }
    let timeline = histories.dimensions.timeline;
    let view = View::at(cut, timeline);
    let narrowing =
        Narrowing { as_of: cut, hide_newest: plan.hides_newest(), min_item_baskets: settings.min_item_baskets };
    let histories = if narrowing.hide_newest || narrowing.min_item_baskets > 0 {
        let listed_ids = side.listed.ids();
        let listed = |id: &str| listed_ids.find(id).is_some();
        let narrowed = narrow(&histories.shards, &view, &histories.items, &listed, &narrowing)?;
        Histories { shards: narrowed.shards, items: narrowed.items, ..histories }
    } else {
        histories
    };
    stages.end("histories");
    let shards = &histories.shards;
    let mut items = side.listed.assemble(histories.items.clone(), job.consent().denied_categories());
    // The table is of today: that it has an item without a day of launch says nothing of the day of the cut.
    items.forget_listing_of_undated();
    let fit_scene = FitScene {
        job,
        engine: &opened.engine,
        histories: &histories,
        items: &items,
        members: &side.members,
        previous: None,
        progress: *progress,
    };
    let known = know(&fit_scene, &side.compatibility, stages, notes)?;

    let store = BasketStore::read(shards, &view, items.len())?;
    let rules = CaseRules {
        min_baskets: settings.min_baskets,
        known_items_only: settings.min_item_baskets > 0,
        only,
        max_members: settings.max_members as usize,
        seed: job.seed(),
    };
    let cases = Cases::find(shards, &store, &items.ids, future, plan.window(at), &rules)?;
    if cases.is_empty() {
        let truth = plan.truth_of(at);
        return Err(RunError::NoTruth { cut, min_baskets: settings.min_baskets, truth });
    }
    progress.start("baselines", None);
    let counts = Counts::of(&store);
    let popular = Popularity::of(&store, None);
    let (recently, recently_of) = match timeline {
        Timeline::Calendar => (settings.recent_days, "days"),
        Timeline::Ordinal => (settings.recent_baskets, "baskets of each member"),
    };
    let recent = Popularity::of(&store, Some(recently));
    let scorer = known.knowledge.scorer(&known.tuned.parameters).calibrated(known.tuned.calibration);
    let tuned = serde_json::to_value(known.tuned).unwrap_or_default();
    let ours = serde_json::to_value(known.tuned.parameters).map(|v| words(&v)).unwrap_or_default();
    let likeness = Likeness::new(&items);
    let offered = as_offered(job, settings, &items);
    let rules = known.knowledge.scorer(&known.tuned.parameters).repeating(known.repeat.clone());
    let mut methods: Vec<Box<dyn Method + '_>> = vec![Box::new(Ours::new("nextoffer", ours, &scorer, &store))];
    if let Some((assortment, words)) = &offered {
        let method = Ours::new("nextoffer as offered", words.clone(), &rules, &store);
        methods.push(Box::new(method.assorted(assortment, job.recommend().candidates)));
    }
    for baseline in &settings.baselines {
        methods.push(match baseline {
            Baseline::Popular => Box::new(Popular::new("global popularity", String::new(), &popular, &store)),
            Baseline::RecentPopular => {
                let settings = format!("last {recently} {recently_of}");
                Box::new(Popular::new("recent popularity", settings, &recent, &store))
            }
            Baseline::Personal => Box::new(Personal::new(&popular, &counts)),
            Baseline::ItemKnn => {
                let k = settings.item_neighbours as usize;
                Box::new(ItemKnn::fit("item-kNN BM25", Weighting::BM25, k, &counts, &popular))
            }
            Baseline::ItemKnnCosine => {
                let k = settings.item_neighbours as usize;
                Box::new(ItemKnn::fit("item-kNN cosine", Weighting::Cosine, k, &counts, &popular))
            }
            Baseline::TifuKnn => Box::new(TifuKnn::fit("TIFU-KNN", TifuSettings::PUBLISHED, &store, &popular)),
            Baseline::TifuKnnTuned => {
                let tuned = tuned_tifu(scene, shards, &items.ids, &view)?;
                Box::new(TifuKnn::fit("TIFU-KNN tuned", tuned, &store, &popular))
            }
            Baseline::UpCf => Box::new(UpCf::fit(UpCfSettings::PUBLISHED, &store, &counts, &popular)),
        });
    }
    progress.finish(&format!("{} fitted", methods.len() - 1));
    stages.end("baselines");

    progress.start("rank", None);
    let lists = rank_all(shards, &cases, &methods)?;
    let measured = lists.par_iter().map(|lists| measure(&cases, lists, &counts, &likeness)).collect();
    progress.finish(&format!("{} members, {} methods", cases.len(), methods.len()));
    stages.end("rank");

    let forecasts = match (methods.first(), lists.first()) {
        (Some(ours), Some(lists)) => forecasts(&cases, ours.as_ref(), lists),
        _ => Vec::new(),
    };
    let members = cases.ids().to_vec();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_unstable_by(|a, b| members[*a].cmp(&members[*b]));
    let window = plan.window(at);
    let dated = matches!(plan, Plan::Cuts { .. });
    let result = FoldResult {
        truth: plan.truth_of(at),
        cut: dated.then_some(cut),
        until: dated.then_some(window.until),
        members: store.members() as u64,
        candidates: cases.candidates() as u64,
        scored: cases.len() as u64,
        new_members: cases.new_members() as u64,
        items: popular.order.len() as u64,
        tuned,
        methods: Vec::new(),
    };
    let methods: Vec<(String, String)> = methods.iter().map(|m| (m.name().to_owned(), m.settings())).collect();
    Ok(Fitted {
        result,
        unknown_items: future.items().clone(),
        items: items.ids,
        cases,
        members,
        order,
        methods,
        lists,
        measured,
        forecasts,
    })
}

/// How lists are put together, with what the job says of that in words; `None` where that is not measured.
fn as_offered(job: &Job, settings: &BacktestSettings, items: &ItemTable) -> Option<(Assortment, String)> {
    let decision = &job.offers().decision;
    let repeat = &job.recommend().repeat;
    let DiversitySettings { lambda, quotas } = &decision.diversity;
    let declared = *lambda < 1.0 || !quotas.is_empty() || decision.max_per_category.is_some() || !repeat.is_empty();
    if !settings.as_offered.unwrap_or(declared) {
        return None;
    }
    let mut words = vec![format!("repeat {} declared, others learned", repeat.len()), format!("lambda {lambda}")];
    words.extend(quotas.iter().map(|(path, most)| format!("{path} at most {most}")));
    words.extend(decision.max_per_category.map(|most| format!("any category at most {most}")));
    let quotas = Quotas::new(items, quotas, decision.max_per_category);
    Some((Assortment::new(items, *lambda, quotas), words.join(", ")))
}

/// The method's probability of every place on its lists of ten, and whether the item was bought.
fn forecasts(cases: &Cases, method: &dyn Method, lists: &MethodLists) -> Vec<(f64, bool)> {
    let mut forecasts = Vec::new();
    for (at, case) in cases.all().iter().enumerate() {
        let truth = cases.truth(case);
        for entry in lists.mixed(at).iter().take(LENGTHS[1]) {
            if let Some(probability) = method.probability(entry.score) {
                forecasts.push((probability, truth.binary_search(&entry.item).is_ok()));
            }
        }
    }
    forecasts
}

/// TIFU-KNN's numbers, tuned as ours are: on the history's own tail.
fn tuned_tifu(scene: &Scene<'_>, shards: &ShardSet, items: &IdTable, view: &View) -> Result<TifuSettings, RunError> {
    let (cut, timeline) = (view.cut(), view.timeline());
    let (past, window, tail) = match timeline {
        Timeline::Ordinal => {
            let past = View::hiding_newest(cut, timeline);
            (past, Window::ALWAYS, Future::newest_baskets(shards, items.clone(), cut, timeline)?)
        }
        Timeline::Calendar => {
            let horizon = i32::try_from(scene.settings.horizon_days).unwrap_or(i32::MAX);
            let window = Window { after: cut.plus(-horizon), until: cut };
            (View::at(window.after, timeline), window, Future::read(shards, items.clone(), window)?)
        }
    };
    let store = BasketStore::read(shards, &past, items.len())?;
    let rules = CaseRules {
        min_baskets: 1,
        known_items_only: false,
        only: None,
        max_members: TUNING_MEMBERS,
        seed: scene.job.seed(),
    };
    let cases = Cases::find(shards, &store, items, &tail, window, &rules)?;
    let tail: Vec<(u32, Vec<u32>)> = cases.all().iter().map(|c| (c.number, cases.truth(c).to_vec())).collect();
    Ok(tune_tifu(&store, &tail))
}

/// Numbers in words: `key value, key value`.
fn words(value: &serde_json::Value) -> String {
    let Some(map) = value.as_object() else { return value.to_string() };
    let number = |value: &serde_json::Value| match value.as_f64() {
        Some(number) => ((number * 1e6).round() / 1e6).to_string(),
        None => value.to_string(),
    };
    let parts: Vec<String> = map.iter().map(|(key, value)| format!("{key} {}", number(value))).collect();
    parts.join(", ")
}
