//! What can be asked of the system group, and what it answers.
//!
//! Before it: bootstrap, the door, the placement controller. After it: `System::apply`.
//! Guarantees: closed and versioned like a shard's commands; variants are only appended.
//! Leaves to others: what each does (`members`, `shards`, `programs`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::codec;
use transport::{ClusterId, DecodeError, EncodeError, Incarnation, Namespace, NodeId, ShardId};

use super::state::{Member, MemberState};
use crate::entry::EntryStamp;
use crate::limits::ENTRY_BYTES_MAX;
use crate::message::ProgramId;
use crate::outcome::Refusal;
use crate::placement::{Move, Place, Reason};

/// One entry of the system group's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemEntry {
    /// Time and chance of the entry.
    pub stamp: EntryStamp,
    /// The commands, applied in this order.
    pub commands: Vec<SystemCommand>,
}

impl SystemEntry {
    /// A version byte and postcard.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond [`ENTRY_BYTES_MAX`].
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        codec::encode(self, ENTRY_BYTES_MAX)
    }

    /// Reads what [`SystemEntry::encode`] wrote. Total.
    ///
    /// # Errors
    ///
    /// Any bytes that are no entry.
    pub fn decode(bytes: &[u8]) -> Result<SystemEntry, DecodeError> {
        codec::decode(bytes, ENTRY_BYTES_MAX)
    }
}

/// Settings of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSettings {
    /// Replicas that a shard has where there are enough nodes.
    pub replicas: u32,
    /// How long a node is silent before another takes its replicas, in milliseconds.
    pub replace_after_ms: u64,
    /// How far shard time may be ahead of the median of the peers, in milliseconds.
    pub clock_ahead_max_ms: u64,
}

impl Default for SystemSettings {
    fn default() -> Self {
        SystemSettings {
            replicas: 3,
            replace_after_ms: 10 * 60 * 1000,
            clock_ahead_max_ms: 500,
        }
    }
}

/// The first command of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initialise {
    /// Made by the proposer of the bootstrap.
    pub cluster: ClusterId,
    /// The cluster's name on the bus.
    pub name: String,
    /// Shards, fixed for the cluster's life until shards can be split.
    pub shard_count: u32,
    /// The first members, which are the first voters.
    pub members: Vec<Member>,
    /// Settings to begin with.
    pub settings: SystemSettings,
    /// The version of what scripts mean, see `vm::semantics`.
    pub semantics: u32,
}

/// A change of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateNames {
    /// The namespace.
    pub namespace: Namespace,
    /// Names and the installed programs that serve them from now on.
    pub names: Vec<(String, ProgramId)>,
    /// Names that no worker serves any more.
    pub removed: Vec<String>,
}

/// One thing for the system group to record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SystemCommand {
    /// Make the cluster. Refused where it exists.
    Initialise(Initialise),
    /// A node is a member from now on, or has a new name or address.
    Join(Member),
    /// A node drains, or is back.
    SetMemberState {
        /// The node.
        node: NodeId,
        /// Its new state.
        state: MemberState,
    },
    /// A node is gone for good. Refused while the shard map names it.
    Remove {
        /// The node.
        node: NodeId,
    },
    /// New settings.
    Configure(SystemSettings),
    /// Where a shard lives that was not created yet.
    Assign {
        /// The shard.
        shard: ShardId,
        /// Its replicas; the first is the preferred leader.
        replicas: Vec<NodeId>,
    },
    /// The shard's group was initialised. From now on only moves change its replicas.
    ShardCreated {
        /// The shard.
        shard: ShardId,
    },
    /// A move is under way; one at a time for a shard.
    BeginMove {
        /// The move.
        step: Move,
        /// Why it is made.
        reason: Reason,
    },
    /// A move ended. It names the move, so that a late repeat does not end the next one.
    EndMove {
        /// The move.
        step: Move,
        /// Whether it was carried out.
        done: bool,
    },
    /// Hold a program. Nothing changes where it is held already.
    InstallProgram {
        /// Its encoding.
        program: Bytes,
    },
    /// Give and take names, after all shards hold the programs.
    ActivateNames(ActivateNames),
    /// A shard goes on from one replica, in a new life: the others are gone for good, or differ.
    Recover {
        /// The shard.
        shard: ShardId,
        /// The life that it is in: a repeat of this command recovers nothing again.
        incarnation: Incarnation,
        /// The node whose replica it goes on from.
        from: NodeId,
    },
    /// Where shards are asked to be; none forgets what was asked of that shard before.
    Place(Vec<(ShardId, Option<Place>)>),
    /// Scripts mean what that version says from now on. Refused where a member does not support it.
    RaiseSemantics {
        /// The version.
        to: u32,
    },
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SystemOutcome {
    /// Done.
    Done {
        /// Counts the changes; for `ActivateNames`, what shards take as the version.
        version: u64,
    },
    /// It had no effect.
    Refused(Refusal),
}
