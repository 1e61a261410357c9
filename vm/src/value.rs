//! Values: what the machine works on.
//!
//! Before: data that enters a turn, literals, built-ins. After: `freeze`, which makes data of them.
//! Guarantees: 16 bytes; frozen data is read in place and shared; handles lead into a `Heap` that
//! lives for one turn or for the build stage, and mean nothing outside it.

use crate::builtins::NativeIndex;
use crate::data::Data;
use crate::text::Text;

/// A value of a running script.
#[derive(Clone, Debug)]
pub enum Value {
    /// A scalar, a text or a frozen compound. Compounds can not be written to.
    Frozen(Data),
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

/// Index of an object of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// Index of an array of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArrayId(pub u32);

/// Index of a closure of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosureId(pub u32);

/// Index of an iterator of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IteratorId(pub u32);

/// Index of a captured variable of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellId(pub u32);

/// Something that the host (the build stage) owns. The machine never looks inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostRef {
    /// What it is, as the host numbers the kinds.
    pub kind: u8,
    /// Which one of that kind.
    pub index: u32,
}

impl Value {
    /// `undefined`
    pub const UNDEFINED: Value = Value::Frozen(Data::Undefined);
    /// `null`
    pub const NULL: Value = Value::Frozen(Data::Null);
    /// `true`
    pub const TRUE: Value = Value::Frozen(Data::Boolean(true));
    /// `false`
    pub const FALSE: Value = Value::Frozen(Data::Boolean(false));

    /// A number.
    pub fn number(number: f64) -> Value {
        Value::Frozen(Data::Number(number))
    }

    /// A boolean.
    pub fn boolean(boolean: bool) -> Value {
        Value::Frozen(Data::Boolean(boolean))
    }

    /// A text.
    pub fn text(text: impl Into<Text>) -> Value {
        Value::Frozen(Data::Text(text.into()))
    }

    /// The number, where this is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Frozen(Data::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Value::Frozen(Data::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `undefined`.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Frozen(Data::Undefined))
    }

    /// Whether this is `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Frozen(Data::Undefined | Data::Null))
    }

    /// Whether it can be called.
    pub fn is_function(&self) -> bool {
        matches!(
            self,
            Value::Closure(_) | Value::Native(_) | Value::Frozen(Data::Function(_))
        )
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Value {
        Value::Frozen(data)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Value {
        Value::boolean(boolean)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::number(number)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::Frozen(Data::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_16_bytes() {
        assert_eq!(std::mem::size_of::<Data>(), 16);
        assert_eq!(std::mem::size_of::<Value>(), 16);
    }
}
