//! Which shard owns which address.
//!
//! Before it: doors and effects, which have an address. After it: a shard's log, or a channel to it.
//! Guarantees: every version and node agrees, because the hashed bytes are fixed here.
//! Leaves to others: where a shard lives (the shard map).

use transport::{Address, ShardId};

use crate::hash;

/// The shard of an instance, or the home shard of a bare name: a hash of namespace, name and key
/// (empty for a bare name), modulo the number of shards.
#[must_use]
pub fn shard_of(address: &Address, shard_count: u32) -> ShardId {
    assert!(shard_count > 0, "a cluster has at least one shard");
    ShardId((hash::address(address) % u64::from(shard_count)) as u32)
}
