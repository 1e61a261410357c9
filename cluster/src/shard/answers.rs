//! Hands a reply to the instance whose call waits for it.
//!
//! Before it: `deliver`, and the end of a rest. After it: `turn`.
//! Guarantees: a reply passes the mailbox, starts no run, and is given again after the rest when its
//! turn failed, because the worker is back at its call. Leaves to others: whether the call still waits
//! (`engine`).

use transport::Address;
use vm::{CallId, Intent};

use super::hot::{Instance, Place};
use super::turn::Given;
use super::{Shard, ShardError};
use crate::codes;
use crate::message::Message;
use crate::record::{Failure, InstanceRecord, InstanceStatus, MessageFate};

impl Shard {
    /// Gives a reply to the instance that called, or keeps it while that rests.
    pub(crate) fn answer(&mut self, call: CallId, message: Message) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(&message.to)? else {
            let cause = Failure::new(
                codes::UNKNOWN_INSTANCE,
                format!("there is no instance {}", message.to),
            );
            return self.dead_letter(message, cause, None);
        };
        if instance.record.status != InstanceStatus::Running {
            let cause = Failure::new(
                codes::ENDED,
                format!(
                    "{} is {}, and a reply does not start it again",
                    message.to,
                    instance.record.status.as_str()
                ),
            );
            self.hot.put(place, instance, false);
            return self.dead_letter(message, cause, None);
        }
        self.load_run(&mut instance)?;
        instance.record.heard_ms = self.now_ms;
        if !instance.record.holds_still() {
            return self.turn(place, instance, &Given::message(message));
        }
        let waits = instance.run.as_ref().is_some_and(|run| run.awaits(call));
        let is_first = !instance
            .record
            .retry_replies
            .iter()
            .any(|kept| kept.intent == message.intent);
        if waits && is_first {
            self.note_message(&message, MessageFate::Waiting);
            instance.record.retry_replies.push(message);
        } else {
            self.note_message(&message, MessageFate::Late);
        }
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Gives what a source told to a run that reads it, or keeps it while that rests, in the place of what
    /// the source told before.
    pub(crate) fn answer_running(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        message: Message,
    ) -> Result<(), ShardError> {
        self.load_run(&mut instance)?;
        instance.record.heard_ms = self.now_ms;
        if !instance.record.holds_still() {
            return self.turn(place, instance, &Given::message(message));
        }
        self.note_message(&message, MessageFate::Waiting);
        let watch = |intent: Intent| match intent {
            Intent::Emit(watch, _) => Some(watch),
            _ => None,
        };
        let new = watch(message.intent);
        let kept = &mut instance.record.retry_replies;
        kept.retain(|kept| watch(kept.intent).is_none() || watch(kept.intent) != new);
        kept.push(message);
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Gives replies that have waited for the end of a rest. Where a turn before fails, the rest wait
    /// again.
    pub(crate) fn answer_again(&mut self, replies: Vec<Message>) -> Result<(), ShardError> {
        for message in replies {
            self.deliver(message)?;
        }
        Ok(())
    }

    /// A reply whose turn failed waits for the end of the rest.
    pub(crate) fn keep_reply(record: &mut InstanceRecord, given: &Given) {
        let address: Address = record.address.clone();
        record.retry_replies.extend(given.as_message(&address));
    }
}
