//! What changed since the run before.

use maud::Markup;

use super::{NightView, words};
use crate::{
    report::{
        Section, Text, count, fixed, note, paragraph, percent,
        table::{Cell, Column, Matrix, MatrixCell, Table},
        text,
    },
    segments::Drift,
};

/// Features shown by falling drift.
const FEATURES: usize = 12;

/// Moves, shifts and drift; `None` without a run before.
pub(super) fn section(view: &NightView<'_>) -> Option<Section> {
    let drift = view.drift?;
    let (day, _) = view.previous?;
    let (both, moved, held) = (count(drift.both), count(drift.moved), count(drift.held));
    let (share, rand) = (percent(drift.moved_share), fixed(drift.adjusted_rand, 3));
    let (joined, left) = (count(drift.joined), count(drift.left));
    let section = Section::new("stability", text("与前次运行相比", "Since the last run")).lead(text(
        format!(
            "与 {day} 相比，{both} 位共同会员中有 {moved} 位（{share}）换了群，调整兰德指数 {rand}；{held} 位会员更靠近\
             别的群但差距不明显，暂留原群。新增会员 {joined} 位，离开 {left} 位。"
        ),
        format!(
            "Of the {both} members of both this run and that of {day}, {moved} ({share}) are in another segment; adjusted \
             Rand index {rand}. {held} lie nearer to another segment, but not clearly, and are held where they were. \
             {joined} joined, {left} left."
        ),
    ));
    Some(
        section
            .with(changes(view, drift))
            .with_some(moves(view, drift))
            .with_some(shifts(view, drift))
            .with_some(psi(view, drift)),
    )
}

fn code(id: i32) -> String {
    format!("seg_{id:02}")
}

/// Segments that are new, gone or called otherwise, in sentences.
fn changes(view: &NightView<'_>, drift: &Drift) -> Markup {
    let mut lines: Vec<Text> = Vec::new();
    let named = |id: &i32| {
        let segment = view.model.segments.iter().find(|s| s.id == *id);
        segment.map_or_else(
            || Text::same(code(*id)),
            |s| text(format!("{} {}", s.code, s.name_zh), format!("{} {}", s.code, s.name_en)),
        )
    };
    for (ids, zh, en) in
        [(&drift.created, "新增的群", "New segments"), (&drift.retired, "退役的群", "Retired segments")]
    {
        if !ids.is_empty() {
            let names = words::list(&ids.iter().map(named).collect::<Vec<_>>());
            lines.push(text(format!("{zh}：{}。", names.zh), format!("{en}: {}.", names.en)));
        }
    }
    for renamed in &drift.renamed {
        let code = code(renamed.id);
        lines.push(text(
            format!("{code} 由“{}”改称“{}”。", renamed.from_zh, renamed.to_zh),
            format!("{code} was called “{}” and is called “{}”.", renamed.from_en, renamed.to_en),
        ));
    }
    if lines.is_empty() {
        lines.push(text("没有群新增、退役或改名。", "No segment is new, gone or renamed."));
    }
    maud::html! { @for line in &lines { (paragraph(line)) } }
}

/// From which segment to which.
fn moves(view: &NightView<'_>, drift: &Drift) -> Option<Markup> {
    if drift.migration.is_empty() {
        return None;
    }
    let mut before: Vec<i32> = drift.migration.iter().map(|m| m.from).collect();
    let mut after: Vec<i32> = view.model.segments.iter().map(|s| s.id).collect();
    after.extend(drift.migration.iter().map(|m| m.to));
    for ids in [&mut before, &mut after] {
        // Who was or is not there (0) comes last.
        ids.sort_unstable_by_key(|id| if *id == 0 { i32::MAX } else { *id });
        ids.dedup();
    }
    let head = |id: &i32, none: Text| if *id == 0 { none } else { Text::same(code(*id)) };
    let mut matrix = Matrix::new(
        text("迁移矩阵：会员数（行：前次，列：本次）", "Migration: members (rows: last run, columns: this run)"),
        text("前次 ↓ 本次 →", "last ↓ this →"),
        after.iter().map(|id| head(id, text("已离开", "gone"))),
    );
    for from in &before {
        let members = |to: &i32| {
            let cell = drift.migration.iter().find(|m| m.from == *from && m.to == *to);
            cell.map_or(0, |m| m.members)
        };
        let all: u64 = after.iter().map(members).sum();
        let cells: Vec<MatrixCell> = after
            .iter()
            .map(|to| {
                let share = members(to) as f64 / all.max(1) as f64;
                // Who stays is the rule; who moves is what to look at.
                let weight = if to == from { share * 0.5 } else { -(share * 4.0).min(1.0) };
                let weight = if *from == 0 || *to == 0 { 0.0 } else { weight };
                MatrixCell { shown: count(members(to)), weight }
            })
            .collect();
        matrix.push(head(from, text("新会员", "not there")), cells);
    }
    Some(matrix.render())
}

/// How far centroids moved.
fn shifts(view: &NightView<'_>, drift: &Drift) -> Option<Markup> {
    if drift.centroids.is_empty() {
        return None;
    }
    let most = drift.centroids.iter().map(|c| c.shift).fold(0.0, f64::max).max(1e-9);
    let columns = [
        Column::text(text("群", "Segment")),
        Column::number(text("移动距离（以组内均方根距离为 1）", "Distance (1: root mean square within segments)")),
        Column::text(text("移动最多的特征", "Feature that moved most")),
    ];
    let mut table = Table::new(text("群中心的移动", "How far centroids moved"), columns);
    for shift in &drift.centroids {
        let named = view.model.segments.iter().find(|s| s.id == shift.id).map(words::segment).unwrap_or_default();
        let (name, from, to) = words::feature_change(view.profiles, &shift.feature, shift.from, shift.to);
        table.push([
            Cell::head_with(&Text::same(code(shift.id)), &named),
            Cell::bar(fixed(shift.shift, 3), shift.shift / most),
            Cell::text(&text(format!("{} {from} → {to}", name.zh), format!("{} {from} → {to}", name.en))),
        ]);
    }
    Some(table.render())
}

/// Drift of the features, the strongest.
fn psi(view: &NightView<'_>, drift: &Drift) -> Option<Markup> {
    if drift.psi.is_empty() {
        return None;
    }
    let mut drifts: Vec<_> = drift.psi.iter().collect();
    drifts.sort_by(|a, b| b.psi.total_cmp(&a.psi).then_with(|| a.feature.cmp(&b.feature)));
    let columns = [
        Column::text(text("特征", "Feature")),
        Column::number(Text::same("PSI")),
        Column::text(text("判断", "Reading")),
    ];
    let mut table = Table::new(text("特征的漂移", "Drift of the features"), columns);
    for feature in drifts.iter().take(FEATURES) {
        let reading = match feature.psi {
            p if p < 0.1 => text("稳定", "stable"),
            p if p < 0.25 => text("有变化", "some change"),
            _ => text("变化大", "much change"),
        };
        let used = if feature.in_segments { text("用于分群", "in segments") } else { Text::default() };
        table.push([
            Cell::head_with(&words::feature(view.profiles, &feature.feature), &used),
            Cell::number(feature.psi, 4),
            Cell::verdict(feature.psi < 0.25, &reading),
        ]);
    }
    let rest = drifts.len().saturating_sub(FEATURES);
    Some(maud::html! {
        (table.render())
        @if rest > 0 {
            (note(&text(format!("其余 {rest} 个特征的漂移更小。"), format!("The other {rest} features drifted less."))))
        }
    })
}
