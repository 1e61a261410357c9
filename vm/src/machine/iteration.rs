//! Iteration: `for…of`, `for…in`, spread, array patterns.
//!
//! Before: `dispatch`, built-ins. Guarantees: arrays are iterated as they are at each step, texts by
//! code points, maps and sets in the order of insertion; there are no user-made iterators.

use super::Machine;
use super::stack::Window;
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::heap::{Heap, IteratorKind, IteratorState, ObjectKind};
use crate::host::Misuse;
use crate::steps::Register;
use crate::text::Text;
use crate::value::{IteratorId, Value};

/// Puts the next item of an array that a slot's iterator goes over into a register, and tells whether
/// there is one. Most loops are over the items of an array; of others it tells nothing.
#[inline]
pub(super) fn next_item<'p>(
    window: &mut Window<'_, 'p>,
    heap: &mut Heap<'p>,
    to: Register,
    slot: Register,
) -> Option<bool> {
    let Value::Iterator(id) = window[slot] else {
        return None;
    };
    let state = heap.iterator(id);
    let at = state.next;
    let item = match (state.source, state.kind) {
        (Value::Array(array), IteratorKind::Values) => heap.array(array).get(at).copied(),
        (Value::Frozen(Data::Array(array)), IteratorKind::Values) => {
            array.items().get(at).map(Value::of)
        }
        _ => return None,
    };
    let Some(item) = item else {
        return Some(false);
    };
    window.set(to, item);
    heap.iterator_mut(id).next = at + 1;
    Some(true)
}

impl<'p> Machine<'p> {
    pub(super) fn iteration(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::Iterate => {
                let source = self.pop();
                let iterator = self.iterate(&source)?;
                self.push(iterator);
            }
            Instruction::IterateKeys => {
                let source = self.pop();
                let iterator = self.iterate_keys(&source)?;
                self.push(iterator);
            }
            Instruction::IterateNextOrUndefined(slot) => {
                let value = self.next_of_slot(slot)?.unwrap_or(Value::Undefined);
                self.push(value);
            }
            Instruction::IterateRest(slot) => {
                let mut rest = Vec::new();
                while let Some(value) = self.next_of_slot(slot)? {
                    self.spend(1)?;
                    self.charge(16)?;
                    rest.push(value);
                }
                let array = self.new_array(rest)?;
                self.push(array);
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts the next value of a slot's iterator into a place of the stack; false at its end.
    pub(super) fn iterate_into(&mut self, to: usize, slot: u16) -> Result<bool, Trap> {
        match self.next_of_slot(slot)? {
            Some(value) => {
                self.stack[to] = value;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    pub(super) fn next_of_slot(&mut self, slot: u16) -> Result<Option<Value<'p>>, Trap> {
        match self.slot(slot) {
            Value::Iterator(id) => self.iterator_next(id),
            _ => Err(self.type_error("the iterator is gone")),
        }
    }

    /// An iterator over the values of an iterable.
    pub fn iterate(&mut self, source: &Value<'p>) -> Result<Value<'p>, Trap> {
        let kind = match source {
            Value::Iterator(_) => return Ok(*source),
            Value::Array(_) | Value::Text(_) | Value::Frozen(Data::Array(_) | Data::Set(_)) => {
                IteratorKind::Values
            }
            Value::Frozen(Data::Map(_)) => IteratorKind::Entries,
            Value::Object(id) => match self.heap.object(*id).kind {
                ObjectKind::Map(_) => IteratorKind::Entries,
                ObjectKind::Set(_) => IteratorKind::Values,
                _ => return Err(self.not_iterable(source)),
            },
            Value::Host(host) => return Err(self.host.misuse(self, *host, Misuse::Spread)),
            _ => return Err(self.not_iterable(source)),
        };
        self.new_iterator(*source, kind)
    }

    /// A new iterator.
    pub fn new_iterator(
        &mut self,
        source: Value<'p>,
        kind: IteratorKind,
    ) -> Result<Value<'p>, Trap> {
        self.charge(32)?;
        Ok(Value::Iterator(self.heap.add_iterator(IteratorState {
            source,
            kind,
            next: 0,
        })))
    }

    fn not_iterable(&mut self, source: &Value<'p>) -> Trap {
        let what = self.describe(source);
        let hint = if what == "an object" {
            "; write `Object.values(object)` or `Object.entries(object)`"
        } else {
            ""
        };
        self.type_error(format!("{what} is not iterable{hint}"))
    }

    /// An iterator over the keys of an object, for `for…in`.
    fn iterate_keys(&mut self, source: &Value<'p>) -> Result<Value<'p>, Trap> {
        let keys: Vec<Value<'p>> = match source {
            source if source.is_nullish() => Vec::new(),
            _ => self
                .own_entries(source)?
                .into_iter()
                .map(|(key, _)| self.text(key))
                .collect(),
        };
        let object = match source {
            Value::Object(id) => Some(*id),
            _ => None,
        };
        let keys = self.new_array(keys)?;
        self.new_iterator(keys, IteratorKind::PropertyNames(object))
    }

    /// The next value of an iterator, `None` at its end: from then on for ever.
    pub fn iterator_next(&mut self, id: IteratorId) -> Result<Option<Value<'p>>, Trap> {
        let next = self.advance(id)?;
        if next.is_none() {
            self.heap.iterator_mut(id).source = Value::Undefined;
        }
        Ok(next)
    }

    fn advance(&mut self, id: IteratorId) -> Result<Option<Value<'p>>, Trap> {
        let state = self.heap.iterator(id);
        let (kind, at) = (state.kind, state.next);
        let source = state.source;
        match (&source, kind) {
            (Value::Text(text), _) => {
                let Some((_, width)) = text.code_point_at(at) else {
                    return Ok(None);
                };
                self.heap.iterator_mut(id).next += width;
                Ok(Some(self.text(text.slice(at, at + width))))
            }
            (Value::Object(object), _) => {
                let (ObjectKind::Map(entries) | ObjectKind::Set(entries)) =
                    &self.heap.object(*object).kind
                else {
                    return Ok(None);
                };
                let Some((place, (key, value))) = entries.next(at) else {
                    return Ok(None);
                };
                let (key, value, skip) = (*key, *value, place - at);
                let is_set = matches!(self.heap.object(*object).kind, ObjectKind::Set(_));
                self.heap.iterator_mut(id).next = place + 1;
                self.spend(skip as u64)?;
                self.keyed_step(kind, key, value, is_set).map(Some)
            }
            (Value::Frozen(Data::Map(map)), _) => {
                let Some((key, value)) = map.entries().get(at) else {
                    return Ok(None);
                };
                let (key, value) = (Value::of(key), Value::of(value));
                self.heap.iterator_mut(id).next += 1;
                self.keyed_step(kind, key, value, false).map(Some)
            }
            (Value::Frozen(Data::Set(set)), _) => {
                let Some(value) = set.values().get(at) else {
                    return Ok(None);
                };
                let value = Value::of(value);
                self.heap.iterator_mut(id).next += 1;
                self.keyed_step(kind, value, value, true).map(Some)
            }
            (_, IteratorKind::PropertyNames(object)) => self.next_name(id, &source, object),
            _ => self.next_item(id, &source, kind, at),
        }
    }

    fn keyed_step(
        &mut self,
        kind: IteratorKind,
        key: Value<'p>,
        value: Value<'p>,
        is_set: bool,
    ) -> Result<Value<'p>, Trap> {
        match kind {
            IteratorKind::Keys => Ok(key),
            IteratorKind::Entries if is_set => self.new_array(vec![key, key]),
            IteratorKind::Entries => self.new_array(vec![key, value]),
            _ if is_set => Ok(key),
            _ => Ok(value),
        }
    }

    fn next_item(
        &mut self,
        id: IteratorId,
        source: &Value<'p>,
        kind: IteratorKind,
        at: usize,
    ) -> Result<Option<Value<'p>>, Trap> {
        let Some(item) = self.array_item(source, at) else {
            return Ok(None);
        };
        self.heap.iterator_mut(id).next += 1;
        Ok(Some(match kind {
            IteratorKind::Keys => Value::number(at as f64),
            IteratorKind::Entries => self.new_array(vec![Value::number(at as f64), item])?,
            _ => item,
        }))
    }

    /// The next key of a `for…in` that the object still has.
    fn next_name(
        &mut self,
        id: IteratorId,
        keys: &Value<'p>,
        object: Option<crate::value::ObjectId>,
    ) -> Result<Option<Value<'p>>, Trap> {
        loop {
            let at = self.heap.iterator(id).next;
            let Some(key) = self.array_item(keys, at) else {
                return Ok(None);
            };
            self.heap.iterator_mut(id).next += 1;
            let gone = match (object, key.as_text()) {
                (Some(object), Some(name)) => self.heap.object(object).get(name).is_none(),
                _ => false,
            };
            if !gone {
                return Ok(Some(key));
            }
            self.spend(1)?;
        }
    }

    /// All values of an iterable; each is counted and charged.
    pub fn iterate_all(&mut self, source: &Value<'p>) -> Result<Vec<Value<'p>>, Trap> {
        if let Some(count) = self.array_length(source) {
            self.charge(count * 16)?;
            self.spend(count as u64 / 4)?;
            // With room for one more, which most often follows: `[...list, item]`.
            let mut all = Vec::with_capacity(count + 1);
            match source {
                Value::Array(id) => all.extend_from_slice(self.heap.array(*id)),
                Value::Frozen(Data::Array(array)) => {
                    all.extend(array.items().iter().map(Value::of));
                }
                _ => {}
            }
            return Ok(all);
        }
        let Value::Iterator(id) = self.iterate(source)? else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        while let Some(value) = self.iterator_next(id)? {
            self.spend(1)?;
            self.charge(16)?;
            all.push(value);
        }
        Ok(all)
    }

    /// The code points of a text as texts.
    pub fn characters(&mut self, text: &Text) -> Result<Vec<Value<'p>>, Trap> {
        self.iterate_all(&self.text(text.clone()))
    }
}
