//! Why an offer was refused, in words.

use super::Status;
use crate::offers::{Offer, Refusal};

/// Why a member's standing says no to offers.
pub(super) struct Standing {
    /// A code, beside those of refusals.
    pub(super) code: &'static str,
    /// In Chinese and in English.
    pub(super) words: [&'static str; 2],
}

/// What a member's standing says to every offer; `None` where each is decided by itself, or nobody knows the member.
pub(super) fn of_status(status: Status) -> Option<Standing> {
    let (code, words) = match status {
        Status::Personalised | Status::Unknown => return None,
        Status::OptedOut => (
            "opted_out",
            ["会员关闭了个性化：只有通用清单", "the member opted out of personalisation: the generic list only"],
        ),
        Status::NoLawfulBasis => ("no_lawful_basis", ["没有合法依据", "no lawful basis: there is no consent"]),
        Status::Withdrawn => ("withdrawn", ["会员撤回了同意", "consent was withdrawn"]),
        Status::Minor => ("minor", ["未成年且无监护人同意", "a minor, and no guardian agreed"]),
        Status::Forgotten => ("forgotten", ["会员要求被遗忘", "the member asked to be forgotten"]),
        Status::NoLines => ("no_lines", ["没有保留下来的交易行", "no purchase line is kept"]),
    };
    Some(Standing { code, words })
}

/// The first rule that said no, in Chinese and in English.
pub(super) fn words(refusal: &Refusal, offer: &Offer) -> [String; 2] {
    let both = |zh: &str, en: &str| [zh.to_owned(), en.to_owned()];
    let rule = offer.eligible.as_deref().unwrap_or("true");
    let channels = offer.channels.join(", ");
    match refusal {
        Refusal::NotOpen => {
            both("今天不在有效期内，或数据没有日历", "its window is not open, or the data has no calendar")
        }
        Refusal::NotEligible => {
            [format!("不符合规则 `{rule}`"), format!("its rule `{rule}` does not admit the member")]
        }
        Refusal::NoOptIn => {
            [format!("会员未同意经 {channels} 触达"), format!("the member did not agree to be contacted by {channels}")]
        }
        Refusal::AtOdds => both(
            "会员有未了结的投诉或退货申请，此优惠意在销售",
            "the member has an open complaint or return, and it sells something",
        ),
        Refusal::NotForMember => both(
            "会员不在其城市、城市层级或会员等级之内",
            "the member is in none of its cities, city tiers or loyalty tiers",
        ),
        Refusal::RefusedLately { until } => {
            [format!("会员曾拒绝，{until} 之前不再给"), format!("the member refused it: not again up to {until}")]
        }
        Refusal::AcceptedLately { until } => {
            [format!("会员已接受，{until} 之前不再给"), format!("the member accepted it: not again up to {until}")]
        }
        Refusal::Cooldown { until } => {
            [format!("冷却期，{until} 之前不再发"), format!("sent lately: its cooldown lasts up to {until}")]
        }
        Refusal::UnansweredLately { until } => {
            [format!("上次发出未获回应，{until} 之前不再发"), format!("sent and not answered: it rests up to {until}")]
        }
        Refusal::SentOften { times, days } => [
            format!("{days} 天内已发 {times} 次，达到单人上限"),
            format!("sent {times} times in {days} days: its cap a member is reached"),
        ],
        Refusal::ContactedOften => {
            both("会员近期触达次数已达上限", "the member was contacted as often as the cap allows")
        }
        Refusal::NothingToPropose => both(
            "此类优惠对该会员没有可给的内容",
            "its kind finds nothing to propose to the member: the history gives no reason",
        ),
        Refusal::OfferFull => both("清单中此优惠的位置已满", "it has all the slots of the list it may take"),
        Refusal::KindFull => both("清单中此类优惠的位置已满", "its kind has all the slots of the list it may take"),
        Refusal::CategoryFull => {
            both("清单中此品类的位置已满", "its category has all the slots of the list it may take")
        }
        Refusal::DiscountsFull => both("清单中折扣的份额已满", "discounts hold their share of the list"),
        Refusal::Twice => both("同一商品已由另一项优惠给出", "the list has the same item by another offer"),
        Refusal::SlotTaken => both("它可占的位置已给了更好的优惠", "the slots it takes went to better offers"),
        Refusal::Outranked { lowest } => [
            format!("清单已满，末位得分 {lowest:.4} 更高"),
            format!("better offers fill the list; the lowest scores {lowest:.4}"),
        ],
        Refusal::CapFull { cap, price } => [
            format!("总量上限 {cap} 已满，给了更合适的会员（价格 {price:.4}）"),
            format!("the cap {cap} is full: members for whom it is worth more have it (price {price:.4})"),
        ],
    }
}
