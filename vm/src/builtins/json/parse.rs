//! `JSON.parse(text, reviver?)`.
//!
//! Before: the machine. Guarantees: a text that is no JSON is a `SyntaxError` with its place; the
//! reviver sees inner values before outer ones, without use of the node's stack.

use std::borrow::Cow;

use crate::builtins::support::argument;
use crate::data::{Data, ErrorKind, Make, PropertyTable, read_json};
use crate::error::Trap;
use crate::heap::HeapObject;
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
    let text = match text.as_ascii() {
        Some(ascii) => Cow::Borrowed(ascii),
        None => Cow::Owned(text.to_string_lossy()),
    };
    let value = read(machine, &text)?;
    let reviver = argument(arguments, 1);
    if reviver.is_function() {
        return revive(machine, value, reviver);
    }
    Ok(value)
}

fn read<'p>(machine: &mut Machine<'p>, text: &str) -> Result<Value<'p>, Trap> {
    let (limits, mark) = (machine.limits, machine.heap.mark());
    let mut made = Made {
        machine,
        instructions: 0,
        bytes: 0,
    };
    let read = read_json(text, limits, &mut made);
    let (instructions, bytes) = (made.instructions, made.bytes);
    match read {
        Ok(value) => {
            machine.spend(instructions)?;
            machine.charge(bytes)?;
            Ok(value)
        }
        Err(error) => {
            machine.heap.forget_since(mark);
            Err(machine.error(ErrorKind::SyntaxError, format!("JSON: {error}")))
        }
    }
}

/// Values that a text has become so far. They are counted when all of it has been read: a text that is
/// no JSON counts for its length alone.
struct Made<'m, 'p> {
    machine: &'m mut Machine<'p>,
    instructions: u64,
    bytes: usize,
}

impl<'p> Make for &mut Made<'_, 'p> {
    type Value = Value<'p>;

    fn scalar(&mut self, data: Data) -> Value<'p> {
        self.instructions += 1;
        self.machine.value(data)
    }

    fn array(&mut self, items: Vec<Value<'p>>) -> Result<Value<'p>, String> {
        self.instructions += 1;
        self.bytes += 32 + items.len() * 16;
        Ok(Value::Array(self.machine.heap.add_array(items)))
    }

    fn object(&mut self, mut properties: PropertyTable<Value<'p>>) -> Result<Value<'p>, String> {
        self.instructions += 1;
        self.bytes += 64 + properties.len() * 40;
        properties.normalise();
        let object = HeapObject::plain(properties);
        Ok(Value::Object(self.machine.heap.add_object(object)))
    }
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
