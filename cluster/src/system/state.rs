//! The system group's state in memory, and how it is kept in its store.
//!
//! Before it: `members`, `shards`, `programs`, which change it. After it: every node's view.
//! Guarantees: what is in the store after a commit is what [`load`] reads.
//! Leaves to others: what may change when.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transport::{ClusterId, Incarnation, Namespace, NodeId, ShardId};

use super::command::SystemSettings;
use crate::keys;
use crate::message::ProgramId;
use crate::outcome::StateHash;
use crate::placement::{Move, Place, Reason};
use crate::store::{StateRead, StateStore, StoreError};

/// Why the system state cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that this version cannot read.
    #[error(
        "E-system-corrupt: the record under {key:02x?} of the system group cannot be read: {reason}"
    )]
    Corrupt {
        /// Its key.
        key: Vec<u8>,
        /// What the decoder says.
        reason: String,
    },
}

/// Whether a member takes replicas and leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberState {
    /// It does.
    Active,
    /// It hands them over.
    Draining,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its name, for people.
    pub name: String,
    /// The address of its HTTP listener, for people and other nodes; empty where it has none.
    pub http: String,
    /// Whether it takes replicas and leads.
    pub state: MemberState,
    /// Which versions of what scripts mean its program runs.
    pub semantics: Semantics,
}

/// A range of versions of what scripts mean, see `vm::semantics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Semantics {
    /// The oldest.
    pub oldest: u32,
    /// The newest.
    pub latest: u32,
}

impl Default for Semantics {
    /// What this program runs.
    fn default() -> Semantics {
        Semantics {
            oldest: vm::semantics::OLDEST,
            latest: vm::semantics::LATEST,
        }
    }
}

impl Semantics {
    /// Whether it has that version.
    #[must_use]
    pub fn contains(self, version: u32) -> bool {
        (self.oldest..=self.latest).contains(&version)
    }
}

impl std::fmt::Display for Semantics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.oldest == self.latest {
            true => write!(out, "{}", self.latest),
            false => write!(out, "{} to {}", self.oldest, self.latest),
        }
    }
}

/// Where a shard lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardAssignment {
    /// Which life of the shard.
    pub incarnation: Incarnation,
    /// The node whose replica this life goes on from; none in the first.
    pub recovered_from: Option<NodeId>,
    /// The nodes that hold it, ascending.
    pub replicas: Vec<NodeId>,
    /// The node that should lead it.
    pub preferred_leader: NodeId,
    /// Whether its group was initialised.
    pub created: bool,
    /// What is under way.
    pub step: Option<Move>,
    /// Why.
    pub reason: Option<Reason>,
    /// Where it was asked to be.
    pub place: Option<Place>,
}

/// What is known of a program without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramInfo {
    /// Bytes of its encoding.
    pub bytes: u64,
    /// Names of its exported workers.
    pub workers: Vec<String>,
    /// What those of them hear on the bus that hear something.
    pub subscriptions: Vec<(String, vm::options::Subscription)>,
    /// When it was installed, in milliseconds of the group's time.
    pub installed_ms: u64,
}

/// The program that serves a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveName {
    /// The program.
    pub program: ProgramId,
    /// The version of the state at which it was given.
    pub version: u64,
}

/// All of it but the bytes of programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemState {
    /// None before [`super::SystemCommand::Initialise`].
    pub cluster: Option<ClusterId>,
    /// The cluster's name.
    pub name: String,
    /// Number of shards; 0 before the cluster was made.
    pub shard_count: u32,
    /// Settings.
    pub settings: SystemSettings,
    /// The version of what scripts mean; 0 before the cluster was made.
    pub semantics: u32,
    /// Counts the changes.
    pub version: u64,
    /// Time of the last entry, in milliseconds.
    pub time_ms: u64,
    /// Members by id.
    pub members: BTreeMap<NodeId, Member>,
    /// Shards by id.
    pub shards: BTreeMap<ShardId, ShardAssignment>,
    /// Programs by hash.
    pub programs: BTreeMap<ProgramId, ProgramInfo>,
    /// Active names.
    pub names: BTreeMap<(Namespace, String), ActiveName>,
}

/// The single record of what has no family of its own.
#[derive(Default, Serialize, Deserialize)]
struct Meta {
    cluster: Option<ClusterId>,
    name: String,
    shard_count: u32,
    settings: SystemSettings,
    version: u64,
    time_ms: u64,
    semantics: u32,
}

impl SystemState {
    fn meta(&self) -> Meta {
        Meta {
            cluster: self.cluster,
            name: self.name.clone(),
            shard_count: self.shard_count,
            settings: self.settings.clone(),
            version: self.version,
            time_ms: self.time_ms,
            semantics: self.semantics,
        }
    }

    /// BLAKE3 over all records. The state is small, so it is hashed whole.
    #[must_use]
    pub(super) fn hash(&self) -> StateHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&keys::encode_record(&self.meta()));
        hasher.update(&keys::encode_record(&self.members));
        hasher.update(&keys::encode_record(&self.shards));
        hasher.update(&keys::encode_record(&self.programs));
        hasher.update(&keys::encode_record(&self.names));
        StateHash(*hasher.finalize().as_bytes())
    }
}

pub(super) fn save_meta(
    state: &SystemState,
    store: &mut dyn StateStore,
) -> Result<(), SystemError> {
    store.put(&[keys::META], keys::encode_record(&state.meta()));
    Ok(())
}

pub(super) fn load(store: &dyn StateRead) -> Result<SystemState, SystemError> {
    let meta: Meta = match store.get(&[keys::META])? {
        Some(bytes) => decode(&[keys::META], &bytes)?,
        None => return Ok(SystemState::default()),
    };
    Ok(SystemState {
        cluster: meta.cluster,
        name: meta.name,
        shard_count: meta.shard_count,
        settings: meta.settings,
        version: meta.version,
        time_ms: meta.time_ms,
        semantics: meta.semantics,
        members: load_family(store, keys::SYSTEM_MEMBER)?,
        shards: load_family(store, keys::SYSTEM_SHARD)?,
        programs: load_family(store, keys::SYSTEM_PROGRAM)?,
        names: load_family(store, keys::SYSTEM_NAME)?,
    })
}

/// Reads a family whose values are `(key, record)`.
fn load_family<K: DeserializeOwned + Ord, V: DeserializeOwned>(
    store: &dyn StateRead,
    family: u8,
) -> Result<BTreeMap<K, V>, SystemError> {
    const PAGE: usize = 1000;
    let mut all = BTreeMap::new();
    let mut from = vec![family];
    loop {
        let page = store.scan(&from, Some(&[family + 1]), PAGE)?;
        for (key, bytes) in &page {
            let (id, record) = decode(key, bytes)?;
            all.insert(id, record);
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE => from = crate::store::successor(key),
            _ => return Ok(all),
        }
    }
}

fn decode<T: DeserializeOwned>(key: &[u8], bytes: &Bytes) -> Result<T, SystemError> {
    keys::decode_record(bytes).map_err(|error| SystemError::Corrupt {
        key: key.to_vec(),
        reason: error.to_string(),
    })
}
