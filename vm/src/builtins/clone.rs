//! `structuredClone`: a deep copy that a script may change.
//!
//! Before: the machine. Guarantees: cycles and shared parts stay what they are; nothing recurses
//! over values of the heap; functions are an error.

use std::collections::BTreeMap;

use super::Family;
use super::json::{new_object, thaw};
use super::keyed::keyed_entries;
use super::support::{argument, natives};
use crate::data::PropertyTable;
use crate::error::Trap;
use crate::heap::{MapKey, ObjectKind};
use crate::host::Misuse;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::{ObjectId, Value};

pub(super) static FAMILY: Family = Family {
    natives: natives! { "structuredClone" / 1 => structured_clone; },
    constants: &[],
};

/// Copies that are made, and those that are still to be filled.
#[derive(Default)]
struct Cloner<'p> {
    made: BTreeMap<MapKey, Value<'p>>,
    open: Vec<(Value<'p>, Value<'p>)>,
}

fn structured_clone<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let mut cloner = Cloner::default();
    let root = cloner.copy(machine, argument(arguments, 0))?;
    while let Some((source, target)) = cloner.open.pop() {
        machine.spend(1)?;
        cloner.fill(machine, &source, &target)?;
    }
    Ok(root)
}

impl<'p> Cloner<'p> {
    /// The copy of a value; an object or array is filled later.
    fn copy(&mut self, machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Value<'p>, Trap> {
        machine.spend(1)?;
        match value {
            Value::Frozen(data) => return thaw(machine, data),
            Value::Host(host) => {
                let misuse = Misuse::Argument("structuredClone");
                return Err(machine.host.misuse(machine, *host, misuse));
            }
            Value::Object(_) | Value::Array(_) => {}
            value if value.is_primitive() => return Ok(*value),
            other => {
                let what = machine.describe(other);
                return Err(machine.type_error(format!("{what} cannot be cloned")));
            }
        }
        let key = MapKey::of(value);
        if let Some(made) = self.made.get(&key) {
            return Ok(*made);
        }
        let copy = match value {
            Value::Object(id) => {
                let kind = empty_kind(machine, *id);
                new_object(machine, kind, PropertyTable::default())?
            }
            _ => machine.new_array(Vec::new())?,
        };
        machine.charge(96)?;
        self.made.insert(key, copy);
        self.open.push((*value, copy));
        Ok(copy)
    }

    fn fill(
        &mut self,
        machine: &mut Machine<'p>,
        source: &Value<'p>,
        target: &Value<'p>,
    ) -> Result<(), Trap> {
        match (source, target) {
            (Value::Array(_), Value::Array(target)) => {
                let count = machine.array_length(source).unwrap_or(0);
                for at in 0..count {
                    let item = machine.array_item(source, at).unwrap_or(Value::Undefined);
                    let item = self.copy(machine, &item)?;
                    machine.charge(16)?;
                    machine.heap.array_mut(*target).push(item);
                }
                self.fill_named(machine, source, *target)
            }
            (Value::Object(source), Value::Object(target)) => {
                self.fill_entries(machine, *source, *target)?;
                self.fill_properties(machine, *source, *target)
            }
            _ => Ok(()),
        }
    }

    /// What a match holds besides its items.
    fn fill_named(
        &mut self,
        machine: &mut Machine<'p>,
        source: &Value<'p>,
        target: crate::value::ArrayId,
    ) -> Result<(), Trap> {
        let Value::Array(source) = source else {
            return Ok(());
        };
        let Some(named) = machine.heap.named(*source) else {
            return Ok(());
        };
        let pairs: Vec<(Text, Value<'p>)> = named
            .iter()
            .map(|(key, value)| (key.clone(), *value))
            .collect();
        machine.charge(64 + pairs.len() * 40)?;
        let mut copies = PropertyTable::with_capacity(pairs.len());
        for (key, value) in pairs {
            copies.insert(key, self.copy(machine, &value)?);
        }
        machine.heap.name_parts(target, copies);
        Ok(())
    }

    fn fill_properties(
        &mut self,
        machine: &mut Machine<'p>,
        source: ObjectId,
        target: ObjectId,
    ) -> Result<(), Trap> {
        machine.settle_properties(source)?;
        let object = machine.heap.object(source);
        let count = object.properties.len();
        let keep: fn(&Text) -> bool = match object.kind {
            ObjectKind::Plain => |_| true,
            // The others keep what belongs to their kind, as the standard says.
            ObjectKind::Error(_) => |key| *key == *"message" || *key == *"cause",
            _ => |_| false,
        };
        machine.charge(count * 24)?;
        let properties: Vec<(Text, Value<'p>)> = machine
            .heap
            .object(source)
            .properties
            .iter()
            .filter(|(key, _)| keep(key))
            .map(|(key, value)| (key.clone(), *value))
            .collect();
        for (key, value) in properties {
            let value = self.copy(machine, &value)?;
            machine.set_property(&Value::Object(target), &key, value)?;
        }
        Ok(())
    }

    fn fill_entries(
        &mut self,
        machine: &mut Machine<'p>,
        source: ObjectId,
        target: ObjectId,
    ) -> Result<(), Trap> {
        let (ObjectKind::Map(entries) | ObjectKind::Set(entries)) =
            &machine.heap.object(source).kind
        else {
            return Ok(());
        };
        let count = entries.places();
        machine.charge(count * 32)?;
        let (ObjectKind::Map(entries) | ObjectKind::Set(entries)) =
            &machine.heap.object(source).kind
        else {
            return Ok(());
        };
        let pairs: Vec<(Value<'p>, Value<'p>)> = entries.iter().cloned().collect();
        let mut copies = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            copies.push((self.copy(machine, &key)?, self.copy(machine, &value)?));
        }
        let filled = keyed_entries(machine, copies)?;
        if let ObjectKind::Map(entries) | ObjectKind::Set(entries) =
            &mut machine.heap.object_mut(target).kind
        {
            **entries = filled;
        }
        Ok(())
    }
}

/// The kind of an object, without its entries.
fn empty_kind<'p>(machine: &Machine<'p>, id: ObjectId) -> ObjectKind<'p> {
    match &machine.heap.object(id).kind {
        ObjectKind::Plain => ObjectKind::Plain,
        ObjectKind::Error(kind) => ObjectKind::Error(*kind),
        ObjectKind::Date(time) => ObjectKind::Date(*time),
        ObjectKind::RegExp(expression, _) => {
            ObjectKind::RegExp(expression.clone(), Value::number(0.0))
        }
        ObjectKind::Map(_) => ObjectKind::Map(Box::default()),
        ObjectKind::Set(_) => ObjectKind::Set(Box::default()),
    }
}
