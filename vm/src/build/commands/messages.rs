//! `send`, `waitFor`, `when`.
//!
//! A message may be a ref, or a literal with refs at any depth.

use super::super::arguments::Arguments;
use super::super::tables::{Action, Kind, Recipe};
use super::timing::{self, Timing};
use crate::data::Data;
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn send<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let target = target(arguments)?;
    let Some(message) = arguments.optional(1) else {
        return Err(arguments.refuse_with(
            "`send` needs a message",
            "for example `send(Ledger, { type: 'ADD' })`",
        ));
    };
    let message = arguments.operand(&message)?;
    if super::has_function(&message) {
        return Err(arguments.refuse_with(
            "a message cannot hold a function",
            "say what it reads: `send(X, readState(handle, value => …))`",
        ));
    }
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Send { target, message }, arguments.span))
}

/// The first argument as a target: an address, a worker, or a ref.
pub(super) fn target<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Recipe, Trap> {
    let value = arguments.required(0, "a target")?;
    super::reactive::refuse_as_worker(arguments, &value)?;
    match &value {
        Value::Host(host)
            if matches!(
                Kind::of(*host),
                Some(Kind::Ref | Kind::Place | Kind::Worker)
            ) =>
        {
            Ok(Recipe::Host(*host))
        }
        Value::Frozen(data @ Data::Address(_)) => Ok(Recipe::Constant((*data).clone())),
        Value::Text(text) => Err(arguments.refuse_with(
            format!(
                "`{}` needs an address, got the string '{text}'",
                arguments.name
            ),
            format!("write the name itself, or `worker('{text}')`"),
        )),
        other => {
            let got = arguments.describe(other);
            Err(arguments.refuse_with(
                format!("`{}` needs an address, got {got}", arguments.name),
                "a target is a name that begins with a capital letter, `outbox`, `self`, a child, `worker(\"Name\", key)`, `sender(handle)`, or a ref to one of them",
            ))
        }
    }
}

pub(super) fn wait_for<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let predicate =
        arguments.function(0, "a predicate: a function from a message to true or false")?;
    let mut timing = Timing::default();
    let (then, options) = continuation_and_options(arguments, 1)?;
    if let Some(options) = options {
        timing = timing::read(arguments, &options, &["timeout", "otherwise"])?;
    }
    let action = Action::WaitFor {
        predicate,
        then,
        timeout: timing.timeout,
    };
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

/// A continuation that may be left out, and options that may follow it.
pub(super) fn continuation_and_options<'p>(
    arguments: Arg<'_, '_, '_, '_, 'p>,
    at: usize,
) -> Result<(Option<Value<'p>>, Option<Value<'p>>), Trap> {
    let then = arguments.optional(at);
    let options = arguments.optional(at + 1);
    let is_object =
        |value: &Value<'p>| matches!(value, Value::Object(_) | Value::Frozen(Data::Object(_)));
    match (then, options) {
        (Some(given), None) if is_object(&given) => Ok((None, Some(given))),
        other => Ok(other),
    }
}

pub(super) fn when<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let predicate =
        arguments.function(0, "a predicate: a function from a message to true or false")?;
    let matched = arguments.required(1, "a command for a message that matches")?;
    let otherwise = arguments.optional(2);
    Ok(arguments.stage.tables.borrow_mut().command(
        Action::When {
            predicate,
            matched,
            otherwise,
        },
        arguments.span,
    ))
}
