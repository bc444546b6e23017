//! Quality gates as people read them: a table for the night's report, and the page of a refusal.

use maud::Markup;

use super::{
    Language, Page, Section, Text, count, paragraph,
    table::{Cell, Column, Table},
    text,
};
use crate::{
    base::Day,
    gates::{GateResult, GateStatus, LateLines},
};

/// Days shown of late lines, the newest.
const DAYS: usize = 14;

/// All that the page of a refusal says.
#[derive(Debug, Clone)]
pub struct RefusalView<'a> {
    /// Language that is shown at first.
    pub language: Language,
    /// The job's name.
    pub job: &'a str,
    /// Last day that was read.
    pub as_of: Day,
    /// The run's id.
    pub run_id: &'a str,
    /// As-of day and id of the run that it would have followed.
    pub previous: Option<(Day, &'a str)>,
    /// The gates.
    pub results: &'a [GateResult],
    /// Lines that came late.
    pub late: Option<&'a LateLines>,
    /// How to let it through.
    pub remedy: Text,
}

impl RefusalView<'_> {
    /// The file.
    #[must_use]
    pub fn page(&self) -> String {
        let refused = self.results.iter().filter(|r| r.status == GateStatus::Refused).count();
        let held = match self.previous {
            Some((day, id)) => {
                text(format!("对照 {day} 的运行（{id}）。"), format!("Held against the run of {day} ({id})."))
            }
            None => text("没有可对照的前次运行。", "There was no earlier run to hold it against."),
        };
        let mut gates = Section::new("gates", text("质量门槛", "Quality gates"))
            .lead(text(
                "未发布任何内容，已发布的运行与 current 均未改动。",
                "Nothing was published; earlier runs and `current` are as they were.",
            ))
            .with(table(self.results))
            .with(paragraph(&self.remedy))
            .with(paragraph(&text(
                "若限度不当，可在任务的 [gates] 中调整，或用 --set gates.<名称>.refuse=… 单次设定。",
                "If a limit is wrong, change it under [gates] of the job, or for one run with --set gates.<name>.refuse=….",
            )));
        if let Some(late) = self.late.and_then(late_lines) {
            gates = gates.with(late);
        }
        Page::new(text("未发布：质量门槛拒绝", "Not published: quality gates refused"))
            .stamp(Text::same(self.as_of.to_string()))
            .language(self.language)
            .lead(text(
                format!("任务 {}，数据截至 {}（含当日）。{}", self.job, self.as_of, held.zh),
                format!("Job {}, data up to and including {}. {}", self.job, self.as_of, held.en),
            ))
            .figure(
                text("拒绝的门槛", "Gates that refused"),
                Text::same(count(refused as u64)),
                text(format!("共 {} 项结果", self.results.len()), format!("of {} results", self.results.len())),
            )
            .section(gates)
            .foot(text(format!("运行编号 {}。", self.run_id), format!("Run {}.", self.run_id)))
            .render()
    }
}

/// Every result, what does not hold first.
pub(super) fn table(results: &[GateResult]) -> Markup {
    let mut table = Table::new(
        text("质量门槛：当晚与往常", "Quality gates: the night against what is usual"),
        [
            Column::text(text("门槛", "Gate")),
            Column::text(text("实际与限度", "What was found, and the limit")),
            Column::text(text("结果", "Result")),
        ],
    );
    let mut order: Vec<&GateResult> = results.iter().collect();
    order.sort_by_key(|r| std::cmp::Reverse(r.status));
    for result in order {
        let (good, words) = match result.status {
            GateStatus::Passed => (true, text("通过", "passed")),
            GateStatus::Warned => (false, text("警告", "warned")),
            GateStatus::Accepted => (false, text("放行", "let through")),
            GateStatus::Refused => (false, text("拒绝", "refused")),
        };
        let [zh, en] = &result.words;
        table.push([
            Cell::head_with(&Text::same(result.gate.clone()), &Text::same(result.subject.clone())),
            Cell::text(&text(zh.clone(), en.clone())),
            Cell::verdict(good, &words),
        ]);
    }
    table.render()
}

/// Lines that came late by day; `None` if there are none.
pub(super) fn late_lines(late: &LateLines) -> Option<Markup> {
    if late.days.is_empty() {
        return None;
    }
    let mut table = Table::new(
        text(
            format!("迟到的交易行：上次运行（截至 {}）之后才到的旧日期", late.up_to),
            format!("Lines that came late: of days that the last run (up to {}) had read", late.up_to),
        ),
        [Column::text(text("日期", "Day")), Column::number(text("新到", "Came")), Column::number(text("消失", "Gone"))],
    );
    let hidden = late.days.len().saturating_sub(DAYS);
    if hidden > 0 {
        let sum = |of: fn(&crate::gates::LateDay) -> u64| late.days[..hidden].iter().map(of).sum();
        table.push([
            Cell::head(&text(format!("更早的 {hidden} 天"), format!("{hidden} earlier days"))),
            Cell::count(sum(|d| d.came)),
            Cell::count(sum(|d| d.gone)),
        ]);
    }
    for day in &late.days[hidden..] {
        table.push([Cell::head(&Text::same(day.day.to_string())), Cell::count(day.came), Cell::count(day.gone)]);
    }
    Some(table.render())
}
