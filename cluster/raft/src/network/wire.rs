//! What raft's messages between two nodes look like in bytes: a version byte, the group, the
//! message. They come from `client` and go to `server`, and back. Guarantees: the encoding is this
//! module's own, so that it does not change with openraft; decoding is total. Left to others:
//! which subject carries what, deadlines, order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cluster::store::{GroupId, Pair};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transport::Incarnation;

use crate::pieces::Piece;
use crate::types::{
    Entry, EntryData, LeaderId, LogId, Membership, NodeId, NodeInfo, Payload, StoredMembership,
    Vote,
};

/// First byte of every message; a reader refuses what it does not know.
pub const VERSION: u8 = 1;

/// A group in one of its lives: what is said to one life is not heard by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lived {
    group: u32,
    life: u32,
}

impl Lived {
    /// That life of a group.
    #[must_use]
    pub const fn new(group: GroupId, life: Incarnation) -> Self {
        Self {
            group: group.0,
            life: life.0,
        }
    }

    /// The group.
    pub(crate) const fn group(self) -> GroupId {
        GroupId(self.group)
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Written by another version.
    #[error("the message has version {found}, this node reads version {VERSION}")]
    Version {
        /// The version byte; 0 for an empty message.
        found: u8,
    },
    /// Cut short, or not written by this program.
    #[error("the message is malformed: {0}")]
    Malformed(String),
}

/// A log id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLogId {
    term: u64,
    node: NodeId,
    index: u64,
}

impl From<LogId> for WireLogId {
    fn from(id: LogId) -> Self {
        Self {
            term: id.committed_leader_id().term,
            node: id.committed_leader_id().node_id,
            index: id.index(),
        }
    }
}

impl From<WireLogId> for LogId {
    fn from(id: WireLogId) -> Self {
        let leader = LeaderId {
            term: id.term,
            node_id: id.node,
        };
        LogId::new(leader, id.index)
    }
}

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireVote {
    term: u64,
    node: NodeId,
    committed: bool,
}

impl From<Vote> for WireVote {
    fn from(vote: Vote) -> Self {
        Self {
            term: vote.leader_id.term,
            node: vote.leader_id.node_id,
            committed: vote.committed,
        }
    }
}

impl From<WireVote> for Vote {
    fn from(vote: WireVote) -> Self {
        match vote.committed {
            true => Vote::new_committed(vote.term, vote.node),
            false => Vote::new(vote.term, vote.node),
        }
    }
}

/// Voters (more than one set while a change is under way) and all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireMembership {
    voters: Vec<BTreeSet<NodeId>>,
    nodes: BTreeMap<NodeId, NodeInfo>,
}

impl From<&Membership> for WireMembership {
    fn from(membership: &Membership) -> Self {
        Self {
            voters: membership.get_joint_config().clone(),
            nodes: membership
                .nodes()
                .map(|(id, node)| (*id, node.clone()))
                .collect(),
        }
    }
}

impl TryFrom<WireMembership> for Membership {
    type Error = WireError;

    fn try_from(wire: WireMembership) -> Result<Self, WireError> {
        if wire.voters.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(wire.voters, wire.nodes)
            .map_err(|error| WireError::Malformed(error.to_string()))
    }
}

/// A membership and the entry that set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireStoredMembership {
    log_id: Option<WireLogId>,
    membership: WireMembership,
}

impl From<&StoredMembership> for WireStoredMembership {
    fn from(stored: &StoredMembership) -> Self {
        Self {
            log_id: stored.log_id().map(Into::into),
            membership: stored.membership().into(),
        }
    }
}

impl TryFrom<WireStoredMembership> for StoredMembership {
    type Error = WireError;

    fn try_from(wire: WireStoredMembership) -> Result<Self, WireError> {
        let membership = wire.membership.try_into()?;
        Ok(StoredMembership::new(
            wire.log_id.map(Into::into),
            membership,
        ))
    }
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum WirePayload {
    Blank,
    Normal(Bytes),
    Membership(WireMembership),
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WireEntry {
    log_id: WireLogId,
    payload: WirePayload,
}

impl WireEntry {
    /// About how many bytes it has.
    fn bytes(&self) -> usize {
        const AROUND: usize = 32;
        AROUND
            + match &self.payload {
                WirePayload::Normal(data) => data.len(),
                WirePayload::Blank | WirePayload::Membership(_) => 0,
            }
    }
}

impl From<Entry> for WireEntry {
    fn from(entry: Entry) -> Self {
        let payload = match entry.payload {
            Payload::Blank => WirePayload::Blank,
            Payload::Normal(data) => WirePayload::Normal(data.0),
            Payload::Membership(membership) => WirePayload::Membership((&membership).into()),
        };
        Self {
            log_id: entry.log_id.into(),
            payload,
        }
    }
}

impl TryFrom<WireEntry> for Entry {
    type Error = WireError;

    fn try_from(wire: WireEntry) -> Result<Self, WireError> {
        let payload = match wire.payload {
            WirePayload::Blank => Payload::Blank,
            WirePayload::Normal(data) => Payload::Normal(EntryData(data)),
            WirePayload::Membership(membership) => Payload::Membership(membership.try_into()?),
        };
        Ok(Entry {
            log_id: wire.log_id.into(),
            payload,
        })
    }
}

/// Entries to append; none for a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireAppend {
    vote: WireVote,
    previous: Option<WireLogId>,
    entries: Vec<WireEntry>,
    committed: Option<WireLogId>,
}

impl WireAppend {
    /// From openraft's request.
    pub fn new<C: RaftConfig>(request: AppendEntriesRequest<C>) -> Self {
        Self {
            vote: request.vote.into(),
            previous: request.prev_log_id.map(Into::into),
            entries: request.entries.into_iter().map(Into::into).collect(),
            committed: request.leader_commit.map(Into::into),
        }
    }

    /// To openraft's request.
    ///
    /// # Errors
    /// `Malformed` for a membership that contradicts itself.
    pub fn into_request<C: RaftConfig>(self) -> Result<AppendEntriesRequest<C>, WireError> {
        let entries: Result<Vec<Entry>, WireError> =
            self.entries.into_iter().map(TryInto::try_into).collect();
        Ok(AppendEntriesRequest {
            vote: self.vote.into(),
            prev_log_id: self.previous.map(Into::into),
            entries: entries?,
            leader_commit: self.committed.map(Into::into),
        })
    }
}

/// A request for a vote, or for what a vote would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireVoteRequest {
    vote: WireVote,
    last: Option<WireLogId>,
    hand_over: bool,
}

impl WireVoteRequest {
    /// From openraft's request.
    pub fn new<C: RaftConfig>(request: &VoteRequest<C>) -> Self {
        Self {
            vote: request.vote.into(),
            last: request.last_log_id.map(Into::into),
            hand_over: request.leadership_transfer,
        }
    }

    /// To openraft's request.
    #[must_use]
    pub fn into_request<C: RaftConfig>(self) -> VoteRequest<C> {
        VoteRequest {
            vote: self.vote.into(),
            last_log_id: self.last.map(Into::into),
            leadership_transfer: self.hand_over,
        }
    }
}

/// The answer to a request for a vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireVoteResponse {
    vote: WireVote,
    granted: bool,
    last: Option<WireLogId>,
}

impl WireVoteResponse {
    /// From openraft's response.
    pub fn new<C: RaftConfig>(response: &VoteResponse<C>) -> Self {
        Self {
            vote: response.vote.into(),
            granted: response.vote_granted,
            last: response.last_log_id.map(Into::into),
        }
    }

    /// To openraft's response.
    #[must_use]
    pub fn into_response<C: RaftConfig>(self) -> VoteResponse<C> {
        VoteResponse {
            vote: self.vote.into(),
            vote_granted: self.granted,
            last_log_id: self.last.map(Into::into),
        }
    }
}

/// The order to stand for election now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireTransfer {
    from: WireVote,
    to: NodeId,
    last: Option<WireLogId>,
}

impl WireTransfer {
    /// From openraft's request.
    pub fn new<C: RaftConfig>(request: &TransferLeaderRequest<C>) -> Self {
        Self {
            from: (*request.from_leader()).into(),
            to: *request.to_node_id(),
            last: request.last_log_id().copied().map(Into::into),
        }
    }

    /// To openraft's request.
    #[must_use]
    pub fn into_request<C: RaftConfig>(self) -> TransferLeaderRequest<C> {
        TransferLeaderRequest::new(self.from.into(), self.to, self.last.map(Into::into))
    }
}

/// A part of a snapshot; the last one asks for the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireChunk {
    /// Tells this transfer from earlier ones of the same group.
    pub transfer: u64,
    /// Place of this chunk, from 0.
    pub number: u32,
    /// The leader's vote.
    pub vote: WireVote,
    /// The entry up to which the snapshot goes.
    pub last: Option<WireLogId>,
    /// The membership at that entry.
    pub membership: WireStoredMembership,
    /// Keys ascend over all chunks.
    pub pairs: Vec<Pair>,
    /// Whether nothing follows.
    pub is_last: bool,
}

/// What a node asks another about one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Append, or only show that the leader is alive.
    Append(WireAppend),
    /// Grant a vote.
    Vote(WireVoteRequest),
    /// Would a vote be granted?
    PreVote(WireVoteRequest),
    /// Take over the lead.
    Transfer(WireTransfer),
    /// Take a part of a snapshot.
    Chunk(WireChunk),
    /// Take a piece of a request that is larger than a message.
    Piece(Piece),
}

impl Request {
    /// About how many bytes of entries it carries.
    pub(super) fn entry_bytes(&self) -> usize {
        match self {
            Self::Append(append) => append.entries.iter().map(WireEntry::bytes).sum(),
            _ => 0,
        }
    }
}

/// The answer to a `Request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The entries are flushed.
    Appended,
    /// The entry before them is not there.
    Conflict,
    /// A later leader is known.
    HigherVote(WireVote),
    /// To a request for a vote.
    Vote(WireVoteResponse),
    /// Whether the hand-over was taken up, and why not.
    Transfer(Result<(), String>),
    /// The chunk was taken; the installation, where it was the last, is done.
    Chunk(WireVote),
    /// Chunks are missing: begin again.
    Restart,
    /// The group does not run on that node.
    NoGroup,
    /// The group failed.
    Failed(String),
    /// The piece was taken.
    Part,
    /// The entries are flushed, and somebody on that node waits for what they do.
    AppendedAwaited,
}

impl Response {
    /// The answer to an append, of a node on which somebody waits for what entries do, or not.
    pub fn appended<C: RaftConfig>(
        result: &openraft::raft::AppendEntriesResponse<C>,
        is_awaited: bool,
    ) -> Self {
        use openraft::raft::AppendEntriesResponse as Answer;
        match result {
            Answer::Success | Answer::PartialSuccess(_) if is_awaited => Self::AppendedAwaited,
            Answer::Success | Answer::PartialSuccess(_) => Self::Appended,
            Answer::Conflict => Self::Conflict,
            Answer::HigherVote(vote) => Self::HigherVote((*vote).into()),
        }
    }

    /// What it says to the sender of entries from after `previous` to `last`; `None` where it is
    /// no answer to an append.
    #[must_use]
    pub fn into_append_result<C: RaftConfig>(
        self,
        previous: Option<LogId>,
        last: Option<LogId>,
    ) -> Option<StreamAppendResult<C>> {
        match self {
            Self::Appended | Self::AppendedAwaited => Some(Ok(last)),
            Self::Conflict => previous.map(|id| Err(StreamAppendError::Conflict(id))),
            Self::HigherVote(vote) => Some(Err(StreamAppendError::HigherVote(vote.into()))),
            _ => None,
        }
    }
}

/// openraft's configuration with this project's types, whatever the runtime.
pub trait RaftConfig:
    openraft::RaftTypeConfig<
        D = EntryData,
        R = crate::types::AppliedEntry,
        NodeId = NodeId,
        Node = NodeInfo,
        Term = u64,
        LeaderId = LeaderId,
        Vote = Vote,
        Payload = Payload,
        Entry = Entry,
    >
{
}

impl<C> RaftConfig for C where
    C: openraft::RaftTypeConfig<
            D = EntryData,
            R = crate::types::AppliedEntry,
            NodeId = NodeId,
            Node = NodeInfo,
            Term = u64,
            LeaderId = LeaderId,
            Vote = Vote,
            Payload = Payload,
            Entry = Entry,
        >
{
}

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    transport::codec::with_version(message, VERSION)
        .expect("postcard encodes every message of this module")
}

/// Decodes a message.
///
/// # Errors
/// What is not a whole message of this version.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| WireError::Malformed(error.to_string()))
        }
        Some((&found, _)) => Err(WireError::Version { found }),
        None => Err(WireError::Version { found: 0 }),
    }
}
