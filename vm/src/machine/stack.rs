//! The stack of values: registers of all open calls, and operands of the instructions that are left to
//! a stack.
//!
//! Before: `frames`, which makes room for a call. Guarantees: places below the top, and those of the
//! registers of the innermost call, can be written at once. Places above the top may keep dead values
//! until they are written again or the machine is dropped.
//!
//! Numbers are written and read part by part, never as a whole: a load of sixteen bytes that were
//! just stored as a tag and a double waits for both stores to leave the processor's store buffer.

use std::ops::{Index, IndexMut};

use smallvec::SmallVec;

use crate::data::Data;
use crate::value::Value;

/// Arguments on their way to a built-in.
pub(super) type Arguments = SmallVec<[Value; 4]>;

/// The stack of values.
#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    top: usize,
}

/// Places that are made at once, at least: calls of small functions take fewer.
const GROWTH: usize = 8;

const MISSING: &str = "the verifier has counted the operands";

impl Stack {
    /// How many values there are.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.top
    }

    pub(super) fn push(&mut self, value: Value) {
        let at = self.top;
        self.set_top(at + 1);
        self.values[at] = value;
    }

    /// Pushes a copy.
    #[inline(always)]
    pub(super) fn push_copy(&mut self, value: &Value) {
        let at = self.top;
        self.set_top(at + 1);
        self.set_value(at, value);
    }

    pub(super) fn pop(&mut self) -> Value {
        self.top -= 1;
        self.take(self.top)
    }

    pub(super) fn last(&self) -> &Value {
        self.values[..self.top].last().expect(MISSING)
    }

    /// Sets the top. What is below it has been written before, or will be before it is read.
    #[inline(always)]
    pub(super) fn set_top(&mut self, top: usize) {
        if top > self.values.len() {
            self.grow(top);
        }
        self.top = top;
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        let length = (length + GROWTH).max(self.values.len() * 2);
        self.values.resize_with(length, || Value::UNDEFINED);
    }

    /// Makes values `undefined`.
    #[inline(always)]
    pub(super) fn clear(&mut self, from: usize, to: usize) {
        for value in &mut self.values[from.min(to)..to] {
            *value = Value::UNDEFINED;
        }
    }

    /// Moves a value out.
    #[inline(always)]
    pub(super) fn take(&mut self, at: usize) -> Value {
        std::mem::replace(&mut self.values[at], Value::UNDEFINED)
    }

    /// Writes a number.
    #[inline(always)]
    pub(super) fn set_number(&mut self, at: usize, number: f64) {
        match &mut self.values[at] {
            Value::Frozen(Data::Number(place)) => *place = number,
            _ => self.replace_by_number(at, number),
        }
    }

    #[inline(never)]
    fn replace_by_number(&mut self, at: usize, number: f64) {
        self.values[at] = Value::number(number);
    }

    /// Copies a value.
    #[inline(always)]
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        match &self.values[from] {
            Value::Frozen(Data::Number(number)) => {
                let number = *number;
                self.set_number(to, number);
            }
            value => {
                let value = value.clone();
                self.values[to] = value;
            }
        }
    }

    /// Moves a value to another place.
    #[inline(always)]
    pub(super) fn move_to(&mut self, from: usize, to: usize) {
        match &self.values[from] {
            Value::Frozen(Data::Number(number)) => {
                let number = *number;
                match &mut self.values[to] {
                    // The function that returns the number: it owns no memory.
                    function @ Value::Closure(_) => {
                        std::mem::forget(std::mem::replace(function, Value::number(number)));
                    }
                    _ => self.set_number(to, number),
                }
            }
            _ => self.values[to] = self.take(from),
        }
    }

    /// Writes a boolean.
    #[inline(always)]
    pub(super) fn set_boolean(&mut self, at: usize, boolean: bool) {
        self.values[at] = Value::boolean(boolean);
    }

    /// Writes a copy of a value.
    #[inline(always)]
    pub(super) fn set_value(&mut self, at: usize, value: &Value) {
        match value {
            Value::Frozen(data) => self.set_data(at, data),
            Value::Object(id) => self.values[at] = Value::Object(*id),
            Value::Array(id) => self.values[at] = Value::Array(*id),
            Value::Closure(id) => self.values[at] = Value::Closure(*id),
            other => self.values[at] = other.clone(),
        }
    }

    /// Writes a copy of data.
    #[inline(always)]
    pub(super) fn set_data(&mut self, at: usize, data: &Data) {
        match data {
            Data::Number(number) => self.set_number(at, *number),
            Data::Text(text) => self.values[at] = Value::Frozen(Data::Text(text.clone())),
            Data::Object(object) => self.values[at] = Value::Frozen(Data::Object(object.clone())),
            other => self.values[at] = Value::Frozen(other.clone()),
        }
    }

    /// Moves so many values out, from a place on.
    #[inline]
    pub(super) fn arguments(&mut self, from: usize, count: usize) -> Arguments {
        let values = self.values[from..from + count].iter_mut();
        values
            .map(|value| std::mem::replace(value, Value::UNDEFINED))
            .collect()
    }

    /// Moves the values from a place on out, into a vector.
    pub(super) fn split_off(&mut self, from: usize) -> Vec<Value> {
        let end = std::mem::replace(&mut self.top, from);
        let values = self.values[from..end].iter_mut();
        values
            .map(|value| std::mem::replace(value, Value::UNDEFINED))
            .collect()
    }

    /// Moves one value out; those above it move down.
    pub(super) fn remove(&mut self, at: usize) -> Value {
        let value = self.take(at);
        self.values[at..self.top].rotate_left(1);
        self.top -= 1;
        value
    }

    pub(super) fn extend_from_slice(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.push_copy(value));
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
