//! `encodeURIComponent`, `encodeURI` and their inverses.
//!
//! Before: the machine. Guarantees: as ECMAScript; what is malformed is a `URIError`.

use super::Family;
use super::support::{TextBuilder, argument, natives};
use crate::data::ErrorKind;
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "encodeURIComponent" / 1 => |machine, _, arguments| encode(machine, arguments, UNRESERVED_MARKS);
        "encodeURI" / 1 => |machine, _, arguments| encode(machine, arguments, KEPT_OF_URI);
        "decodeURIComponent" / 1 => |machine, _, arguments| decode(machine, arguments, "");
        "decodeURI" / 1 => |machine, _, arguments| decode(machine, arguments, RESERVED);
    },
    constants: &[],
};

const UNRESERVED_MARKS: &str = "-_.!~*'()";
const RESERVED: &str = ";/?:@&=+$,#";
const KEPT_OF_URI: &str = "-_.!~*'();/?:@&=+$,#";

fn malformed<'p>(machine: &mut Machine<'p>) -> Trap {
    machine.error(ErrorKind::UriError, "URI malformed")
}

/// The argument as text, counted and charged for what comes of it.
fn text_to_read<'p>(machine: &mut Machine<'p>, arguments: &[Value<'p>]) -> Result<Text, Trap> {
    let text = machine.to_text(argument(arguments, 0))?;
    machine.spend(text.len() as u64 / 2)?;
    machine.charge(text.len() * 3)?;
    Ok(text)
}

fn encode<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    kept: &str,
) -> Result<Value<'p>, Trap> {
    let text = text_to_read(machine, arguments)?;
    let mut out = TextBuilder::default();
    for character in char::decode_utf16(text.iter_units()) {
        let Ok(character) = character else {
            return Err(malformed(machine));
        };
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer);
        if character.is_ascii_alphanumeric() || kept.contains(character) {
            out.push_str(machine, encoded)?;
            continue;
        }
        for byte in encoded.bytes() {
            out.push_str(machine, &format!("%{byte:02X}"))?;
        }
    }
    out.finish_value(machine)
}

/// The byte that `%XX` at a place of a text stands for.
fn escaped_byte(text: &Text, at: usize) -> Option<u8> {
    if text.unit_at(at)? != u16::from(b'%') {
        return None;
    }
    let digit = |at| char::from_u32(u32::from(text.unit_at(at)?))?.to_digit(16);
    Some((digit(at + 1)? * 16 + digit(at + 2)?) as u8)
}

/// The character whose escaped bytes begin at a place, and how many bytes it takes.
fn escaped_character(text: &Text, at: usize) -> Option<(char, usize)> {
    let first = escaped_byte(text, at)?;
    let count = match first {
        0..0x80 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF8 => 4,
        _ => return None,
    };
    let mut bytes = [first, 0, 0, 0];
    for (nth, byte) in bytes.iter_mut().enumerate().take(count).skip(1) {
        *byte = escaped_byte(text, at + nth * 3)?;
    }
    let character = std::str::from_utf8(&bytes[..count]).ok()?.chars().next()?;
    Some((character, count))
}

fn decode<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    kept: &str,
) -> Result<Value<'p>, Trap> {
    let text = text_to_read(machine, arguments)?;
    let mut out: Vec<u16> = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(unit) = text.unit_at(at) {
        if unit != u16::from(b'%') {
            out.push(unit);
            at += 1;
            continue;
        }
        let Some((character, count)) = escaped_character(&text, at) else {
            return Err(malformed(machine));
        };
        if kept.contains(character) {
            out.extend(text.slice(at, at + count * 3).iter_units());
        } else {
            out.extend_from_slice(character.encode_utf16(&mut [0; 2]));
        }
        at += count * 3;
    }
    machine.new_text(Text::from_units(&out))
}
