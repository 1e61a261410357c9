//! Script errors of the run stage: made by the control level, or from what the machine trapped on.
//!
//! Every error has a code; one that comes from a function has the script's stack, one that comes from a
//! command the place of the command.

use super::describe;
use crate::codes::{self, ErrorCode};
use crate::data::Data;
use crate::error::{Places, ScriptError, StackFrame, Trap, TrapKind};
use crate::freeze::Purpose;
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::source::{Source, Span};

impl ScriptError {
    /// An error without a stack.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> ScriptError {
        ScriptError {
            code: code.code.to_owned(),
            message: message.into(),
            stack: Vec::new(),
            value: None,
        }
    }

    /// A limit that the control level meters.
    pub(crate) fn limit(limit: Limit, limits: &Limits) -> ScriptError {
        let code = match limit {
            Limit::StateBytes => codes::LIMIT_STATE,
            Limit::MessageBytes => codes::LIMIT_MESSAGE,
            Limit::TurnSends => codes::LIMIT_SENDS,
            Limit::ValueDepth => codes::LIMIT_VALUE_DEPTH,
            _ => codes::LIMIT_VALUE_SIZE,
        };
        ScriptError::new(code, limit.message(limits))
    }

    /// A worker whose value does not fit its program; a bug or a corrupted store.
    pub(crate) fn corrupt(what: &str) -> ScriptError {
        ScriptError::new(
            codes::CORRUPT_WORKER,
            format!("the worker does not fit its program: {what}"),
        )
    }

    /// An input to a run that is over.
    pub(crate) fn ended() -> ScriptError {
        ScriptError::new(codes::ENDED, "the run has ended: it takes no more inputs")
    }

    /// An input before `Start`.
    pub(crate) fn not_started() -> ScriptError {
        ScriptError::new(
            codes::NOT_STARTED,
            "the run has not started: its first input is `Start`",
        )
    }

    /// A message while the worker is in a delay.
    pub(crate) fn keeps_messages() -> ScriptError {
        ScriptError::new(
            codes::NOT_LISTENING,
            "the worker is in a delay: the mailbox keeps messages until it is over",
        )
    }

    /// Adds a place as the outermost frame.
    pub(crate) fn at(mut self, function: &str, source: &Source, span: Span) -> ScriptError {
        self.stack.push(frame(function, source, span));
        self
    }
}

fn frame(function: &str, source: &Source, span: Span) -> StackFrame {
    let position = source.position(span.start);
    let function = if function.is_empty() {
        "(anonymous)"
    } else {
        function
    };
    StackFrame {
        function: function.to_owned(),
        file: source.name.clone(),
        line: position.line,
        column: position.column,
    }
}

/// What a trap of the machine means to the outside.
pub(crate) fn script_error(machine: &mut Machine<'_>, trap: Trap) -> ScriptError {
    let data = *trap.0;
    let stack = stack(machine, &data.places);
    let (code, message, value) = match data.kind {
        TrapKind::Fatal { code, message } => (code, message, None),
        TrapKind::Refused(diagnostic) => (diagnostic.code, diagnostic.message, None),
        TrapKind::Throw(value) => {
            // A thrown value that cannot be kept is shown by its kind alone.
            let value = machine.freeze(&value, Purpose::State).ok();
            let message = value.as_ref().map_or_else(
                || "a value that cannot be kept was thrown".to_owned(),
                thrown_message,
            );
            (codes::THROWN, message, value)
        }
    };
    ScriptError {
        code: code.code.to_owned(),
        message,
        stack,
        value,
    }
}

/// The text of a thrown value: `TypeError: …` for errors.
pub(crate) fn thrown_message(value: &Data) -> String {
    let Data::Error(error) = value else {
        return match value {
            Data::Text(text) => text.to_string(),
            other => format!("{} was thrown", describe(other)),
        };
    };
    match error
        .properties()
        .get(&"message".into())
        .and_then(Data::as_text)
    {
        Some(text) if !text.is_empty() => format!("{}: {text}", error.kind.name()),
        _ => error.kind.name().to_owned(),
    }
}

fn stack(machine: &Machine<'_>, places: &Places) -> Vec<StackFrame> {
    let mut frames = Vec::with_capacity(places.len().min(32));
    for (function, instruction) in places.iter().take(32) {
        let function = machine.code.function(*function);
        let Some(source) = machine.code.sources.get(function.source as usize) else {
            continue;
        };
        frames.push(frame(
            &function.name.to_string(),
            source,
            function.place(*instruction),
        ));
    }
    frames
}
