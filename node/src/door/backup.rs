//! A backup of the whole cluster, as an operator asks for it. Comes after the HTTP handler; before the cut of all
//! shards, and the nodes that hold their states. Guarantees: what is given is a whole file, or ends with an error.
//! Leaves to others: the cut and the bytes (`cluster_raft::backup`), keeping them (the client).

use cluster::codes;
use cluster::outcome::Refusal;
use cluster_raft::backup::Backup;

use super::{Door, DoorError};

/// When it is worth trying again: an election is over by then.
const RETRY_AFTER_MS: u64 = 1_000;

impl Door {
    /// Makes the cut of a backup; its bytes are read from what is returned.
    ///
    /// # Errors
    /// `E-backup-failed`: a shard has no leader, or something changed again and again meanwhile.
    pub async fn backup(&self) -> Result<Backup, DoorError> {
        let begun = self.groups().begin_backup(env!("CARGO_PKG_VERSION")).await;
        begun.map_err(|error| {
            DoorError::Refused(Refusal {
                code: codes::BACKUP_FAILED.to_owned(),
                message: error.to_string(),
                retry_after_ms: Some(RETRY_AFTER_MS),
            })
        })
    }

    /// Lets go what is held for a backup of this node that has arrived.
    ///
    /// # Errors
    /// `E-backup-gone`: nothing is held of it.
    pub fn release_backup(&self, cut: u64) -> Result<(), DoorError> {
        match self.groups().release_backup(cut) {
            true => Ok(()),
            false => Err(gone(format!("this node holds nothing of backup {cut}"))),
        }
    }

    /// Goes on with a backup that this node began and whose reader was lost, at that byte of the file.
    ///
    /// # Errors
    /// `E-backup-gone`: nothing is held of it any more, or none of its parts begins there.
    pub fn resume_backup(&self, cut: u64, from: u64) -> Result<Backup, DoorError> {
        let resumed = self.groups().resume_backup(cut, from);
        resumed.map_err(|error| gone(error.to_string()))
    }
}

fn gone(reason: String) -> DoorError {
    DoorError::Refused(Refusal::new(codes::BACKUP_GONE, reason))
}
