//! Array methods that ask a function about each item: `map`, `filter`, `find`, `some`, …
//!
//! Before: the machine. Guarantees: as ECMAScript: the length is read once, items that are gone when
//! their turn comes are skipped, items that are added are not visited.

use crate::builtins::Family;
use crate::builtins::support::{Items, array_length, callback, natives};
use crate::error::Trap;
use crate::machine::{Callback, Machine};
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
fn ask<'p>(
    machine: &mut Machine<'p>,
    array: &Value<'p>,
    callback: &Callback<'p>,
    item: &Value<'p>,
    at: usize,
) -> Result<Value<'p>, Trap> {
    machine.spend(1)?;
    machine.call_back(callback, [*item, Value::number(at as f64), *array])
}

fn map<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "map")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let mapped = match machine.array_item(receiver, at) {
            Some(item) => ask(machine, receiver, &callback, &item, at)?,
            None => Value::Undefined,
        };
        items.push(machine, mapped)?;
    }
    items.finish(machine)
}

fn filter<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "filter")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        let answer = ask(machine, receiver, &callback, &item, at)?;
        if machine.condition(&answer)? {
            items.push(machine, item)?;
        }
    }
    items.finish(machine)
}

fn for_each<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "forEach")?;
    let callback = callback(machine, arguments, 0)?;
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        ask(machine, receiver, &callback, &item, at)?;
    }
    Ok(Value::Undefined)
}

/// The first item whose answer is `wanted`, and its place. Items that are gone are asked about as
/// `undefined` where `gone_too`.
fn first<'p>(
    machine: &mut Machine<'p>,
    (receiver, arguments): (&Value<'p>, &[Value<'p>]),
    method: &str,
    wanted: bool,
    gone_too: bool,
) -> Result<Option<(usize, Value<'p>)>, Trap> {
    let length = array_length(machine, receiver, method)?;
    let callback = callback(machine, arguments, 0)?;
    for at in 0..length {
        let item = match machine.array_item(receiver, at) {
            Some(item) => item,
            None if gone_too => Value::Undefined,
            None => break,
        };
        let answer = ask(machine, receiver, &callback, &item, at)?;
        if machine.condition(&answer)? == wanted {
            return Ok(Some((at, item)));
        }
    }
    Ok(None)
}

fn last<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
    method: &str,
) -> Result<Option<(usize, Value<'p>)>, Trap> {
    let length = array_length(machine, receiver, method)?;
    let callback = callback(machine, arguments, 0)?;
    for at in (0..length).rev() {
        let item = machine.array_item(receiver, at).unwrap_or(Value::Undefined);
        let answer = ask(machine, receiver, &callback, &item, at)?;
        if machine.condition(&answer)? {
            return Ok(Some((at, item)));
        }
    }
    Ok(None)
}

fn place<'p>(found: Option<(usize, Value<'p>)>) -> Value<'p> {
    Value::number(found.map_or(-1.0, |(at, _)| at as f64))
}

fn item<'p>(found: Option<(usize, Value<'p>)>) -> Value<'p> {
    found.map_or(Value::Undefined, |(_, item)| item)
}

fn some<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let found = first(machine, (receiver, arguments), "some", true, false)?;
    Ok(Value::boolean(found.is_some()))
}

fn every<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let found = first(machine, (receiver, arguments), "every", false, false)?;
    Ok(Value::boolean(found.is_none()))
}

fn find<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    first(machine, (receiver, arguments), "find", true, true).map(item)
}

fn find_index<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    first(machine, (receiver, arguments), "findIndex", true, true).map(place)
}

fn find_last<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    last(machine, receiver, arguments, "findLast").map(item)
}

fn find_last_index<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    last(machine, receiver, arguments, "findLastIndex").map(place)
}

fn flat_map<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "flatMap")?;
    let callback = callback(machine, arguments, 0)?;
    let mut items = Items::default();
    for at in 0..length {
        let Some(item) = machine.array_item(receiver, at) else {
            break;
        };
        let mapped = ask(machine, receiver, &callback, &item, at)?;
        let Some(count) = machine.array_length(&mapped) else {
            items.push(machine, mapped)?;
            continue;
        };
        machine.spend(count as u64)?;
        for inner in 0..count {
            let item = machine
                .array_item(&mapped, inner)
                .unwrap_or(Value::Undefined);
            items.push(machine, item)?;
        }
    }
    items.finish(machine)
}
