//! Text methods that change the form of characters: case, normal form, white space, surrogates.
//!
//! Before: the machine. Guarantees: Unicode's full case mapping without locale; `localeCompare` by
//! code units after NFC; lone surrogates stay as they are.

use std::cmp::Ordering;
use std::convert::identity;

use unicode_normalization::UnicodeNormalization;

use super::{receiver_text, slice_value, text_argument};
use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::number::is_space;
use crate::text::Text;
use crate::unicode;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.toLowerCase" / 0 => to_lower_case;
        "String.prototype.toUpperCase" / 0 => to_upper_case;
        "String.prototype.toLocaleLowerCase" / 0 => to_lower_case;
        "String.prototype.toLocaleUpperCase" / 0 => to_upper_case;
        "String.prototype.normalize" / 0 => normalize;
        "String.prototype.localeCompare" / 1 => locale_compare;
        "String.prototype.trim" / 0 => trim;
        "String.prototype.trimStart" / 0 => trim_start;
        "String.prototype.trimEnd" / 0 => trim_end;
        "String.prototype.isWellFormed" / 0 => is_well_formed;
        "String.prototype.toWellFormed" / 0 => to_well_formed;
    },
    constants: &[],
};

/// Maps every part between lone surrogates, which stay.
fn map_well_formed<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    map_ascii: impl Fn(u8) -> u8,
    map: impl Fn(&str) -> String,
) -> Result<Text, Trap> {
    machine.spend(text.len() as u64 / 4)?;
    // A character becomes at most a few: 18 units in the longest compatibility form.
    machine.charge(32 + text.byte_size() * 4)?;
    if let Some(mapped) = text.map_ascii(map_ascii) {
        return Ok(mapped);
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut part = String::new();
    for character in char::decode_utf16(text.iter_units()) {
        match character {
            Ok(character) => part.push(character),
            Err(lone) => {
                units.extend(map(&part).encode_utf16());
                part.clear();
                units.push(lone.unpaired_surrogate());
            }
        }
    }
    units.extend(map(&part).encode_utf16());
    machine.charge((units.len() * 2).saturating_sub(text.byte_size() * 4))?;
    Ok(Text::from_units(&units))
}

fn to_lower_case<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "toLowerCase")?;
    let ascii = |unit: u8| unit.to_ascii_lowercase();
    let text = map_well_formed(machine, text, ascii, unicode::lower_case)?;
    Ok(machine.text(text))
}

fn to_upper_case<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "toUpperCase")?;
    let ascii = |unit: u8| unit.to_ascii_uppercase();
    let text = map_well_formed(machine, text, ascii, unicode::upper_case)?;
    Ok(machine.text(text))
}

fn normalize<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "normalize")?;
    let form = match argument(arguments, 0) {
        value if value.is_undefined() => Text::from("NFC"),
        value => machine.to_text(value)?,
    };
    let normal = match form.as_ascii() {
        Some("NFC") => map_well_formed(machine, text, identity, |part| part.nfc().collect()),
        Some("NFD") => map_well_formed(machine, text, identity, |part| part.nfd().collect()),
        Some("NFKC") => map_well_formed(machine, text, identity, |part| part.nfkc().collect()),
        Some("NFKD") => map_well_formed(machine, text, identity, |part| part.nfkd().collect()),
        _ => {
            Err(machine.range_error("The normalization form should be one of NFC, NFD, NFKC, NFKD"))
        }
    };
    let text = normal?;
    Ok(machine.text(text))
}

fn locale_compare<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let left = receiver_text(machine, receiver, "localeCompare")?;
    let right = text_argument(machine, arguments, 0)?;
    let left = normal_form(machine, left.clone())?;
    let right = normal_form(machine, right)?;
    machine.spend(left.len().min(right.len()) as u64 / 16)?;
    Ok(Value::number(match left.cmp(&right) {
        Ordering::Less => -1.0,
        Ordering::Equal => 0.0,
        Ordering::Greater => 1.0,
    }))
}

fn normal_form<'p>(machine: &mut Machine<'p>, text: Text) -> Result<Text, Trap> {
    if text.as_ascii().is_some() {
        return Ok(text);
    }
    map_well_formed(machine, &text, identity, |part| part.nfc().collect())
}

fn is_space_unit(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(is_space)
}

fn trimmed<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    method: &str,
    (at_start, at_end): (bool, bool),
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, method)?;
    let spaces = |units: &mut dyn Iterator<Item = u16>| {
        units.take_while(|unit| is_space_unit(*unit)).count()
    };
    let start = if at_start {
        spaces(&mut text.iter_units())
    } else {
        0
    };
    let behind = if at_end {
        spaces(&mut text.iter_units().rev())
    } else {
        0
    };
    machine.spend((start + behind) as u64 / 16)?;
    if start == 0 && behind == 0 {
        return Ok(Value::Text(text));
    }
    slice_value(machine, text, start, text.len().saturating_sub(behind))
}

fn trim<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    trimmed(machine, receiver, "trim", (true, true))
}

fn trim_start<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    trimmed(machine, receiver, "trimStart", (true, false))
}

fn trim_end<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    trimmed(machine, receiver, "trimEnd", (false, true))
}

fn is_well_formed<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "isWellFormed")?;
    machine.spend(text.len() as u64 / 16)?;
    let well_formed = char::decode_utf16(text.iter_units()).all(|character| character.is_ok());
    Ok(Value::boolean(well_formed))
}

fn to_well_formed<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "toWellFormed")?;
    machine.spend(text.len() as u64 / 16)?;
    machine.new_text(text.to_string_lossy())
}
