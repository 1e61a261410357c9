//! The heap of one turn: everything mutable that a script makes.
//!
//! Before: object and array literals, closures, built-ins. After: `freeze`; then all of it is
//! dropped at once. Guarantees: no reference counts between objects, so cycles are no problem and
//! dropping never recurses; what is allocated is charged by the machine, not here.

mod keyed;

use std::convert::Infallible;
use std::sync::Arc;

use crate::bytecode::FunctionIndex;
use crate::data::{Data, ErrorKind, ObjectData, PropertyTable};
use crate::regex::RegExpData;
use crate::text::Text;
use crate::value::{ArrayId, CellId, ClosureId, IteratorId, ObjectId, Value};

pub use keyed::{KeyedEntries, MapKey};

/// All mutable things of one turn.
#[derive(Debug, Default)]
pub struct Heap {
    objects: Vec<HeapObject>,
    arrays: Vec<Vec<Value>>,
    closures: Vec<Closure>,
    cells: Vec<Value>,
    iterators: Vec<IteratorState>,
    /// What matches hold besides their items, by array.
    named: std::collections::BTreeMap<u32, PropertyTable<Value>>,
    /// What `Object.freeze` was called on: objects and arrays that can not be written to.
    locked: std::collections::BTreeSet<(bool, u32)>,
}

/// An object: what it is, and its own properties.
#[derive(Debug)]
pub struct HeapObject {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Its own properties, but for those of its base.
    pub properties: PropertyTable<Value>,
    /// A large frozen object whose properties it has as well, before its own: what was spread first
    /// into a literal. Its own win.
    pub base: Option<Arc<ObjectData>>,
}

/// The kinds of object.
#[derive(Debug)]
pub enum ObjectKind {
    /// `{}`
    Plain,
    /// An error.
    Error(ErrorKind),
    /// A `Date`: milliseconds since 1970 UTC, or NaN.
    Date(f64),
    /// A regular expression, and its `lastIndex`, which may be any value.
    RegExp(Arc<RegExpData>, Value),
    /// A `Map`: keys and values in the order of insertion.
    Map(KeyedEntries),
    /// A `Set`: values in the order of insertion; the value of each entry is unused.
    Set(KeyedEntries),
}

/// A function and the cells that it captured.
#[derive(Debug)]
pub struct Closure {
    /// Which function of the code.
    pub function: FunctionIndex,
    /// Its captured variables: `Value::Cell`, or the value itself where nobody assigns it.
    pub captures: Box<[Value]>,
}

/// An iteration in progress.
#[derive(Clone, Debug)]
pub struct IteratorState {
    /// What is iterated.
    pub source: Value,
    /// What each step gives.
    pub kind: IteratorKind,
    /// The next place.
    pub next: usize,
}

/// What a step of an iteration gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IteratorKind {
    /// Items of an array, code points of a text, values of a set.
    Values,
    /// Indices of an array, keys of a map.
    Keys,
    /// Pairs of both.
    Entries,
    /// Keys of an object for `for…in`: the source is an array of keys, the second the object.
    PropertyNames(ObjectOrNothing),
}

/// The object whose keys a `for…in` walks, where keys may vanish meanwhile.
pub type ObjectOrNothing = Option<ObjectId>;

impl HeapObject {
    /// A plain object.
    pub fn plain(properties: PropertyTable<Value>) -> HeapObject {
        HeapObject {
            kind: ObjectKind::Plain,
            properties,
            base: None,
        }
    }

    /// The value of a property.
    pub fn get(&self, key: &Text) -> Option<Value> {
        if let Some(value) = self.properties.get(key) {
            return Some(value.clone());
        }
        let value = self.base.as_ref()?.properties().get(key)?;
        Some(Value::Frozen(value.clone()))
    }

    /// Whether it has no properties.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.base.is_none()
    }

    /// Its own properties and those of its base.
    pub fn all_properties(&self) -> PropertyTable<Value> {
        let Some(base) = &self.base else {
            return self.properties.clone();
        };
        let frozen = |value: &Data| Ok::<_, Infallible>(Value::Frozen(value.clone()));
        let mut all = match base.properties().try_map(frozen) {
            Ok(all) => all,
            Err(never) => match never {},
        };
        for (key, value) in self.properties.iter() {
            all.insert(key.clone(), value.clone());
        }
        all
    }

    /// Makes the properties of its base its own.
    pub fn settle(&mut self) {
        if self.base.is_some() {
            self.properties = self.all_properties();
            self.base = None;
        }
    }
}

impl Heap {
    /// Adds an object.
    pub fn add_object(&mut self, object: HeapObject) -> ObjectId {
        self.objects.push(object);
        ObjectId(self.objects.len() as u32 - 1)
    }

    /// Adds an array.
    pub fn add_array(&mut self, items: Vec<Value>) -> ArrayId {
        self.arrays.push(items);
        ArrayId(self.arrays.len() as u32 - 1)
    }

    /// Adds a closure.
    pub fn add_closure(&mut self, closure: Closure) -> ClosureId {
        self.closures.push(closure);
        ClosureId(self.closures.len() as u32 - 1)
    }

    /// Adds a captured variable.
    pub fn add_cell(&mut self, value: Value) -> CellId {
        self.cells.push(value);
        CellId(self.cells.len() as u32 - 1)
    }

    /// Adds an iterator.
    pub fn add_iterator(&mut self, state: IteratorState) -> IteratorId {
        self.iterators.push(state);
        IteratorId(self.iterators.len() as u32 - 1)
    }

    /// An object.
    pub fn object(&self, id: ObjectId) -> &HeapObject {
        &self.objects[id.0 as usize]
    }

    /// An object, to change it.
    pub fn object_mut(&mut self, id: ObjectId) -> &mut HeapObject {
        &mut self.objects[id.0 as usize]
    }

    /// The items of an array.
    pub fn array(&self, id: ArrayId) -> &[Value] {
        &self.arrays[id.0 as usize]
    }

    /// The items of an array, to change them.
    pub fn array_mut(&mut self, id: ArrayId) -> &mut Vec<Value> {
        &mut self.arrays[id.0 as usize]
    }

    /// Gives an array properties besides its items: those of a match.
    pub fn name_parts(&mut self, id: ArrayId, named: PropertyTable<Value>) {
        self.named.insert(id.0, named);
    }

    /// What an array holds besides its items.
    #[inline]
    pub fn named(&self, id: ArrayId) -> Option<&PropertyTable<Value>> {
        if self.named.is_empty() {
            return None;
        }
        self.named.get(&id.0)
    }

    /// A closure.
    pub fn closure(&self, id: ClosureId) -> &Closure {
        &self.closures[id.0 as usize]
    }

    /// The value of a captured variable.
    pub fn cell(&self, id: CellId) -> &Value {
        &self.cells[id.0 as usize]
    }

    /// Sets a captured variable.
    pub fn set_cell(&mut self, id: CellId, value: Value) {
        self.cells[id.0 as usize] = value;
    }

    /// An iterator.
    pub fn iterator(&self, id: IteratorId) -> &IteratorState {
        &self.iterators[id.0 as usize]
    }

    /// An iterator, to advance it.
    pub fn iterator_mut(&mut self, id: IteratorId) -> &mut IteratorState {
        &mut self.iterators[id.0 as usize]
    }

    /// Forgets everything and keeps the memory for the next turn.
    pub fn clear(&mut self) {
        self.objects.clear();
        self.arrays.clear();
        self.closures.clear();
        self.cells.clear();
        self.iterators.clear();
        if !self.named.is_empty() {
            self.named.clear();
        }
        if !self.locked.is_empty() {
            self.locked.clear();
        }
    }

    /// Makes writing to an object or array an error from now on.
    pub fn lock(&mut self, value: &Value) {
        self.locked.extend(lock_key(value));
    }

    /// Whether writing to a value is an error because it was locked.
    #[inline]
    pub fn is_locked(&self, value: &Value) -> bool {
        !self.locked.is_empty() && lock_key(value).is_some_and(|key| self.locked.contains(&key))
    }
}

fn lock_key(value: &Value) -> Option<(bool, u32)> {
    match value {
        Value::Object(id) => Some((false, id.0)),
        Value::Array(id) => Some((true, id.0)),
        _ => None,
    }
}
