//! The page of a backtest.

use maud::Markup;

use super::{
    Page, Section, Text, count, fixed, note, percent, signed,
    svg::{Axis, Bar, BarChart, LineChart, Series},
    table::{Cell, Column, Table},
    text,
};
use crate::{
    backtest::{FoldResult, MethodResult, Results, Scope},
    evaluate::{Interval, calibration::Calibration},
};

/// The page of a backtest.
#[must_use]
pub fn backtest_page(results: &Results) -> Page {
    let mut page = Page::new(text(format!("推荐质量回测：{}", results.job), format!("Backtest of {}", results.job)))
        .lead(text(
            "每个方法只看到切点之前的历史，然后与会员之后真正买了什么相比较。",
            "Every method sees the history up to the cut alone, and is then held against what members bought.",
        ))
        .lead(text(
            "区间为对会员重抽样所得的 95% 区间；差值在同一批会员上配对计算。",
            "Intervals are 95%, bootstrapped over members; differences are paired over the same members.",
        ));
    if let Some(ours) = results.methods.first() {
        for (scope, figure, name) in [
            (Scope::Overall, "recall@10", text("前 10 召回率", "Recall@10")),
            (Scope::Overall, "ndcg@10", text("前 10 NDCG", "NDCG@10")),
            (Scope::ExploreList, "recall@10", text("新品召回率（前 10）", "Recall@10, new items")),
        ] {
            if let Some(f) = ours.figure(scope, figure) {
                let remark = Text::same(format!("{} – {}", fixed(f.value.low, 4), fixed(f.value.high, 4)));
                page = page.figure(name, Text::same(fixed(f.value.mean, 4)), remark);
            }
        }
    }
    page = page.figure(text("评分会员", "Members scored"), Text::same(count(results.members)), Text::default());
    page.section(overall(results))
        .section(parts(results))
        .section(differences(results))
        .section(beyond(results))
        .section(calibration(results.calibration.as_ref()))
        .section(protocol(results))
}

fn bars(results: &Results, id: &str, caption: Text, scope: Scope, figure: &str) -> Markup {
    let mut chart = BarChart::new(id, caption, Axis::new(Text::same(figure)));
    for (at, method) in results.methods.iter().enumerate() {
        let Some(Interval { mean, low, high }) = method.figure(scope, figure).map(|f| f.value) else { continue };
        let bar = Bar::new(Text::same(&method.name), mean, fixed(mean, 4)).interval(low, high);
        chart = chart.bar(if at == 0 { bar.strong() } else { bar });
    }
    chart.render()
}

fn means(results: &Results, caption: Text, columns: &[(Scope, &str)]) -> Markup {
    let head = [Column::text(text("方法", "Method"))];
    let columns_of = columns.iter().map(|(_, name)| Column::number(Text::same(*name)));
    let mut table = Table::new(caption, head.into_iter().chain(columns_of));
    for method in &results.methods {
        let value = |(scope, name): &(Scope, &str)| {
            method.figure(*scope, name).map_or_else(|| Cell::plain("–"), |f| Cell::number(f.value.mean, 4))
        };
        table.push([Cell::head(&Text::same(&method.name))].into_iter().chain(columns.iter().map(value)));
    }
    table.render()
}

fn overall(results: &Results) -> Section {
    let all = |names: &[&'static str]| names.iter().map(|n| (Scope::Overall, *n)).collect::<Vec<_>>();
    Section::new("overall", text("总体", "Overall"))
        .lead(text(
            "混合列表对全部购买。ndcg 的理想列表不截断（下一购物篮论文的约定），ndcg_std 截断。",
            "The mixed list against all that was bought. The ideal list of ndcg is not shortened (the convention of \
             next-basket papers), that of ndcg_std is.",
        ))
        .with(bars(results, "recall", text("前 10 召回率", "Recall@10"), Scope::Overall, "recall@10"))
        .with(bars(results, "ndcg", text("前 10 NDCG", "NDCG@10"), Scope::Overall, "ndcg@10"))
        .with(means(
            results,
            text("召回率、NDCG", "Recall and NDCG"),
            &all(&[
                "recall@5",
                "recall@10",
                "recall@20",
                "ndcg@5",
                "ndcg@10",
                "ndcg@20",
                "ndcg_std@5",
                "ndcg_std@10",
                "ndcg_std@20",
            ]),
        ))
        .with(means(
            results,
            text("精确率、命中率、MAP", "Precision, hit rate, MAP"),
            &all(&[
                "precision@5",
                "precision@10",
                "precision@20",
                "hit_rate@5",
                "hit_rate@10",
                "hit_rate@20",
                "map@5",
                "map@10",
                "map@20",
            ]),
        ))
}

fn parts(results: &Results) -> Section {
    let of = |scope| ["recall@5", "recall@10", "recall@20", "ndcg@10", "hit_rate@10"].map(|n| (scope, n));
    Section::new("repeat-explore", text("复购与新品", "Repeat and explore"))
        .lead(text(
            "会员以前买过的商品，和没有买过的商品。最后一项对所有方法都去掉已购商品，单独出一张列表。",
            "Items members had bought before, and items they had not. The last is measured on a list of its own, without \
             already-bought items, for every method alike.",
        ))
        .with(bars(
            results,
            "explore",
            text("新品召回率（独立列表，前 10）", "Recall@10 of new items, on their own list"),
            Scope::ExploreList,
            "recall@10",
        ))
        .with(means(results, text("以前买过的", "Bought before"), &of(Scope::Repeat)))
        .with(means(results, text("没有买过的，混合列表", "Not bought before, mixed list"), &of(Scope::Explore)))
        .with(means(results, text("没有买过的，独立列表", "Not bought before, own list"), &of(Scope::ExploreList)))
}

fn differences(results: &Results) -> Section {
    let figures = [
        (Scope::Overall, "recall@10"),
        (Scope::Overall, "ndcg@10"),
        (Scope::Overall, "ndcg_std@10"),
        (Scope::Repeat, "recall@10"),
        (Scope::ExploreList, "recall@10"),
    ];
    let named = |(scope, name): &(Scope, &str)| match scope {
        Scope::Overall => text(format!("总体 {name}"), format!("overall {name}")),
        Scope::Repeat => text(format!("复购 {name}"), format!("repeat {name}")),
        _ => text(format!("新品 {name}"), format!("new items {name}")),
    };
    let head = [Column::text(text("方法", "Method"))];
    let mut table = Table::new(
        text("本程序减去该方法", "Ours less the method"),
        head.into_iter().chain(figures.iter().map(|f| Column::number(named(f)))),
    );
    for method in results.methods.iter().skip(1) {
        let cell = |(scope, name): &(Scope, &str)| match method.figure(*scope, name).and_then(|f| f.ours_minus_this) {
            Some(d) => {
                let words = Text::same(format!("{} [{}, {}]", signed(d.mean, 4), signed(d.low, 4), signed(d.high, 4)));
                match (d.low > 0.0, d.high < 0.0) {
                    (true, _) => Cell::verdict(true, &words),
                    (_, true) => Cell::verdict(false, &words),
                    _ => Cell::text(&words),
                }
            }
            None => Cell::plain("–"),
        };
        table.push([Cell::head(&Text::same(&method.name))].into_iter().chain(figures.iter().map(cell)));
    }
    Section::new("differences", text("差值", "Differences"))
        .lead(text("上色：95% 区间不含零。", "Coloured where the 95% interval excludes zero."))
        .with(table.render())
}

fn beyond(results: &Results) -> Section {
    let mut table = Table::new(
        text("前 10 的列表", "Lists of ten"),
        [
            Column::text(text("方法", "Method")),
            Column::number(text("商品覆盖率", "Coverage")),
            Column::number(text("曝光基尼系数", "Gini of exposure")),
            Column::number(text("新颖度", "Novelty, bits")),
            Column::number(text("列表内多样性", "Diversity in a list")),
            Column::number(text("品类与品牌差异", "Variety in a list")),
            Column::number(text("兜底会员", "Members on a fallback")),
            Column::number(text("兜底位置", "Places on a fallback")),
        ],
    );
    for MethodResult { name, beyond: b, .. } in &results.methods {
        table.push([
            Cell::head(&Text::same(name)),
            Cell::percent(b.coverage),
            Cell::number(b.gini, 3),
            Cell::number(b.novelty, 2),
            Cell::number(b.diversity, 3),
            if b.variety > 0.0 { Cell::number(b.variety, 3) } else { Cell::plain("–") },
            Cell::percent(b.fallback_members),
            Cell::percent(b.fallback_slots),
        ]);
    }
    Section::new("beyond", text("命中之外", "Beyond hits"))
        .lead(text(
            "覆盖率：至少出现一次的商品占有售商品的比例。新颖度：−log2（买过该商品的会员比例）的平均。多样性：列表中两两商品买家\
             集合的 1 − 余弦。差异：两两商品在品类路径与品牌上的 1 − 相似度。兜底：与会员自己的历史无关。",
            "Coverage: share of the items sold that stand on any list. Novelty: mean of −log2 of the share of members who \
             bought the item. Diversity: 1 − cosine of the sets of buyers, over the pairs of a list. Variety: 1 − likeness \
             by category path and brand. Fallback: rests on nothing of the member's own.",
        ))
        .with(table.render())
}

fn calibration(calibration: Option<&Calibration>) -> Section {
    let section = Section::new("calibration", text("购买概率是否兑现", "Whether probabilities come true"));
    let Some(c) = calibration else {
        return section
            .with(note(&text("本次评分没有给出概率。", "The score gave no probabilities in this backtest.")));
    };
    let points = c.bins.iter().map(|b| (b.forecast, b.observed));
    let chart = LineChart::new("reliability", text("预测概率与实际比例", "Forecast and observed"))
        .summary(text(
            format!("Brier 分数 {}，总用平均值则为 {}。", fixed(c.brier, 5), fixed(c.brier_base, 5)),
            format!("Brier score {}; always forecasting the mean: {}.", fixed(c.brier, 5), fixed(c.brier_base, 5)),
        ))
        .x(Axis::new(text("预测", "forecast")))
        .y(Axis::new(text("实际", "observed")))
        .series(Series::new(text("实际", "observed"), points))
        .diagonal();
    let mut table = Table::new(
        text("可靠性表", "Reliability table"),
        [
            Column::text(text("概率", "Probability")),
            Column::number(text("预测数", "Forecasts")),
            Column::number(text("预测均值", "Mean forecast")),
            Column::number(text("兑现比例", "Came true")),
        ],
    );
    for b in &c.bins {
        table.push([
            Cell::head(&Text::same(format!("{} – {}", fixed(b.low, 4), fixed(b.high, 4)))),
            Cell::count(b.forecasts),
            Cell::number(b.forecast, 4),
            Cell::number(b.observed, 4),
        ]);
    }
    section.with(chart.render()).with(table.render())
}

fn protocol(results: &Results) -> Section {
    let mut folds = Table::new(
        text("切点", "Cuts"),
        [
            Column::text(text("真值", "Truth")),
            Column::text(text("历史到", "History up to")),
            Column::number(text("历史会员", "Members in the history")),
            Column::number(text("可评分", "Could be scored")),
            Column::number(text("已评分", "Scored")),
            Column::number(text("商品", "Items")),
            Column::number(text("本程序 recall@10", "Ours, recall@10")),
        ],
    );
    for FoldResult { truth, cut, members, candidates, scored, items, methods, .. } in &results.folds {
        let ours = methods.first().and_then(|(_, figures)| figures.get("recall@10"));
        folds.push([
            Cell::plain(truth),
            Cell::plain(cut.map_or_else(|| "–".to_owned(), |cut| cut.to_string())),
            Cell::count(*members),
            Cell::count(*candidates),
            Cell::count(*scored),
            Cell::count(*items),
            ours.map_or_else(|| Cell::plain("–"), |v| Cell::number(*v, 4)),
        ]);
    }
    let mut methods = Table::new(
        text("各方法的设置", "Settings of the methods"),
        [Column::text(text("方法", "Method")), Column::text(text("设置", "Settings"))],
    );
    for method in &results.methods {
        methods.push([Cell::head(&Text::same(&method.name)), Cell::plain(&method.settings)]);
    }
    Section::new("protocol", text("如何测量", "How it was measured"))
        .with(folds.render())
        .with(methods.render())
        .with(note(&text(
            format!("重抽样 {} 次，种子 {}；兜底比例 {}。", results.settings.resamples, results.seed, fallback(results)),
            format!(
                "{} resamples, seed {}; {} of the members on a fallback.",
                results.settings.resamples,
                results.seed,
                fallback(results)
            ),
        )))
        .with(note(&text(
            "lists.parquet、explore_lists.parquet 和 truth.parquet 足以重算全部命中指标。",
            "lists.parquet, explore_lists.parquet and truth.parquet are all it takes to recompute every figure of hits.",
        )))
}

fn fallback(results: &Results) -> String {
    results.methods.first().map(|m| percent(m.beyond.fallback_members)).unwrap_or_default()
}
