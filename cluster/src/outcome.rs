//! What became of each command of an entry, told to whoever proposed it.
//!
//! Before it: `commands/`. After it: the proposer, and through it the door or a channel's source.
//! Guarantees: a refusal has a stable code and left no change behind but its own record.
//! Leaves to others: HTTP states, texts for people beyond the message here.

use serde::{Deserialize, Serialize};
use transport::{Address, MessageId, RunId};

use crate::command::PruneFrom;

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A door request is in: it will take effect exactly once.
    Accepted(Receipt),
    /// A door request had no effect.
    Refused(Refusal),
    /// The next number that this channel takes. `Deliver` is answered with nothing else, unless it
    /// is refused, or the shard has made a cut.
    ChannelExpects(u64),
    /// Done, and nothing to say.
    Done,
    /// The hash of the state after a checkpoint.
    Checkpoint(StateHash),
    /// What was forgotten for want of room.
    Pruned(Pruned),
    /// The answer to `Meet`.
    Met(crate::command::Met),
    /// The answer to `Cut`: the number of the last cut of this shard.
    Cut(u64),
    /// As `ChannelExpects`, from a shard that has made a cut.
    ChannelExpectsInCut {
        /// The next number that this channel takes.
        next: u64,
        /// The number of the shard's last cut.
        cut: u64,
    },
}

/// What one step of a walk over a shard's history did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Steps that were forgotten.
    pub steps: u64,
    /// Bytes of history that are kept now.
    pub history_bytes: u64,
    /// Where to go on; none where the walk is over, or enough was forgotten.
    pub next: Option<PruneFrom>,
}

/// What is known of a door request when it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The id of the message, start or kill.
    pub message: MessageId,
    /// The instance that it reached, or that it was sent on to; none for an external service.
    pub instance: Option<Address>,
    /// What happened to it within this command.
    pub progress: Progress,
    /// Whether it had been accepted before, by the same door sequence or idempotency key.
    pub duplicate: bool,
}

/// How far a door request came within its command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Waits in the run queue, a mailbox, or for an external service.
    Queued,
    /// Sent on to the shard of [`Receipt::instance`].
    Forwarded,
    /// Its turn ran.
    Applied {
        /// The run.
        run: RunId,
        /// The step of the instance.
        step: u64,
    },
    /// It became a dead letter.
    DeadLetter {
        /// Its number in this shard.
        number: u64,
        /// Why.
        code: String,
    },
}

/// Why a request had no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable code, one of [`crate::codes`].
    pub code: String,
    /// What, where, why, what to do.
    pub message: String,
    /// When it is worth trying again, where it is.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that trying again does not change.
    pub fn new(code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: message.into(),
            retry_after_ms: None,
        }
    }
}

/// The hash of a shard's state, equal on all replicas that applied the same entries.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateHash(pub [u8; 32]);

impl std::fmt::Display for StateHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl std::fmt::Debug for StateHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "StateHash({self})")
    }
}
