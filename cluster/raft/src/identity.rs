//! Who this node is: its id, its life, its cluster, its promise. The first thing that is read when a
//! node starts; bootstrap writes it. Guarantees: what `save` returned for survives a crash; a file
//! is replaced whole or not at all; an id is never used with another log than it was made with.
//! Left to others: the protocol of joining (`bootstrap`).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use transport::{ClusterId, Incarnation};

use crate::disk::{Disk, Fill};
use crate::ports::Entropy;
use crate::types::{NodeId, NodeInfo};

const FILE: &str = "identity";
const NEXT_FILE: &str = "identity.next";
const VERSION: u8 = 1;

/// Ids stay below 2^48, so that every JSON reader keeps them exact.
const NODE_ID_MASK: u64 = (1 << 48) - 1;

/// Why the identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The disk failed.
    #[error("E-identity-io: the node's identity cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The file is damaged or from another version.
    #[error(
        "E-identity-corrupt: the file `identity` of the data folder is damaged: {0}; restore it, or start with an empty data folder to join as a new node"
    )]
    Corrupt(String),
}

/// A proposal of how the cluster begins: one node makes it, all its members promise themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The node that made it, and alone may carry it out.
    pub proposer: NodeId,
    /// Counts the proposals of that node.
    pub round: u64,
    /// The id that the cluster would have.
    pub cluster: ClusterId,
    /// Its members.
    pub members: BTreeMap<NodeId, NodeInfo>,
}

/// What a node durably knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Made once; never used with another log.
    pub node: NodeId,
    /// Raised at every start.
    pub incarnation: u32,
    /// The cluster that it is a member of.
    pub cluster: Option<ClusterId>,
    /// The proposal that it promised itself to.
    pub promise: Option<Proposal>,
    /// Proposals that it has made.
    pub rounds: u64,
    /// Whether its log held something: a log that is empty afterwards was lost.
    pub log_used: bool,
    /// Its log was lost under an earlier id: it joins what is there and never begins a cluster.
    pub only_joins: bool,
}

impl Identity {
    /// A node that nobody has seen yet.
    #[must_use]
    pub fn fresh(entropy: &dyn Entropy) -> Self {
        Self {
            node: (entropy.number() & NODE_ID_MASK).max(1),
            incarnation: 0,
            cluster: None,
            promise: None,
            rounds: 0,
            log_used: false,
            only_joins: false,
        }
    }

    /// This life of the node.
    #[must_use]
    pub fn life(&self) -> Incarnation {
        Incarnation(self.incarnation)
    }
}

/// The file that holds the identity.
#[derive(Clone)]
pub struct IdentityFile {
    disk: Arc<dyn Disk>,
}

impl IdentityFile {
    /// The file in that folder.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Reads it; none where there is none yet.
    ///
    /// # Errors
    /// As in `IdentityError`.
    pub fn load(&self) -> Result<Option<Identity>, IdentityError> {
        let file = match self.disk.open(FILE) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = vec![0; file.length_bytes()? as usize];
        file.read_at(0, &mut bytes)?;
        decode(&bytes).map(Some)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// What the disk reports. Then the old one is there.
    pub fn save(&self, identity: &Identity) -> Result<(), IdentityError> {
        let bytes = encode(identity);
        match self.disk.remove(NEXT_FILE) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = self
            .disk
            .create(NEXT_FILE, bytes.len() as u64, Fill::Reserve)?;
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        self.disk.rename(NEXT_FILE, FILE)?;
        self.disk.sync_directory()?;
        Ok(())
    }
}

/// Version, checksum, record.
fn encode(identity: &Identity) -> Vec<u8> {
    let record = postcard::to_stdvec(identity).expect("postcard encodes an identity");
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    bytes.extend_from_slice(&record);
    bytes
}

fn decode(bytes: &[u8]) -> Result<Identity, IdentityError> {
    let corrupt = |reason: &str| IdentityError::Corrupt(reason.to_owned());
    let (&version, rest) = bytes.split_first().ok_or_else(|| corrupt("it is empty"))?;
    if version != VERSION {
        return Err(IdentityError::Corrupt(format!(
            "its version is {version}, this program reads {VERSION}"
        )));
    }
    let (checksum, record) = rest
        .split_first_chunk::<4>()
        .ok_or_else(|| corrupt("it is cut short"))?;
    if u32::from_le_bytes(*checksum) != crc32fast::hash(record) {
        return Err(corrupt("its checksum does not match"));
    }
    postcard::from_bytes(record).map_err(|error| IdentityError::Corrupt(error.to_string()))
}
