//! The end of runs: completed, failed, killed; and the rest and restart before giving up.
//!
//! Before it: `turn`, kills, timers. After it: watchers, dead letters, the end of timers.
//! Guarantees: a run that ends leaves no timer and no message behind; a worker that goes on after a
//! failure has the state it had before the failing turn. Leaves to others: what a policy says
//! (`engine`).

use std::sync::Arc;

use transport::{Address, HopKind, MessageId};
use vm::Intent;

use super::hot::{Instance, Place};
use super::queue::Job;
use super::timers::TimerKind;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::action::{Action, RunEnded};
use crate::address::DEFAULT_KEY;
use crate::codes;
use crate::engine::{End, Program, Run, exit};
use crate::limits::BODY_BYTES_MAX;
use crate::message::{Body, Kill, Message, Parcel, ProgramId, Spawn};
use crate::record::{Failure, InstanceStatus, MessageFate, TurnInput, TurnOutcome};

impl Shard {
    /// Draws the consequences of a turn.
    pub(crate) fn after_turn(
        &mut self,
        program: &Arc<dyn Program>,
        instance: &mut Instance,
        given: &Given,
        end: End,
        before: Option<Box<dyn Run>>,
    ) -> Result<(), ShardError> {
        match end {
            End::Kept | End::Waiting => {
                instance.record.failures = 0;
                instance.record.error = None;
                self.queue_wake(instance);
                Ok(())
            }
            End::Completed(result) => {
                self.end_run(instance, InstanceStatus::Completed, Some(&result), None)
            }
            End::KilledSelf => self.end_run(instance, InstanceStatus::Killed, None, None),
            End::Failed(failure) => {
                if let (Some(run), Some(before)) = (&mut instance.run, before) {
                    run.go_back_to(&*before);
                }
                self.rest_or_fail(program, instance, given, failure)
            }
            End::Trapped(failure) => {
                // A reply is not a dead letter as long as its call is made good again by a restart.
                let is_reply = matches!(given.input, TurnInput::Reply { .. });
                let goes_on = Shard::rest_ms(program, instance, given).is_some();
                // What a source told is no message of anybody: whoever reads it again is told again.
                let is_told = matches!(given.input, TurnInput::Told { .. });
                let message = given.as_message(&instance.record.address);
                if let Some(message) = message.filter(|_| !(is_told || is_reply && goes_on)) {
                    let message = Message { hops: 0, ..message };
                    let step = Some(instance.record.step);
                    self.dead_letter(message, failure.clone(), step)?;
                }
                self.rest_or_fail(program, instance, given, failure)
            }
        }
    }

    fn rest_or_fail(
        &mut self,
        program: &Arc<dyn Program>,
        instance: &mut Instance,
        given: &Given,
        failure: Failure,
    ) -> Result<(), ShardError> {
        let rest_ms = Shard::rest_ms(program, instance, given);
        let record = &mut instance.record;
        record.failures += 1;
        let Some(rest_ms) = rest_ms else {
            return self.end_run(instance, InstanceStatus::Failed, None, Some(&failure));
        };
        match given.input {
            TurnInput::Timer { timer } => record.retry_timers.push(timer),
            TurnInput::Reply { .. } | TurnInput::Told { .. } => Shard::keep_reply(record, given),
            _ => {}
        }
        let due_ms = self.now_ms.saturating_add(rest_ms);
        record.rests_until_ms = Some(due_ms);
        record.error = Some(failure);
        self.timers.set(
            &mut *self.store,
            TimerKind::Rest,
            record.slot,
            0,
            due_ms,
            &record.address,
        );
        Ok(())
    }

    /// The rest of an instance that has failed on an input; none where it stays failed.
    fn rest_ms(program: &Arc<dyn Program>, instance: &Instance, given: &Given) -> Option<u64> {
        // A run that fails at its start has no wait to go back to.
        if matches!(given.input, TurnInput::Start { .. }) {
            return None;
        }
        let record = &instance.record;
        program.rest_after_ms(&record.worker, record.failures + 1)
    }

    /// Lets an instance go on after its rest.
    pub(crate) fn rested(&mut self, address: &Address) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let due = instance.record.rests_until_ms;
        let running = instance.record.status == InstanceStatus::Running;
        // A pause outlasts a rest; whoever ends it asks again.
        let rests_on = due.is_none_or(|due| due > self.now_ms) || instance.record.is_paused;
        if !running || rests_on {
            self.hot.put(place, instance, false);
            return Ok(());
        }
        instance.record.rests_until_ms = None;
        let timers = std::mem::take(&mut instance.record.retry_timers);
        let replies = std::mem::take(&mut instance.record.retry_replies);
        self.load_run(&mut instance)?;
        let facts = self
            .program_of(&instance)?
            .worker(&instance.record.worker)
            .unwrap_or_default();
        if facts.restarts_from_start {
            let program = instance.record.program;
            self.begin_again(place, instance, program)?;
            return self.answer_again(replies);
        }
        self.release(place, instance, timers)?;
        self.answer_again(replies)
    }

    /// Lets an instance go on that was told to hold still: with its timers that came due, its replies, its
    /// mailbox.
    pub(super) fn go_on(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
    ) -> Result<(), ShardError> {
        if let Some(due_ms) = instance.record.rests_until_ms {
            let address = instance.record.address.clone();
            self.hot.put(place, instance, true);
            return match due_ms <= self.now_ms {
                true => self.rested(&address),
                false => Ok(()),
            };
        }
        let timers = std::mem::take(&mut instance.record.retry_timers);
        let replies = std::mem::take(&mut instance.record.retry_replies);
        self.load_run(&mut instance)?;
        self.release(place, instance, timers)?;
        self.answer_again(replies)
    }

    fn release(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        timers: Vec<u64>,
    ) -> Result<(), ShardError> {
        let address = instance.record.address.clone();
        self.queue_wake(&mut instance);
        self.hot.put(place, instance, true);
        for timer in timers {
            self.fire_again(&address, timer)?;
        }
        Ok(())
    }

    /// Gives a timer that has waited for the end of a rest. Where a turn before it failed, it waits
    /// again.
    fn fire_again(&mut self, address: &Address, timer: u64) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let record = &mut instance.record;
        let rests = record.holds_still();
        if rests {
            record.retry_timers.push(timer);
        }
        if rests || record.status != InstanceStatus::Running {
            self.hot.put(place, instance, true);
            return Ok(());
        }
        let cause = record.cause.clone();
        let stamp = self.input_stamp(&instance.record, &cause, HopKind::Timer);
        let input = TurnInput::Timer { timer };
        self.turn(place, instance, &Given::input(stamp, input))
    }

    /// A new run with the configuration of the old, in a program that has its worker; its mailbox stays.
    pub(crate) fn begin_again(
        &mut self,
        place: Place,
        mut instance: Box<Instance>,
        program: ProgramId,
    ) -> Result<(), ShardError> {
        let failures = instance.record.failures;
        self.cancel_timers(&mut instance);
        self.leave_sources(&mut instance)?;
        let record = &instance.record;
        let spawn = Spawn {
            stamp: record.cause.clone(),
            child: record.address.clone(),
            program,
            worker: record.worker.clone(),
            config: record.config.clone(),
            outbox: record.outbox.clone(),
            watcher: record.watcher.clone(),
            hops: 0,
        };
        let address = record.address.clone();
        instance.record.status = InstanceStatus::Failed;
        instance.run = None;
        self.hot.put(place, instance, true);
        // The program is held, so the run begins; that its worker is there was checked before.
        let _ = self.start_run(spawn, false)?;
        if let Some((place, mut instance)) = self.take(&address)? {
            if instance.record.status == InstanceStatus::Running {
                instance.record.failures = failures;
            }
            self.hot.put(place, instance, true);
        }
        Ok(())
    }

    /// Ends a run. What it had sent still goes out.
    pub(crate) fn end_run(
        &mut self,
        instance: &mut Instance,
        status: InstanceStatus,
        result: Option<&Body>,
        error: Option<&Failure>,
    ) -> Result<(), ShardError> {
        self.cancel_timers(instance);
        self.leave_sources(instance)?;
        self.leave_mailbox(instance, status)?;
        instance.record.status = status;
        if let Some(run) = instance.run.take() {
            instance.record.snapshot = Some(run.snapshot());
            let cause = instance.record.cause.clone();
            self.tell_readers(instance, &*run, &cause, 0)?;
        }
        let record = &mut instance.record;
        record.ended_ms = Some(self.now_ms);
        record.retry_timers.clear();
        record.result = result.cloned();
        record.error = error.cloned();
        self.keep_for_a_while(instance)?;
        if self.observed {
            let record = &instance.record;
            self.actions.push(Action::RunEnded(RunEnded {
                instance: record.address.clone(),
                run: record.run,
                status,
                result: result.cloned(),
                error: error.cloned(),
            }));
        }
        self.tell_watcher(instance, status, result, error)
    }

    fn tell_watcher(
        &mut self,
        instance: &Instance,
        status: InstanceStatus,
        result: Option<&Body>,
        error: Option<&Failure>,
    ) -> Result<(), ShardError> {
        let record = &instance.record;
        let Some(watcher) = record.watcher.clone() else {
            return Ok(());
        };
        let origin = self.run_origin(record.run_number);
        let last = origin.message(record.step, u32::MAX - 1);
        let time = self.tick();
        let id = MessageId::derived(record.cause.root, &last, time);
        let stamp = record.cause.caused(id, time);
        // A result that is too large to travel must not keep the notice from arriving.
        let fits = |result: &&Body| result.bytes().len() <= BODY_BYTES_MAX / 2;
        let body = exit::notice(&record.address, status, result.filter(fits), error);
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(record.address.clone()),
            to: watcher,
            program: None,
            hops: 0,
            body,
            intent: Intent::Tell,
        }))
    }

    fn cancel_timers(&mut self, instance: &mut Instance) {
        let record = &mut instance.record;
        for set in std::mem::take(&mut record.timers) {
            self.timers.cancel(
                &mut *self.store,
                TimerKind::Worker,
                record.slot,
                set.timer,
                set.due_ms,
            );
        }
        record.is_paused = false;
        self.cancel_unread(record);
        if let Some(due_ms) = record.rests_until_ms.take() {
            self.timers
                .cancel(&mut *self.store, TimerKind::Rest, record.slot, 0, due_ms);
        }
        if let Some(idle) = record.idle.take() {
            self.timers.cancel(
                &mut *self.store,
                TimerKind::Idle,
                record.slot,
                0,
                idle.due_ms,
            );
        }
    }

    fn leave_mailbox(
        &mut self,
        instance: &mut Instance,
        status: InstanceStatus,
    ) -> Result<(), ShardError> {
        let mut left = std::mem::take(&mut instance.record.retry_replies);
        instance.record.mailbox.offered = instance.record.mailbox.first;
        while let Some((_, message)) = self.mailbox_take(instance)? {
            left.push(message);
        }
        let told = |message: &Message| matches!(message.intent, Intent::Emit(..));
        for message in left.into_iter().filter(|message| !told(message)) {
            let cause = Failure::new(
                codes::MAILBOX_LEFT,
                format!(
                    "{} was {} while the message waited in its mailbox",
                    instance.record.address,
                    status.as_str()
                ),
            );
            self.dead_letter(message, cause, None)?;
        }
        Ok(())
    }

    /// Ends an instance from outside. A bare name means the one instance of a worker without `key`,
    /// as its home knows.
    pub(crate) fn kill(&mut self, kill: Kill) -> Result<(), ShardError> {
        let is_home = self.shard_of(&kill.target) == self.identity.shard;
        if kill.target.key().is_none() && is_home {
            let Some(instance) = self.only_instance(&kill.target)? else {
                return self.nothing_to_kill(kill);
            };
            return self.kill(Kill {
                target: instance,
                ..kill
            });
        }
        let found = self.take(&kill.target)?;
        let Some((place, mut instance)) = found else {
            return self.nothing_to_kill(kill);
        };
        if instance.record.status != InstanceStatus::Running {
            self.hot.put(place, instance, false);
            return self.nothing_to_kill(kill);
        }
        instance.record.step += 1;
        instance.record.cause = kill.stamp.clone();
        let given = Given::input(kill.stamp, TurnInput::Kill { from: kill.from });
        self.note_end_outside(&mut instance, &given, &TurnOutcome::Killed)?;
        self.end_run(&mut instance, InstanceStatus::Killed, None, None)?;
        self.hot.put(place, instance, true);
        Ok(())
    }

    /// The instance that a bare name alone means: that of a worker without `key`.
    pub(crate) fn only_instance(&mut self, name: &Address) -> Result<Option<Address>, ShardError> {
        let serving = self.programs.serving(&*self.store, name)?;
        let is_single = serving.is_some_and(|(_, _, facts)| !facts.keyed);
        Ok(is_single.then(|| name.with_key(DEFAULT_KEY).ok()).flatten())
    }

    fn nothing_to_kill(&mut self, kill: Kill) -> Result<(), ShardError> {
        if self.shard_of(&kill.target) != self.identity.shard {
            return self.send(Parcel::Kill(kill));
        }
        let fate = MessageFate::Killed { found: false };
        self.note(&kill.stamp, kill.from, &kill.target, fate);
        Ok(())
    }

    /// Fires a worker's timer.
    pub(crate) fn fire(
        &mut self,
        address: &Address,
        timer: u64,
        cause: &transport::Stamp,
    ) -> Result<(), ShardError> {
        let Some((place, mut instance)) = self.take(address)? else {
            return Ok(());
        };
        let set = instance
            .record
            .timers
            .iter()
            .position(|set| set.timer == timer && set.due_ms <= self.now_ms);
        let running = instance.record.status == InstanceStatus::Running;
        let (Some(at), true) = (set, running) else {
            self.hot.put(place, instance, false);
            return Ok(());
        };
        instance.record.timers.remove(at);
        if instance.record.holds_still() {
            instance.record.retry_timers.push(timer);
            self.hot.put(place, instance, true);
            return Ok(());
        }
        let stamp = self.input_stamp(&instance.record, cause, HopKind::Timer);
        let input = TurnInput::Timer { timer };
        self.turn(place, instance, &Given::input(stamp, input))
    }

    /// Takes the place that the due timer of an instance names as its jobs.
    pub(crate) fn timer_job(&mut self, due: super::timers::Due) -> Result<(), ShardError> {
        let job = match due.kind {
            TimerKind::Rest => Job::Rested(due.owner),
            TimerKind::Service => Job::Service(due.owner),
            TimerKind::Retire => Job::Retire {
                instance: due.owner,
                ended_ms: due.timer,
            },
            TimerKind::Idle => Job::Idle(due.owner),
            TimerKind::Tick => Job::Tick(due.owner),
            TimerKind::Unread => Job::Unread(due.owner),
            TimerKind::Worker => {
                let Some((place, instance)) = self.take(&due.owner)? else {
                    return Ok(());
                };
                let mut set = instance.record.timers.iter();
                let cause = set
                    .find(|set| set.timer == due.timer && set.due_ms == due.due_ms)
                    .map(|set| set.cause.clone());
                self.hot.put(place, instance, false);
                let Some(cause) = cause else { return Ok(()) };
                Job::Timer {
                    instance: due.owner,
                    timer: due.timer,
                    cause,
                }
            }
        };
        self.push(job);
        Ok(())
    }
}
