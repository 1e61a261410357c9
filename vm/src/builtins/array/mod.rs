//! `Array`: what makes arrays; its methods stand in one file for each kind of work.
//!
//! Before: the machine. Guarantees: as ECMAScript, where a hole is `undefined`; methods work on
//! arrays only; a frozen array is read in place, and what would change it names the copying form.

mod callbacks;
mod changing;
mod copying;
mod folding;
mod reading;
mod searching;
mod sorting;

use super::Family;
use super::support::{Items, argument, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 8] = [
    &FAMILY,
    &callbacks::FAMILY,
    &changing::FAMILY,
    &copying::FAMILY,
    &folding::FAMILY,
    &reading::FAMILY,
    &searching::FAMILY,
    &sorting::FAMILY,
];

static FAMILY: Family = Family {
    natives: natives! {
        "Array" / 1 @host => construct;
        "new Array" / 1 @host => construct;
        "Array.isArray" / 1 @host => is_array;
        "Array.of" / 0 @host => of;
        "Array.from" / 1 @host => from;
    },
    constants: &[],
};

fn construct<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let [Value::Number(length)] = arguments else {
        return of(machine, &Value::Undefined, arguments);
    };
    let length = length.get();
    if !(length >= 0.0 && length <= f64::from(u32::MAX) && length.fract() == 0.0) {
        return Err(machine.range_error("Invalid array length"));
    }
    let array = machine.new_array(Vec::new())?;
    if let Value::Array(id) = array {
        machine.grow_array(id, length as usize)?;
    }
    Ok(array)
}

fn is_array<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    Ok(Value::boolean(matches!(
        argument(arguments, 0),
        Value::Array(_) | Value::Frozen(Data::Array(_))
    )))
}

fn of<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.spend(arguments.len() as u64)?;
    machine.new_array(arguments.to_vec())
}

/// `Array.from(iterable or { length }, map?)`
fn from<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (source, map) = (argument(arguments, 0), argument(arguments, 1));
    if !map.is_undefined() {
        machine.require_function(map)?;
    }
    if source.is_nullish() {
        let what = machine.describe(source);
        return Err(machine.type_error(format!("`Array.from` cannot take items from {what}")));
    }
    if !is_iterable(machine, source) {
        return from_array_like(machine, source, map);
    }
    let mut items = Items::default();
    let Value::Iterator(iterator) = machine.iterate(source)? else {
        return items.finish(machine);
    };
    let mut at = 0.0;
    while let Some(item) = machine.iterator_next(iterator)? {
        machine.spend(1)?;
        let item = mapped(machine, map, item, at)?;
        items.push(machine, item)?;
        at += 1.0;
    }
    items.finish(machine)
}

fn is_iterable<'p>(machine: &Machine<'p>, source: &Value<'p>) -> bool {
    match source {
        Value::Object(id) => matches!(
            machine.heap.object(*id).kind,
            ObjectKind::Map(_) | ObjectKind::Set(_)
        ),
        Value::Frozen(data) => matches!(data, Data::Array(_) | Data::Map(_) | Data::Set(_)),
        Value::Text(_) | Value::Array(_) | Value::Iterator(_) | Value::Host(_) => true,
        _ => false,
    }
}

fn from_array_like<'p>(
    machine: &mut Machine<'p>,
    source: &Value<'p>,
    map: &Value<'p>,
) -> Result<Value<'p>, Trap> {
    let length = machine.property(source, &Text::from("length"))?;
    let length = machine.to_integer(&length)?.max(0.0);
    if length > f64::from(u32::MAX) {
        return Err(machine.range_error("Invalid array length"));
    }
    let mut items = Items::default();
    let mut at = 0.0;
    while at < length {
        machine.spend(4)?;
        let item = machine.property(source, &crate::number::number_to_text(at))?;
        let item = mapped(machine, map, item, at)?;
        items.push(machine, item)?;
        at += 1.0;
    }
    items.finish(machine)
}

fn mapped<'p>(
    machine: &mut Machine<'p>,
    map: &Value<'p>,
    item: Value<'p>,
    at: f64,
) -> Result<Value<'p>, Trap> {
    if map.is_undefined() {
        return Ok(item);
    }
    machine.call(map, &[item, Value::number(at)])
}
