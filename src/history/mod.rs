//! Floor 4: clean lines folded into shards of member histories.

mod dimensions;
mod shard;
mod shard_set;
#[cfg(test)]
pub mod testing;

pub use dimensions::{Dimensions, Timeline};
pub use shard::{NO_CODE, NO_ITEM, Returned, Shard, UNIT};
pub use shard_set::{ShardError, ShardSet};
