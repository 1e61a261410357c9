//! A worker between two turns: a plain value that can be stored, moved and resumed.
//!
//! `turn` is the only thing that changes it; `snapshot` writes and reads it. Its size depends on what
//! is open at its wait, never on its age. Mailbox, history and restarts are left to its host.

use crate::codes;
use crate::control::instruction::{BlockIndex, BlockKind};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::{Limit, Limits};
use crate::program::Program;
use crate::reactive::{Knowledge, Part, Source as Read, Told, told_error};
use crate::source::{Position, Source};
use crate::tree::WorkerIndex;
use crate::turn::{CallId, Target};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Who an instance is: its address, and the id of this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `NAME/KEY`; the key is always present.
    pub address: Address,
    /// The id of this run; new for each life of the instance.
    pub run: [u8; 16],
}

/// Why a worker could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The program has no worker of that name.
    #[error("the program has no worker `{name}`")]
    UnknownWorker {
        /// The name that was asked for.
        name: String,
    },
}

/// One run of an instance between two turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    pub(crate) definition: WorkerIndex,
    pub(crate) identity: Identity,
    pub(crate) phase: Phase,
    pub(crate) config: Data,
    pub(crate) outbox: Option<Address>,
    /// One, until commands that run side by side open more: each behind the one that opened it and
    /// before those that were opened later, so that their order is that of the text.
    pub(crate) branches: Vec<Branch>,
    /// Children started so far; part of a child's key.
    pub(crate) spawns: u64,
    /// Timers set so far; a timer's number within the run.
    pub(crate) timers: u64,
    /// Calls made so far; a call's number within the run.
    pub(crate) calls: u64,
    pub(crate) step: u64,
}

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Made, not started.
    New,
    /// Waits for a message or a timer.
    Waiting,
    /// Completed, failed or killed: no input does anything.
    Ended,
}

/// A thread of control: where it is, which blocks it has opened, and what they keep.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Branch {
    pub(crate) instruction: u32,
    /// The blocks that it has opened and not left, outermost first. A few take no memory of their own.
    pub(crate) frames: SmallVec<[BlockIndex; 4]>,
    /// One value for each of them that keeps one.
    pub(crate) stack: Vec<Slot>,
    /// What it waits for.
    pub(crate) wait: Wait,
    /// What its open sagas undo when they fail, in the order in which it was done: those of an inner saga
    /// behind those of an outer one.
    pub(crate) undos: Vec<Undo>,
    /// The branch inside whose blocks it runs, which comes before it in the list.
    pub(crate) parent: Option<u32>,
}

impl Clone for Branch {
    /// A copy is made to be run: it has room for what a turn most often opens, a message.
    fn clone(&self) -> Branch {
        Branch {
            instruction: self.instruction,
            frames: self.frames.clone(),
            stack: with_room(&self.stack),
            wait: self.wait.clone(),
            undos: self.undos.clone(),
            parent: self.parent,
        }
    }
}

/// A copy that can take one more without another allocation.
fn with_room<T: Clone>(items: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(items.len() + 1);
    copy.extend_from_slice(items);
    copy
}

impl Branch {
    /// What it counts for in the limit of a worker's state.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let undos = self.undos.last().map_or(0, |undo| undo.total_bytes);
        let slots = self.stack.iter();
        slots.fold(undos, |sum, slot| sum + slot.kept_bytes())
    }
}

/// How to undo a step of a saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) saga: BlockIndex,
    /// The commands that undo it.
    pub(crate) block: BlockIndex,
    /// The blocks between the saga and these commands, outermost first, as they were open.
    pub(crate) frames: Vec<BlockIndex>,
    /// What they kept.
    pub(crate) stack: Vec<Slot>,
    /// What this undo and all before it in its branch count for in the limit of a worker's state.
    pub(crate) total_bytes: u64,
}

impl Undo {
    /// What an undo counts for by itself.
    pub(crate) fn own_bytes(frames: &[BlockIndex], stack: &[Slot]) -> u64 {
        const UNDO_BYTES: u64 = 64;
        const FRAME_BYTES: u64 = 8;
        let slots = stack.iter().map(Slot::size_bytes);
        UNDO_BYTES + FRAME_BYTES * frames.len() as u64 + slots.sum::<u64>()
    }
}

/// What a branch waits for between two turns.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// Nothing: it is to be run, or the run has not begun or is over.
    #[default]
    Ready,
    /// The branches that it has opened.
    Branches,
    /// A message that is offered to it, or the timer that ends its patience.
    Message { timer: Option<u64> },
    /// A timer; messages are kept for it.
    Time { timer: u64 },
    /// The reply to a call, or the timer of its time; messages are kept for it.
    Reply {
        call: PendingCall,
        timer: Option<u64>,
    },
    /// A value that matches, of the source of this subscription; messages are kept for it.
    Value { watch: u64, timer: Option<u64> },
    /// What its sources tell: it is a reactive function.
    Sources(Box<Knowledge>),
}

/// A call that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingCall {
    /// Its number within the run.
    pub(crate) number: u64,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// Whether it rests before it is sent again.
    pub(crate) rests: bool,
    /// What is sent again, where the command says so.
    pub(crate) question: Option<Box<Question>>,
}

/// What a call says, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) to: Target,
    pub(crate) message: Data,
}

impl Wait {
    /// The timer that ends the wait, where there is one.
    pub(crate) fn timer(&self) -> Option<u64> {
        match self {
            Wait::Ready | Wait::Branches | Wait::Sources(_) => None,
            Wait::Message { timer } | Wait::Reply { timer, .. } | Wait::Value { timer, .. } => {
                *timer
            }
            Wait::Time { timer } => Some(*timer),
        }
    }

    /// The timers that it has set.
    pub(crate) fn timers(&self) -> impl Iterator<Item = u64> {
        let clocks = match self {
            Wait::Sources(knowledge) => knowledge.sources.as_slice(),
            _ => &[],
        };
        let clocks = clocks.iter().filter_map(|known| known.timer);
        self.timer().into_iter().chain(clocks)
    }
}

/// What an open block keeps. Addresses are data, so that functions can be given them without a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Slot {
    State(Data),
    /// The sender is an address, or `undefined` for a message from outside; `call` is its call that
    /// waits for a reply.
    Message {
        body: Data,
        sender: Data,
        call: Option<CallId>,
    },
    /// An address.
    Child(Data),
    /// Of an attempt.
    Attempt {
        failures: u32,
    },
    /// What an attempt failed with.
    Failure(Data),
    /// An array, and the place of the item that a loop over it has come to.
    Items {
        items: Data,
        at: u32,
    },
    /// Of a saga: what it fails with, while its undos run.
    Saga {
        failure: Option<Box<ScriptError>>,
    },
}

impl Slot {
    /// The size of its value.
    fn size_bytes(&self) -> u64 {
        match self {
            Slot::State(value)
            | Slot::Items { items: value, .. }
            | Slot::Message { body: value, .. }
            | Slot::Child(value)
            | Slot::Failure(value) => u64::from(value.shape().byte_count),
            Slot::Attempt { .. } | Slot::Saga { .. } => 0,
        }
    }

    /// What it counts for in the limit of a worker's state.
    pub(crate) fn kept_bytes(&self) -> u64 {
        match self {
            Slot::State(value) | Slot::Items { items: value, .. } => {
                u64::from(value.shape().byte_count)
            }
            _ => 0,
        }
    }
}

impl Worker {
    /// A run that has not started. Its first input is `Start`.
    pub fn new(program: &Program, worker: &str, identity: Identity) -> Result<Worker, WorkerError> {
        let definition = program
            .index_of(worker)
            .ok_or_else(|| WorkerError::UnknownWorker {
                name: worker.to_owned(),
            })?;
        Ok(Worker {
            definition,
            identity,
            phase: Phase::New,
            config: Data::Undefined,
            outbox: None,
            branches: vec![Branch::default()],
            spawns: 0,
            timers: 0,
            calls: 0,
            step: 0,
        })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The name of its definition in the program: that of its address.
    pub fn name(&self) -> &str {
        &self.identity.address.name
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What it was started with.
    pub fn config(&self) -> &Data {
        &self.config
    }

    /// Where its output goes, unless it is the root whose output the host publishes.
    pub fn outbox(&self) -> Option<&Address> {
        self.outbox.as_ref()
    }

    /// Turns so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Whether a message can be given to it now. False before its start, in a delay or call (the mailbox
    /// keeps the message) and after its end.
    pub fn accepts_messages(&self) -> bool {
        let waits = |branch: &Branch| matches!(branch.wait, Wait::Message { .. });
        self.phase == Phase::Waiting && self.branches.iter().any(waits)
    }

    /// The timers that it waits for: of delays, and of waits that give up after a time.
    pub fn timers(&self) -> impl Iterator<Item = u64> {
        self.branches.iter().flat_map(|branch| branch.wait.timers())
    }

    /// The calls whose replies it waits for.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        let run = self.identity.run;
        self.branches
            .iter()
            .filter_map(move |branch| match &branch.wait {
                Wait::Reply { call, .. } => Some(CallId {
                    run,
                    number: call.number,
                }),
                _ => None,
            })
    }

    /// The questions to services that it keeps as sources, where it is a reactive function, and whether an
    /// answer has come.
    pub(crate) fn effects(&self) -> Vec<(CallId, Read, bool)> {
        let run = self.identity.run;
        let Some(Wait::Sources(knowledge)) = self.branches.first().map(|branch| &branch.wait)
        else {
            return Vec::new();
        };
        let effects = knowledge.effects().into_iter();
        effects
            .map(|(number, source, is_answered)| (CallId { run, number }, source, is_answered))
            .collect()
    }

    /// The subscriptions that it has: of waits for a value, and of a reactive function.
    pub fn watches(&self) -> impl Iterator<Item = CallId> {
        let run = self.identity.run;
        let numbers = self.branches.iter().flat_map(|branch| match &branch.wait {
            Wait::Value { watch, .. } => vec![*watch],
            Wait::Sources(knowledge) => knowledge.subscriptions(),
            _ => Vec::new(),
        });
        numbers.map(move |number| CallId { run, number })
    }

    /// The values of the open `withState` blocks, outermost first.
    pub fn open_states(&self) -> Vec<Data> {
        let slots = self.branches.iter().flat_map(|branch| &branch.stack);
        slots
            .filter_map(|slot| {
                if let Slot::State(value) = slot {
                    Some(value.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    /// The open `withState` blocks that have a name by `as`, outermost first.
    pub fn named_states(&self, program: &Program) -> Vec<(String, Data)> {
        let Some(definition) = program.definition(self.definition) else {
            return Vec::new();
        };
        let mut named = Vec::new();
        for branch in &self.branches {
            let mut values = branch.stack.iter();
            for frame in &branch.frames {
                let block = definition.code.blocks.get(frame.0 as usize);
                let Some(kind) = block.map(|block| &block.kind) else {
                    continue;
                };
                let value = kind.handle().and_then(|_| values.next());
                if let (BlockKind::State { name, .. }, Some(Slot::State(value))) = (kind, value) {
                    named.extend(name.clone().map(|name| (name, value.clone())));
                }
            }
        }
        named
    }

    /// What those who read a part of it are told. A state that is not open is `undefined`.
    pub fn told(&self, program: &Program, part: &Part, limits: &Limits) -> Data {
        let wait = self.branches.first().map(|branch| &branch.wait);
        match (part, wait) {
            (Part::Result, Some(Wait::Sources(knowledge))) => {
                knowledge.told(&self.identity.address).to_data()
            }
            (Part::Result, _) if self.is_reactive(program) => {
                let what = format!("the reactive function {} has ended", self.identity.address);
                told_error(codes::ENDED.code, &what)
            }
            (Part::Result, _) => {
                let name = self.name();
                let what = format!(
                    "`{name}` is a worker, not a reactive function: read one of its states, `stateOf(worker(\"{name}\", key), \"state\")`"
                );
                told_error(codes::UNREADABLE.code, &what)
            }
            (Part::State(name), _) => {
                let named = self.named_states(program);
                let found = named.into_iter().find(|(known, _)| known == name);
                let value = found.map(|(_, value)| value).unwrap_or_default();
                if u64::from(value.shape().byte_count) > limits.message_bytes {
                    let what = Limit::MessageBytes.message(limits);
                    return told_error(codes::LIMIT_MESSAGE.code, &what);
                }
                Told::value(value).to_data()
            }
        }
    }

    /// Of a reactive function: its result as people see it, `{ value }` or `{ error }`, or neither as long as
    /// it waits for its sources, which are `sources` with their versions.
    pub fn shown_result(&self) -> Option<Data> {
        match self.branches.first().map(|branch| &branch.wait) {
            Some(Wait::Sources(knowledge)) => Some(knowledge.shown()),
            _ => None,
        }
    }

    fn is_reactive(&self, program: &Program) -> bool {
        let definition = program.definition(self.definition);
        definition.is_some_and(|definition| definition.options.reactive)
    }

    /// The file and the place in it of the command at which it waits.
    pub fn waits_at<'p>(&self, program: &'p Program) -> Option<(&'p Source, Position)> {
        let definition = program.definition(self.definition)?;
        let waits = |branch: &&Branch| !matches!(branch.wait, Wait::Ready | Wait::Branches);
        let branch = self.branches.iter().find(waits);
        let branch = branch.or_else(|| self.branches.first())?;
        let span = definition.code.spans.get(branch.instruction as usize)?;
        program.sources().locate(span.start)
    }

    /// The worker as it goes on after a failure: at the wait at which the failing turn began, with the
    /// state it had there. `self` is the worker after the turn, `before` the one before it; the counters
    /// go on, so that a child or timer of the failing turn never has its number given again.
    ///
    /// After a trap this is the worker itself.
    pub fn resumed_at(&self, before: &Worker) -> Worker {
        Worker {
            spawns: self.spawns,
            timers: self.timers,
            calls: self.calls,
            step: self.step,
            ..before.clone()
        }
    }

    /// Ends the run: what its blocks kept is dropped, except the values of open states, which `open_states` still shows.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Ended;
        for branch in &mut self.branches {
            if branch.wait != Wait::Branches {
                branch.wait = Wait::Ready;
            }
        }
    }
}
