//! Which shard owns which address.
//!
//! Before it: doors and effects, which have an address. After it: a shard's log, or a channel to it.
//! Guarantees: every version and node agrees, because the hashed bytes are fixed here.
//! Leaves to others: where a shard lives (the shard map).

use transport::{Address, ShardId};

/// The shard of an instance, or the home shard of a bare name: BLAKE3 over namespace, name and key
/// (empty for a bare name), each behind its length, modulo the number of shards.
#[must_use]
pub fn shard_of(address: &Address, shard_count: u32) -> ShardId {
    assert!(shard_count > 0, "a cluster has at least one shard");
    let mut hasher = blake3::Hasher::new();
    for part in [
        address.namespace().as_str(),
        address.name(),
        address.key().unwrap_or(""),
    ] {
        hasher.update(&(part.len() as u32).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    let mut low = [0; 8];
    low.copy_from_slice(&hash.as_bytes()[..8]);
    ShardId((u64::from_le_bytes(low) % u64::from(shard_count)) as u32)
}
