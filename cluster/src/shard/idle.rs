//! Instances that receive nothing for a time end: the option `idle` of a worker.
//!
//! Before it: the beginning of a run, and the timer that it sets. After it: `ends`.
//! Guarantees: a message costs nothing, because the timer is only set anew when it fires; the end is a step
//! of history; one in whose mailbox messages wait goes on. Leaves to others: noting when an instance received something (`deliver`, `answers`).

use transport::{Address, HopKind};

use super::hot::Instance;
use super::timers::TimerKind;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::engine::WorkerFacts;
use crate::record::{Idle, InstanceStatus, TurnInput, TurnOutcome};

impl Shard {
    /// Begins to watch an instance whose run begins.
    pub(super) fn watch_idle(&mut self, instance: &mut Instance, facts: &WorkerFacts) {
        // A reactive function ends when nobody reads it.
        let ends = !facts.daemon && !facts.reactive;
        let default_ms = self.limits.idle_ms.filter(|_| ends);
        if let Some(after_ms) = facts.idle_ms.or(default_ms) {
            self.look_again(instance, after_ms);
        }
    }

    fn look_again(&mut self, instance: &mut Instance, after_ms: u64) {
        let record = &mut instance.record;
        let due_ms = record.heard_ms.saturating_add(after_ms);
        record.idle = Some(Idle { after_ms, due_ms });
        self.timers.set(
            &mut *self.store,
            TimerKind::Idle,
            record.slot,
            0,
            due_ms,
            &record.address,
        );
    }

    /// The timer fired: the instance ends, or is looked at again later.
    pub(crate) fn end_if_idle(&mut self, address: &Address) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let record = &mut instance.record;
        let running = record.status == InstanceStatus::Running;
        let due = record.idle.filter(|idle| idle.due_ms <= self.now_ms);
        let (true, Some(idle)) = (running, due) else {
            self.hot.put(place, instance, false);
            return Ok(());
        };
        record.idle = None;
        if record.mailbox.waiting > 0 || record.is_paused {
            record.heard_ms = self.now_ms;
        }
        if record.heard_ms.saturating_add(idle.after_ms) > self.now_ms {
            self.look_again(&mut instance, idle.after_ms);
        } else {
            self.end_in_silence(&mut instance)?;
        }
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Ends a run that nobody needs any more, as a step of its history.
    pub(super) fn end_in_silence(&mut self, instance: &mut Instance) -> Result<(), ShardError> {
        let cause = instance.record.cause.clone();
        let stamp = self.input_stamp(&instance.record, &cause, HopKind::Timer);
        instance.record.step += 1;
        instance.record.cause = stamp.clone();
        self.load_run(instance)?;
        let given = Given::input(stamp, TurnInput::Idle);
        self.note_end_outside(instance, &given, &TurnOutcome::Completed)?;
        self.end_run(instance, InstanceStatus::Completed, None, None)
    }
}
