//! `Boolean`: the conversion and its methods.
//!
//! Before: the machine. Guarantees: as ECMAScript; a build-stage value is refused by the machine.

use super::Family;
use super::support::{argument, natives};
use crate::error::Trap;
use crate::machine::{Machine, is_truthy};
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Boolean" / 1 => boolean;
        "Boolean.prototype.toString" / 0 => to_string;
        "Boolean.prototype.valueOf" / 0 => value_of;
    },
    constants: &[],
};

fn boolean<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    Ok(Value::boolean(is_truthy(argument(arguments, 0))))
}

fn receiver_boolean<'p>(machine: &mut Machine<'p>, receiver: &Value<'p>) -> Result<bool, Trap> {
    match receiver {
        Value::Boolean(boolean) => Ok(boolean.get()),
        _ => Err(machine.type_error("the method needs a boolean")),
    }
}

fn to_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let boolean = receiver_boolean(machine, receiver)?;
    Ok(machine.text(if boolean { "true" } else { "false" }))
}

fn value_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    receiver_boolean(machine, receiver).map(Value::boolean)
}
