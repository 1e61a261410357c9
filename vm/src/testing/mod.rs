//! Tests of workers, for programs that embed the runtime; `troupe test` gives scripts the same.
//!
//! A [`TestWorker`] is one instance of a worker and its children, on a virtual clock. What they send to
//! any other name is recorded, not delivered; the test plays the services. Guarantees: the same script,
//! messages and seed give the same result; timers fire only when the test lets time pass.
//!
//! ```
//! use serde_json::json;
//! use vm::testing::Script;
//!
//! let script = Script::compile("counter.js", "
//!     export const Counter = act((self, { outbox }) =>
//!       withState(() => 0, total =>
//!         whileLoop(() =>
//!           waitFor(m => m.type === 'add', add =>
//!             sequence(() => [
//!               modifyState(total, computeState([add], m => n => n + m.amount)),
//!               send(outbox, computeState(total, n => ({ total: n }))),
//!             ])))), { daemon: true });
//! ")?;
//! let mut counter = script.worker("Counter").start()?;
//! counter.process_messages([
//!     json!({ "type": "add", "amount": 2 }),
//!     json!({ "type": "add", "amount": 3 }),
//! ])?;
//! assert_eq!(counter.state(None), Some(json!(5)));
//! assert_eq!(counter.emitted_messages(), [json!({ "total": 2 }), json!({ "total": 5 })]);
//! # Ok::<(), vm::testing::TestError>(())
//! ```

mod calls;
mod json;
mod options;
mod record;
mod script;
#[cfg(test)]
mod source_tests;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::data::{Address, Data, JsonError};
use crate::error::ScriptError;
use crate::limits::Limits;
use crate::local::{LocalEnd, LocalError, LocalOptions, LocalRun, LocalStatus, named_worker};
use crate::program::Program;
use crate::turn::Intent;

pub use calls::OpenCall;
pub use options::{NewWorker, TestOptions};
pub use record::{DeadLetter, Emitted, Failure, Logged};
pub use script::Script;
pub use sources::TestSource;

use calls::Service;
use record::Record;

/// Why a test cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TestError {
    /// The script does not compile: its diagnostics, as `check` prints them.
    #[error("the script does not compile\n{}", .0.join("\n"))]
    Script(Vec<String>),
    /// There is no such worker, or workers send to each other without end.
    #[error(transparent)]
    Run(#[from] LocalError),
    /// What was given is no message: only JSON is, with a depth and size that have limits.
    #[error("this is no message: {0}")]
    Message(#[from] JsonError),
    /// The function `key` of the worker fails for its first message.
    #[error("the worker's `key` fails for its first message: {0}")]
    Key(Box<ScriptError>),
    /// An answer that no call waits for.
    #[error("no call to `{name}` waits for an answer: {open}")]
    NoCall {
        /// Who would answer.
        name: String,
        /// The calls that wait.
        open: String,
    },
    /// A source that nobody reads.
    #[error("nobody reads `{source_text}` now: {read}")]
    NotRead {
        /// What was to be set.
        source_text: String,
        /// The sources that are read.
        read: String,
    },
    /// A source that says by itself what it says.
    #[error("`{source_text}` cannot be set: {why}")]
    NotSet {
        /// What was to be set.
        source_text: String,
        /// Why not.
        why: &'static str,
    },
    /// An instance that is not part of the test.
    #[error("`{address}` is neither the worker under test nor one of its children: {known}")]
    UnknownChild {
        /// What was asked for.
        address: Address,
        /// Those that there are.
        known: String,
    },
}

/// One instance of a worker and its children.
///
/// It starts at once; one with `key` and no key from the test starts with its first message, which gives
/// it its key. A turn with a script error does not fail the test by itself: see [`TestWorker::failures`].
pub struct TestWorker {
    program: Arc<Program>,
    /// What it starts with, until it has started.
    waiting: Option<LocalOptions>,
    run: Option<LocalRun<'static>>,
    limits: Limits,
    clock_ms: u64,
    record: Record,
    services: BTreeMap<String, Service>,
    open: VecDeque<calls::Pending>,
    /// Calls that the test has made so far.
    asked: u64,
    /// Whether its first message gave it its key.
    keyed_by_message: bool,
}

impl TestWorker {
    /// Starts a worker of a program.
    pub fn new(program: Arc<Program>, options: TestOptions) -> Result<TestWorker, TestError> {
        let limits = options.limits.clone();
        let name = named_worker(&program, options.worker.as_deref())?;
        let definition = program.worker(&name);
        let keyed = definition.is_some_and(|definition| definition.options.keyed());
        let has_key = options.key.is_some();
        let mut worker = TestWorker {
            program,
            waiting: Some(options.into_local(name)),
            run: None,
            limits,
            clock_ms: 0,
            record: Record::default(),
            services: BTreeMap::new(),
            open: VecDeque::new(),
            asked: 0,
            keyed_by_message: false,
        };
        if has_key || !keyed {
            worker.start(None)?;
        }
        Ok(worker)
    }

    /// Gives the worker a message, without a sender that it could answer; what follows happens at once,
    /// timers aside.
    pub fn process_message(&mut self, message: impl Into<Value>) -> Result<(), TestError> {
        let body = self.data_of(&message.into())?;
        self.process_data(None, None, body)
    }

    /// Gives the worker messages, one after the other.
    pub fn process_messages(
        &mut self,
        messages: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Result<(), TestError> {
        messages
            .into_iter()
            .try_for_each(|message| self.process_message(message))
    }

    /// Gives the worker a message from `NAME/KEY` or `NAME`: what it sends to `sender(h)` goes there.
    pub fn process_message_from(
        &mut self,
        sender: &str,
        message: impl Into<Value>,
    ) -> Result<(), TestError> {
        let body = self.data_of(&message.into())?;
        self.process_data(None, Some(sender), body)
    }

    /// Gives a child a message.
    pub fn process_message_to(
        &mut self,
        child: &Address,
        message: impl Into<Value>,
    ) -> Result<(), TestError> {
        let body = self.data_of(&message.into())?;
        self.process_data(Some(child), None, body)
    }

    /// Gives the worker, or a child, a message from a sender, where there is one.
    pub fn process_data(
        &mut self,
        child: Option<&Address>,
        sender: Option<&str>,
        body: Data,
    ) -> Result<(), TestError> {
        self.give(child, sender.map(address), body, Intent::Tell)
    }

    /// Lets time pass: timers fire in order, and restarts after failures are due.
    pub fn advance(&mut self, ms: u64) -> Result<(), TestError> {
        self.clock_ms = self.clock_ms.saturating_add(ms);
        let to_ms = self.clock_ms;
        while let Some(run) = &mut self.run {
            match run.next_due_ms().filter(|due_ms| *due_ms < to_ms) {
                // One by one, so that a service answers at the time of the call.
                Some(due_ms) => run.advance(due_ms)?,
                None => {
                    run.advance(to_ms)?;
                    return self.settle();
                }
            }
            self.settle()?;
        }
        Ok(())
    }

    /// The bodies of what the worker and its children sent to others, in order.
    pub fn emitted_messages(&self) -> Vec<Value> {
        let bodies = self.record.emitted.iter();
        bodies.map(Emitted::json).collect()
    }

    /// The same with who sent it, where to and when.
    pub fn emitted(&self) -> &[Emitted] {
        &self.record.emitted
    }

    /// The value of the open `withState` block named by `as`, or of the outermost one; as JSON.
    pub fn state(&self, name: Option<&str>) -> Option<Value> {
        self.state_data(name).map(|data| json::value_of(&data))
    }

    /// The same as it is, where JSON does not say all: maps, sets, dates, `undefined`.
    pub fn state_data(&self, name: Option<&str>) -> Option<Data> {
        let run = self.run.as_ref()?;
        run.state_of(run.root(), name)
    }

    /// The same of a child.
    pub fn state_of(&self, child: &Address, name: Option<&str>) -> Option<Data> {
        self.run.as_ref()?.state_of(child, name)
    }

    /// Whether it waits, completed, failed or was killed. While it rests after a failure, it waits.
    pub fn status(&self) -> LocalStatus {
        let end = self.run.as_ref().map(LocalRun::end);
        end.map_or(LocalStatus::Waiting, |end| end.status)
    }

    /// What `complete` was given.
    pub fn result(&self) -> Option<Value> {
        let result = self.run.as_ref()?.end().result;
        (!matches!(result, Data::Undefined)).then(|| json::value_of(&result))
    }

    /// Why the run failed, with its script stack.
    pub fn error(&self) -> Option<ScriptError> {
        self.run.as_ref()?.end().error
    }

    /// How a child stands.
    pub fn end_of(&self, child: &Address) -> Option<LocalEnd> {
        self.run.as_ref()?.end_of(child)
    }

    /// The children that were spawned, also by children.
    pub fn children(&self) -> Vec<Address> {
        let run = self.run.as_ref();
        run.map_or_else(Vec::new, |run| run.children().cloned().collect())
    }

    /// Every failure of the worker and its children, also those after which it goes on: script errors,
    /// `fail`, waits whose time is over.
    pub fn failures(&self) -> &[Failure] {
        &self.record.failures
    }

    /// Messages that nobody took, or whose turn failed.
    pub fn dead_letters(&self) -> &[DeadLetter] {
        &self.record.dead_letters
    }

    /// What `console.log` wrote.
    pub fn log(&self) -> &[Logged] {
        &self.record.log
    }

    /// Its address, once it has a key.
    pub fn address(&self) -> Option<&Address> {
        self.run.as_ref().map(LocalRun::root)
    }

    /// The key of a message that a cluster would give to another instance: this one has its key from its first
    /// message. None where the test has chosen the key, as a message may name an instance.
    pub fn other_key(&self, message: &Data) -> Option<String> {
        let address = self.address().filter(|_| self.keyed_by_message)?;
        let key = self
            .program
            .key_of(&address.name, message, &self.limits)
            .ok()?;
        (address.key.as_deref() != Some(&key)).then_some(key)
    }

    /// The virtual time, in milliseconds from the start of the test.
    pub fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// The program that it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// When the next timer fires, in virtual milliseconds from the start of the test.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.run.as_ref()?.next_due_ms()
    }

    /// JSON as a message, within the limits of the test.
    fn data_of(&self, value: &Value) -> Result<Data, TestError> {
        Ok(Data::from_json(&value.to_string(), &self.limits)?)
    }

    /// Gives the worker, or a child, a message.
    fn give(
        &mut self,
        child: Option<&Address>,
        sender: Option<Address>,
        body: Data,
        intent: Intent,
    ) -> Result<(), TestError> {
        self.start(Some(&body))?;
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let to = match child {
            None => run.root().clone(),
            Some(child) if run.end_of(child).is_some() => child.clone(),
            Some(child) => {
                return Err(TestError::UnknownChild {
                    address: child.clone(),
                    known: listed(run.children().map(ToString::to_string), "it has none"),
                });
            }
        };
        run.give_message(to, sender, body, intent)?;
        self.settle()
    }

    /// Starts the run where it has not: its key may come from its first message.
    fn start(&mut self, first: Option<&Data>) -> Result<(), TestError> {
        let Some(mut options) = self.waiting.take() else {
            return Ok(());
        };
        if let (None, Some(message)) = (&options.key, first) {
            let worker = options.worker.as_deref().unwrap_or_default();
            let definition = self.program.worker(worker);
            if definition.is_some_and(|definition| definition.options.keyed()) {
                let key = self.program.key_of(worker, message, &self.limits);
                options.key = Some(key.map_err(|error| TestError::Key(Box::new(error)))?);
                self.keyed_by_message = true;
            }
        }
        let mut run = LocalRun::of_shared(self.program.clone(), options)?;
        run.advance(self.clock_ms)?;
        self.run = Some(run);
        self.settle()
    }

    /// Records what happened, and lets services answer, until nothing is left to do at this moment.
    fn settle(&mut self) -> Result<(), TestError> {
        loop {
            self.take_events();
            if !self.answer_next()? {
                return Ok(());
            }
        }
    }
}

/// `NAME/KEY` or `NAME`.
fn address(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(never) => match never {},
    }
}

/// A list for people.
fn listed(items: impl Iterator<Item = String>, none: &str) -> String {
    let quoted: Vec<String> = items.map(|item| format!("`{item}`")).collect();
    if quoted.is_empty() {
        none.to_owned()
    } else {
        format!("there are {}", quoted.join(", "))
    }
}
