//! Methods of `Map` and `Set` that read: `has`, `forEach`, and the iterators.
//!
//! Before: the machine. Guarantees: as ECMAScript; `forEach` sees what is added meanwhile.

use super::{Class, entries_mut, lookup, wrong_receiver};
use crate::builtins::Family;
use crate::builtins::support::{argument, callback, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::IteratorKind;
use crate::machine::Machine;
use crate::value::Value;

macro_rules! iterator {
    ($class:ident, $kind:ident) => {
        |machine, receiver, _| iterator(machine, receiver, Class::$class, IteratorKind::$kind)
    };
}

macro_rules! of_class {
    ($function:ident, $class:ident) => {
        |machine, receiver, arguments| $function(machine, receiver, arguments, Class::$class)
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Map.prototype.has" / 1 => of_class!(has, Map);
        "Map.prototype.forEach" / 1 => of_class!(for_each, Map);
        "Map.prototype.keys" / 0 => iterator!(Map, Keys);
        "Map.prototype.values" / 0 => iterator!(Map, Values);
        "Map.prototype.entries" / 0 => iterator!(Map, Entries);
        "Set.prototype.has" / 1 => of_class!(has, Set);
        "Set.prototype.forEach" / 1 => of_class!(for_each, Set);
        "Set.prototype.keys" / 0 => iterator!(Set, Values);
        "Set.prototype.values" / 0 => iterator!(Set, Values);
        "Set.prototype.entries" / 0 => iterator!(Set, Entries);
    },
    constants: &[],
};

fn has<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
    class: Class,
) -> Result<Value<'p>, Trap> {
    let found = lookup(machine, receiver, class, "has", argument(arguments, 0))?;
    Ok(Value::boolean(found.is_some()))
}

/// Makes sure that the receiver is a map, or a set.
fn require<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    class: Class,
    method: &str,
) -> Result<(), Trap> {
    let fits = match (receiver, class) {
        (Value::Object(id), _) => entries_mut(machine, *id, class).is_some(),
        (Value::Frozen(Data::Map(_)), Class::Map) | (Value::Frozen(Data::Set(_)), Class::Set) => {
            true
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(wrong_receiver(machine, receiver, class, method))
}

fn iterator<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    class: Class,
    kind: IteratorKind,
) -> Result<Value<'p>, Trap> {
    require(machine, receiver, class, "iteration")?;
    machine.new_iterator(*receiver, kind)
}

fn for_each<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
    class: Class,
) -> Result<Value<'p>, Trap> {
    require(machine, receiver, class, "forEach")?;
    let callback = callback(machine, arguments, 0)?;
    let mut at = 0;
    while let Some(entry) = entry_at(machine, receiver, at, class) {
        at += 1;
        machine.spend(1)?;
        if let Some((key, value)) = entry {
            // The value of a set is its key, which has no -0.
            let value = if class == Class::Set { key } else { value };
            machine.call_back(&callback, [value, key, *receiver])?;
        }
    }
    Ok(Value::Undefined)
}

/// The entry at a place: `None` behind the last, `Some(None)` where it was removed.
fn entry_at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    at: usize,
    class: Class,
) -> Option<Option<(Value<'p>, Value<'p>)>> {
    match receiver {
        Value::Object(id) => entries_mut(machine, *id, class)?.at(at).cloned(),
        Value::Frozen(Data::Map(map)) => map
            .entries()
            .get(at)
            .map(|(key, value)| Some((Value::of(key), Value::of(value)))),
        Value::Frozen(Data::Set(set)) => set
            .values()
            .get(at)
            .map(|value| Some((Value::of(value), Value::of(value)))),
        _ => None,
    }
}
