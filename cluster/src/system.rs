//! The state machine of the system group: members, shard map, programs, names, settings.
//!
//! Before it: the door (deploy), bootstrap and the placement controller, which propose commands.
//! After it: every node, which reads [`SystemState`]; the controller, which carries moves out.
//! Guarantees: `apply` is the only mutator, closed over its own state, equal on every replica.
//! Leaves to others: who is alive (not logged), moving data, installing programs in shards.

mod command;
mod members;
mod programs;
mod restored;
mod shards;
mod state;

#[cfg(test)]
mod tests;

pub use command::{
    ActivateNames, Initialise, SystemCommand, SystemEntry, SystemOutcome, SystemSettings,
};
pub use restored::Restored;
pub use state::{
    ActiveName, Member, MemberState, ProgramInfo, Semantics, ShardAssignment, SystemError,
    SystemState,
};

use crate::message::ProgramId;
use crate::outcome::{Refusal, StateHash};
use crate::store::StateStore;

/// The system group's state over its store.
pub struct System {
    state: SystemState,
    store: Box<dyn StateStore>,
}

impl System {
    /// Reads the state from the store; empty where nothing was applied yet.
    ///
    /// # Errors
    ///
    /// The store's, and `Corrupt` for records that this version cannot read.
    pub fn open(store: Box<dyn StateStore>) -> Result<System, SystemError> {
        let state = state::load(&*store)?;
        Ok(System { state, store })
    }

    /// Applies one entry. The caller then adds its own keys (below
    /// [`crate::keys::ADAPTER_PREFIX`]) and commits the unit under the entry's index.
    ///
    /// # Errors
    ///
    /// The store's. A command that cannot be done is no error but refused in its outcome.
    pub fn apply(&mut self, entry: &SystemEntry) -> Result<Vec<SystemOutcome>, SystemError> {
        let now_ms = entry.stamp.time_ms.max(self.state.time_ms);
        self.state.time_ms = now_ms;
        let mut outcomes = Vec::with_capacity(entry.commands.len());
        for command in &entry.commands {
            let outcome = match self.apply_command(command) {
                Ok(()) => {
                    self.state.version += 1;
                    SystemOutcome::Done {
                        version: self.state.version,
                    }
                }
                Err(refusal) => SystemOutcome::Refused(refusal),
            };
            outcomes.push(outcome);
        }
        state::save_meta(&self.state, &mut *self.store)?;
        Ok(outcomes)
    }

    fn apply_command(&mut self, command: &SystemCommand) -> Result<(), Refusal> {
        let store = &mut *self.store;
        match command {
            SystemCommand::Initialise(first) => members::initialise(&mut self.state, store, first),
            SystemCommand::Join(member) => members::join(&mut self.state, store, member),
            SystemCommand::SetMemberState { node, state } => {
                members::set_state(&mut self.state, store, *node, *state)
            }
            SystemCommand::Remove { node } => members::remove(&mut self.state, store, *node),
            SystemCommand::Configure(settings) => members::configure(&mut self.state, settings),
            SystemCommand::Assign { shard, replicas } => {
                shards::assign(&mut self.state, store, *shard, replicas)
            }
            SystemCommand::ShardCreated { shard } => {
                shards::created(&mut self.state, store, *shard)
            }
            SystemCommand::BeginMove { step, reason } => {
                shards::begin_move(&mut self.state, store, *step, *reason)
            }
            SystemCommand::EndMove { step, done } => {
                shards::end_move(&mut self.state, store, *step, *done)
            }
            SystemCommand::InstallProgram { program } => {
                programs::install(&mut self.state, store, program)
            }
            SystemCommand::ActivateNames(change) => {
                programs::activate(&mut self.state, store, change)
            }
            SystemCommand::Recover {
                shard,
                incarnation,
                from,
            } => shards::recover(&mut self.state, store, (*shard, *incarnation), *from),
            SystemCommand::RaiseSemantics { to } => members::raise_semantics(&mut self.state, *to),
            SystemCommand::Place(places) => shards::place(&mut self.state, store, places),
        }
    }

    /// Makes the state that of another cluster, which goes on from it on one node. The caller closes the unit.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn restore(&mut self, restored: &Restored) -> Result<(), SystemError> {
        restored::apply(&mut self.state, &mut *self.store, restored);
        state::save_meta(&self.state, &mut *self.store)
    }

    /// What is known now.
    #[must_use]
    pub fn state(&self) -> &SystemState {
        &self.state
    }

    /// The bytes of a program.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn program(&self, program: ProgramId) -> Result<Option<bytes::Bytes>, SystemError> {
        programs::read(&*self.store, program)
    }

    /// The hash of the state, equal on all replicas that applied the same entries.
    #[must_use]
    pub fn state_hash(&self) -> StateHash {
        self.state.hash()
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
