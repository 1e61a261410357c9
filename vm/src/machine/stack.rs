//! The stack of values: registers of all open calls, and operands of the instructions that are left to
//! a stack.
//!
//! Before: `frames`, which makes room for a call. Guarantees: places below the top, and those of the
//! registers of the innermost call, can be written at once. Places above the top may keep dead values
//! until they are written again or the machine is dropped.
//!
//! Numbers are written and read part by part, never as a whole: a load of sixteen bytes that were
//! just stored as a tag and a double waits for both stores to leave the processor's store buffer.

use std::mem::ManuallyDrop;
use std::ops::{Index, IndexMut};

use crate::data::Data;
use crate::steps::Register;
use crate::value::Value;

/// The stack of values.
#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    top: usize,
}

/// The registers of the innermost call, and what lies behind them.
pub(super) struct Window<'s>(&'s mut [Value]);

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

    /// Pushes a value that is moved out.
    #[inline]
    pub(super) fn push_taken(&mut self, value: &mut Value) {
        let at = self.top;
        self.set_top(at + 1);
        put_taken(&mut self.values[at], value);
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
        taken(&mut self.values[at])
    }

    /// The registers from a place on.
    #[inline(always)]
    pub(super) fn window(&mut self, base: usize) -> Window<'_> {
        Window(&mut self.values[base..])
    }

    /// Writes a value.
    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, value: Value) {
        let value = ManuallyDrop::new(value);
        put(&mut self.values[at], value);
    }

    /// Writes a number.
    #[inline(always)]
    pub(super) fn set_number(&mut self, at: usize, number: f64) {
        put_number(&mut self.values[at], number);
    }

    /// Copies a value.
    #[inline(always)]
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        if let Ok([from, to]) = self.values.get_disjoint_mut([from, to]) {
            put_copy(to, from);
        }
    }

    /// Moves a value to another place.
    #[inline(always)]
    pub(super) fn move_to(&mut self, from: usize, to: usize) {
        if let Ok([from, to]) = self.values.get_disjoint_mut([from, to]) {
            put_taken(to, from);
        }
    }

    /// Writes a boolean.
    #[inline(always)]
    pub(super) fn set_boolean(&mut self, at: usize, boolean: bool) {
        self.set(at, Value::boolean(boolean));
    }

    /// Writes a copy of a value.
    #[inline(always)]
    pub(super) fn set_value(&mut self, at: usize, value: &Value) {
        put_copy(&mut self.values[at], value);
    }

    /// Moves so many values out, from a place on.
    pub(super) fn arguments(&mut self, from: usize, count: usize) -> Vec<Value> {
        let values = self.values[from..from + count].iter_mut();
        values.map(taken).collect()
    }

    /// Writes a value that something else has made.
    #[inline]
    pub(super) fn set_made(&mut self, at: usize, mut value: Value) {
        put_taken(&mut self.values[at], &mut value);
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

impl Window<'_> {
    /// The number in a register, where there is one.
    #[inline]
    pub(super) fn number(&self, at: Register) -> Option<f64> {
        self[at].as_number()
    }

    /// Writes a value. This and what follows tell whether it is done, which it is.
    #[inline]
    pub(super) fn set(&mut self, to: Register, value: Value) -> bool {
        let value = ManuallyDrop::new(value);
        put(&mut self.0[usize::from(to)], value);
        true
    }

    #[inline]
    pub(super) fn set_number(&mut self, to: Register, number: f64) -> bool {
        put_number(&mut self.0[usize::from(to)], number);
        true
    }

    #[inline]
    pub(super) fn set_boolean(&mut self, to: Register, boolean: bool) -> bool {
        self.set(to, Value::boolean(boolean))
    }

    /// Writes a copy of a value from elsewhere.
    #[inline]
    pub(super) fn set_value(&mut self, to: Register, value: &Value) -> bool {
        put_copy(&mut self.0[usize::from(to)], value);
        true
    }

    /// Writes a copy of data from elsewhere.
    #[inline]
    pub(super) fn set_data(&mut self, to: Register, data: &Data) -> bool {
        put_data(&mut self.0[usize::from(to)], data);
        true
    }

    /// Copies a register.
    #[inline]
    pub(super) fn copy(&mut self, to: Register, from: Register) -> bool {
        let places = [usize::from(from), usize::from(to)];
        if let Ok([from, to]) = self.0.get_disjoint_mut(places) {
            put_copy(to, from);
        }
        true
    }

    /// Moves a register.
    #[inline]
    pub(super) fn take(&mut self, to: Register, from: Register) -> bool {
        let places = [usize::from(from), usize::from(to)];
        if let Ok([from, to]) = self.0.get_disjoint_mut(places) {
            put_taken(to, from);
        }
        true
    }

    /// Writes what becomes of two numbers; false where they are none.
    #[inline]
    pub(super) fn calculate(
        &mut self,
        to: Register,
        left: Register,
        right: Register,
        result: impl FnOnce(f64, f64) -> f64,
    ) -> bool {
        match (self.number(left), self.number(right)) {
            (Some(left), Some(right)) => self.set_number(to, result(left, right)),
            _ => false,
        }
    }

    /// Writes what becomes of a number; false where it is none.
    #[inline]
    pub(super) fn change(
        &mut self,
        to: Register,
        from: Register,
        result: impl FnOnce(f64) -> f64,
    ) -> bool {
        match self.number(from) {
            Some(number) => self.set_number(to, result(number)),
            None => false,
        }
    }

    /// Writes what is true of two numbers; false where they are none.
    #[inline]
    pub(super) fn test(
        &mut self,
        to: Register,
        left: Register,
        right: Register,
        holds: impl FnOnce(f64, f64) -> bool,
    ) -> bool {
        match (self.number(left), self.number(right)) {
            (Some(left), Some(right)) => self.set_boolean(to, holds(left, right)),
            _ => false,
        }
    }
}

/// Replaces a value. Most values own no memory: then nothing is to be done about the old one. Were
/// the new one dropped when something fails meanwhile, it would have to lie in memory for that, and be
/// copied from there as a whole.
#[inline(always)]
fn put(place: &mut Value, value: ManuallyDrop<Value>) {
    if owns_memory(place) {
        release(place);
    }
    std::mem::forget(std::mem::replace(place, ManuallyDrop::into_inner(value)));
}

#[inline(never)]
fn release(place: &mut Value) {
    *place = Value::UNDEFINED;
}

/// Writes a number: into one, only its own part.
#[inline(always)]
fn put_number(place: &mut Value, number: f64) {
    match place {
        Value::Frozen(Data::Number(place)) => *place = number,
        _ => put(place, ManuallyDrop::new(Value::number(number))),
    }
}

#[inline(always)]
fn put_copy(place: &mut Value, value: &Value) {
    match value {
        Value::Frozen(data) => put_data(place, data),
        Value::Object(id) => put(place, ManuallyDrop::new(Value::Object(*id))),
        Value::Array(id) => put(place, ManuallyDrop::new(Value::Array(*id))),
        Value::Closure(id) => put(place, ManuallyDrop::new(Value::Closure(*id))),
        other => put_other(place, other),
    }
}

#[inline(always)]
fn put_data(place: &mut Value, data: &Data) {
    match data {
        Data::Number(number) => put_number(place, *number),
        Data::Text(text) => put(
            place,
            ManuallyDrop::new(Value::Frozen(Data::Text(text.clone()))),
        ),
        Data::Object(object) => put(
            place,
            ManuallyDrop::new(Value::Frozen(Data::Object(object.clone()))),
        ),
        Data::Array(array) => put(
            place,
            ManuallyDrop::new(Value::Frozen(Data::Array(array.clone()))),
        ),
        Data::Boolean(boolean) => put(place, ManuallyDrop::new(Value::boolean(*boolean))),
        Data::Undefined => put(place, ManuallyDrop::new(Value::UNDEFINED)),
        Data::Null => put(place, ManuallyDrop::new(Value::NULL)),
        other => put_other_data(place, other),
    }
}

#[inline(never)]
fn put_other(place: &mut Value, value: &Value) {
    *place = value.clone();
}

#[inline(never)]
fn put_other_data(place: &mut Value, data: &Data) {
    *place = Value::Frozen(data.clone());
}

/// Moves a value out. What owns no memory may stay.
#[inline(always)]
fn taken(place: &mut Value) -> Value {
    match place {
        Value::Frozen(Data::Number(number)) => Value::number(*number),
        Value::Frozen(Data::Boolean(boolean)) => Value::boolean(*boolean),
        Value::Frozen(Data::Undefined) => Value::UNDEFINED,
        Value::Frozen(Data::Text(text)) if text.is_short() => {
            Value::Frozen(Data::Text(text.clone()))
        }
        Value::Object(id) => Value::Object(*id),
        Value::Array(id) => Value::Array(*id),
        Value::Closure(id) => Value::Closure(*id),
        place => std::mem::replace(place, Value::UNDEFINED),
    }
}

/// Moves a value. What owns no memory is copied.
#[inline(always)]
fn put_taken(place: &mut Value, from: &mut Value) {
    if owns_memory(from) {
        let value = std::mem::replace(from, Value::UNDEFINED);
        put(place, ManuallyDrop::new(value));
    } else {
        put_copy(place, from);
    }
}

/// Whether memory may have to be freed when a value goes.
#[inline(always)]
fn owns_memory(value: &Value) -> bool {
    match value {
        Value::Frozen(Data::Text(text)) => !text.is_short(),
        Value::Frozen(data) => !matches!(
            data,
            Data::Undefined
                | Data::Null
                | Data::Boolean(_)
                | Data::Number(_)
                | Data::Date(_)
                | Data::Symbolic(_)
        ),
        _ => false,
    }
}

impl Index<Register> for Window<'_> {
    type Output = Value;

    #[inline]
    fn index(&self, at: Register) -> &Value {
        &self.0[usize::from(at)]
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
