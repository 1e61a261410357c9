//! `spawn`, `kill`, `worker`, `sender`: other workers and their addresses.
//!
//! A worker value as target means its name; only a worker value can be spawned.

use super::super::arguments::Arguments;
use super::super::stage::Stage;
use super::super::tables::{Action, Kind, PlaceSpec, Recipe, RefSpec, SpawnSpec};
use crate::codes;
use crate::data::{Address, Data};
use crate::diagnostic::Diagnostic;
use crate::error::Trap;
use crate::value::{HostRef, Value};

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn spawn<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let given = arguments.required(0, "a worker of this module")?;
    super::reactive::refuse_as_worker(arguments, &given)?;
    let worker = match &given {
        Value::Host(host) if Kind::of(*host) == Some(Kind::Worker) => host.index(),
        other => {
            let got = arguments.describe(other);
            return Err(arguments.refuse_with(
                format!("`spawn` needs a worker, got {got}"),
                "give it the value that `act` returned, declared in this module",
            ));
        }
    };
    let config = arguments.values.get(1).cloned().unwrap_or(Value::Undefined);
    let config = arguments.operand(&config)?;
    if super::has_function(&config) {
        return Err(arguments.refuse_with(
            "the config of a child cannot hold a function",
            "send data, or read a ref: `spawn(X, readState(handle, value => …))`",
        ));
    }
    let then = arguments.optional(2);
    let mut watch = false;
    if let Some(options) = arguments.optional(3) {
        for (option, value) in arguments.options(&options, &["watch"])? {
            match &value {
                Value::Boolean(given) => watch = given.get(),
                other => return Err(arguments.bad_option(&option, "true or false", other)),
            }
        }
    }
    let action = Action::Spawn(SpawnSpec {
        worker,
        config,
        then,
        watch,
    });
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

pub(super) fn kill<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let target = super::messages::target(arguments)?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Kill { target }, arguments.span))
}

pub(super) fn worker<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let name = arguments.required(0, "a name")?;
    let Some(name) = name
        .as_text()
        .filter(|name| !name.is_empty())
        .map(ToString::to_string)
    else {
        let got = arguments.describe(&name);
        return Err(arguments.refuse(format!(
            "`worker` needs a name, a string that is not empty, got {got}"
        )));
    };
    let key = match arguments.optional(1) {
        None => return Ok(arguments.machine.value(Data::from(Address::bare(name)))),
        Some(key) => arguments.operand(&key)?,
    };
    match key {
        Recipe::Constant(data) => {
            let key = crate::run::key_text(&data).map_err(|error| {
                Trap::refused(Diagnostic::error(
                    codes::BAD_KEY,
                    arguments.span,
                    error.message,
                ))
            })?;
            Ok(arguments
                .machine
                .value(Data::from(Address::keyed(name, key))))
        }
        Recipe::Host(host) if Kind::of(host) == Some(Kind::Ref) => Ok(arguments
            .stage
            .tables
            .borrow_mut()
            .place(PlaceSpec::Keyed { name, key })),
        _ => {
            Err(arguments
                .refuse("the key of `worker` has to be a string, an integer, or a ref to one"))
        }
    }
}

pub(super) fn sender<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let handle = message_handle(arguments)?;
    let mut tables = arguments.stage.tables.borrow_mut();
    Ok(tables.place(PlaceSpec::Sender(handle)))
}

/// The first argument as the handle of a message.
pub(super) fn message_handle<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<HostRef, Trap> {
    let handle = arguments.required(0, "the handle of a message")?;
    let tables = arguments.stage.tables.borrow();
    if let Value::Host(host) = &handle
        && Kind::of(*host) == Some(Kind::Ref)
        && matches!(
            tables.refs.get(host.index() as usize),
            Some(RefSpec::Message(_) | RefSpec::Closest { .. })
        )
    {
        return Ok(*host);
    }
    drop(tables);
    let got = arguments.describe(&handle);
    Err(arguments.refuse_with(
        format!(
            "`{}` needs the handle of a message, got {got}",
            arguments.name
        ),
        "take it from `waitFor(predicate, message => …)`",
    ))
}

/// `helpers.self()`
pub(super) fn myself<'p>(stage: &Stage<'_, 'p>) -> Value<'p> {
    stage.tables.borrow_mut().place(PlaceSpec::Myself)
}
