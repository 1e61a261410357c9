//! What the families of built-ins share: arguments, relative indices, growing results.
//!
//! Before: every family. After: the machine. Guarantees: what grows is charged before it grows; an
//! argument that is missing is `undefined`.

use crate::data::{Data, quote_json, write_quoted};
use crate::error::Trap;
use crate::machine::{Callback, Machine};
use crate::text::{Text, Units};
use crate::value::{ArrayId, Value};

static UNDEFINED: Value<'static> = Value::Undefined;

/// The argument at a place, `undefined` where there is none.
pub(super) fn argument<'a, 'p>(arguments: &'a [Value<'p>], at: usize) -> &'a Value<'p> {
    arguments.get(at).unwrap_or(&UNDEFINED)
}

/// An index that counts from the end where it is negative, clamped to `0..=length`; `default` where
/// the argument is `undefined`.
pub(super) fn relative_index<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    length: usize,
    default: usize,
) -> Result<usize, Trap> {
    if value.is_undefined() {
        return Ok(default);
    }
    let index = machine.to_integer(value)?;
    Ok(clamp_relative(index, length))
}

/// As `relative_index`, for an integer.
pub(super) fn clamp_relative(index: f64, length: usize) -> usize {
    if index < 0.0 {
        (length as f64 + index).max(0.0) as usize
    } else {
        index.min(length as f64) as usize
    }
}

/// The place of `at(index)`: `None` outside.
pub(super) fn place_at<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    length: usize,
) -> Result<Option<usize>, Trap> {
    let index = machine.to_integer(value)?;
    let place = if index < 0.0 {
        length as f64 + index
    } else {
        index
    };
    Ok((place >= 0.0 && place < length as f64).then_some(place as usize))
}

/// `toString` of values whose text is that of their kind.
pub(super) fn to_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = machine.default_text(receiver)?;
    Ok(machine.text(text))
}

/// How many items the receiver has; a `TypeError` where it is no array.
pub(super) fn array_length<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    method: &str,
) -> Result<usize, Trap> {
    match machine.array_length(receiver) {
        Some(length) => Ok(length),
        None => {
            let what = machine.describe(receiver);
            Err(machine.type_error(format!("`{method}` needs an array, not {what}")))
        }
    }
}

/// The array that a method changes; a frozen one is an error with the copying form as hint.
pub(super) fn mutable_array<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    method: &str,
    hint: &str,
) -> Result<ArrayId, Trap> {
    match receiver {
        locked if machine.heap.is_locked(locked) => Err(machine.frozen_error(method, hint)),
        Value::Array(id) => Ok(*id),
        Value::Frozen(Data::Array(_)) => Err(machine.frozen_error(method, hint)),
        other => {
            let what = machine.describe(other);
            Err(machine.type_error(format!("`{method}` needs an array, not {what}")))
        }
    }
}

/// The callback at a place of the arguments; a `TypeError` where it is no function.
pub(super) fn callback<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    at: usize,
) -> Result<Callback<'p>, Trap> {
    let function = argument(arguments, at);
    machine.require_function(function)?;
    Ok(machine.callback(function))
}

/// Items on their way to a new array.
#[derive(Default)]
pub(super) struct Items<'p>(Vec<Value<'p>>);

impl<'p> Items<'p> {
    /// Adds an item, charged.
    pub(super) fn push(&mut self, machine: &mut Machine<'p>, value: Value<'p>) -> Result<(), Trap> {
        machine.charge(16)?;
        self.0.push(value);
        Ok(())
    }

    /// Adds the items of an array from some places, charged.
    pub(super) fn copy(
        &mut self,
        machine: &mut Machine<'p>,
        array: &Value<'p>,
        places: std::ops::Range<usize>,
    ) -> Result<(), Trap> {
        machine.charge(places.len() * 16)?;
        let items = places.map(|at| machine.array_item(array, at).unwrap_or(Value::Undefined));
        self.0.extend(items);
        Ok(())
    }

    /// The items so far.
    pub(super) fn values(&self) -> &[Value<'p>] {
        &self.0
    }

    /// Makes the array.
    pub(super) fn finish(self, machine: &mut Machine<'p>) -> Result<Value<'p>, Trap> {
        machine.charge(32)?;
        Ok(Value::Array(machine.heap.add_array(self.0)))
    }
}

/// Units on their way to a new text: ASCII for as long as all of it is.
#[derive(Default)]
pub(super) struct TextBuilder {
    ascii: Vec<u8>,
    wide: Option<Vec<u16>>,
}

impl TextBuilder {
    /// Adds a text, counted and charged.
    pub(super) fn push_text<'p>(
        &mut self,
        machine: &mut Machine<'p>,
        text: &Text,
    ) -> Result<(), Trap> {
        machine.spend(text.len() as u64 / 16)?;
        machine.charge(text.byte_size())?;
        match (&mut self.wide, text.units()) {
            (None, Units::Ascii(ascii)) => self.ascii.extend_from_slice(ascii),
            (None, Units::Wide(units)) => {
                machine.charge(self.ascii.len() * 2)?;
                self.widen().extend_from_slice(units);
            }
            (Some(wide), _) => wide.extend(text.iter_units()),
        }
        Ok(())
    }

    /// Adds so many units of a text that is repeated, counted and charged before.
    pub(super) fn push_repeated<'p>(
        &mut self,
        machine: &mut Machine<'p>,
        text: &Text,
        units: usize,
    ) -> Result<(), Trap> {
        if text.is_empty() {
            return Ok(());
        }
        machine.charge(units.saturating_mul(2))?;
        machine.spend(units as u64 / 16)?;
        let rest = text.slice(0, units % text.len());
        match (&mut self.wide, text.units()) {
            (None, Units::Ascii(ascii)) => {
                self.ascii
                    .extend_from_slice(&ascii.repeat(units / text.len()));
            }
            _ => {
                let repeated = text.to_units().repeat(units / text.len());
                self.widen().extend_from_slice(&repeated);
            }
        }
        self.push_text(machine, &rest)
    }

    /// Adds a text of the built-in itself.
    pub(super) fn push_str<'p>(
        &mut self,
        machine: &mut Machine<'p>,
        text: &str,
    ) -> Result<(), Trap> {
        machine.charge(text.len())?;
        if self.wide.is_none() && text.is_ascii() {
            self.ascii.extend_from_slice(text.as_bytes());
        } else {
            self.widen().extend(text.encode_utf16());
        }
        Ok(())
    }

    /// Adds a text as a JSON string.
    pub(super) fn push_quoted<'p>(
        &mut self,
        machine: &mut Machine<'p>,
        text: &Text,
    ) -> Result<(), Trap> {
        if self.wide.is_none() && text.as_ascii_bytes().is_some() {
            let before = self.ascii.len();
            write_quoted(text, &mut self.ascii);
            return machine.charge(self.ascii.len() - before);
        }
        let mut quoted = String::new();
        quote_json(text, &mut quoted);
        self.push_str(machine, &quoted)
    }

    fn widen(&mut self) -> &mut Vec<u16> {
        let ascii = std::mem::take(&mut self.ascii);
        self.wide
            .get_or_insert_with(|| ascii.into_iter().map(u16::from).collect())
    }

    /// The text. Its bytes are charged already.
    pub(super) fn finish(self) -> Text {
        match self.wide {
            None => Text::from_ascii(&self.ascii).expect("the texts are ASCII"),
            Some(wide) => Text::from_units(&wide),
        }
    }

    /// The text as a value.
    pub(super) fn finish_value<'p>(self, machine: &mut Machine<'p>) -> Result<Value<'p>, Trap> {
        machine.charge(32)?;
        Ok(machine.text(self.finish()))
    }
}

/// Shortens entries of the table of a family.
macro_rules! natives {
    ($($name:literal / $length:literal $(@ $host:ident)? => $run:expr;)*) => {
        &[$(
            $crate::builtins::Native {
                name: $name,
                length: $length,
                run: $run,
                takes_host: natives!(@host $($host)?),
            },
        )*]
    };
    (@host host) => { true };
    (@host) => { false };
}
pub(super) use natives;
