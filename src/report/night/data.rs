//! Rows and quality: what was read, what was lost and why, and what holds of the run.

use maud::html;

use super::{NightView, words};
use crate::{
    base::Severity,
    input::accounting::RowCounts,
    recommend::TunedFrom,
    report::{
        Section, Text, count, fixed, gates, number, percent,
        table::{Cell, Column, Table},
        text,
    },
};

/// What became of every row.
pub(super) fn rows(view: &NightView<'_>) -> Section {
    let mut table = Table::new(
        text("各表行数：读入 = 保留 + 丢弃 + 隔离", "Rows by table: read = kept + dropped + quarantined"),
        [
            Column::text(text("表", "Table")),
            Column::number(text("读入", "Read")),
            Column::number(text("保留", "Kept")),
            Column::number(text("丢弃", "Dropped")),
            Column::number(text("隔离", "Quarantined")),
            Column::text(text("原因", "Reasons")),
        ],
    );
    for (name, counts) in view.rows {
        let sum = |reasons: &std::collections::BTreeMap<String, u64>| Cell::count(reasons.values().sum());
        table.push([
            Cell::head(&words::name(name)),
            Cell::count(counts.read),
            Cell::count(counts.kept),
            sum(&counts.dropped),
            sum(&counts.quarantined),
            Cell::text(&reasons(counts)),
        ]);
    }
    let members = &view.members;
    let mut people = Table::new(
        text("会员去向", "What became of the members"),
        [Column::text(text("会员", "Members")), Column::number(text("人数", "Number"))],
    )
    .row([Cell::head(&text("有保留交易行", "with a kept line")), Cell::count(members.seen)])
    .row([Cell::head(&text("参与分群", "in the segments")), Cell::count(members.in_fit)])
    .row([
        Cell::head_with(
            &text("关闭个性化", "opted out of personalisation"),
            &text("只得到通用清单", "they get the generic list only"),
        ),
        Cell::count(members.opted_out),
    ]);
    for (why, number) in members.excluded {
        let name = words::name(why);
        let left_out = text(format!("未纳入：{}", name.zh), format!("left out: {}", name.en));
        people.push([Cell::head(&left_out), Cell::count(*number)]);
    }
    Section::new("rows", text("数据", "Data"))
        .lead(text(
            "每一行都有去处；隔离的行连同原始值在 quarantine.parquet 里。",
            "Every row is accounted for; quarantined rows are in quarantine.parquet with their raw values.",
        ))
        .with(table.render())
        .with(people.render())
        .with_some(view.late.and_then(gates::late_lines))
}

fn reasons(counts: &RowCounts) -> Text {
    let lost = counts.dropped.iter().chain(&counts.quarantined);
    let mut parts: Vec<Text> = lost
        .map(|(why, rows)| {
            let name = words::name(why);
            text(format!("{} {}", name.zh, count(*rows)), format!("{} {}", name.en, count(*rows)))
        })
        .collect();
    if counts.unmatched_returns > 0 {
        let rows = count(counts.unmatched_returns);
        parts.push(text(
            format!("（保留行中）无对应购买的退货 {rows}"),
            format!("(kept) returns that match no purchase {rows}"),
        ));
    }
    words::list(&parts)
}

/// Gates, the score, and what was noticed.
pub(super) fn quality(view: &NightView<'_>) -> Section {
    let mut section = Section::new("quality", text("质量", "Quality"));
    section = section.with(gates::table(view.gates));
    section = section.with(kpis(view)).with(score(view));
    section.with_some(notes(view))
}

fn kpis(view: &NightView<'_>) -> maud::Markup {
    let columns = [Column::text(text("指标", "Figure")), Column::number(text("值", "Value"))];
    let mut table = Table::new(text("关键指标", "Key figures"), columns);
    for (name, value) in view.kpis {
        let is_share = ["_rate", "_share", "_with_a_list", "_moved_share"].iter().any(|end| name.ends_with(end));
        let shown = if is_share { percent(*value) } else { number(*value) };
        table.push([Cell::head_with(&words::name(name), &Text::same(name.clone())), Cell::plain(shown)]);
    }
    table.render()
}

fn score(view: &NightView<'_>) -> maud::Markup {
    let tuned = view.tuned;
    let from = match tuned.from {
        TunedFrom::History => words::name("history"),
        TunedFrom::Job => words::name("job"),
        TunedFrom::Defaults => words::name("defaults"),
    };
    let columns = [Column::text(text("推荐打分", "Score of items")), Column::number(text("值", "Value"))];
    let mut table = Table::new(text("推荐打分的参数", "The score's parameters"), columns)
        .row([Cell::head(&text("来源", "Source")), Cell::text(&from)]);
    if tuned.from == TunedFrom::History {
        table.push([Cell::head(&text("调优日", "Tuned on")), Cell::plain(tuned.tuned_on.to_string())]);
        table.push([Cell::head(&Text::same("recall@10")), Cell::plain(fixed(tuned.recall_at_10, 4))]);
        table.push([Cell::head(&Text::same("NDCG@10")), Cell::plain(fixed(tuned.ndcg_at_10, 4))]);
        let words = text("评估会员数", "Members evaluated on");
        table.push([Cell::head(&words), Cell::count(u64::from(tuned.members))]);
    }
    table.render()
}

fn notes(view: &NightView<'_>) -> Option<maud::Markup> {
    if view.notes.is_empty() {
        return None;
    }
    let columns = [
        Column::text(text("级别", "Level")),
        Column::text(text("位置", "Place")),
        Column::text(text("内容", "What was noticed")),
    ];
    let mut table = Table::new(text("运行中的提示", "Noticed on the way"), columns);
    for finding in view.notes.iter() {
        let level = match finding.severity {
            Severity::Note => text("提示", "note"),
            Severity::Warning => text("警告", "warning"),
            Severity::Error => text("错误", "error"),
        };
        table.push([
            Cell::head(&level),
            Cell::code(finding.at.as_str()),
            Cell::markup(html! {
                (finding.message)
                @if let Some(help) = &finding.help { span.sub { (help) } }
            }),
        ]);
    }
    Some(table.render())
}
