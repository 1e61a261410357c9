//! Hands one message to whom it is for: an instance, a run to be started, or a service.
//!
//! Before it: the run queue. After it: `turn`, a mailbox, a channel, a service's queue, or the dead
//! letters. Guarantees: whether a bare name is a worker or a service is decided at the name's home
//! alone, which fixes the program; every message leaves a record of what became of it.
//! Leaves to others: executing.

use std::sync::Arc;

use transport::Address;
use vm::Intent;

use super::hot::{Instance, Place};
use super::turn::Given;
use super::{Shard, ShardError};
use crate::address::DEFAULT_KEY;
use crate::codes;
use crate::engine::{Program, WorkerFacts};
use crate::limits::BODY_BYTES_MAX;
use crate::message::{Body, Message, Parcel, ProgramId, Spawn};
use crate::outcome::Progress;
use crate::record::{Failure, InstanceStatus, MessageFate};

/// What only the runtime's own keys begin with: children and runs without a key.
pub(crate) const MADE_KEY_PREFIX: char = '~';

impl Shard {
    pub(crate) fn deliver(&mut self, message: Message) -> Result<(), ShardError> {
        if message.hops > self.limits.chain_hops {
            let cause = Failure::new(
                codes::CHAIN,
                format!(
                    "{} messages caused each other without anything from outside (limit \
                     `chain_hops`): a loop that does not end by itself",
                    message.hops
                ),
            );
            return self.dead_letter(message, cause, None);
        }
        if let Intent::Subscribe(_) | Intent::Unsubscribe(_) | Intent::Emit(..) = message.intent {
            return self.deliver_reading(message);
        }
        if message.to.key().is_none() {
            return self.route(message);
        }
        if self.shard_of(&message.to) != self.identity.shard {
            return self.route_keyed(message);
        }
        if let Intent::Answer(call) = message.intent {
            return self.answer(call, message);
        }
        match self.take(&message.to)? {
            None => self.deliver_first(message),
            Some((place, instance)) if instance.record.status == InstanceStatus::Running => {
                self.deliver_running(place, instance, message)
            }
            Some((place, instance)) => self.deliver_ended(place, instance, message),
        }
    }

    fn deliver_running(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        message: Message,
    ) -> Result<(), ShardError> {
        self.load_run(&mut instance)?;
        instance.record.heard_ms = self.now_ms;
        if instance.record.mailbox.waiting == 0 && instance.is_open() {
            return self.turn(place, instance, &Given::message(message));
        }
        if self.is_reactive(&instance)? {
            self.hot.put(place, instance, false);
            return self.refuse_message(message);
        }
        self.mailbox_put(place, instance, message)
    }

    fn deliver_ended(
        &mut self,
        place: Place,
        instance: Box<Instance>,
        message: Message,
    ) -> Result<(), ShardError> {
        let (status, program_id, worker) = (
            instance.record.status,
            instance.record.program,
            instance.record.worker.clone(),
        );
        self.hot.put(place, instance, false);
        let named = message
            .program
            .or_else(|| self.programs.active(&message.to));
        if named.is_none() && self.programs.is_taken_away(&message.to) && !is_made(&message.to) {
            return self.deliver_unserved(message);
        }
        let program_id = named.unwrap_or(program_id);
        let facts = match self.programs.get(&*self.store, program_id)? {
            Some(program) => program.worker(&worker),
            None => None,
        };
        // A daemon whose restarts are used up stays failed until somebody starts or deploys it.
        let given_up = |facts: &WorkerFacts| status == InstanceStatus::Failed && facts.restarts;
        match facts {
            Some(facts) if facts.reactive => self.refuse_message(message),
            Some(facts) if facts.reused && !given_up(&facts) => {
                self.start_by_message(message, program_id, &worker)
            }
            _ => {
                let cause = Failure::new(
                    codes::ENDED,
                    format!(
                        "{} is {}, and a message does not start it again (`reuse`, `restart`)",
                        message.to,
                        status.as_str()
                    ),
                );
                self.dead_letter(message, cause, None)
            }
        }
    }

    /// A message to an instance that never was.
    fn deliver_first(&mut self, message: Message) -> Result<(), ShardError> {
        let known = message
            .program
            .or_else(|| self.programs.active(&message.to));
        if let Some(program) = known {
            let worker = message.to.name().to_owned();
            return self.start_by_message(message, program, &worker);
        }
        if is_made(&message.to) {
            let cause = Failure::new(
                codes::UNKNOWN_INSTANCE,
                format!("there is no instance {}", message.to),
            );
            return self.dead_letter(message, cause, None);
        }
        self.deliver_unserved(message)
    }

    /// A message to a name that this shard knows no worker for.
    fn deliver_unserved(&mut self, message: Message) -> Result<(), ShardError> {
        let home = self.shard_of(&message.to.without_key());
        if home == self.identity.shard {
            return self.service_put(message);
        }
        // The home may know what this shard was not told yet, and decides what nobody serves.
        self.send_to(home, &Parcel::Message(message))
    }

    fn start_by_message(
        &mut self,
        message: Message,
        program: ProgramId,
        worker: &str,
    ) -> Result<(), ShardError> {
        let known = self.programs.get(&*self.store, program)?;
        let facts = known.and_then(|program| program.worker(worker));
        if facts.is_some_and(|facts| facts.reactive) {
            return self.refuse_message(message);
        }
        let spawn = Spawn {
            stamp: message.stamp.clone(),
            child: message.to.clone(),
            program,
            worker: worker.to_owned(),
            config: Body::default(),
            outbox: None,
            watcher: None,
            hops: message.hops,
        };
        if let Err(cause) = self.start_run(spawn, false)? {
            return self.dead_letter(message, cause, None);
        }
        match self.take(&message.to)? {
            Some((place, instance)) if instance.record.status == InstanceStatus::Running => {
                self.deliver_running(place, instance, message)
            }
            Some((place, instance)) => {
                let status = instance.record.status.as_str();
                self.hot.put(place, instance, false);
                let cause = Failure::new(
                    codes::ENDED,
                    format!("{} {status} before it took a message", message.to),
                );
                self.dead_letter(message, cause, None)
            }
            None => Ok(()),
        }
    }

    /// At the home of a bare name: find the instance, or the service's queue.
    fn route(&mut self, message: Message) -> Result<(), ShardError> {
        if self.is_performed_here(&message.to) {
            return self.service_put(message);
        }
        if self.shard_of(&message.to) != self.identity.shard {
            let home = self.shard_of(&message.to);
            return self.send_to(home, &Parcel::Message(message));
        }
        let Some((id, program, facts)) = self.programs.serving(&*self.store, &message.to)? else {
            return self.service_put(message);
        };
        if facts.reactive {
            return self.refuse_message(message);
        }
        let key = match self.route_key(&program, facts, &message) {
            Ok(key) => key,
            Err(cause) => return self.without_key(message, cause),
        };
        let instance = match message.to.with_key(key) {
            Ok(instance) => instance,
            Err(error) => {
                let cause = Failure::new(codes::KEY_FAILED, error.to_string());
                return self.without_key(message, cause);
            }
        };
        let routed = Message {
            to: instance.clone(),
            program: Some(id),
            ..message
        };
        let owner = self.shard_of(&instance);
        if owner == self.identity.shard {
            self.progress_at(routed.stamp.id, &instance, Progress::Queued);
            return self.deliver(routed);
        }
        self.note_message(&routed, MessageFate::Routed { instance });
        self.send_to(owner, &Parcel::Message(routed))
    }

    /// A message that `key` has no key for: its client is told, and any other is kept.
    fn without_key(&mut self, message: Message, cause: Failure) -> Result<(), ShardError> {
        let name = message.to.name();
        let place = cause.stack.first();
        let place = place.map(|at| format!(" at {}:{}:{}", at.file, at.line, at.column));
        let place = place.unwrap_or_default();
        let cause = Failure {
            code: codes::KEY_FAILED.to_owned(),
            message: format!(
                "the `key` of {name} has no key for the message: {}{place}",
                cause.message
            ),
            stack: cause.stack,
        };
        if self.refuse_watched(message.stamp.id, &cause) {
            return Ok(());
        }
        self.dead_letter(message, cause, None)
    }

    fn route_key(
        &self,
        program: &Arc<dyn Program>,
        facts: WorkerFacts,
        message: &Message,
    ) -> Result<String, Failure> {
        if facts.keyed {
            program.key_of(message.to.name(), &message.body, &self.limits.turn)
        } else if facts.daemon {
            Ok(DEFAULT_KEY.to_owned())
        } else {
            Ok(made_key(message.stamp.id))
        }
    }

    /// At the home of the name of an instance whose owner does not know the name.
    fn route_keyed(&mut self, message: Message) -> Result<(), ShardError> {
        let owner = self.shard_of(&message.to);
        let home = self.shard_of(&message.to.without_key());
        if home != self.identity.shard {
            return self.send_to(owner, &Parcel::Message(message));
        }
        match self.programs.serving(&*self.store, &message.to)? {
            Some((id, _, _)) => {
                let routed = Message {
                    program: Some(id),
                    ..message
                };
                self.send_to(owner, &Parcel::Message(routed))
            }
            None => self.service_put(message),
        }
    }

    /// A parcel for another shard, or for this one's own queue.
    pub(crate) fn send(&mut self, parcel: Parcel) -> Result<(), ShardError> {
        let bytes = match &parcel {
            Parcel::Message(message) => message.body.bytes().len(),
            Parcel::Spawn(spawn) => spawn.config.bytes().len(),
            Parcel::Kill(_) => 0,
        };
        // The same limit wherever the target lives: a script must not notice its shard.
        if bytes > BODY_BYTES_MAX {
            return self.too_large(&parcel, bytes);
        }
        let target = self.shard_of(parcel.target());
        let is_own =
            matches!(&parcel, Parcel::Message(message) if self.is_performed_here(&message.to));
        if target == self.identity.shard || is_own {
            self.push(super::queue::Job::Parcel(parcel));
            return Ok(());
        }
        self.send_to(target, &parcel)
    }

    /// Too large to be kept as well, so the dead letter is without its body.
    pub(crate) fn too_large(&mut self, parcel: &Parcel, bytes: usize) -> Result<(), ShardError> {
        let cause = Failure::new(
            codes::TOO_LARGE,
            format!(
                "the message or configuration has {bytes} bytes, at most {BODY_BYTES_MAX} can \
                 travel between shards; send less, or a reference to it"
            ),
        );
        let message = Message {
            stamp: parcel.stamp().clone(),
            from: match parcel {
                Parcel::Message(message) => message.from.clone(),
                Parcel::Spawn(_) => None,
                Parcel::Kill(kill) => kill.from.clone(),
            },
            to: parcel.target().clone(),
            program: None,
            hops: 0,
            body: Body::default(),
            intent: Intent::Tell,
        };
        self.dead_letter(message, cause, None)
    }

    pub(crate) fn take(
        &mut self,
        address: &Address,
    ) -> Result<Option<(Place, Box<Instance>)>, ShardError> {
        self.hot.take(address, &*self.store)
    }
}

/// Whether the key is one that only the runtime makes.
fn is_made(address: &Address) -> bool {
    let key = address.key();
    key.is_some_and(|key| key.starts_with(MADE_KEY_PREFIX))
}

/// The key of a run that a message or a start without a key begins.
pub(crate) fn made_key(id: transport::MessageId) -> String {
    format!("{MADE_KEY_PREFIX}{id}")
}
