//! The stack of values: slots and operands of all open calls.
//!
//! Before: `frames`, which reserves slots; the instructions, which push and pop. Guarantees: places
//! above the top are ready to be written, so that a push is one store; what is popped is moved out.
//! Places above the top may keep dead values until they are written again or the machine is dropped.
//!
//! Numbers are written and read part by part, never as a whole: a load of sixteen bytes that were
//! just stored as a tag and a double waits for both stores to leave the processor's store buffer.

use std::ops::{Index, IndexMut};

use crate::data::Data;
use crate::value::Value;

/// The stack of values.
#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    top: usize,
}

const MISSING: &str = "the verifier has counted the operands";

impl Stack {
    /// How many values there are.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.top
    }

    #[inline(always)]
    pub(super) fn push(&mut self, value: Value) {
        match self.values.get_mut(self.top) {
            Some(place) => *place = value,
            None => self.grow(value),
        }
        self.top += 1;
    }

    #[inline(always)]
    pub(super) fn push_number(&mut self, number: f64) {
        match self.values.get_mut(self.top) {
            Some(place) => *place = Value::Frozen(Data::Number(number)),
            None => self.grow(Value::number(number)),
        }
        self.top += 1;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, value: Value) {
        self.values.push(value);
        self.values.extend((0..64).map(|_| Value::UNDEFINED));
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Value {
        self.top -= 1;
        std::mem::replace(&mut self.values[self.top], Value::UNDEFINED)
    }

    /// Forgets the topmost value.
    #[inline(always)]
    pub(super) fn drop_top(&mut self) {
        self.top -= 1;
    }

    #[inline(always)]
    pub(super) fn last(&self) -> &Value {
        self.values[..self.top].last().expect(MISSING)
    }

    #[inline(always)]
    pub(super) fn last_mut(&mut self) -> &mut Value {
        self.values[..self.top].last_mut().expect(MISSING)
    }

    /// The two topmost values.
    #[inline(always)]
    pub(super) fn last_two(&mut self) -> (&mut Value, &Value) {
        match &mut self.values[..self.top] {
            [.., left, right] => (left, right),
            _ => unreachable!("{MISSING}"),
        }
    }

    /// Keeps this many values.
    #[inline(always)]
    pub(super) fn truncate(&mut self, length: usize) {
        self.top = self.top.min(length);
    }

    /// Makes it this long; what is added is `undefined`.
    #[inline(always)]
    pub(super) fn resize(&mut self, length: usize) {
        if length > self.values.len() {
            self.values.resize(length + 64, Value::UNDEFINED);
        }
        if length > self.top {
            self.values[self.top..length].fill(Value::UNDEFINED);
        }
        self.top = length;
    }

    /// Moves the values from a place on out.
    pub(super) fn drain(&mut self, from: usize) -> impl Iterator<Item = Value> {
        let end = std::mem::replace(&mut self.top, from);
        let values = self.values[from..end].iter_mut();
        values.map(|value| std::mem::replace(value, Value::UNDEFINED))
    }

    /// Moves the values from a place on out, into a vector.
    pub(super) fn split_off(&mut self, from: usize) -> Vec<Value> {
        self.drain(from).collect()
    }

    /// Moves one value out; those above it move down.
    pub(super) fn remove(&mut self, at: usize) -> Value {
        let value = std::mem::replace(&mut self.values[at], Value::UNDEFINED);
        self.values[at..self.top].rotate_left(1);
        self.top -= 1;
        value
    }

    pub(super) fn extend_from_slice(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.push(value.clone()));
    }

    pub(super) fn swap(&mut self, left: usize, right: usize) {
        self.values[..self.top].swap(left, right);
    }
}

impl Index<usize> for Stack {
    type Output = Value;

    #[inline(always)]
    fn index(&self, at: usize) -> &Value {
        &self.values[at]
    }
}

impl IndexMut<usize> for Stack {
    #[inline(always)]
    fn index_mut(&mut self, at: usize) -> &mut Value {
        &mut self.values[at]
    }
}
