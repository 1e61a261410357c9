//! `Object`: making, reading and comparing plain objects; methods of every object.
//!
//! Before: the machine. Guarantees: as ECMAScript, in JavaScript's order of properties; the number
//! of properties is counted and charged.

mod methods;

use super::Family;
use super::support::{Items, argument, natives};
use crate::data::PropertyTable;
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 2] = [&FAMILY, &methods::FAMILY];

static FAMILY: Family = Family {
    natives: natives! {
        "new Object" / 1 => new_object;
        "Object.keys" / 1 => keys;
        "Object.getOwnPropertyNames" / 1 => own_names;
        "Object.values" / 1 => values;
        "Object.entries" / 1 => entries;
        "Object.fromEntries" / 1 => from_entries;
        "Object.assign" / 2 => assign;
        "Object.groupBy" / 2 @host => group_by;
        "Object.freeze" / 1 @host => freeze;
        "Object.isFrozen" / 1 => is_frozen;
        "Object.is" / 2 => is;
        "Object.hasOwn" / 2 => has_own;
    },
    constants: &[],
};

fn new_object<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    match argument(arguments, 0) {
        value if value.is_nullish() => machine.new_object(PropertyTable::default()),
        value => Ok(*value),
    }
}

/// The properties of the first argument; `undefined` and `null` are an error.
fn entries_of<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    method: &str,
) -> Result<Vec<(Text, Value<'p>)>, Trap> {
    let object = argument(arguments, 0);
    if object.is_nullish() {
        let what = machine.describe(object);
        return Err(machine.type_error(format!("`{method}` needs an object, not {what}")));
    }
    machine.own_entries(object)
}

fn keys<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let entries = entries_of(machine, arguments, "Object.keys")?;
    let keys = entries.into_iter().map(|(key, _)| machine.text(key));
    machine.new_array(keys.collect())
}

fn own_names<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let entries = entries_of(machine, arguments, "Object.getOwnPropertyNames")?;
    let mut names: Vec<Value<'p>> = entries
        .into_iter()
        .map(|(key, _)| machine.text(key))
        .collect();
    let object = argument(arguments, 0);
    for hidden in ["length", "message", "cause"] {
        let key = Text::from(hidden);
        let listed = names.iter().any(|name| name.as_text() == Some(&key));
        if !listed && machine.own_property(object, &key).is_some() {
            names.push(machine.text(key));
        }
    }
    machine.new_array(names)
}

fn values<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let entries = entries_of(machine, arguments, "Object.values")?;
    machine.new_array(entries.into_iter().map(|(_, value)| value).collect())
}

fn entries<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let entries = entries_of(machine, arguments, "Object.entries")?;
    let mut pairs = Items::default();
    for (key, value) in entries {
        let pair = machine.new_array(vec![machine.text(key), value])?;
        pairs.push(machine, pair)?;
    }
    pairs.finish(machine)
}

fn from_entries<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let object = machine.new_object(PropertyTable::default())?;
    let Value::Iterator(pairs) = machine.iterate(argument(arguments, 0))? else {
        return Ok(object);
    };
    while let Some(pair) = machine.iterator_next(pairs)? {
        machine.spend(2)?;
        if pair.is_scalar() {
            let what = machine.describe(&pair);
            return Err(machine.type_error(format!("iterator value {what} is not an entry object")));
        }
        let key = machine.element(&pair, &Value::number(0.0))?;
        let value = machine.element(&pair, &Value::number(1.0))?;
        let key = machine.to_key(&key)?;
        machine.set_property(&object, &key, value)?;
    }
    Ok(object)
}

fn assign<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let target = argument(arguments, 0);
    if target.is_nullish() {
        return Err(machine.type_error("cannot assign to undefined or null"));
    }
    for source in arguments.get(1..).unwrap_or(&[]) {
        machine.copy_properties(source, target, &[])?;
    }
    Ok(*target)
}

fn group_by<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let callback = super::support::callback(machine, arguments, 1)?;
    let groups = machine.new_object(PropertyTable::default())?;
    let Value::Iterator(items) = machine.iterate(argument(arguments, 0))? else {
        return Ok(groups);
    };
    let mut at = 0.0;
    while let Some(item) = machine.iterator_next(items)? {
        machine.spend(2)?;
        let key = machine.call_back(&callback, [item, Value::number(at)])?;
        let key = machine.to_key(&key)?;
        at += 1.0;
        match machine.own_property(&groups, &key) {
            Some(Value::Array(group)) => {
                machine.charge(16)?;
                machine.heap.array_mut(group).push(item);
            }
            _ => {
                let group = machine.new_array(vec![item])?;
                machine.set_property(&groups, &key, group)?;
            }
        }
    }
    Ok(groups)
}

/// `SameValue`: NaN equals NaN, 0 and -0 differ.
fn is<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (left, right) = (argument(arguments, 0), argument(arguments, 1));
    if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
        let same = if left == right {
            left.is_sign_negative() == right.is_sign_negative()
        } else {
            left.is_nan() && right.is_nan()
        };
        return Ok(Value::boolean(same));
    }
    machine
        .strict_equal_counted(left, right)
        .map(Value::boolean)
}

fn has_own<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    methods::has_own_property(
        machine,
        argument(arguments, 0),
        arguments.get(1..).unwrap_or(&[]),
    )
}

/// Writing to the object or array is an error from now on; what is inside stays as it is.
fn freeze<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let value = argument(arguments, 0);
    machine.charge(32)?;
    machine.heap.lock(value);
    Ok(*value)
}

fn is_frozen<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let value = argument(arguments, 0);
    let is_frozen =
        value.is_primitive() || matches!(value, Value::Frozen(_)) || machine.heap.is_locked(value);
    Ok(Value::boolean(is_frozen))
}
