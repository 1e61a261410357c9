//! Cuts of a shard: where they are in its log, and the state at one, computed from an earlier state and the
//! entries since.
//!
//! Before it: the command `Cut`; a restore, which has the earlier state and the entries. After it: the state of
//! that moment, which a new cluster takes over.
//! Guarantees: the state is the one that every replica had before the command that made the cut, to the byte.
//! Leaves to others: how cuts of several shards fit together (`cut`), new lives (`lives`).

use transport::ClusterId;

use super::{Shard, ShardError};
use crate::command::Command;
use crate::entry::Entry;
use crate::keys;

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
}
