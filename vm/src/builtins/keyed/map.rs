//! `Map`: construction, `get`, and what changes it.
//!
//! Before: the machine. Guarantees: as ECMAScript; a frozen map names the copying form.

use super::{Class, clear, count_copied, lookup, mutable, new_keyed, put, put_into, remove};
use crate::builtins::Family;
use crate::builtins::support::{argument, callback, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::KeyedEntries;
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "new Map" / 0 => new_map;
        "Map.groupBy" / 2 @host => group_by;
        "Map.prototype.get" / 1 => get;
        "Map.prototype.set" / 2 @host => set;
        "Map.prototype.delete" / 1 => delete;
        "Map.prototype.clear" / 0 => clear_map;
    },
    constants: &[],
};

fn new_map<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let mut entries = KeyedEntries::default();
    let source = argument(arguments, 0);
    if let Value::Frozen(Data::Map(map)) = source
        && count_copied(machine, map)?
    {
        entries = KeyedEntries::of_map(map);
    } else if let Value::Frozen(Data::Map(map)) = source {
        for (key, value) in map.entries() {
            put(machine, &mut entries, Value::of(key), Value::of(value))?;
        }
    } else if !source.is_nullish()
        && let Value::Iterator(pairs) = machine.iterate(source)?
    {
        while let Some(pair) = machine.iterator_next(pairs)? {
            if pair.is_scalar() && !matches!(pair, Value::Frozen(Data::Address(_))) {
                let what = machine.describe(&pair);
                return Err(
                    machine.type_error(format!("iterator value {what} is not an entry object"))
                );
            }
            let key = machine.element(&pair, &Value::number(0.0))?;
            let value = machine.element(&pair, &Value::number(1.0))?;
            put(machine, &mut entries, key, value)?;
        }
    }
    new_keyed(machine, Class::Map, entries)
}

fn group_by<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let callback = callback(machine, arguments, 1)?;
    let mut groups = KeyedEntries::default();
    let Value::Iterator(items) = machine.iterate(argument(arguments, 0))? else {
        return new_keyed(machine, Class::Map, groups);
    };
    let mut at = 0.0;
    while let Some(item) = machine.iterator_next(items)? {
        let key = machine.call_back(&callback, [item, Value::number(at)])?;
        at += 1.0;
        super::count_key(machine, &key)?;
        match groups.get(&key).cloned() {
            Some(Value::Array(group)) => {
                machine.charge(16)?;
                machine.heap.array_mut(group).push(item);
            }
            _ => {
                let group = machine.new_array(vec![item])?;
                put(machine, &mut groups, key, group)?;
            }
        }
    }
    new_keyed(machine, Class::Map, groups)
}

fn get<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let found = lookup(machine, receiver, Class::Map, "get", argument(arguments, 0))?;
    Ok(found.unwrap_or(Value::Undefined))
}

fn set<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`new Map([...map, [key, value]])`, which copies";
    let id = mutable(machine, receiver, Class::Map, "set", hint)?;
    let (key, value) = (*argument(arguments, 0), *argument(arguments, 1));
    put_into(machine, id, Class::Map, key, value)?;
    Ok(*receiver)
}

fn delete<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`new Map([...map].filter(([key]) => …))`, which copies";
    let id = mutable(machine, receiver, Class::Map, "delete", hint)?;
    remove(machine, id, Class::Map, argument(arguments, 0))
}

fn clear_map<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable(machine, receiver, Class::Map, "clear", "`new Map()`")?;
    clear(machine, id, Class::Map)
}
