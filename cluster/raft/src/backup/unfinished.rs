//! Backups of which not all has arrived, so that whoever lost the connection goes on where a group began. The
//! reading of a backup (`making`) notes how far it is; the door that is asked to go on looks here. Guarantees: what
//! follows is exactly what would have followed. Left to others: that the nodes still hold the parts (`hold`), which they
//! do as long as these notes are kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::store::GroupId;
use tokio::time::Instant;

use super::format::Head;
use crate::types::NodeId;

/// How long it is kept, and what is held for it, where nobody asks for it.
pub(super) const KEPT: Duration = Duration::from_secs(300);

/// Where a group's part of the file begins.
#[derive(Clone)]
pub(super) struct Beginning {
    /// Bytes of the file before it.
    pub(super) offset: u64,
    /// Their hash, unfinished.
    pub(super) hasher: blake3::Hasher,
}

/// What is needed to go on with a backup.
#[derive(Clone)]
pub(super) struct Unfinished {
    pub(super) head: Head,
    /// All groups of the file in order, each with the node that holds it.
    pub(super) groups: Vec<(GroupId, NodeId)>,
    /// Of those that were begun.
    pub(super) begun: Vec<Beginning>,
    used: Instant,
}

/// The backups that this node reads or has stopped reading.
#[derive(Default)]
pub(super) struct UnfinishedBackups(Mutex<BTreeMap<u64, Unfinished>>);

impl UnfinishedBackups {
    fn notes(&self) -> MutexGuard<'_, BTreeMap<u64, Unfinished>> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.retain(|_, one| one.used.elapsed() <= KEPT);
        notes
    }

    /// Notes a backup of which nothing has been given.
    pub(super) fn begin(&self, head: &Head, groups: &[(GroupId, NodeId)]) {
        let unfinished = Unfinished {
            head: head.clone(),
            groups: groups.to_vec(),
            begun: Vec::new(),
            used: Instant::now(),
        };
        self.notes().insert(head.cut, unfinished);
    }

    /// Notes where group `number` of the file begins.
    pub(super) fn reached(&self, cut: u64, number: usize, at: &Beginning) {
        if let Some(one) = self.notes().get_mut(&cut)
            && one.begun.len() == number
        {
            one.begun.push(at.clone());
        }
    }

    /// Says that somebody reads it.
    pub(super) fn used(&self, cut: u64) {
        if let Some(one) = self.notes().get_mut(&cut) {
            one.used = Instant::now();
        }
    }

    /// Forgets a backup; gives its groups, each with the node that holds it.
    pub(super) fn finished(&self, cut: u64) -> Option<Vec<(GroupId, NodeId)>> {
        self.notes().remove(&cut).map(|one| one.groups)
    }

    /// What is known of a backup, and the number of its group that begins at that byte of the file.
    pub(super) fn at(&self, cut: u64, offset: u64) -> Option<(Unfinished, usize)> {
        let notes = self.notes();
        let one = notes.get(&cut)?;
        let number = one.begun.iter().position(|at| at.offset == offset)?;
        Some((one.clone(), number))
    }
}
