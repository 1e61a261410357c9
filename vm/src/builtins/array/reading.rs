//! Array methods that read: `at`, `slice`, `concat`, `flat`, and the iterators.
//!
//! Before: the machine. Guarantees: as ECMAScript; nothing recurses, however deep arrays nest.

use crate::builtins::Family;
use crate::builtins::support::{Items, argument, array_length, natives, place_at, relative_index};
use crate::error::Trap;
use crate::heap::IteratorKind;
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.at" / 1 @host => at;
        "Array.prototype.slice" / 2 @host => slice;
        "Array.prototype.concat" / 1 @host => concat;
        "Array.prototype.flat" / 0 @host => flat;
        "Array.prototype.values" / 0 @host => values;
        "Array.prototype.keys" / 0 @host => keys;
        "Array.prototype.entries" / 0 @host => entries;
    },
    constants: &[],
};

fn at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "at")?;
    let place = place_at(machine, argument(arguments, 0), length)?;
    Ok(place
        .and_then(|place| machine.array_item(receiver, place))
        .unwrap_or(Value::Undefined))
}

fn slice<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "slice")?;
    let start = relative_index(machine, argument(arguments, 0), length, 0)?;
    let end = relative_index(machine, argument(arguments, 1), length, length)?;
    let mut items = Items::default();
    copy(machine, receiver, start..end, &mut items)?;
    items.finish(machine)
}

/// Adds a range of an array to items.
pub(super) fn copy<'p>(
    machine: &mut Machine<'p>,
    array: &Value<'p>,
    range: std::ops::Range<usize>,
    items: &mut Items<'p>,
) -> Result<(), Trap> {
    machine.spend(range.len() as u64 / 4)?;
    items.copy(machine, array, range)
}

fn concat<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "concat")?;
    let mut items = Items::default();
    for part in std::iter::once(receiver).chain(arguments) {
        match machine.array_length(part) {
            Some(length) => copy(machine, part, 0..length, &mut items)?,
            None => items.push(machine, *part)?,
        }
    }
    items.finish(machine)
}

fn flat<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "flat")?;
    let depth = match argument(arguments, 0) {
        value if value.is_undefined() => 1.0,
        value => machine.to_integer(value)?,
    };
    let mut items = Items::default();
    // The open arrays, each with the place to go on from. Cycles end by the limits of the turn.
    let mut open = vec![(*receiver, 0usize)];
    while let Some((array, at)) = open.last_mut() {
        machine.spend(1)?;
        let Some(item) = machine.array_item(array, *at) else {
            open.pop();
            continue;
        };
        *at += 1;
        if open.len() as f64 <= depth && machine.array_length(&item).is_some() {
            machine.charge(24)?;
            open.push((item, 0));
        } else {
            items.push(machine, item)?;
        }
    }
    items.finish(machine)
}

fn values<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "values")?;
    machine.new_iterator(*receiver, IteratorKind::Values)
}

fn keys<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "keys")?;
    machine.new_iterator(*receiver, IteratorKind::Keys)
}

fn entries<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "entries")?;
    machine.new_iterator(*receiver, IteratorKind::Entries)
}
