//! Calls of a test: those of the worker, which the test answers for the services, and those of the test,
//! which the worker answers.

use serde_json::Value;

use super::{Emitted, TestError, TestWorker, address, json, listed};
use crate::data::{Address, Data};
use crate::turn::{CallId, Intent};

/// Who asks where a test calls a worker.
const CALLER: &str = "caller";

/// What a service answers, if it does.
pub(super) type Service = Box<dyn FnMut(&Value) -> Option<Value>>;

/// A call that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    call: CallId,
    from: Address,
    to: String,
    message: Data,
    /// Whether the service has seen it.
    offered: bool,
}

/// A call of the worker or of a child that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall<'a> {
    /// Who waits.
    pub from: &'a Address,
    /// Whom it asked.
    pub to: &'a str,
    /// What it asked.
    pub message: &'a Data,
    /// Names the call.
    pub call: CallId,
}

impl OpenCall<'_> {
    /// What it asked, as JSON.
    pub fn json(&self) -> Value {
        json::value_of(self.message)
    }
}

impl Pending {
    pub(super) fn of(emitted: &Emitted, call: CallId) -> Pending {
        Pending {
            call,
            from: emitted.from.clone(),
            to: emitted.to.clone(),
            message: emitted.message.clone(),
            offered: false,
        }
    }

    /// Whether a service of this name, or instance of this address, was asked.
    fn is_to(&self, name: &str) -> bool {
        self.to == name || address(&self.to).name == name
    }
}

impl TestWorker {
    /// Calls that wait for an answer, oldest first.
    pub fn open_calls(&self) -> Vec<OpenCall<'_>> {
        let open = self.open.iter();
        open.map(|pending| OpenCall {
            from: &pending.from,
            to: &pending.to,
            message: &pending.message,
            call: pending.call,
        })
        .collect()
    }

    /// Answers the oldest call to a service or worker.
    ///
    /// # Errors
    /// No call to it waits.
    pub fn reply(&mut self, name: &str, body: impl Into<Value>) -> Result<(), TestError> {
        let body = self.data_of(&body.into())?;
        self.reply_data(name, body)
    }

    /// The same with data.
    pub fn reply_data(&mut self, name: &str, body: Data) -> Result<(), TestError> {
        let found = self.open.iter().position(|pending| pending.is_to(name));
        let Some(pending) = found.and_then(|at| self.open.remove(at)) else {
            let open = self.open_calls();
            let names = open.iter().map(|call| call.to.to_owned());
            return Err(TestError::NoCall {
                name: name.to_owned(),
                open: listed(names, "none waits"),
            });
        };
        self.answer_call(&pending, body)?;
        self.settle()
    }

    /// Answers one call. False where it does not wait any more.
    pub fn reply_to(&mut self, call: CallId, body: Data) -> Result<bool, TestError> {
        let found = self.open.iter().position(|pending| pending.call == call);
        let Some(pending) = found.and_then(|at| self.open.remove(at)) else {
            return Ok(false);
        };
        self.answer_call(&pending, body)?;
        self.settle()?;
        Ok(true)
    }

    /// Lets a service answer its calls, now and from now on, at the moment at which they are made; `None`
    /// is silence.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use vm::testing::Script;
    /// let script = Script::compile("price.js", "
    ///     export const Price = act((self, { complete }) =>
    ///       call(Http, { url: 'https://example.com/price' }, answer =>
    ///         complete(readState(answer, a => a.body.price))));
    /// ")?;
    /// let mut price = script.start()?;
    /// price.serve("Http", |request| Some(json!({ "status": 200, "body": { "price": 7 } })))?;
    /// assert_eq!(price.result(), Some(json!(7)));
    /// # Ok::<(), vm::testing::TestError>(())
    /// ```
    ///
    /// # Errors
    /// An answer is not what JSON can say within its limits.
    pub fn serve(
        &mut self,
        name: &str,
        answer: impl FnMut(&Value) -> Option<Value> + 'static,
    ) -> Result<(), TestError> {
        self.services.insert(name.to_owned(), Box::new(answer));
        for pending in self.open.iter_mut().filter(|pending| pending.is_to(name)) {
            pending.offered = false;
        }
        self.settle()
    }

    /// Asks the worker, as `call` does; its answer, where it has given one.
    pub fn call(&mut self, message: impl Into<Value>) -> Result<Option<Value>, TestError> {
        let body = self.data_of(&message.into())?;
        let answer = self.call_data(body)?;
        Ok(answer.map(|answer| json::value_of(&answer)))
    }

    /// The same with data.
    pub fn call_data(&mut self, body: Data) -> Result<Option<Data>, TestError> {
        let call = self.ask(body)?;
        Ok(self.answer_to(call).cloned())
    }

    /// Asks the worker; its answer may come at any time.
    pub fn ask(&mut self, body: Data) -> Result<CallId, TestError> {
        self.asked += 1;
        let call = CallId {
            run: [0; 16],
            number: self.asked,
        };
        self.give(None, Some(address(CALLER)), body, Intent::Ask(call))?;
        Ok(call)
    }

    /// What the worker has answered so far to a call of the test.
    pub fn answer_to(&self, call: CallId) -> Option<&Data> {
        let mut answers = self.record.answers.iter();
        let found = answers.find(|(known, _)| *known == call);
        found.map(|(_, answer)| answer)
    }

    /// Lets the next call be answered by its service. False where there is none to answer.
    pub(super) fn answer_next(&mut self) -> Result<bool, TestError> {
        let open = std::mem::take(&mut self.open);
        let still_open = open.into_iter().filter(|pending| self.is_open(pending));
        self.open = still_open.collect();
        while let Some(at) = self.open.iter().position(|pending| !pending.offered) {
            let pending = &mut self.open[at];
            pending.offered = true;
            let mut services = self.services.iter_mut();
            let service = services.find(|(name, _)| pending.is_to(name));
            let Some(answer) =
                service.and_then(|(_, service)| service(&json::value_of(&pending.message)))
            else {
                continue;
            };
            let answer = self.data_of(&answer)?;
            if let Some(pending) = self.open.remove(at) {
                self.answer_call(&pending, answer)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_open(&self, pending: &Pending) -> bool {
        let run = self.run.as_ref();
        run.is_some_and(|run| run.waits_for(&pending.from, pending.call))
    }

    fn answer_call(&mut self, pending: &Pending, body: Data) -> Result<(), TestError> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let sender = Some(address(&pending.to));
        let intent = Intent::Answer(pending.call);
        run.give_message(pending.from.clone(), sender, body, intent)?;
        Ok(())
    }
}
