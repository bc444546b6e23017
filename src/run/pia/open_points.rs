//! What a configuration leaves for people to judge.

use super::{Statement, columns};
use crate::{
    input::{
        contract::Table,
        settings::{UnknownBirthDate, Window},
    },
    job::Job,
};

/// The points, in a fixed order.
pub(super) fn of(job: &Job) -> Vec<Statement> {
    let mut open = Vec::new();
    let mut point =
        |code, about: (&str, &str), zh: String, en: String| open.push(Statement::new(code, about, (zh, en)));
    let (inputs, consent, decision) = (job.inputs(), job.consent(), &job.offers().decision);
    if let Some(basis) = consent.lawful_basis().filter(|_| !inputs.has(Table::Consent)) {
        point(
            "declared_basis",
            ("合法依据", "lawful basis"),
            format!("没有授权表：`{basis}` 是否对每一位会员成立？撤回与关闭个性化在此任务中无处登记"),
            format!(
                "there is no consent table: does `{basis}` hold for every member? This job has no place for withdrawals and opt-outs"
            ),
        );
    }
    if !inputs.has(Table::Members) {
        point(
            "ages_unknown",
            ("未成年人", "minors"),
            "没有会员表：生日全部未知，无法识别未成年人".to_owned(),
            "there is no members table: no birth date is known, and no minor can be told".to_owned(),
        );
    } else if consent.unknown_birth_date() == UnknownBirthDate::Keep {
        point(
            "birth_date_unknown",
            ("未成年人", "minors"),
            "生日未知的会员视为成年；若店铺面向未成年人，设 `consent.unknown_birth_date = \"exclude\"`".to_owned(),
            "members without a birth date are taken to be of age; where children may be customers, set \
             `consent.unknown_birth_date = \"exclude\"`"
                .to_owned(),
        );
    }
    if decision.deny_categories.is_empty() && inputs.has(Table::Items) {
        point(
            "nothing_denied",
            ("敏感品类", "sensitive categories"),
            "没有禁用品类：确认店铺不售医疗健康、宗教、成人等敏感商品，否则列入 `consent.denied_categories`".to_owned(),
            "no category is denied: confirm that nothing sensitive is sold (health, religion, adult), or name it in \
             `consent.denied_categories`"
                .to_owned(),
        );
    }
    if matches!(job.cleaning().window(), Window::All) {
        point(
            "whole_history",
            ("最小必要", "only what is needed"),
            "读取全部历史：是否都需要？可设 `cleaning.window_days`".to_owned(),
            "the whole history is read: is all of it needed? `cleaning.window_days` limits it".to_owned(),
        );
    }
    for (table, source) in inputs.tables() {
        for (column, _) in source.columns().filter(|(column, _)| columns::unused(table, column)) {
            let table = table.name();
            point(
                "unused_column",
                ("最小必要", "only what is needed"),
                format!("`{table}.{column}` 已映射，但本版本不使用：可去掉"),
                format!("`{table}.{column}` is mapped, and this version does not use it: leave it out"),
            );
        }
    }
    for feature in &job.features().sql {
        let (name, expr) = (&feature.name, &feature.expr);
        point(
            "own_feature",
            ("推断", "inference"),
            format!("自定义特征 `{name}`（{expr}）：是否推断敏感信息？"),
            format!("the job's own feature `{name}` ({expr}): does it tell anything sensitive?"),
        );
    }
    for offer in job.offers().offers.iter().filter(|o| o.value_minor > 0) {
        let Some(rule) = &offer.eligible else { continue };
        let id = &offer.id;
        point(
            "rule_for_money",
            ("交易条件公平", "fair terms"),
            format!("`{id}` 有面值且按规则 `{rule}` 发放：规则是否对会员公开、合理？"),
            format!("`{id}` has a face value and goes by the rule `{rule}`: is that rule published and reasonable?"),
        );
    }
    let held_out = decision.holdout_share > 0.0 || decision.holdout_kinds.values().any(|share| *share > 0.0);
    if held_out || decision.exploration.share > 0.0 {
        point(
            "by_lot",
            ("实验", "experiments"),
            "部分会员随机不收到优惠或收到抽取的优惠：会员规则中是否说明？".to_owned(),
            "some members get nothing, or something drawn by lot: do the programme's terms say so?".to_owned(),
        );
    }
    if job.output().features {
        point(
            "features_written",
            ("最小必要", "only what is needed"),
            "features.parquet 写出每位会员的全部特征：谁需要它？".to_owned(),
            "features.parquet holds every feature of every member: who needs it?".to_owned(),
        );
    }
    for target in job.output().crm.iter().filter(|t| t.dialect == "wecom" && t.push.url.starts_with("http://")) {
        let (name, url) = (&target.name, &target.push.url);
        point(
            "plain_http",
            ("传输安全", "transport"),
            format!("目标 `{name}` 经明文 {url} 推送：只能是本机的代理"),
            format!("target `{name}` is pushed to by plain {url}: it must be a proxy on the same machine"),
        );
    }
    open
}
