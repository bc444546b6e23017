//! The page of a tuning, and the curves of k that a night's report shows.

use maud::Markup;
use serde::Serialize;

use super::{
    Page, Section, Text, count, fixed,
    night::{Curve, Curves},
    svg::{Axis, LineChart, Series},
    table::{Cell, Column, Table},
    text,
};
use crate::{
    base::Day,
    segments::{KCurve, KPoint},
};

/// What came of `nextoffer tune`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuneResults {
    /// Version of this form.
    pub format: u32,
    /// Name of the job.
    pub job: String,
    /// Digest of the checked job.
    pub job_sha256: String,
    /// Last day read.
    pub as_of: Day,
    /// Members there are.
    pub members: u64,
    /// Seeds of each k.
    pub seeds: u32,
    /// The feature sets, as they were given.
    pub sets: Vec<TunedSet>,
}

/// A feature set and what every k of the range is worth under it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TunedSet {
    /// What it is called: as given on the command line, or `job`.
    pub name: String,
    /// The features it came to.
    pub features: Vec<String>,
    /// The figures.
    pub curve: KCurve,
}

/// A measure of a curve.
struct Measure {
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    more_is_better: bool,
    of: fn(&KPoint) -> f64,
}

const MEASURES: [Measure; 6] = [
    Measure {
        id: "silhouette",
        zh: "简化轮廓系数",
        en: "Simplified silhouette",
        more_is_better: true,
        of: |p| p.silhouette,
    },
    Measure {
        id: "calinski-harabasz",
        zh: "Caliński–Harabasz 指数",
        en: "Caliński–Harabasz",
        more_is_better: true,
        of: |p| p.calinski_harabasz,
    },
    Measure {
        id: "davies-bouldin",
        zh: "Davies–Bouldin 指数",
        en: "Davies–Bouldin",
        more_is_better: false,
        of: |p| p.davies_bouldin,
    },
    Measure {
        id: "stability",
        zh: "重抽样稳定性（调整兰德指数）",
        en: "Stability on resamples (adjusted Rand)",
        more_is_better: true,
        of: |p| p.stability,
    },
    Measure {
        id: "jaccard",
        zh: "重抽样稳定性（Jaccard）",
        en: "Stability on resamples (Jaccard)",
        more_is_better: true,
        of: |p| p.jaccard,
    },
    Measure {
        id: "inertia",
        zh: "惯量（到群中心的平方距离之和）",
        en: "Inertia (sum of squared distances)",
        more_is_better: false,
        of: |p| p.inertia,
    },
];

fn way(more_is_better: bool) -> Text {
    if more_is_better { text("越高越好", "higher is better") } else { text("越低越好", "lower is better") }
}

/// The rule by which k is taken, in words.
fn rule(curve: &KCurve) -> Text {
    let least = fixed(curve.least_stability, 2);
    let (n, members) = (curve.resamples, count(curve.resampled));
    text(
        format!(
            "规则：在 {n} 次重抽样（{members} 名会员）中分群能够重现的 k（平均调整兰德指数不低于 {least}；若都达不到，则取与最稳定者\
             相差 0.02 以内的）之中，取轮廓系数、Caliński–Harabasz、Davies–Bouldin 三项平均名次最好的一个；名次相同取较小的 k。"
        ),
        format!(
            "Rule: of the k whose segments are found again on {n} resamples of {members} members (mean adjusted Rand \
             index of at least {least}; if none reaches it, those within 0.02 of the most stable), the one with the best \
             mean rank over silhouette, Caliński–Harabasz and Davies–Bouldin; ties go to the smaller k."
        ),
    )
}

/// The curves of a choice of k, for a night's report.
#[must_use]
pub fn curves(curve: &KCurve) -> Curves {
    let measure = |m: &Measure| Curve {
        name: text(m.zh, m.en),
        more_is_better: m.more_is_better,
        points: curve.points.iter().map(|p| (p.k as f64, (m.of)(p))).collect(),
    };
    Curves { chosen: curve.chosen as f64, measures: MEASURES.iter().map(measure).collect(), rule: rule(curve) }
}

/// The page of a tuning.
#[must_use]
pub fn tune_page(results: &TuneResults) -> Page {
    let mut page =
        Page::new(text(format!("群数选择：{}", results.job), format!("Choosing k: {}", results.job))).lead(text(
            format!("截至 {}，{} 名会员，每个 k 有 {} 个起点。", results.as_of, count(results.members), results.seeds),
            format!("As of {}, {} members, {} starts of each k.", results.as_of, count(results.members), results.seeds),
        ));
    for set in &results.sets {
        let remark = text(format!("{} 个特征", set.features.len()), format!("{} features", set.features.len()));
        page = page.figure(Text::same(&set.name), Text::same(format!("k = {}", set.curve.chosen)), remark);
    }
    let mut drawn = Section::new("curves", text("曲线", "Curves"));
    if let Some(first) = results.sets.first() {
        drawn = drawn.lead(rule(&first.curve));
    }
    if results.sets.len() > 1 {
        drawn = drawn.lead(text(
            "不同特征组的距离不在同一尺度上：轮廓系数和稳定性可以粗略对比，惯量和 Caliński–Harabasz 不能。",
            "Distances under different features are on different scales: silhouette and stability compare roughly, \
             inertia and Caliński–Harabasz do not.",
        ));
    }
    for measure in &MEASURES {
        drawn = drawn.with(chart(results, measure));
    }
    page = page.section(drawn);
    for (at, set) in results.sets.iter().enumerate() {
        page = page.section(
            Section::new(format!("set-{at}"), Text::same(&set.name))
                .lead(text(
                    format!("特征：{}", set.features.join("、")),
                    format!("Features: {}", set.features.join(", ")),
                ))
                .with(points(set))
                .with(fits(set)),
        );
    }
    page.section(glossary())
}

fn chart(results: &TuneResults, measure: &Measure) -> Markup {
    let name = text(measure.zh, measure.en);
    let mut chart = LineChart::new(measure.id, name.clone())
        .summary(way(measure.more_is_better))
        .x(Axis::new(text("群数 k", "segments k")).whole())
        .y(Axis::new(name));
    for set in &results.sets {
        let line = set.curve.points.iter().map(|p| (p.k as f64, (measure.of)(p)));
        chart = chart.series(Series::new(Text::same(&set.name), line));
    }
    match &results.sets[..] {
        [only] => chart.mark(only.curve.chosen as f64, text("所选", "chosen")).render(),
        _ => chart.render(),
    }
}

fn points(set: &TunedSet) -> Markup {
    let mut table = Table::new(
        text("各 k 的指标（惯量最小的起点）", "Figures by k, of the start with the least inertia"),
        [
            Column::text(Text::same("k")),
            Column::number(text("惯量", "inertia")),
            Column::number(text("轮廓系数", "silhouette")),
            Column::number(Text::same("Caliński–Harabasz")),
            Column::number(Text::same("Davies–Bouldin")),
            Column::number(text("稳定性", "stability")),
            Column::number(Text::same("Jaccard")),
            Column::number(text("起点间一致", "seeds agree")),
            Column::text(text("所选", "chosen")),
        ],
    );
    for p in &set.curve.points {
        let chosen =
            if p.k == set.curve.chosen { Cell::verdict(true, &text("所选", "chosen")) } else { Cell::plain("") };
        table.push([
            Cell::head(&Text::same(p.k.to_string())),
            Cell::number(p.inertia, 0),
            Cell::number(p.silhouette, 4),
            Cell::number(p.calinski_harabasz, 1),
            Cell::number(p.davies_bouldin, 3),
            Cell::number(p.stability, 3),
            Cell::number(p.jaccard, 3),
            p.seed_agreement.map_or_else(|| Cell::plain("–"), |a| Cell::number(a, 3)),
            chosen,
        ]);
    }
    table.render()
}

fn fits(set: &TunedSet) -> Markup {
    let mut table = Table::new(
        text("每一次拟合", "Every fit"),
        [
            Column::text(Text::same("k")),
            Column::number(text("起点", "seed")),
            Column::number(text("惯量", "inertia")),
            Column::number(text("轮廓系数", "silhouette")),
            Column::number(text("迭代次数", "iterations")),
            Column::text(text("收敛", "converged")),
        ],
    );
    for fit in &set.curve.fits {
        let converged = if fit.converged { text("是", "yes") } else { text("否", "no") };
        table.push([
            Cell::head(&Text::same(fit.k.to_string())),
            Cell::count(fit.seed),
            Cell::number(fit.inertia, 1),
            fit.silhouette.map_or_else(|| Cell::plain("–"), |s| Cell::number(s, 4)),
            Cell::count(u64::from(fit.iterations)),
            Cell::text(&converged),
        ]);
    }
    table.render()
}

fn glossary() -> Section {
    Section::new("measures", text("指标说明", "What the figures mean"))
        .lead(text(
            "简化轮廓系数：1 − 到自己群中心的距离 ÷ 到次近群中心的距离，对会员取平均。Caliński–Harabasz：群间离散度与群内离散度之比。\
             Davies–Bouldin：每个群与最难分开的另一群的宽度之和与中心距离之比，取平均。",
            "Simplified silhouette: 1 − distance to the own centre ÷ distance to the next nearest one, averaged over \
             members. Caliński–Harabasz: scatter between segments over scatter within. Davies–Bouldin: for each segment \
             the worst ratio of two widths to the distance of the centres, averaged.",
        ))
        .lead(text(
            "稳定性：对会员有放回重抽样后重新分群，与原分群比较；调整兰德指数 1 为完全一致、约 0 为偶然；Jaccard 为每个群与重抽样中最\
             相似的群的重合度的平均。起点间一致：不同起点所得分群两两之间的调整兰德指数。",
            "Stability: members are resampled with replacement, clustered again and compared; the adjusted Rand index is 1 \
             for the same segments and about 0 for chance; Jaccard is the overlap of each segment with the most similar \
             one of the resample. Seeds agree: adjusted Rand index between the fits from two seeds.",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::KFit;

    fn results(sets: usize) -> TuneResults {
        let point = |k: usize| KPoint {
            k,
            inertia: 1000.0 / k as f64,
            silhouette: 0.5 - (k as f64 - 6.0).abs() / 100.0,
            calinski_harabasz: 900.0,
            davies_bouldin: 1.25,
            stability: 0.9,
            jaccard: 0.8,
            seed_agreement: (k > 4).then_some(0.7),
        };
        let fit = |k: usize| KFit {
            k,
            seed: 0,
            inertia: 1000.0 / k as f64,
            silhouette: Some(0.4),
            calinski_harabasz: Some(900.0),
            davies_bouldin: Some(1.25),
            iterations: 12,
            converged: true,
        };
        let curve = KCurve {
            members: 1000,
            resampled: 500,
            resamples: 4,
            least_stability: 0.8,
            points: (4..=8).map(point).collect(),
            fits: (4..=8).map(fit).collect(),
            chosen: 6,
        };
        let set =
            |n: usize| TunedSet { name: format!("set<{n}>"), features: vec!["orders".into()], curve: curve.clone() };
        TuneResults {
            format: 1,
            job: "shop".into(),
            job_sha256: String::new(),
            as_of: Day(20_000),
            members: 1000,
            seeds: 1,
            sets: (0..sets).map(set).collect(),
        }
    }

    #[test]
    fn the_page_holds_every_figure() {
        let page = tune_page(&results(2)).render();
        assert!(page.contains("set&lt;0&gt;") && page.contains("set&lt;1&gt;") && !page.contains("set<0>"));
        assert!(page.contains("k = 6") && page.contains("Davies–Bouldin") && page.contains("0.500"));
        assert_eq!(page.matches("<svg").count(), MEASURES.len());
        assert_eq!(page, tune_page(&results(2)).render());
    }

    #[test]
    fn a_nights_curves_mark_the_choice() {
        let curves = curves(&results(1).sets[0].curve);
        assert_eq!((curves.chosen, curves.measures.len()), (6.0, MEASURES.len()));
        assert_eq!(curves.measures[0].points[2], (6.0, 0.5));
    }
}
