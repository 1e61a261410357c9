//! `complete` and `fail`: the ends that a script chooses.
//!
//! Both end the run wherever they stand. What the turn did before stands.

use super::instruction::OperandIndex;
use super::{End, Flow, Run};
use crate::codes;
use crate::data::Data;
use crate::error::ScriptError;
use crate::freeze::Purpose;

impl Run<'_> {
    /// Ends the run with a result, which is normalised as a message is.
    pub(super) fn complete(&mut self, result: OperandIndex) -> Result<Flow, ScriptError> {
        let value = self.evaluate(result)?;
        let result = if value.is_undefined() {
            Data::Undefined
        } else {
            self.normalise(&value)?
        };
        Ok(Flow::Stop(End::Completed(result)))
    }

    /// Fails: the run ends with an error, unless an attempt catches it.
    pub(super) fn fail(&mut self, error: OperandIndex) -> Result<Flow, ScriptError> {
        let value = self.evaluate(error)?;
        let shown = self.freeze(&value, Purpose::State)?;
        let message = failure_message(&shown);
        let kept = if value.is_undefined() {
            None
        } else {
            Some(self.normalise(&value)?)
        };
        let mut error = ScriptError::new(codes::FAILED_BY_SCRIPT, message);
        error.value = kept;
        let error = self.at_command(error);
        Ok(self.raise(error, true)?.map_or(Flow::Next, Flow::Stop))
    }
}

/// The text of an error value: its own message where it has one.
fn failure_message(value: &Data) -> String {
    match value {
        Data::Text(text) => text.to_string(),
        Data::Undefined => "the worker failed without an error value".to_owned(),
        Data::Error(error) => {
            let message = error.properties().get(&"message".into());
            let name = error.kind.name();
            message
                .and_then(Data::as_text)
                .map_or_else(|| name.to_owned(), |text| format!("{name}: {text}"))
        }
        other => match other.property("message").and_then(Data::as_text) {
            Some(text) => text.to_string(),
            None => other.to_json(),
        },
    }
}
