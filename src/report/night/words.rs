//! What codes of the run are called on the page, and how its values are read.

use crate::{
    base::Currency,
    report::{Text, fixed, number, percent, text},
    segments::{FeatureProfile, Profile, Segment, SegmentProfiles},
};

/// Codes with their names in Chinese and English.
const NAMES: &[(&str, &str, &str)] = &[
    ("transactions", "交易明细", "Transactions"),
    ("items", "商品", "Items"),
    ("members", "会员", "Members"),
    ("consent", "授权", "Consent"),
    ("identities", "身份映射", "Identities"),
    ("contacts", "触达记录", "Contacts"),
    ("compatibility", "配件适配", "Compatibility"),
    ("suppressed_tags", "已删除标签", "Suppressed tags"),
    ("tag_ids", "标签编号", "Tag ids"),
    ("forgotten", "遗忘名单", "Forgotten"),
    ("unreadable", "无法读取", "unreadable"),
    ("no_member", "缺会员编号", "no member"),
    ("after_as_of", "晚于截止日", "after the as-of day"),
    ("before_window", "早于时间窗", "before the window"),
    ("duplicate", "完全重复", "exact duplicate"),
    ("not_merchandise", "非商品行", "not merchandise"),
    ("bad_price", "价格异常", "bad price"),
    ("unknown_item", "未知商品", "unknown item"),
    ("no_lawful_basis", "无合法依据", "no lawful basis"),
    ("withdrawn", "撤回同意", "consent withdrawn"),
    ("minor", "未成年人", "minor"),
    ("repeat_purchase_rate", "复购率", "repeat purchase rate"),
    ("reactivation_rate", "唤回率", "reactivation rate"),
    ("cross_channel_share", "跨渠道会员占比", "cross-channel share"),
    ("members_with_a_list", "获得清单的会员占比", "share of members with a list"),
    ("members_moved_share", "换群会员占比", "share of members who moved"),
    ("adjusted_rand_with_previous", "与前次运行的调整兰德指数", "adjusted Rand index with the last run"),
    ("largest_centroid_shift", "群中心最大移动", "largest shift of a centroid"),
    ("largest_feature_psi", "特征漂移最大值（PSI）", "largest drift of a feature (PSI)"),
    ("slots_per_member", "人均清单位数", "slots a member"),
    ("uplift_repeat_purchase", "复购率增量", "uplift of repeat purchase"),
    ("uplift_repeat_purchase_low", "复购率增量，区间下限", "uplift of repeat purchase, lower end"),
    ("uplift_repeat_purchase_high", "复购率增量，区间上限", "uplift of repeat purchase, upper end"),
    ("uplift_reactivation", "唤回率增量", "uplift of reactivation"),
    ("uplift_reactivation_low", "唤回率增量，区间下限", "uplift of reactivation, lower end"),
    ("uplift_reactivation_high", "唤回率增量，区间上限", "uplift of reactivation, upper end"),
    ("uplift_cross_channel", "跨渠道购买率增量", "uplift of cross-channel purchases"),
    ("uplift_cross_channel_low", "跨渠道购买率增量，区间下限", "uplift of cross-channel purchases, lower end"),
    ("uplift_cross_channel_high", "跨渠道购买率增量，区间上限", "uplift of cross-channel purchases, upper end"),
    ("uplift_spend", "人均净消费增量（最小货币单位）", "uplift of net spend a member, minor units"),
    ("uplift_spend_low", "人均净消费增量，区间下限", "uplift of net spend a member, lower end"),
    ("uplift_spend_high", "人均净消费增量，区间上限", "uplift of net spend a member, upper end"),
    ("uplift_referral", "推荐参与率增量", "uplift of referral"),
    ("uplift_referral_low", "推荐参与率增量，区间下限", "uplift of referral, lower end"),
    ("uplift_referral_high", "推荐参与率增量，区间上限", "uplift of referral, upper end"),
    ("uplift_sample_ratio_p", "样本比例检验 p 值", "p of the sample ratio"),
    ("fallback_members_share", "全靠兜底的会员占比", "share of members whose list rests on nothing of their own"),
    ("fallback_slots_share", "兜底清单位占比", "share of slots that rest on nothing of the member's own"),
    ("fallback_segment_slots_share", "其中：本群热门", "of these: popular in the member's segment"),
    ("fallback_city_tier_slots_share", "其中：同级城市热门", "of these: popular in cities of the member's tier"),
    ("fallback_everyone_slots_share", "其中：全店热门", "of these: popular in the shop"),
    ("allocation_gap", "稀缺优惠分配与上界之差（占比）", "what is scarce: short of the upper bound, as a share"),
    ("new_item_slots_share", "新品清单位占比", "share of slots with new items"),
    ("history", "在历史尾段上调优", "tuned on the history's tail"),
    ("job", "取自任务文件", "given by the job"),
    ("defaults", "会员太少，用默认值", "defaults: too few members to tune on"),
];

/// What a code is called; a code without a name is shown as it is, with spaces.
pub(super) fn name(code: &str) -> Text {
    match NAMES.iter().find(|n| n.0 == code) {
        Some((_, zh, en)) => text(*zh, *en),
        None => Text::same(code.replace('_', " ")),
    }
}

/// The name of a segment.
pub(super) fn segment(segment: &Segment) -> Text {
    text(segment.name_zh.clone(), segment.name_en.clone())
}

/// The name of a profile.
pub(super) fn profile(profile: &Profile) -> Text {
    text(profile.name_zh.clone(), profile.name_en.clone())
}

/// An amount of minor units in major ones, as people read it in a summary.
pub(super) fn money(minor: f64, currency: Currency) -> String {
    let major = minor / currency.minor_per_major() as f64;
    if major.abs() < 100.0 { fixed(major, 2) } else { fixed(major, 0) }
}

/// A value of a feature as it is read.
pub(super) fn value(feature: &FeatureProfile, value: f64) -> String {
    match feature.unit.as_str() {
        "share" => percent(value),
        _ => number(value),
    }
}

/// The name of a feature; its code where it has none.
pub(super) fn feature(profiles: &SegmentProfiles, code: &str) -> Text {
    let found = profiles.all.features.iter().find(|f| f.name == code);
    found.map_or_else(|| Text::same(code), |f| text(f.name_zh.clone(), f.name_en.clone()))
}

/// The name of a feature, and two of its values as they are read.
pub(super) fn feature_change(profiles: &SegmentProfiles, code: &str, from: f64, to: f64) -> (Text, String, String) {
    let shown = |v: f64| match profiles.all.features.iter().find(|f| f.name == code) {
        Some(f) => value(f, v),
        None => number(v),
    };
    (feature(profiles, code), shown(from), shown(to))
}

/// The English of a list of names, or the Chinese: joined as each is.
pub(super) fn list(parts: &[Text]) -> Text {
    let join = |of: fn(&Text) -> &str, between: &str| parts.iter().map(of).collect::<Vec<_>>().join(between);
    text(join(|t| &t.zh, "、"), join(|t| &t.en, ", "))
}
