//! What an ended run left is kept for a while, and then goes: its history, its output, the instance.
//!
//! Before it: the end of a run, and the timer that it sets. After it: the store.
//! Guarantees: one job removes a bounded part; of an instance that runs again only the steps of runs go
//! that ended long enough ago. Leaves to others: how long that is (`retention` of the worker, or `ended_ms`).

use transport::Address;

use super::hot::Instance;
use super::notes::forget_step;
use super::queue::Job;
use super::timers::TimerKind;
use super::{Shard, ShardError};
use crate::keys;
use crate::query::decode;
use crate::record::{HistoryRecord, InstanceRecord, InstanceStatus};

/// Steps and values that one job removes.
const RETIRED_PER_JOB: u64 = 256;

impl Shard {
    /// Sets the timer of a run that ends now.
    pub(super) fn keep_for_a_while(&mut self, instance: &Instance) -> Result<(), ShardError> {
        let facts = self.program_of(instance)?.worker(&instance.record.worker);
        let kept_ms = facts.and_then(|facts| facts.retention_ms);
        let due_ms = self
            .now_ms
            .saturating_add(kept_ms.unwrap_or(self.limits.ended_ms));
        self.timers.set(
            &mut *self.store,
            TimerKind::Retire,
            instance.record.slot,
            self.now_ms,
            due_ms,
            &instance.record.address,
        );
        Ok(())
    }

    /// Removes what is left of the runs of an instance that ended until `ended_ms`.
    pub(crate) fn retire(&mut self, address: &Address, ended_ms: u64) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let record = &mut instance.record;
        let ended = record.status != InstanceStatus::Running && record.ended_ms == Some(ended_ms);
        let mut room = RETIRED_PER_JOB;
        while room > 0 && (ended || self.oldest_step_ended(record, ended_ms)?) {
            if record.history_first > record.step {
                break;
            }
            forget_step(&mut *self.store, &mut self.meta, record)?;
            room -= 1;
        }
        while ended && room > 0 && !record.output.is_empty() {
            self.store
                .delete(&keys::output(record.slot, record.output.first));
            record.output.first += 1;
            room -= 1;
        }
        if room == 0 {
            let instance_address = record.address.clone();
            self.hot.put(place, instance, true);
            self.push(Job::Retire {
                instance: instance_address,
                ended_ms,
            });
        } else if ended {
            let cause = instance.record.cause.clone();
            self.hot
                .remove(place, &instance, &mut *self.store, &mut self.meta);
            self.tell_removed(address, &cause)?;
        } else {
            self.hot.put(place, instance, true);
        }
        Ok(())
    }

    /// Whether the oldest step belongs to a run before the present or last one, that ended until then.
    pub(super) fn oldest_step_ended(
        &self,
        record: &InstanceRecord,
        ended_ms: u64,
    ) -> Result<bool, ShardError> {
        let key = keys::history(record.slot, record.history_first);
        let Some(bytes) = self.store.get(&key)? else {
            return Ok(false);
        };
        let oldest: HistoryRecord = decode(&key, &bytes)?;
        Ok(oldest.run != record.run && oldest.time_ms <= ended_ms)
    }
}
