//! `send`, `waitFor`, `when`.
//!
//! A message may be a ref, or a literal with refs at any depth.

use super::super::arguments::Arguments;
use super::super::tables::{Action, Kind, Recipe};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn send(arguments: Arg<'_, '_, '_, '_, '_>) -> Result<Value, Trap> {
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
pub(super) fn target(arguments: Arg<'_, '_, '_, '_, '_>) -> Result<Recipe, Trap> {
    let value = arguments.required(0, "a target")?;
    match &value {
        Value::Host(host)
            if matches!(
                Kind::of(*host),
                Some(Kind::Ref | Kind::Place | Kind::Worker)
            ) =>
        {
            Ok(Recipe::Host(*host))
        }
        Value::Frozen(data @ Data::Address(_)) => Ok(Recipe::Constant(data.clone())),
        Value::Frozen(Data::Text(text)) => Err(arguments.refuse_with(
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

pub(super) fn wait_for(arguments: Arg<'_, '_, '_, '_, '_>) -> Result<Value, Trap> {
    let predicate =
        arguments.function(0, "a predicate: a function from a message to true or false")?;
    let mut then = arguments.optional(1);
    let mut options = arguments.optional(2);
    // Options may follow the predicate directly.
    if options.is_none() && matches!(&then, Some(Value::Object(_))) {
        options = then.take();
    }
    if let Some(options) = options {
        let named = arguments.options(&options, &["timeout", "otherwise"])?;
        if let Some((option, _)) = named.first() {
            let message =
                format!("the option `{option}` of `waitFor` is not available in this version");
            let diagnostic = Diagnostic::error(codes::NOT_AVAILABLE, arguments.span, message);
            return Err(Trap::refused(
                diagnostic.with_hint("wait without a limit of time"),
            ));
        }
    }
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::WaitFor { predicate, then }, arguments.span))
}

pub(super) fn when(arguments: Arg<'_, '_, '_, '_, '_>) -> Result<Value, Trap> {
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
