//! The beginning of runs: spawned, started, or begun by a message.
//!
//! Before it: `deliver`, spawns, the door's starts, activation. After it: the run's first turn.
//! Guarantees: a run keeps the program it began with; an instance keeps its slot over all its runs.
//! Leaves to others: ends and restarts.

use transport::{Address, HopKind, MessageId, RunId, Stamp};

use super::hot::{Instance, Place};
use super::queue::Job;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::codes;
use crate::message::{Body, Parcel, ProgramId, Spawn};
use crate::record::{
    Failure, InstanceRecord, InstanceStatus, Mailbox, MessageFate, Span, TurnInput,
};

impl Shard {
    /// Queues the start of a run that nobody asked for: of a daemon, or by a schedule.
    pub(crate) fn start_root(&mut self, child: Address, program: ProgramId) {
        let stamp = self.own_stamp(None);
        let worker = child.name().to_owned();
        self.push(Job::Parcel(Parcel::Spawn(Spawn {
            stamp,
            child,
            program,
            worker,
            config: Body::default(),
            outbox: None,
            watcher: None,
            hops: 0,
        })));
    }

    /// A spawn from a parent, or a start that its home sent on.
    pub(crate) fn spawn(&mut self, spawn: Spawn) -> Result<(), ShardError> {
        if self.shard_of(&spawn.child) != self.identity.shard {
            return self.send(crate::message::Parcel::Spawn(spawn));
        }
        let (stamp, child) = (spawn.stamp.clone(), spawn.child.clone());
        match self.start_run(spawn, true)? {
            Ok(()) => Ok(()),
            Err(cause) => {
                let message = crate::message::Message {
                    stamp,
                    from: None,
                    to: child,
                    program: None,
                    hops: 0,
                    body: crate::message::Body::default(),
                    intent: vm::Intent::Tell,
                };
                self.dead_letter(message, cause, None)
            }
        }
    }

    /// Begins a run and lets it take its first turn. `own_stamp` says that the spawn's stamp is the
    /// start's own; else it is that of the message which begins the run.
    pub(crate) fn start_run(
        &mut self,
        spawn: Spawn,
        own_stamp: bool,
    ) -> Result<Result<(), Failure>, ShardError> {
        let Some(program) = self.programs.get(&*self.store, spawn.program)? else {
            return Ok(Err(Failure::new(
                codes::UNKNOWN_PROGRAM,
                format!(
                    "the program {} is not installed in this shard",
                    spawn.program
                ),
            )));
        };
        let existing = self.take(&spawn.child)?;
        if let Some((place, instance)) = existing {
            if instance.record.status == InstanceStatus::Running {
                let step = None;
                self.hot.put(place, instance, false);
                self.note_start(&spawn, step);
                return Ok(Ok(()));
            }
            return self.begin(spawn, &program, place, Some(instance), own_stamp);
        }
        let place = self.hot.place(spawn.child.clone());
        self.begin(spawn, &program, place, None, own_stamp)
    }

    fn begin(
        &mut self,
        spawn: Spawn,
        program: &std::sync::Arc<dyn crate::engine::Program>,
        place: Place,
        existing: Option<Box<Instance>>,
        own_stamp: bool,
    ) -> Result<Result<(), Failure>, ShardError> {
        let run_number = self.meta.runs + 1;
        let run_id = RunId::derived(&self.run_origin(run_number));
        let Some(run) = program.start(&spawn.worker, &spawn.child, run_id.0) else {
            match existing {
                Some(instance) => self.hot.put(place, instance, false),
                None => self.hot.forget(place),
            }
            return Ok(Err(Failure::new(
                codes::UNKNOWN_WORKER,
                format!(
                    "the program {} has no worker {}",
                    spawn.program, spawn.worker
                ),
            )));
        };
        self.meta.runs = run_number;
        let stamp = spawn.stamp.clone();
        let hops = spawn.hops;
        let input = TurnInput::Start {
            program: spawn.program,
            worker: spawn.worker.clone(),
            config: spawn.config.clone(),
            outbox: spawn.outbox.clone(),
        };
        let mut instance = match existing {
            Some(mut instance) => {
                self.renew(&mut instance.record, spawn, run_id, run_number);
                instance
            }
            None => {
                self.meta.slots += 1;
                Instance::new(self.fresh(spawn, run_id, run_number))
            }
        };
        instance.run = Some(run);
        let facts = program.worker(&instance.record.worker).unwrap_or_default();
        self.watch_idle(&mut instance, &facts);
        let stamp = if own_stamp {
            stamp
        } else {
            self.input_stamp(&instance.record, &stamp, HopKind::Turn)
        };
        let given = Given {
            hops,
            ..Given::input(stamp, input)
        };
        self.turn(place, instance, &given)?;
        Ok(Ok(()))
    }

    fn fresh(&self, spawn: Spawn, run: RunId, run_number: u64) -> InstanceRecord {
        InstanceRecord {
            address: spawn.child,
            slot: self.meta.slots,
            run,
            run_number,
            status: InstanceStatus::Running,
            program: spawn.program,
            worker: spawn.worker,
            step: 0,
            history_first: 1,
            snapshot: None,
            config: spawn.config,
            outbox: spawn.outbox,
            watcher: spawn.watcher,
            mailbox: Mailbox::default(),
            wake_queued: false,
            timers: Vec::new(),
            output: Span::default(),
            failures: 0,
            rests_until_ms: None,
            is_paused: false,
            retry_timers: Vec::new(),
            retry_replies: Vec::new(),
            heard_ms: self.now_ms,
            idle: None,
            sources: Vec::new(),
            unread_until_ms: None,
            started_ms: self.now_ms,
            ended_ms: None,
            result: None,
            error: None,
            cause: spawn.stamp,
            chain: [0; 16],
        }
    }

    /// The record of an ended instance for its next run: what belongs to the instance stays.
    fn renew(&self, record: &mut InstanceRecord, spawn: Spawn, run: RunId, run_number: u64) {
        let old = record.clone();
        *record = InstanceRecord {
            slot: old.slot,
            step: old.step,
            history_first: old.history_first,
            mailbox: Mailbox {
                offered: old.mailbox.first,
                ..old.mailbox
            },
            wake_queued: old.wake_queued,
            output: old.output,
            chain: old.chain,
            ..self.fresh(spawn, run, run_number)
        };
    }

    /// The stamp of something that the shard itself makes happen.
    pub(crate) fn own_stamp(&mut self, cause: Option<&Stamp>) -> Stamp {
        self.meta.made += 1;
        let origin = self.run_origin(0).message(self.meta.made, 0);
        let time = self.tick();
        match cause {
            Some(cause) => cause.caused(MessageId::derived(cause.root, &origin, time), time),
            None => Stamp::root(MessageId::own(&origin), time, None),
        }
    }

    fn note_start(&mut self, spawn: &Spawn, step: Option<u64>) {
        self.note(
            &spawn.stamp,
            None,
            &spawn.child,
            MessageFate::Started { step },
        );
    }
}
