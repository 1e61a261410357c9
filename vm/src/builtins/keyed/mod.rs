//! `Map` and `Set`: construction, and the entries that both share.
//!
//! Before: the machine. Guarantees: as ECMAScript: keys by SameValueZero (frozen compounds by
//! content), order of insertion, entries that are added while iterating are visited; a frozen map or
//! set is read in place, and what would change it names the copying form.

mod map;
mod reading;
mod set;

use super::Family;
use crate::data::{Data, MapData, PropertyTable};
use crate::error::Trap;
use crate::heap::{KeyedEntries, ObjectKind};
use crate::machine::Machine;
use crate::value::{ObjectId, Value};

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 3] = [&map::FAMILY, &set::FAMILY, &reading::FAMILY];

/// Whether a method belongs to maps or to sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Map,
    Set,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Class::Map => "Map",
            Class::Set => "Set",
        }
    }
}

/// Entries from pairs; a later pair wins.
pub(super) fn keyed_entries<'p>(
    machine: &mut Machine<'p>,
    pairs: Vec<(Value<'p>, Value<'p>)>,
) -> Result<KeyedEntries<'p>, Trap> {
    let mut entries = KeyedEntries::default();
    for (key, value) in pairs {
        put(machine, &mut entries, key, value)?;
    }
    Ok(entries)
}

/// What an entry is charged.
const ENTRY_BYTES: usize = 96;

/// Counts finding a key, by its size.
fn count_key<'p>(machine: &mut Machine<'p>, key: &Value<'p>) -> Result<(), Trap> {
    machine.spend(2)?;
    if let Some(text) = key.as_text() {
        machine.spend_on_units(text.len())?;
    } else if let Value::Frozen(data) = key
        && data.shape().depth > 0
    {
        let bytes = data.shape().byte_count;
        machine.spend(u64::from(bytes) / 16)?;
        machine.charge(bytes as usize)?;
    }
    Ok(())
}

/// Counts entries of a frozen map that are copied, each as if it were put there. False where keys may
/// have become the same when they were frozen, so that they have to be put there one by one.
fn count_copied<'p>(machine: &mut Machine<'p>, map: &MapData) -> Result<bool, Trap> {
    let keys = map.entries().iter().map(|(key, _)| key);
    if !keys.clone().all(|key| Value::of(key).is_primitive()) {
        return Ok(false);
    }
    for key in keys {
        if let Data::Text(text) = key {
            machine.spend_on_units(text.len())?;
        }
    }
    let count = map.entries().len();
    machine.spend(2 * count as u64)?;
    machine.charge(count * ENTRY_BYTES)?;
    Ok(true)
}

/// Adds or replaces an entry.
fn put<'p>(
    machine: &mut Machine<'p>,
    entries: &mut KeyedEntries<'p>,
    key: Value<'p>,
    value: Value<'p>,
) -> Result<(), Trap> {
    count_key(machine, &key)?;
    if let Err(value) = entries.replace(&key, value) {
        machine.charge(ENTRY_BYTES)?;
        entries.push(key, value);
    }
    Ok(())
}

/// A new map or set with these entries.
fn new_keyed<'p>(
    machine: &mut Machine<'p>,
    class: Class,
    entries: KeyedEntries<'p>,
) -> Result<Value<'p>, Trap> {
    let kind = match class {
        Class::Map => ObjectKind::Map(Box::new(entries)),
        Class::Set => ObjectKind::Set(Box::new(entries)),
    };
    super::json::new_object(machine, kind, PropertyTable::default())
}

fn wrong_receiver<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    class: Class,
    method: &str,
) -> Trap {
    let what = machine.describe(receiver);
    machine.type_error(format!("`{method}` needs a {}, not {what}", class.name()))
}

/// The entries of a heap map or set.
fn entries_mut<'m, 'p>(
    machine: &'m mut Machine<'p>,
    id: ObjectId,
    class: Class,
) -> Option<&'m mut KeyedEntries<'p>> {
    match (&mut machine.heap.object_mut(id).kind, class) {
        (ObjectKind::Map(entries), Class::Map) | (ObjectKind::Set(entries), Class::Set) => {
            Some(entries)
        }
        _ => None,
    }
}

/// The map or set that a method changes.
fn mutable<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    class: Class,
    method: &str,
    hint: &str,
) -> Result<ObjectId, Trap> {
    match (receiver, class) {
        (Value::Object(id), _) if entries_mut(machine, *id, class).is_some() => Ok(*id),
        (Value::Frozen(Data::Map(_)), Class::Map) | (Value::Frozen(Data::Set(_)), Class::Set) => {
            Err(machine.frozen_error(method, hint))
        }
        _ => Err(wrong_receiver(machine, receiver, class, method)),
    }
}

/// Puts an entry into a heap map or set.
fn put_into<'p>(
    machine: &mut Machine<'p>,
    id: ObjectId,
    class: Class,
    key: Value<'p>,
    value: Value<'p>,
) -> Result<(), Trap> {
    count_key(machine, &key)?;
    let Some(entries) = entries_mut(machine, id, class) else {
        return Ok(());
    };
    let Err(value) = entries.replace(&key, value) else {
        return Ok(());
    };
    machine.charge(ENTRY_BYTES)?;
    if let Some(entries) = entries_mut(machine, id, class) {
        entries.push(key, value);
    }
    Ok(())
}

fn remove<'p>(
    machine: &mut Machine<'p>,
    id: ObjectId,
    class: Class,
    key: &Value<'p>,
) -> Result<Value<'p>, Trap> {
    count_key(machine, key)?;
    let Some(entries) = entries_mut(machine, id, class) else {
        return Ok(Value::boolean(false));
    };
    Ok(Value::boolean(entries.remove(key)))
}

/// Removes everything. The gaps stay, so that an iteration in progress sees what is added later.
fn clear<'p>(machine: &mut Machine<'p>, id: ObjectId, class: Class) -> Result<Value<'p>, Trap> {
    let Some(entries) = entries_mut(machine, id, class) else {
        return Ok(Value::Undefined);
    };
    let count = entries.places();
    entries.clear();
    machine.spend(count as u64 / 8)?;
    Ok(Value::Undefined)
}

/// The value of a key (of a set: the key itself), `None` where there is none.
fn lookup<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    class: Class,
    method: &str,
    key: &Value<'p>,
) -> Result<Option<Value<'p>>, Trap> {
    match (receiver, class) {
        (Value::Object(id), _) if entries_mut(machine, *id, class).is_some() => {
            count_key(machine, key)?;
            let entries = entries_mut(machine, *id, class);
            Ok(entries.and_then(|entries| entries.get(key)).cloned())
        }
        (Value::Frozen(Data::Map(map)), Class::Map) => {
            count_frozen(machine, map.entries().len(), key)?;
            Ok(map.get(key).map(Value::of))
        }
        (Value::Frozen(Data::Set(set)), Class::Set) => {
            count_frozen(machine, set.values().len(), key)?;
            Ok(set.get(key).map(Value::of))
        }
        _ => Err(wrong_receiver(machine, receiver, class, method)),
    }
}

/// Counts finding a key among frozen ones.
fn count_frozen<'p>(
    machine: &mut Machine<'p>,
    count: usize,
    wanted: &Value<'p>,
) -> Result<(), Trap> {
    machine.spend(count as u64 / 4)?;
    match wanted {
        Value::Frozen(data) if data.shape().depth > 0 => {
            machine.spend(u64::from(data.shape().byte_count) / 16)
        }
        _ => Ok(()),
    }
}
