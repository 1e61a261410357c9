//! The stack of values: registers of all open calls, and operands of the instructions that are left to
//! a stack.
//!
//! Before: `frames`, which makes room for a call. Guarantees: places below the top, and those of the
//! registers of the innermost call, can be written at once. Places above the top keep what they had
//! until they are written again.
//!
//! Numbers are read part by part, never as a whole: a load of sixteen bytes that were just stored as a
//! tag and a double waits for both stores to leave the processor's store buffer.

use std::ops::{Index, IndexMut};

use crate::heap::emptied;
use crate::steps::{Comparison, Register};
use crate::value::Value;

/// The stack of values.
#[derive(Debug, Default)]
pub(super) struct Stack<'p> {
    values: Vec<Value<'p>>,
    top: usize,
}

/// The registers of the innermost call, and what lies behind them. So many that a register that is named
/// is one of them, without a look at each use.
pub(super) struct Window<'s, 'p>(&'s mut [Value<'p>; WINDOW]);

/// Registers of a window. A function with more is done step by step in full.
pub(super) const WINDOW: usize = 64;

const MISSING: &str = "the verifier has counted the operands";

impl<'p> Stack<'p> {
    /// How many values there are.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.top
    }

    #[inline(always)]
    pub(super) fn push(&mut self, value: Value<'p>) {
        let at = self.top;
        self.set_top(at + 1);
        self.values[at] = value;
    }

    pub(super) fn pop(&mut self) -> Value<'p> {
        self.top -= 1;
        self.values[self.top].by_words()
    }

    pub(super) fn last(&self) -> Value<'p> {
        *self.values[..self.top].last().expect(MISSING)
    }

    /// Sets the top. What is below it has been written before, or will be before it is read.
    #[inline(always)]
    pub(super) fn set_top(&mut self, top: usize) {
        if top > self.values.len() {
            self.grow(top);
        }
        self.top = top;
    }

    /// Sees to it that there is a window at any place below one.
    pub(super) fn make_room(&mut self, top: usize) {
        if top + WINDOW > self.values.len() {
            self.grow(top + WINDOW);
        }
    }

    /// Sets the top where there is room up to it.
    #[inline(always)]
    pub(super) fn set_known_top(&mut self, top: usize) {
        self.top = top;
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        let length = length.max(self.values.len() * 2);
        self.values.resize(length, Value::Undefined);
    }

    /// The same memory with nothing in it.
    pub(super) fn emptied(self) -> Stack<'static> {
        Stack {
            values: emptied(self.values),
            top: 0,
        }
    }

    pub(super) fn has_no_room(&self) -> bool {
        self.values.capacity() == 0
    }

    /// Makes values `undefined`.
    #[inline(always)]
    pub(super) fn clear(&mut self, from: usize, to: usize) {
        for value in &mut self.values[from.min(to)..to] {
            *value = Value::Undefined;
        }
    }

    /// Pushes a copy.
    #[inline(always)]
    pub(super) fn push_copy(&mut self, value: &Value<'p>) {
        let at = self.top;
        self.set_top(at + 1);
        self.values[at] = value.by_words();
    }

    /// Writes a value that something else has made.
    #[inline(always)]
    pub(super) fn set_made(&mut self, at: usize, value: &Value<'p>) {
        self.values[at] = value.by_words();
    }

    /// The registers from a place on.
    #[inline(always)]
    pub(super) fn window(&mut self, base: usize) -> Window<'_, 'p> {
        let window = self.values[base..].first_chunk_mut();
        Window(window.expect("each call makes room for a window"))
    }

    /// So many values from a place on.
    #[inline(always)]
    pub(super) fn values(&self, from: usize, count: usize) -> &[Value<'p>] {
        &self.values[from..from + count]
    }

    /// The values from a place on, into a vector.
    pub(super) fn split_off(&mut self, from: usize) -> Vec<Value<'p>> {
        let end = std::mem::replace(&mut self.top, from);
        self.values[from..end].to_vec()
    }

    /// Takes one value out; those above it move down.
    pub(super) fn remove(&mut self, at: usize) -> Value<'p> {
        let value = self.values[at];
        self.values[at..self.top].rotate_left(1);
        self.top -= 1;
        value
    }

    pub(super) fn extend_from_slice(&mut self, values: &[Value<'p>]) {
        values.iter().for_each(|value| self.push_copy(value));
    }

    pub(super) fn swap(&mut self, left: usize, right: usize) {
        self.values[..self.top].swap(left, right);
    }
}

impl<'p> Window<'_, 'p> {
    /// The number in a register, where there is one.
    #[inline(always)]
    pub(super) fn number(&self, at: Register) -> Option<f64> {
        self[at].as_number()
    }

    /// Writes a value. This and what follows tell whether it is done, which it is.
    #[inline(always)]
    pub(super) fn set(&mut self, to: Register, value: Value<'p>) -> bool {
        self.0[usize::from(to) % WINDOW] = value;
        true
    }

    /// Writes the value of a variable; false where it is not declared yet.
    #[inline(always)]
    pub(super) fn set_declared(&mut self, to: Register, value: Value<'p>) -> bool {
        !matches!(value, Value::Uninitialised) && self.set(to, value)
    }

    #[inline(always)]
    pub(super) fn set_number(&mut self, to: Register, number: f64) -> bool {
        self.set(to, Value::number(number))
    }

    #[inline(always)]
    pub(super) fn set_boolean(&mut self, to: Register, boolean: bool) -> bool {
        self.set(to, Value::boolean(boolean))
    }

    /// Copies a register.
    #[inline(always)]
    pub(super) fn copy(&mut self, to: Register, from: Register) -> bool {
        self.set(to, self[from].by_words())
    }

    /// Writes what becomes of two numbers; false where they are none.
    #[inline(always)]
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
    #[inline(always)]
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

    /// What is true of two numbers, where they are some.
    #[inline(always)]
    fn test(&self, left: Register, right: Register, holds: fn(f64, f64) -> bool) -> Option<bool> {
        Some(holds(self.number(left)?, self.number(right)?))
    }

    /// What is true of a number, where it is one, and a small one.
    #[inline(always)]
    fn test_one(&self, left: Register, right: i32, holds: fn(f64, f64) -> bool) -> Option<bool> {
        Some(holds(self.number(left)?, f64::from(right)))
    }

    #[inline(always)]
    pub(super) fn less(&self, left: Register, right: Register) -> Option<bool> {
        self.test(left, right, |a, b| a < b)
    }

    #[inline(always)]
    pub(super) fn up_to(&self, left: Register, right: Register) -> Option<bool> {
        self.test(left, right, |a, b| a <= b)
    }

    #[inline(always)]
    pub(super) fn equal(&self, left: Register, right: Register) -> Option<bool> {
        self.test(left, right, |a, b| a == b)
    }

    #[inline(always)]
    pub(super) fn less_than(&self, left: Register, right: i32) -> Option<bool> {
        self.test_one(left, right, |a, b| a < b)
    }

    #[inline(always)]
    pub(super) fn at_most(&self, left: Register, right: i32) -> Option<bool> {
        self.test_one(left, right, |a, b| a <= b)
    }

    #[inline(always)]
    pub(super) fn more_than(&self, left: Register, right: i32) -> Option<bool> {
        self.test_one(left, right, |a, b| a > b)
    }

    #[inline(always)]
    pub(super) fn at_least(&self, left: Register, right: i32) -> Option<bool> {
        self.test_one(left, right, |a, b| a >= b)
    }

    #[inline(always)]
    pub(super) fn is(&self, left: Register, right: i32) -> Option<bool> {
        self.test_one(left, right, |a, b| a == b)
    }

    /// Writes how two numbers compare; false where they are none.
    #[inline(always)]
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        to: Register,
        left: Register,
        right: Register,
    ) -> bool {
        match (self.number(left), self.number(right)) {
            (Some(left), Some(right)) => self.set_boolean(to, comparison.holds(left, right)),
            _ => false,
        }
    }

    /// The same with a small number on the right.
    #[inline(always)]
    pub(super) fn compare_number(
        &mut self,
        comparison: Comparison,
        to: Register,
        left: Register,
        right: i32,
    ) -> bool {
        match self.number(left) {
            Some(left) => self.set_boolean(to, comparison.holds(left, f64::from(right))),
            None => false,
        }
    }

    /// Writes whether something is as wanted; false where it is not known.
    #[inline(always)]
    pub(super) fn set_known(&mut self, to: Register, known: Option<bool>, wanted: bool) -> bool {
        match known {
            Some(known) => self.set_boolean(to, known == wanted),
            None => false,
        }
    }
}

impl<'p> Index<Register> for Window<'_, 'p> {
    type Output = Value<'p>;

    #[inline(always)]
    fn index(&self, at: Register) -> &Value<'p> {
        &self.0[usize::from(at) % WINDOW]
    }
}

impl<'p> Index<usize> for Stack<'p> {
    type Output = Value<'p>;

    #[inline(always)]
    fn index(&self, at: usize) -> &Value<'p> {
        &self.values[at]
    }
}

impl<'p> IndexMut<usize> for Stack<'p> {
    #[inline(always)]
    fn index_mut(&mut self, at: usize) -> &mut Value<'p> {
        &mut self.values[at]
    }
}
