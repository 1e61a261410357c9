//! `Boolean`: the conversion and its methods.
//!
//! Before: the machine. Guarantees: as ECMAScript; a build-stage value is refused by the machine.

use super::Family;
use super::support::{argument, natives};
use crate::data::Data;
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

fn boolean(_: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    Ok(Value::boolean(is_truthy(argument(arguments, 0))))
}

fn receiver_boolean(machine: &mut Machine<'_>, receiver: &Value) -> Result<bool, Trap> {
    match receiver {
        Value::Frozen(Data::Boolean(boolean)) => Ok(*boolean),
        _ => Err(machine.type_error("the method needs a boolean")),
    }
}

fn to_string(machine: &mut Machine<'_>, receiver: &Value, _: &[Value]) -> Result<Value, Trap> {
    let boolean = receiver_boolean(machine, receiver)?;
    Ok(Value::text(if boolean { "true" } else { "false" }))
}

fn value_of(machine: &mut Machine<'_>, receiver: &Value, _: &[Value]) -> Result<Value, Trap> {
    receiver_boolean(machine, receiver).map(Value::boolean)
}
