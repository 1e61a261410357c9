//! JSON to data and back, by the rules of ECMAScript's `JSON`.
//!
//! Before: requests, message bodies, `JSON.parse`. After: data; or text for people and programs.
//! Guarantees: depth and size are bounded while reading; numbers are written as JavaScript writes
//! them; an address is `{ "$address": "NAME/KEY" }`, both ways, where the caller asks for it.

mod read;

use thiserror::Error;

use super::{Data, PropertyTable};
use crate::limits::Limits;
use crate::number::number_to_text;
use crate::text::{Text, Units};

pub use read::parse_json;
pub(crate) use read::{Make, read_json};

/// Why a text is no JSON, or none that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} at offset {offset}")]
pub struct JsonError {
    /// Offset in bytes of the text that was read.
    pub offset: usize,
    /// What was expected or found there.
    pub message: String,
    /// Whether nothing is wrong with it but its size.
    pub too_large: bool,
}

impl Data {
    /// Reads JSON as a message body or config: `{ "$address": … }` becomes an address, and other
    /// keys of the top level that begin with `$` are refused.
    pub fn from_json(text: &str, limits: &Limits) -> Result<Data, JsonError> {
        let data = parse_json(text, limits, true)?;
        if let Data::Object(object) = &data
            && let Some(key) = object
                .properties()
                .keys()
                .find(|key| key.unit_at(0) == Some(u16::from(b'$')))
        {
            return Err(JsonError {
                too_large: false,
                offset: 0,
                message: format!(
                    "the key `{key}` is reserved: keys that begin with `$` are not allowed at the top level"
                ),
            });
        }
        Ok(data)
    }

    /// Writes JSON. `undefined` and functions are left out of objects and become `null` elsewhere,
    /// as `JSON.stringify` does; maps and sets, which it would write as `{}`, are written as arrays.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        write_json(self, &mut out);
        text_of(out)
    }
}

fn write_json(data: &Data, out: &mut Vec<u8>) {
    match data {
        Data::Undefined | Data::Null | Data::Function(_) => out.extend_from_slice(b"null"),
        Data::Boolean(boolean) => out.extend_from_slice(if *boolean { b"true" } else { b"false" }),
        Data::Number(number) if number.is_finite() => {
            let text = number_to_text(*number);
            out.extend_from_slice(text.as_ascii_bytes().unwrap_or(b"0"));
        }
        Data::Number(_) => out.extend_from_slice(b"null"),
        Data::Text(text) => write_quoted(text, out),
        Data::Array(array) => write_items(array.items().iter(), out),
        Data::Set(set) => write_items(set.values().iter(), out),
        Data::Map(map) => {
            let pairs = map
                .entries()
                .iter()
                .map(|(key, value)| Data::array(vec![key.clone(), value.clone()]));
            let pairs: Vec<Data> = pairs.filter_map(Result::ok).collect();
            write_items(pairs.iter(), out);
        }
        Data::Object(object) => write_properties(object.properties(), out),
        Data::Error(error) => {
            let message = error
                .properties()
                .get(&Text::from("message"))
                .cloned()
                .unwrap_or(Data::from(""));
            let pairs = [
                (Text::from("name"), Data::from(error.kind.name())),
                (Text::from("message"), message),
            ];
            write_properties(&pairs.into_iter().collect(), out);
        }
        Data::RegExp(expression) => {
            let shown = format!("/{}/{}", expression.source(), expression.flags());
            write_quoted(&Text::from(shown), out);
        }
        Data::Date(time) => match crate::number::iso_time(*time) {
            Some(iso) => write_quoted(&Text::from(iso), out),
            None => out.extend_from_slice(b"null"),
        },
        Data::Address(address) => write_address(&address.to_string(), out),
        Data::Symbolic(symbolic) => {
            write_address(&format!("{symbolic:?}").to_ascii_lowercase(), out);
        }
    }
}

fn write_address(address: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$address\":");
    write_quoted(&Text::from(address), out);
    out.push(b'}');
}

fn write_items<'a>(items: impl Iterator<Item = &'a Data>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json(item, out);
    }
    out.push(b']');
}

fn write_properties(properties: &PropertyTable<Data>, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut first = true;
    for (key, value) in properties.iter() {
        if matches!(value, Data::Undefined | Data::Function(_)) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        write_quoted(key, out);
        out.push(b':');
        write_json(value, out);
    }
    out.push(b'}');
}

/// Writes a text as a JSON string: lone surrogates as escapes, all else as it is.
pub fn quote_json(text: &Text, out: &mut String) {
    let mut quoted = Vec::new();
    write_quoted(text, &mut quoted);
    out.push_str(&text_of(quoted));
}

/// The same, as UTF-8.
pub(crate) fn write_quoted(text: &Text, out: &mut Vec<u8>) {
    out.push(b'"');
    match text.units() {
        Units::Ascii(ascii) => write_ascii(ascii, out),
        Units::Wide(wide) => {
            for character in char::decode_utf16(wide.iter().copied()) {
                match character {
                    Ok(character) if character.is_ascii() => {
                        write_ascii(&[character as u8], out);
                    }
                    Ok(character) => {
                        let mut utf8 = [0; 4];
                        out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                    }
                    Err(lone) => write_escape(lone.unpaired_surrogate(), out),
                }
            }
        }
    }
    out.push(b'"');
}

/// Writes units, as many at a time as stand for themselves.
fn write_ascii(mut ascii: &[u8], out: &mut Vec<u8>) {
    let is_special = |unit: &u8| *unit < 32 || *unit == b'"' || *unit == b'\\';
    while let Some(at) = ascii.iter().position(is_special) {
        out.extend_from_slice(&ascii[..at]);
        match ascii[at] {
            unit @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', unit]),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            unit => write_escape(u16::from(unit), out),
        }
        ascii = &ascii[at + 1..];
    }
    out.extend_from_slice(ascii);
}

fn write_escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

fn text_of(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is written as UTF-8")
}
