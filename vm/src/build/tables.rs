//! What the build stage owns: commands that scripts have made, refs, addresses, workers, labels.
//!
//! A script holds indices into these tables. Factories are kept as functions of the heap and called
//! when a worker's tree is expanded.

use crate::control::instruction::Retry;
use crate::data::Data;
use crate::options::WorkerOptions;
use crate::source::Span;
use crate::text::Text;
use crate::tree::{FunctionId, Handle, Label};
use crate::value::{HostRef, Value};

/// The kinds of build-stage values, as `HostRef::kind` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function of the language, by its place in the table of `names`.
    Function = 0,
    /// A command.
    Command = 1,
    /// A value that exists only in a running worker.
    Ref = 2,
    /// An address that exists only in a running worker, or the address of a name.
    Place = 3,
    /// What `act` returned.
    Worker = 4,
    /// What `whileLoop` gives its factory.
    Loop = 5,
    /// `done`, `loop.break` or `loop.continue`.
    Jump = 6,
    /// A function of `act`'s second parameter.
    Helper = 7,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Function,
        Kind::Command,
        Kind::Ref,
        Kind::Place,
        Kind::Worker,
        Kind::Loop,
        Kind::Jump,
        Kind::Helper,
    ];

    /// The kind of a build-stage value.
    pub(super) fn of(value: HostRef) -> Option<Kind> {
        Kind::ALL.get(value.kind() as usize).copied()
    }
}

/// A build-stage value of a kind.
pub(super) fn host<'p>(kind: Kind, index: usize) -> Value<'p> {
    Value::Host(HostRef::new(kind as u8, index as u32))
}

/// All tables.
#[derive(Debug, Default)]
pub(super) struct Tables<'p> {
    pub(super) commands: Vec<CommandSpec<'p>>,
    pub(super) refs: Vec<RefSpec>,
    pub(super) places: Vec<PlaceSpec>,
    pub(super) workers: Vec<WorkerSpec<'p>>,
    pub(super) jumps: Vec<Jump>,
    /// Functions of the run stage, in the order in which commands took them.
    pub(super) functions: Vec<FunctionSpec<'p>>,
    pub(super) handles: u32,
    pub(super) labels: u32,
}

/// A function of the run stage, kept until all captured variables have their last value.
#[derive(Debug)]
pub(super) struct FunctionSpec<'p> {
    pub(super) value: Value<'p>,
    /// The command that took it.
    pub(super) span: Span,
}

/// A command that a script has made.
#[derive(Debug)]
pub(super) struct CommandSpec<'p> {
    pub(super) action: Action<'p>,
    pub(super) span: Span,
    /// Whether some tree contains it.
    pub(super) used: bool,
}

/// What a command does, with its factories not yet called.
#[derive(Clone, Debug)]
pub(super) enum Action<'p> {
    Noop,
    Sequence {
        body: Value<'p>,
    },
    Jump(Jump),
    Send {
        target: Recipe,
        message: Recipe,
    },
    WaitFor {
        predicate: Recipe,
        then: Option<Value<'p>>,
        timeout: Option<TimeoutSpec<'p>>,
    },
    Call(CallSpec<'p>),
    WaitForValue(ValueSpec<'p>),
    Reply {
        handle: HostRef,
        message: Recipe,
    },
    When {
        predicate: Recipe,
        matched: Value<'p>,
        otherwise: Option<Value<'p>>,
    },
    WhenState {
        condition: Recipe,
        then: Value<'p>,
        otherwise: Option<Value<'p>>,
    },
    WithState {
        initial: Recipe,
        body: Value<'p>,
        name: Option<String>,
    },
    ModifyState {
        handle: HostRef,
        updater: Recipe,
        two_steps: bool,
    },
    While {
        body: Value<'p>,
    },
    Attempt(AttemptSpec<'p>),
    Parallel {
        race: bool,
        branches: Value<'p>,
    },
    ForEach {
        items: Recipe,
        body: Value<'p>,
    },
    Saga {
        body: Value<'p>,
    },
    Compensate {
        body: Value<'p>,
        undo: Value<'p>,
    },
    Spawn(SpawnSpec<'p>),
    Kill {
        target: Recipe,
    },
    Delay {
        milliseconds: Recipe,
    },
    Complete {
        result: Recipe,
    },
    Fail {
        error: Recipe,
    },
}

/// What `call` was given.
#[derive(Clone, Debug)]
pub(super) struct CallSpec<'p> {
    pub(super) target: Recipe,
    pub(super) message: Recipe,
    pub(super) then: Option<Value<'p>>,
    pub(super) timeout: Option<TimeoutSpec<'p>>,
    pub(super) retry: Option<Retry>,
}

/// What `waitForValue` was given.
#[derive(Clone, Debug)]
pub(super) struct ValueSpec<'p> {
    pub(super) source: Recipe,
    pub(super) predicate: Recipe,
    pub(super) then: Option<Value<'p>>,
    pub(super) timeout: Option<TimeoutSpec<'p>>,
}

/// What `attempt` was given.
#[derive(Clone, Debug)]
pub(super) struct AttemptSpec<'p> {
    pub(super) body: Value<'p>,
    pub(super) retry: Option<Retry>,
    pub(super) otherwise: Option<Value<'p>>,
}

/// What `spawn` was given.
#[derive(Clone, Debug)]
pub(super) struct SpawnSpec<'p> {
    pub(super) worker: u32,
    pub(super) config: Recipe,
    pub(super) then: Option<Value<'p>>,
    pub(super) watch: bool,
}

/// The options `timeout` and `otherwise` of a wait.
#[derive(Clone, Debug)]
pub(super) struct TimeoutSpec<'p> {
    pub(super) milliseconds: Recipe,
    pub(super) otherwise: Option<Value<'p>>,
}

/// `done()`, `loop.break()` or `loop.continue()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Jump {
    pub(super) label: Label,
    pub(super) again: bool,
}

/// An operand as the script gave it.
#[derive(Clone, Debug)]
pub(super) enum Recipe {
    Constant(Data),
    Function(FunctionId),
    Host(HostRef),
    Array(Vec<Recipe>),
    Object(Vec<(Text, Recipe)>),
}

/// A value of a running worker, as the script described it.
#[derive(Clone, Debug)]
pub(super) enum RefSpec {
    State(Handle),
    Message(Handle),
    /// What an attempt failed with.
    Failure(Handle),
    /// The item that a `forEach` has come to.
    Item(Handle),
    Config,
    Read {
        source: Recipe,
        selector: FunctionId,
    },
    Compute {
        sources: Vec<Recipe>,
        combiner: FunctionId,
    },
    /// The shorthand `…Handle`: the closest message where the command stands that uses it.
    Closest {
        name: Text,
        span: Span,
    },
}

/// An address, as the script described it.
#[derive(Clone, Debug)]
pub(super) enum PlaceSpec {
    Myself,
    Outbox,
    Child(Handle),
    /// The sender of a message.
    Sender(HostRef),
    /// `worker("Name", ref)`
    Keyed {
        name: String,
        key: Recipe,
    },
}

/// What `act` or `reactive` was given.
#[derive(Clone, Debug)]
pub(super) struct WorkerSpec<'p> {
    pub(super) factory: Value<'p>,
    /// The function of a reactive function, which has no factory.
    pub(super) computes: Option<FunctionId>,
    pub(super) options: WorkerOptions,
    /// The function of the option `key`.
    pub(super) key: Option<FunctionId>,
    pub(super) span: Span,
    /// Set when the module has been evaluated.
    pub(super) name: String,
    pub(super) exported: bool,
}

impl<'p> Tables<'p> {
    /// Adds a command and gives the value that stands for it.
    pub(super) fn command(&mut self, action: Action<'p>, span: Span) -> Value<'p> {
        self.commands.push(CommandSpec {
            action,
            span,
            used: false,
        });
        host(Kind::Command, self.commands.len() - 1)
    }

    /// Adds a ref and gives the value that stands for it.
    pub(super) fn reference(&mut self, spec: RefSpec) -> Value<'p> {
        self.refs.push(spec);
        host(Kind::Ref, self.refs.len() - 1)
    }

    /// Adds an address and gives the value that stands for it.
    pub(super) fn place(&mut self, spec: PlaceSpec) -> Value<'p> {
        self.places.push(spec);
        host(Kind::Place, self.places.len() - 1)
    }

    /// Adds a jump and gives the value that stands for the function that makes it.
    pub(super) fn jump(&mut self, jump: Jump) -> Value<'p> {
        self.jumps.push(jump);
        host(Kind::Jump, self.jumps.len() - 1)
    }

    /// Keeps a function of the run stage.
    pub(super) fn function(&mut self, value: Value<'p>, span: Span) -> FunctionId {
        self.functions.push(FunctionSpec { value, span });
        FunctionId(self.functions.len() as u32 - 1)
    }

    /// A new handle.
    pub(super) fn new_handle(&mut self) -> Handle {
        self.handles += 1;
        Handle(self.handles - 1)
    }

    /// A new label.
    pub(super) fn new_label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }
}
