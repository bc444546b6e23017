//! What the offers changed: against the members held out, and against the period before.

use super::words;
use crate::{
    base::Currency,
    offers::{ALL_OFFERS, Outcome, OutcomeUplift, PeriodMeasures, TrackUplift, UpliftReport},
    report::{
        Section, Text, count, note, paragraph, percent, signed,
        table::{Cell, Column, Table},
        text,
    },
    segments::SegmentModel,
};

/// What was measured, for the page.
pub struct UpliftView<'a> {
    /// Against the holdout; none where nobody is held out.
    pub report: Option<&'a UpliftReport>,
    /// Against the period before; empty for data without a calendar.
    pub periods: &'a [PeriodMeasures],
    /// Length of a period in days.
    pub days: u32,
    /// Tonight's segments.
    pub model: &'a SegmentModel,
    /// The job's currency.
    pub currency: Currency,
}

fn outcome(outcome: Outcome) -> Text {
    match outcome {
        Outcome::RepeatPurchase => text("复购率", "Repeat purchase"),
        Outcome::Reactivation => text("唤回率", "Reactivation"),
        Outcome::CrossChannel => text("跨渠道购买率", "Cross-channel"),
        Outcome::Spend => text("人均净消费", "Net spend a member"),
        Outcome::Referral => text("推荐参与率", "Referral"),
    }
}

impl UpliftView<'_> {
    /// A share or an amount.
    fn value(&self, of: Outcome, value: f64) -> String {
        if of.is_share() { percent(value) } else { words::money(value, self.currency) }
    }

    /// A difference: points, or an amount.
    fn change(&self, of: Outcome, value: f64) -> String {
        match of.is_share() {
            true => signed(100.0 * value, 2),
            false => signed(value / self.currency.minor_per_major() as f64, 2),
        }
    }

    fn range(&self, of: Outcome, low: f64, high: f64) -> String {
        format!("[{}, {}]", self.change(of, low), self.change(of, high))
    }

    fn segment(&self, code: &str) -> Text {
        if code == ALL_OFFERS {
            return text("全体会员", "All members");
        }
        let found = self.model.segments.iter().find(|s| s.code == code);
        found.map_or_else(|| Text::same(code), words::segment)
    }
}

/// The section; none where there is nothing to say.
#[must_use]
pub fn section(view: &UpliftView<'_>) -> Option<Section> {
    let section = Section::new("uplift", text("成效", "What the offers change"));
    let section = match view.report {
        None if view.periods.is_empty() => return None,
        None => section.lead(text(
            "任务没有设对照组（[decision] holdout_share），无法得知优惠带来的增量；下表只与上一期相比。",
            "The job holds nobody out ([decision] holdout_share), so that nobody can say what the offers add; the table below \
             compares with the period before only.",
        )),
        Some(report) => against_holdout(view, report, section),
    };
    Some(section.with_some((!view.periods.is_empty()).then(|| periods(view))))
}

fn against_holdout(view: &UpliftView<'_>, report: &UpliftReport, section: Section) -> Section {
    let days = report.window_days;
    let section = section.lead(text(
        format!(
            "对照组走同样的流程，决定只记录、不导出。自首次分配起 {days} 天内的行为，按分配而非是否触达比较（意向性分析）；\
             期未满的会员暂不计入。区间为 95%；“校正”一栏扣除了分配前 {} 天的行为所能解释的部分（CUPED）。",
            report.history_days
        ),
        format!(
            "Members held out go through the same decisions, which are written and never exported. Counted is what members did \
             in the {days} days from their first assignment on, by arm, whether they were reached or not (intention to treat); \
             members whose days are not over are not counted yet. Intervals are 95%; the adjusted figures leave out what the {} \
             days before the assignment explain (CUPED).",
            report.history_days
        ),
    ));
    if report.tracks.is_empty() {
        return section.with(paragraph(&text("还没有会员被分配优惠。", "No member has been assigned an offer yet.")));
    }
    let mut section = section.with(arms(report));
    let all = report.all().filter(|all| !all.outcomes.is_empty());
    let Some(all) = all else {
        return section.with(paragraph(&text(
            format!("首次分配至今都不满 {days} 天，暂无可比数据。"),
            format!("All first assignments are less than {days} days ago: there is nothing to compare yet."),
        )));
    };
    section = section.with(figures(view, all, &text("全部优惠", "All offers"))).with(power(view, report, all));
    for track in report.tracks.iter().filter(|t| t.kind != ALL_OFFERS && !t.outcomes.is_empty()) {
        let against = match track.against.as_str() {
            "kind" => text("对照：仅此类优惠的对照组", "against its own holdout"),
            _ => text("对照：全局对照组", "against the holdout of all offers"),
        };
        let name = text(format!("{}（{}）", track.kind, against.zh), format!("{} ({})", track.kind, against.en));
        section = section.with(figures(view, track, &name));
    }
    section.with_some((!all.segments.is_empty()).then(|| by_segment(view, all)))
}

/// Sizes of the arms, and whether they are what the lot makes them.
fn arms(report: &UpliftReport) -> maud::Markup {
    let mut table = Table::new(
        text("分组人数与样本比例检验", "Sizes of the arms, and whether they are as drawn"),
        [
            Column::text(text("优惠", "Offers")),
            Column::text(text("自", "Since")),
            Column::number(text("实验组", "Treated")),
            Column::number(text("对照组", "Held out")),
            Column::number(text("期望对照", "Expected")),
            Column::number(text("期未满", "Not over")),
            Column::number(text("已离开", "Left")),
            Column::number(text("p 值", "p")),
            Column::text(text("结果", "Result")),
        ],
    );
    for track in &report.tracks {
        let name =
            if track.kind == ALL_OFFERS { text("全部优惠", "All offers") } else { Text::same(track.kind.clone()) };
        let ratio = track.sample_ratio.as_ref();
        let expected = ratio.and_then(|r| r.expected.get(1)).copied().unwrap_or(f64::NAN);
        let verdict = match ratio {
            Some(r) if r.holds() => Cell::verdict(true, &text("相符", "as drawn")),
            Some(_) => Cell::verdict(false, &text("不符：结果不可信", "mismatch: do not trust it")),
            None => Cell::plain("–"),
        };
        table.push([
            Cell::head(&name),
            Cell::plain(track.since.to_string()),
            Cell::count(track.assigned.treated),
            Cell::count(track.assigned.holdout),
            Cell::number(expected, 1),
            Cell::count(track.open.treated + track.open.holdout),
            Cell::count(track.left.treated + track.left.holdout),
            Cell::number(ratio.map_or(f64::NAN, |r| r.p_value), 3),
            verdict,
        ]);
    }
    table.render()
}

fn columns() -> [Column; 9] {
    [
        Column::text(text("指标", "Measure")),
        Column::number(text("实验组人数", "Treated")),
        Column::number(text("对照组人数", "Held out")),
        Column::number(text("实验组", "Treated: mean")),
        Column::number(text("对照组", "Held out: mean")),
        Column::number(text("增量", "Uplift")),
        Column::number(text("区间", "Interval")),
        Column::number(text("校正增量与区间", "Adjusted, interval")),
        Column::number(text("方差减少", "Variance less")),
    ]
}

fn cells(view: &UpliftView<'_>, o: &OutcomeUplift) -> [Cell; 8] {
    let of = o.outcome;
    let adjusted = o.adjusted.as_ref().map_or_else(
        || "–".to_owned(),
        |a| {
            let d = a.difference;
            format!("{} {}", view.change(of, d.difference), view.range(of, d.low, d.high))
        },
    );
    [
        Cell::count(o.members.treated),
        Cell::count(o.members.holdout),
        Cell::plain(view.value(of, o.treated)),
        Cell::plain(view.value(of, o.holdout)),
        Cell::plain(view.change(of, o.uplift.difference)),
        Cell::plain(view.range(of, o.uplift.low, o.uplift.high)),
        Cell::plain(adjusted),
        Cell::percent(o.adjusted.as_ref().map_or(f64::NAN, |a| a.variance_reduction)),
    ]
}

fn named(view: &UpliftView<'_>, of: Outcome) -> Cell {
    let below = match of.is_share() {
        true => text("增量单位：百分点", "uplift in points"),
        false => Text::same(view.currency.code()),
    };
    Cell::head_with(&outcome(of), &below)
}

fn figures(view: &UpliftView<'_>, track: &TrackUplift, name: &Text) -> maud::Markup {
    let mut table = Table::new(text(format!("增量：{}", name.zh), format!("Uplift: {}", name.en)), columns());
    for o in &track.outcomes {
        table.push(std::iter::once(named(view, o.outcome)).chain(cells(view, o)));
    }
    table.render()
}

/// How large the holdout must be.
fn power(view: &UpliftView<'_>, report: &UpliftReport, all: &TrackUplift) -> maud::Markup {
    let detect = percent(report.detect);
    let mut table = Table::new(
        text("对照组需要多大（80% 功效）", "How large the holdout must be (80% power)"),
        [
            Column::text(text("指标", "Measure")),
            Column::number(text("现有对照可见的最小增量", "Smallest uplift this one shows")),
            Column::number(text("占对照均值", "Of what it does")),
            Column::number(text(format!("要看到 {detect} 需对照人数"), format!("Members to show {detect}"))),
            Column::number(text("占已测会员", "Of those measured")),
        ],
    );
    for o in &all.outcomes {
        let measured = (o.members.treated + o.members.holdout) as f64;
        let relative = if o.holdout > 0.0 { percent(o.detectable / o.holdout) } else { "–".to_owned() };
        let needed = match o.holdout_needed {
            Some(needed) => [Cell::count(needed), Cell::percent(needed as f64 / measured)],
            None => [Cell::text(&text("一半也不够", "half would not do")), Cell::plain("–")],
        };
        let [members, share] = needed;
        table.push([
            named(view, o.outcome),
            Cell::plain(view.change(o.outcome, o.detectable)),
            Cell::plain(relative),
            members,
            share,
        ]);
    }
    table.render()
}

fn by_segment(view: &UpliftView<'_>, all: &TrackUplift) -> maud::Markup {
    let head = Column::text(text("群", "Segment"));
    let mut table = Table::new(
        text(
            "各群的增量：全部优惠，按首次分配时所在的群",
            "Uplift by segment: all offers, by the segment at the first assignment",
        ),
        std::iter::once(head).chain(columns()),
    );
    for segment in &all.segments {
        for (at, o) in segment.outcomes.iter().enumerate() {
            let name = if at == 0 { view.segment(&segment.segment_code) } else { Text::default() };
            let first =
                [Cell::head_with(&name, &Text::same(segment.segment_code.clone())), Cell::text(&outcome(o.outcome))];
            table.push(first.into_iter().chain(cells(view, o)));
        }
    }
    table.render()
}

/// The last period against the one before.
fn periods(view: &UpliftView<'_>) -> maud::Markup {
    let mut table = Table::new(
        text(
            format!("最近 {} 天与之前 {} 天相比", view.days, view.days),
            format!("The last {} days against the {} days before", view.days, view.days),
        ),
        [
            Column::text(text("群", "Segment")),
            Column::text(text("指标", "Measure")),
            Column::number(text("会员", "Members")),
            Column::number(text("本期", "Last period")),
            Column::number(text("上期", "Period before")),
            Column::number(text("变化", "Change")),
        ],
    );
    for own in view.periods {
        for (at, measure) in own.measures.iter().enumerate() {
            let name = if at == 0 { view.segment(&own.segment_code) } else { Text::default() };
            let shown = |value: Option<f64>| {
                Cell::plain(value.map_or_else(|| "–".to_owned(), |v| view.value(measure.outcome, v)))
            };
            let change =
                measure.now.zip(measure.before).map(|(now, before)| view.change(measure.outcome, now - before));
            table.push([
                Cell::head_with(&name, &Text::same(own.segment_code.clone())),
                Cell::text(&outcome(measure.outcome)),
                Cell::plain(count(measure.members)),
                shown(measure.now),
                shown(measure.before),
                Cell::plain(change.unwrap_or_else(|| "–".to_owned())),
            ]);
        }
    }
    maud::html! {
        (table.render())
        (note(&text(
            "以期初之前买过的会员为准；季节与促销也在其中，不等于优惠带来的增量。",
            "Among members who had bought before the period; seasons and sales are in it too: it is not what the offers add.",
        )))
    }
}
