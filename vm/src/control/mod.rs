//! The machine of the control level: runs a worker's instructions from one wait to the next.
//!
//! `turn` comes before it and after it; one file per family of instructions. It works on a copy of the
//! branch, so that a trap leaves the worker as it was. Every instruction is metered. Functions of the
//! script are run by the expression machine.

mod attempt;
mod blocks;
mod branches;
mod call;
pub(crate) mod code;
mod delay;
pub(crate) use delay::DELAY_MAX_MS;
mod each;
pub(crate) use each::item_of;
mod ends;
pub(crate) mod instruction;
mod operand;
mod parallel;
mod react;
#[cfg(test)]
mod resume_tests;
mod saga;
mod send;
mod spawn;
pub(crate) use spawn::CHILD_KEY_PREFIX;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

mod value;
mod wait;
pub(crate) use wait::offers_again;

use std::borrow::Cow;
use std::mem;

use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::memory::Memory;
use crate::program::{Program, WorkerDefinition};
use crate::run::{Functions, RunHost};
use crate::turn::{Effect, Input, Note, Notes, TurnContext, Used};
use crate::worker::{Branch, Identity, Phase, Worker};
use instruction::{BlockIndex, Instruction};

/// How a run of instructions ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// At a wait.
    Waiting,
    /// By `complete` or at the end of the root.
    Completed(Data),
    /// By `fail`.
    Failed(ScriptError),
    /// By `kill(self)`.
    KilledSelf,
    /// The message was not taken, and some branch does not wait for messages now: nothing has changed.
    Kept,
}

/// What one instruction leads to.
pub(crate) enum Flow {
    /// The instruction pointer has been set.
    Next,
    /// The branch waits.
    Wait,
    /// The run is over.
    Stop(End),
}

/// One turn while it runs.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    pub(crate) definition: &'a WorkerDefinition,
    pub(crate) identity: &'a Identity,
    pub(crate) phase: Phase,
    pub(crate) now_ms: u64,
    pub(crate) functions: Functions<'a>,
    pub(crate) next: NextWorker<'a>,
    /// The branch that runs.
    pub(crate) current: usize,
    pub(crate) effects: Vec<Effect>,
    pub(crate) notes: Notes,
    pub(crate) sends: u64,
}

/// The parts of a worker that a turn changes. What it has not changed yet is the worker's own.
pub(crate) struct NextWorker<'a> {
    pub(crate) branches: Cow<'a, [Branch]>,
    pub(crate) config: Cow<'a, Data>,
    pub(crate) outbox: Cow<'a, Option<Address>>,
    pub(crate) spawns: u64,
    pub(crate) timers: u64,
    pub(crate) calls: u64,
}

/// What a turn has changed of a worker, stored only when it succeeds.
pub(crate) struct Changes {
    branches: Option<Vec<Branch>>,
    config: Option<Data>,
    outbox: Option<Option<Address>>,
    spawns: u64,
    timers: u64,
    calls: u64,
}

impl NextWorker<'_> {
    fn changes(&mut self) -> Changes {
        Changes {
            branches: changed(&mut self.branches),
            config: changed(&mut self.config),
            outbox: changed(&mut self.outbox),
            spawns: self.spawns,
            timers: self.timers,
            calls: self.calls,
        }
    }
}

/// Takes out what is not the worker's own.
fn changed<T: ToOwned<Owned: Default> + ?Sized>(part: &mut Cow<'_, T>) -> Option<T::Owned> {
    match part {
        Cow::Owned(part) => Some(mem::take(part)),
        Cow::Borrowed(_) => None,
    }
}

impl Changes {
    /// The branches that follow those of the worker.
    pub(crate) fn branches<'a>(&'a self, worker: &'a Worker) -> &'a [Branch] {
        self.branches.as_deref().unwrap_or(&worker.branches)
    }

    /// Makes the changes of the turn.
    pub(crate) fn store(self, worker: &mut Worker) {
        if let Some(branches) = self.branches {
            worker.branches = branches;
        }
        if let Some(config) = self.config {
            worker.config = config;
        }
        if let Some(outbox) = self.outbox {
            worker.outbox = outbox;
        }
        worker.spawns = self.spawns;
        worker.timers = self.timers;
        worker.calls = self.calls;
    }
}

impl<'a> Run<'a> {
    /// A turn of a worker of this definition. Made where it stays, since it is large.
    #[inline(always)]
    pub(crate) fn new(
        (program, definition): (&'a Program, &'a WorkerDefinition),
        worker: &'a Worker,
        host: &'a RunHost<'a>,
        context: &TurnContext<'a>,
        memory: &'a Memory,
    ) -> Run<'a> {
        let next = NextWorker {
            branches: Cow::Borrowed(&worker.branches),
            config: Cow::Borrowed(&worker.config),
            outbox: Cow::Borrowed(&worker.outbox),
            spawns: worker.spawns,
            timers: worker.timers,
            calls: worker.calls,
        };
        Run {
            program,
            definition,
            identity: &worker.identity,
            phase: worker.phase,
            now_ms: context.now_ms,
            functions: Functions::new(program, host, context.limits, memory),
            next,
            current: 0,
            effects: Vec::new(),
            notes: Notes::new(),
            sends: 0,
        }
    }

    /// Begins the turn: gives the input to the branch that waits for it. What comes back is an end that
    /// it leads to before any instruction runs.
    pub(crate) fn give(&mut self, input: Input) -> Result<Option<End>, ScriptError> {
        if self.next.branches.is_empty() {
            return Err(ScriptError::ended());
        }
        self.tell_addresses()?;
        match (self.phase, input) {
            (Phase::New, Input::Start { config, outbox }) => {
                self.functions.host().set_outbox(outbox.clone());
                self.next.config = Cow::Owned(config);
                self.next.outbox = Cow::Owned(outbox);
                Ok(None)
            }
            (Phase::Waiting, Input::Message { body, sender, call }) => {
                self.take_message(body, sender, call)
            }
            (Phase::Waiting, Input::Reply { call, body, sender }) => {
                self.take_reply(call, body, sender)
            }
            (Phase::Waiting, Input::Timer { timer }) => self.take_timer(timer),
            (
                Phase::Waiting,
                Input::Told {
                    watch,
                    body,
                    version,
                    source,
                },
            ) => self.take_told(watch, &body, version, source),
            (Phase::Waiting, Input::Start { .. }) => {
                self.notes.push(Note::Ignored);
                Ok(None)
            }
            (Phase::New, _) => Err(ScriptError::not_started()),
            (Phase::Ended, _) => Err(ScriptError::ended()),
        }
    }

    /// Runs until every branch waits, or the run ends.
    pub(crate) fn run(&mut self) -> Result<End, ScriptError> {
        while self.select_ready()? {
            if let Some(end) = self.run_one()? {
                return Ok(end);
            }
        }
        Ok(End::Waiting)
    }

    /// Runs one instruction of the current branch.
    fn run_one(&mut self) -> Result<Option<End>, ScriptError> {
        self.functions
            .charge_instruction()
            .map_err(|error| self.at_command(error))?;
        match self.step() {
            Ok(Flow::Next | Flow::Wait) => Ok(None),
            Ok(Flow::Stop(end)) => Ok(Some(end)),
            Err(error) => self.raise(error, false),
        }
    }

    /// Effects, notes, use, and the worker as it is to be. The turn is over then.
    pub(crate) fn finish(&mut self) -> (Vec<Effect>, Notes, Used, Changes) {
        let (used, lines) = self.functions.finish();
        let (mut notes, effects) = (mem::take(&mut self.notes), mem::take(&mut self.effects));
        if !lines.is_empty() {
            notes.extend(lines.into_iter().map(Note::Console));
        }
        (effects, notes, used, self.next.changes())
    }

    fn step(&mut self) -> Result<Flow, ScriptError> {
        let definition = self.definition;
        let Some(instruction) = definition
            .code
            .instructions
            .get(self.branch().instruction as usize)
        else {
            return Err(ScriptError::corrupt(
                "the instruction pointer is outside the program",
            ));
        };
        match instruction {
            Instruction::Noop => self.advance(),
            Instruction::BlockEnter { block } | Instruction::LoopEnter { block } => {
                self.enter(*block, None)
            }
            Instruction::BlockEnterState { block, initial } => self.enter_state(*block, *initial),
            Instruction::BlockBreak { block } | Instruction::LoopExit { block } => {
                self.leave(*block)
            }
            Instruction::BlockBreakIf {
                block,
                condition,
                truth,
            } => self.leave_if(*block, *condition, *truth),
            Instruction::LoopContinue { block } => self.repeat(*block),
            Instruction::BlockEnterAwait { timeout, .. } => self.listen(*timeout),
            Instruction::StateUpdate {
                handle,
                updater,
                message,
            } => self.update(*handle, *updater, *message),
            Instruction::ActorSend { target, message } => self.send(*target, *message),
            Instruction::SagaEnter { block } => self.enter_saga(*block),
            Instruction::UndoRecord { undo } => self.record_undo(*undo),
            Instruction::UndoEnd { undo } => self.end_undo(*undo),
            Instruction::EachEnter { block, items } => self.enter_each(*block, *items),
            Instruction::EachNext { block } => self.next_item(*block),
            Instruction::ParallelEnter { block, branches } => self.enter_parallel(*block, branches),
            Instruction::ParallelJoin { block } => self.leave(*block),
            Instruction::BranchEnd { .. } => self.end_branch(),
            Instruction::AttemptEnter { block } => self.enter_attempt(*block),
            Instruction::AttemptBegin { block } => self.begin_attempt(*block),
            Instruction::ActorCall {
                target,
                message,
                timeout,
                retry,
                ..
            } => self.ask(*target, *message, *timeout, *retry),
            Instruction::ActorReply { handle, message } => self.reply(*handle, *message),
            Instruction::ActorSpawn {
                block,
                worker,
                config,
                watch,
            } => self.spawn(*block, *worker, *config, *watch),
            Instruction::ActorKill { target } => self.kill(*target),
            Instruction::Delay { milliseconds } => self.delay(*milliseconds),
            Instruction::TaskComplete { result } => self.complete(*result),
            Instruction::TaskFail { error } => self.fail(*error),
            Instruction::BlockEnterValue {
                source, timeout, ..
            } => self.watch(*source, *timeout),
            Instruction::React { function } => self.react(*function),
        }
    }

    /// Goes on with the next instruction.
    fn advance(&mut self) -> Result<Flow, ScriptError> {
        self.branch_mut().instruction += 1;
        Ok(Flow::Next)
    }

    fn block(&self, block: BlockIndex) -> Result<&'a instruction::Block, ScriptError> {
        let definition: &'a WorkerDefinition = self.definition;
        definition
            .code
            .blocks
            .get(block.0 as usize)
            .ok_or_else(|| ScriptError::corrupt("a block is not in the program"))
    }

    /// Adds the place of the current command to an error.
    pub(crate) fn at_command(&self, error: ScriptError) -> ScriptError {
        let Some(span) = self
            .definition
            .code
            .spans
            .get(self.branch().instruction as usize)
        else {
            return error;
        };
        error.at(&self.definition.name, self.program.sources(), *span)
    }
}
