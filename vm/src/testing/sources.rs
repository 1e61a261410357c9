//! Sources of reactive functions and of waits for values: a test says what those say that do not run in it.

use serde::Deserialize;
use serde_json::Value;

use super::{TestError, TestWorker, address};
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::local::{Refused, label};
use crate::reactive::{Said, Source};

/// A source, as a script writes it: `stateOf(…)`, `Name(…)`, `effect(…)` or `clock(…)`.
///
/// Also read from JSON: `{ "source": "state", "of": "Account/ann", "name": "balance" }`, `{ "source":
/// "result", "of": "Exposure", "args": ["ann"] }`, `{ "source": "effect", "of": "Rates", "request": … }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum TestSource {
    /// The state that `as` gave a name.
    State {
        /// `NAME/KEY` of the instance.
        of: String,
        /// The name of the state.
        name: String,
    },
    /// The result of a reactive function.
    Result {
        /// The function.
        of: String,
        /// Its arguments.
        #[serde(rename = "args")]
        arguments: Vec<Value>,
    },
    /// The answer of a service.
    Effect {
        /// The service.
        of: String,
        /// What it is asked.
        request: Value,
    },
    /// The time, which no test sets: it passes by [`TestWorker::advance`].
    Clock {
        /// Its period in milliseconds.
        ms: u64,
    },
}

impl TestSource {
    /// `stateOf(address, name)`
    pub fn state(of: impl Into<String>, name: impl Into<String>) -> TestSource {
        let (of, name) = (of.into(), name.into());
        TestSource::State { of, name }
    }

    /// `Name(…arguments)`
    pub fn result(of: impl Into<String>, arguments: impl Into<Vec<Value>>) -> TestSource {
        let (of, arguments) = (of.into(), arguments.into());
        TestSource::Result { of, arguments }
    }

    /// `effect(Service, request)`
    pub fn effect(of: impl Into<String>, request: impl Into<Value>) -> TestSource {
        let (of, request) = (of.into(), request.into());
        TestSource::Effect { of, request }
    }
}

impl TestWorker {
    /// Sets what a source says: its readers are told, as by the source itself, with a version that grows.
    /// An equal value changes nothing. A reactive function that is set is computed no more.
    ///
    /// ```
    /// use serde_json::json;
    /// use vm::testing::{Script, TestSource};
    ///
    /// let script = Script::compile("alarm.js", r#"
    ///     export const Alarm = act((self, { outbox }) =>
    ///       waitForValue(stateOf(worker("Account", "ann"), "balance"), b => b > 100, b => send(outbox, b)));
    /// "#)?;
    /// let mut alarm = script.worker("Alarm").start()?;
    /// assert_eq!(alarm.sources(), [r#"stateOf("Account/ann", "balance")"#]);
    /// alarm.set_source(&TestSource::state("Account/ann", "balance"), 120)?;
    /// assert_eq!(alarm.emitted_messages(), [json!(120)]);
    /// # Ok::<(), vm::testing::TestError>(())
    /// ```
    ///
    /// # Errors
    /// Nobody reads the source; it is a state of a worker that runs in the test, or a clock; the value is
    /// not what JSON can say.
    pub fn set_source(
        &mut self,
        source: &TestSource,
        value: impl Into<Value>,
    ) -> Result<(), TestError> {
        let value = self.data_of(&value.into())?;
        self.set_source_data(source, value)
    }

    /// The same with data: a state may be `undefined`.
    ///
    /// # Errors
    /// As for [`TestWorker::set_source`].
    pub fn set_source_data(&mut self, source: &TestSource, value: Data) -> Result<(), TestError> {
        self.set_said(source, Said::Value(value))
    }

    /// Lets a source have an error, which `get` throws and `waitForValue` fails with.
    ///
    /// # Errors
    /// As for [`TestWorker::set_source`], and where the source is an effect: services answer values.
    pub fn fail_source(
        &mut self,
        source: &TestSource,
        kind: ErrorKind,
        message: &str,
    ) -> Result<(), TestError> {
        let mut properties = PropertyTable::with_capacity(1);
        properties.insert("message".into(), Data::from(message));
        let error = Data::error(kind, properties).unwrap_or_default();
        self.set_said(source, Said::Error(error))
    }

    /// The sources that the worker, its children and the reactive functions below them read, as a script
    /// writes them; clocks aside.
    pub fn sources(&self) -> Vec<String> {
        let run = self.run.as_ref();
        run.map_or_else(Vec::new, |run| run.sources().into_iter().collect())
    }

    fn set_said(&mut self, source: &TestSource, said: Said) -> Result<(), TestError> {
        let source = self.source(source)?;
        let text = label(&source);
        let set = match &mut self.run {
            Some(run) => run.set_source(source, said),
            None => Err(Refused::NotRead),
        };
        let why = match set {
            Ok(()) => return self.settle(),
            Err(Refused::Run(error)) => return Err(error.into()),
            Err(Refused::NotRead) => {
                let read = match self.sources() {
                    read if read.is_empty() => "the worker reads no source".to_owned(),
                    read => format!("what is read is `{}`", read.join("`, `")),
                };
                return Err(TestError::NotRead {
                    source_text: text,
                    read,
                });
            }
            Err(Refused::RunsHere) => {
                "its worker runs in the test, so send it what it makes the state of"
            }
            Err(Refused::NoError) => "a service answers values and has no error of its own",
            Err(Refused::Clock) => "time passes by `advance`",
        };
        Err(TestError::NotSet {
            source_text: text,
            why,
        })
    }

    /// The source as the script has it.
    fn source(&self, source: &TestSource) -> Result<Source, TestError> {
        Ok(match source {
            TestSource::State { of, name } => Source::State {
                of: address(of),
                name: name.clone(),
            },
            TestSource::Result { of, arguments } => Source::Result {
                of: address(of),
                arguments: self.data_of(&Value::Array(arguments.clone()))?,
            },
            TestSource::Effect { of, request } => Source::Effect {
                service: address(of),
                request: self.data_of(request)?,
            },
            TestSource::Clock { ms } => Source::Clock { period_ms: *ms },
        })
    }
}
