//! Floor 6: what the shop's history says about its items.
//!
//! Everything is a sum of exact integers over members, so that it is the same in whatever order shards are added. A
//! **basket** is all that a member bought on one local day (purchases only, items known, nothing after the cut).

mod attach;
mod baskets;
mod decay;
mod gaps;
mod group_popularity;
mod hazard;
mod learned_fits;
mod price;
mod rhythm;
mod statistics;
#[cfg(test)]
pub(crate) mod tests;
mod transitions;

pub use attach::{Attach, AttachStatistics, FitRule, Fits, UnknownFit};
pub use baskets::{MemberBaskets, MemberSample, View, newest_basket_day};
pub use decay::{DecayTable, ONE};
pub use gaps::{GapShape, UsualGap};
pub use group_popularity::{GroupPopularity, NO_GROUP};
pub use hazard::{Hazard, TimingPowers};
pub use learned_fits::learn_fits;
pub use price::PriceTiers;
pub use rhythm::{CategoryRhythms, Rhythm, RhythmRule, rhythm_where};
pub use statistics::{ItemStatistics, PSEUDO_COUNTS, StatisticsPart, TREND_HALF_LIVES, item_statistics, last_day};
pub use transitions::{LAG_WEIGHTS, Neighbour, PROFILE_DECAY, SAME_BASKET, Transitions, transitions};
