//! External services: one queue for each name, at the home shard of the name. Built-in services:
//! one queue for each name in every shard, for what its own workers send.
//!
//! Before it: messages to a name that no worker serves. After it: the leader's driver, which asks
//! on the bus or performs what is built in, and `EffectDone`. Guarantees: a message is asked again
//! until it is acknowledged or its time to live ends; a silent service rests longer each time and
//! blocks no other.
//! Leaves to others: the bus, and what a service does with a message that comes twice.

use std::collections::BTreeMap;

use transport::{Address, MessageId};

use super::{Shard, ShardError};
use crate::action::{Action, ServiceCall};
use crate::builtin::BuiltIn;
use crate::codes;
use crate::keys;
use crate::message::Message;
use crate::query::{decode, number_of};
use crate::record::{Failure, MessageFate, ServiceItem, ServiceRecord};
use crate::shard::timers::TimerKind;
use crate::store::{StateRead, StateStore};

/// One service in memory.
pub(crate) struct Service {
    pub(crate) record: ServiceRecord,
    /// The first messages of the queue, which the driver may ask at a time.
    window: BTreeMap<u64, ServiceItem>,
    changed: bool,
}

/// All services whose home this shard is.
#[derive(Default)]
pub(crate) struct Services {
    all: BTreeMap<Address, Service>,
}

impl Services {
    pub(crate) fn load(store: &dyn StateRead, window: u64) -> Result<Services, ShardError> {
        let mut services = Services::default();
        for (key, bytes) in super::scan_all(store, keys::SERVICE)? {
            let record: ServiceRecord = decode(&key, &bytes)?;
            let mut service = Service {
                record,
                window: BTreeMap::new(),
                changed: false,
            };
            service.fill(store, window)?;
            let address = service.record.service.clone();
            services.all.insert(address, service);
        }
        Ok(services)
    }

    pub(crate) fn write(&mut self, store: &mut dyn StateStore) {
        for (address, service) in &mut self.all {
            if std::mem::take(&mut service.changed) {
                store.put(
                    &keys::service(address),
                    keys::encode_record(&service.record),
                );
            }
        }
    }

    /// What the driver may ask now.
    pub(crate) fn owed(&self) -> Vec<Action> {
        let awake = self
            .all
            .values()
            .filter(|service| service.record.rests_until_ms.is_none());
        awake.flat_map(|service| service.calls(0)).collect()
    }

    pub(crate) fn hash(&self, hasher: &mut blake3::Hasher) {
        for service in self.all.values() {
            hasher.update(&keys::encode_record(&service.record));
        }
    }
}

impl Service {
    /// Fills the window from the queue. Returns the first number that came into it.
    fn fill(&mut self, store: &dyn StateRead, width: u64) -> Result<u64, ShardError> {
        let after = self.window.last_key_value().map_or(0, |(last, _)| *last);
        let room = width.saturating_sub(self.window.len() as u64) as usize;
        let slot = self.record.slot;
        if room > 0 && self.record.waiting > self.window.len() as u64 {
            let from = keys::service_item(slot, after + 1);
            let until = keys::service_item(slot, u64::MAX);
            for (key, bytes) in store.scan(&from, Some(&until), room)? {
                self.window.insert(number_of(&key)?, decode(&key, &bytes)?);
            }
        }
        Ok(after + 1)
    }

    fn calls(&self, from: u64) -> Vec<Action> {
        let items = self.window.range(from..).map(|(_, item)| item);
        let call = |item: &ServiceItem| {
            Action::Perform(ServiceCall {
                service: self.record.service.clone(),
                stamp: item.message.stamp.clone(),
                from: item.message.from.clone(),
                body: item.message.body.clone(),
                attempt: item.attempts,
                expires_ms: item.expires_ms,
            })
        };
        items.map(call).collect()
    }
}

impl Shard {
    /// Whether a message is for a built-in service. Every shard has a queue of its own for each, so
    /// that no shard performs the input and output of all; where a worker has the name, the name is
    /// routed as any other.
    pub(crate) fn is_performed_here(&self, to: &Address) -> bool {
        to.key().is_none() && BuiltIn::of(to.name()).is_some() && self.programs.active(to).is_none()
    }

    /// Puts a message into the queue of the service of its target's name.
    pub(crate) fn service_put(&mut self, message: Message) -> Result<(), ShardError> {
        let name = message.to.without_key();
        if !self.services.all.contains_key(&name) {
            self.meta.slots += 1;
            let record = ServiceRecord {
                service: name.clone(),
                slot: self.meta.slots,
                next: 1,
                waiting: 0,
                failures: 0,
                rests_until_ms: None,
            };
            let service = Service {
                record,
                window: BTreeMap::new(),
                changed: true,
            };
            self.services.all.insert(name.clone(), service);
        }
        let Some(service) = self.services.all.get_mut(&name) else {
            return Ok(());
        };
        if service.record.waiting >= self.limits.service_queue {
            let cause = Failure::new(
                codes::SERVICE_FULL,
                format!(
                    "{} messages wait for the service {name} already (limit `service_queue`)",
                    service.record.waiting
                ),
            );
            return self.dead_letter(message, cause, None);
        }
        let item = ServiceItem {
            expires_ms: self
                .now_ms
                .saturating_add(self.limits.service_time_to_live_ms),
            attempts: 0,
            message,
        };
        let bytes = keys::encode_record(&item);
        self.meta.link(keys::SERVICE_ITEM, &bytes);
        self.store.put(
            &keys::service_item(service.record.slot, service.record.next),
            bytes,
        );
        service.record.next += 1;
        service.record.waiting += 1;
        service.changed = true;
        let message = item.message;
        self.note_message(&message, MessageFate::Service { attempts: 0 });
        self.service_ask(&name)
    }

    /// Fills the window and asks what came into it, unless the service rests.
    fn service_ask(&mut self, name: &Address) -> Result<(), ShardError> {
        let Some(service) = self.services.all.get_mut(name) else {
            return Ok(());
        };
        let first = service.fill(&*self.store, self.limits.service_window)?;
        if service.record.rests_until_ms.is_none() {
            let calls = service.calls(first);
            self.actions.extend(calls);
        }
        Ok(())
    }

    /// The service acknowledged a message. Returns the message where it still waited.
    pub(crate) fn service_done(
        &mut self,
        name: &Address,
        id: MessageId,
    ) -> Result<Option<Message>, ShardError> {
        let Some((number, item)) = self.service_find(name, id) else {
            return Ok(None);
        };
        let Some(service) = self.services.all.get_mut(name) else {
            return Ok(None);
        };
        service.record.failures = 0;
        let rested = service.record.rests_until_ms.take();
        let slot = service.record.slot;
        service.changed = true;
        if let Some(due_ms) = rested {
            self.timers
                .cancel(&mut *self.store, TimerKind::Service, slot, 0, due_ms);
        }
        self.service_remove(name, number);
        if let (Some(_), Some(service)) = (rested, self.services.all.get(name)) {
            let calls = service.calls(0);
            self.actions.extend(calls);
        }
        self.service_ask(name)?;
        Ok(Some(item.message))
    }

    /// The service stayed silent: rest, and ask again unless the message's time is over.
    pub(crate) fn service_silent(
        &mut self,
        name: &Address,
        id: MessageId,
        reason: &str,
    ) -> Result<(), ShardError> {
        let Some((number, mut item)) = self.service_find(name, id) else {
            return Ok(());
        };
        item.attempts += 1;
        if item.expires_ms <= self.now_ms {
            self.service_remove(name, number);
            let cause = Failure::new(
                codes::SERVICE_SILENT,
                format!(
                    "the service {name} did not acknowledge the message in {} attempts: {reason}",
                    item.attempts
                ),
            );
            self.dead_letter(item.message, cause, None)?;
            return self.service_ask(name);
        }
        let Some(service) = self.services.all.get_mut(name) else {
            return Ok(());
        };
        let slot = service.record.slot;
        let bytes = keys::encode_record(&item);
        self.meta.link(keys::SERVICE_ITEM, &bytes);
        self.store.put(&keys::service_item(slot, number), bytes);
        let attempts = item.attempts;
        let message = item.message.clone();
        service.window.insert(number, item);
        service.changed = true;
        // Silences of one window count once.
        if service.record.rests_until_ms.is_none() {
            service.record.failures += 1;
            let doublings = service.record.failures.min(32) - 1;
            let rest_ms = self
                .limits
                .service_backoff_min_ms
                .saturating_mul(1 << doublings)
                .min(self.limits.service_backoff_max_ms);
            let due_ms = self.now_ms.saturating_add(rest_ms);
            service.record.rests_until_ms = Some(due_ms);
            self.timers
                .set(&mut *self.store, TimerKind::Service, slot, 0, due_ms, name);
        }
        self.note_still_waiting(&message, attempts)
    }

    /// The message can never be sent to the service: it is given up, and those behind it go on.
    pub(crate) fn service_too_large(
        &mut self,
        name: &Address,
        id: MessageId,
        reason: &str,
    ) -> Result<(), ShardError> {
        let Some((number, item)) = self.service_find(name, id) else {
            return Ok(());
        };
        self.service_remove(name, number);
        let cause = Failure::new(
            codes::TOO_LARGE,
            format!("the message cannot be sent to the service {name}: {reason}"),
        );
        self.dead_letter(item.message, cause, None)?;
        self.service_ask(name)
    }

    /// The rest after a silence is over.
    pub(crate) fn service_rested(&mut self, name: &Address) -> Result<(), ShardError> {
        let now_ms = self.now_ms;
        let Some(service) = self.services.all.get_mut(name) else {
            return Ok(());
        };
        if service.record.rests_until_ms.is_none_or(|due| due > now_ms) {
            return Ok(());
        }
        service.record.rests_until_ms = None;
        service.changed = true;
        let calls = service.calls(0);
        self.actions.extend(calls);
        self.service_ask(name)
    }

    /// Takes all messages out of the queue of a name that a worker serves from now on.
    pub(crate) fn service_drain(&mut self, name: &Address) -> Result<Vec<Message>, ShardError> {
        let Some(mut service) = self.services.all.remove(name) else {
            return Ok(Vec::new());
        };
        let slot = service.record.slot;
        if let Some(due_ms) = service.record.rests_until_ms.take() {
            self.timers
                .cancel(&mut *self.store, TimerKind::Service, slot, 0, due_ms);
        }
        self.store.delete(&keys::service(name));
        let from = keys::service_item(slot, 0);
        let until = keys::service_item(slot, u64::MAX);
        let mut messages = Vec::new();
        for (key, bytes) in super::scan_range(&*self.store, from, &until)? {
            let item: ServiceItem = decode(&key, &bytes)?;
            self.store.delete(&key);
            messages.push(item.message);
        }
        Ok(messages)
    }

    fn service_find(&self, name: &Address, id: MessageId) -> Option<(u64, ServiceItem)> {
        let service = self.services.all.get(name)?;
        let found = service
            .window
            .iter()
            .find(|(_, item)| item.message.stamp.id == id);
        found.map(|(number, item)| (*number, item.clone()))
    }

    fn service_remove(&mut self, name: &Address, number: u64) {
        if let Some(service) = self.services.all.get_mut(name) {
            service.window.remove(&number);
            service.record.waiting -= 1;
            service.changed = true;
            self.meta.link(keys::SERVICE_ITEM, &number.to_be_bytes());
            self.store
                .delete(&keys::service_item(service.record.slot, number));
        }
    }
}
