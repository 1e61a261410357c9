//! Fresh mutable values from data.
//!
//! Before: `JSON.parse`, `structuredClone`. Guarantees: recursion is bounded by the depth of data,
//! and calls no script; every part is counted and charged.

use crate::builtins::keyed::keyed_entries;
use crate::data::{Data, PropertyTable};
use crate::error::Trap;
use crate::heap::{HeapObject, ObjectKind};
use crate::machine::Machine;
use crate::value::Value;

/// A copy of data on the heap. Functions are an error.
pub(in crate::builtins) fn thaw<'p>(
    machine: &mut Machine<'p>,
    data: &Data,
) -> Result<Value<'p>, Trap> {
    machine.spend(1)?;
    match data {
        Data::Array(array) => {
            let items = array.items().iter().map(|item| thaw(machine, item));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            let copy = machine.new_array(items)?;
            if let (Some(named), Value::Array(id)) = (array.named(), &copy) {
                machine.charge(64 + named.len() * 40)?;
                let named = thaw_properties(machine, named)?;
                machine.heap.name_parts(*id, named);
            }
            Ok(copy)
        }
        Data::Object(object) => {
            let properties = thaw_properties(machine, object.properties())?;
            machine.new_object(properties)
        }
        Data::Error(error) => {
            let properties = thaw_properties(machine, error.properties())?;
            new_object(machine, ObjectKind::Error(error.kind), properties)
        }
        Data::RegExp(expression) => {
            let kind = ObjectKind::RegExp(expression.clone(), Value::number(0.0));
            new_object(machine, kind, PropertyTable::default())
        }
        Data::Date(time) => new_object(machine, ObjectKind::Date(*time), PropertyTable::default()),
        Data::Map(map) => {
            let mut pairs = Vec::new();
            for (key, value) in map.entries() {
                pairs.push((thaw(machine, key)?, thaw(machine, value)?));
            }
            let entries = keyed_entries(machine, pairs)?;
            new_object(
                machine,
                ObjectKind::Map(Box::new(entries)),
                PropertyTable::default(),
            )
        }
        Data::Set(set) => {
            let mut pairs = Vec::new();
            for value in set.values() {
                let value = thaw(machine, value)?;
                pairs.push((value, value));
            }
            let entries = keyed_entries(machine, pairs)?;
            new_object(
                machine,
                ObjectKind::Set(Box::new(entries)),
                PropertyTable::default(),
            )
        }
        Data::Function(_) => Err(machine.type_error("a function cannot be cloned")),
        scalar => Ok(machine.value(scalar.clone())),
    }
}

fn thaw_properties<'p>(
    machine: &mut Machine<'p>,
    properties: &PropertyTable<Data>,
) -> Result<PropertyTable<Value<'p>>, Trap> {
    let mut thawed = PropertyTable::with_capacity(properties.len());
    for (key, value) in properties.iter() {
        thawed.insert(key.clone(), thaw(machine, value)?);
    }
    Ok(thawed)
}

/// A new object of a kind, charged.
pub(in crate::builtins) fn new_object<'p>(
    machine: &mut Machine<'p>,
    kind: ObjectKind<'p>,
    properties: PropertyTable<Value<'p>>,
) -> Result<Value<'p>, Trap> {
    machine.charge(64 + properties.len() * 40)?;
    let object = HeapObject {
        kind,
        ..HeapObject::plain(properties)
    };
    Ok(Value::Object(machine.heap.add_object(object)))
}
