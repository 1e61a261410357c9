//! Reading JSON: into data, or into values of a script at once.
//!
//! Before: requests, message bodies, `JSON.parse`. Guarantees: depth and size are bounded while reading.

use super::JsonError;
use crate::data::{Address, Data, PropertyTable};
use crate::limits::Limits;
use crate::text::Text;

/// Whole numbers of so many digits are exact as doubles, and so is each step of reading them.
const EXACT_DIGITS: usize = 15;

/// What is made of JSON while it is read.
pub(crate) trait Make {
    /// Data, or values of a script.
    type Value: Clone;

    /// `null`, a boolean, number or text.
    fn scalar(&mut self, data: Data) -> Self::Value;

    /// An array of what was made.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn array(&mut self, items: Vec<Self::Value>) -> Result<Self::Value, String>;

    /// An object of what was made.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn object(&mut self, properties: PropertyTable<Self::Value>) -> Result<Self::Value, String>;
}

/// Makes data; `addresses` says whether `{ "$address": … }` becomes an address.
struct MakeData {
    addresses: bool,
}

impl Make for MakeData {
    type Value = Data;

    fn scalar(&mut self, data: Data) -> Data {
        data
    }

    fn array(&mut self, items: Vec<Data>) -> Result<Data, String> {
        Data::array(items).map_err(|error| error.to_string())
    }

    fn object(&mut self, properties: PropertyTable<Data>) -> Result<Data, String> {
        if self.addresses
            && properties.len() == 1
            && let Some(address) = properties.get(&Text::from("$address"))
        {
            let Data::Text(text) = address else {
                return Err("`$address` must be a text".to_owned());
            };
            let address = text.to_string_lossy().parse::<Address>();
            return Ok(Data::from(address.unwrap_or_else(|never| match never {})));
        }
        Data::object(properties).map_err(|error| error.to_string())
    }
}

/// Reads JSON; `addresses` says whether `{ "$address": … }` becomes an address.
///
/// # Errors
///
/// A text that is no JSON, or nests too deep or is too large.
pub fn parse_json(text: &str, limits: &Limits, addresses: bool) -> Result<Data, JsonError> {
    read_json(text, limits, MakeData { addresses })
}

/// Reads JSON, and makes something of it.
pub(crate) fn read_json<M: Make>(
    text: &str,
    limits: &Limits,
    make: M,
) -> Result<M::Value, JsonError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        limits,
        make,
        size: 0,
    };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.error("unexpected text behind the value"));
    }
    Ok(value)
}

struct Reader<'a, M> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: &'a Limits,
    make: M,
    size: usize,
}

impl<M: Make> Reader<'_, M> {
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

    fn value(&mut self, depth: u16) -> Result<M::Value, JsonError> {
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
            Some(b'"') => {
                let text = self.string()?;
                Ok(self.make.scalar(Data::Text(text)))
            }
            Some(b't') => self.word("true", Data::Boolean(true)),
            Some(b'f') => self.word("false", Data::Boolean(false)),
            Some(b'n') => self.word("null", Data::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("unexpected character")),
            None => Err(self.error("unexpected end")),
        }
    }

    fn word(&mut self, word: &str, data: Data) -> Result<M::Value, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(self.make.scalar(data));
        }
        Err(self.error("unexpected word"))
    }

    fn array(&mut self, depth: u16) -> Result<M::Value, JsonError> {
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
        let made = self.make.array(items);
        made.map_err(|what| self.error(what))
    }

    fn object(&mut self, depth: u16) -> Result<M::Value, JsonError> {
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
        let made = self.make.object(properties);
        made.map_err(|what| self.error(what))
    }

    fn number(&mut self) -> Result<M::Value, JsonError> {
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
        if whole <= EXACT_DIGITS && !matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E')) {
            let digits = &self.bytes[self.at - whole..self.at];
            let add = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
            let number = digits.iter().fold(0, add) as f64;
            let is_negative = self.bytes[start] == b'-';
            let number = if is_negative { -number } else { number };
            return Ok(self.make.scalar(Data::Number(number)));
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
        Ok(self.make.scalar(Data::Number(number)))
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
