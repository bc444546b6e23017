//! The offers, by the rules that a member could be told.

use serde::Serialize;

use crate::job::Job;

/// An offer and who can get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferTerms {
    /// Id.
    pub offer_id: String,
    /// Kind.
    pub kind: &'static str,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// What it gives.
    pub incentive: &'static str,
    /// Face value in minor units: the same for all who get it.
    pub value_minor: i64,
    /// The job's own rule, if it has one.
    pub eligible: Option<String>,
    /// Cities it is limited to.
    pub cities: Vec<String>,
    /// City tiers it is limited to.
    pub city_tiers: Vec<u8>,
    /// Loyalty tiers it is limited to.
    pub loyalty_tiers: Vec<String>,
    /// Categories it is about.
    pub categories: Vec<String>,
    /// Channels it goes out on.
    pub channels: Vec<String>,
    /// Whether there is only so much of it.
    pub scarce: bool,
    /// Reasons its kind may give to a member, each with evidence.
    pub reasons: Vec<&'static str>,
}

pub(super) fn terms(job: &Job) -> Vec<OfferTerms> {
    let settings = job.offers();
    let terms = settings.offers.iter().map(|offer| OfferTerms {
        offer_id: offer.id.clone(),
        kind: offer.kind.code(),
        name_zh: offer.name_zh.clone(),
        name_en: offer.name_en.clone(),
        incentive: offer.incentive.code(),
        value_minor: offer.value_minor,
        eligible: offer.eligible.clone(),
        cities: offer.cities.clone(),
        city_tiers: offer.city_tiers.clone(),
        loyalty_tiers: offer.tiers.clone(),
        categories: offer.categories.clone(),
        channels: offer.channels.clone(),
        scarce: offer.is_scarce(&settings.decision),
        reasons: offer.kind.reasons().iter().map(|r| r.code).collect(),
    });
    terms.collect()
}
