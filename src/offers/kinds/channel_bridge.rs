//! `channel_bridge`: another channel for who has bought in one channel only.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Channel, Count, Subject},
    },
    common::{Lacks, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    history::NO_CODE,
    input::contract::Table,
};

/// Purchase days that make a habit, unless the job says.
const PURCHASES: u32 = 3;

/// The kind.
pub(super) struct ChannelBridge;

static REASONS: &[Reason] = &[Reason::new(
    "one_channel_only",
    &[Subject, Channel, Count],
    (
        "您已 {count} 次在{subject}选购，欢迎也来{channel}看看：{offer}。",
        "You have shopped {count} times on {subject}: come and see {channel} too, {offer}.",
    ),
    ("欢迎来{channel}：{offer}。", "Welcome to {channel}: {offer}."),
)];

impl OfferKind for ChannelBridge {
    fn code(&self) -> &'static str {
        "channel_bridge"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["to_channel", "min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Transactions, "channel")]]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let remedy = "add `to_channel = \"…\"`";
        Lacks { raw, at, findings }.unless(raw.to_channel.is_some(), "to_channel", "leads to no channel", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let Some(missing) = offer.to_channel_code else { return };
        let days = member.baskets().len() as u32;
        if days < offer.offer.parameters.min_purchases.unwrap_or(PURCHASES) || member.shard.channel.is_empty() {
            return;
        }
        let (shard, as_of) = (member.shard, member.as_of());
        let mut only = None;
        for order in shard.orders_of(member.member).filter(|o| shard.order_day(*o) <= as_of) {
            for line in shard.lines_of(order).filter(|line| shard.is_purchase(*line, as_of)) {
                let channel = shard.channel.at(line);
                if channel == NO_CODE || channel == missing || only.is_some_and(|known| known != channel) {
                    return;
                }
                only = Some(channel);
            }
        }
        let Some(only) = only else { return };
        let about = member.world.catalogue.channel(only);
        if about == Target::None {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.6 * saturate(f64::from(days), 4.0),
            reason: 0,
            evidence: Evidence { about, count: small(days), ..Evidence::default() },
        });
    }
}
