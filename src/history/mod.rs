//! Floor 4: clean lines folded into shards of member histories.

mod bucket;
mod codec;
mod column;
mod dimensions;
mod finish;
mod fold;
mod line;
mod piece;
mod shard;
mod shard_set;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use column::{Cell, Column};
pub use dimensions::{Dimensions, Timeline};
pub use finish::{Exclusion, Standing};
pub use fold::{FoldOptions, Histories, ScannedLines, fold_lines, scan_lines};
pub use shard::{NO_CODE, NO_ITEM, Returned, ReturnedLines, Shard, UNIT};
pub use shard_set::{ShardError, ShardSet};
