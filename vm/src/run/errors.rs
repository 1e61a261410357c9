//! Script errors that the control level makes.
//!
//! Every error has a code, and the place of the command that ran. Errors of functions come from the
//! expression machine with their own stack, to which the command is added.

use crate::codes::{self, ErrorCode};
use crate::error::{ScriptError, StackFrame};
use crate::limits::{Limit, Limits};
use crate::source::{Sources, Span};

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
            Limit::ReactiveSources => codes::LIMIT_SOURCES,
            Limit::ValueDepth => codes::LIMIT_VALUE_DEPTH,
            _ => codes::LIMIT_VALUE_SIZE,
        };
        ScriptError::new(code, limit.message(limits))
    }

    /// A value that cannot be a key.
    pub(crate) fn bad_key(got: &str) -> ScriptError {
        let what = format!("a key has to be a string that is not empty or an integer, got {got}");
        ScriptError::new(codes::BAD_KEY, what)
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

    /// A message while the worker is in a delay or call.
    pub(crate) fn keeps_messages() -> ScriptError {
        ScriptError::new(
            codes::NOT_LISTENING,
            "the worker is in a delay or call: the mailbox keeps messages until it is over",
        )
    }

    /// Adds a place as the outermost frame.
    pub(crate) fn at(mut self, function: &str, sources: &Sources, span: Span) -> ScriptError {
        self.stack.extend(frame(function, sources, span));
        self
    }
}

fn frame(function: &str, sources: &Sources, span: Span) -> Option<StackFrame> {
    let (source, position) = sources.locate(span.start)?;
    let function = if function.is_empty() {
        "(anonymous)"
    } else {
        function
    };
    Some(StackFrame {
        function: function.to_owned(),
        file: source.name.clone(),
        line: position.line,
        column: position.column,
    })
}
