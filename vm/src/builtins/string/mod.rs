//! `String`: what makes texts; its methods stand in one file for each kind of work.
//!
//! Before: the machine. Guarantees: as ECMAScript over UTF-16 units; methods convert their receiver
//! to text; patterns are texts or regular expressions.

mod building;
mod cases;
mod parts;
mod patterns;
mod replacing;
mod searching;

use super::Family;
use super::support::{argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 7] = [
    &FAMILY,
    &building::FAMILY,
    &cases::FAMILY,
    &parts::FAMILY,
    &patterns::FAMILY,
    &replacing::FAMILY,
    &searching::FAMILY,
];

static FAMILY: Family = Family {
    natives: natives! {
        "String" / 1 => string;
        "String.fromCharCode" / 1 => from_char_code;
        "String.fromCodePoint" / 1 => from_code_point;
        "String.prototype.toString" / 0 => to_string;
        "String.prototype.valueOf" / 0 => to_string;
    },
    constants: &[],
};

/// The receiver of a method as text; `undefined` and `null` are an error.
pub(super) fn receiver_text<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    method: &str,
) -> Result<&'p Text, Trap> {
    if let Value::Text(text) = receiver {
        return Ok(text);
    }
    if receiver.is_nullish() {
        let what = machine.describe(receiver);
        return Err(machine.type_error(format!("`{method}` needs a text, not {what}")));
    }
    let text = machine.to_text(receiver)?;
    Ok(machine.keep_text(text))
}

fn string<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    match arguments.first() {
        None => Ok(machine.text(Text::empty())),
        Some(value) => {
            let text = machine.to_text(value)?;
            Ok(machine.text(text))
        }
    }
}

fn from_char_code<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.spend(arguments.len() as u64)?;
    machine.charge(arguments.len() * 2)?;
    let mut units = Vec::with_capacity(arguments.len());
    for value in arguments {
        units.push(crate::number::to_uint32(machine.to_number(value)?) as u16);
    }
    machine.new_text(Text::from_units(&units))
}

fn from_code_point<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.spend(arguments.len() as u64)?;
    machine.charge(arguments.len() * 4)?;
    let mut units = Vec::with_capacity(arguments.len());
    for value in arguments {
        let number = machine.to_number(value)?;
        if !(number >= 0.0 && number <= f64::from(0x0010_FFFF) && number.fract() == 0.0) {
            let number = crate::number::number_to_text(number);
            return Err(machine.range_error(format!("Invalid code point {number}")));
        }
        push_code_point(&mut units, number as u32);
    }
    machine.new_text(Text::from_units(&units))
}

/// Adds the one or two units of a code point; a surrogate is its own unit.
pub(super) fn push_code_point(units: &mut Vec<u16>, code_point: u32) {
    match code_point.checked_sub(0x10000) {
        None => units.push(code_point as u16),
        Some(above) => {
            units.push(0xD800 + (above >> 10) as u16);
            units.push(0xDC00 + (above & 0x3FF) as u16);
        }
    }
}

fn to_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    match receiver.as_text() {
        Some(text) => Ok(machine.text(text.clone())),
        None => Err(machine.type_error("`toString` of a text needs a text")),
    }
}

/// An argument as text.
pub(super) fn text_argument<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    at: usize,
) -> Result<Text, Trap> {
    machine.to_text(argument(arguments, at))
}

/// A slice of a text as a value, charged.
pub(super) fn slice_value<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    start: usize,
    end: usize,
) -> Result<Value<'p>, Trap> {
    let end = end.min(text.len());
    let count = end.saturating_sub(start);
    machine.spend(count as u64 / 64)?;
    machine.charge(32 + count * 2)?;
    Ok(machine.text(text.slice(start, end.max(start))))
}
