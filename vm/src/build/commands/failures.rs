//! `attempt`, `saga`, `compensate`: what is done when a command fails.
//!
//! The factory of `otherwise` gets a ref to the error.

use super::super::arguments::Arguments;
use super::super::tables::{Action, AttemptSpec};
use super::timing;
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn attempt<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let body = arguments.required(0, "a command that may fail")?;
    let mut retry = None;
    let mut otherwise = None;
    if let Some(options) = arguments.optional(1) {
        for (option, value) in arguments.options(&options, &["otherwise", "retry"])? {
            match option.as_str() {
                _ if value.is_undefined() => {}
                "retry" => retry = Some(timing::tries(arguments, &value)?),
                _ => otherwise = Some(value),
            }
        }
    }
    if retry.is_none() && otherwise.is_none() {
        return Err(arguments.refuse_with(
            "`attempt` does not say what is done when its command fails",
            "write `attempt(…, { otherwise: error => … })`, with `noop()` for nothing, or `{ retry: { attempts: 3 } }`",
        ));
    }
    let action = Action::Attempt(AttemptSpec {
        body,
        retry,
        otherwise,
    });
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

pub(super) fn saga<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let body = arguments.required(0, "a command, or a function that returns one")?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Saga { body }, arguments.span))
}

pub(super) fn compensate<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let body = arguments.required(0, "a command that does something")?;
    let undo = arguments.required(1, "a command that undoes it")?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Compensate { body, undo }, arguments.span))
}
