//! `withState`, `modifyState`, `readState`, `computeState`.
//!
//! The last two make refs, which nest.

use super::super::arguments::Arguments;
use super::super::tables::{Action, Kind, Recipe, RefSpec};
use crate::error::Trap;
use crate::source::Span;
use crate::tree::FunctionId;
use crate::value::{HostRef, Value};

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn with_state<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let given = arguments.required(0, "an initialiser")?;
    if !given.is_function() && !super::is_ref(&given) {
        let got = arguments.describe(&given);
        return Err(arguments.refuse_with(
            format!("`withState` needs a function that makes the first state, got {got}"),
            "write `withState(() => …, handle => …)`",
        ));
    }
    let initial = arguments.function(0, "an initialiser")?;
    let body = arguments.required(
        1,
        "a command for its block, or a function from the handle to one",
    )?;
    let mut name = None;
    if let Some(options) = arguments.optional(2) {
        for (option, value) in arguments.options(&options, &["as"])? {
            match &value {
                Value::Text(text) if !text.is_empty() => {
                    name = Some(text.to_string());
                }
                other => {
                    return Err(arguments.bad_option(&option, "a string that is not empty", other));
                }
            }
        }
    }
    Ok(arguments.stage.tables.borrow_mut().command(
        Action::WithState {
            initial,
            body,
            name,
        },
        arguments.span,
    ))
}

pub(super) fn modify_state<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let handle = arguments.required(0, "the handle of a state")?;
    let Some(handle) = state_handle(arguments, &handle) else {
        let got = arguments.describe(&handle);
        return Err(arguments.refuse_with(
            format!("`modifyState` needs the handle of a state, got {got}"),
            "take it from `withState(() => …, handle => …)`",
        ));
    };
    let given = arguments.required(1, "an updater: a function from the state to the next")?;
    let two_steps = is_two_step_literal(arguments, &given);
    let updater = arguments.function(1, "an updater: a function from the state to the next")?;
    let action = Action::ModifyState {
        handle,
        updater,
        two_steps,
    };
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

fn state_handle<'p>(arguments: &Arguments<'_, '_, '_, 'p>, value: &Value<'p>) -> Option<HostRef> {
    let Value::Host(host) = value else {
        return None;
    };
    let is_ref = Kind::of(*host) == Some(Kind::Ref);
    let tables = arguments.stage.tables.borrow();
    let is_state = matches!(
        tables.refs.get(host.index() as usize),
        Some(RefSpec::State(_))
    );
    (is_ref && is_state).then_some(*host)
}

/// Whether the updater is a literal in this call whose body is again a function.
fn is_two_step_literal<'p>(arguments: &Arguments<'_, '_, '_, 'p>, updater: &Value<'p>) -> bool {
    let Value::Closure(id) = updater else {
        return false;
    };
    let function = arguments
        .machine
        .code
        .function(arguments.machine.heap.closure(*id).function());
    function.returns_function && contains(arguments.span, function.span)
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

pub(super) fn read_state<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let source = arguments.required(0, "a handle or another ref")?;
    if !super::is_ref(&source) {
        return Err(not_a_ref(arguments, &source));
    }
    let source = arguments.operand(&source)?;
    let selector = run_function(
        arguments,
        1,
        "a selector: a function from the value to what is read",
    )?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .reference(RefSpec::Read { source, selector }))
}

pub(super) fn compute_state<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let given = arguments.required(0, "a ref, or an array of refs")?;
    let sources = match &given {
        Value::Array(id) => arguments.machine.heap.array(*id).to_vec(),
        single => vec![*single],
    };
    if let Some(other) = sources.iter().find(|source| !super::is_ref(source)) {
        return Err(not_a_ref(arguments, other));
    }
    let sources = sources
        .iter()
        .map(|source| arguments.operand(source))
        .collect::<Result<Vec<Recipe>, Trap>>()?;
    let combiner = run_function(
        arguments,
        1,
        "a combiner: a function from the values to the result",
    )?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .reference(RefSpec::Compute { sources, combiner }))
}

fn run_function<'p>(
    arguments: Arg<'_, '_, '_, '_, 'p>,
    index: usize,
    what: &str,
) -> Result<FunctionId, Trap> {
    let value = arguments.required(index, what)?;
    if !value.is_function() {
        let got = arguments.describe(&value);
        return Err(arguments.refuse(format!("`{}` needs {what}, got {got}", arguments.name)));
    }
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .function(value, arguments.span))
}

fn not_a_ref<'p>(arguments: &Arguments<'_, '_, '_, 'p>, value: &Value<'p>) -> Trap {
    let got = arguments.describe(value);
    arguments.refuse_with(
        format!("`{}` reads refs, got {got}", arguments.name),
        "a ref is the handle of a state or message, `config`, or the result of `readState` or `computeState`",
    )
}
