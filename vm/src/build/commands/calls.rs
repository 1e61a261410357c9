//! `call` and `reply`: a question that waits for its answer.
//!
//! The reply is a message like any other: its handle can be read, and `sender` of it is who answered.

use super::super::arguments::Arguments;
use super::super::tables::{Action, CallSpec, Recipe};
use super::messages::{continuation_and_options, target};
use super::timing::{self, Timing};
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn call<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let target = target(arguments)?;
    let message = message(arguments, "`call(Ledger, { type: 'BALANCE' }, reply => …)`")?;
    let (then, options) = continuation_and_options(arguments, 2)?;
    let timing = match options {
        Some(options) => timing::read(arguments, &options, &["timeout", "otherwise", "retry"])?,
        None => Timing::default(),
    };
    if timing.retry.is_some() && timing.timeout.is_none() {
        return Err(arguments.refuse_with(
            "`call` has `retry` without `timeout`",
            "say how long each attempt waits: `{ timeout: 1000, retry: { attempts: 3 } }`",
        ));
    }
    let action = Action::Call(CallSpec {
        target,
        message,
        then,
        timeout: timing.timeout,
        retry: timing.retry,
    });
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

pub(super) fn reply<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let handle = super::workers::message_handle(arguments)?;
    let message = message(arguments, "`reply(message, { ok: true })`")?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Reply { handle, message }, arguments.span))
}

/// The second argument as a message.
fn message<'p>(arguments: Arg<'_, '_, '_, '_, 'p>, example: &str) -> Result<Recipe, Trap> {
    let name = arguments.name;
    let Some(message) = arguments.optional(1) else {
        return Err(arguments.refuse_with(
            format!("`{name}` needs a message"),
            format!("for example {example}"),
        ));
    };
    let message = arguments.operand(&message)?;
    if super::has_function(&message) {
        return Err(arguments.refuse_with(
            "a message cannot hold a function",
            "say what it reads: `readState(handle, value => …)`",
        ));
    }
    Ok(message)
}
