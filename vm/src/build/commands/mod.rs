//! The functions of the language: each records a command, a ref, an address or a worker.
//!
//! The build stage's host calls them; expansion makes trees of what they record. One file per family.

mod act;
mod calls;
mod concurrent;
mod failures;
mod flow;
mod hosting;
mod messages;
pub(super) mod reactive;
mod state;
mod timing;
mod workers;

use super::arguments::Arguments;
use super::stage::Stage;
use super::tables::{Action, Jump, Kind};
use crate::codes;
use crate::error::Trap;
use crate::machine::Machine;
use crate::source::Span;
use crate::text::Text;
use crate::tree::Label;
use crate::value::Value;

/// The functions that `act` gives its factory, as `HostRef::index` numbers them.
pub(super) const HELPERS: [&str; 3] = ["complete", "fail", "self"];

/// Calls a function of the language.
pub(super) fn call<'p>(
    stage: &Stage<'_, 'p>,
    machine: &mut Machine<'p>,
    name: Option<&'static str>,
    values: &[Value<'p>],
    span: Span,
) -> Result<Value<'p>, Trap> {
    let name = name.unwrap_or_default();
    let mut arguments = Arguments {
        stage,
        machine,
        name,
        values,
        span,
    };
    match name {
        "act" => act::act(&mut arguments),
        "sequence" => flow::sequence(&arguments),
        "when" => messages::when(&mut arguments),
        "waitFor" => messages::wait_for(&mut arguments),
        "saga" => failures::saga(&arguments),
        "compensate" => failures::compensate(&arguments),
        "forEach" => flow::for_each(&mut arguments),
        "parallel" => concurrent::branches(&arguments, false),
        "race" => concurrent::branches(&arguments, true),
        "attempt" => failures::attempt(&mut arguments),
        "call" => calls::call(&mut arguments),
        "reply" => calls::reply(&mut arguments),
        "send" => messages::send(&mut arguments),
        "whenState" => flow::when_state(&mut arguments),
        "whileLoop" => flow::while_loop(&arguments),
        "noop" => Ok(stage.tables.borrow_mut().command(Action::Noop, span)),
        "delay" => flow::delay(&mut arguments),
        "withState" => state::with_state(&mut arguments),
        "modifyState" => state::modify_state(&mut arguments),
        "readState" => state::read_state(&mut arguments),
        "computeState" => state::compute_state(&mut arguments),
        "spawn" => workers::spawn(&mut arguments),
        "kill" => workers::kill(&mut arguments),
        "worker" => workers::worker(&mut arguments),
        "sender" => workers::sender(&arguments),
        "reactive" => reactive::reactive(&mut arguments),
        "stateOf" => reactive::state_of(&mut arguments),
        "effect" => reactive::effect(&mut arguments),
        "clock" => reactive::clock(&mut arguments),
        "waitForValue" => reactive::wait_for_value(&mut arguments),
        _ => Err(Trap::fatal(
            codes::UNKNOWN_NAME,
            format!("`{name}` is not part of the language"),
        )),
    }
}

/// Calls a function of `act`'s second parameter.
pub(super) fn call_helper<'p>(
    stage: &Stage<'_, 'p>,
    machine: &mut Machine<'p>,
    index: u32,
    values: &[Value<'p>],
    span: Span,
) -> Result<Value<'p>, Trap> {
    let name = HELPERS.get(index as usize).copied().unwrap_or_default();
    let mut arguments = Arguments {
        stage,
        machine,
        name,
        values,
        span,
    };
    match name {
        "complete" => flow::complete(&mut arguments),
        "fail" => flow::fail(&mut arguments),
        _ => Ok(workers::myself(stage)),
    }
}

/// Calls `done`, `loop.break` or `loop.continue`.
pub(super) fn jump<'p>(stage: &Stage<'_, 'p>, index: usize, span: Span) -> Result<Value<'p>, Trap> {
    let mut tables = stage.tables.borrow_mut();
    match tables.jumps.get(index).copied() {
        Some(jump) => Ok(tables.command(Action::Jump(jump), span)),
        None => Err(Trap::fatal(codes::HOST_MISUSE, "a jump that is not there")),
    }
}

/// `loop.break` and `loop.continue`; the loop's number is its label.
pub(super) fn loop_property<'p>(
    stage: &Stage<'_, 'p>,
    label: u32,
    key: &Text,
) -> Option<Value<'p>> {
    let again = match key.as_ascii()? {
        "break" => false,
        "continue" => true,
        _ => return None,
    };
    Some(stage.tables.borrow_mut().jump(Jump {
        label: Label(label),
        again,
    }))
}

/// Whether a value is the handle of a state or message, or another ref.
fn is_ref<'p>(value: &Value<'p>) -> bool {
    matches!(value, Value::Host(host) if Kind::of(*host) == Some(Kind::Ref))
}

/// Whether a message or config has a function in it.
fn has_function(recipe: &super::tables::Recipe) -> bool {
    use super::tables::Recipe;
    match recipe {
        Recipe::Function(_) => true,
        Recipe::Constant(data) => data.shape().has_function,
        Recipe::Host(_) => false,
        Recipe::Array(items) => items.iter().any(has_function),
        Recipe::Object(pairs) => pairs.iter().any(|(_, value)| has_function(value)),
    }
}
