//! The heap of one turn: everything mutable that a script makes.
//!
//! Before: object and array literals, closures, built-ins. After: `freeze`; then all of it is
//! dropped at once. Guarantees: no reference counts between objects, so cycles are no problem and
//! dropping never recurses; what is allocated is charged by the machine, not here.

mod keyed;

use std::sync::Arc;

use crate::bytecode::FunctionIndex;
use crate::data::{ErrorKind, ObjectData, PropertyTable};
use crate::regex::RegExpData;
use crate::steps::Steps;
use crate::text::Text;
use crate::value::{ArrayId, CellId, ClosureId, IteratorId, ObjectId, Value};

pub(crate) use keyed::{FrozenIndex, place_of};
pub use keyed::{KeyedEntries, MapKey};

/// All mutable things of one turn.
#[derive(Debug, Default)]
pub struct Heap<'p> {
    objects: Vec<HeapObject<'p>>,
    arrays: Vec<Vec<Value<'p>>>,
    closures: Vec<Closure<'p>>,
    cells: Vec<Value<'p>>,
    iterators: Vec<IteratorState<'p>>,
    /// What matches hold besides their items, by array, in the order of their ids.
    named: Vec<(ArrayId, PropertyTable<Value<'p>>)>,
    /// What `Object.freeze` was called on: objects and arrays that can not be written to.
    locked: Option<std::collections::BTreeSet<(bool, u64)>>,
}

/// An object: what it is, and its own properties.
#[derive(Debug)]
pub struct HeapObject<'p> {
    /// What kind of object.
    pub kind: ObjectKind<'p>,
    /// Its own properties, but for those of its base.
    pub properties: PropertyTable<Value<'p>>,
    /// A large frozen object whose properties it has as well, before its own: what was spread first
    /// into a literal. Its own win.
    pub base: Option<&'p Arc<ObjectData>>,
}

/// The kinds of object.
#[derive(Debug)]
pub enum ObjectKind<'p> {
    /// `{}`
    Plain,
    /// An error.
    Error(ErrorKind),
    /// A `Date`: milliseconds since 1970 UTC, or NaN.
    Date(f64),
    /// A regular expression, and its `lastIndex`, which may be any value.
    RegExp(Arc<RegExpData>, Value<'p>),
    /// A `Map`: keys and values in the order of insertion.
    Map(Box<KeyedEntries<'p>>),
    /// A `Set`: values in the order of insertion; the value of each entry is unused.
    Set(Box<KeyedEntries<'p>>),
}

/// A function and the cells that it captured.
#[derive(Debug)]
pub struct Closure<'p> {
    /// Its steps: calls find them at once.
    pub(crate) steps: &'p Steps,
    /// Its captured variables: `Value::Cell`, or the value itself where nobody assigns it.
    pub captures: Box<[Value<'p>]>,
}

impl Closure<'_> {
    /// Which function of the code it is.
    pub fn function(&self) -> FunctionIndex {
        self.steps.index
    }
}

/// An iteration in progress.
#[derive(Clone, Debug)]
pub struct IteratorState<'p> {
    /// What is iterated.
    pub source: Value<'p>,
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

impl<'p> HeapObject<'p> {
    /// A plain object.
    pub fn plain(properties: PropertyTable<Value<'p>>) -> HeapObject<'p> {
        HeapObject {
            kind: ObjectKind::Plain,
            properties,
            base: None,
        }
    }

    /// The value of a property.
    pub fn get(&self, key: &Text) -> Option<Value<'p>> {
        if let Some(value) = self.properties.get(key) {
            return Some(*value);
        }
        self.base?.properties().get(key).map(Value::of)
    }

    /// Whether it has no properties.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.base.is_none()
    }

    /// Its own properties and those of its base.
    pub fn all_properties(&self) -> PropertyTable<Value<'p>> {
        let Some(base) = self.base else {
            return self.properties.clone();
        };
        let mut all = base.properties().map(Value::of);
        for (key, value) in self.properties.iter() {
            all.insert(key.clone(), *value);
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

impl<'p> Heap<'p> {
    /// Adds an object.
    pub fn add_object(&mut self, object: HeapObject<'p>) -> ObjectId {
        self.objects.push(object);
        ObjectId(self.objects.len() as u64 - 1)
    }

    /// Adds an array.
    pub fn add_array(&mut self, items: Vec<Value<'p>>) -> ArrayId {
        self.arrays.push(items);
        ArrayId(self.arrays.len() as u64 - 1)
    }

    /// Adds a closure.
    pub fn add_closure(&mut self, closure: Closure<'p>) -> ClosureId {
        self.closures.push(closure);
        ClosureId(self.closures.len() as u64 - 1)
    }

    /// Adds a captured variable.
    pub fn add_cell(&mut self, value: Value<'p>) -> CellId {
        self.cells.push(value);
        CellId(self.cells.len() as u64 - 1)
    }

    /// Adds an iterator.
    pub fn add_iterator(&mut self, state: IteratorState<'p>) -> IteratorId {
        self.iterators.push(state);
        IteratorId(self.iterators.len() as u64 - 1)
    }

    /// An object.
    pub fn object(&self, id: ObjectId) -> &HeapObject<'p> {
        &self.objects[id.0 as usize]
    }

    /// An object, to change it.
    pub fn object_mut(&mut self, id: ObjectId) -> &mut HeapObject<'p> {
        &mut self.objects[id.0 as usize]
    }

    /// The items of an array.
    pub fn array(&self, id: ArrayId) -> &[Value<'p>] {
        &self.arrays[id.0 as usize]
    }

    /// The items of an array, to change them.
    pub fn array_mut(&mut self, id: ArrayId) -> &mut Vec<Value<'p>> {
        &mut self.arrays[id.0 as usize]
    }

    /// Gives an array properties besides its items: those of a match.
    pub fn name_parts(&mut self, id: ArrayId, named: PropertyTable<Value<'p>>) {
        match self.named.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.named[at].1 = named,
            Err(at) => self.named.insert(at, (id, named)),
        }
    }

    /// What an array holds besides its items.
    #[inline]
    pub fn named(&self, id: ArrayId) -> Option<&PropertyTable<Value<'p>>> {
        if self.named.is_empty() {
            return None;
        }
        let at = self.named.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.named[at].1)
    }

    /// A closure.
    pub fn closure(&self, id: ClosureId) -> &Closure<'p> {
        &self.closures[id.0 as usize]
    }

    /// The value of a captured variable.
    pub fn cell(&self, id: CellId) -> &Value<'p> {
        &self.cells[id.0 as usize]
    }

    /// Sets a captured variable.
    pub fn set_cell(&mut self, id: CellId, value: Value<'p>) {
        self.cells[id.0 as usize] = value;
    }

    /// An iterator.
    pub fn iterator(&self, id: IteratorId) -> &IteratorState<'p> {
        &self.iterators[id.0 as usize]
    }

    /// An iterator, to advance it.
    pub fn iterator_mut(&mut self, id: IteratorId) -> &mut IteratorState<'p> {
        &mut self.iterators[id.0 as usize]
    }

    /// Whether it has no room that another turn could use.
    pub(crate) fn has_no_room(&self) -> bool {
        self.objects.capacity() == 0
            && self.arrays.capacity() == 0
            && self.closures.capacity() == 0
            && self.cells.capacity() == 0
            && self.iterators.capacity() == 0
    }

    /// How many objects and arrays there are.
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.objects.len(), self.arrays.len())
    }

    /// Forgets the objects and arrays that were made since then. Nothing may lead to them.
    pub(crate) fn forget_since(&mut self, (objects, arrays): (usize, usize)) {
        self.objects.truncate(objects);
        self.arrays.truncate(arrays);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.objects.clear();
        self.arrays.clear();
        self.closures.clear();
        self.cells.clear();
        self.iterators.clear();
        self.named.clear();
        self.locked = None;
    }

    /// The same memory with nothing in it, for another turn.
    pub(crate) fn emptied(self) -> Heap<'static> {
        Heap {
            objects: emptied(self.objects),
            arrays: emptied(self.arrays),
            closures: emptied(self.closures),
            cells: emptied(self.cells),
            iterators: emptied(self.iterators),
            named: emptied(self.named),
            ..Heap::default()
        }
    }

    /// Makes writing to an object or array an error from now on.
    pub fn lock(&mut self, value: &Value<'p>) {
        self.locked.get_or_insert_default().extend(lock_key(value));
    }

    /// Whether writing to a value is an error because it was locked.
    #[inline]
    pub fn is_locked(&self, value: &Value<'p>) -> bool {
        let is_in = |locked: &std::collections::BTreeSet<_>| {
            lock_key(value).is_some_and(|key| locked.contains(&key))
        };
        self.locked.as_ref().is_some_and(is_in)
    }
}

/// A vector of more things than this is not kept for another turn.
const KEPT_MAX: usize = 4_096;

/// An empty vector in the memory of another one: things of one kind differ in what they borrow alone.
pub(crate) fn emptied<A, B>(mut things: Vec<A>) -> Vec<B> {
    if things.capacity() == 0 || things.capacity() > KEPT_MAX {
        return Vec::new();
    }
    things.clear();
    things.into_iter().map_while(|_| None).collect()
}

fn lock_key<'p>(value: &Value<'p>) -> Option<(bool, u64)> {
    match value {
        Value::Object(id) => Some((false, id.0)),
        Value::Array(id) => Some((true, id.0)),
        _ => None,
    }
}
