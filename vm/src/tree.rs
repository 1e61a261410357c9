//! Commands as data: the tree that the build stage makes and that lowering turns into instructions.
//!
//! The build stage comes before it, `lower` after it. It is plain data, so any front end could make it.
//! Handles and labels are numbers that are unique in a module; lowering gives each handle its place on
//! the value stack and refuses one that is used outside its block.

use crate::control::instruction::Retry;
use crate::data::Data;
use crate::source::Span;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// A state, a received message or a spawned child; stands for its value while its block is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Handle(pub(crate) u32);

/// A sequence or loop that `done()`, `loop.break()` and `loop.continue()` refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label(pub(crate) u32);

/// The index of a worker in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct WorkerIndex(pub(crate) u32);

/// The index of a function in the table that comes with a tree: functions are complete only when all
/// trees of a module are made, because they see the last values of what they capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FunctionId(pub(crate) u32);

/// A command and the place in the source that made it.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// What to do.
    pub(crate) kind: CommandKind,
    /// The call in the source.
    pub(crate) span: Span,
}

/// What a command does.
#[derive(Clone, Debug)]
pub(crate) enum CommandKind {
    /// Nothing.
    Noop,
    /// Each in order; `exit` is there when some `done()` refers to it.
    Sequence {
        exit: Option<Label>,
        body: Vec<Command>,
    },
    /// Leaves the sequence or loop of the label.
    Break { label: Label },
    /// Begins the loop of the label again.
    Continue { label: Label },
    /// Sends a message.
    Send { target: Operand, message: Operand },
    /// Takes messages until one matches.
    WaitFor(WaitFor),
    /// Sends a message and waits for the reply.
    Call(Call),
    /// Waits until a source says a value that matches.
    WaitForValue(WaitForValue),
    /// Computes a function of sources for ever: all that a reactive function does.
    React { function: FunctionId },
    /// Answers the sender of a message.
    Reply { handle: Handle, message: Operand },
    /// Takes one message and runs one of two branches with it.
    When(When),
    /// Branches on the truth of a value.
    WhenState {
        condition: Operand,
        then: Box<Command>,
        otherwise: Box<Command>,
    },
    /// A block with state of its own.
    WithState {
        initial: Operand,
        handle: Handle,
        name: Option<String>,
        body: Box<Command>,
    },
    /// Replaces a state; `message` is what an updater of two steps is applied to first.
    ModifyState {
        handle: Handle,
        updater: Operand,
        message: Option<Handle>,
    },
    /// Repeats.
    While { label: Label, body: Box<Command> },
    /// Runs the body; a failure inside it is tried again, or given to `otherwise`.
    Attempt(Attempt),
    /// Runs the branches side by side, until all have ended or the first of a race has.
    Parallel { race: bool, branches: Vec<Command> },
    /// Runs the body for each item of an array, bound to `handle`.
    ForEach {
        items: Operand,
        handle: Handle,
        body: Box<Command>,
    },
    /// Runs the body; when it fails, what it has recorded is undone.
    Saga { handle: Handle, body: Box<Command> },
    /// Runs the body, then records how it is undone.
    Compensate {
        body: Box<Command>,
        undo: Box<Command>,
    },
    /// Starts a child, then runs the continuation with its address.
    Spawn(Spawn),
    /// Ends a worker.
    Kill { target: Operand },
    /// Pauses.
    Delay { milliseconds: Operand },
    /// Ends this run with a result.
    Complete { result: Operand },
    /// Ends this run with an error.
    Fail { error: Operand },
}

/// A command and the handle of the value that it is given.
#[derive(Clone, Debug)]
pub(crate) struct Continuation {
    pub(crate) handle: Handle,
    pub(crate) command: Box<Command>,
}

/// A wait for a message that matches.
#[derive(Clone, Debug)]
pub(crate) struct WaitFor {
    pub(crate) predicate: Operand,
    pub(crate) then: Continuation,
    pub(crate) timeout: Option<Timeout>,
}

/// A question that waits for its reply.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) target: Operand,
    pub(crate) message: Operand,
    pub(crate) then: Continuation,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) retry: Option<Retry>,
}

/// A wait for a value of a source that matches.
#[derive(Clone, Debug)]
pub(crate) struct WaitForValue {
    pub(crate) source: Operand,
    pub(crate) predicate: Operand,
    pub(crate) then: Continuation,
    pub(crate) timeout: Option<Timeout>,
}

/// One message, and one of two branches.
#[derive(Clone, Debug)]
pub(crate) struct When {
    pub(crate) predicate: Operand,
    pub(crate) matched: Continuation,
    pub(crate) otherwise: Continuation,
}

/// A command whose failure is caught.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) handle: Handle,
    pub(crate) body: Box<Command>,
    pub(crate) retry: Option<Retry>,
    /// Given the error.
    pub(crate) otherwise: Option<Continuation>,
}

/// The start of a child.
#[derive(Clone, Debug)]
pub(crate) struct Spawn {
    pub(crate) worker: WorkerIndex,
    pub(crate) config: Operand,
    pub(crate) watch: bool,
    /// Given the address of the child.
    pub(crate) then: Continuation,
}

/// How long a wait lasts at most, and what is done when that time is over; without it the run fails.
#[derive(Clone, Debug)]
pub(crate) struct Timeout {
    pub(crate) milliseconds: Operand,
    pub(crate) otherwise: Option<Box<Command>>,
}

/// What a command is given: a constant, something that exists only in a running worker, or a literal with such parts.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A constant.
    Value(Data),
    /// A function of the tree's table.
    Function(FunctionId),
    /// The worker itself.
    Myself,
    /// Where its output goes.
    Outbox,
    /// A spawned child.
    Child(Handle),
    /// The sender of a message.
    Sender(Handle),
    /// The address of a name with a key that is read when the command runs.
    Keyed { name: String, key: Box<Operand> },
    /// The value of a state or a message.
    Handle(Handle),
    /// What the run was started with.
    Config,
    /// A function of one operand.
    Read {
        source: Box<Operand>,
        selector: FunctionId,
    },
    /// A function of several operands.
    Compute {
        sources: Vec<Operand>,
        combiner: FunctionId,
    },
    /// An array literal with parts that are not constant.
    Array(Vec<Operand>),
    /// An object literal with parts that are not constant.
    Object(Vec<(Text, Operand)>),
}
