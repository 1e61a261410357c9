//! Derives message and run ids from where a message comes from: never random, never repeated.
//! Before it: a step of a run in `Shard::apply`, or a door. After it: the stamp.
//! Guarantees: the same origin gives the same id on every replica and at every resend, and two
//! origins give two ids (up to 80 bits of hash, or of time and hash); all messages of a story share its tag;
//! ids grow with the stories of a door or shard, and within a story about with time.
//! Leaves to others: never using an origin twice. Layout: `docs/decisions/0001-message-ids.md`.

use xxhash_rust::xxh3::xxh3_128;

use crate::clock::HybridTime;
use crate::ids::{ClusterId, Incarnation, MessageId, NodeId, RunId, ShardId};

/// Bytes at the front of a message id that all messages of one story share.
pub const STORY_TAG_BYTES: usize = 6;

/// First byte of every hashed layout: what kind of origin follows. Never reused for another layout.
const KIND_DOOR: u8 = 1;
const KIND_STEP: u8 = 2;
const KIND_RUN: u8 = 3;
const KIND_FIRST: u8 = 4;
const KIND_DOOR_LIFE: u8 = 5;
const KIND_SHARD_LIFE: u8 = 6;

/// Bytes of a tag that say in which life of which door or shard the story began; the others count its stories.
const LIFE_BYTES: usize = 2;

/// Bytes behind the tag of a message that was sent in its story which are the end of its time, and order them.
const TIME_BYTES: usize = 5;

/// Where a story begins: a message that entered through a node's door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorOrigin {
    /// The cluster that was entered.
    pub cluster: ClusterId,
    /// The node whose door it was.
    pub node: NodeId,
    /// Which life of the node; a node raises it at every start.
    pub node_incarnation: Incarnation,
    /// Counts the messages of this door in this life.
    pub sequence: u64,
}

/// Where a run begins: what makes its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOrigin {
    /// The cluster of the run.
    pub cluster: ClusterId,
    /// The shard that owns it.
    pub shard: ShardId,
    /// Which life of the shard.
    pub incarnation: Incarnation,
    /// The number of the run in its shard, counted from the shard's first. It stands for the place in
    /// the log at which the run began: it grows alike, and does not depend on how commands were
    /// batched into entries. 0 for what the shard itself sends.
    pub run_began_at: u64,
    /// Tells runs of one number apart; 0 where each has a number of its own.
    pub run_ordinal: u32,
}

/// Where a message of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The cluster of the sender.
    pub cluster: ClusterId,
    /// The sender's shard.
    pub shard: ShardId,
    /// Which life of the sender's shard.
    pub incarnation: Incarnation,
    /// The number of the sender's run, as in [`RunOrigin`].
    pub run_began_at: u64,
    /// As in [`RunOrigin`].
    pub run_ordinal: u32,
    /// The sender's step, from 0.
    pub step: u64,
    /// Counts the messages of that step.
    pub ordinal: u32,
}

impl RunOrigin {
    /// The origin of a message that this run sends.
    #[must_use]
    pub fn message(&self, step: u64, ordinal: u32) -> Origin {
        Origin {
            cluster: self.cluster,
            shard: self.shard,
            incarnation: self.incarnation,
            run_began_at: self.run_began_at,
            run_ordinal: self.run_ordinal,
            step,
            ordinal,
        }
    }
}

impl Origin {
    fn hash(&self) -> [u8; 16] {
        let mut layout = Layout::<49>::new(KIND_STEP);
        layout.bytes(&self.cluster.0);
        layout.bytes(&self.shard.0.to_le_bytes());
        layout.bytes(&self.incarnation.0.to_le_bytes());
        layout.bytes(&self.run_began_at.to_le_bytes());
        layout.bytes(&self.run_ordinal.to_le_bytes());
        layout.bytes(&self.step.to_le_bytes());
        layout.bytes(&self.ordinal.to_le_bytes());
        layout.hash()
    }
}

impl MessageId {
    /// The id of the first message of a story that enters at a door.
    #[must_use]
    pub fn root(origin: &DoorOrigin) -> Self {
        let mut life = Layout::<29>::new(KIND_DOOR_LIFE);
        life.bytes(&origin.cluster.0);
        life.bytes(&origin.node.0.to_le_bytes());
        life.bytes(&origin.node_incarnation.0.to_le_bytes());
        let mut layout = Layout::<37>::new(KIND_DOOR);
        layout.bytes(&origin.cluster.0);
        layout.bytes(&origin.node.0.to_le_bytes());
        layout.bytes(&origin.node_incarnation.0.to_le_bytes());
        layout.bytes(&origin.sequence.to_le_bytes());
        Self::first(life.hash(), origin.sequence, layout.hash())
    }

    /// The id of the first message of a story that a shard begins by itself: that of a step of no run.
    #[must_use]
    pub fn own(origin: &Origin) -> Self {
        let mut life = Layout::<25>::new(KIND_SHARD_LIFE);
        life.bytes(&origin.cluster.0);
        life.bytes(&origin.shard.0.to_le_bytes());
        life.bytes(&origin.incarnation.0.to_le_bytes());
        Self::first(life.hash(), origin.step, origin.hash())
    }

    fn first(life: [u8; 16], number: u64, mut id: [u8; 16]) -> Self {
        id[..LIFE_BYTES].copy_from_slice(&life[..LIFE_BYTES]);
        id[LIFE_BYTES..STORY_TAG_BYTES].copy_from_slice(&(number as u32).to_be_bytes());
        Self(id)
    }

    /// The id of a message that a run sends at `time`, in the story that `root` began.
    #[must_use]
    pub fn derived(root: MessageId, origin: &Origin, time: HybridTime) -> Self {
        let mut id = origin.hash();
        id[..STORY_TAG_BYTES].copy_from_slice(&root.0[..STORY_TAG_BYTES]);
        let time = time.packed().to_be_bytes();
        id[STORY_TAG_BYTES..][..TIME_BYTES].copy_from_slice(&time[8 - TIME_BYTES..]);
        Self(id)
    }

    /// The id of the message that a run is started with, in the story of its start. Who knows the start knows
    /// the message, so that a door can wait for it.
    #[must_use]
    pub fn first_of(start: MessageId) -> Self {
        let mut layout = Layout::<17>::new(KIND_FIRST);
        layout.bytes(&start.0);
        let mut id = layout.hash();
        id[..STORY_TAG_BYTES].copy_from_slice(&start.0[..STORY_TAG_BYTES]);
        Self(id)
    }

    /// What all messages of this message's story begin with.
    #[must_use]
    pub fn story_tag(&self) -> [u8; STORY_TAG_BYTES] {
        let mut tag = [0; STORY_TAG_BYTES];
        tag.copy_from_slice(&self.0[..STORY_TAG_BYTES]);
        tag
    }
}

impl RunId {
    /// The id of a run.
    #[must_use]
    pub fn derived(origin: &RunOrigin) -> Self {
        let mut layout = Layout::<37>::new(KIND_RUN);
        layout.bytes(&origin.cluster.0);
        layout.bytes(&origin.shard.0.to_le_bytes());
        layout.bytes(&origin.incarnation.0.to_le_bytes());
        layout.bytes(&origin.run_began_at.to_le_bytes());
        layout.bytes(&origin.run_ordinal.to_le_bytes());
        Self(layout.hash())
    }
}

/// The bytes that are hashed: a kind, then fields of fixed width, little end first. Written by
/// hand, because the layout is part of stored data and must not follow an encoder's version.
struct Layout<const N: usize> {
    bytes: [u8; N],
    filled: usize,
}

impl<const N: usize> Layout<N> {
    fn new(kind: u8) -> Self {
        let mut bytes = [0; N];
        bytes[0] = kind;
        Self { bytes, filled: 1 }
    }

    fn bytes(&mut self, field: &[u8]) {
        self.bytes[self.filled..self.filled + field.len()].copy_from_slice(field);
        self.filled += field.len();
    }

    /// XXH3 with 128 bits, big end first.
    fn hash(self) -> [u8; 16] {
        assert_eq!(self.filled, N, "a layout is filled to its last byte");
        xxh3_128(&self.bytes).to_be_bytes()
    }
}

#[cfg(test)]
mod tests;
