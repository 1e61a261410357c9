//! What is kept for people: history by instance and step, messages by id, dead letters, output.
//!
//! Before it: everything that a shard does with a message. After it: `query`.
//! Guarantees: one history record and one message record for a turn, whatever the instance's age;
//! what goes out of a bound goes with everything that points to it.
//! Leaves to others: showing, joining shards.

use bytes::Bytes;
use transport::{Address, MessageId, Stamp};

use super::effects::Performed;
use super::hot::Instance;
use super::meta::Meta;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::action::{Action, OutputNews};
use crate::hash::linked;
use crate::keys;
use crate::message::{Body, Message};
use crate::outcome::Progress;
use crate::query::decode;
use crate::record::{
    DeadLetter, Failure, HistoryRecord, InstanceRecord, MessageFate, MessageRecord, OutputRecord,
    StoredMessage, TurnOutcome,
};
use crate::store::StateStore;

/// How often an emitting instance looks for values that are too old.
const OUTPUT_SWEEP_EVERY: u64 = 64;

impl Shard {
    /// Adds a turn to history, and points its message there.
    pub(crate) fn note_turn(
        &mut self,
        instance: &mut Instance,
        given: &Given,
        seed: [u8; 16],
        done: &Performed,
        outcome: &TurnOutcome,
        console: Vec<String>,
    ) -> Result<(), ShardError> {
        let record = &mut instance.record;
        let history = HistoryRecord {
            run: record.run,
            stamp: given.stamp.clone(),
            input: given.input.clone(),
            time_ms: self.now_ms,
            seed,
            outcome: outcome.clone(),
            effects: done.count,
            effects_hash: done.hash,
            console,
        };
        let bytes = keys::encode_record(&history);
        record.chain = linked(&record.chain, keys::HISTORY, &bytes);
        self.meta.history_bytes += step_bytes(&bytes);
        self.store
            .put(&keys::history(record.slot, record.step), bytes);
        let applied = StoredMessage::Applied(record.address.clone(), record.step);
        self.store.put(
            &keys::message(given.stamp.id),
            keys::encode_record(&applied),
        );
        self.progress_is(given.stamp.id, || Progress::Applied {
            run: record.run,
            step: record.step,
        });
        if record.step - record.history_first >= self.limits.history_steps {
            forget_step(&mut *self.store, &mut self.meta, record)?;
        }
        Ok(())
    }

    /// An end from outside is a step of history in which no script ran.
    pub(crate) fn note_end_outside(
        &mut self,
        instance: &mut Instance,
        given: &Given,
        outcome: &TurnOutcome,
    ) -> Result<(), ShardError> {
        let nothing = Performed {
            count: 0,
            hash: [0; 16],
        };
        self.note_turn(instance, given, [0; 16], &nothing, outcome, Vec::new())
    }

    /// Records what became of a message.
    pub(crate) fn note_message(&mut self, message: &Message, fate: MessageFate) {
        self.note(&message.stamp, message.from.clone(), &message.to, fate);
    }

    /// Records that a message still waits for a service; since when, and how long that is kept, stays as it was.
    pub(crate) fn note_still_waiting(
        &mut self,
        message: &Message,
        attempts: u32,
    ) -> Result<(), ShardError> {
        let fate = MessageFate::Service { attempts };
        match crate::query::message(&*self.store, message.stamp.id)? {
            Some(known) => {
                let record = StoredMessage::Other(Box::new(MessageRecord { fate, ..known }));
                let key = keys::message(message.stamp.id);
                self.store.put(&key, keys::encode_record(&record));
            }
            None => self.note_message(message, fate),
        }
        Ok(())
    }

    /// Records what became of a message, start or kill.
    pub(crate) fn note(
        &mut self,
        stamp: &Stamp,
        from: Option<Address>,
        to: &Address,
        fate: MessageFate,
    ) {
        match &fate {
            MessageFate::Routed { instance } => {
                self.progress_at(stamp.id, instance, Progress::Forwarded);
            }
            MessageFate::DeadLetter { number, code } => {
                let (number, code) = (*number, code.clone());
                self.progress_is(stamp.id, || Progress::DeadLetter { number, code });
            }
            _ => {}
        }
        let record = StoredMessage::Other(Box::new(MessageRecord {
            stamp: stamp.clone(),
            from,
            to: to.clone(),
            time_ms: self.now_ms,
            fate,
        }));
        self.store
            .put(&keys::message(stamp.id), keys::encode_record(&record));
        let number = self.meta.messages.next;
        self.meta.messages.next += 1;
        self.store.put(
            &keys::message_age(number),
            keys::encode_record(&(stamp.id, self.now_ms)),
        );
    }

    /// Forgets records of messages that are too many or too old: at most so many for each command that a
    /// burst of old ones never holds one up.
    pub(crate) fn trim_messages(&mut self) -> Result<(), ShardError> {
        const TRIMMED_BY_AGE: u64 = 64;
        let kept_ms = self.limits.message_ms;
        let mut by_age = 0;
        while !self.meta.messages.is_empty() {
            let too_many = self.meta.messages.len() > self.limits.message_records;
            let too_old = self.oldest_message_ms.saturating_add(kept_ms) <= self.now_ms;
            if !(too_many || too_old && by_age < TRIMMED_BY_AGE) {
                break;
            }
            let key = keys::message_age(self.meta.messages.first);
            let Some(bytes) = self.store.get(&key)? else {
                self.meta.messages.first += 1;
                continue;
            };
            let (id, made_ms): (MessageId, u64) = decode(&key, &bytes)?;
            self.oldest_message_ms = made_ms;
            if !too_many && made_ms.saturating_add(kept_ms) > self.now_ms {
                break;
            }
            by_age += u64::from(!too_many);
            self.store.delete(&key);
            self.meta.messages.first += 1;
            self.forget_message(id, made_ms)?;
        }
        Ok(())
    }

    /// Forgets what was recorded of a message at that time, unless more was since.
    fn forget_message(&mut self, id: MessageId, made_ms: u64) -> Result<(), ShardError> {
        let key = keys::message(id);
        let Some(bytes) = self.store.get(&key)? else {
            return Ok(());
        };
        if let StoredMessage::Other(record) = decode(&key, &bytes)?
            && record.time_ms == made_ms
        {
            self.store.delete(&key);
        }
        Ok(())
    }

    /// Keeps a message that cannot be handed over, with why.
    pub(crate) fn dead_letter(
        &mut self,
        message: Message,
        cause: Failure,
        step: Option<u64>,
    ) -> Result<(), ShardError> {
        let number = self.meta.dead_letters.next;
        self.meta.dead_letters.next += 1;
        let fate = MessageFate::DeadLetter {
            number,
            code: cause.code.clone(),
        };
        // A message whose turn failed has its record in history already.
        if step.is_none() {
            self.note_message(&message, fate);
        }
        let letter = DeadLetter {
            message,
            cause,
            time_ms: self.now_ms,
            step,
        };
        let bytes = keys::encode_record(&letter);
        self.meta.link(keys::DEAD_LETTER, &bytes);
        self.store.put(&keys::dead_letter(number), bytes);
        while self.meta.dead_letters.len() > self.limits.dead_letters {
            let oldest = self.meta.dead_letters.first;
            self.store.delete(&keys::dead_letter(oldest));
            self.meta.dead_letters.first += 1;
        }
        Ok(())
    }

    /// Puts a value into the output of a root instance.
    pub(crate) fn emit(
        &mut self,
        record: &mut InstanceRecord,
        stamp: Stamp,
        body: Body,
    ) -> Result<(), ShardError> {
        let number = record.output.next;
        record.output.next += 1;
        let output = OutputRecord {
            run: record.run,
            stamp: stamp.clone(),
            time_ms: self.now_ms,
            body: body.clone(),
        };
        let bytes = keys::encode_record(&output);
        record.chain = linked(&record.chain, keys::OUTPUT, &bytes);
        self.store.put(&keys::output(record.slot, number), bytes);
        while record.output.len() > self.limits.output_count {
            self.store
                .delete(&keys::output(record.slot, record.output.first));
            record.output.first += 1;
        }
        if number.is_multiple_of(OUTPUT_SWEEP_EVERY) {
            self.sweep_output(record)?;
        }
        let from = Some(record.address.clone());
        self.note(
            &stamp,
            from,
            &record.address,
            MessageFate::Emitted { number },
        );
        self.actions.push(Action::Output(OutputNews {
            instance: record.address.clone(),
            run: record.run,
            number,
            stamp,
            body,
        }));
        Ok(())
    }

    /// Forgets values that are too old: twice as many at a time as come in between.
    fn sweep_output(&mut self, record: &mut InstanceRecord) -> Result<(), ShardError> {
        let from = keys::output(record.slot, record.output.first);
        let until = keys::output(record.slot, record.output.next);
        let page = self
            .store
            .scan(&from, Some(&until), 2 * OUTPUT_SWEEP_EVERY as usize)?;
        for (key, bytes) in page {
            let output: OutputRecord = decode(&key, &bytes)?;
            if output.time_ms.saturating_add(self.limits.output_age_ms) > self.now_ms {
                break;
            }
            self.store.delete(&key);
            record.output.first += 1;
        }
        Ok(())
    }
}

/// Bytes that a step takes whose record has these, with its keys and what points to it, about.
fn step_bytes(record: &Bytes) -> u64 {
    const AROUND: u64 = 96;
    AROUND + record.len() as u64
}

/// Forgets the oldest step of an instance, and the message record that points to it.
pub(super) fn forget_step(
    store: &mut dyn StateStore,
    meta: &mut Meta,
    record: &mut InstanceRecord,
) -> Result<(), ShardError> {
    let key = keys::history(record.slot, record.history_first);
    record.history_first += 1;
    if let Some(bytes) = store.get(&key)? {
        let history: HistoryRecord = decode(&key, &bytes)?;
        meta.history_bytes = meta.history_bytes.saturating_sub(step_bytes(&bytes));
        store.delete(&keys::message(history.stamp.id));
        store.delete(&key);
    }
    Ok(())
}
