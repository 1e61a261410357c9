//! Messages that an instance cannot take yet: in a delay, while it rests after a failure, or where no
//! branch wants them yet.
//!
//! Before it: `deliver`. After it: `turn`, in the order of arrival.
//! Guarantees: messages are offered in order, and again from the first whenever the instance waits for
//! something else; what does not fit becomes a dead letter; the messages are in the store, so that a full
//! mailbox costs no memory. Leaves to others: refusing at the door.

use transport::Address;

use super::hot::{Instance, Place};
use super::queue::Job;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::codes;
use crate::keys;
use crate::message::Message;
use crate::query::{decode, number_of};
use crate::record::{Failure, InstanceStatus, MessageFate};

impl Shard {
    pub(crate) fn mailbox_put(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        message: Message,
    ) -> Result<(), ShardError> {
        let record = &mut instance.record;
        if record.mailbox.waiting >= self.limits.turn.mailbox_messages {
            let cause = Failure::new(
                codes::MAILBOX_FULL,
                format!(
                    "{} messages wait for {} already (limit `mailbox_messages`)",
                    record.mailbox.waiting, record.address
                ),
            );
            record.mailbox.offered = record.mailbox.offered.min(record.mailbox.next);
            self.hot.put(place, instance, true);
            return self.dead_letter(message, cause, None);
        }
        let bytes = keys::encode_record(&message);
        record.chain = crate::hash::linked(&record.chain, keys::MAILBOX, &bytes);
        self.store
            .put_new(&keys::mailbox(record.slot, record.mailbox.next), bytes);
        record.mailbox.next += 1;
        record.mailbox.waiting += 1;
        self.note_message(&message, MessageFate::Waiting);
        self.queue_wake(&mut instance);
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Keeps a message that no branch of the instance wants yet, at its place.
    pub(crate) fn mailbox_keep(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        given: &Given,
    ) -> Result<(), ShardError> {
        let record = &mut instance.record;
        let Some(message) = given.as_message(&record.address) else {
            self.hot.put(place, instance, true);
            return Ok(());
        };
        let Some(number) = given.number else {
            // It was handed over past an empty mailbox, and has been offered with that.
            record.mailbox.offered = record.mailbox.next + 1;
            return self.mailbox_put(place, instance, message);
        };
        let bytes = keys::encode_record(&message);
        self.store.put(&keys::mailbox(record.slot, number), bytes);
        record.mailbox.first = record.mailbox.first.min(number);
        record.mailbox.waiting += 1;
        record.mailbox.offered = number + 1;
        self.queue_wake(&mut instance);
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Queues a wake-up where messages wait and the instance can take one.
    pub(crate) fn queue_wake(&mut self, instance: &mut Instance) {
        let waiting = instance.record.mailbox.has_more();
        if waiting && !instance.record.wake_queued && instance.is_open() {
            instance.record.wake_queued = true;
            self.push(Job::Wake(instance.record.address.clone()));
        }
    }

    /// Gives an instance the oldest message of its mailbox that it was not offered yet.
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
            Some((number, message)) => {
                let given = Given {
                    number: Some(number),
                    ..Given::message(message)
                };
                self.turn(place, instance, &given)
            }
            None => {
                self.hot.put(place, instance, true);
                Ok(())
            }
        }
    }

    /// Takes the oldest message that was not offered yet, with its number.
    pub(crate) fn mailbox_take(
        &mut self,
        instance: &mut Instance,
    ) -> Result<Option<(u64, Message)>, ShardError> {
        let record = &mut instance.record;
        let mailbox = &mut record.mailbox;
        if !mailbox.has_more() {
            return Ok(None);
        }
        let from = keys::mailbox(record.slot, mailbox.offered.max(mailbox.first));
        let found = match self.store.get(&from)? {
            Some(bytes) => Some((from, bytes)),
            None => {
                let until = keys::mailbox(record.slot, mailbox.next);
                let found = self.store.scan(&from, Some(&until), 1)?;
                let first = found.into_iter().next();
                first.map(|(key, bytes)| (key.to_vec(), bytes))
            }
        };
        let Some((key, bytes)) = found else {
            mailbox.offered = mailbox.next;
            return Ok(None);
        };
        let number = number_of(&key)?;
        mailbox.waiting -= 1;
        if number == mailbox.first {
            mailbox.first += 1;
        }
        self.store.delete(&key);
        Ok(Some((number, decode(&key, &bytes)?)))
    }
}
