//! One turn of one instance, from its input to its record in history.
//!
//! Before it: `deliver`, timers, starts. After it: `effects`, and `ends` where the run ended or
//! failed. Guarantees: a turn that traps or panics changes nothing but history, dead letters and the
//! failure count; a panic inside the engine stays inside the turn.
//! Leaves to others: executing (`engine`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use transport::{HopKind, MessageId, RunOrigin, Stamp};
use vm::Intent;

use super::hot::{Instance, Place};
use super::{Shard, ShardError};
use crate::action::{Action, TurnNews};
use crate::codes;
use crate::engine::{Context, End, Input, Program, Ran};
use crate::message::Message;
use crate::query::QueryError;
use crate::record::{Failure, InstanceRecord, TurnInput, TurnOutcome};

/// What a turn is given.
pub(crate) struct Given {
    pub stamp: Stamp,
    pub input: TurnInput,
    pub hops: u32,
    /// The number of a message that was in the mailbox, where it goes back when it is not wanted yet.
    pub number: Option<u64>,
}

impl Given {
    /// An input of the shard's own, or one that nobody sent.
    pub(crate) fn input(stamp: Stamp, input: TurnInput) -> Given {
        Given {
            stamp,
            input,
            hops: 0,
            number: None,
        }
    }

    pub(crate) fn message(message: Message) -> Given {
        let Message { from, body, .. } = message;
        let call = match message.intent {
            Intent::Ask(call) => Some(call),
            _ => None,
        };
        Given {
            stamp: message.stamp,
            input: match message.intent {
                Intent::Answer(call) => TurnInput::Reply { from, body, call },
                Intent::Emit(watch, version) => TurnInput::Told {
                    from,
                    body,
                    watch,
                    version,
                },
                _ => TurnInput::Message { from, body, call },
            },
            hops: message.hops,
            number: None,
        }
    }

    /// The message again, for the instance that was given it.
    pub(crate) fn as_message(&self, to: &transport::Address) -> Option<Message> {
        let (from, body, intent) = match &self.input {
            TurnInput::Message { from, body, call } => {
                (from, body, call.map_or(Intent::Tell, Intent::Ask))
            }
            TurnInput::Reply { from, body, call } => (from, body, Intent::Answer(*call)),
            TurnInput::Told {
                from,
                body,
                watch,
                version,
            } => (from, body, Intent::Emit(*watch, *version)),
            _ => return None,
        };
        Some(Message {
            stamp: self.stamp.clone(),
            from: from.clone(),
            to: to.clone(),
            program: None,
            hops: self.hops,
            body: body.clone(),
            intent,
        })
    }

    fn engine_input(&self) -> Input<'_> {
        Input::of(&self.input).expect("an end from outside runs no script")
    }
}

impl Shard {
    pub(crate) fn turn(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        given: &Given,
    ) -> Result<(), ShardError> {
        let program = self.program_of(&instance)?;
        self.load_run(&mut instance)?;
        instance.record.step += 1;
        let cause = std::mem::replace(&mut instance.record.cause, given.stamp.clone());
        let seed = self.seed(instance.record.step);
        let restarts = program
            .worker(&instance.record.worker)
            .is_some_and(|facts| facts.restarts);
        let before = match &instance.run {
            Some(run) if restarts => Some(run.copy()),
            _ => None,
        };
        let mut ran = self.execute(&mut instance, given, seed);
        self.spent = self.spent.saturating_add(ran.instructions);
        if matches!(ran.end, End::Kept) {
            instance.record.step -= 1;
            instance.record.cause = cause;
            return self.mailbox_keep(place, instance, given);
        }
        if ran.offers_again {
            instance.record.mailbox.offered = instance.record.mailbox.first;
        }
        let effects = std::mem::take(&mut ran.effects);
        let done = self.perform(&mut instance, given, effects)?;
        let outcome = outcome_of(&ran);
        self.note_turn(&mut instance, given, seed, &done, &outcome, ran.console)?;
        if self.observed {
            self.actions.push(Action::Turn(TurnNews {
                instance: instance.record.address.clone(),
                run: instance.record.run,
                step: instance.record.step,
                stamp: given.stamp.clone(),
                outcome,
                instructions: ran.instructions,
                time_ms: self.now_ms,
            }));
        }
        self.after_turn(&program, &mut instance, given, ran.end, before)?;
        if let Some(run) = &instance.run {
            self.tell_readers(&instance, &**run, &given.stamp, given.hops)?;
        }
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// Runs the engine. A panic counts as a trap: the engine changes a run only when it is done.
    fn execute(&self, instance: &mut Instance, given: &Given, seed: [u8; 16]) -> Ran {
        let context = Context {
            now_ms: self.now_ms,
            seed,
            limits: &self.limits.turn,
        };
        let Some(run) = instance.run.as_mut() else {
            return Ran::trapped(Failure::new(codes::INTERNAL, "the run was not loaded"));
        };
        let result = catch_unwind(AssertUnwindSafe(|| {
            run.turn(given.engine_input(), &context)
        }));
        result.unwrap_or_else(|panic| {
            let what = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Ran::trapped(Failure::new(
                codes::INTERNAL,
                format!(
                    "a bug in the engine: {what}. The turn was undone; please report it with \
                     the history of this instance"
                ),
            ))
        })
    }

    /// Chance of a turn: the entry's, told apart by the step. The engine mixes the run id in.
    fn seed(&self, step: u64) -> [u8; 16] {
        let mut seed = self.entropy;
        for (byte, mix) in seed.iter_mut().zip(step.to_le_bytes()) {
            *byte ^= mix;
        }
        seed
    }

    pub(crate) fn program_of(
        &mut self,
        instance: &Instance,
    ) -> Result<Arc<dyn Program>, ShardError> {
        let id = instance.record.program;
        self.programs
            .get(&*self.store, id)?
            .ok_or_else(|| corrupt(&instance.record, "its program is not there"))
    }

    /// Decodes the run of an instance that came from the store.
    pub(crate) fn load_run(&mut self, instance: &mut Instance) -> Result<(), ShardError> {
        if instance.run.is_some() {
            return Ok(());
        }
        let program = self.program_of(instance)?;
        let Some(snapshot) = instance.record.snapshot.take() else {
            return Err(corrupt(&instance.record, "a running run has no snapshot"));
        };
        let run = program
            .resume(&snapshot)
            .map_err(|reason| corrupt(&instance.record, &reason))?;
        instance.run = Some(run);
        Ok(())
    }

    /// The stamp of an input that is no message: a timer, or the start by a message.
    pub(crate) fn input_stamp(
        &mut self,
        record: &InstanceRecord,
        cause: &Stamp,
        hop: HopKind,
    ) -> Stamp {
        let origin = self.run_origin(record.run_number);
        let time = self.tick();
        let id = MessageId::derived(cause.root, &origin.message(record.step + 1, u32::MAX), time);
        Stamp {
            id,
            cause: Some(cause.id),
            root: cause.root,
            time,
            trace: cause.trace.child(id, hop),
        }
    }

    /// What the ids of a run's messages are made of. The number of the run stands for where in the
    /// log it began: it grows alike, and does not depend on how commands were batched.
    pub(crate) fn run_origin(&self, run_number: u64) -> RunOrigin {
        RunOrigin {
            cluster: self.identity.cluster,
            shard: self.identity.shard,
            incarnation: self.identity.incarnation,
            run_began_at: run_number,
            run_ordinal: 0,
        }
    }
}

fn outcome_of(ran: &Ran) -> TurnOutcome {
    match &ran.end {
        End::Waiting if ran.dropped => TurnOutcome::Dropped,
        End::Waiting if ran.late => TurnOutcome::Late,
        End::Kept | End::Waiting => TurnOutcome::Waiting,
        End::Completed(_) => TurnOutcome::Completed,
        End::Failed(failure) => TurnOutcome::Failed(failure.clone()),
        End::Trapped(failure) => TurnOutcome::Trapped(failure.clone()),
        End::KilledSelf => TurnOutcome::Killed,
    }
}

pub(crate) fn corrupt(record: &InstanceRecord, reason: &str) -> ShardError {
    ShardError::Query(QueryError::Corrupt {
        key: crate::keys::instance(&record.address),
        reason: reason.to_owned(),
    })
}
