//! The closed list of what can be asked of a shard.
//!
//! Before it: the door, a channel's source, or the leader's driver. After it: `commands/`, one
//! file for each variant. Guarantees: nothing here comes from a clock or from chance except through
//! the entry's stamp. Leaves to others: bytes (`entry`), effects (`commands/`).
//!
//! Variants are only ever appended: their numbers stand in logs.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::{Address, Incarnation, MessageId, Namespace, NodeId, ShardId, Stamp};

use crate::agreement::Verdict;
use crate::limits::ShardLimits;
use crate::message::{Body, ProgramId};

/// One thing for a shard to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Parcels of one channel, from the leader of another shard.
    Deliver(Deliver),
    /// A message through a door.
    Send(SendRequest),
    /// A start through a door.
    Start(StartRequest),
    /// A kill through a door.
    Kill(KillRequest),
    /// Fire what is due at the entry's time.
    TimerFired,
    /// An external service answered, acknowledged or stayed silent.
    EffectDone(EffectDone),
    /// The target of a channel has committed what it was sent.
    ChannelAcked(ChannelAcked),
    /// Hold a program, so that names can be given to it.
    Install(Install),
    /// Give names to installed programs, and take names away.
    Activate(Activate),
    /// Change the limits.
    Configure(Box<ShardLimits>),
    /// Go on with the run queue.
    Continue,
    /// Say the state's hash.
    Checkpoint,
    /// Send a dead letter again.
    RetryDeadLetter(DeadLetterRequest),
    /// Forget a dead letter.
    DiscardDeadLetter(DeadLetterRequest),
    /// Record what the replicas say about the state at a checkpoint.
    Agreed(Verdict),
    /// A client reads a reactive function.
    Read(ReadRequest),
    /// Forget history for want of room.
    Prune(Prune),
    /// Begin a new life, from what this replica holds.
    BeginLife(Incarnation),
    /// Another shard began a new life.
    Meet(Meet),
    /// Another shard has learned of this one's new life.
    Met(Met),
    /// A message that a worker heard on the bus. Nobody waits for an answer: what a client would be told of its
    /// message becomes a dead letter.
    Hear(SendRequest),
    /// Cut here: the state before this command is this shard's part of the backup of that number. A shard that
    /// has made the cut, or a later one, makes it not again.
    Cut(u64),
    /// An instance that is to take nothing, or to go on, through a door.
    Pause(PauseRequest),
}

/// Where a request entered, counted by the node's door: what makes a retry inside the door known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorSequence {
    /// The node whose door it was.
    pub node: NodeId,
    /// Which life of that node.
    pub incarnation: Incarnation,
    /// Counts the requests of this door in this life, over all shards.
    pub sequence: u64,
}

/// A client's idempotency key with what it was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key, as the client sent it.
    pub key: String,
    /// A hash of the request: the same key with another digest is refused.
    pub digest: [u8; 32],
}

/// What every request through a door begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorHeader {
    /// Where it entered.
    pub origin: DoorSequence,
    /// Its stamp: `MessageId::root` of the origin.
    pub stamp: Stamp,
    /// The client's key, where it sent one.
    pub idempotency: Option<Idempotency>,
}

/// A message for an instance (its shard) or a bare name (the home shard of the name).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// Whom it is for.
    pub to: Address,
    /// Who sends it, where that is a service on the bus with an address; none for a client.
    pub from: Option<Address>,
    /// What is said.
    pub body: Body,
}

/// A run to be started, at the instance's shard, or without a key at the home shard of the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// The instance, or the bare name for a fresh key.
    pub to: Address,
    /// Its configuration; none: undefined.
    pub config: Option<Body>,
    /// Its first message.
    pub message: Option<Body>,
}

/// An instance to be ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// Whom.
    pub target: Address,
}

/// An instance to hold still, or to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// Whom.
    pub target: Address,
    /// Whether it is to take nothing.
    pub paused: bool,
}

/// A reactive function to be computed, and kept up to date for a while, at the shard of its instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// The instance: the name, and the key of the arguments (`vm::reactive::instance_key`).
    pub source: Address,
    /// The arguments, an array.
    pub arguments: Body,
}

/// Parcels `first`, `first + 1`, … of the channel from `source`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The shard that sends.
    pub source: ShardId,
    /// Which life of the source.
    pub source_incarnation: Incarnation,
    /// Which life of this shard the source means.
    pub target_incarnation: Incarnation,
    /// Number of the first parcel.
    pub first: u64,
    /// Encoded parcels, see [`crate::message::Parcel`].
    pub parcels: Vec<Bytes>,
}

/// What became of a message to an external service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectDone {
    /// The service.
    pub service: Address,
    /// The message.
    pub message: MessageId,
    /// Which attempt this is the result of; a late result of an earlier silence counts as well.
    pub attempt: u32,
    /// What came back.
    pub result: EffectResult,
}

/// What came back from an external service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EffectResult {
    /// An empty reply: it has the message.
    Acknowledged,
    /// A reply with a body: acknowledged, and the body goes to the sender.
    Answer(Body),
    /// Nothing within the time, or nobody listens.
    Unanswered {
        /// What the bus said.
        reason: String,
    },
    /// It can never be asked: what would be sent is larger than the bus takes.
    TooLarge {
        /// What the bus said.
        reason: String,
    },
}

/// The target of a channel has everything up to `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAcked {
    /// The shard that took them.
    pub target: ShardId,
    /// Which life of it.
    pub target_incarnation: Incarnation,
    /// Number of the last one that it has.
    pub through: u64,
}

/// A shard in a new life, to one that may know an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meet {
    /// The shard in a new life.
    pub source: ShardId,
    /// That life.
    pub incarnation: Incarnation,
    /// Which life of the other shard is meant.
    pub target_incarnation: Incarnation,
    /// How far it took the channels from the other shard, in all lives of both.
    pub taken: Vec<Taken>,
}

/// How far a channel was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The life of its source.
    pub life: Incarnation,
    /// The life of its target.
    pub target_life: Incarnation,
    /// The number of the last parcel.
    pub through: u64,
}

/// What a shard said to one in a new life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// The shard that says it.
    pub target: ShardId,
    /// Its life.
    pub target_incarnation: Incarnation,
    /// How far it took the channels from the new life's shard; of earlier lives it takes no more.
    pub taken: Vec<Taken>,
    /// How many of its own parcels the lost life had acknowledged that the new one does not know.
    pub forgotten: u64,
}

/// A program to be held, checked when it is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Its encoding. Its hash is its name.
    pub program: Bytes,
}

/// Changes of names in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activate {
    /// The namespace.
    pub namespace: Namespace,
    /// Grows with every activation of the cluster; an older one than applied is ignored.
    pub version: u64,
    /// Names and the programs that serve them from now on.
    pub names: Vec<(String, ProgramId)>,
    /// Names that no worker serves any more.
    pub removed: Vec<String>,
}

/// History to be forgotten before its time: of ended runs first, those that would go soonest, then the
/// oldest steps of instances that run. One command looks at a bounded part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// Bytes of history that may stay.
    pub keep_bytes: u64,
    /// Steps that an instance keeps in any case while it runs.
    pub floor_steps: u64,
    /// Where to go on, as [`crate::outcome::Pruned`] said; none: at the beginning.
    pub from: Option<PruneFrom>,
}

/// How far a walk over a shard's history came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PruneFrom {
    /// Ended runs, from this key of the store on.
    Ended(Bytes),
    /// Instances that run, from this key of the store on.
    Running(Bytes),
}

/// Names a dead letter of this shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterRequest {
    /// Where it came in.
    pub door: DoorHeader,
    /// Its number.
    pub number: u64,
}
