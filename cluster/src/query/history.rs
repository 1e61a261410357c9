//! How much history a shard keeps.
//!
//! Before it: metrics, and the leader's driver, which prunes. After it: the store.
//! Guarantees: what the shard's own counters say. Leaves to others: how much may stay.

use super::{QueryError, decode};
use crate::keys;
use crate::shard::Meta;
use crate::store::StateRead;

/// The history of all instances of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySize {
    /// Bytes of steps, with what points to them, about: before the store's own packing.
    pub bytes: u64,
    /// Steps that went before their time, for want of room.
    pub pruned_steps: u64,
    /// Records of messages that are no steps.
    pub message_records: u64,
}

/// The size of a shard's history.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn history_size(reader: &dyn StateRead) -> Result<HistorySize, QueryError> {
    let Some(bytes) = reader.get(&[keys::META])? else {
        return Ok(HistorySize::default());
    };
    let meta: Meta = decode(&[keys::META], &bytes)?;
    Ok(HistorySize {
        bytes: meta.history_bytes,
        pruned_steps: meta.pruned_steps,
        message_records: meta.messages.len(),
    })
}
