//! How raft's own things are stored: entries, votes, log ids, memberships, each as a version byte
//! and own structs in postcard. The storage adapter and raft's network use it. Guarantees: nothing
//! in it follows from openraft's types, and decoding never panics. Left to others: the command
//! bytes inside an entry, which are copied as they are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::payloads::Reference;
use crate::types::{Entry, EntryData, LeaderId, LogId, Membership, NodeInfo, Payload, Vote};

/// Version of every encoding in this file.
const VERSION: u8 = 1;

/// Why stored bytes do not decode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Another format version.
    #[error("E-log-encoding: {what} has version {found}, this binary reads {VERSION}")]
    Version {
        /// What was to be decoded.
        what: &'static str,
        /// The version byte.
        found: u8,
    },
    /// Not what it should be.
    #[error("E-log-encoding: {what} does not decode: {cause}")]
    Malformed {
        /// What was to be decoded.
        what: &'static str,
        /// Why.
        cause: String,
    },
}

impl From<EncodingError> for std::io::Error {
    fn from(error: EncodingError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

#[derive(Serialize, Deserialize)]
struct VoteRecord {
    term: u64,
    node: u64,
    committed: bool,
}

#[derive(Serialize, Deserialize)]
struct LogIdRecord {
    term: u64,
    node: u64,
    index: u64,
}

#[derive(Serialize, Deserialize)]
struct NodeRecord {
    id: u64,
    name: String,
    http: String,
}

#[derive(Serialize, Deserialize)]
struct MembershipRecord {
    configs: Vec<BTreeSet<u64>>,
    nodes: Vec<NodeRecord>,
}

/// What an entry holds. The command's bytes follow the head, so that they need no copy to decode.
#[derive(Serialize, Deserialize)]
enum PayloadRecord {
    Blank,
    Normal,
    Membership(MembershipRecord),
}

#[derive(Serialize, Deserialize)]
struct EntryHead {
    term: u64,
    node: u64,
    payload: PayloadRecord,
}

/// Encodes an entry without its index, which stands beside it.
#[must_use]
pub fn encode_entry(entry: &Entry) -> Bytes {
    let (payload, data) = match &entry.payload {
        Payload::Blank => (PayloadRecord::Blank, None),
        Payload::Normal(data) => (PayloadRecord::Normal, Some(&data.0)),
        Payload::Membership(members) => {
            (PayloadRecord::Membership(membership_record(members)), None)
        }
    };
    let leader = &entry.log_id.leader_id;
    let head = EntryHead {
        term: leader.term,
        node: leader.node_id,
        payload,
    };
    let mut bytes = encode(&head, data.map_or(0, Bytes::len));
    if let Some(data) = data {
        bytes.extend_from_slice(data);
    }
    Bytes::from(bytes)
}

/// Decodes the entry with this index. Its command shares the memory of `bytes`.
///
/// # Errors
/// Another version, or bytes that are not an entry.
pub fn decode_entry(index: u64, bytes: &Bytes) -> Result<Entry, EncodingError> {
    let what = "a log entry";
    let (head, rest): (EntryHead, usize) = decode_front(what, bytes)?;
    let payload = match head.payload {
        PayloadRecord::Blank => Payload::Blank,
        PayloadRecord::Normal => Payload::Normal(EntryData(bytes.slice(bytes.len() - rest..))),
        PayloadRecord::Membership(record) => Payload::Membership(membership(record)?),
    };
    let leader_id = LeaderId {
        term: head.term,
        node_id: head.node,
    };
    Ok(Entry {
        log_id: LogId { leader_id, index },
        payload,
    })
}

/// The payload that a stored entry names; none where it names none, or is no entry.
#[must_use]
pub(super) fn named_payload(bytes: &[u8]) -> Option<Reference> {
    let (head, rest) = decode_front::<EntryHead>("a log entry", bytes).ok()?;
    match head.payload {
        PayloadRecord::Normal => Reference::read(&bytes[bytes.len() - rest..]),
        _ => None,
    }
    .map(|(reference, _)| reference)
}

/// Encodes a vote.
#[must_use]
pub fn encode_vote(vote: &Vote) -> Bytes {
    let record = VoteRecord {
        term: vote.leader_id.term,
        node: vote.leader_id.node_id,
        committed: vote.committed,
    };
    Bytes::from(encode(&record, 0))
}

/// Decodes a vote.
///
/// # Errors
/// Another version, or bytes that are not a vote.
pub fn decode_vote(bytes: &[u8]) -> Result<Vote, EncodingError> {
    let (record, _): (VoteRecord, usize) = decode_front("a vote", bytes)?;
    Ok(Vote {
        leader_id: LeaderId {
            term: record.term,
            node_id: record.node,
        },
        committed: record.committed,
    })
}

/// Encodes a log id.
#[must_use]
pub fn encode_log_id(log_id: &LogId) -> Bytes {
    let record = LogIdRecord {
        term: log_id.leader_id.term,
        node: log_id.leader_id.node_id,
        index: log_id.index,
    };
    Bytes::from(encode(&record, 0))
}

/// Decodes a log id.
///
/// # Errors
/// Another version, or bytes that are not a log id.
pub fn decode_log_id(bytes: &[u8]) -> Result<LogId, EncodingError> {
    let (record, _): (LogIdRecord, usize) = decode_front("a log id", bytes)?;
    Ok(LogId {
        leader_id: LeaderId {
            term: record.term,
            node_id: record.node,
        },
        index: record.index,
    })
}

/// Encodes a membership.
#[must_use]
pub fn encode_membership(members: &Membership) -> Bytes {
    Bytes::from(encode(&membership_record(members), 0))
}

/// Decodes a membership.
///
/// # Errors
/// Another version, or bytes that are not a membership.
pub fn decode_membership(bytes: &[u8]) -> Result<Membership, EncodingError> {
    let (record, _): (MembershipRecord, usize) = decode_front("a membership", bytes)?;
    membership(record)
}

fn membership_record(members: &Membership) -> MembershipRecord {
    MembershipRecord {
        configs: members.get_joint_config().clone(),
        nodes: members
            .nodes()
            .map(|(id, node)| NodeRecord {
                id: *id,
                name: node.name.clone(),
                http: node.http.clone(),
            })
            .collect(),
    }
}

fn membership(record: MembershipRecord) -> Result<Membership, EncodingError> {
    let nodes: BTreeMap<u64, NodeInfo> = record
        .nodes
        .into_iter()
        .map(|node| {
            let info = NodeInfo {
                name: node.name,
                http: node.http,
            };
            (node.id, info)
        })
        .collect();
    if record.configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(record.configs, nodes).map_err(|cause| EncodingError::Malformed {
        what: "a membership",
        cause: cause.to_string(),
    })
}

fn encode<T: Serialize>(value: &T, room_behind: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + room_behind);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes).expect("numbers, text and lists always encode")
}

/// Decodes what stands in front; returns how many bytes are left behind it.
fn decode_front<'a, T: Deserialize<'a>>(
    what: &'static str,
    bytes: &'a [u8],
) -> Result<(T, usize), EncodingError> {
    let malformed = |cause: String| EncodingError::Malformed { what, cause };
    let (version, body) = bytes
        .split_first()
        .ok_or_else(|| malformed("it is empty".to_owned()))?;
    if *version != VERSION {
        return Err(EncodingError::Version {
            what,
            found: *version,
        });
    }
    let (value, rest) =
        postcard::take_from_bytes(body).map_err(|cause| malformed(cause.to_string()))?;
    Ok((value, rest.len()))
}
