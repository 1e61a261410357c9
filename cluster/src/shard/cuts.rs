//! Cuts of a shard: where they are in its log, and the state at one, computed from an earlier state and the
//! entries since.
//!
//! Before it: the command `Cut`; a restore, which has the earlier state and the entries. After it: the state of
//! that moment, which a new cluster takes over.
//! Guarantees: the state is the one that every replica had before the command that made the cut, to the byte.
//! Leaves to others: how cuts of several shards fit together (`cut`), new lives (`lives`).

use transport::ClusterId;

use super::{Shard, ShardError};
use crate::command::{Activate, Command, Install};
use crate::entry::Entry;
use crate::keys;
use crate::query;
use crate::system::{System, SystemError};

/// Why it cannot be said what a shard lacks.
#[derive(Debug, thiserror::Error)]
pub enum LackError {
    /// The shard's state.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The system group's.
    #[error(transparent)]
    System(#[from] SystemError),
}

impl Shard {
    pub(crate) fn cut(&mut self, number: u64) {
        if number > self.last_cut {
            self.last_cut = number;
            self.store.put(&[keys::CUT], keys::encode_record(&number));
        }
    }

    /// The number of the last cut that the shard has made; 0 before the first.
    #[must_use]
    pub fn last_cut(&self) -> u64 {
        self.last_cut
    }

    /// As [`Shard::apply`], of an entry that has led to a backup, but only as far as the cut `number`. True where
    /// the entry makes it. Nothing of what leaders do follows from it: it is done already, or owed by the state.
    ///
    /// # Errors
    ///
    /// As of [`Shard::apply`].
    pub fn apply_until_cut(
        &mut self,
        index: u64,
        entry: &Entry,
        number: u64,
    ) -> Result<bool, ShardError> {
        let makes = |command: &Command| matches!(command, Command::Cut(cut) if *cut >= number);
        #[cfg(feature = "mutants")]
        if self.is_mutant(super::Mutant::ForgetTail) {
            let nothing = Entry {
                stamp: entry.stamp,
                commands: Vec::new(),
            };
            self.apply(index, &nothing)?;
            return Ok(entry.commands.iter().any(makes));
        }
        let Some(at) = entry.commands.iter().position(makes) else {
            self.apply(index, entry)?;
            return Ok(false);
        };
        let before = Entry {
            stamp: entry.stamp,
            commands: entry.commands[..at].to_vec(),
        };
        self.apply(index, &before)?;
        Ok(true)
    }

    /// Makes the state that of another cluster, which goes on from it. Its life has to begin yet.
    pub fn adopt(&mut self, cluster: ClusterId) {
        self.identity.cluster = cluster;
        self.meta.identity = self.identity;
        self.store
            .put(&[keys::META], keys::encode_record(&self.meta));
    }

    /// The commands that bring the programs and names of `system` to this shard, where they had not come to it: a
    /// deploy was under way at the cut.
    ///
    /// # Errors
    ///
    /// The stores', or corrupt records.
    pub fn lacks(&self, system: &System) -> Result<Vec<Command>, LackError> {
        let state = system.state();
        let mut lacking = Vec::new();
        for id in state.programs.keys() {
            let held = query::installed_program(&*self.store, *id).map_err(ShardError::from)?;
            if held.is_none()
                && let Some(program) = system.program(*id)?
            {
                lacking.push(Command::Install(Install { program }));
            }
        }
        for ((namespace, name), active) in &state.names {
            let own = query::active_program(&*self.store, namespace, name);
            if own.map_err(ShardError::from)? != Some(active.program) {
                lacking.push(Command::Activate(Activate {
                    namespace: namespace.clone(),
                    version: active.version,
                    names: vec![(name.clone(), active.program)],
                    removed: Vec::new(),
                }));
            }
        }
        for (namespace, name) in self.programs.active_names() {
            if state.names.contains_key(&(namespace.clone(), name.clone())) {
                continue;
            }
            lacking.push(Command::Activate(Activate {
                namespace: namespace.clone(),
                version: state.version,
                names: Vec::new(),
                removed: vec![name.clone()],
            }));
        }
        Ok(lacking)
    }
}
