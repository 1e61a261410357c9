//! One turn: one input makes a worker run until it waits again.
//!
//! The host gives an input; `control` runs the instructions; the host stores the worker and carries out
//! the effects. A pure function. A turn is atomic: when it traps, the worker is as it was and no effect
//! is returned. Delivery, restarts and dead letters are left to the host.

use crate::control::{self, End};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::Limits;
use crate::program::Program;
#[cfg(doc)]
use crate::reactive::Part;
use crate::run::RunHost;
use crate::worker::{Phase, Worker};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Names a call in all of a cluster: what a reply carries to find who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The run that calls.
    pub run: [u8; 16],
    /// Calls of that run before it.
    pub number: u64,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Intent {
    /// It says something.
    #[default]
    Tell,
    /// It asks: the call waits for a reply.
    Ask(CallId),
    /// It is the reply to a call.
    Answer(CallId),
    /// It asks a source to tell what the body names, now and whenever it changes.
    Subscribe(CallId),
    /// It asks a source to tell no more.
    Unsubscribe(CallId),
    /// It tells what a source has become, at a step of the source.
    Emit(CallId, u64),
}

/// What makes a worker run.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The first input of a run. Without an outbox the worker is a root: its host publishes its output.
    Start {
        /// The value of `config`.
        config: Data,
        /// Where output goes.
        outbox: Option<Address>,
    },
    /// A message from its mailbox.
    Message {
        /// The message.
        body: Data,
        /// Who sent it, if that can be answered.
        sender: Option<Address>,
        /// The call of the sender that waits for its reply, if one does.
        call: Option<CallId>,
    },
    /// The reply to a call. It passes the mailbox: a worker takes it as soon as it comes.
    Reply {
        /// Which call.
        call: CallId,
        /// What was answered.
        body: Data,
        /// Who answered.
        sender: Option<Address>,
    },
    /// A timer that the worker set has come due.
    Timer {
        /// The number it was set with.
        timer: u64,
    },
    /// What a source told that the worker subscribed to. It passes the mailbox.
    Told {
        /// The subscription.
        watch: CallId,
        /// What was told.
        body: Data,
        /// The step of the source that made it.
        version: u64,
        /// The source.
        source: Option<Address>,
    },
}

/// What a turn is given besides program, worker and input.
#[derive(Clone, Copy, Debug)]
pub struct TurnContext<'a> {
    /// The time of the input, in milliseconds since 1970; constant within the turn.
    pub now_ms: u64,
    /// The random number that came with the input. The turn's chance comes from it and the run id.
    pub seed: [u8; 16],
    /// What the turn may use.
    pub limits: &'a Limits,
}

/// What a turn did.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// How it ended.
    pub outcome: Outcome,
    /// What it wants done, in the order in which the commands ran. Empty after a trap.
    pub effects: Vec<Effect>,
    /// What history shows besides.
    pub notes: Notes,
    /// What it used.
    pub used: Used,
    /// Whether the messages that were [`Outcome::Kept`] may be wanted, or are to be dropped, now.
    pub offers_again: bool,
}

/// Mostly none, or that a message was dropped.
pub type Notes = SmallVec<[Note; 1]>;

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The worker waits for its next input.
    Waiting,
    /// The run is over, with a result.
    Completed {
        /// The argument of `complete`, or `undefined`.
        result: Data,
    },
    /// The run ended by `fail`; what the turn did stands.
    Failed {
        /// The error.
        error: ScriptError,
    },
    /// A script error: the turn is undone, the worker is as it was.
    Trapped {
        /// The error.
        error: ScriptError,
    },
    /// The worker ended itself by `kill(self)`.
    KilledSelf,
    /// No branch took the message, and some branch does not wait for messages now. Nothing has changed:
    /// the mailbox keeps the message, to be given again after a turn that says so.
    Kept,
}

/// What a turn wants done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Deliver a message.
    Send {
        /// To whom.
        to: Target,
        /// A normalised message.
        message: Data,
        /// What it is for.
        intent: Intent,
    },
    /// Start a child.
    Spawn {
        /// Its address, made within the turn.
        child: Address,
        /// The name of its worker in the same program.
        worker: String,
        /// Its `config`.
        config: Data,
        /// Its outbox: the parent, or the address that was given as `config`.
        outbox: Option<Address>,
        /// Whether its end is told to the parent.
        watch: bool,
    },
    /// End a worker.
    Kill {
        /// Which.
        target: Address,
    },
    /// Give the worker `Input::Timer` at a time.
    SetTimer {
        /// The number to give back.
        timer: u64,
        /// When it is due, in milliseconds since 1970.
        at_ms: u64,
    },
    /// A timer that is no longer needed.
    CancelTimer {
        /// The number it was set with.
        timer: u64,
    },
    /// Give the worker `Input::Told` with what a source is, now and whenever it changes.
    Subscribe {
        /// The number within the run.
        watch: u64,
        /// The source.
        to: Address,
        /// What of it is read, see [`Part::requested`].
        request: Data,
    },
    /// A subscription that is no longer needed.
    Unsubscribe {
        /// The number within the run.
        watch: u64,
    },
}

impl Effect {
    /// Whether it is about what a wait waits for.
    fn is_about_waits(&self) -> bool {
        matches!(
            self,
            Effect::SetTimer { .. }
                | Effect::CancelTimer { .. }
                | Effect::Subscribe { .. }
                | Effect::Unsubscribe { .. }
        )
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The output of a root instance, which its host publishes.
    Outbox,
    /// An instance (with a key) or a name (without).
    Address(Address),
}

/// What the name of an outbox begins with. No worker or service has such a name.
pub const OUTBOX_PREFIX: &str = "outbox:";

/// The address that stands for the output of a root instance where it is kept or sent: a message to it
/// is published as that instance's output.
pub fn outbox_of(root: &Address) -> Address {
    Address {
        name: format!("{OUTBOX_PREFIX}{}", root.name),
        key: root.key.clone(),
    }
}

/// Whether an address stands for the output of a root instance.
pub(crate) fn is_outbox_of(address: &Address, root: &Address) -> bool {
    address.name.strip_prefix(OUTBOX_PREFIX) == Some(&root.name) && address.key == root.key
}

/// The root instance whose output an address stands for, if it does.
pub fn outbox_owner(address: &Address) -> Option<Address> {
    let name = address.name.strip_prefix(OUTBOX_PREFIX)?;
    Some(Address {
        name: name.to_owned(),
        key: address.key.clone(),
    })
}

/// What history shows besides effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The wait dropped the message.
    Dropped,
    /// The input came too late or too early to do anything.
    Ignored,
    /// The reply came after its call had ended, and was dropped.
    Late,
    /// A line written by `console.log`.
    Console(String),
}

/// What a turn used of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Used {
    /// Instructions of both levels.
    pub instructions: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
}

/// Runs one input. When the turn traps, `worker` is as it was before.
pub fn turn(
    program: &Program,
    worker: &mut Worker,
    input: Input,
    context: &TurnContext<'_>,
) -> Turn {
    turn_by(program, worker, input, context, |run| run.run())
}

/// Runs one input; `run_all` runs the instructions.
pub(crate) fn turn_by(
    program: &Program,
    worker: &mut Worker,
    input: Input,
    context: &TurnContext<'_>,
    run_all: impl FnOnce(&mut control::Run<'_>) -> Result<End, ScriptError>,
) -> Turn {
    let Some(definition) = program.definition(worker.definition) else {
        let error = ScriptError::corrupt("its definition is not there");
        return without_effects(Outcome::Trapped { error }, Used::default());
    };
    let host = RunHost::new(worker, context);
    let memory = program.spare.take();
    let (end, (mut effects, notes, used, changes)) = {
        let definition = (program, definition);
        let mut run = control::Run::new(definition, worker, &host, context, &memory);
        let end = run.give(input).and_then(|end| match end {
            Some(end) => Ok(end),
            None => run_all(&mut run),
        });
        (end, run.finish())
    };
    program.spare.give_back(memory);
    let end = match end {
        Ok(end) => end,
        Err(error) => {
            let is_line = |note: &Note| matches!(note, Note::Console(_));
            return Turn {
                notes: notes.into_iter().filter(is_line).collect(),
                ..without_effects(Outcome::Trapped { error }, used)
            };
        }
    };
    if end == End::Kept {
        return without_effects(Outcome::Kept, used);
    }
    if matches!(end, End::Failed(_)) {
        // A worker that goes on after its failure is back at waits whose timers must still run and whose
        // sources must still tell.
        effects.retain(|effect| !effect.is_about_waits());
    }
    let (before, after) = (&worker.branches, changes.branches(worker));
    let offers_again = control::offers_again(&definition.code, before, after);
    changes.store(worker);
    worker.step += 1;
    let outcome = match end {
        End::Waiting => Outcome::Waiting,
        End::Completed(result) => Outcome::Completed { result },
        End::Failed(error) => Outcome::Failed { error },
        End::KilledSelf => Outcome::KilledSelf,
        End::Kept => Outcome::Kept,
    };
    if outcome == Outcome::Waiting {
        worker.phase = Phase::Waiting;
    } else {
        worker.end();
    }
    Turn {
        outcome,
        effects,
        notes,
        used,
        offers_again,
    }
}

/// A turn that has changed nothing.
fn without_effects(outcome: Outcome, used: Used) -> Turn {
    Turn {
        outcome,
        effects: Vec::new(),
        notes: Notes::new(),
        used,
        offers_again: false,
    }
}
