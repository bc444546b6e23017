//! The methods that are compared: ours and what others use. A method ranks items for one member after the other.

mod board;
mod item_knn;
mod ours;
mod popularity;
mod tifu_knn;
mod up_cf;

pub use board::Popularity;
pub use item_knn::{ItemKnn, Weighting};
pub use ours::Ours;
pub use popularity::{Personal, Popular};
pub use tifu_knn::{TifuKnn, TifuSettings, tune as tune_tifu};
pub use up_cf::{UpCf, UpCfSettings};

use super::Case;
use crate::history::Shard;

/// A ranked item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The item.
    pub item: u32,
    /// The method's score; 0 where the list was filled up with popular items.
    pub score: f64,
    /// Whether the member's own history put it there.
    pub personal: bool,
}

/// Something that ranks items for members.
pub trait Method: Sync {
    /// The method's name in tables and files.
    fn name(&self) -> &str;

    /// What it was set to, in words; empty if there is nothing to set.
    fn settings(&self) -> String;

    /// The probability that a member buys an item of this score within the horizon, where the method gives one.
    fn probability(&self, _score: f64) -> Option<f64> {
        None
    }

    /// Scratch space to rank with, for one thread.
    fn ranker(&self) -> Box<dyn Ranker + '_>;
}

/// Ranks for one member after the other.
pub trait Ranker {
    /// Turns to a member.
    fn read(&mut self, shard: &Shard, case: &Case);

    /// The `n` best items of that member into `out` (which is cleared), best first; with `explore`, of those the member
    /// has not bought.
    fn best(&mut self, n: usize, explore: bool, out: &mut Vec<Ranked>);
}
