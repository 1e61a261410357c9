//! A shard: the deterministic state machine of one raft group.
//!
//! Before it: the group, which gives it committed entries in order. After it: the leader's driver,
//! which carries out the actions. Guarantees: `apply` is the only mutator and is closed over the
//! shard's own state, so equal entries give equal state on every replica.
//! Leaves to others: raft, durability (the store's units), everything outside the process.

use transport::{ClusterId, Incarnation, ShardId};

use crate::action::{Action, Applied};
use crate::entry::Entry;
use crate::outcome::StateHash;
use crate::store::{StateStore, StoreError};

/// Which shard this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ShardIdentity {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its number.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Shards of the cluster.
    pub shard_count: u32,
}

/// Why a shard cannot be opened or go on. Its group stops on this node.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that this version cannot read.
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    /// The store holds another shard, or the shard of another cluster.
    #[error("E-shard-identity: the store holds {found:?}, this should be {expected:?}")]
    Identity {
        /// What the store says.
        found: Box<ShardIdentity>,
        /// What was asked for.
        expected: Box<ShardIdentity>,
    },
}

/// The state of one shard over its store.
pub struct Shard {
    identity: ShardIdentity,
    store: Box<dyn StateStore>,
}

impl Shard {
    /// Reads the state from the store; empty where nothing was applied yet.
    ///
    /// # Errors
    ///
    /// The store's, a corrupt record, or a store of another shard.
    pub fn open(identity: ShardIdentity, store: Box<dyn StateStore>) -> Result<Shard, ShardError> {
        Ok(Shard { identity, store })
    }

    /// Applies one entry. The caller then adds its own keys (below
    /// [`crate::keys::ADAPTER_PREFIX`]) and commits the unit under the entry's index.
    ///
    /// # Errors
    ///
    /// The store's. What a command cannot do is refused in its outcome.
    pub fn apply(&mut self, index: u64, entry: &Entry) -> Result<Applied, ShardError> {
        let _ = (index, entry);
        Ok(Applied::default())
    }

    /// What a new leader owes: derived from state, so that no action of an earlier leader is needed.
    ///
    /// # Errors
    ///
    /// The store's, or a corrupt record.
    pub fn rebuild_actions(&self) -> Result<Vec<Action>, ShardError> {
        Ok(Vec::new())
    }

    /// The hash of the state, equal on all replicas that applied the same entries.
    #[must_use]
    pub fn state_hash(&self) -> StateHash {
        StateHash::default()
    }

    /// Which shard this is.
    #[must_use]
    pub fn identity(&self) -> &ShardIdentity {
        &self.identity
    }

    /// The store, for the adapter's own keys and for closing units.
    pub fn store_mut(&mut self) -> &mut dyn StateStore {
        &mut *self.store
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &dyn StateStore {
        &*self.store
    }

    /// Gives the store back, to install a snapshot into it and open it anew.
    #[must_use]
    pub fn into_store(self) -> Box<dyn StateStore> {
        self.store
    }
}
