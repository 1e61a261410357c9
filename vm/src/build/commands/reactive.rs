//! `reactive`, `stateOf`, `effect`, `clock` and `waitForValue`.
//!
//! A reactive function is a worker that is read instead of sent to. A source is an object with parts that
//! may be refs; what it means is decided when the command runs.

use super::super::arguments::Arguments;
use super::super::stage::Stage;
use super::super::tables::{Action, Kind, Recipe, ValueSpec, WorkerSpec, host};
use super::messages::continuation_and_options;
use super::timing::{self, Timing};
use crate::codes;
use crate::data::{Address, Data};
use crate::diagnostic::Diagnostic;
use crate::error::Trap;
use crate::machine::Machine;
use crate::options::WorkerOptions;
use crate::reactive::{KIND, is_period};
use crate::run::{clock_source, effect_source, result_source, state_source};
use crate::source::Span;
use crate::text::Text;
use crate::value::{HostRef, Value};

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

const SOURCES: &str = "a source is `Name(…)` for a reactive function, or `stateOf(worker(\"Account\", id), \"balance\")`";

pub(super) fn reactive<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let function = arguments.required(0, "a function: `reactive((get, user) => …)`")?;
    if !function.is_function() {
        let got = arguments.describe(&function);
        return Err(arguments.refuse_with(
            format!("`reactive` needs a function, got {got}"),
            "write `reactive((get, user) => get(stateOf(worker(\"Account\", user), \"balance\")))`",
        ));
    }
    if arguments.optional(1).is_some() {
        return Err(arguments.refuse_with(
            "`reactive` takes one function and no options",
            "what it reads decides when it is computed again",
        ));
    }
    if arguments.stage.sealed.get() {
        return Err(arguments.refuse_with(
            "`reactive` is called inside the factory of a worker or command",
            "declare the reactive function at the top level of the module",
        ));
    }
    let mut tables = arguments.stage.tables.borrow_mut();
    let span = arguments.span;
    let computes = tables.function(function, span);
    let mut options = WorkerOptions::defaults(false, false);
    options.reactive = true;
    tables.workers.push(WorkerSpec {
        factory: function,
        computes: Some(computes),
        options,
        key: None,
        span,
        name: String::new(),
        exported: false,
    });
    Ok(host(Kind::Worker, tables.workers.len() - 1))
}

/// `Exposure(user)`: the source that a reactive function of this module is for some arguments.
pub(in super::super) fn apply<'p>(
    stage: &Stage<'_, 'p>,
    machine: &mut Machine<'p>,
    worker: HostRef,
    values: &[Value<'p>],
    span: Span,
) -> Result<Value<'p>, Trap> {
    let is_reactive = {
        let tables = stage.tables.borrow();
        let worker = tables.workers.get(worker.index() as usize);
        worker.is_some_and(|worker| worker.computes.is_some())
    };
    if is_reactive {
        return result_source(machine, Value::Host(worker), values);
    }
    let what = "a worker is called, and only a reactive function can be";
    let diagnostic = Diagnostic::error(codes::REACTIVE_MISUSED, span, what);
    Err(Trap::refused(diagnostic.with_hint(
        "ask it with `call(Worker, message, reply => …)`, or read its state: `stateOf(worker(\"Name\", key), \"state\")`",
    )))
}

/// `RiskOf(user)` of a reactive function that is deployed elsewhere.
pub(in super::super) fn apply_name<'p>(
    machine: &mut Machine<'p>,
    name: &Address,
    values: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let name = machine.value(Data::from(name.clone()));
    result_source(machine, name, values)
}

/// The refusal of a reactive function where a worker is expected.
pub(super) fn refuse_as_worker<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<(), Trap> {
    let Value::Host(found) = value else {
        return Ok(());
    };
    let tables = arguments.stage.tables.borrow();
    let spec = tables.workers.get(found.index() as usize);
    let is_reactive =
        Kind::of(*found) == Some(Kind::Worker) && spec.is_some_and(|spec| spec.computes.is_some());
    if !is_reactive {
        return Ok(());
    }
    let what = format!(
        "`{}` got a reactive function, which takes no messages and is not started",
        arguments.name
    );
    let diagnostic = Diagnostic::error(codes::REACTIVE_MISUSED, arguments.span, what);
    Err(Trap::refused(diagnostic.with_hint(
        "read it: `waitForValue(Name(…), value => true, value => …)`, or `get(Name(…))` in another one",
    )))
}

pub(super) fn state_of<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let of = of(arguments, "stateOf(worker(\"Account\", id), \"balance\")")?;
    let name = arguments.required(1, "the name that `as` gave the state")?;
    let is_name = name.as_text().is_some_and(|name| !name.is_empty());
    if !is_name && !super::is_ref(&name) {
        let got = arguments.describe(&name);
        return Err(arguments.refuse(format!(
            "`stateOf` needs the name that `as` gave the state, got {got}"
        )));
    }
    state_source(arguments.machine, of, name)
}

pub(super) fn effect<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let of = of(arguments, "effect(Rates, { pair: \"EURUSD\" })")?;
    let request = arguments.optional(1);
    let request = request.unwrap_or(Value::Null);
    effect_source(arguments.machine, of, request)
}

pub(super) fn clock<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let period = arguments.required(0, "a number of milliseconds")?;
    match period.as_number() {
        Some(number) if is_period(number) => clock_source(arguments.machine, period),
        _ => {
            let got = arguments.describe(&period);
            Err(arguments.refuse(format!(
                "`clock` needs whole milliseconds, 100 at least, got {got}"
            )))
        }
    }
}

/// The first argument as an address; a ref may resolve to one.
fn of<'p>(arguments: Arg<'_, '_, '_, '_, 'p>, example: &str) -> Result<Value<'p>, Trap> {
    let value = arguments.required(0, "an address")?;
    refuse_as_worker(arguments, &value)?;
    match &value {
        Value::Frozen(Data::Address(_)) => Ok(value),
        Value::Host(found)
            if matches!(
                Kind::of(*found),
                Some(Kind::Ref | Kind::Place | Kind::Worker)
            ) =>
        {
            Ok(value)
        }
        other => {
            let got = arguments.describe(other);
            let name = arguments.name;
            Err(arguments.refuse_with(
                format!("`{name}` needs an address, got {got}"),
                format!("for example `{example}`"),
            ))
        }
    }
}

pub(super) fn wait_for_value<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let source = source(arguments)?;
    let predicate =
        arguments.function(1, "a predicate: a function from a value to true or false")?;
    let (then, options) = continuation_and_options(arguments, 2)?;
    let timing = match options {
        Some(options) => timing::read(arguments, &options, &["timeout", "otherwise"])?,
        None => Timing::default(),
    };
    let action = Action::WaitForValue(ValueSpec {
        source,
        predicate,
        then,
        timeout: timing.timeout,
    });
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

/// The first argument as a source that a worker can wait for.
fn source<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Recipe, Trap> {
    let value = arguments.required(0, "a source")?;
    let kind = match &value {
        Value::Object(id) => {
            let properties = &arguments.machine.heap.object(*id).properties;
            properties.get(&Text::from(KIND)).cloned()
        }
        Value::Frozen(data) => data.property(KIND).map(Value::of),
        _ => None,
    };
    let kind = kind
        .as_ref()
        .and_then(Value::as_text)
        .map(ToString::to_string);
    match (kind.as_deref(), &value) {
        (Some("result" | "state"), _) => arguments.operand(&value),
        (Some("effect"), _) => Err(arguments.refuse_with(
            "`waitForValue` cannot wait for an effect",
            "ask the service: `call(Service, request, reply => …)`, or read the effect in a reactive function",
        )),
        (Some("clock"), _) => Err(arguments.refuse_with(
            "`waitForValue` cannot wait for a clock",
            "wait with `delay(ms)`, or read the clock in a reactive function",
        )),
        (None, value) if super::is_ref(value) => arguments.operand(value),
        (_, Value::Host(found)) if Kind::of(*found) == Some(Kind::Worker) => {
            Err(arguments.refuse_with(
                "`waitForValue` needs a source, got the function itself",
                "call a reactive function with its arguments: `Exposure(\"ann\")`, `Total()`",
            ))
        }
        (_, other) => {
            let got = arguments.describe(other);
            Err(arguments.refuse_with(
                format!("`waitForValue` needs a source, got {got}"),
                SOURCES,
            ))
        }
    }
}
