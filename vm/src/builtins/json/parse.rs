//! `JSON.parse(text, reviver?)`.
//!
//! Before: the machine. Guarantees: a text that is no JSON is a `SyntaxError` with its place; the
//! reviver sees inner values before outer ones, without use of the node's stack.

use super::thaw::thaw;
use crate::builtins::support::argument;
use crate::data::{ErrorKind, PropertyTable, parse_json};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) fn parse<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = machine.to_text(argument(arguments, 0))?;
    machine.spend(text.len() as u64 / 4)?;
    machine.charge(text.len() * 3)?;
    let text = text.to_string_lossy();
    let data = match parse_json(&text, machine.limits, false) {
        Ok(data) => data,
        Err(error) => {
            let message = format!("JSON: {error}");
            return Err(machine.error(ErrorKind::SyntaxError, message));
        }
    };
    let value = thaw(machine, &data)?;
    let reviver = argument(arguments, 1);
    if reviver.is_function() {
        return revive(machine, value, reviver);
    }
    Ok(value)
}

/// An object or array whose members are being revived.
struct Open<'p> {
    holder: Value<'p>,
    keys: Vec<Text>,
    next: usize,
}

fn open<'p>(machine: &mut Machine<'p>, holder: Value<'p>) -> Result<Open<'p>, Trap> {
    let entries = machine.own_entries(&holder)?;
    machine.charge(entries.len() * 16)?;
    Ok(Open {
        holder,
        keys: entries.into_iter().map(|(key, _)| key).collect(),
        next: 0,
    })
}

fn revive<'p>(
    machine: &mut Machine<'p>,
    value: Value<'p>,
    reviver: &Value<'p>,
) -> Result<Value<'p>, Trap> {
    let root: PropertyTable<Value<'p>> = [(Text::empty(), value)].into_iter().collect();
    let root = machine.new_object(root)?;
    let mut stack = vec![open(machine, root)?];
    while let Some(innermost) = stack.last_mut() {
        machine.spend(2)?;
        if let Some(key) = innermost.keys.get(innermost.next).cloned() {
            let holder = innermost.holder;
            let value = machine.property(&holder, &key)?;
            if matches!(value, Value::Array(_) | Value::Object(_)) {
                let inner = open(machine, value)?;
                stack.push(inner);
            } else {
                innermost.next += 1;
                revive_one(machine, &holder, &key, value, reviver)?;
            }
            continue;
        }
        // All members are revived: now the object or array itself.
        let Some(done) = stack.pop() else { break };
        if let Some(outer) = stack.last_mut() {
            let key = outer.keys[outer.next].clone();
            outer.next += 1;
            let holder = outer.holder;
            revive_one(machine, &holder, &key, done.holder, reviver)?;
        }
    }
    machine.property(&root, &Text::empty())
}

fn revive_one<'p>(
    machine: &mut Machine<'p>,
    holder: &Value<'p>,
    key: &Text,
    value: Value<'p>,
    reviver: &Value<'p>,
) -> Result<(), Trap> {
    let revived = machine.call(reviver, &[machine.text(key.clone()), value])?;
    if revived.is_undefined()
        && let Value::Object(id) = holder
        && !key.is_empty()
    {
        machine.settle_properties(*id)?;
        machine.heap.object_mut(*id).properties.remove(key);
        return Ok(());
    }
    machine.set_property(holder, key, revived)
}
