//! What a group replicates: the port between raft's adapter and the pure core. `state_machine`
//! comes before it, `cluster`'s shard or system after it. Guarantees: all calls of one machine come
//! from one thread at a time, in log order. Left to others: closing the store's unit and raft's own
//! keys (`state_machine`), what entries mean (`cluster`).

use cluster::store::{StateStore, StoreError};

use crate::agreement::Divergence;

/// First byte of every key that raft's adapter keeps in a group's store beside the machine's own.
pub const RAFT_KEY_PREFIX: u8 = cluster::keys::ADAPTER_PREFIX;

/// Why a machine cannot go on. Its group stops on this node.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This replica's state is not the majority's.
    #[error(
        "E-diverged: this replica's state of shard {} at log index {} has the hash {}, the majority's is {}",
        .0.shard, .0.index(), .0.own, .0.majority
    )]
    Diverged(Box<Divergence>),
    /// The entry was not understood, or the machine is broken.
    #[error("{0}")]
    Broken(String),
}

/// A replicated state machine over a store.
pub trait Machine: Send + 'static {
    /// Applies the entry of unit `index` (1 for a log's first entry). The unit stays open. Gives
    /// the encoded answer for whoever proposed it.
    ///
    /// # Errors
    /// What stops the group.
    fn apply(&mut self, index: u64, data: &[u8]) -> Result<Vec<u8>, MachineError>;

    /// Says that the units up to `index` are committed: what they gave may leave the machine now.
    fn committed(&mut self, index: u64);

    /// Its store.
    fn store(&mut self) -> &mut dyn StateStore;

    /// Begins anew from the store, whose content was replaced.
    ///
    /// # Errors
    /// What stops the group.
    fn reload(&mut self) -> Result<(), MachineError>;

    /// This node leads the group from now on, or no longer.
    ///
    /// # Errors
    /// What stops the group.
    fn set_leading(&mut self, leading: bool) -> Result<(), MachineError>;

    /// The hash of its state.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn state_hash(&mut self) -> Result<[u8; 32], MachineError>;
}
