//! The instructions of the control level and the blocks that they open.
//!
//! Lowering makes them, the verifier checks them, `control` runs them. Every instruction is a point at
//! which a worker could be resumed. What functions compute is left to the expression level.

use crate::data::Data;
use crate::options::Backoff;
use crate::text::Text;
use crate::tree::{Handle, WorkerIndex};
use serde::{Deserialize, Serialize};

/// The index of a block in its worker's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct BlockIndex(pub(crate) u32);

/// The index of an operand in its worker's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OperandIndex(pub(crate) u32);

/// One instruction of the control level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Instruction {
    /// Opens a block without a value.
    BlockEnter { block: BlockIndex },
    /// Opens a block with state of its own.
    BlockEnterState {
        block: BlockIndex,
        initial: OperandIndex,
    },
    /// Waits for a message. A match opens `block`. Without `otherwise` another message is dropped and
    /// the wait goes on; with it, that block is opened with the message.
    BlockEnterAwait {
        block: BlockIndex,
        predicate: OperandIndex,
        otherwise: Option<BlockIndex>,
        timeout: Option<Timeout>,
    },
    /// Leaves the block and everything inside it.
    BlockBreak { block: BlockIndex },
    /// Leaves the block when the truth of the condition is `truth`.
    BlockBreakIf {
        block: BlockIndex,
        condition: OperandIndex,
        truth: bool,
    },
    /// Opens a loop.
    LoopEnter { block: BlockIndex },
    /// Begins the loop again.
    LoopContinue { block: BlockIndex },
    /// Leaves the loop.
    LoopExit { block: BlockIndex },
    /// Replaces a state by what the updater makes of it.
    StateUpdate {
        handle: Handle,
        updater: OperandIndex,
        message: Option<Handle>,
    },
    /// Sends a message.
    ActorSend {
        target: OperandIndex,
        message: OperandIndex,
    },
    /// Sends a message and waits for the reply, which opens `block`.
    ActorCall {
        block: BlockIndex,
        target: OperandIndex,
        message: OperandIndex,
        timeout: Option<Timeout>,
        retry: Option<Retry>,
    },
    /// Answers the sender of a message.
    ActorReply {
        handle: Handle,
        message: OperandIndex,
    },
    /// Opens a block whose finished steps are undone when it fails.
    SagaEnter { block: BlockIndex },
    /// Records how a step is undone, and goes on behind that.
    UndoRecord { undo: BlockIndex },
    /// Ends an undo: the one before it runs, or the failure goes on.
    UndoEnd { undo: BlockIndex },
    /// Opens a loop over the items of an array; without items it goes on behind it.
    EachEnter {
        block: BlockIndex,
        items: OperandIndex,
    },
    /// Goes on with the next item, or leaves the loop.
    EachNext { block: BlockIndex },
    /// Opens a block and a branch for each of its inner blocks.
    ParallelEnter {
        block: BlockIndex,
        branches: Vec<BlockIndex>,
    },
    /// Where the branch that has opened others waits for them; then it leaves the block.
    ParallelJoin { block: BlockIndex },
    /// Ends a branch.
    BranchEnd { block: BlockIndex },
    /// Opens a block in which failures are caught.
    AttemptEnter { block: BlockIndex },
    /// Begins a try of the attempt, after a rest where it is not the first.
    AttemptBegin { block: BlockIndex },
    /// Starts a child and opens a block that knows its address.
    ActorSpawn {
        block: BlockIndex,
        worker: WorkerIndex,
        config: OperandIndex,
        watch: bool,
    },
    /// Ends a worker.
    ActorKill { target: OperandIndex },
    /// Waits for a time.
    Delay { milliseconds: OperandIndex },
    /// Ends the run with a result.
    TaskComplete { result: OperandIndex },
    /// Ends the run with an error.
    TaskFail { error: OperandIndex },
    /// Nothing.
    Noop,
    /// Waits for a value of a source that matches, which opens `block`.
    BlockEnterValue {
        block: BlockIndex,
        source: OperandIndex,
        predicate: OperandIndex,
        timeout: Option<Timeout>,
    },
    /// Computes a function of sources, whenever one of them changes.
    React { function: OperandIndex },
}

/// How long a wait lasts at most, and the block that is opened when that time is over; without one the
/// run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeout {
    pub(crate) milliseconds: OperandIndex,
    pub(crate) otherwise: Option<BlockIndex>,
}

/// How often something is tried, and how long it rests between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retry {
    /// At most so often in all.
    pub(crate) attempts: u32,
    /// The rest before each attempt but the first.
    pub(crate) backoff: Backoff,
}

/// What a block keeps on the value stack while it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BlockKind {
    /// Nothing.
    Plain,
    /// Nothing; it can begin again.
    Loop,
    /// Nothing; branches run inside it, until all have ended or the first of a race has.
    Parallel { race: bool },
    /// Nothing; one of the branches of the block around it.
    Branch,
    /// A state, with the name given by `as`.
    State {
        handle: Handle,
        name: Option<String>,
    },
    /// A received message and its sender.
    Message { handle: Handle },
    /// The address of a child.
    Child { handle: Handle },
    /// How often an attempt has failed. A failure inside it is tried again, or given to `otherwise`.
    Attempt {
        handle: Handle,
        retry: Option<Retry>,
        otherwise: Option<BlockIndex>,
    },
    /// What an attempt failed with.
    Failure { handle: Handle },
    /// The items of a loop over an array.
    Each { handle: Handle },
    /// What a saga fails with, while its undos run.
    Saga { handle: Handle },
    /// Nothing; entered only when the saga around it fails.
    Undo { saga: BlockIndex },
}

impl BlockKind {
    /// The handle of the value that the block keeps, where it keeps one.
    pub(crate) fn handle(&self) -> Option<Handle> {
        match self {
            BlockKind::Plain
            | BlockKind::Loop
            | BlockKind::Parallel { .. }
            | BlockKind::Branch
            | BlockKind::Undo { .. } => None,
            BlockKind::State { handle, .. }
            | BlockKind::Message { handle }
            | BlockKind::Child { handle }
            | BlockKind::Attempt { handle, .. }
            | BlockKind::Failure { handle }
            | BlockKind::Each { handle }
            | BlockKind::Saga { handle } => Some(*handle),
        }
    }

    /// Whether an operand can read the value that the block keeps.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(
            self,
            BlockKind::State { .. }
                | BlockKind::Message { .. }
                | BlockKind::Child { .. }
                | BlockKind::Failure { .. }
                | BlockKind::Each { .. }
        )
    }
}

/// A stretch of instructions that is entered at its start and left to its exit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// What it keeps.
    pub(crate) kind: BlockKind,
    /// The block around it.
    pub(crate) parent: Option<BlockIndex>,
    /// The first instruction inside.
    pub(crate) start: u32,
    /// The first instruction that is no longer inside.
    pub(crate) end: u32,
    /// Where it goes on after the block is left.
    pub(crate) exit: u32,
    /// How many values are on the stack when the block is entered: the place of its own value.
    pub(crate) base: u32,
}

/// What an instruction is given. Parts are operands that come earlier in the code's table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Operand {
    /// A constant or a function.
    Value(Data),
    /// The worker itself.
    Myself,
    /// Where its output goes.
    Outbox,
    /// A spawned child.
    Child(Handle),
    /// The sender of a message.
    Sender(Handle),
    /// The address of a name with a key.
    Keyed { name: String, key: OperandIndex },
    /// The value of a state or a message.
    Handle(Handle),
    /// What the run was started with.
    Config,
    /// A function of one operand.
    Read {
        source: OperandIndex,
        selector: Data,
    },
    /// A function of several operands.
    Compute {
        sources: Vec<OperandIndex>,
        combiner: Data,
    },
    /// An array of operands.
    Array(Vec<OperandIndex>),
    /// An object of operands.
    Object(Vec<(Text, OperandIndex)>),
}

impl Operand {
    /// The operands that it is made of.
    pub(crate) fn parts(&self) -> Vec<OperandIndex> {
        match self {
            Operand::Keyed { key, .. } => vec![*key],
            Operand::Read { source, .. } => vec![*source],
            Operand::Compute { sources, .. } => sources.clone(),
            Operand::Array(items) => items.clone(),
            Operand::Object(properties) => properties.iter().map(|(_, operand)| *operand).collect(),
            _ => Vec::new(),
        }
    }
}
