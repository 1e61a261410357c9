//! The run queue: what is to be delivered inside the shard, first in, first out.
//!
//! Before it: commands and effects. After it: `jobs`, which runs them until a command's budget is
//! spent. Guarantees: the order is part of the state; what is left after an entry is stored, and
//! stored only then. Leaves to others: what a job does.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use transport::{Address, Stamp};

use super::ShardError;
use super::meta::Meta;
use crate::keys;
use crate::message::Parcel;
use crate::query::{decode, number_of};
use crate::store::{StateRead, StateStore};

/// One thing to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Hand over a message, start or end.
    Parcel(Parcel),
    /// Take the next message from a mailbox.
    Wake(Address),
    /// A timer of an instance is due.
    Timer {
        /// The instance.
        instance: Address,
        /// The worker's number of the timer.
        timer: u64,
        /// The input in whose turn it was set.
        cause: Stamp,
    },
    /// An instance has rested after a failure.
    Rested(Address),
    /// A service has rested, or has room in its window.
    Service(Address),
    /// What an ended run left may go.
    Retire {
        /// The instance.
        instance: Address,
        /// When the run ended, in milliseconds of shard time.
        ended_ms: u64,
    },
    /// An instance may have received nothing for too long.
    Idle(Address),
    /// A time of the schedule of a name has come.
    Tick(Address),
    /// A reactive function may have had no reader for long enough.
    Unread(Address),
    /// The name of a reactive function that is read was given to a program.
    Renew(Address),
}

/// The queue.
#[derive(Default)]
pub(crate) struct RunQueue {
    jobs: VecDeque<(u64, Job)>,
    /// Jobs with numbers below it are stored.
    stored_below: u64,
}

impl RunQueue {
    pub(crate) fn load(store: &dyn StateRead) -> Result<RunQueue, ShardError> {
        const PAGE: usize = 1000;
        let mut queue = RunQueue::default();
        let mut from = vec![keys::QUEUE];
        loop {
            let page = store.scan(&from, Some(&[keys::QUEUE + 1]), PAGE)?;
            for (key, bytes) in &page {
                let number = number_of(key)?;
                queue.jobs.push_back((number, decode(key, bytes)?));
                queue.stored_below = number + 1;
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE => from = crate::store::successor(key),
                _ => return Ok(queue),
            }
        }
    }

    pub(crate) fn push(&mut self, meta: &mut Meta, job: Job) {
        self.jobs.push_back((meta.queue_next, job));
        meta.queue_next += 1;
    }

    pub(crate) fn pop(&mut self, store: &mut dyn StateStore) -> Option<Job> {
        let (number, job) = self.jobs.pop_front()?;
        if number < self.stored_below {
            store.delete(&keys::queue(number));
        }
        Some(job)
    }

    /// Stores what an entry left.
    pub(crate) fn write(&mut self, store: &mut dyn StateStore) {
        let fresh = self
            .jobs
            .iter()
            .rev()
            .take_while(|(number, _)| *number >= self.stored_below);
        for (number, job) in fresh {
            store.put_new(&keys::queue(*number), keys::encode_record(job));
        }
        if let Some((number, _)) = self.jobs.back() {
            self.stored_below = number + 1;
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.jobs.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &(u64, Job)> {
        self.jobs.iter()
    }
}
