//! A worker between two turns: a plain value that can be stored, moved and resumed.
//!
//! `turn` is the only thing that changes it; `snapshot` writes and reads it. Its size depends on what
//! is open at its wait, never on its age. Mailbox, history and restarts are left to its host.

use crate::control::instruction::{BlockIndex, BlockKind};
use crate::data::{Address, Data};
use crate::program::Program;
use crate::source::Position;
use crate::tree::WorkerIndex;
use serde::{Deserialize, Serialize};

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
    /// One, until commands that run side by side open more.
    pub(crate) branches: Vec<Branch>,
    /// Children started so far; part of a child's key.
    pub(crate) spawns: u64,
    /// Timers set so far; a timer's number within the run.
    pub(crate) timers: u64,
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

/// A thread of control: where it is, which blocks are open, and what they keep.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Branch {
    pub(crate) instruction: u32,
    /// Open blocks, outermost first.
    pub(crate) frames: Vec<BlockIndex>,
    /// One value for each open block that keeps one.
    pub(crate) stack: Vec<Slot>,
    /// The timer of the delay at which it waits.
    pub(crate) timer: Option<u64>,
}

/// What an open block keeps. Addresses are data, so that functions can be given them without a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Slot {
    State(Data),
    /// The sender is an address, or `undefined` for a message from outside.
    Message {
        body: Data,
        sender: Data,
    },
    /// An address.
    Child(Data),
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

    /// Whether a message can be given to it now. False before its start, in a delay (the mailbox keeps
    /// the message) and after its end.
    pub fn accepts_messages(&self) -> bool {
        self.phase == Phase::Waiting && self.branches.iter().any(|branch| branch.timer.is_none())
    }

    /// The timer that it waits for, if it is in a delay.
    pub fn waits_for_timer(&self) -> Option<u64> {
        self.branches.iter().find_map(|branch| branch.timer)
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
            for frame in &branch.frames {
                let Some(block) = definition.code.blocks.get(frame.0 as usize) else {
                    continue;
                };
                let BlockKind::State {
                    name: Some(name), ..
                } = &block.kind
                else {
                    continue;
                };
                if let Some(Slot::State(value)) = branch.stack.get(block.base as usize) {
                    named.push((name.clone(), value.clone()));
                }
            }
        }
        named
    }

    /// The place in the source of the command at which it waits.
    pub fn waits_at(&self, program: &Program) -> Option<Position> {
        let definition = program.definition(self.definition)?;
        let branch = self.branches.first()?;
        let span = definition.code.spans.get(branch.instruction as usize)?;
        Some(program.source().position(span.start))
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
            step: self.step,
            ..before.clone()
        }
    }

    /// Ends the run: what its blocks kept is dropped, except the values of open states, which `open_states` still shows.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Ended;
        for branch in &mut self.branches {
            branch.timer = None;
        }
    }
}
