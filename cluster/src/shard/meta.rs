//! The counters of a shard, in one small record.
//!
//! Before and after it: `Shard::apply`, which reads it at opening and writes it with every entry.
//! Guarantees: numbers that ids are made of only grow. Leaves to others: everything with a family
//! of its own.

use serde::{Deserialize, Serialize};
use transport::HybridTime;

use super::ShardIdentity;
use crate::hash::linked;
use crate::record::Span;

/// What has no family of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Which shard this is.
    pub identity: ShardIdentity,
    /// Shard time of the last entry, in milliseconds.
    pub time_ms: u64,
    /// The last hybrid time given out.
    pub hybrid: HybridTime,
    /// Runs so far; the next has the number after it.
    pub runs: u64,
    /// Messages that the shard itself made so far.
    pub made: u64,
    /// Slots given out so far, to instances and services.
    pub slots: u64,
    /// Number of the next job of the run queue.
    pub queue_next: u64,
    /// Dead letters.
    pub dead_letters: Span,
    /// Records of messages that are no steps, in the order in which they were made.
    pub messages: Span,
    /// Bytes of all steps of history that are kept, with what points to them, about.
    pub history_bytes: u64,
    /// Steps that went before their time, for want of room.
    pub pruned_steps: u64,
    /// The sum of the hashes of all instances.
    pub instances: u128,
    /// A hash chained over everything that has no record of its own in the state's hash: dead
    /// letters, door requests, idempotency keys, service items.
    pub chain: [u8; 16],
}

impl Meta {
    pub(crate) fn new(identity: ShardIdentity) -> Meta {
        Meta {
            identity,
            time_ms: 0,
            hybrid: HybridTime::default(),
            runs: 0,
            made: 0,
            slots: 0,
            queue_next: 1,
            dead_letters: Span::default(),
            messages: Span::default(),
            history_bytes: 0,
            pruned_steps: 0,
            instances: 0,
            chain: [0; 16],
        }
    }

    /// Adds bytes to the chain.
    pub(crate) fn link(&mut self, what: u8, bytes: &[u8]) {
        self.chain = linked(&self.chain, what, bytes);
    }

    /// Exchanges one instance's hash for another in the sum.
    pub(crate) fn fold(&mut self, old: Option<u128>, new: Option<u128>) {
        let less = self.instances.wrapping_sub(old.unwrap_or(0));
        self.instances = less.wrapping_add(new.unwrap_or(0));
    }
}
