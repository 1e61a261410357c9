//! Subscriptions on their way: from a reader to its sources, and what is told on its way back.
//!
//! Before it: effects of turns, the run queue, ends of runs. After it: `sources` at the source's shard,
//! `answers` at the reader's. Guarantees: a run that ends unsubscribes from all that it read; what reaches
//! a run that is gone is answered with the end of the subscription; a reactive function is begun by its
//! first reader and ends when it has had none for a while. Leaves to others: what is told.

use transport::{Address, Stamp};
use vm::reactive::{Part, instance_key};
use vm::{CallId, Intent};

use super::hot::{Instance, Place};
use super::queue::Job;
use super::sources::{Said, error_body};
use super::timers::TimerKind;
use super::{Shard, ShardError};
use crate::address::DEFAULT_KEY;
use crate::codes;
use crate::message::{Body, Message, Parcel, Spawn};
use crate::record::{
    Failure, InstanceRecord, InstanceStatus, MessageFate, ReaderRecord, SourceRecord,
};

impl Shard {
    /// A turn begins to read something.
    pub(crate) fn read_source(
        &mut self,
        record: &mut InstanceRecord,
        (stamp, hops): (Stamp, u32),
        watch: u64,
        source: Result<Address, Failure>,
        request: Body,
    ) -> Result<(), ShardError> {
        let id = CallId {
            run: record.run.0,
            number: watch,
        };
        let source = match source {
            Ok(source) => source,
            Err(cause) => {
                let body = error_body(&cause.code, &cause.message);
                let said = Said { body, version: 0 };
                let reader = record.address.clone();
                return self.tell(&reader, (&reader, id), &said, &stamp, hops);
            }
        };
        record.sources.push(SourceRecord {
            watch,
            source: source.clone(),
            request: request.clone(),
        });
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(record.address.clone()),
            to: source,
            program: None,
            hops,
            body: request,
            intent: Intent::Subscribe(id),
        }))
    }

    /// A turn reads something no more.
    pub(crate) fn leave_source(
        &mut self,
        record: &mut InstanceRecord,
        stamp: Stamp,
        watch: u64,
    ) -> Result<(), ShardError> {
        let found = record.sources.iter().position(|read| read.watch == watch);
        match found {
            Some(at) => {
                let read = record.sources.remove(at);
                self.unsubscribe_from(record, stamp, read)
            }
            None => Ok(()),
        }
    }

    /// The run of an instance is over, or begins again: it reads nothing.
    pub(crate) fn leave_sources(&mut self, instance: &mut Instance) -> Result<(), ShardError> {
        let record = &mut instance.record;
        for read in std::mem::take(&mut record.sources) {
            let cause = record.cause.clone();
            let stamp = self.own_stamp(Some(&cause));
            self.unsubscribe_from(record, stamp, read)?;
        }
        Ok(())
    }

    fn unsubscribe_from(
        &mut self,
        record: &InstanceRecord,
        stamp: Stamp,
        read: SourceRecord,
    ) -> Result<(), ShardError> {
        let id = CallId {
            run: record.run.0,
            number: read.watch,
        };
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(record.address.clone()),
            to: read.source,
            program: None,
            hops: 0,
            body: read.request,
            intent: Intent::Unsubscribe(id),
        }))
    }

    /// A subscription, its end, or what a source told, at any shard.
    pub(crate) fn deliver_reading(&mut self, message: Message) -> Result<(), ShardError> {
        if self.shard_of(&message.to) != self.identity.shard {
            return self.send(Parcel::Message(message));
        }
        if message.to.key().is_none() {
            return self.reading_of_name(message);
        }
        match message.intent {
            Intent::Emit(watch, _) => self.take_told(watch, message),
            Intent::Subscribe(watch) => self.subscribe(watch, message),
            Intent::Unsubscribe(watch) => self.unsubscribe(watch, &message),
            _ => Ok(()),
        }
    }

    /// At the home of a bare name: it means the one instance of a worker without `key`.
    fn reading_of_name(&mut self, message: Message) -> Result<(), ShardError> {
        let serving = self.programs.serving(&*self.store, &message.to)?;
        if serving.is_some_and(|(_, _, facts)| facts.keyed) {
            let what = format!(
                "{} has an instance for each key: say which, `worker(\"{}\", key)`",
                message.to,
                message.to.name()
            );
            let body = error_body(codes::UNKNOWN_INSTANCE, &what);
            return self.refuse_reader(&message, body);
        }
        match message.to.with_key(DEFAULT_KEY) {
            Ok(to) => self.deliver_reading(Message { to, ..message }),
            Err(error) => {
                let body = error_body(codes::BAD_ADDRESS, &error.to_string());
                self.refuse_reader(&message, body)
            }
        }
    }

    /// Tells a reader that it cannot read this.
    fn refuse_reader(&mut self, message: &Message, body: Body) -> Result<(), ShardError> {
        let (Intent::Subscribe(watch), Some(reader)) = (message.intent, &message.from) else {
            return Ok(());
        };
        self.note_message(message, MessageFate::Subscribed);
        let said = Said { body, version: 0 };
        self.tell(
            &message.to,
            (reader, watch),
            &said,
            &message.stamp,
            message.hops,
        )
    }

    fn subscribe(&mut self, watch: CallId, message: Message) -> Result<(), ShardError> {
        let request = message.body.data().unwrap_or_default();
        let (Some(part), Some(reader)) = (Part::requested(&request), message.from.clone()) else {
            return self.refuse_reader(&message, error_body(codes::MALFORMED, "no such request"));
        };
        self.note_message(&message, MessageFate::Subscribed);
        if part == Part::Result {
            let arguments = Part::arguments(&request);
            self.begin_reactive(&message.to, &arguments, &message.stamp, message.hops)?;
        }
        let reader = ReaderRecord {
            source: message.to,
            part,
            reader,
            watch,
        };
        self.add_reader(&reader, &message.body, &message.stamp, message.hops)
    }

    fn unsubscribe(&mut self, watch: CallId, message: &Message) -> Result<(), ShardError> {
        self.note_message(message, MessageFate::Unsubscribed);
        let Some(reader) = message.from.clone() else {
            return Ok(());
        };
        // Who does not know any more what it read names no part.
        let request = message.body.data().unwrap_or_default();
        let parts = match Part::requested(&request) {
            Some(part) => vec![part],
            None => self.sources.parts(&message.to),
        };
        let reader = (reader, watch);
        for part in parts {
            if self.remove_reader(&message.to, &part, &reader) && part == Part::Result {
                self.hold_reactive(&message.to)?;
            }
        }
        Ok(())
    }

    /// Gives a reader what a source told. One that is gone does not want more.
    fn take_told(&mut self, watch: CallId, message: Message) -> Result<(), ShardError> {
        let Some((place, instance)) = self.take(&message.to)? else {
            return self.answer_gone(watch, message);
        };
        let record = &instance.record;
        let is_gone = record.status != InstanceStatus::Running || record.run.0 != watch.run;
        let reads = record.sources.iter().any(|read| read.watch == watch.number);
        // A source that no address could be made of is no record.
        let is_own = message.from.as_ref() == Some(&record.address);
        if is_gone || !(reads || is_own) {
            self.hot.put(place, instance, false);
            return self.answer_gone(watch, message);
        }
        self.answer_running(place, instance, message)
    }

    /// Ends the subscription of a run that is gone, or that reads it no more: then its end may be on the
    /// way already, which does no harm.
    fn answer_gone(&mut self, watch: CallId, message: Message) -> Result<(), ShardError> {
        self.note_message(&message, MessageFate::Late);
        let Some(source) = message.from else {
            return Ok(());
        };
        let stamp = self.own_stamp(Some(&message.stamp));
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(message.to),
            to: source,
            program: None,
            hops: 0,
            body: Body::default(),
            intent: Intent::Unsubscribe(watch),
        }))
    }

    /// Begins the run of a reactive function where it does not run in the program that serves its name.
    /// Does nothing where the name is that of something else.
    pub(crate) fn begin_reactive(
        &mut self,
        source: &Address,
        arguments: &vm::Data,
        cause: &Stamp,
        hops: u32,
    ) -> Result<(), ShardError> {
        let serving = self.programs.serving(&*self.store, source)?;
        let Some((program, _, facts)) = serving else {
            return Ok(());
        };
        if !facts.reactive || source.key() != Some(instance_key(arguments).as_str()) {
            return Ok(());
        }
        if let Some((place, instance)) = self.take(source)? {
            if instance.record.status == InstanceStatus::Running {
                if instance.record.program == program {
                    self.hot.put(place, instance, false);
                    return Ok(());
                }
                return self.begin_in(place, instance, program);
            }
            self.hot.put(place, instance, false);
        }
        let spawn = Spawn {
            stamp: cause.clone(),
            child: source.clone(),
            program,
            worker: source.name().to_owned(),
            config: Body::from_data(arguments.clone()),
            outbox: None,
            watcher: None,
            hops,
        };
        // The program is held and has the worker: the run begins.
        let _ = self.start_run(spawn, false)?;
        Ok(())
    }

    /// Begins the run of an instance again, in another program.
    fn begin_in(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        program: crate::message::ProgramId,
    ) -> Result<(), ShardError> {
        let address = instance.record.address.clone();
        self.load_run(&mut instance)?;
        let held = instance.record.unread_until_ms.is_some();
        self.begin_again(place, instance, program)?;
        if held {
            self.hold_reactive(&address)?;
        }
        Ok(())
    }

    /// A deploy has given a name to another program: brings what is read of it there.
    pub(crate) fn renew_reactive(&mut self, source: &Address) -> Result<(), ShardError> {
        let Some(request) = self.sources.request(source, &Part::Result).cloned() else {
            return Ok(());
        };
        let arguments = Part::arguments(&request.data().unwrap_or_default());
        let cause = self.own_stamp(None);
        self.begin_reactive(source, &arguments, &cause, 0)
    }

    /// Lets a reactive function run for a while without a reader.
    pub(crate) fn hold_reactive(&mut self, source: &Address) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(source)? else {
            return Ok(());
        };
        let running = instance.record.status == InstanceStatus::Running;
        if running && self.is_reactive(&instance)? {
            self.cancel_unread(&mut instance.record);
            let due_ms = self.now_ms.saturating_add(self.limits.unread_ms);
            instance.record.unread_until_ms = Some(due_ms);
            let record = &instance.record;
            self.timers.set(
                &mut *self.store,
                TimerKind::Unread,
                record.slot,
                0,
                due_ms,
                &record.address,
            );
        }
        self.hot.put(place, instance, true);
        Ok(())
    }

    pub(crate) fn cancel_unread(&mut self, record: &mut InstanceRecord) {
        if let Some(due_ms) = record.unread_until_ms.take() {
            self.timers
                .cancel(&mut *self.store, TimerKind::Unread, record.slot, 0, due_ms);
        }
    }

    /// A reactive function may have had no reader for long enough.
    pub(crate) fn end_unread(&mut self, source: &Address) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(source)? else {
            return Ok(());
        };
        let due = instance.record.unread_until_ms;
        let running = instance.record.status == InstanceStatus::Running;
        if !running || due.is_none_or(|due| due > self.now_ms) {
            self.hot.put(place, instance, false);
            return Ok(());
        }
        instance.record.unread_until_ms = None;
        if !self.sources.is_read(source) {
            self.end_in_silence(&mut instance)?;
        }
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Whether an instance is that of a reactive function.
    pub(crate) fn is_reactive(&mut self, instance: &Instance) -> Result<bool, ShardError> {
        let program = self.program_of(instance)?;
        let facts = program.worker(&instance.record.worker);
        Ok(facts.is_some_and(|facts| facts.reactive))
    }

    /// A message to a reactive function.
    pub(crate) fn refuse_message(&mut self, message: Message) -> Result<(), ShardError> {
        let what = format!(
            "{} is a reactive function: it takes no messages; read it with `waitForValue`, `get`, or GET /v1/reactive",
            message.to
        );
        let cause = Failure::new(vm::codes::REACTIVE_MISUSED.code, what);
        self.dead_letter(message, cause, None)
    }

    /// Takes a job that concerns reactive functions.
    pub(crate) fn run_reading(&mut self, job: Job) -> Result<(), ShardError> {
        match job {
            Job::Unread(source) => self.end_unread(&source),
            Job::Renew(source) => self.renew_reactive(&source),
            _ => Ok(()),
        }
    }
}
