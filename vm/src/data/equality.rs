//! Equality and hash of data: one canonical meaning for tests, deduplication and state hashes.
//!
//! Guarantees: equal values have equal encodings. NaN equals NaN; 0 and -0 differ, as do objects
//! whose properties stand in another order (a script can see both).

use super::{Capture, Data};

impl PartialEq for Data {
    fn eq(&self, other: &Data) -> bool {
        match (self, other) {
            (Data::Undefined, Data::Undefined) | (Data::Null, Data::Null) => true,
            (Data::Boolean(left), Data::Boolean(right)) => left == right,
            (Data::Number(left), Data::Number(right)) | (Data::Date(left), Data::Date(right)) => {
                left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
            }
            (Data::Text(left), Data::Text(right)) => left == right,
            (Data::Array(left), Data::Array(right)) => {
                left.items == right.items && same_named(left.named(), right.named())
            }
            (Data::RegExp(left), Data::RegExp(right)) => left == right,
            (Data::Object(left), Data::Object(right)) => {
                left.properties.iter().eq(right.properties.iter())
            }
            (Data::Error(left), Data::Error(right)) => {
                left.kind == right.kind && left.properties.iter().eq(right.properties.iter())
            }
            (Data::Map(left), Data::Map(right)) => left.entries == right.entries,
            (Data::Set(left), Data::Set(right)) => left.values == right.values,
            (Data::Address(left), Data::Address(right)) => left == right,
            (Data::Symbolic(left), Data::Symbolic(right)) => left == right,
            (Data::Function(left), Data::Function(right)) => {
                left.function == right.function && left.captures == right.captures
            }
            _ => false,
        }
    }
}

fn same_named(
    left: Option<&super::PropertyTable<Data>>,
    right: Option<&super::PropertyTable<Data>>,
) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => left.iter().eq(right.iter()),
        (left, right) => left.is_none() && right.is_none(),
    }
}

impl PartialEq for Capture {
    fn eq(&self, other: &Capture) -> bool {
        match (self, other) {
            (Capture::Cell(left), Capture::Cell(right)) => left == right,
            (Capture::Value(left), Capture::Value(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Data {}

impl Data {
    /// A hash of the canonical encoding.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.encode()).as_bytes()
    }
}
