//! The record as a page.

use super::{ImpactRecord, Statement};
use crate::report::{
    Language, Page, Section, Text, note,
    table::{Cell, Column, Table},
    text,
};

pub(super) fn page(record: &ImpactRecord, language: Language) -> String {
    let short = &record.config_sha256[..16];
    Page::new(text("个人信息保护影响评估记录", "Personal information protection impact record"))
        .stamp(Text::same(short.to_owned()))
        .language(language)
        .lead(text(
            format!(
                "任务 {}，配置 {}。依据《个人信息保护法》第五十五、五十六条，由检查过的任务文件生成；保存至少三年。",
                record.job, record.config_sha256
            ),
            format!(
                "Job {}, configuration {}. Made from the checked job file for PIPL 55 and 56; to be kept for three years at least.",
                record.job, record.config_sha256
            ),
        ))
        .section(
            statements("processing", text("处理目的、方式与必要性", "Purpose, means and need"), &record.processing)
                .with(columns(record)),
        )
        .section(decisions(record))
        .section(recipients(record))
        .section(statements("rights", text("会员的权利", "What members can ask for"), &record.rights))
        .section(
            statements("risks", text("对个人权益的影响与保护措施", "Effects on members, and measures"), &record.risks)
                .lead(text(
                    "措施由程序执行，并有测试；其余由下一节列出。",
                    "The measures are held by the program and by its tests; what is left stands in the next section.",
                )),
        )
        .section(open(record))
        .foot(text(
            format!(
                "nextoffer {}，格式 {}。同一任务得到逐字节相同的记录；配置哈希与各次运行 manifest.json 的 job_sha256 相同。",
                record.program, record.format
            ),
            format!(
                "nextoffer {}, format {}. The same job gives the same record byte for byte; the configuration is job_sha256 in \
                 the manifest.json of each of its runs.",
                record.program, record.format
            ),
        ))
        .render()
}

fn statements(id: &'static str, title: Text, all: &[Statement]) -> Section {
    let columns = [Column::text(text("事项", "About")), Column::text(text("说明", "What holds"))];
    let mut table = Table::new(title.clone(), columns);
    for statement in all {
        table.push([
            Cell::head_with(&statement.about.text(), &Text::same(statement.code)),
            Cell::text(&statement.says.text()),
        ]);
    }
    Section::new(id, title).with(table.render())
}

fn columns(record: &ImpactRecord) -> maud::Markup {
    let mut table = Table::new(
        text("读取的字段及用途（其余字段不读取）", "Columns that are read, and what for (no other is)"),
        [
            Column::text(text("字段", "Column")),
            Column::text(text("来源", "From")),
            Column::text(text("类别", "Sort")),
            Column::text(text("用途", "Purpose")),
        ],
    );
    for column in &record.columns {
        let from = match &column.from {
            Some(from) => Cell::code(from),
            None if column.required => Cell::text(&text("同名字段", "the same name")),
            None => Cell::text(&text("同名字段，如有", "the same name, where there")),
        };
        table.push([
            Cell::head(&Text::same(format!("{}.{}", column.table, column.column))),
            from,
            Cell::text(&column.sort.said().text()),
            Cell::text(&column.purpose.text()),
        ]);
    }
    table.render()
}

fn decisions(record: &ImpactRecord) -> Section {
    let mut table = Table::new(
        text("优惠与发放规则", "Offers and the rules they go by"),
        [
            Column::text(text("优惠", "Offer")),
            Column::text(text("激励", "Incentive")),
            Column::number(text("面值（最小单位）", "Face value (minor units)")),
            Column::text(text("规则", "Rule")),
            Column::text(text("理由", "Reasons")),
        ],
    );
    for offer in &record.offers {
        let tiers: Vec<String> = offer.city_tiers.iter().map(u8::to_string).collect();
        let mut rules: Vec<String> = offer.eligible.iter().cloned().collect();
        for (name, values) in [
            ("cities", &offer.cities),
            ("city_tiers", &tiers),
            ("tiers", &offer.loyalty_tiers),
            ("categories", &offer.categories),
            ("channels", &offer.channels),
        ] {
            if !values.is_empty() {
                rules.push(format!("{name}: {}", values.join(", ")));
            }
        }
        if offer.scarce {
            rules.push("scarce".to_owned());
        }
        table.push([
            Cell::head_with(
                &text(offer.name_zh.clone(), offer.name_en.clone()),
                &Text::same(format!("{} ({})", offer.offer_id, offer.kind)),
            ),
            Cell::code(offer.incentive),
            Cell::plain(offer.value_minor.to_string()),
            Cell::plain(rules.join("; ")),
            Cell::plain(offer.reasons.join(", ")),
        ]);
    }
    Section::new("decisions", text("自动化决策", "Automated decisions"))
        .lead(text(
            format!("分群所用特征：{}。", record.segment_features.join("、")),
            format!("The segments are made from {}.", record.segment_features.join(", ")),
        ))
        .with(table.render())
}

fn recipients(record: &ImpactRecord) -> Section {
    let mut table = Table::new(
        text("产出与接收方", "Outputs and who gets them"),
        [
            Column::text(text("接收方", "Recipient")),
            Column::text(text("主键", "Keys")),
            Column::text(text("内容", "What is handed over")),
            Column::text(text("推送", "Push")),
        ],
    );
    for recipient in &record.recipients {
        table.push([
            Cell::head_with(&Text::same(recipient.name.clone()), &Text::same(recipient.dialect.clone())),
            Cell::plain(recipient.keys.join(", ")),
            Cell::plain(recipient.fields.join(", ")),
            Cell::plain(recipient.push.as_deref().unwrap_or("–")),
        ]);
    }
    Section::new("recipients", text("产出与接收方", "Outputs and recipients")).with(table.render())
}

fn open(record: &ImpactRecord) -> Section {
    let title = text("需要人判断的事项", "For people to judge");
    if record.open.is_empty() {
        return Section::new("open", title).with(note(&text("本配置没有。", "Nothing in this configuration.")));
    }
    statements("open", title, &record.open)
}
