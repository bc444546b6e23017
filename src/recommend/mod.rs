//! Floor 8: what each member is likely to want next, and why.
//!
//! `S(u,i) = (ρ_i/ρ̄)^η · X(u,i) + κ · ((1 − w) · g_i + w · T(u,i))`: linear in the purchases, deterministic, every term
//! a reason. X is the rebuy term `Σ d^pos` over the member's baskets that hold the item (position 0 is the newest), g
//! the item's recency-weighted share of the shop's baskets, T how often it follows or accompanies what the member
//! bought. `X → "bought c times, last on …"`, `T → "because you bought j"`, `g → "popular now"`.

mod associations;
mod knowledge;
mod parameters;
mod repeat;
mod scorer;
pub mod settings;
mod terms;
#[cfg(test)]
mod tests;
mod tune;
mod workspace;

pub use associations::Associations;
pub use knowledge::ItemKnowledge;
pub use parameters::{Parameters, Tuned, TunedFrom};
pub use repeat::{RepeatPolicy, RepeatRules};
pub use scorer::{Candidate, Scorer, Term};
pub use settings::{RawRecommend, RecommendSettings};
pub use terms::{ScoreTerms, TermEvidence, TermPart};
pub use tune::{reusable, tune};
pub use workspace::{OwnItem, Workspace};
