//! What a test sees of a run: what was sent to others, failures, dead letters, lines of `console.log`.

use serde_json::Value;

use super::{TestWorker, calls::Pending, json};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::local::{LocalEvent, LocalRun};
use crate::turn::{CallId, Intent};

/// All that happened so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) emitted: Vec<Emitted>,
    pub(super) failures: Vec<Failure>,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) log: Vec<Logged>,
    /// Answers to calls of the test.
    pub(super) answers: Vec<(CallId, Data)>,
}

/// A message to a name that is not part of the test.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// Virtual milliseconds from the start.
    pub at_ms: u64,
    /// The worker under test, or a child.
    pub from: Address,
    /// `outbox`, `NAME/KEY` of an instance, or a bare name.
    pub to: String,
    /// What.
    pub message: Data,
    /// Whether it asks, tells or answers.
    pub intent: Intent,
}

impl Emitted {
    /// The message as JSON.
    pub fn json(&self) -> Value {
        json::value_of(&self.message)
    }
}

/// A failure of the worker under test or of a child.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Virtual milliseconds from the start.
    pub at_ms: u64,
    /// Which.
    pub worker: Address,
    /// Why.
    pub error: ScriptError,
    /// When it goes on, where its options say so.
    pub restarts_at_ms: Option<u64>,
}

/// A message that nobody took, or whose turn failed.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Virtual milliseconds from the start.
    pub at_ms: u64,
    /// For whom.
    pub to: Address,
    /// What.
    pub message: Data,
    /// Why.
    pub cause: ScriptError,
}

/// A line of `console.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Which worker.
    pub worker: Address,
    /// What it wrote.
    pub line: String,
}

impl TestWorker {
    /// Records what happened since the last time.
    pub(super) fn take_events(&mut self) {
        let Some(run) = &mut self.run else { return };
        for event in run.take_events() {
            let run = &*run;
            match event {
                LocalEvent::Sent {
                    at_ms,
                    from,
                    to,
                    message,
                    intent,
                } => {
                    if is_inside(run, &to) {
                        continue;
                    }
                    let sender = self.program.worker(&from.name);
                    let is_reactive = sender.is_some_and(|sender| sender.options.reactive);
                    let emitted = Emitted {
                        at_ms,
                        from,
                        to,
                        message,
                        intent,
                    };
                    match intent {
                        Intent::Ask(call) => self.open.push_back(Pending::of(&emitted, call)),
                        Intent::Answer(call) => {
                            let answer = (call, emitted.message.clone());
                            self.record.answers.push(answer);
                        }
                        _ => {}
                    }
                    // What a reactive function puts out and asks is no message of the worker that reads it.
                    if !is_reactive {
                        self.record.emitted.push(emitted);
                    }
                }
                LocalEvent::DeadLetter {
                    at_ms,
                    to,
                    message,
                    cause,
                } => self.record.dead_letters.push(DeadLetter {
                    at_ms,
                    to,
                    message,
                    cause,
                }),
                LocalEvent::Failed {
                    at_ms,
                    worker,
                    error,
                    restarts_at_ms,
                } => self.record.failures.push(Failure {
                    at_ms,
                    worker,
                    error,
                    restarts_at_ms,
                }),
                LocalEvent::Console { worker, line, .. } => {
                    self.record.log.push(Logged { worker, line });
                }
                // A reply that nobody waits for any more: history notes it, nothing else does.
                LocalEvent::Late { .. } => {}
            }
        }
    }
}

/// Whether a message stays among the worker under test and its children.
fn is_inside(run: &LocalRun<'_>, to: &str) -> bool {
    let to = super::address(to);
    to == *run.root() || crate::local::is_child(&to)
}
