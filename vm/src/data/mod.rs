//! Data: immutable values that outlive a turn (messages, state, config, constants, captures).
//!
//! Before: JSON, the codec, `freeze`. After: workers, envelopes, the machine, which reads it in place.
//! Guarantees: a tree behind `Arc`, `Send + Sync`, 16 bytes a value; its depth is bounded when it is
//! made, so that recursion over it and its drop are bounded; cheap to clone. It never changes.

mod codec;
mod equality;
mod json;
mod properties;
mod sequence;
mod shared;
mod symbolic;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytecode::FunctionIndex;
use crate::heap::{FrozenIndex, place_of};
use crate::regex::{Flags, RegExpData};
use crate::text::Text;
use crate::value::Value;

pub use codec::DecodeError;
pub use json::{JsonError, parse_json, quote_json};
pub(crate) use json::{Make, read_json, write_quoted};
pub(crate) use properties::Guess;
pub use properties::PropertyTable;

/// No data nests deeper than this, whatever the configured limit: drop and walks stay bounded.
pub const DEPTH_MAX: u16 = 256;

/// An immutable value.
#[derive(Clone, Debug, Default)]
pub enum Data {
    /// `undefined`
    #[default]
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A double. There is one NaN.
    Number(f64),
    /// A string.
    Text(Text),
    /// An array without holes.
    Array(Arc<ArrayData>),
    /// An object with string keys.
    Object(Arc<ObjectData>),
    /// An error value.
    Error(Arc<ErrorData>),
    /// A `Date`: milliseconds since 1970 UTC, or NaN.
    Date(f64),
    /// A `Map`, in the order of insertion.
    Map(Arc<MapData>),
    /// A `Set`, in the order of insertion.
    Set(Arc<SetData>),
    /// A regular expression.
    RegExp(Arc<RegExpData>),
    /// The address of a worker or service.
    Address(Arc<Address>),
    /// An address that is known only in a running instance.
    Symbolic(Symbolic),
    /// A function with what it captured. Refused in state and messages.
    Function(Arc<FunctionData>),
}

/// Where a worker or service is reached, inside one namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Name of the worker or service.
    pub name: String,
    /// Key of the instance; `None` is the bare name.
    pub key: Option<String>,
}

/// An address that stands in a program for one that a running instance knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Symbolic {
    /// The instance itself.
    Itself,
    /// Its outbox.
    Outbox,
    /// A spawned child, by the slot that the program gave it.
    Child(u32),
    /// Any other slot of the running instance, as the lowering numbers them.
    Slot(u32),
}

/// What is known of a value without walking it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Levels of nesting: 0 for a scalar.
    pub depth: u16,
    /// Bytes as a tree: a part that is shared counts each time.
    pub byte_count: u32,
    /// Whether a symbolic address is somewhere inside.
    pub has_symbolic: bool,
    /// Whether a function is somewhere inside.
    pub has_function: bool,
    /// Whether normalising it as a message would change it or refuse it.
    pub needs_normalising: bool,
}

/// Items of an array.
#[derive(Debug)]
pub struct ArrayData {
    items: Vec<Data>,
    /// What a match holds besides its items: `index`, `input`, `groups`, `indices`.
    named: Option<Box<PropertyTable<Data>>>,
    shape: Shape,
}

/// Properties of an object.
#[derive(Debug)]
pub struct ObjectData {
    properties: PropertyTable<Data>,
    shape: Shape,
    /// The shape of each part of a large object, so that one made from it looks only at what differs.
    parts: Box<[Shape]>,
}

/// An error value: `name`, `message`, `cause` and what a script put on it.
#[derive(Debug)]
pub struct ErrorData {
    /// `Error`, `TypeError`, …
    pub kind: ErrorKind,
    /// Its own properties, `message` among them where it has one.
    properties: PropertyTable<Data>,
    shape: Shape,
}

/// Entries of a `Map`.
#[derive(Debug)]
pub struct MapData {
    entries: Vec<(Data, Data)>,
    index: FrozenIndex,
    shape: Shape,
}

/// Values of a `Set`.
#[derive(Debug)]
pub struct SetData {
    values: Vec<Data>,
    index: FrozenIndex,
    shape: Shape,
}

/// A function and its captures.
#[derive(Debug)]
pub struct FunctionData {
    /// Which function of the program.
    pub function: FunctionIndex,
    /// What its captured variables hold.
    pub captures: Vec<Capture>,
    shape: Shape,
}

/// One captured variable of a frozen function.
#[derive(Clone, Debug)]
pub enum Capture {
    /// A cell of the program's table: may be reached from itself.
    Cell(u32),
    /// The value itself.
    Value(Data),
}

/// The kinds of error of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ErrorKind {
    /// `Error`
    Error,
    /// `TypeError`
    TypeError,
    /// `RangeError`
    RangeError,
    /// `SyntaxError`
    SyntaxError,
    /// `ReferenceError`
    ReferenceError,
    /// `EvalError`
    EvalError,
    /// `URIError`
    UriError,
}

/// A value that nests too deep to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the value nests deeper than {DEPTH_MAX} levels")]
pub struct TooDeep;

impl ErrorKind {
    /// All kinds.
    pub const ALL: [ErrorKind; 7] = [
        ErrorKind::Error,
        ErrorKind::TypeError,
        ErrorKind::RangeError,
        ErrorKind::SyntaxError,
        ErrorKind::ReferenceError,
        ErrorKind::EvalError,
        ErrorKind::UriError,
    ];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Error => "Error",
            ErrorKind::TypeError => "TypeError",
            ErrorKind::RangeError => "RangeError",
            ErrorKind::SyntaxError => "SyntaxError",
            ErrorKind::ReferenceError => "ReferenceError",
            ErrorKind::EvalError => "EvalError",
            ErrorKind::UriError => "URIError",
        }
    }
}

/// Whether a message may hold the number as it is: it is finite and not -0.
#[inline]
pub(crate) fn is_normal(number: f64) -> bool {
    number.is_finite() && (number != 0.0 || number.is_sign_positive())
}

impl Shape {
    const TEXT_OVERHEAD: u32 = 16;

    fn container() -> Shape {
        Shape {
            depth: 1,
            byte_count: 32,
            ..Shape::default()
        }
    }

    fn include(&mut self, child: Shape) {
        self.depth = self.depth.max(child.depth.saturating_add(1));
        self.byte_count = self.byte_count.saturating_add(child.byte_count);
        self.has_symbolic |= child.has_symbolic;
        self.has_function |= child.has_function;
        self.needs_normalising |= child.needs_normalising;
    }

    #[inline]
    fn include_key(&mut self, key: &Text) {
        self.include_bytes(key.byte_size(), 8);
    }

    /// Adds a property.
    #[inline]
    fn include_property(&mut self, key: &Text, value: &Data) {
        self.include_key(key);
        self.include_value(value);
    }

    #[inline]
    fn include_value(&mut self, value: &Data) {
        match value {
            // Most values are one of these, and alter nothing else that is known.
            Data::Text(text) => self.include_bytes(text.byte_size(), Shape::TEXT_OVERHEAD),
            Data::Number(number) if is_normal(*number) => self.include_bytes(8, 0),
            value => self.include(value.shape()),
        }
    }

    #[inline]
    fn include_bytes(&mut self, bytes: usize, more: u32) {
        let bytes = (bytes as u32).saturating_add(more);
        self.byte_count = self.byte_count.saturating_add(bytes);
    }

    fn checked(self) -> Result<Shape, TooDeep> {
        if self.depth > DEPTH_MAX {
            Err(TooDeep)
        } else {
            Ok(self)
        }
    }
}

impl Data {
    /// A text.
    pub fn text(text: impl Into<Text>) -> Data {
        Data::Text(text.into())
    }

    /// An array.
    pub fn array(items: Vec<Data>) -> Result<Data, TooDeep> {
        let mut shape = Shape::container();
        items.iter().for_each(|item| shape.include_value(item));
        Ok(Data::Array(Arc::new(ArrayData {
            items,
            named: None,
            shape: shape.checked()?,
        })))
    }

    /// An array with properties besides its items, as a match of a regular expression is.
    pub fn array_with(items: Vec<Data>, named: PropertyTable<Data>) -> Result<Data, TooDeep> {
        if named.is_empty() {
            return Data::array(items);
        }
        let mut shape = table_shape(&named)?;
        items.iter().for_each(|item| shape.include(item.shape()));
        // A message keeps the items alone.
        shape.needs_normalising = true;
        Ok(Data::Array(Arc::new(ArrayData {
            items,
            named: Some(Box::new(named)),
            shape: shape.checked()?,
        })))
    }

    /// A regular expression.
    pub fn regular_expression(source: Text, flags: Flags) -> Data {
        Data::RegExp(Arc::new(RegExpData::new(source, flags)))
    }

    /// An object; its properties are brought into JavaScript's order.
    pub fn object(properties: PropertyTable<Data>) -> Result<Data, TooDeep> {
        Ok(Data::Object(ObjectData::new(properties)?))
    }

    /// An object from pairs.
    pub fn object_from<const N: usize>(pairs: [(&str, Data); N]) -> Result<Data, TooDeep> {
        Data::object(
            pairs
                .into_iter()
                .map(|(key, value)| (Text::from(key), value))
                .collect(),
        )
    }

    /// An error value.
    pub fn error(kind: ErrorKind, mut properties: PropertyTable<Data>) -> Result<Data, TooDeep> {
        properties.normalise();
        let mut shape = table_shape(&properties)?;
        shape.needs_normalising = true;
        Ok(Data::Error(Arc::new(ErrorData {
            kind,
            properties,
            shape,
        })))
    }

    /// A `Map` from entries whose keys differ.
    pub fn map(entries: Vec<(Data, Data)>) -> Result<Data, TooDeep> {
        Data::map_with(entries, FrozenIndex::default())
    }

    /// The same with its index.
    pub(crate) fn map_with(
        entries: Vec<(Data, Data)>,
        index: FrozenIndex,
    ) -> Result<Data, TooDeep> {
        let mut shape = Shape {
            needs_normalising: true,
            ..Shape::container()
        };
        for (key, value) in &entries {
            shape.include_value(key);
            shape.include_value(value);
        }
        Ok(Data::Map(Arc::new(MapData {
            entries,
            index,
            shape: shape.checked()?,
        })))
    }

    /// A `Set` from values that differ.
    pub fn set(values: Vec<Data>) -> Result<Data, TooDeep> {
        Data::set_with(values, FrozenIndex::default())
    }

    /// The same with its index.
    pub(crate) fn set_with(values: Vec<Data>, index: FrozenIndex) -> Result<Data, TooDeep> {
        let mut shape = Shape {
            needs_normalising: true,
            ..Shape::container()
        };
        values.iter().for_each(|value| shape.include_value(value));
        Ok(Data::Set(Arc::new(SetData {
            values,
            index,
            shape: shape.checked()?,
        })))
    }

    /// A function with its captures.
    pub fn function(function: FunctionIndex, captures: Vec<Capture>) -> Result<Data, TooDeep> {
        let mut shape = Shape {
            has_function: true,
            needs_normalising: true,
            ..Shape::container()
        };
        for capture in &captures {
            if let Capture::Value(value) = capture {
                shape.include(value.shape());
            }
        }
        Ok(Data::Function(Arc::new(FunctionData {
            function,
            captures,
            shape: shape.checked()?,
        })))
    }

    /// The address of a bare name.
    pub fn address(name: &str) -> Data {
        Data::Address(Arc::new(Address {
            name: name.to_owned(),
            key: None,
        }))
    }

    /// What is known of the value without walking it.
    pub fn shape(&self) -> Shape {
        let scalar = |byte_count, needs_normalising| Shape {
            byte_count,
            needs_normalising,
            ..Shape::default()
        };
        match self {
            Data::Undefined | Data::Date(_) => scalar(8, true),
            Data::Null | Data::Boolean(_) => scalar(8, false),
            Data::Number(number) => scalar(8, !is_normal(*number)),
            Data::Text(text) => scalar(
                (text.byte_size() as u32).saturating_add(Shape::TEXT_OVERHEAD),
                false,
            ),
            Data::Array(array) => array.shape,
            Data::Object(object) => object.shape,
            Data::Error(error) => error.shape,
            Data::Map(map) => map.shape,
            Data::Set(set) => set.shape,
            Data::Address(address) => scalar(
                (address.name.len() + address.key.as_ref().map_or(0, String::len)) as u32 + 16,
                false,
            ),
            Data::Symbolic(_) => Shape {
                has_symbolic: true,
                ..scalar(8, false)
            },
            Data::Function(function) => function.shape,
            Data::RegExp(expression) => scalar(expression.byte_count(), true),
        }
    }

    /// Whether a symbolic address is somewhere inside.
    #[inline]
    pub fn has_symbolic(&self) -> bool {
        match self {
            Data::Array(array) => array.shape.has_symbolic,
            Data::Object(object) => object.shape.has_symbolic,
            Data::Error(error) => error.shape.has_symbolic,
            Data::Map(map) => map.shape.has_symbolic,
            Data::Set(set) => set.shape.has_symbolic,
            Data::Function(function) => function.shape.has_symbolic,
            Data::Symbolic(_) => true,
            _ => false,
        }
    }

    /// The value of a property, where this is an object that has it.
    pub fn property(&self, key: &str) -> Option<&Data> {
        match self {
            Data::Object(object) => object.properties.get(&Text::from(key)),
            _ => None,
        }
    }

    /// The items, where this is an array.
    pub fn as_array(&self) -> Option<&[Data]> {
        match self {
            Data::Array(array) => Some(&array.items),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a condition takes the value as true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Data::Undefined | Data::Null => false,
            Data::Boolean(boolean) => *boolean,
            Data::Number(number) => *number != 0.0 && !number.is_nan(),
            Data::Text(text) => !text.is_empty(),
            _ => true,
        }
    }

    /// Whether this is `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Data::Undefined | Data::Null)
    }
}

fn table_shape(properties: &PropertyTable<Data>) -> Result<Shape, TooDeep> {
    let mut shape = Shape::container();
    for (key, value) in properties.iter() {
        shape.include_property(key, value);
    }
    shape.checked()
}

impl ArrayData {
    /// The items.
    pub fn items(&self) -> &[Data] {
        &self.items
    }

    /// What it holds besides its items, where it is a match.
    pub fn named(&self) -> Option<&PropertyTable<Data>> {
        self.named.as_deref()
    }
}

impl ErrorData {
    /// The error's own properties.
    pub fn properties(&self) -> &PropertyTable<Data> {
        &self.properties
    }
}

impl MapData {
    /// The entries, in the order of insertion.
    pub fn entries(&self) -> &[(Data, Data)] {
        &self.entries
    }

    pub(crate) fn index(&self) -> &FrozenIndex {
        &self.index
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &Value<'_>) -> Option<&Data> {
        let place = place_of(&self.entries, |(key, _)| key, &self.index, key)?;
        Some(&self.entries[place].1)
    }
}

impl SetData {
    /// The values, in the order of insertion.
    pub fn values(&self) -> &[Data] {
        &self.values
    }

    /// The value that is the same as another.
    pub(crate) fn get(&self, value: &Value<'_>) -> Option<&Data> {
        let place = place_of(&self.values, |value| value, &self.index, value)?;
        Some(&self.values[place])
    }
}

impl Address {
    /// The address of a bare name.
    pub fn bare(name: impl Into<String>) -> Address {
        Address {
            name: name.into(),
            key: None,
        }
    }

    /// The address of an instance.
    pub fn keyed(name: impl Into<String>, key: impl Into<String>) -> Address {
        Address {
            name: name.into(),
            key: Some(key.into()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(formatter, "{}/{}", self.name, key),
            None => formatter.write_str(&self.name),
        }
    }
}

impl std::str::FromStr for Address {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Address, Self::Err> {
        Ok(match text.split_once('/') {
            Some((name, key)) => Address::keyed(name, key),
            None => Address::bare(text),
        })
    }
}

impl From<bool> for Data {
    fn from(boolean: bool) -> Data {
        Data::Boolean(boolean)
    }
}

impl From<f64> for Data {
    fn from(number: f64) -> Data {
        Data::Number(if number.is_nan() { f64::NAN } else { number })
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Data {
        Data::Text(Text::from(text))
    }
}

impl From<Text> for Data {
    fn from(text: Text) -> Data {
        Data::Text(text)
    }
}

impl From<Address> for Data {
    fn from(address: Address) -> Data {
        Data::Address(Arc::new(address))
    }
}

#[cfg(test)]
mod tests;
