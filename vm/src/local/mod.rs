//! A local run: one instance and the other workers of its module, on a virtual clock.
//!
//! A caller gives messages with times; out come the sends of all workers, in the order of one
//! first-in-first-out queue. No input or output, no real time: the same program, messages and seed give
//! the same events. It is what `run` and tests of workers use; durability and distribution are left to
//! the cluster.

mod idle;
mod instances;
mod lines;
mod reading;
mod report;
mod routing;
mod setting;
#[cfg(test)]
mod setting_tests;
mod turns;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;
use std::sync::Arc;

use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::Limits;
use crate::program::Program;
use crate::turn::{CallId, Intent};

pub use lines::{LineError, LocalMessage, parse_line};

use instances::Instance;
pub(crate) use routing::is_child;
pub(crate) use setting::{Refused, label};

/// The virtual clock's start unless asked otherwise: 2000-01-01T00:00Z.
pub const DEFAULT_NOW_MS: u64 = 946_684_800_000;

/// How long after the last message a run goes on unless asked otherwise: an hour.
pub const DEFAULT_AFTER_LAST_MS: u64 = 3_600_000;

/// The key of a worker without `key`.
pub const DEFAULT_KEY: &str = "default";

/// What a local run is started with.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// The worker to run; may be left out where the module exports one only.
    pub worker: Option<String>,
    /// The key of the instance; `default` where left out.
    pub key: Option<String>,
    /// Its config.
    pub config: Data,
    /// The virtual clock's start, in milliseconds since 1970.
    pub now_ms: u64,
    /// What chance comes from.
    pub seed: u64,
    /// When the run ends at the latest, in virtual milliseconds from its start.
    pub until_ms: Option<u64>,
    /// What turns may use.
    pub limits: Limits,
    /// How many turns may follow from one message or timer: a circle of workers that never rests ends here.
    pub turns_max: u64,
    /// Whether only the instance and its children run: what they send to others is reported and goes
    /// nowhere. Otherwise all workers of the module run.
    pub alone: bool,
}

impl Default for LocalOptions {
    fn default() -> LocalOptions {
        LocalOptions {
            worker: None,
            key: None,
            config: Data::Undefined,
            now_ms: DEFAULT_NOW_MS,
            seed: 0,
            until_ms: None,
            limits: Limits::default(),
            turns_max: 1_000_000,
            alone: false,
        }
    }
}

/// Something that happened in a local run.
#[derive(Clone, Debug, PartialEq)]
pub enum LocalEvent {
    /// A worker sent a message.
    Sent {
        /// Virtual milliseconds from the start.
        at_ms: u64,
        /// Who.
        from: Address,
        /// `outbox`, `NAME/KEY` of a worker of the run, or the bare name of a service.
        to: String,
        /// What.
        message: Data,
        /// What it is for.
        intent: Intent,
    },
    /// A message could not be given to anyone, or the turn that took it failed.
    DeadLetter {
        /// Virtual milliseconds from the start.
        at_ms: u64,
        /// For whom.
        to: Address,
        /// What.
        message: Data,
        /// Why.
        cause: ScriptError,
    },
    /// A worker failed; it goes on later where its options say so.
    Failed {
        /// Virtual milliseconds from the start.
        at_ms: u64,
        /// Which.
        worker: Address,
        /// Why.
        error: ScriptError,
        /// When it goes on, if it does.
        restarts_at_ms: Option<u64>,
    },
    /// A reply came when nobody waited for it any more, and was dropped.
    Late {
        /// Virtual milliseconds from the start.
        at_ms: u64,
        /// Who had called.
        to: Address,
        /// What was answered.
        message: Data,
    },
    /// `console.log`
    Console {
        /// Virtual milliseconds from the start.
        at_ms: u64,
        /// Which worker.
        worker: Address,
        /// What it wrote.
        line: String,
    },
}

/// How the instance stands at the end of a local run.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalEnd {
    /// Completed, failed, waiting or killed.
    pub status: LocalStatus,
    /// What `complete` was given; `undefined` otherwise.
    pub result: Data,
    /// Why it failed.
    pub error: Option<ScriptError>,
    /// The values of the open `withState` blocks, outermost first.
    pub state: Vec<Data>,
}

/// How an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalStatus {
    /// It waits for a message or a timer.
    Waiting,
    /// It completed.
    Completed,
    /// It failed and does not go on by itself.
    Failed,
    /// It was killed.
    Killed,
}

/// Why a local run cannot start or go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// The module has no such worker.
    #[error("the module has no worker `{name}`: it has {known}")]
    UnknownWorker {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The module exports several workers and none was named.
    #[error("the module has several workers: name one of {known}")]
    WhichWorker {
        /// The names that there are.
        known: String,
    },
    /// Time would go backwards.
    #[error("a message at {at_ms} ms comes after one at {before_ms} ms: times have to go forwards")]
    Backwards {
        /// The time of the message.
        at_ms: u64,
        /// The time of the one before.
        before_ms: u64,
    },
    /// A circle of workers that never rests.
    #[error(
        "more than {turns_max} turns followed from one message or timer: workers send to each other without end"
    )]
    Endless {
        /// How many turns were allowed.
        turns_max: u64,
    },
}

/// The program of a run: the caller's, or shared with others.
#[derive(Clone)]
enum Held<'p> {
    Borrowed(&'p Program),
    Shared(Arc<Program>),
}

impl Deref for Held<'_> {
    type Target = Program;

    fn deref(&self) -> &Program {
        match self {
            Held::Borrowed(program) => program,
            Held::Shared(program) => program,
        }
    }
}

impl LocalRun<'static> {
    /// As [`LocalRun::new`], for a run that keeps its program.
    pub fn of_shared(
        program: Arc<Program>,
        options: LocalOptions,
    ) -> Result<LocalRun<'static>, LocalError> {
        LocalRun::prepare(Held::Shared(program), options)
    }
}

/// A local run.
pub struct LocalRun<'p> {
    program: Held<'p>,
    options: LocalOptions,
    root: Address,
    instances: BTreeMap<Address, Instance>,
    queue: VecDeque<routing::Item>,
    /// Due time and a number that keeps the order of those due at once.
    timers: BTreeMap<(u64, u64), turns::Alarm>,
    readers: reading::Readers,
    set: setting::SetSources,
    numbers: u64,
    /// Virtual milliseconds since the start.
    clock_ms: u64,
    events: Vec<LocalEvent>,
    turns: u64,
}

impl<'p> LocalRun<'p> {
    /// Prepares a run; the instance starts with the first call of `deliver`, `advance` or `finish`.
    pub fn new(program: &'p Program, options: LocalOptions) -> Result<LocalRun<'p>, LocalError> {
        LocalRun::prepare(Held::Borrowed(program), options)
    }

    fn prepare(program: Held<'p>, options: LocalOptions) -> Result<LocalRun<'p>, LocalError> {
        let name = named_worker(&program, options.worker.as_deref())?;
        let key = options.key.clone();
        let key = key.unwrap_or_else(|| DEFAULT_KEY.to_owned());
        let root = Address::keyed(name, key);
        let mut run = LocalRun {
            program,
            options,
            root,
            instances: BTreeMap::new(),
            queue: VecDeque::new(),
            timers: BTreeMap::new(),
            readers: reading::Readers::default(),
            set: setting::SetSources::default(),
            numbers: 0,
            clock_ms: 0,
            events: Vec::new(),
            turns: 0,
        };
        if !run.options.alone {
            run.start_daemons();
        }
        let (root, config) = (run.root.clone(), run.options.config.clone());
        run.queue.push_back(routing::Item::Start {
            address: root,
            config,
            outbox: None,
            watcher: None,
        });
        Ok(run)
    }

    /// Runs a list of messages to its end, as `run` does.
    pub fn run(
        mut self,
        messages: &[LocalMessage],
    ) -> Result<(Vec<LocalEvent>, LocalEnd), LocalError> {
        let mut last_ms = 0;
        for message in messages {
            last_ms = message.at_ms.unwrap_or(last_ms);
            self.deliver(last_ms, message.body.clone())?;
        }
        let until_ms = self
            .options
            .until_ms
            .unwrap_or(last_ms.saturating_add(DEFAULT_AFTER_LAST_MS));
        self.advance(until_ms)?;
        Ok((std::mem::take(&mut self.events), self.end()))
    }

    /// Lets time pass to a moment and gives the instance a message; then everything that follows at
    /// that moment happens.
    pub fn deliver(&mut self, at_ms: u64, body: Data) -> Result<(), LocalError> {
        if at_ms < self.clock_ms {
            return Err(LocalError::Backwards {
                at_ms,
                before_ms: self.clock_ms,
            });
        }
        self.advance(at_ms)?;
        let to = self.root.clone();
        self.give_message(to, None, body, Intent::Tell)
    }

    /// Gives an instance a message now, from a sender that it can answer; an answer finds the call that
    /// it is for. Then everything that follows at this moment happens.
    pub fn give_message(
        &mut self,
        to: Address,
        sender: Option<Address>,
        body: Data,
        intent: Intent,
    ) -> Result<(), LocalError> {
        self.queue.push_back(routing::Item::Deliver {
            to,
            sender,
            body,
            intent,
        });
        self.settle()
    }

    /// Lets time pass to a moment; timers fire in order.
    pub fn advance(&mut self, to_ms: u64) -> Result<(), LocalError> {
        self.settle()?;
        while let Some(entry) = self
            .timers
            .first_entry()
            .filter(|entry| entry.key().0 <= to_ms)
        {
            let ((due_ms, _), alarm) = entry.remove_entry();
            self.clock_ms = self.clock_ms.max(due_ms);
            self.turns = 0;
            self.ring(&alarm);
            self.settle()?;
        }
        self.clock_ms = self.clock_ms.max(to_ms);
        Ok(())
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<LocalEvent> {
        std::mem::take(&mut self.events)
    }

    /// How the instance stands now.
    pub fn end(&self) -> LocalEnd {
        self.end_of(&self.root).unwrap_or_else(|| LocalEnd {
            status: LocalStatus::Waiting,
            result: Data::Undefined,
            error: None,
            state: Vec::new(),
        })
    }

    /// How any instance of the run stands, where there is one.
    pub fn end_of(&self, address: &Address) -> Option<LocalEnd> {
        self.instances.get(address).map(Instance::end)
    }

    /// The value of the open `withState` block of an instance that has a name by `as`, or of the
    /// outermost one.
    pub fn state_of(&self, address: &Address, name: Option<&str>) -> Option<Data> {
        let worker = &self.instances.get(address)?.worker;
        match name {
            None => worker.open_states().into_iter().next(),
            Some(name) => {
                let mut named = worker.named_states(&self.program).into_iter();
                named.find(|(known, _)| known == name).map(|found| found.1)
            }
        }
    }

    /// The instances that were spawned, in the order of their addresses.
    pub fn children(&self) -> impl Iterator<Item = &Address> {
        let all = self.instances.keys();
        all.filter(|address| is_child(address))
    }

    /// Whether an instance waits for the reply to a call, or for the first answer to an effect.
    pub fn waits_for(&self, address: &Address, call: CallId) -> bool {
        let instance = self.instances.get(address);
        let alive = instance.filter(|instance| instance.is_alive());
        alive.is_some_and(|instance| {
            let effects = instance.worker.effects().into_iter();
            let mut unanswered = effects.filter(|(_, _, is_answered)| !is_answered);
            instance.worker.calls().any(|known| known == call)
                || unanswered.any(|(known, ..)| known == call)
        })
    }

    /// When the next timer fires, in virtual milliseconds from the start.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.timers.keys().next().map(|(due_ms, _)| *due_ms)
    }

    /// The instance that the run is about.
    pub fn root(&self) -> &Address {
        &self.root
    }

    /// The virtual time, in milliseconds from the start.
    pub fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Takes items from the queue until none is left.
    fn settle(&mut self) -> Result<(), LocalError> {
        self.turns = 0;
        while let Some(item) = self.queue.pop_front() {
            self.take(item);
            if self.turns > self.options.turns_max {
                return Err(LocalError::Endless {
                    turns_max: self.options.turns_max,
                });
            }
        }
        Ok(())
    }
}

/// The worker to run: the one that was asked for, or the only one.
pub(crate) fn named_worker(program: &Program, asked: Option<&str>) -> Result<String, LocalError> {
    let exported: Vec<&str> = program
        .workers()
        .filter(|worker| worker.exported)
        .map(|worker| worker.name.as_str())
        .collect();
    let known = || {
        let quoted: Vec<String> = exported.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    // A reactive function is read by a worker, which is what a run is about.
    let workers: Vec<&str> = program
        .workers()
        .filter(|worker| worker.exported && !worker.options.reactive)
        .map(|worker| worker.name.as_str())
        .collect();
    match asked {
        Some(name) if exported.contains(&name) => Ok(name.to_owned()),
        Some(name) => Err(LocalError::UnknownWorker {
            name: name.to_owned(),
            known: known(),
        }),
        None => match (workers.as_slice(), exported.as_slice()) {
            ([only], _) | ([], [only]) => Ok((*only).to_owned()),
            _ => Err(LocalError::WhichWorker { known: known() }),
        },
    }
}
