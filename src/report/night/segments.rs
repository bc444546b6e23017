//! Segments: sizes and names, profiles against all members, what they are made up of, the map, the choice of k.

use maud::{Markup, html};

use super::{Curve, NightView, words};
use crate::{
    features::{CATEGORY_PREFIX, CHANNEL_PREFIX},
    report::{
        Section, Text, count, fixed, note, percent,
        svg::{Axis, LineChart, Panel, PanelRow, Panels, Scatter, ScatterGroup, Series, fill},
        table::{Cell, Column, Matrix, MatrixCell, Table},
        text,
    },
    segments::{FeatureProfile, Profile, ShareProfile},
};

/// Features shown in every profile.
const FEATURES: usize = 10;
/// Effects (standard deviations) from which a bar is full.
const FULL: f64 = 2.0;
/// How much more often than all members, to be named.
const TELLING: f64 = 1.2;
/// Features named at an axis of the map.
const LOADINGS: usize = 3;

/// Profiles by falling size, each with the index of its segment, which is also its colour.
fn by_size<'a>(view: &NightView<'a>) -> Vec<(usize, &'a Profile)> {
    let mut all: Vec<(usize, &Profile)> = view.profiles.segments.iter().enumerate().collect();
    all.sort_by(|a, b| b.1.members.cmp(&a.1.members).then(a.1.segment_id.cmp(&b.1.segment_id)));
    all
}

fn rate(rate: Option<f64>) -> Cell {
    Cell::plain(rate.map_or_else(|| "–".to_owned(), percent))
}

fn name_cell(colour: Option<usize>, profile: &Profile) -> Cell {
    let code = if colour.is_some() { profile.segment_code.as_str() } else { "" };
    Cell::markup_head(html! {
        @if let Some(colour) = colour { span class={ "swatch " (fill(colour)) } aria-hidden="true" {} }
        (words::profile(profile))
        @if !code.is_empty() { " " span.sub { code { (code) } } }
    })
}

/// Sizes, names and key figures.
pub(super) fn overview(view: &NightView<'_>) -> Section {
    let largest = view.profiles.segments.iter().map(|p| p.member_share).fold(0.0, f64::max).max(1e-9);
    let mut table = Table::new(
        text("各群规模与关键指标", "Size and key figures of each segment"),
        [
            Column::text(text("群", "Segment")),
            Column::number(text("会员数", "Members")),
            Column::number(text("会员占比", "Share of members")),
            Column::number(text("消费占比", "Share of spend")),
            Column::number(text(
                format!("人均净消费 ({})", view.currency.code()),
                format!("Net spend a member ({})", view.currency.code()),
            )),
            Column::number(text("复购率", "Repeat purchase")),
            Column::number(text("唤回率", "Reactivation")),
            Column::number(text("跨渠道", "Cross-channel")),
        ],
    );
    let cells = |profile: &Profile, colour: Option<usize>| {
        let each = profile.spend_minor as f64 / profile.members.max(1) as f64;
        let share = match colour {
            Some(_) => Cell::bar(percent(profile.member_share), profile.member_share / largest),
            None => Cell::percent(profile.member_share),
        };
        [
            name_cell(colour, profile),
            Cell::count(profile.members),
            share,
            Cell::percent(profile.spend_share),
            Cell::plain(words::money(each, view.currency)),
            rate(profile.repeat_purchase_rate),
            rate(profile.reactivation_rate),
            rate(profile.cross_channel_share),
        ]
    };
    for (colour, profile) in by_size(view) {
        table.push(cells(profile, Some(colour)));
    }
    let model = view.model;
    let start = if model.warm_start {
        text("从前次运行的中心出发", "started from the last run's centroids")
    } else {
        text("重新拟合", "fitted afresh")
    };
    Section::new("segments", text("会员分群", "Segments"))
        .lead(text(
            format!(
                "k-means 把 {} 位会员按 {} 个特征分为 {} 个群；群的编号长期不变。",
                count(view.members.in_fit),
                model.features.len(),
                model.segments.len()
            ),
            format!(
                "k-means puts {} members into {} segments by {} features; the ids of the segments last.",
                count(view.members.in_fit),
                model.segments.len(),
                model.features.len()
            ),
        ))
        .with(table.total(cells(&view.profiles.all, None)).render())
        .with(note(&text(
            format!(
                "{}，迭代 {} 次，{}；组内离差平方和 {}（基于 {} 位会员）。",
                start.zh,
                model.iterations,
                if model.converged { "已收敛" } else { "未达到收敛容差" },
                fixed(model.inertia, 0),
                count(model.fitted_on)
            ),
            format!(
                "{}, {} iterations, {}; inertia {} over {} members.",
                start.en,
                model.iterations,
                if model.converged { "converged" } else { "tolerance not met" },
                fixed(model.inertia, 0),
                count(model.fitted_on)
            ),
        )))
}

/// The features that tell the segments apart: those in use, by the strongest effect in any segment. Shares of categories
/// and channels stand in tables of their own.
fn telling(view: &NightView<'_>) -> Vec<usize> {
    let strength = |i: usize| {
        let effects = view.profiles.segments.iter().filter_map(|p| p.features.get(i)?.effect);
        effects.map(f64::abs).fold(0.0, f64::max)
    };
    let base = &view.profiles.all.features;
    let speaks = |i: usize| {
        let name = &base[i].name;
        base[i].in_segments && !name.starts_with(CATEGORY_PREFIX) && !name.starts_with(CHANNEL_PREFIX)
    };
    let mut chosen: Vec<usize> = (0..base.len()).filter(|i| speaks(*i)).collect();
    chosen.sort_by(|a, b| strength(*b).total_cmp(&strength(*a)).then(a.cmp(b)));
    chosen.truncate(FEATURES);
    chosen.sort_unstable();
    chosen
}

fn shown(feature: &FeatureProfile) -> String {
    feature.median().map_or_else(|| "–".to_owned(), |m| words::value(feature, m))
}

/// Small multiples: every segment against all members.
pub(super) fn profiles(view: &NightView<'_>) -> Section {
    let chosen = telling(view);
    let base = &view.profiles.all.features;
    let panels = by_size(view)
        .into_iter()
        .map(|(colour, profile)| Panel {
            title: words::profile(profile),
            below: text(
                format!("{} · {} 人 · {}", profile.segment_code, count(profile.members), percent(profile.member_share)),
                format!(
                    "{} · {} members · {}",
                    profile.segment_code,
                    count(profile.members),
                    percent(profile.member_share)
                ),
            ),
            colour: Some(colour),
            rows: chosen
                .iter()
                .filter_map(|i| Some((profile.features.get(*i)?, &base[*i])))
                .map(|(own, all)| PanelRow {
                    label: text(own.name_zh.clone(), own.name_en.clone()),
                    effect: own.effect.unwrap_or(0.0),
                    value: shown(own),
                    base: shown(all),
                })
                .collect(),
            foot: leanings(profile),
        })
        .collect();
    let panels = Panels { id: "profile".to_owned(), panels, limit: FULL };
    Section::new("profiles", text("群体画像", "Profiles"))
        .lead(text(
            "条形：该群均值与全体会员之差，以全体标准差为单位（向右为高，向左为低，满格为两个标准差）。数字：该群中位数 / 全体中位数。",
            "Bars: the segment's mean against that of all members in standard deviations (right: above, left: below, full at two). Figures: median of the segment / of all members.",
        ))
        .with(panels.render())
        .with(medians(view))
}

/// What a segment leans to: categories and channels with more than their usual share.
fn leanings(profile: &Profile) -> Option<Markup> {
    let lean = |shares: &[ShareProfile]| -> Vec<Text> {
        let mut strong: Vec<&ShareProfile> =
            shares.iter().filter(|s| s.share >= 0.05 && s.lift().is_some_and(|l| l >= TELLING)).collect();
        strong.sort_by(|a, b| (b.share - b.all).total_cmp(&(a.share - a.all)).then_with(|| a.code.cmp(&b.code)));
        let words = |s: &&ShareProfile| {
            let (share, lift) = (percent(s.share), fixed(s.lift().unwrap_or(1.0), 1));
            text(format!("{} {share}（{lift} 倍）", s.name_zh), format!("{} {share} (×{lift})", s.name_en))
        };
        strong.iter().take(3).map(words).collect()
    };
    let (categories, channels) = (lean(&profile.categories), lean(&profile.channels));
    if categories.is_empty() && channels.is_empty() {
        return None;
    }
    Some(html! {
        p.note {
            @for (head, parts) in [(text("品类：", "Categories: "), categories), (text("渠道：", "Channels: "), channels)] {
                @if !parts.is_empty() { span.line { (head) (words::list(&parts)) } " " }
            }
        }
    })
}

/// Every feature's median by segment, folded up.
fn medians(view: &NightView<'_>) -> Markup {
    let order = by_size(view);
    let columns = order.iter().map(|(_, p)| Column::number(Text::same(p.segment_code.clone())));
    let head = [Column::text(text("特征", "Feature")), Column::number(text("全体", "All"))];
    let caption = text("各特征的中位数", "Median of every feature");
    let mut table = Table::new(caption, head.into_iter().chain(columns));
    for (i, feature) in view.profiles.all.features.iter().enumerate() {
        let name = text(feature.name_zh.clone(), feature.name_en.clone());
        let used = if feature.in_segments { text("用于分群", "in segments") } else { Text::default() };
        let below = text(format!("{} {}", feature.unit, used.zh), format!("{} {}", feature.unit, used.en));
        let cells =
            order.iter().map(|(_, p)| p.features.get(i).map_or_else(|| Cell::plain("–"), |f| Cell::plain(shown(f))));
        table.push([Cell::head_with(&name, &below), Cell::plain(shown(feature))].into_iter().chain(cells));
    }
    html! {
        details {
            summary { (text("全部特征的中位数表", "Medians of every feature as a table")) }
            (table.render())
        }
    }
}

/// One breakdown of a profile.
type Breakdown = fn(&Profile) -> &[ShareProfile];

/// What segments are made up of: stages, bands, categories, channels, cities.
pub(super) fn mixes(view: &NightView<'_>) -> Option<Section> {
    let breakdowns: [(Text, Breakdown); 6] = [
        (text("生命周期（会员占比）", "Lifecycle (share of members)"), |p| &p.lifecycle),
        (text("价值层级（会员占比）", "Value band (share of members)"), |p| &p.value_bands),
        (text("RFM 类别（会员占比）", "RFM class (share of members)"), |p| &p.rfm),
        (text("品类（净消费占比）", "Category (share of net spend)"), |p| &p.categories),
        (text("渠道（消费占比）", "Channel (share of spend)"), |p| &p.channels),
        (text("城市层级（会员占比）", "City tier (share of members)"), |p| &p.city_tiers),
    ];
    let drawn: Vec<Markup> = breakdowns.iter().filter_map(|(caption, of)| mix(view, caption, *of)).collect();
    if drawn.is_empty() {
        return None;
    }
    let lead = text(
        "每行是一个群，每格是该群中的占比；颜色越深占比越高。",
        "Each row is a segment, each cell a share within it; the deeper the colour, the larger the share.",
    );
    Some(
        drawn
            .into_iter()
            .fold(Section::new("mix", text("群体构成", "What segments are made up of")).lead(lead), Section::with),
    )
}

fn mix(view: &NightView<'_>, caption: &Text, of: Breakdown) -> Option<Markup> {
    let all = of(&view.profiles.all);
    if all.is_empty() {
        return None;
    }
    let mut matrix = Matrix::new(
        caption.clone(),
        text("群", "Segment"),
        all.iter().map(|s| text(s.name_zh.clone(), s.name_en.clone())),
    );
    let mut push = |head: Text, profile: &Profile| {
        let cells = all.iter().map(|column| {
            let share = of(profile).iter().find(|s| s.code == column.code).map_or(0.0, |s| s.share);
            MatrixCell { shown: percent(share), weight: share }
        });
        matrix.push(head, cells.collect::<Vec<_>>());
    };
    for (_, profile) in by_size(view) {
        let code = &profile.segment_code;
        push(text(format!("{code} {}", profile.name_zh), format!("{code} {}", profile.name_en)), profile);
    }
    push(words::profile(&view.profiles.all), &view.profiles.all);
    Some(matrix.render())
}

/// The segments on the plane of the two directions in which members differ most.
pub(super) fn map(view: &NightView<'_>) -> Option<Section> {
    let map = view.map.as_ref()?;
    let axis = |which: usize, number: &str| {
        let axis = &map.axes[which];
        let mut order: Vec<usize> = (0..axis.loadings.len()).collect();
        order.sort_by(|a, b| axis.loadings[*b].abs().total_cmp(&axis.loadings[*a].abs()).then(a.cmp(b)));
        let name = |i: &usize| {
            let feature = view.profiles.all.features.iter().find(|f| Some(&f.name) == view.model.features.get(*i))?;
            let sign = if axis.loadings[*i] < 0.0 { "−" } else { "+" };
            Some(text(format!("{sign}{}", feature.name_zh), format!("{sign}{}", feature.name_en)))
        };
        let strongest: Vec<Text> = order.iter().take(LOADINGS).filter_map(name).collect();
        let (share, names) = (percent(axis.explained), words::list(&strongest));
        text(
            format!("第{number}主成分 {share}：{}", names.zh),
            format!("Component {} ({share}): {}", which + 1, names.en),
        )
    };
    let explained = percent(map.axes[0].explained + map.axes[1].explained);
    let mut scatter = Scatter::new(
        "segment-map",
        text("各群在前两个主成分上的位置", "Segments on the first two principal components"),
        axis(0, "一"),
        axis(1, "二"),
    )
    .summary(text(
        format!("小点是按哈希抽取的 {} 位会员，大点是群中心；两个方向共解释 {explained} 的差异，图上靠近的群在其余方向上仍可能不同。", count(map.points.len() as u64)),
        format!("Small dots are {} members sampled by hash, large ones the centroids; the two directions hold {explained} of the variance, so segments that lie close here may still differ in others.", count(map.points.len() as u64)),
    ));
    for (label, segment) in view.model.segments.iter().enumerate() {
        scatter = scatter.group(ScatterGroup {
            name: words::segment(segment),
            label: segment.code.clone(),
            points: map.points.iter().filter(|p| usize::from(p.0) == label).map(|p| (p.1, p.2)).collect(),
            centre: map.centres.get(label).copied().unwrap_or_default(),
        });
    }
    Some(Section::new("map", text("分群地图", "Map of the segments")).with(scatter.render()))
}

/// How the number of segments was chosen.
pub(super) fn curves(view: &NightView<'_>) -> Option<Section> {
    let curves = view.curves.as_ref()?;
    let mut section =
        Section::new("k", text("群数的选择", "Choosing the number of segments")).lead(curves.rule.clone());
    for (i, Curve { name, more_is_better, points }) in curves.measures.iter().enumerate() {
        let way = if *more_is_better {
            text("越高越好", "higher is better")
        } else {
            text("越低越好", "lower is better")
        };
        let chart = LineChart::new(format!("k-{i}"), name.clone())
            .summary(way)
            .x(Axis::new(text("群数 k", "segments k")).whole())
            .y(Axis::new(name.clone()))
            .series(Series::new(name.clone(), points.iter().copied()))
            .mark(curves.chosen, text("所选", "chosen"));
        section = section.with(chart.render());
    }
    Some(section)
}
