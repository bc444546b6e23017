//! What each column of the inputs is read for.

use serde::Serialize;

use super::Said;
use crate::input::contract::Table;

/// What sort of information a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Tells who a member is.
    Identifier,
    /// What a member did.
    Behaviour,
    /// What a member is or has.
    Attribute,
    /// What a member agreed to, or wants.
    Choice,
    /// About the shop, not about a person.
    Shop,
}

impl Sort {
    /// The sort in words.
    pub(super) fn said(self) -> Said {
        match self {
            Self::Identifier => Said::new("身份标识", "identifier"),
            Self::Behaviour => Said::new("行为", "behaviour"),
            Self::Attribute => Said::new("属性", "attribute"),
            Self::Choice => Said::new("会员的选择", "the member's choice"),
            Self::Shop => Said::new("店铺信息（非个人信息）", "about the shop, not personal"),
        }
    }
}

/// Of columns that the contract has and nothing reads yet.
const UNUSED_ZH: &str = "本版本不使用，可不提供";
const UNUSED_EN: &str = "not used by this version: need not be delivered";

const FROM: &[(Table, &str, Sort, &str, &str)] = {
    use Sort::{Attribute, Behaviour, Choice, Identifier, Shop};
    use Table::{Compatibility, Consent, Contacts, Identities, Items, Members, TagIds, Transactions};
    &[
        (Transactions, "member_id", Identifier, "把购买归到会员", "which member bought"),
        (
            Transactions,
            "ts",
            Behaviour,
            "购买节奏、近度、复购预测",
            "rhythm and recency of purchases, when the next is due",
        ),
        (Transactions, "basket_index", Behaviour, "无时间数据的购买顺序", "order of purchases in data without time"),
        (
            Transactions,
            "item_id",
            Behaviour,
            "推荐商品、复购、关联",
            "items to suggest, restocking, what goes with what",
        ),
        (Transactions, "order_id", Behaviour, "把同一单的行归在一起，识别退货", "which lines are one order; returns"),
        (Transactions, "quantity", Behaviour, "购买量与退货", "how much was bought and brought back"),
        (Transactions, "unit_price", Behaviour, "消费额与价值层级", "spend and value bands"),
        (Transactions, "amount", Behaviour, "消费额与价值层级", "spend and value bands"),
        (
            Transactions,
            "discount",
            Behaviour,
            "促销偏好，只用于分群与标签，从不决定谁得到优惠金额",
            "interest in discounts, for segments and tags; never decides who gets money off",
        ),
        (Transactions, "channel", Behaviour, "渠道偏好与跨渠道购买", "preferred channel and buying across channels"),
        (Transactions, "store", Behaviour, "仅用于任务自定义的特征", "features of the job's own only"),
        (Transactions, "city", Behaviour, "仅用于任务自定义的特征", "features of the job's own only"),
        (Transactions, "is_return", Behaviour, "退货冲抵购买", "returns are netted against purchases"),
        (Items, "item_id", Shop, "商品", "the item"),
        (Items, "name", Shop, "文案中的商品名", "its name in sentences"),
        (
            Items,
            "category",
            Shop,
            "品类特征、优惠范围、禁用品类",
            "features by category, what offers are for, denied categories",
        ),
        (Items, "brand", Shop, "品牌范围与理由", "brands of offers and reasons"),
        (Items, "collection", Shop, "系列范围与理由", "collections of offers and reasons"),
        (Items, "parent", Shop, "同款不同规格", "variants of one item"),
        (Items, "price", Shop, "价格档", "price tiers"),
        (Items, "price_tier", Shop, "价格档", "price tiers"),
        (Items, "launch_date", Shop, "未上市的不推荐", "nothing is offered before its launch"),
        (Items, "stock", Shop, "无货的不推荐", "nothing is offered that is sold out"),
        (Items, "fits", Shop, "配件适配", "what fits what"),
        (Items, "consumable_days", Shop, "补货周期", "when it is used up"),
        (Items, "warranty_days", Shop, "保修提醒", "when the warranty ends"),
        (Items, "group_size", Shop, "拼团", "what is sold to groups"),
        (Items, "denied", Shop, "从不推荐、从不作为理由", "never offered, never a reason"),
        (Members, "member_id", Identifier, "会员", "the member"),
        (
            Members,
            "birth_date",
            Attribute,
            "识别未满年龄的会员并排除；生日优惠；年龄规则",
            "members below the minimum age are left out; birthday offers; rules by age",
        ),
        (Members, "lunar_birthday", Attribute, "农历生日", "birthdays by the lunar calendar"),
        (Members, "city", Attribute, "本地优惠与城市名额", "local offers and their caps by city"),
        (Members, "city_tier", Attribute, "按城市层级的优惠；公平性对比", "offers by city tier; comparison of groups"),
        (Members, "joined", Attribute, "入会周年与入会天数", "anniversaries and days since joining"),
        (Members, "loyalty_tier", Attribute, "会员等级规则与升级进度", "rules by tier, what is missing to the next"),
        (Members, "points", Attribute, "积分提醒与积分券", "reminders of points, coupons for points"),
        (Members, "points_expire", Attribute, "积分到期提醒", "reminders of points that expire"),
        (Members, "channel_opt_in", Choice, "只走会员同意的渠道", "only channels the member agreed to"),
        (Members, "preferred_channel", Choice, "渠道偏好", "preferred channel"),
        (Consent, "member_id", Identifier, "谁的授权", "whose consent"),
        (Consent, "lawful_basis", Choice, "没有合法依据的一律排除", "who has none is left out"),
        (Consent, "ts", Choice, "以最新状态为准", "the newest state counts"),
        (
            Consent,
            "personalisation_opt_out",
            Choice,
            "关闭个性化的得到通用清单",
            "members who opted out get the generic list",
        ),
        (Consent, "guardian_consent", Choice, "监护人同意", "a guardian's consent"),
        (
            Consent,
            "withdrawn_at",
            Choice,
            "撤回同意的从所有产出移除",
            "members who withdrew are removed from everything",
        ),
        (Identities, "member_id", Identifier, "会员", "the member"),
        (Identities, "system", Identifier, "目标系统", "the target system"),
        (Identities, "external_id", Identifier, "目标系统中的主键", "the key in the target system"),
        (Identities, "employee", Identifier, "企业微信跟进员工", "the employee who looks after the customer in WeCom"),
        (Identities, "email_hash", Identifier, UNUSED_ZH, UNUSED_EN),
        (Identities, "same_as", Identifier, UNUSED_ZH, UNUSED_EN),
        (Contacts, "member_id", Identifier, "谁被触达", "who was contacted"),
        (Contacts, "offer_id", Behaviour, "冷却期、上限、接受率", "cooldowns, caps, rates of acceptance"),
        (Contacts, "sent_at", Behaviour, "冷却期与上限", "cooldowns and caps"),
        (Contacts, "channel", Behaviour, UNUSED_ZH, UNUSED_EN),
        (Contacts, "outcome", Behaviour, "被拒绝的不再打扰；接受率", "what was refused rests; rates of acceptance"),
        (Contacts, "outcome_at", Behaviour, "同上", "the same"),
        (Contacts, "run_id", Behaviour, UNUSED_ZH, UNUSED_EN),
        (Compatibility, "device", Shop, "配件适配", "what fits what"),
        (Compatibility, "accessory", Shop, "配件适配", "what fits what"),
        (TagIds, "target_id", Shop, "目标系统中的标签编号", "ids of tags in the target system"),
    ]
};

const MORE: &[(Table, &str, Sort, &str, &str)] = &[
    (Table::Activities, "member_id", Sort::Identifier, "会员", "the member"),
    (
        Table::Activities,
        "activity",
        Sort::Behaviour,
        "转介绍、社群、捐赠；有投诉或退货在途的不推销",
        "referrals, groups, donations; nothing is sold to who complains or waits for a return",
    ),
    (Table::Activities, "ts", Sort::Behaviour, "何时发生", "when"),
    (Table::Activities, "subject", Sort::Behaviour, "公益项目或社群", "the cause or the group"),
    (Table::Activities, "closed_at", Sort::Behaviour, "是否已了结", "whether it is done with"),
    (Table::SuppressedTags, "member_id", Sort::Identifier, "会员", "the member"),
    (
        Table::SuppressedTags,
        "tag",
        Sort::Choice,
        "会员删除的标签，不再给出",
        "a tag the member removed: never given again",
    ),
    (Table::TagIds, "system", Sort::Shop, "目标系统", "the target system"),
    (Table::TagIds, "tag", Sort::Shop, "标签", "the tag"),
    (
        Table::Forgotten,
        "member_id",
        Sort::Identifier,
        "要求被遗忘的会员，从一切产出移除",
        "members to be forgotten: absent from everything",
    ),
];

/// Whether a column is of no use to this version.
pub(super) fn unused(table: Table, column: &str) -> bool {
    purpose(table, column).1.en == UNUSED_EN
}

/// What a column of the contract holds, and what it is read for.
pub(super) fn purpose(table: Table, column: &str) -> (Sort, Said) {
    let found = FROM.iter().chain(MORE).find(|(t, c, ..)| *t == table && *c == column);
    found.map_or_else(
        || (Sort::Behaviour, Said::new("未说明", "not said")),
        |(_, _, sort, zh, en)| (*sort, Said::new(*zh, *en)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_contract_has_a_purpose_and_no_other_has() {
        let mut known: Vec<(Table, &str)> = FROM.iter().chain(MORE).map(|(t, c, ..)| (*t, *c)).collect();
        let mut contract: Vec<(Table, &str)> =
            Table::ALL.into_iter().flat_map(|t| t.columns().iter().map(move |c| (t, c.name))).collect();
        known.sort_unstable();
        contract.sort_unstable();
        assert_eq!(known, contract);
    }
}
