//! Offers: who gets which, and why.

use maud::html;

use super::{NightView, OfferView, words};
use crate::report::{
    Section, Text, count, fixed, paragraph, percent,
    table::{Cell, Column, Matrix, MatrixCell, Table},
    text,
};

/// Reach, segments and reasons.
pub(super) fn section(view: &NightView<'_>) -> Section {
    let slots: u64 = view.offers.iter().map(|o| o.slots).sum();
    let given: Vec<&OfferView> = view.offers.iter().filter(|o| o.slots > 0).collect();
    let section = Section::new("offers", text("优惠与推荐", "Offers")).lead(text(
        format!(
            "{} 位会员的清单上共有 {} 个位置；{} 项优惠中有 {} 项发出。",
            count(view.with_list),
            count(slots),
            view.offers.len(),
            given.len()
        ),
        format!(
            "{} slots on the lists of {} members; {} of {} offers are given.",
            count(slots),
            count(view.with_list),
            given.len(),
            view.offers.len()
        ),
    ));
    if given.is_empty() {
        return section.with(paragraph(&text("没有会员得到优惠。", "No member gets an offer.")));
    }
    section.with(reach(view)).with(by_segment(view, &given)).with(reasons(&given))
}

fn reach(view: &NightView<'_>) -> maud::Markup {
    // Offers go through the same steps; one that stops early has dashes.
    let longest = view.offers.iter().map(|o| &o.funnel).max_by_key(|f| f.len());
    let steps: Vec<Text> = longest.map(|f| f.iter().map(|s| s.0.clone()).collect()).unwrap_or_default();
    let capped = view.offers.iter().any(|o| o.left.is_some());
    let most = view.offers.iter().map(|o| o.members).max().unwrap_or(0).max(1) as f64;
    let head = [Column::text(text("优惠", "Offer")), Column::text(text("类型", "Kind"))];
    let last = [Column::number(text("得到的会员", "Members who get it")), Column::number(text("位置数", "Slots"))];
    let cap = capped.then(|| Column::number(text("上限余量", "Left of the cap")));
    let columns = head.into_iter().chain(steps.iter().cloned().map(Column::number)).chain(last).chain(cap);
    let mut table = Table::new(text("各项优惠的触达", "Reach of each offer"), columns);
    for offer in &view.offers {
        let step = |name: &Text| {
            let found = offer.funnel.iter().find(|s| s.0 == *name);
            found.map_or_else(|| Cell::plain("–"), |s| Cell::count(s.1))
        };
        let first = [Cell::head_with(&offer.name, &Text::same(offer.id.clone())), Cell::code(&offer.kind)];
        let last = [Cell::bar(count(offer.members), offer.members as f64 / most), Cell::count(offer.slots)];
        let left = capped.then(|| offer.left.map_or_else(|| Cell::plain("–"), Cell::count));
        table.push(first.into_iter().chain(steps.iter().map(step)).chain(last).chain(left));
    }
    table.render()
}

fn by_segment(view: &NightView<'_>, given: &[&OfferView]) -> maud::Markup {
    let segments = &view.model.segments;
    let mut matrix = Matrix::new(
        text(
            "哪个群得到什么：群内得到该优惠的会员占比",
            "Who gets what: share of each segment's members who get the offer",
        ),
        text("优惠", "Offer"),
        segments.iter().map(|s| Text::same(s.code.clone())),
    );
    for offer in given {
        let cells = segments.iter().map(|segment| {
            let members = offer.by_segment.iter().find(|s| s.0 == segment.code).map_or(0, |s| s.1);
            let share = members as f64 / segment.members.max(1) as f64;
            MatrixCell { shown: percent(share), weight: share }
        });
        matrix.push(offer.name.clone(), cells.collect::<Vec<_>>());
    }
    matrix.render()
}

fn reasons(given: &[&OfferView]) -> maud::Markup {
    let columns = [
        Column::text(text("优惠", "Offer")),
        Column::text(text("理由", "Reason")),
        Column::number(text("位置数", "Slots")),
        Column::text(text("例句", "Example")),
    ];
    let mut table = Table::new(text("为什么给：各理由与一条例句", "Why: each reason with an example"), columns);
    for offer in given {
        for (code, slots, example) in &offer.reasons {
            let share = percent(*slots as f64 / offer.slots.max(1) as f64);
            table.push([
                Cell::head(&offer.name),
                Cell::code(code),
                Cell::plain(format!("{} ({share})", count(*slots))),
                Cell::markup(html! { blockquote { (example) } }),
            ]);
        }
    }
    table.render()
}

/// What groups of members get, side by side.
pub(super) fn fairness(view: &NightView<'_>) -> Option<Section> {
    if view.fairness.is_empty() {
        return None;
    }
    let mut table = Table::new(
        text("各群体得到的优惠", "What each group gets"),
        [
            Column::text(text("分组", "Group")),
            Column::number(text("会员数", "Members")),
            Column::number(text("有优惠的占比", "Share with an offer")),
            Column::number(text("人均位置数", "Slots a member")),
            Column::number(text(
                format!("人均优惠价值 ({})", view.currency.code()),
                format!("Value of offers a member ({})", view.currency.code()),
            )),
            Column::number(text("优惠价值合计", "Value in all")),
            Column::number(text("折扣占比", "Share of discounts")),
        ],
    );
    for row in &view.fairness {
        table.push([
            Cell::head_with(&row.group, &row.by),
            Cell::count(row.members),
            Cell::percent(row.with_offer),
            Cell::plain(fixed(row.slots, 2)),
            Cell::plain(words::money(row.value_minor, view.currency)),
            Cell::plain(words::money(row.value_minor_sum as f64, view.currency)),
            Cell::percent(row.discounts),
        ]);
    }
    let lead = text(
        "同一优惠对所有符合条件的会员价值相同；差别来自谁符合条件。",
        "An offer is worth the same to everyone who gets it; what differs is who qualifies.",
    );
    Some(Section::new("fairness", text("公平性", "Fairness")).lead(lead).with(table.render()))
}
