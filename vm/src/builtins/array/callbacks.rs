//! Array methods that ask a function about each item: `map`, `filter`, `find`, `some`, …
//!
//! Before: the machine. Guarantees: as ECMAScript: the length is read once, items that are gone when
//! their turn comes are skipped, items that are added are not visited.

use crate::builtins::Family;
use crate::builtins::support::{Items, array_length, callback, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.map" / 1 @host => map;
        "Array.prototype.filter" / 1 @host => filter;
        "Array.prototype.forEach" / 1 @host => for_each;
        "Array.prototype.some" / 1 @host => some;
        "Array.prototype.every" / 1 @host => every;
        "Array.prototype.find" / 1 @host => find;
        "Array.prototype.findIndex" / 1 @host => find_index;
        "Array.prototype.findLast" / 1 @host => find_last;
        "Array.prototype.findLastIndex" / 1 @host => find_last_index;
        "Array.prototype.flatMap" / 1 @host => flat_map;
    },
    constants: &[],
};

/// Calls `callback(item, index, array)`.
fn ask(
    machine: &mut Machine<'_>,
    array: &Value,
    callback: &Value,
    item: &Value,
    at: usize,
) -> Result<Value, Trap> {
    machine.spend(1)?;
    machine.call_back(callback, &[item, &Value::number(at as f64), array])
}

fn map(machine: &mut Machine<'_>, receiver: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let length = array_length(machine, receiver, "map")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let mapped = match machine.array_item(receiver, at) {
            Some(item) => ask(machine, receiver, callback, &item, at)?,
            None => Value::UNDEFINED,
        };
        items.push(machine, mapped)?;
    }
    items.finish(machine)
}

fn filter(machine: &mut Machine<'_>, receiver: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let length = array_length(machine, receiver, "filter")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        let answer = ask(machine, receiver, callback, &item, at)?;
        if machine.condition(&answer)? {
            items.push(machine, item)?;
        }
    }
    items.finish(machine)
}

fn for_each(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    let length = array_length(machine, receiver, "forEach")?;
    let callback = callback(machine, arguments, 0)?;
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        ask(machine, receiver, callback, &item, at)?;
    }
    Ok(Value::UNDEFINED)
}

/// The first item whose answer is `wanted`, and its place. Items that are gone are asked about as
/// `undefined` where `gone_too`.
fn first(
    machine: &mut Machine<'_>,
    (receiver, arguments): (&Value, &[Value]),
    method: &str,
    wanted: bool,
    gone_too: bool,
) -> Result<Option<(usize, Value)>, Trap> {
    let length = array_length(machine, receiver, method)?;
    let callback = callback(machine, arguments, 0)?;
    for at in 0..length {
        let item = match machine.array_item(receiver, at) {
            Some(item) => item,
            None if gone_too => Value::UNDEFINED,
            None => break,
        };
        let answer = ask(machine, receiver, callback, &item, at)?;
        if machine.condition(&answer)? == wanted {
            return Ok(Some((at, item)));
        }
    }
    Ok(None)
}

fn last(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
    method: &str,
) -> Result<Option<(usize, Value)>, Trap> {
    let length = array_length(machine, receiver, method)?;
    let callback = callback(machine, arguments, 0)?;
    for at in (0..length).rev() {
        let item = machine.array_item(receiver, at).unwrap_or(Value::UNDEFINED);
        let answer = ask(machine, receiver, callback, &item, at)?;
        if machine.condition(&answer)? {
            return Ok(Some((at, item)));
        }
    }
    Ok(None)
}

fn place(found: Option<(usize, Value)>) -> Value {
    Value::number(found.map_or(-1.0, |(at, _)| at as f64))
}

fn item(found: Option<(usize, Value)>) -> Value {
    found.map_or(Value::UNDEFINED, |(_, item)| item)
}

fn some(machine: &mut Machine<'_>, receiver: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let found = first(machine, (receiver, arguments), "some", true, false)?;
    Ok(Value::boolean(found.is_some()))
}

fn every(machine: &mut Machine<'_>, receiver: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let found = first(machine, (receiver, arguments), "every", false, false)?;
    Ok(Value::boolean(found.is_none()))
}

fn find(machine: &mut Machine<'_>, receiver: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    first(machine, (receiver, arguments), "find", true, true).map(item)
}

fn find_index(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    first(machine, (receiver, arguments), "findIndex", true, true).map(place)
}

fn find_last(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    last(machine, receiver, arguments, "findLast").map(item)
}

fn find_last_index(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    last(machine, receiver, arguments, "findLastIndex").map(place)
}

fn flat_map(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    let length = array_length(machine, receiver, "flatMap")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        let mapped = ask(machine, receiver, callback, &item, at)?;
        let Some(count) = machine.array_length(&mapped) else {
            items.push(machine, mapped)?;
            continue;
        };
        machine.spend(count as u64)?;
        for inner in 0..count {
            let item = machine
                .array_item(&mapped, inner)
                .unwrap_or(Value::UNDEFINED);
            items.push(machine, item)?;
        }
    }
    items.finish(machine)
}
