//! Array methods that copy with a change: `toReversed`, `toSpliced`, `with`.
//!
//! Before: the machine. Guarantees: the receiver, frozen or not, stays as it is.

use super::changing::spliced_range;
use super::reading::copy;
use crate::builtins::Family;
use crate::builtins::support::{Items, argument, array_length, natives, place_at};
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.toReversed" / 0 @host => to_reversed;
        "Array.prototype.toSpliced" / 2 @host => to_spliced;
        "Array.prototype.with" / 2 @host => with;
    },
    constants: &[],
};

fn to_reversed<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "toReversed")?;
    machine.spend(length as u64 / 4)?;
    let mut items = Items::default();
    for at in (0..length).rev() {
        let item = machine.array_item(receiver, at).unwrap_or(Value::Undefined);
        items.push(machine, item)?;
    }
    items.finish(machine)
}

fn to_spliced<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "toSpliced")?;
    let range = spliced_range(machine, arguments, length)?;
    let mut items = Items::default();
    copy(machine, receiver, 0..range.start, &mut items)?;
    for item in arguments.get(2..).unwrap_or(&[]) {
        items.push(machine, *item)?;
    }
    copy(machine, receiver, range.end..length, &mut items)?;
    items.finish(machine)
}

fn with<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "with")?;
    let Some(place) = place_at(machine, argument(arguments, 0), length)? else {
        return Err(machine.range_error("Invalid index of `with`: it is outside the array"));
    };
    let mut items = Items::default();
    copy(machine, receiver, 0..place, &mut items)?;
    items.push(machine, *argument(arguments, 1))?;
    copy(machine, receiver, place + 1..length, &mut items)?;
    items.finish(machine)
}
