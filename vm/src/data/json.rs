//! JSON to data and back, by the rules of ECMAScript's `JSON`.
//!
//! Before: requests, message bodies, `JSON.parse`. After: data; or text for people and programs.
//! Guarantees: depth and size are bounded while reading; numbers are written as JavaScript writes
//! them; an address is `{ "$address": "NAME/KEY" }`, both ways, where the caller asks for it.

use thiserror::Error;

use super::{Address, Data, PropertyTable};
use crate::limits::Limits;
use crate::number::number_to_text;
use crate::text::Text;

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
        let mut out = String::new();
        write_json(self, &mut out);
        out
    }
}

fn write_json(data: &Data, out: &mut String) {
    match data {
        Data::Undefined | Data::Null | Data::Function(_) => out.push_str("null"),
        Data::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
        Data::Number(number) if number.is_finite() => {
            out.push_str(number_to_text(*number).as_ascii().unwrap_or("0"));
        }
        Data::Number(_) => out.push_str("null"),
        Data::Text(text) => quote_json(text, out),
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
            quote_json(&Text::from(shown), out);
        }
        Data::Date(time) => match crate::number::iso_time(*time) {
            Some(iso) => quote_json(&Text::from(iso), out),
            None => out.push_str("null"),
        },
        Data::Address(address) => write_address(&address.to_string(), out),
        Data::Symbolic(symbolic) => {
            write_address(&format!("{symbolic:?}").to_ascii_lowercase(), out);
        }
    }
}

fn write_address(address: &str, out: &mut String) {
    out.push_str("{\"$address\":");
    quote_json(&Text::from(address), out);
    out.push('}');
}

fn write_items<'a>(items: impl Iterator<Item = &'a Data>, out: &mut String) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_json(item, out);
    }
    out.push(']');
}

fn write_properties(properties: &PropertyTable<Data>, out: &mut String) {
    out.push('{');
    let mut first = true;
    for (key, value) in properties.iter() {
        if matches!(value, Data::Undefined | Data::Function(_)) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        quote_json(key, out);
        out.push(':');
        write_json(value, out);
    }
    out.push('}');
}

/// Writes a text as a JSON string: lone surrogates as escapes, all else as it is.
pub fn quote_json(text: &Text, out: &mut String) {
    out.push('"');
    let mut at = 0;
    while let Some((code_point, width)) = text.code_point_at(at) {
        at += width;
        match (char::from_u32(code_point), code_point) {
            (Some('"'), _) => out.push_str("\\\""),
            (Some('\\'), _) => out.push_str("\\\\"),
            (_, 8) => out.push_str("\\b"),
            (_, 12) => out.push_str("\\f"),
            (_, 10) => out.push_str("\\n"),
            (_, 13) => out.push_str("\\r"),
            (_, 9) => out.push_str("\\t"),
            (Some(character), 32..) => out.push(character),
            _ => out.push_str(&format!("\\u{code_point:04x}")),
        }
    }
    out.push('"');
}

/// Reads JSON; `addresses` says whether `{ "$address": … }` becomes an address.
pub fn parse_json(text: &str, limits: &Limits, addresses: bool) -> Result<Data, JsonError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        limits,
        addresses,
        size: 0,
    };
    let data = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.error("unexpected text behind the value"));
    }
    Ok(data)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: &'a Limits,
    addresses: bool,
    size: usize,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> JsonError {
        JsonError {
            offset: self.at,
            message: message.into(),
            too_large: false,
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.error(format!("expected `{}`", byte as char)))
        }
    }

    fn value(&mut self, depth: u16) -> Result<Data, JsonError> {
        if depth >= self.limits.value_depth {
            return Err(self.error(format!(
                "nests deeper than {} levels",
                self.limits.value_depth
            )));
        }
        self.size += 16;
        if self.size > self.limits.value_bytes as usize {
            let what = format!("is larger than {} bytes", self.limits.value_bytes);
            return Err(JsonError {
                too_large: true,
                ..self.error(what)
            });
        }
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Data::Text(self.string()?)),
            Some(b't') => self.word("true", Data::Boolean(true)),
            Some(b'f') => self.word("false", Data::Boolean(false)),
            Some(b'n') => self.word("null", Data::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("unexpected character")),
            None => Err(self.error("unexpected end")),
        }
    }

    fn word(&mut self, word: &str, data: Data) -> Result<Data, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(data);
        }
        Err(self.error("unexpected word"))
    }

    fn array(&mut self, depth: u16) -> Result<Data, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        if !self.take(b']') {
            loop {
                items.push(self.value(depth + 1)?);
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        Data::array(items).map_err(|error| self.error(error.to_string()))
    }

    fn object(&mut self, depth: u16) -> Result<Data, JsonError> {
        self.at += 1;
        let mut properties = PropertyTable::default();
        if !self.take(b'}') {
            loop {
                self.skip_space();
                if self.bytes.get(self.at) != Some(&b'"') {
                    return Err(self.error("expected a key in double quotes"));
                }
                let key = self.string()?;
                self.expect(b':')?;
                let value = self.value(depth + 1)?;
                properties.insert(key, value);
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        if self.addresses
            && properties.len() == 1
            && let Some(address) = properties.get(&Text::from("$address"))
        {
            let Data::Text(text) = address else {
                return Err(self.error("`$address` must be a text"));
            };
            let address: Address = text
                .to_string_lossy()
                .parse()
                .unwrap_or_else(|never| match never {});
            return Ok(Data::from(address));
        }
        Data::object(properties).map_err(|error| self.error(error.to_string()))
    }

    fn number(&mut self) -> Result<Data, JsonError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.bytes.get(reader.at), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at - from
        };
        self.at += usize::from(self.bytes[self.at] == b'-');
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let whole = digits(self);
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.error("malformed number"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if digits(self) == 0 {
                return Err(self.error("expected a digit"));
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            if digits(self) == 0 {
                return Err(self.error("expected a digit"));
            }
        }
        let number = self.text[start..self.at]
            .parse::<f64>()
            .map_err(|_| self.error("malformed number"))?;
        Ok(Data::Number(number))
    }

    fn string(&mut self) -> Result<Text, JsonError> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    let text = Text::from(&self.text[start..self.at]);
                    self.size += self.at - start;
                    self.at += 1;
                    return Ok(text);
                }
                b'\\' => return self.string_with_escapes(start),
                0..32 => return Err(self.error("control character in a string")),
                _ => self.at += 1,
            }
        }
        Err(self.error("unterminated string"))
    }

    fn string_with_escapes(&mut self, start: usize) -> Result<Text, JsonError> {
        let mut units: Vec<u16> = self.text[start..self.at].encode_utf16().collect();
        loop {
            let plain = self.at;
            while matches!(self.bytes.get(self.at), Some(byte) if !matches!(byte, b'"' | b'\\' | 0..32))
            {
                self.at += 1;
            }
            units.extend(self.text[plain..self.at].encode_utf16());
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {}
                Some(_) => return Err(self.error("control character in a string")),
                None => return Err(self.error("unterminated string")),
            }
            let unit = match self.bytes.get(self.at + 1) {
                Some(b'n') => 10,
                Some(b't') => 9,
                Some(b'r') => 13,
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(byte @ (b'"' | b'\\' | b'/')) => u16::from(*byte),
                Some(b'u') => self.hexadecimal()?,
                _ => return Err(self.error("unknown escape")),
            };
            units.push(unit);
            self.at += 2;
        }
        self.at += 1;
        self.size += units.len();
        Ok(Text::from_units(&units))
    }

    /// Reads the four digits of `\uXXXX` and leaves two bytes for the caller to skip.
    fn hexadecimal(&mut self) -> Result<u16, JsonError> {
        let digits = self
            .bytes
            .get(self.at + 2..self.at + 6)
            .ok_or_else(|| self.error("unfinished escape"))?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.error("malformed escape"));
        }
        let unit = digits.iter().fold(0u16, |unit, digit| {
            (unit << 4) | (*digit as char).to_digit(16).unwrap_or(0) as u16
        });
        self.at += 4;
        Ok(unit)
    }
}
