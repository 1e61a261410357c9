//! The loop of the machine: fetch one step, do it.
//!
//! Before: `calls`, which runs steps until a call ends. After: `dispatch`, which does in full what is
//! not done here. Here is done in place what is frequent, as long as the operands are what they mostly
//! are: numbers, short texts, properties that are there. Guarantees: what is done in place neither
//! fails nor calls; a step whose operands are others is left to `dispatch` untouched.

use super::Machine;
use super::arithmetic::{apply, apply_integer};
use super::calls::Flow;
use super::comparison::{is_constant, truth};
use super::frames::Captured;
use super::iteration::next_item;
use super::meter::Meter;
use super::properties::{get_element, get_property, property_is_constant};
use super::stack::Window;
use crate::bytecode::Code;
use crate::error::Trap;
use crate::heap::Heap;
use crate::steps::{Step, Target};
use crate::value::Value;

/// What became of a step in place.
enum InPlace {
    Done,
    /// It is to be done in full.
    Not,
    /// It jumps, and the turn has used too much.
    Endless,
}

impl<'p> Machine<'p> {
    /// Runs until as many calls are open as at `floor`. The result is where the function was.
    pub(super) fn run(&mut self, floor: usize, handler_floor: usize) -> Result<(), Trap> {
        loop {
            match self.run_calls(floor) {
                Ok(()) => return Ok(()),
                Err(trap) => self.unwind(trap, floor, handler_floor)?,
            }
        }
    }

    /// Runs the innermost call, and those that it makes, until as many are open as at `floor`.
    fn run_calls(&mut self, floor: usize) -> Result<(), Trap> {
        let code = self.code;
        let mut steps: &'p [Step] = &self.frame.code.steps;
        let mut base = self.frame.base as usize;
        let mut at = self.frame.next as usize;
        let mut window = self.stack.window(base);
        let mut captured = self.frames[self.depth - 1].captured();
        loop {
            let step = &steps[at];
            at += 1;
            let (meter, heap) = (&mut self.meter, &mut self.heap);
            match jump_in_place(step, &mut at, meter, &mut window, heap, code, captured) {
                InPlace::Done => continue,
                InPlace::Not => {}
                InPlace::Endless => return Err(self.endless(at)),
            }
            self.frame.next = at as u32;
            match self.step(step, base)? {
                Flow::Next => {}
                Flow::Jump => at = self.frame.next as usize,
                Flow::Return if self.depth == floor => return Ok(()),
                Flow::Call | Flow::Return => {
                    steps = &self.frame.code.steps;
                    base = self.frame.base as usize;
                    at = self.frame.next as usize;
                }
            }
            window = self.stack.window(base);
            captured = self.frames[self.depth - 1].captured();
        }
    }
}

/// Goes on at a target where a condition holds.
#[inline(always)]
fn go(at: &mut usize, meter: &mut Meter, target: Target, condition: bool) -> InPlace {
    if condition {
        if !meter.jump(target) {
            meter.undo(target);
            return InPlace::Endless;
        }
        *at = target.step as usize;
    }
    InPlace::Done
}

/// The steps that jump; any other compares, or works on numbers or values.
#[inline(always)]
fn jump_in_place(
    step: &Step,
    at: &mut usize,
    meter: &mut Meter,
    window: &mut Window<'_>,
    heap: &mut Heap,
    code: &Code,
    captured: &Captured,
) -> InPlace {
    use Step::*;
    match *step {
        Jump(target) => go(at, meter, target, true),
        JumpIf(wanted, from, target) => match truth(&window[from]) {
            Some(truth) => go(at, meter, target, truth == wanted),
            None => InPlace::Not,
        },
        JumpIfNullish(wanted, from, target) => {
            go(at, meter, target, window[from].is_nullish() == wanted)
        }
        JumpIfDefined(from, target) => go(at, meter, target, !window[from].is_undefined()),
        JumpEqualConstant(wanted, left, constant, target) => {
            match is_constant(&window[left], code, constant) {
                Some(equal) => go(at, meter, target, equal == wanted),
                None => InPlace::Not,
            }
        }
        IterateNext { to, slot, target } => match next_item(window, heap, to, slot) {
            Some(is_there) => go(at, meter, target, !is_there),
            None => InPlace::Not,
        },
        _ => compare_in_place(step, at, meter, window, heap, code, captured),
    }
}

/// The steps that jump on a comparison of numbers; any other is one of numbers or values.
#[inline(always)]
fn compare_in_place(
    step: &Step,
    at: &mut usize,
    meter: &mut Meter,
    window: &mut Window<'_>,
    heap: &Heap,
    code: &Code,
    captured: &Captured,
) -> InPlace {
    use Step::*;
    // Jumps on a comparison of two numbers, or of one with a small one.
    macro_rules! compare {
        ($wanted:expr, $left:expr, $operator:tt, $right:expr, $target:expr) => {
            match (window.number($left), window.number($right)) {
                (Some(left), Some(right)) => {
                    go(at, meter, $target, (left $operator right) == $wanted)
                }
                _ => InPlace::Not,
            }
        };
        ($wanted:expr, $left:expr, $operator:tt small $right:expr, $target:expr) => {
            match window.number($left) {
                Some(left) => {
                    go(at, meter, $target, (left $operator f64::from($right)) == $wanted)
                }
                None => InPlace::Not,
            }
        };
    }
    match *step {
        JumpLess(wanted, _, left, right, target) => compare!(wanted, left, <, right, target),
        JumpLessOrEqual(wanted, _, left, right, target) => {
            compare!(wanted, left, <=, right, target)
        }
        JumpEqual(wanted, _, left, right, target) => compare!(wanted, left, ==, right, target),
        JumpLessInteger(wanted, left, right, target) => {
            compare!(wanted, left, < small right, target)
        }
        JumpLessOrEqualInteger(wanted, left, right, target) => {
            compare!(wanted, left, <= small right, target)
        }
        JumpGreaterInteger(wanted, left, right, target) => {
            compare!(wanted, left, > small right, target)
        }
        JumpGreaterOrEqualInteger(wanted, left, right, target) => {
            compare!(wanted, left, >= small right, target)
        }
        JumpEqualInteger(wanted, left, right, target) => {
            compare!(wanted, left, == small right, target)
        }
        _ => match number_in_place(step, window, heap, code, captured) {
            true => InPlace::Done,
            false => InPlace::Not,
        },
    }
}

/// The steps that work on numbers; any other is one of values. Whether the step is done.
#[inline(always)]
fn number_in_place(
    step: &Step,
    window: &mut Window<'_>,
    heap: &Heap,
    code: &Code,
    captured: &Captured,
) -> bool {
    use Step::*;
    match *step {
        Integer { to, number } => window.set_number(to, f64::from(number)),
        Add { to, left, right } => window.calculate(to, left, right, |a, b| a + b),
        Subtract { to, left, right } => window.calculate(to, left, right, |a, b| a - b),
        Multiply { to, left, right } => window.calculate(to, left, right, |a, b| a * b),
        Divide { to, left, right } => window.calculate(to, left, right, |a, b| a / b),
        Arithmetic {
            operator,
            to,
            left,
            right,
        } => window.calculate(to, left, right, |a, b| apply(operator, a, b)),
        AddInteger { to, left, number } => window.change(to, left, |a| a + f64::from(number)),
        SubtractInteger { to, left, number } => window.change(to, left, |a| a - f64::from(number)),
        ArithmeticInteger {
            operator,
            to,
            left,
            number,
        } => window.change(to, left, |a| apply_integer(operator, a, number)),
        Increment { to, from } => window.change(to, from, |a| a + 1.0),
        Decrement { to, from } => window.change(to, from, |a| a - 1.0),
        Compare(comparison, to, left, right) => {
            window.test(to, left, right, |a, b| comparison.holds(a, b))
        }
        CompareInteger(comparison, to, left, number) => match window.number(left) {
            Some(left) => window.set_boolean(to, comparison.holds(left, f64::from(number))),
            None => false,
        },
        _ => value_in_place(step, window, heap, code, captured),
    }
}

/// The steps that read and copy values. Whether the step is done.
#[inline(always)]
fn value_in_place(
    step: &Step,
    window: &mut Window<'_>,
    heap: &Heap,
    code: &Code,
    captured: &Captured,
) -> bool {
    use Step::*;
    match *step {
        Move { to, from } => window.copy(to, from),
        Take { to, from } => window.take(to, from),
        Undefined { to } => window.set(to, Value::UNDEFINED),
        Constant { to, constant } => window.set_data(to, &code.constants[constant as usize]),
        Not { to, from } => match truth(&window[from]) {
            Some(truth) => window.set_boolean(to, !truth),
            None => false,
        },
        EqualConstant(wanted, to, left, constant) => {
            match is_constant(&window[left], code, constant) {
                Some(equal) => window.set_boolean(to, equal == wanted),
                None => false,
            }
        }
        PropertyEqual(wanted, to, object, key, constant) => {
            match property_is_constant(&window[object], code, key, constant) {
                Some(equal) => window.set_boolean(to, equal == wanted),
                None => false,
            }
        }
        GetProperty { to, object, key } => get_property(window, heap, code, to, object, key),
        GetElement { to, object, key } => get_element(window, heap, to, object, key),
        GetCapture { to, capture, .. } => captured.get(window, heap, code, to, capture),
        _ => false,
    }
}
