//! The option `idle` of a local run: an instance that received nothing for that long ends.
//!
//! `routing` says when an instance is started and when it received something; its alarm asks here.
//! One alarm stands for an instance at a time: it is set anew only when it rings.

use super::instances::Instance;
use super::turns::{Alarm, AlarmKind};
use super::{LocalRun, LocalStatus};
use crate::data::{Address, Data};

impl LocalRun<'_> {
    /// Sets the alarm of an instance that was started.
    pub(super) fn watch_idle(&mut self, address: &Address) {
        let Some(idle_ms) = self.idle_ms(address) else {
            return;
        };
        let number = self.next_number();
        let Some(instance) = self.instances.get_mut(address) else {
            return;
        };
        let alarm = Alarm {
            address: address.clone(),
            lives: instance.lives,
            kind: AlarmKind::Idle,
        };
        let due_ms = instance.heard_ms.saturating_add(idle_ms);
        self.timers.insert((due_ms, number), alarm);
    }

    /// An instance received something.
    pub(super) fn heard(&mut self, address: &Address) {
        let now_ms = self.clock_ms;
        if let Some(instance) = self.instances.get_mut(address) {
            instance.heard_ms = now_ms;
        }
    }

    /// The alarm rang: the instance ends, or is watched further.
    pub(super) fn end_if_idle(&mut self, address: &Address) {
        let Some(idle_ms) = self.idle_ms(address) else {
            return;
        };
        let waits = |found: &Instance| !found.mailbox.is_empty();
        if self.instances.get(address).is_some_and(waits) {
            self.heard(address);
        }
        let heard_ms = self.instances.get(address).map(|found| found.heard_ms);
        if heard_ms.is_some_and(|heard_ms| heard_ms.saturating_add(idle_ms) > self.clock_ms) {
            self.watch_idle(address);
        } else {
            self.finish_run(address, LocalStatus::Completed, Data::Undefined, None);
        }
    }

    fn idle_ms(&self, address: &Address) -> Option<u64> {
        self.program.worker(&address.name)?.options.idle_ms
    }
}
