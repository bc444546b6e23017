//! The kinds, a file each.

mod accessory;
mod appointment;
mod birthday;
mod category_early_access;
mod channel_bridge;
mod collection;
mod common;
mod community_invite;
mod consultation;
mod content_series;
mod coupon;
mod donation_match;
mod drop_early_access;
mod festival_bundle;
mod group_buy;
mod limited_edition_draw;
mod local_event;
mod milestone;
mod next_item;
mod points_expiring;
mod premium_upgrade;
mod referral_invite;
mod replenish;
mod seasonal_item;
mod service_reminder;
mod store_visit;
mod tier_progress;
mod vip_preview;
mod winback;

use super::kind::OfferKind;

/// Every kind there is.
pub static KINDS: &[&dyn OfferKind] = &[
    &next_item::NextItem,
    &replenish::Replenish,
    &accessory::Accessory,
    &category_early_access::CategoryEarlyAccess,
    &premium_upgrade::PremiumUpgrade,
    &tier_progress::TierProgress,
    &points_expiring::PointsExpiring,
    &coupon::Coupon,
    &seasonal_item::SeasonalItem,
    &birthday::Birthday,
    &vip_preview::VipPreview,
    &appointment::Appointment,
    &consultation::Consultation,
    &local_event::LocalEvent,
    &festival_bundle::FestivalBundle,
    &drop_early_access::DropEarlyAccess,
    &limited_edition_draw::LimitedEditionDraw,
    &collection::Collection,
    &winback::Winback,
    &channel_bridge::ChannelBridge,
    &community_invite::CommunityInvite,
    &group_buy::GroupBuy,
    &referral_invite::ReferralInvite,
    &service_reminder::ServiceReminder,
    &milestone::Milestone,
    &content_series::ContentSeries,
    &store_visit::StoreVisit,
    &donation_match::DonationMatch,
];
