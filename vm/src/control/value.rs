//! `waitForValue`: waiting until what a source says matches, or giving up after a time.
//!
//! The command subscribes; what is told passes the mailbox, as a reply does. A value that does not match
//! is passed over. An error of the source is a failure of the command.

use super::instruction::{Instruction, OperandIndex, Timeout};
use super::{End, Flow, Run};
use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::machine::is_truthy;
use crate::reactive::{Said, Source, Told, instance_key, result_request, state_request};
use crate::turn::{CallId, Effect, Note};
use crate::worker::{Slot, Wait};

/// The instance that a source stands for, and what is asked of it.
pub(super) fn subscription(source: Source) -> Option<(Address, Data)> {
    match source {
        Source::State { of, name } => Some((of, state_request(&name))),
        Source::Result { of, arguments } => {
            let to = Address::keyed(of.name, instance_key(&arguments));
            Some((to, result_request(&arguments)))
        }
        Source::Effect { .. } | Source::Clock { .. } => None,
    }
}

impl Run<'_> {
    /// Subscribes to a source and waits for a value of it.
    pub(super) fn watch(
        &mut self,
        source: OperandIndex,
        timeout: Option<Timeout>,
    ) -> Result<Flow, ScriptError> {
        let value = self.evaluate(source)?;
        let data = self.normalise(&value)?;
        let source = Source::read(&data).map_err(|error| self.at_command(error))?;
        let Some((to, request)) = subscription(source) else {
            let what = "`waitForValue` waits for a reactive function or a state: ask a service with `call`, wait for a time with `delay`";
            return Err(self.at_command(ScriptError::new(codes::NOT_A_SOURCE, what)));
        };
        let rest_ms = self.time_of(timeout)?;
        let watch = self.next_watch()?;
        self.effects.push(Effect::Subscribe { watch, to, request });
        let timer = rest_ms.map(|rest_ms| self.set_timer(rest_ms));
        Ok(self.wait(Wait::Value { watch, timer }))
    }

    /// The number of a new subscription or question, counted as a message.
    pub(super) fn next_watch(&mut self) -> Result<u64, ScriptError> {
        self.count_send()?;
        let watch = self.next.calls;
        self.next.calls += 1;
        Ok(watch)
    }

    /// Gives what a source told to the branch that reads it.
    pub(super) fn take_told(
        &mut self,
        id: CallId,
        body: &Data,
        version: u64,
        source: Option<Address>,
    ) -> Result<Option<End>, ScriptError> {
        let reads = |wait: &Wait| match wait {
            Wait::Value { watch, .. } => *watch == id.number,
            Wait::Sources(knowledge) => {
                let mut sources = knowledge.sources.iter();
                sources.any(|known| known.watch == id.number)
            }
            _ => false,
        };
        let mut branches = self.next.branches.iter();
        let found = branches.position(|branch| reads(&branch.wait));
        let Some(at) = found.filter(|_| id.run == self.identity.run) else {
            self.notes.push(Note::Late);
            return Ok(None);
        };
        self.switch(at)?;
        let told = Told::from_data(body);
        if matches!(self.branch().wait, Wait::Sources(_)) {
            return self.take_source(id.number, told, version);
        }
        let taken = match told.said {
            None => Ok(None),
            Some(Said::Value(value)) => self.take_value(value, source),
            Some(Said::Error(error)) => return self.source_failed(error, source.as_ref()),
        };
        taken.or_else(|error| self.raise(error, false))
    }

    fn take_value(
        &mut self,
        value: Data,
        source: Option<Address>,
    ) -> Result<Option<End>, ScriptError> {
        let definition = self.definition;
        let at = self.branch().instruction as usize;
        let Some(Instruction::BlockEnterValue {
            block, predicate, ..
        }) = definition.code.instructions.get(at)
        else {
            return Err(ScriptError::corrupt(
                "it waits where no value is waited for",
            ));
        };
        self.functions
            .charge_instruction()
            .map_err(|error| self.at_command(error))?;
        let function = self.function(*predicate, "the predicate of a wait")?;
        let matched = self.call(&function, &[self.functions.value(value.clone())])?;
        if is_truthy(&matched) {
            self.end_wait();
            let slot = Slot::Message {
                body: value,
                sender: source.map_or(Data::Undefined, Data::from),
                call: None,
            };
            self.enter(*block, Some(slot))?;
        }
        Ok(None)
    }

    fn source_failed(
        &mut self,
        error: Data,
        source: Option<&Address>,
    ) -> Result<Option<End>, ScriptError> {
        let message = match &error {
            Data::Error(error) => error.properties().get(&"message".into()).cloned(),
            other => other.property("message").cloned(),
        };
        let message = message.as_ref().and_then(Data::as_text);
        let message = message.map_or_else(|| error.to_json(), ToString::to_string);
        let source = source.map_or_else(|| "the source".to_owned(), |of| format!("`{of}`"));
        let what = format!("{source} has an error instead of a value: {message}");
        let mut failure = self.at_command(ScriptError::new(codes::SOURCE_FAILED, what));
        failure.value = Some(error);
        self.raise(failure, true)
    }
}
