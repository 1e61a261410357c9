//! Forgets history where a shard keeps more of it than it may: first that of ended runs, in the order in
//! which their time would be over, then the oldest steps of instances that run.
//!
//! Before it: `Prune`. After it: the store. Guarantees: one command looks at a bounded part and forgets a
//! bounded number of steps; what a run is, what it gave and what it emitted stay; an instance that runs
//! keeps its newest steps. Leaves to others: what history is for (`notes`), the usual end of its time
//! (`retirement`).

use bytes::Bytes;
use transport::Address;

use super::notes::forget_step;
use super::timers::{self, TimerKind};
use super::{Shard, ShardError};
use crate::command::{Prune, PruneFrom};
use crate::keys;
use crate::large;
use crate::outcome::Pruned;
use crate::query::decode;
use crate::record::{InstanceRecord, InstanceStatus};
use crate::store::successor;

/// Timers or instances that one command looks at.
const PRUNED_PAGE: usize = 512;
/// Steps that one command forgets.
const PRUNED_STEPS: u64 = 2048;

impl Shard {
    /// Goes on with a walk.
    pub(crate) fn prune(&mut self, prune: &Prune) -> Result<Pruned, ShardError> {
        // What the commands before it in this entry changed counts too.
        self.fold();
        let before = self.meta.pruned_steps;
        let next = match &prune.from {
            None => self.prune_ended(prune, &[keys::TIMER])?,
            Some(PruneFrom::Ended(from)) => self.prune_ended(prune, from)?,
            Some(PruneFrom::Running(from)) => self.prune_running(prune, from)?,
        };
        let is_enough = self.meta.history_bytes <= prune.keep_bytes;
        Ok(Pruned {
            steps: self.meta.pruned_steps - before,
            history_bytes: self.meta.history_bytes,
            next: next.filter(|_| !is_enough),
        })
    }

    /// The timers that end the time of ended runs are in the order in which those are to go.
    fn prune_ended(&mut self, prune: &Prune, from: &[u8]) -> Result<Option<PruneFrom>, ShardError> {
        let from = from.max(&[keys::TIMER]);
        let page = self
            .store
            .scan(from, Some(&[keys::TIMER + 1]), PRUNED_PAGE)?;
        let mut room = PRUNED_STEPS;
        for (key, bytes) in &page {
            let due = timers::read(key, decode(key, bytes)?);
            if let Some(due) = due.filter(|due| due.kind == TimerKind::Retire) {
                self.prune_run(prune, &due.owner, due.timer, &mut room)?;
            }
            if room == 0 {
                return Ok(Some(PruneFrom::Ended(key.clone())));
            }
        }
        Ok(Some(match page.last() {
            Some((last, _)) if page.len() == PRUNED_PAGE => {
                PruneFrom::Ended(Bytes::from(successor(last)))
            }
            _ => PruneFrom::Running(Bytes::from_static(&[keys::INSTANCE])),
        }))
    }

    /// Forgets steps of the runs of an instance that ended until `ended_ms`.
    fn prune_run(
        &mut self,
        prune: &Prune,
        address: &Address,
        ended_ms: u64,
        room: &mut u64,
    ) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let record = &mut instance.record;
        let ended = record.status != InstanceStatus::Running && record.ended_ms == Some(ended_ms);
        let before = *room;
        while *room > 0
            && self.meta.history_bytes > prune.keep_bytes
            && record.history_first <= record.step
            && (ended || self.oldest_step_ended(record, ended_ms)?)
        {
            self.prune_step(record)?;
            *room -= 1;
        }
        self.hot.put(place, instance, *room < before);
        Ok(())
    }

    /// Halves the history of instances that run, down to the floor: a walk later, again.
    fn prune_running(
        &mut self,
        prune: &Prune,
        from: &[u8],
    ) -> Result<Option<PruneFrom>, ShardError> {
        let from = from.max(&[keys::INSTANCE]);
        let page = self
            .store
            .scan(from, Some(&[keys::INSTANCE + 1]), PRUNED_PAGE)?;
        let mut room = PRUNED_STEPS;
        let (count, last) = (page.len(), page.last().map(|(key, _)| key.clone()));
        for (key, bytes) in page {
            let (bytes, _) = large::whole(&*self.store, &key, bytes)?;
            let stored: InstanceRecord = decode(&key, &bytes)?;
            let Some((place, mut instance)) = self.take(&stored.address)? else {
                continue;
            };
            let record = &mut instance.record;
            let kept = (record.step + 1).saturating_sub(record.history_first);
            let stays = (kept / 2).max(prune.floor_steps);
            let runs = record.status == InstanceStatus::Running;
            let mut left = kept.saturating_sub(stays).min(room);
            let goes = runs && left > 0 && self.meta.history_bytes > prune.keep_bytes;
            while goes && left > 0 && self.meta.history_bytes > prune.keep_bytes {
                self.prune_step(record)?;
                left -= 1;
                room -= 1;
            }
            self.hot.put(place, instance, goes);
            if room == 0 {
                return Ok(Some(PruneFrom::Running(Bytes::from(successor(&key)))));
            }
        }
        let last = last.filter(|_| count == PRUNED_PAGE);
        Ok(last.map(|last| PruneFrom::Running(Bytes::from(successor(&last)))))
    }

    fn prune_step(&mut self, record: &mut InstanceRecord) -> Result<(), ShardError> {
        self.meta.pruned_steps += 1;
        forget_step(&mut *self.store, &mut self.meta, record)
    }
}
