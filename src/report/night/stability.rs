//! What changed since the run before.

use super::{NightView, words};
use crate::report::{
    Section, Text, count, fixed, note, paragraph, percent,
    table::{Cell, Column, Matrix, MatrixCell, Table},
    text,
};

/// Features shown by falling drift.
const FEATURES: usize = 12;

/// Moves, shifts and drift; `None` without a run before.
pub(super) fn section(view: &NightView<'_>) -> Option<Section> {
    let changes = view.stability.as_ref()?;
    let (day, _) = view.previous?;
    let share = if changes.both > 0 { changes.moved as f64 / changes.both as f64 } else { 0.0 };
    let mut section = Section::new("stability", text("与前次运行相比", "Since the last run")).lead(text(
        format!(
            "与 {day} 相比，{} 位共同会员中有 {} 位（{}）换了群；调整兰德指数 {}。另有 {} 位会员虽已更靠近别的群，但差距不明显，暂留原群。",
            count(changes.both), count(changes.moved), percent(share), fixed(changes.adjusted_rand, 3), count(changes.held)
        ),
        format!(
            "Of {} members of this run and that of {day}, {} ({}) are in another segment; adjusted Rand index {}. {} more lie nearer to another segment, but not clearly, and are held where they were.",
            count(changes.both), count(changes.moved), percent(share), fixed(changes.adjusted_rand, 3), count(changes.held)
        ),
    ));
    for (codes, words) in
        [(&changes.born, ("新增的群", "New segments")), (&changes.gone, ("退役的群", "Retired segments"))]
    {
        if !codes.is_empty() {
            section = section.with(paragraph(&text(
                format!("{}：{}。", words.0, codes.join("、")),
                format!("{}: {}.", words.1, codes.join(", ")),
            )));
        }
    }
    if !changes.moves.is_empty() {
        section = section.with(moves(view)?);
    }
    if !changes.shifts.is_empty() {
        let most = changes.shifts.iter().map(|s| s.1).fold(0.0, f64::max).max(1e-9);
        let columns = [
            Column::text(text("群", "Segment")),
            Column::number(text("移动距离（标准化单位）", "Distance (scaled units)")),
        ];
        let mut table = Table::new(text("群中心的移动", "How far centroids moved"), columns);
        for (code, distance) in &changes.shifts {
            let named = view.model.segments.iter().find(|s| s.code == *code).map(words::segment).unwrap_or_default();
            table.push([
                Cell::head_with(&Text::same(code.clone()), &named),
                Cell::bar(fixed(*distance, 3), distance / most),
            ]);
        }
        section = section.with(table.render());
    }
    if !changes.psi.is_empty() {
        let mut drifts = changes.psi.clone();
        drifts.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.en.cmp(&b.0.en)));
        let columns = [
            Column::text(text("特征", "Feature")),
            Column::number(Text::same("PSI")),
            Column::text(text("判断", "Reading")),
        ];
        let mut table = Table::new(text("特征的漂移", "Drift of the features"), columns);
        for (feature, psi) in drifts.iter().take(FEATURES) {
            let words = match psi {
                p if *p < 0.1 => text("稳定", "stable"),
                p if *p < 0.25 => text("有变化", "some change"),
                _ => text("变化大", "much change"),
            };
            table.push([Cell::head(feature), Cell::number(*psi, 4), Cell::verdict(*psi < 0.25, &words)]);
        }
        section = section.with(table.render());
        if drifts.len() > FEATURES {
            let rest = drifts.len() - FEATURES;
            section = section.with(note(&text(
                format!("其余 {rest} 个特征的漂移更小。"),
                format!("The other {rest} features drifted less."),
            )));
        }
    }
    Some(section)
}

/// From which segment to which.
fn moves(view: &NightView<'_>) -> Option<maud::Markup> {
    let changes = view.stability.as_ref()?;
    let mut matrix = Matrix::new(
        text("迁移矩阵：会员数（行：前次，列：本次）", "Migration: members (rows: last run, columns: this run)"),
        text("前次 ↓ 本次 →", "last ↓ this →"),
        changes.after.iter().map(|code| Text::same(code.clone())),
    );
    for (code, row) in changes.before.iter().zip(&changes.moves) {
        let all: u64 = row.iter().sum();
        let cells = row.iter().zip(&changes.after).map(|(n, to)| {
            let share = *n as f64 / all.max(1) as f64;
            // Who stayed is the rule; who moved is what to look at.
            let weight = if to == code { share * 0.5 } else { -(share * 4.0).min(1.0) };
            MatrixCell { shown: count(*n), weight }
        });
        matrix.push(Text::same(code.clone()), cells.collect::<Vec<_>>());
    }
    Some(matrix.render())
}
