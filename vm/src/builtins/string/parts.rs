//! Text methods that give a part: `at`, `charAt`, `slice`, `substring`, `codePointAt`, `split`, …
//!
//! Before: the machine. Guarantees: as ECMAScript; indices count UTF-16 units.

use super::patterns::split_by;
use super::searching::find;
use super::{receiver_text, slice_value};
use crate::builtins::Family;
use crate::builtins::regexp::expression_of;
use crate::builtins::support::{Items, argument, natives, place_at, relative_index};
use crate::error::Trap;
use crate::machine::Machine;
use crate::number::to_uint32;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.at" / 1 => at;
        "String.prototype.charAt" / 1 => char_at;
        "String.prototype.charCodeAt" / 1 => char_code_at;
        "String.prototype.codePointAt" / 1 => code_point_at;
        "String.prototype.slice" / 2 => slice;
        "String.prototype.substring" / 2 => substring;
        "String.prototype.substr" / 2 => substr;
        "String.prototype.split" / 2 => split;
    },
    constants: &[],
};

fn at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "at")?;
    let place = place_at(machine, argument(arguments, 0), text.len())?;
    Ok(place
        .and_then(|place| text.unit_at(place))
        .map_or(Value::Undefined, |unit| machine.text(Text::from_unit(unit))))
}

/// The place of an index that does not count from the end; `None` outside.
fn plain_place<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    arguments: &[Value<'p>],
) -> Result<Option<usize>, Trap> {
    let index = machine.to_integer(argument(arguments, 0))?;
    Ok((index >= 0.0 && index < text.len() as f64).then_some(index as usize))
}

fn char_at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "charAt")?;
    let place = plain_place(machine, text, arguments)?;
    let unit = place.and_then(|place| text.unit_at(place));
    Ok(machine.text(unit.map_or_else(Text::empty, Text::from_unit)))
}

fn char_code_at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "charCodeAt")?;
    let place = plain_place(machine, text, arguments)?;
    let unit = place.and_then(|place| text.unit_at(place));
    Ok(Value::number(unit.map_or(f64::NAN, f64::from)))
}

fn code_point_at<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "codePointAt")?;
    let place = plain_place(machine, text, arguments)?;
    let code_point = place.and_then(|place| text.code_point_at(place));
    Ok(code_point.map_or(Value::Undefined, |(code_point, _)| {
        Value::number(f64::from(code_point))
    }))
}

fn slice<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "slice")?;
    let start = relative_index(machine, argument(arguments, 0), text.len(), 0)?;
    let end = relative_index(machine, argument(arguments, 1), text.len(), text.len())?;
    slice_value(machine, text, start, end)
}

fn substring<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "substring")?;
    let length = text.len() as f64;
    let start = machine
        .to_integer(argument(arguments, 0))?
        .clamp(0.0, length);
    let end = match argument(arguments, 1) {
        value if value.is_undefined() => length,
        value => machine.to_integer(value)?.clamp(0.0, length),
    };
    slice_value(
        machine,
        text,
        start.min(end) as usize,
        start.max(end) as usize,
    )
}

fn substr<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "substr")?;
    let start = relative_index(machine, argument(arguments, 0), text.len(), 0)?;
    let rest = (text.len() - start) as f64;
    let count = match argument(arguments, 1) {
        value if value.is_undefined() => rest,
        value => machine.to_integer(value)?.clamp(0.0, rest),
    };
    slice_value(machine, text, start, start + count as usize)
}

fn split<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "split")?;
    let limit = match argument(arguments, 1) {
        value if value.is_undefined() => u32::MAX,
        value => to_uint32(machine.to_number(value)?),
    } as usize;
    let mut items = Items::default();
    let separator = argument(arguments, 0);
    if limit == 0 {
        return items.finish(machine);
    }
    if separator.is_undefined() {
        items.push(machine, Value::Text(text))?;
        return items.finish(machine);
    }
    if let Some(expression) = expression_of(machine, separator) {
        return split_by(machine, text, &expression, limit);
    }
    let separator = machine.to_text(separator)?;
    if separator.is_empty() {
        let count = text.len().min(limit);
        machine.spend(count as u64)?;
        for unit in text.iter_units().take(count) {
            machine.charge(if unit < 128 { 0 } else { 34 })?;
            items.push(machine, machine.text(Text::from_unit(unit)))?;
        }
        return items.finish(machine);
    }
    let mut start = 0;
    let mut count = 0;
    while let Some(found) = find(machine, text, &separator, start)? {
        let part = slice_value(machine, text, start, found)?;
        items.push(machine, part)?;
        machine.spend(1)?;
        count += 1;
        if count == limit {
            return items.finish(machine);
        }
        start = found + separator.len();
    }
    let part = slice_value(machine, text, start, text.len())?;
    items.push(machine, part)?;
    items.finish(machine)
}
