//! Array methods that look for a value: `includes`, `indexOf`, `lastIndexOf`.
//!
//! Before: the machine. Guarantees: as ECMAScript; each comparison is counted.

use crate::builtins::Family;
use crate::builtins::support::{argument, array_length, natives, relative_index};
use crate::error::Trap;
use crate::machine::{Machine, same_value_zero};
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.includes" / 1 @host => includes;
        "Array.prototype.indexOf" / 1 @host => index_of;
        "Array.prototype.lastIndexOf" / 1 @host => last_index_of;
    },
    constants: &[],
};

fn includes<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "includes")?;
    let wanted = argument(arguments, 0);
    if length == 0 {
        return Ok(Value::boolean(false));
    }
    let start = relative_index(machine, argument(arguments, 1), length, 0)?;
    let is_nan = wanted.as_number().is_some_and(f64::is_nan);
    for at in start..length {
        let item = machine.array_item(receiver, at).unwrap_or(Value::Undefined);
        if is_nan {
            machine.spend(1)?;
            if same_value_zero(&item, wanted) {
                return Ok(Value::boolean(true));
            }
        } else if equal(machine, &item, wanted)? {
            return Ok(Value::boolean(true));
        }
    }
    Ok(Value::boolean(false))
}

fn equal<'p>(
    machine: &mut Machine<'p>,
    item: &Value<'p>,
    wanted: &Value<'p>,
) -> Result<bool, Trap> {
    machine.spend(1)?;
    machine.strict_equal_counted(item, wanted)
}

fn index_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "indexOf")?;
    if length == 0 {
        return Ok(Value::number(-1.0));
    }
    let start = relative_index(machine, argument(arguments, 1), length, 0)?;
    first_place(machine, receiver, argument(arguments, 0), start..length)
}

fn last_index_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "lastIndexOf")?;
    let end = match arguments.get(1) {
        _ if length == 0 => 0,
        None => length,
        Some(from) => {
            let from = machine.to_integer(from)?;
            let last = if from < 0.0 {
                length as f64 + from
            } else {
                from.min(length as f64 - 1.0)
            };
            (last + 1.0).max(0.0) as usize
        }
    };
    first_place(machine, receiver, argument(arguments, 0), (0..end).rev())
}

fn first_place<'p>(
    machine: &mut Machine<'p>,
    array: &Value<'p>,
    wanted: &Value<'p>,
    places: impl Iterator<Item = usize>,
) -> Result<Value<'p>, Trap> {
    for at in places {
        let Some(item) = machine.array_item(array, at) else {
            continue;
        };
        if equal(machine, &item, wanted)? {
            return Ok(Value::number(at as f64));
        }
    }
    Ok(Value::number(-1.0))
}
