//! What a shard keeps of instances, turns, messages and dead letters, as its store holds it.
//!
//! Before it: `shard/`, which writes it. After it: `query`, which shows it.
//! Guarantees: every record is postcard behind a version byte, so that a later version can tell.
//! Leaves to others: under which keys they stand (`keys`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::{Address, Incarnation, MessageId, RunId, ShardId, Stamp};
use vm::CallId;
use vm::reactive::Part;

use crate::message::{Body, Message, ProgramId};

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceStatus {
    /// It waits for a message or a timer, or has a turn to come.
    Running,
    /// Its program came to an end.
    Completed,
    /// It failed, and no restart applies.
    Failed,
    /// It was ended from outside or by itself.
    Killed,
}

impl InstanceStatus {
    /// `running`, `completed`, `failed` or `killed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            InstanceStatus::Running => "running",
            InstanceStatus::Completed => "completed",
            InstanceStatus::Failed => "failed",
            InstanceStatus::Killed => "killed",
        }
    }
}

/// One line of a script's stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackLine {
    /// The function; empty for code outside one.
    pub function: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// An error as it is kept: of a script, or of the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// The script's stack, innermost first; empty where no script ran.
    pub stack: Vec<StackLine>,
}

impl Failure {
    /// A failure outside any script.
    pub fn new(code: &str, message: impl Into<String>) -> Failure {
        Failure {
            code: code.to_owned(),
            message: message.into(),
            stack: Vec::new(),
        }
    }
}

/// What made a turn run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnInput {
    /// The start of the run.
    Start {
        /// The program that all of the run's turns execute.
        program: ProgramId,
        /// Which worker of it.
        worker: String,
        /// The run's configuration.
        config: Body,
        /// Where its `outbox` goes.
        outbox: Option<Address>,
    },
    /// A message.
    Message {
        /// The sender; none for a client.
        from: Option<Address>,
        /// What was said.
        body: Body,
        /// The call that waits for a reply to it.
        call: Option<CallId>,
    },
    /// The reply to a call.
    Reply {
        /// Who answered.
        from: Option<Address>,
        /// What was answered.
        body: Body,
        /// Which call.
        call: CallId,
    },
    /// A timer of the worker.
    Timer {
        /// The worker's number for it.
        timer: u64,
    },
    /// It received nothing for as long as its `idle` says, and ended; no script ran.
    Idle,
    /// A kill; no script ran.
    Kill {
        /// Who; none for a client or the worker itself.
        from: Option<Address>,
    },
    /// What a source told that the run reads.
    Told {
        /// The source.
        from: Option<Address>,
        /// What was told.
        body: Body,
        /// The subscription.
        watch: CallId,
        /// The step of the source that made it.
        version: u64,
    },
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnOutcome {
    /// It waits again.
    Waiting,
    /// Its `waitFor` did not want the message.
    Dropped,
    /// The reply came after its call had ended, and was dropped.
    Late,
    /// The run completed.
    Completed,
    /// `fail`: what the turn did stands.
    Failed(Failure),
    /// A script error: the turn is undone.
    Trapped(Failure),
    /// The run was killed.
    Killed,
}

/// One step of an instance's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// The run it belongs to.
    pub run: RunId,
    /// The stamp of the input.
    pub stamp: Stamp,
    /// The input.
    pub input: TurnInput,
    /// Shard time of the turn in milliseconds: the script's `now`.
    pub time_ms: u64,
    /// Seed of the script's chance.
    pub seed: [u8; 16],
    /// How it ended.
    pub outcome: TurnOutcome,
    /// Messages, spawns, kills and timers, in number.
    pub effects: u32,
    /// A hash of the effects, in order.
    pub effects_hash: [u8; 16],
    /// Lines of `console.log`.
    pub console: Vec<String>,
}

impl HistoryRecord {
    /// About how many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let said = match &self.input {
            TurnInput::Start { config: body, .. }
            | TurnInput::Message { body, .. }
            | TurnInput::Reply { body, .. }
            | TurnInput::Told { body, .. } => body.bytes().len(),
            TurnInput::Timer { .. } | TurnInput::Idle | TurnInput::Kill { .. } => 0,
        };
        said + self.console.iter().map(String::len).sum::<usize>()
    }
}

/// A message as it is stored. One that was applied only points into history, which has the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredMessage {
    /// Its turn is in the history of this instance at this step.
    Applied(Address, u64),
    /// Anything else.
    Other(Box<MessageRecord>),
}

/// What became of a message, found by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Its stamp: cause, root, time, trace.
    pub stamp: Stamp,
    /// The sender; none for a client.
    pub from: Option<Address>,
    /// Whom it was for, as this shard sent or received it.
    pub to: Address,
    /// Shard time in milliseconds at which this became of it.
    pub time_ms: u64,
    /// What became of it.
    pub fate: MessageFate,
}

/// What became of a message in this shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageFate {
    /// Its turn is step `step` of the instance `to`.
    Applied {
        /// The run.
        run: RunId,
        /// The step in the instance's history.
        step: u64,
        /// How the turn ended.
        outcome: TurnOutcome,
    },
    /// It waits in the mailbox of `to`.
    Waiting,
    /// The home of the name sent it on to this instance.
    Routed {
        /// The instance.
        instance: Address,
    },
    /// A reply that came after its call had ended, while its target rested: it was dropped.
    Late,
    /// It went into the output of the sender, under this number.
    Emitted {
        /// The number.
        number: u64,
    },
    /// It waits for an external service.
    Service {
        /// Attempts without an answer so far.
        attempts: u32,
    },
    /// The external service took it.
    Acknowledged {
        /// The id of the answer, where there was one.
        answer: Option<MessageId>,
    },
    /// It is a dead letter.
    DeadLetter {
        /// Its number.
        number: u64,
        /// Why.
        code: String,
    },
    /// It ended its target, or found it ended.
    Killed {
        /// Whether there was anything to end.
        found: bool,
    },
    /// It started its target, or found it running.
    Started {
        /// The step of the first turn; none where the instance ran already.
        step: Option<u64>,
    },
    /// The sender reads something of `to` from now on.
    Subscribed,
    /// The sender reads it no more.
    Unsubscribed,
}

/// A message that could not be handed over, with why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message, as it would be sent again.
    pub message: Message,
    /// Why.
    pub cause: Failure,
    /// Shard time in milliseconds.
    pub time_ms: u64,
    /// The step of the instance whose turn failed on it, where one did.
    pub step: Option<u64>,
}

/// Numbers `first` to `next - 1` of something that is put in at one end and taken at the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first that is there, where any is.
    pub first: u64,
    /// The next to be put in.
    pub next: u64,
}

impl Default for Span {
    fn default() -> Self {
        Span { first: 1, next: 1 }
    }
}

impl Span {
    /// How many are there.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.next - self.first
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first == self.next
    }
}

/// Where the messages stand that wait for an instance. One that it does not want yet is passed over:
/// numbers between the first and the next may be taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// No message has a number below it.
    pub first: u64,
    /// The number of the next to be put in.
    pub next: u64,
    /// How many wait.
    pub waiting: u64,
    /// Messages below this number were offered, and are not wanted as the worker waits now.
    pub offered: u64,
}

impl Default for Mailbox {
    fn default() -> Self {
        Mailbox {
            first: 1,
            next: 1,
            waiting: 0,
            offered: 1,
        }
    }
}

impl Mailbox {
    /// Whether some message may not have been offered yet.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.waiting > 0 && self.offered < self.next
    }
}

/// A timer that an instance has set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRecord {
    /// The worker's number for it.
    pub timer: u64,
    /// When it is due, in milliseconds of shard time.
    pub due_ms: u64,
    /// The stamp of the input in whose turn it was set: the cause of what it makes happen.
    pub cause: Stamp,
}

/// An instance as it is stored: all of it but its mailbox, history and output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Its address.
    pub address: Address,
    /// Its number in this shard, never used again: the prefix of mailbox, history and output.
    pub slot: u64,
    /// Its current or last run.
    pub run: RunId,
    /// Counts the runs of the shard: with the step, what message ids are made of.
    pub run_number: u64,
    /// Where it is in its life.
    pub status: InstanceStatus,
    /// The program of the run.
    pub program: ProgramId,
    /// Which worker of it.
    pub worker: String,
    /// Steps of its history, over all its runs.
    pub step: u64,
    /// The first step that is still kept.
    pub history_first: u64,
    /// The encoded `vm::Worker` of a running run.
    pub snapshot: Option<Bytes>,
    /// What it was started with.
    pub config: Body,
    /// Where its `outbox` goes; none: into its own output.
    pub outbox: Option<Address>,
    /// Who is told when it ends.
    pub watcher: Option<Address>,
    /// Messages that wait.
    pub mailbox: Mailbox,
    /// Whether a wake-up for the mailbox stands in the run queue.
    pub wake_queued: bool,
    /// Timers, by number.
    pub timers: Vec<TimerRecord>,
    /// What it emitted and is kept.
    pub output: Span,
    /// Failures in a row.
    pub failures: u32,
    /// While it rests after a failure: until when, in milliseconds of shard time.
    pub rests_until_ms: Option<u64>,
    /// Whether it was told to take nothing for now.
    pub is_paused: bool,
    /// Timers to be given after the rest: one whose turn failed, and those that came due meanwhile.
    pub retry_timers: Vec<u64>,
    /// Replies to be given after the rest: one whose turn failed, and those that came meanwhile.
    pub retry_replies: Vec<Message>,
    /// When it last received something, or its run began, in milliseconds of shard time.
    pub heard_ms: u64,
    /// How long it may receive nothing before it ends, and when that is looked at next.
    pub idle: Option<Idle>,
    /// What it reads of others, in the order of subscription.
    pub sources: Vec<SourceRecord>,
    /// Of a reactive function that has had no reader, or a client that read once: when it ends unless it
    /// has a reader then, in milliseconds of shard time.
    pub unread_until_ms: Option<u64>,
    /// When its run began.
    pub started_ms: u64,
    /// When its run ended.
    pub ended_ms: Option<u64>,
    /// The value of `complete`.
    pub result: Option<Body>,
    /// Its last error.
    pub error: Option<Failure>,
    /// The stamp of its last input, cause of what it does without one.
    pub cause: Stamp,
    /// A hash chained over its history, output and mailbox: what the state's hash sees of them.
    pub chain: [u8; 16],
}

impl InstanceRecord {
    /// Whether its run takes no turn for now: what comes waits.
    #[must_use]
    pub fn holds_still(&self) -> bool {
        self.is_paused || self.rests_until_ms.is_some()
    }
}

/// The watch over an instance that ends when it receives nothing for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// How long that is, in milliseconds.
    pub after_ms: u64,
    /// When its timer is due, in milliseconds of shard time. Messages do not move it: it is set anew when
    /// it fires, so that a message costs nothing.
    pub due_ms: u64,
}

/// Something that an instance reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The number within the run.
    pub watch: u64,
    /// Of whom.
    pub source: Address,
    /// What: as the subscription said it.
    pub request: Body,
}

/// A part of an address of this shard that somebody reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedRecord {
    /// The instance, which need not be there.
    pub source: Address,
    /// What is read of it.
    pub part: Part,
    /// As the first reader asked for it.
    pub request: Body,
    /// Number of the next reader.
    pub next: u64,
    /// A hash of what was told last.
    pub last: [u8; 16],
}

/// A reader of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderRecord {
    /// Of whom.
    pub source: Address,
    /// What.
    pub part: Part,
    /// Who reads it.
    pub reader: Address,
    /// The reader's run and its number for the subscription.
    pub watch: CallId,
}

/// One value that a root instance emitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// The run.
    pub run: RunId,
    /// Its stamp.
    pub stamp: Stamp,
    /// Shard time in milliseconds.
    pub time_ms: u64,
    /// The value.
    pub body: Body,
}

/// Where a channel stands at its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRecord {
    /// The shard that takes its parcels.
    pub target: ShardId,
    /// Which life of it.
    pub target_incarnation: Incarnation,
    /// Number of the next parcel.
    pub next: u64,
    /// Number of the last that the target has.
    pub acked: u64,
    /// A hash chained over all parcels.
    pub chain: [u8; 16],
}

/// The program that serves a name in this shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// The program; none after the name was taken away.
    pub program: Option<ProgramId>,
    /// The activation that decided it.
    pub version: u64,
    /// At the home of the name of a worker with a schedule: its timer.
    pub tick: Option<Tick>,
}

/// The timer of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Its number in this shard.
    pub slot: u64,
    /// The next time of the schedule, in milliseconds of shard time.
    pub next_ms: u64,
}

/// The queue of one external service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// The service, by its bare name.
    pub service: Address,
    /// Its number in this shard: the prefix of its items.
    pub slot: u64,
    /// Number of the next message that is put in.
    pub next: u64,
    /// Messages that wait.
    pub waiting: u64,
    /// Silences in a row.
    pub failures: u32,
    /// While it rests after a silence: until when, in milliseconds of shard time.
    pub rests_until_ms: Option<u64>,
}

/// A message that waits for an external service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceItem {
    /// The message.
    pub message: Message,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is given up, in milliseconds of shard time.
    pub expires_ms: u64,
}
