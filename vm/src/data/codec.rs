//! The binary form of data, for snapshots, programs and envelopes.
//!
//! Guarantees: canonical (equal data, equal bytes); reading is bounded in depth and size, never
//! panics, and refuses what writing would not have made. A version byte belongs to the containers.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use thiserror::Error;

use super::{Address, Capture, DEPTH_MAX, Data, ErrorKind, PropertyTable, Symbolic};
use crate::bytecode::FunctionIndex;
use crate::regex::Flags;
use crate::text::{Text, Units};

/// Why bytes are no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end in the middle of a value.
    #[error("the data ends in the middle of a value")]
    Truncated,
    /// A tag, length or number that is never written.
    #[error("the data holds a byte that is never written")]
    Malformed,
    /// Deeper than any value may be.
    #[error("the data nests too deep")]
    TooDeep,
    /// Bytes are left over behind the value.
    #[error("the data has bytes behind its end")]
    Trailing,
}

/// Most messages take less.
const USUAL_BYTES: usize = 64;

impl Data {
    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        write(self, &mut out);
        out
    }

    /// Reads the binary form; all bytes must be used.
    pub fn decode(bytes: &[u8]) -> Result<Data, DecodeError> {
        let mut reader = Reader { rest: bytes };
        let data = reader.data(0)?;
        match reader.rest.is_empty() {
            true => Ok(data),
            false => Err(DecodeError::Trailing),
        }
    }
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    let mut rest = count as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn write_text(text: &Text, out: &mut Vec<u8>) {
    // The lowest bit says whether the units are bytes or pairs of bytes.
    match text.units() {
        Units::Ascii(ascii) => {
            write_count(ascii.len() << 1, out);
            out.extend_from_slice(ascii);
        }
        Units::Wide(wide) => {
            write_count(wide.len() << 1 | 1, out);
            wide.iter()
                .for_each(|unit| out.extend_from_slice(&unit.to_le_bytes()));
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    write_count(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_table(properties: &PropertyTable<Data>, out: &mut Vec<u8>) {
    write_count(properties.len(), out);
    for (key, value) in properties.iter() {
        write_text(key, out);
        write(value, out);
    }
}

fn write_all(values: &[Data], out: &mut Vec<u8>) {
    write_count(values.len(), out);
    values.iter().for_each(|value| write(value, out));
}

fn write(data: &Data, out: &mut Vec<u8>) {
    match data {
        Data::Undefined => out.push(0),
        Data::Null => out.push(1),
        Data::Boolean(boolean) => out.push(2 + u8::from(*boolean)),
        Data::Number(number) => write_number(*number, out),
        Data::Text(text) => {
            out.push(6);
            write_text(text, out);
        }
        Data::Array(array) => {
            out.push(if array.named().is_some() { 21 } else { 7 });
            write_all(array.items(), out);
            array
                .named()
                .into_iter()
                .for_each(|named| write_table(named, out));
        }
        Data::Object(object) => {
            out.push(8);
            write_table(object.properties(), out);
        }
        Data::Error(error) => {
            out.extend_from_slice(&[9, error.kind as u8]);
            write_table(error.properties(), out);
        }
        Data::Date(time) => {
            out.push(10);
            out.extend_from_slice(&time.to_le_bytes());
        }
        Data::Map(map) => {
            out.push(11);
            write_count(map.entries().len(), out);
            map.entries().iter().for_each(|(key, value)| {
                write(key, out);
                write(value, out);
            });
        }
        Data::Set(set) => {
            out.push(12);
            write_all(set.values(), out);
        }
        Data::RegExp(expression) => {
            out.extend_from_slice(&[20, expression.flags().bits()]);
            write_text(expression.source(), out);
        }
        Data::Address(address) => {
            out.push(if address.key.is_some() { 14 } else { 13 });
            write_string(&address.name, out);
            address.key.iter().for_each(|key| write_string(key, out));
        }
        Data::Symbolic(symbolic) => write_symbolic(*symbolic, out),
        Data::Function(function) => {
            out.push(19);
            write_count(function.function.0 as usize, out);
            write_count(function.captures.len(), out);
            function
                .captures
                .iter()
                .for_each(|capture| write_capture(capture, out));
        }
    }
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    // Small whole numbers are common and take two bytes.
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) && number.is_sign_positive() {
        out.push(4);
        write_count(number as usize, out);
    } else {
        out.push(5);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn write_symbolic(symbolic: Symbolic, out: &mut Vec<u8>) {
    match symbolic {
        Symbolic::Itself => out.push(15),
        Symbolic::Outbox => out.push(16),
        Symbolic::Child(slot) => {
            out.push(17);
            write_count(slot as usize, out);
        }
        Symbolic::Slot(slot) => {
            out.push(18);
            write_count(slot as usize, out);
        }
    }
}

fn write_capture(capture: &Capture, out: &mut Vec<u8>) {
    match capture {
        Capture::Cell(cell) => {
            out.push(0);
            write_count(*cell as usize, out);
        }
        Capture::Value(value) => {
            out.push(1);
            write(value, out);
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let split = self.rest.split_at_checked(count);
        let (taken, rest) = split.ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline]
    fn count(&mut self) -> Result<usize, DecodeError> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(usize::from(byte))
            }
            _ => self.long_count(),
        }
    }

    fn long_count(&mut self) -> Result<usize, DecodeError> {
        let mut count = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            count |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if byte == 0 && shift > 0 {
                    Err(DecodeError::Malformed)
                } else {
                    Ok(count as usize)
                };
            }
        }
        Err(DecodeError::Malformed)
    }

    /// A count of things that take a byte or more each, so that it cannot ask for more memory
    /// than the input justifies.
    fn length(&mut self) -> Result<usize, DecodeError> {
        let count = self.count()?;
        if count > self.rest.len() {
            Err(DecodeError::Truncated)
        } else {
            Ok(count)
        }
    }

    fn index(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.count()?).map_err(|_| DecodeError::Malformed)
    }

    fn double(&mut self) -> Result<f64, DecodeError> {
        let bytes = self
            .take(8)?
            .try_into()
            .map_err(|_| DecodeError::Truncated)?;
        let number = f64::from_le_bytes(bytes);
        Ok(if number.is_nan() { f64::NAN } else { number })
    }

    fn text(&mut self) -> Result<Text, DecodeError> {
        let count = self.count()?;
        if count & 1 == 0 {
            let ascii = Text::from_ascii(self.take(count >> 1)?);
            return ascii.ok_or(DecodeError::Malformed);
        }
        let pairs = self
            .take((count >> 1).checked_mul(2).ok_or(DecodeError::Truncated)?)?
            .chunks_exact(2);
        Ok(Text::from_units(
            &pairs
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect::<Vec<_>>(),
        ))
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        let count = self.length()?;
        String::from_utf8(self.take(count)?.to_vec()).map_err(|_| DecodeError::Malformed)
    }

    fn all(&mut self, depth: u16) -> Result<Vec<Data>, DecodeError> {
        let count = self.length()?;
        (0..count).map(|_| self.data(depth + 1)).collect()
    }

    fn table(&mut self, depth: u16) -> Result<PropertyTable<Data>, DecodeError> {
        // What is asked for stays in proportion to the input: a property takes two bytes.
        let count = self.count()?;
        if count > self.rest.len() / 2 {
            return Err(DecodeError::Truncated);
        }
        let mut entries = Vec::with_capacity(count.min(self.rest.len() / 32 + 8));
        for _ in 0..count {
            let key = self.text()?;
            entries.push(Some((key, self.data(depth + 1)?)));
        }
        PropertyTable::of_distinct(entries).ok_or(DecodeError::Malformed)
    }

    fn data(&mut self, depth: u16) -> Result<Data, DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let made = match self.byte()? {
            0 => return Ok(Data::Undefined),
            1 => return Ok(Data::Null),
            2 => return Ok(Data::Boolean(false)),
            3 => return Ok(Data::Boolean(true)),
            4 => return Ok(Data::Number(self.count()? as f64)),
            5 => return Ok(Data::Number(self.double()?)),
            6 => return Ok(Data::Text(self.text()?)),
            7 => Data::array(self.all(depth)?),
            8 => Data::object(self.table(depth)?),
            9 => {
                let kind = self.byte()?;
                let kind = ErrorKind::ALL
                    .get(kind as usize)
                    .copied()
                    .ok_or(DecodeError::Malformed)?;
                Data::error(kind, self.table(depth)?)
            }
            10 => return Ok(Data::Date(self.double()?)),
            11 => {
                let count = self.length()?;
                let entries =
                    (0..count).map(|_| Ok((self.data(depth + 1)?, self.data(depth + 1)?)));
                Data::map(entries.collect::<Result<Vec<_>, DecodeError>>()?)
            }
            12 => Data::set(self.all(depth)?),
            13 => {
                return Ok(Data::Address(Arc::new(Address {
                    name: self.string()?,
                    key: None,
                })));
            }
            14 => {
                return Ok(Data::Address(Arc::new(Address {
                    name: self.string()?,
                    key: Some(self.string()?),
                })));
            }
            15 => return Ok(Data::Symbolic(Symbolic::Itself)),
            16 => return Ok(Data::Symbolic(Symbolic::Outbox)),
            17 => return Ok(Data::Symbolic(Symbolic::Child(self.index()?))),
            18 => return Ok(Data::Symbolic(Symbolic::Slot(self.index()?))),
            19 => {
                let function = FunctionIndex(self.index()?);
                let count = self.length()?;
                let captures = (0..count)
                    .map(|_| self.capture(depth))
                    .collect::<Result<Vec<_>, _>>()?;
                Data::function(function, captures)
            }
            20 => {
                let flags = Flags::from_bits(self.byte()?).ok_or(DecodeError::Malformed)?;
                return Ok(Data::regular_expression(self.text()?, flags));
            }
            21 => {
                let items = self.all(depth)?;
                let named = self.table(depth)?;
                if named.is_empty() {
                    return Err(DecodeError::Malformed);
                }
                Data::array_with(items, named)
            }
            _ => return Err(DecodeError::Malformed),
        };
        made.map_err(|_| DecodeError::TooDeep)
    }

    fn capture(&mut self, depth: u16) -> Result<Capture, DecodeError> {
        match self.byte()? {
            0 => Ok(Capture::Cell(self.index()?)),
            1 => Ok(Capture::Value(self.data(depth + 1)?)),
            _ => Err(DecodeError::Malformed),
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.shape().depth > DEPTH_MAX {
            return Err(ser::Error::custom("data nests too deep"));
        }
        serializer.serialize_bytes(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        let bytes = crate::bytes_visitor::deserialize(deserializer)?;
        Data::decode(&bytes).map_err(de::Error::custom)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Vec::new();
        write_text(self, &mut out);
        serializer.serialize_bytes(&out)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let bytes = crate::bytes_visitor::deserialize(deserializer)?;
        let mut reader = Reader { rest: &bytes };
        let text = reader.text().map_err(de::Error::custom)?;
        match reader.rest.is_empty() {
            true => Ok(text),
            false => Err(de::Error::custom(DecodeError::Trailing)),
        }
    }
}
