//! Floor 8: what each member is likely to want next, and why.
//!
//! `S(u,i) = (ρ_i/ρ̄)^η · τ_i^ζ · X(u,i) + κ · (w_g · g_i + w · F(u,i) + w_c · C(u,i) + w_s · G(u,i) + w_n · N(u,i))` with
//! `w_g = 1 − w − w_c − w_s − w_n`: linear in the purchases, deterministic, every term a reason.
//!
//! * X, the rebuy term: `m · h[c, gap, n] · timing^θ + (1 − m) · (1 − d) Σ d^pos` over the member's baskets that hold the item
//!   (position 0 is the newest): the hazard of the next basket ([`crate::items::Hazard`]; timing is a factor on its odds) and
//!   the exponentially smoothed frequency. ρ is the item's rebuy rate ([`crate::items::ItemStatistics::rebuy_rate`]), τ its trend
//!   ([`crate::items::ItemStatistics::trend`]): what the shop sells less of, or no more, is bought again less. "Bought c
//!   times, last on …".
//! * F, what goes with what: `Σ_j u_j C_ji / Σ_j u_j m_j`, a kernel regression of the next basket on the member's profile u
//!   ([`crate::items::Transitions`]). "Because you bought j".
//! * C: `Σ_c a_c · g_i/g_c`, what is popular in the categories of the profile. "Popular in a category you buy in".
//! * G, what is popular in the member's segment of taste: k-means on 48 axes of what they buy. "Members with a taste like
//!   yours often choose it".
//! * N, what the nearest members of a bounded reference panel bought next, by how alike they are. The same reason.
//! * g, the item's recency-weighted share of the shop's baskets. "Popular now".
//!
//! New items score by their neighbours' terms (category and brand) until they have sold.
//!
//! A term that has nothing to say of a member leaves its share to g: members nothing is known of get what is popular. The
//! numbers are tuned per shop on the history's own tail ([`tune`]); G and N, which cost more than all else, only where they
//! surely help there. A score becomes the probability of buying within the horizon by a curve learned on the stretch before
//! that ([`Calibration`]).

mod associations;
mod boards;
mod calibration;
mod categories;
mod cold;
mod diversity;
mod explore;
mod judge;
mod knowledge;
mod panel;
mod parameters;
mod repeat;
mod scorer;
pub mod settings;
mod tail;
mod tastes;
mod terms;
#[cfg(test)]
mod tests;
mod tune;
mod vectors;
mod workspace;

pub use associations::Associations;
pub use boards::{Boards, CITY_TIERS, Fallback};
pub use calibration::Calibration;
pub use diversity::{Assortment, Likeness, Quotas, marginal_relevance};
pub use knowledge::ItemKnowledge;
pub use parameters::{HalfLives, Parameters, Tuned, TunedFrom};
pub use repeat::{CategoryPolicy, PolicySource, RepeatEvidence, RepeatPolicy, RepeatRules};
pub use scorer::{Candidate, Scorer, Term, TermKind, USUAL_SCORE};
pub use settings::{RawRecommend, RecommendSettings};
pub use terms::{ScoreTerms, TermEvidence, TermPart};
pub use tune::{reusable, tune};
pub use workspace::{OwnItem, Workspace};
