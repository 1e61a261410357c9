//! What runs turns, as the shard sees it: programs, runs, inputs and effects as plain data.
//!
//! Before it: the run queue, which gives an input to a run. After it: effects, which the shard makes
//! into messages. Guarantees asked of an engine: pure and total; a turn that traps or panics leaves
//! its run as it was. Leaves to others: ids, stamps, queues, timers, restarts.
//!
//! Production runs scripts ([`script`]); simulations of the core may run a model, which is faster.

pub(crate) mod exit;
#[cfg(any(test, feature = "model"))]
pub mod model;
pub mod script;

use std::sync::Arc;

use bytes::Bytes;
use transport::Address;
use vm::reactive::Part;
use vm::{CallId, Intent};

use crate::message::Body;
use crate::record::{Failure, TurnInput};

/// Makes programs out of bytes.
pub trait Engine: Send + Sync {
    /// Reads and verifies a program.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes.
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Program>, String>;
}

/// A program whose runs can be made.
pub trait Program: Send + Sync {
    /// The worker of that name, exported or not.
    fn worker(&self, name: &str) -> Option<WorkerFacts>;

    /// The names of the exported workers.
    fn exported(&self) -> Vec<String>;

    /// The key of the instance that takes a message to the bare name of a keyed worker.
    ///
    /// # Errors
    ///
    /// A script error, or a result that is no key.
    fn key_of(
        &self,
        worker: &str,
        body: &Body,
        limits: &vm::limits::Limits,
    ) -> Result<String, Failure>;

    /// The rest in milliseconds before restart number `failures` of a worker; none where it stays
    /// failed.
    fn rest_after_ms(&self, worker: &str, failures: u32) -> Option<u64>;

    /// When runs of a worker are started by the clock.
    fn schedule(&self, worker: &str) -> Option<&vm::schedule::Schedule>;

    /// A run that was not started. None where the program has no such worker.
    fn start(&self, worker: &str, address: &Address, run: [u8; 16]) -> Option<Box<dyn Run>>;

    /// A run as [`Run::snapshot`] left it.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes.
    fn resume(&self, snapshot: &[u8]) -> Result<Box<dyn Run>, String>;
}

/// What the shard must know of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Whether it can be addressed by its name.
    pub exported: bool,
    /// Starts when deployed, or on the first message to a key.
    pub daemon: bool,
    /// Messages to the bare name are spread over instances by a key.
    pub keyed: bool,
    /// A message to an ended instance starts a new run.
    pub reused: bool,
    /// A failed run goes on after a rest.
    pub restarts: bool,
    /// It goes on from the beginning, not from the wait at which the failing turn began.
    pub restarts_from_start: bool,
    /// How long it may receive nothing before it ends, where the script says so, in milliseconds.
    pub idle_ms: Option<u64>,
    /// How long an ended run is kept, where the script says so, in milliseconds.
    pub retention_ms: Option<u64>,
    /// It is a reactive function: begun by who reads it, and it takes no messages.
    pub reactive: bool,
}

/// One run of a worker between two turns.
pub trait Run: Send {
    /// Runs one input until the worker waits again. When it traps or panics, the run is as before.
    fn turn(&mut self, input: Input<'_>, context: &Context<'_>) -> Ran;

    /// Whether a message can be given to it now.
    fn accepts_messages(&self) -> bool;

    /// Whether it waits for the reply to a call.
    fn awaits(&self, call: CallId) -> bool;

    /// Its bytes.
    fn snapshot(&self) -> Bytes;

    /// A copy, to go back to after a failure whose effects stand.
    fn copy(&self) -> Box<dyn Run>;

    /// Goes back to `before`, but keeps what must not be used twice: counters that ids come from.
    fn go_back_to(&mut self, before: &dyn Run);

    /// What those who read a part of it are told; none where nothing of it can be read.
    fn told(&self, _part: &Part, _limits: &vm::limits::Limits) -> Option<Body> {
        None
    }

    /// For engines to know their own runs.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// What makes a run take a turn.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The first of a run.
    Start {
        /// Its configuration.
        config: &'a Body,
        /// Where its outbox goes.
        outbox: Option<&'a Address>,
    },
    /// A message.
    Message {
        /// What was said.
        body: &'a Body,
        /// The sender, where it can be answered.
        from: Option<&'a Address>,
        /// The call that waits for a reply to it.
        call: Option<CallId>,
    },
    /// The reply to a call.
    Reply {
        /// Which call.
        call: CallId,
        /// What was answered.
        body: &'a Body,
        /// Who answered.
        from: Option<&'a Address>,
    },
    /// A timer that it set is due.
    Timer {
        /// Its number.
        timer: u64,
    },
    /// A source has told something.
    Told {
        /// Which subscription.
        watch: CallId,
        /// What was told.
        body: &'a Body,
        /// The step of the source that made it.
        version: u64,
        /// The source.
        from: Option<&'a Address>,
    },
}

impl Input<'_> {
    /// What a recorded input gives to a run; none for an end from outside, which runs no script.
    #[must_use]
    pub fn of(input: &TurnInput) -> Option<Input<'_>> {
        Some(match input {
            TurnInput::Start { config, outbox, .. } => Input::Start {
                config,
                outbox: outbox.as_ref(),
            },
            TurnInput::Message { from, body, call } => Input::Message {
                body,
                from: from.as_ref(),
                call: *call,
            },
            TurnInput::Reply { from, body, call } => Input::Reply {
                call: *call,
                body,
                from: from.as_ref(),
            },
            TurnInput::Timer { timer } => Input::Timer { timer: *timer },
            TurnInput::Told {
                from,
                body,
                watch,
                version,
            } => Input::Told {
                watch: *watch,
                body,
                version: *version,
                from: from.as_ref(),
            },
            TurnInput::Idle | TurnInput::Kill { .. } => return None,
        })
    }
}

/// What a turn is given besides.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Shard time in milliseconds.
    pub now_ms: u64,
    /// Chance.
    pub seed: [u8; 16],
    /// What it may use.
    pub limits: &'a vm::limits::Limits,
}

/// What a turn did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What it wants done, in order. Empty after a trap.
    pub effects: Vec<Effect>,
    /// Whether its wait did not want the message.
    pub dropped: bool,
    /// Whether the reply came after its call had ended.
    pub late: bool,
    /// Whether messages that it did not want yet may be wanted now, or are to be dropped.
    pub offers_again: bool,
    /// Lines of `console.log`.
    pub console: Vec<String>,
    /// Instructions that it took.
    pub instructions: u64,
}

impl Ran {
    /// A turn that failed before it did anything.
    pub(crate) fn trapped(failure: Failure) -> Ran {
        Ran {
            end: End::Trapped(failure),
            effects: Vec::new(),
            dropped: false,
            late: false,
            offers_again: false,
            console: Vec::new(),
            instructions: 0,
        }
    }
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It waits for its next input.
    Waiting,
    /// The run is over.
    Completed(Body),
    /// The run failed by `fail`; what the turn did stands.
    Failed(Failure),
    /// A script error: the turn is undone.
    Trapped(Failure),
    /// It ended itself.
    KilledSelf,
    /// It does not want the message yet: nothing has changed, and the mailbox keeps the message until a
    /// turn says that messages are to be offered again.
    Kept,
}

/// What a turn wants done. Addresses are in the namespace of the worker.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A message; without a target, to the worker's outbox.
    Send {
        /// To whom.
        to: Option<Target>,
        /// What is said.
        body: Body,
        /// Whether it asks for a reply, or is one.
        intent: Intent,
    },
    /// A child.
    Spawn {
        /// Its address.
        child: Target,
        /// Which worker of the program.
        worker: String,
        /// Its configuration.
        config: Body,
        /// Where its outbox goes.
        outbox: Option<Target>,
        /// Whether its end is told to the parent.
        watch: bool,
    },
    /// An end.
    Kill {
        /// Whose.
        target: Target,
    },
    /// Give the run this timer at a time.
    SetTimer {
        /// Its number.
        timer: u64,
        /// When, in milliseconds.
        at_ms: u64,
    },
    /// A timer is not needed any more.
    CancelTimer {
        /// Its number.
        timer: u64,
    },
    /// Give the run what a source is, now and whenever it changes.
    Subscribe {
        /// The number within the run.
        watch: u64,
        /// The source.
        to: Target,
        /// What of it is read.
        request: Body,
    },
    /// A subscription is not needed any more.
    Unsubscribe {
        /// The number within the run.
        watch: u64,
    },
}

/// A name and perhaps a key, as a script knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Worker or service.
    pub name: String,
    /// Instance.
    pub key: Option<String>,
}
