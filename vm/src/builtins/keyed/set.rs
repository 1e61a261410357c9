//! `Set`: construction, and what changes it.
//!
//! Before: the machine. Guarantees: as ECMAScript; a frozen set names the copying form.

use super::{Class, clear, mutable, new_keyed, put, put_into, remove};
use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::error::Trap;
use crate::heap::KeyedEntries;
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "new Set" / 0 => new_set;
        "Set.prototype.add" / 1 => add;
        "Set.prototype.delete" / 1 => delete;
        "Set.prototype.clear" / 0 => clear_set;
    },
    constants: &[],
};

fn new_set<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let mut entries = KeyedEntries::default();
    let source = argument(arguments, 0);
    if !source.is_nullish()
        && let Value::Iterator(values) = machine.iterate(source)?
    {
        while let Some(value) = machine.iterator_next(values)? {
            put(machine, &mut entries, value, value)?;
        }
    }
    new_keyed(machine, Class::Set, entries)
}

fn add<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`new Set([...set, value])`, which copies";
    let id = mutable(machine, receiver, Class::Set, "add", hint)?;
    let value = *argument(arguments, 0);
    put_into(machine, id, Class::Set, value, value)?;
    Ok(*receiver)
}

fn delete<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`new Set([...set].filter(value => …))`, which copies";
    let id = mutable(machine, receiver, Class::Set, "delete", hint)?;
    remove(machine, id, Class::Set, argument(arguments, 0))
}

fn clear_set<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable(machine, receiver, Class::Set, "clear", "`new Set()`")?;
    clear(machine, id, Class::Set)
}
