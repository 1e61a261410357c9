//! Array methods that fold the items into one value: `reduce`, `reduceRight`, `join`.
//!
//! Before: the machine. Guarantees: as ECMAScript; an empty array without a start is a `TypeError`.

use crate::builtins::Family;
use crate::builtins::support::{argument, array_length, callback, natives, to_string};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.reduce" / 1 @host => reduce;
        "Array.prototype.reduceRight" / 1 @host => reduce_right;
        "Array.prototype.join" / 1 => join;
        "Array.prototype.toString" / 0 => to_string;
        "Array.prototype.toLocaleString" / 0 @host => to_locale_string;
    },
    constants: &[],
};

fn reduce<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "reduce")?;
    fold(machine, receiver, arguments, 0..length)
}

fn reduce_right<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "reduceRight")?;
    fold(machine, receiver, arguments, (0..length).rev())
}

fn fold<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
    mut places: impl Iterator<Item = usize>,
) -> Result<Value<'p>, Trap> {
    let callback = callback(machine, arguments, 0)?;
    let start = match arguments.get(1) {
        Some(start) => Some(*start),
        None => places
            .next()
            .and_then(|at| machine.array_item(receiver, at)),
    };
    let Some(mut folded) = start else {
        return Err(machine.type_error("Reduce of empty array with no initial value"));
    };
    for at in places {
        let Some(item) = machine.array_item(receiver, at) else {
            continue;
        };
        machine.spend(1)?;
        let at = Value::number(at as f64);
        folded = machine.call_back(&callback, [folded, item, at, *receiver])?;
    }
    Ok(folded)
}

fn join<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    array_length(machine, receiver, "join")?;
    let separator = match argument(arguments, 0) {
        value if value.is_undefined() => Text::from(","),
        value => machine.to_text(value)?,
    };
    if separator == *"," {
        let text = machine.default_text(receiver)?;
        return Ok(machine.text(text));
    }
    let text = machine.join(receiver, &separator)?;
    Ok(machine.text(text))
}

/// The items in their plain forms, which an object may bring along.
fn to_locale_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let length = array_length(machine, receiver, "toLocaleString")?;
    let name = Text::from("toLocaleString");
    let mut texts = Vec::new();
    for at in 0..length {
        machine.spend(1)?;
        machine.charge(16)?;
        let item = machine.array_item(receiver, at);
        let Some(item) = item.filter(|item| !item.is_nullish()) else {
            texts.push(machine.text(Text::empty()));
            continue;
        };
        let method = machine.property(&item, &name)?;
        let plain = machine.call_with_receiver(&method, &item, &[])?;
        let text = machine.to_text(&plain)?;
        texts.push(machine.text(text));
    }
    let texts = machine.new_array(texts)?;
    let text = machine.default_text(&texts)?;
    Ok(machine.text(text))
}
