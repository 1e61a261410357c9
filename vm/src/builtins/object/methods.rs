//! Methods that every object has: `hasOwnProperty`, `toString`, `valueOf`, …
//!
//! Before: the machine, where neither the object nor its own prototype has the method.

use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Object.prototype.hasOwnProperty" / 1 => has_own_property;
        "Object.prototype.propertyIsEnumerable" / 1 => is_enumerable;
        "Object.prototype.toString" / 0 => to_string;
        "Object.prototype.toLocaleString" / 0 => to_locale_string;
        "Object.prototype.valueOf" / 0 => value_of;
    },
    constants: &[],
};

pub(super) fn has_own_property<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    if receiver.is_nullish() {
        return Err(machine.type_error("cannot convert undefined or null to object"));
    }
    let key = machine.to_key(argument(arguments, 0))?;
    Ok(Value::boolean(
        machine.own_property(receiver, &key).is_some(),
    ))
}

fn is_enumerable<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let key = machine.to_key(argument(arguments, 0))?;
    let entries = machine.own_entries(receiver)?;
    Ok(Value::boolean(entries.iter().any(|(name, _)| *name == key)))
}

fn to_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    // Functions have no prototype of their own in the table; everything else that gets here is plain.
    if receiver.is_function() || matches!(receiver, Value::Frozen(Data::Address(_))) {
        let text = machine.default_text(receiver)?;
        return Ok(machine.text(text));
    }
    let class = match receiver {
        Value::Frozen(Data::Map(_)) => "Map",
        Value::Frozen(Data::Set(_)) => "Set",
        Value::Iterator(_) => "Iterator",
        Value::Object(id) => match machine.heap.object(*id).kind {
            ObjectKind::Map(_) => "Map",
            ObjectKind::Set(_) => "Set",
            _ => "Object",
        },
        _ => "Object",
    };
    Ok(machine.text(Text::from(format!("[object {class}]"))))
}

fn to_locale_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let to_string = machine.property(receiver, &Text::from("toString"))?;
    machine.call_with_receiver(&to_string, receiver, &[])
}

fn value_of<'p>(
    _: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    Ok(*receiver)
}
