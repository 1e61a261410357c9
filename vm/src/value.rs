//! Values: what the machine works on.
//!
//! Before: data that enters a turn, literals, built-ins. After: `freeze`, which makes data of them.
//! Guarantees: 16 bytes, copied without a count of anything; frozen data is read in place; handles lead
//! into a `Heap` that lives for one turn or for the build stage, and mean nothing outside it.

use crate::builtins::NativeIndex;
use crate::data::Data;
use crate::text::Text;

/// A value of a running script. It is copied freely: what it leads to lives in the arena of the turn,
/// in the program, or in the heap.
#[derive(Clone, Copy, Debug)]
pub enum Value<'p> {
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(Flag),
    /// A double.
    Number(Double),
    /// A string.
    Text(&'p Text),
    /// A frozen value that is none of those above. Compounds can not be written to.
    Frozen(&'p Data),
    /// An object of the heap: plain, error, map, set, date.
    Object(ObjectId),
    /// An array of the heap.
    Array(ArrayId),
    /// A function with captured cells.
    Closure(ClosureId),
    /// A built-in function.
    Native(NativeIndex),
    /// An iterator in progress.
    Iterator(IteratorId),
    /// Something that the build stage owns: a command, ref, handle, helper or worker.
    Host(HostRef),
    /// A captured variable. Only in slots, never seen by a script.
    Cell(CellId),
    /// A `let`, `const` or parameter before its declaration ran. Never seen by a script.
    Uninitialised,
}

/// A double, kept as its bits. All that a value carries is a word, so that a value is a pair of words
/// which the compiler moves in registers, never a piece of memory with a shape of its own.
#[derive(Clone, Copy, Debug)]
pub struct Double(u64);

/// A boolean that is a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(u64);

/// Index of an object of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId(pub u64);

/// Index of an array of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArrayId(pub u64);

/// Index of a closure of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosureId(pub u64);

/// Index of an iterator of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IteratorId(pub u64);

/// Index of a captured variable of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellId(pub u64);

/// Something that the host (the build stage) owns: a kind, as the host numbers them, and which one of
/// that kind. The machine never looks inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostRef(u64);

impl Double {
    /// The number.
    #[inline(always)]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Flag {
    /// The boolean.
    #[inline(always)]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl HostRef {
    /// A kind, and which one of that kind.
    pub const fn new(kind: u8, index: u32) -> HostRef {
        HostRef((kind as u64) << 32 | index as u64)
    }

    /// What it is.
    pub const fn kind(self) -> u8 {
        (self.0 >> 32) as u8
    }

    /// Which one of that kind.
    pub const fn index(self) -> u32 {
        self.0 as u32
    }
}

impl<'p> Value<'p> {
    /// A number.
    #[inline(always)]
    pub const fn number(number: f64) -> Value<'p> {
        Value::Number(Double(number.to_bits()))
    }

    /// A boolean.
    #[inline(always)]
    pub const fn boolean(boolean: bool) -> Value<'p> {
        Value::Boolean(Flag(boolean as u64))
    }

    /// Data as a value.
    #[inline(always)]
    pub fn of(data: &'p Data) -> Value<'p> {
        match data {
            Data::Number(number) => Value::number(*number),
            Data::Text(text) => Value::Text(text),
            Data::Boolean(_) | Data::Undefined | Data::Null => Value::of_few(data),
            compound => Value::Frozen(compound),
        }
    }

    /// Of what takes one of few values. By itself, so that the others are told apart by two comparisons and no
    /// jump through a table, which cannot be foreseen.
    #[inline(never)]
    fn of_few(data: &'p Data) -> Value<'p> {
        match data {
            Data::Boolean(boolean) => Value::boolean(*boolean),
            Data::Null => Value::Null,
            _ => Value::Undefined,
        }
    }

    /// The value, as two words. A copy from place to place is made in one piece of sixteen bytes, which
    /// waits until both words have left the processor's store buffer, where they were just written.
    #[inline(always)]
    pub(crate) fn by_words(self) -> Value<'p> {
        match self {
            Value::Number(number) => Value::Number(Double(number.0)),
            other => other,
        }
    }

    /// The same as data, where it is frozen.
    pub fn as_data(&self) -> Option<Data> {
        Some(match *self {
            Value::Undefined => Data::Undefined,
            Value::Null => Data::Null,
            Value::Boolean(boolean) => Data::Boolean(boolean.get()),
            Value::Number(number) => Data::Number(number.get()),
            Value::Text(text) => Data::Text(text.clone()),
            Value::Frozen(data) => data.clone(),
            _ => return None,
        })
    }

    /// The number, where this is one.
    #[inline(always)]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(number.get()),
            _ => None,
        }
    }

    /// The number, where it is one that items of an array can have.
    #[inline(always)]
    pub fn as_index(&self) -> Option<usize> {
        let number = self.as_number()?;
        let index = number as u32;
        (f64::from(index) == number).then_some(index as usize)
    }

    /// The text, where this is one.
    #[inline(always)]
    pub fn as_text(&self) -> Option<&'p Text> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `undefined`.
    #[inline(always)]
    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    /// Whether this is `undefined` or `null`.
    #[inline(always)]
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Undefined | Value::Null)
    }

    /// Whether it is a primitive of the language.
    pub fn is_primitive(&self) -> bool {
        matches!(
            self,
            Value::Undefined | Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_)
        )
    }

    /// Whether it is no object to a script: a number, a text, an address, … .
    pub fn is_scalar(&self) -> bool {
        match self {
            Value::Frozen(data) => data.shape().depth == 0,
            other => other.is_primitive(),
        }
    }

    /// Whether it can be called.
    pub fn is_function(&self) -> bool {
        matches!(
            self,
            Value::Closure(_) | Value::Native(_) | Value::Frozen(Data::Function(_))
        )
    }
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Value::boolean(boolean)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_16_bytes() {
        assert_eq!(std::mem::size_of::<Data>(), 16);
        assert_eq!(std::mem::size_of::<Value<'_>>(), 16);
    }
}
