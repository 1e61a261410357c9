//! Messages that an instance cannot take yet: in a delay, or while it rests after a failure.
//!
//! Before it: `deliver`. After it: `turn`, in the order of arrival.
//! Guarantees: no message passes another; what does not fit becomes a dead letter; the messages are
//! in the store, so that a full mailbox costs no memory. Leaves to others: refusing at the door.

use transport::Address;

use super::hot::{Instance, Place};
use super::queue::Job;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::codes;
use crate::keys;
use crate::message::Message;
use crate::query::decode;
use crate::record::{Failure, InstanceStatus, MessageFate};

impl Shard {
    pub(crate) fn mailbox_put(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        message: Message,
    ) -> Result<(), ShardError> {
        let record = &mut instance.record;
        if record.mailbox.len() >= self.limits.turn.mailbox_messages {
            let cause = Failure::new(
                codes::MAILBOX_FULL,
                format!(
                    "{} messages wait for {} already (limit `mailbox_messages`)",
                    record.mailbox.len(),
                    record.address
                ),
            );
            self.hot.put(place, instance, false);
            return self.dead_letter(message, cause, None);
        }
        let bytes = keys::encode_record(&message);
        record.chain = super::meta::linked(&record.chain, keys::MAILBOX, &bytes);
        self.store
            .put(&keys::mailbox(record.slot, record.mailbox.next), bytes);
        record.mailbox.next += 1;
        self.note_message(&message, MessageFate::Waiting);
        self.queue_wake(&mut instance);
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Queues a wake-up where messages wait and the instance can take one.
    pub(crate) fn queue_wake(&mut self, instance: &mut Instance) {
        let waiting = !instance.record.mailbox.is_empty();
        if waiting && !instance.record.wake_queued && instance.is_open() {
            instance.record.wake_queued = true;
            self.push(Job::Wake(instance.record.address.clone()));
        }
    }

    /// Gives an instance the oldest message of its mailbox.
    pub(crate) fn wake(&mut self, address: &Address) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        instance.record.wake_queued = false;
        if instance.record.status == InstanceStatus::Running {
            self.load_run(&mut instance)?;
        }
        if !instance.is_open() {
            self.hot.put(place, instance, true);
            return Ok(());
        }
        match self.mailbox_take(&mut instance)? {
            Some(message) => self.turn(place, instance, &Given::message(message)),
            None => {
                self.hot.put(place, instance, true);
                Ok(())
            }
        }
    }

    pub(crate) fn mailbox_take(
        &mut self,
        instance: &mut Instance,
    ) -> Result<Option<Message>, ShardError> {
        let record = &mut instance.record;
        if record.mailbox.is_empty() {
            return Ok(None);
        }
        let key = keys::mailbox(record.slot, record.mailbox.first);
        record.mailbox.first += 1;
        let Some(bytes) = self.store.get(&key)? else {
            return Ok(None);
        };
        self.store.delete(&key);
        Ok(Some(decode(&key, &bytes)?))
    }
}
