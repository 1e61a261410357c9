//! The loop of the machine: fetch one step, do it.
//!
//! Before: `calls`, which runs steps until a call ends. After: `dispatch`, which does in full what is
//! not done here. Here is done in place what is frequent, as long as the operands are what they mostly
//! are: numbers, texts, properties that are there. Guarantees: what is done in place neither
//! fails nor calls; a step whose operands are others is left to `dispatch` untouched.

use super::Machine;
use super::arithmetic::{apply, apply_integer};
use super::calls::{Flow, NATIVE_INSTRUCTIONS};
use super::comparison::{is_constant, truth};
use super::frames::Captured;
use super::iteration::next_item;
use super::meter::Meter;
use super::properties::{get_element, get_path, get_property, property_is_constant};
use super::stack::Window;
use crate::bytecode::Code;
use crate::error::Trap;
use crate::heap::Heap;
use crate::steps::{Register, Step, Steps, Target};
use crate::value::Value;

/// Where the innermost call is, and what its steps reach.
struct Here<'m, 'p> {
    steps: &'p Steps,
    way: Way<'m>,
    window: Window<'m, 'p>,
    captured: Captured<'p>,
    heap: &'m mut Heap<'p>,
    code: &'p Code,
}

/// The next step, and what was used on the way.
struct Way<'m> {
    next: usize,
    meter: &'m mut Meter,
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

    /// Runs the innermost call, and those that it makes, until as many are open as at `floor`. By itself, so
    /// that it has the processor's registers to itself.
    #[inline(never)]
    fn run_calls(&mut self, floor: usize) -> Result<(), Trap> {
        loop {
            let base = self.frame.base as usize;
            let mut here = Here {
                steps: self.frame.code,
                way: Way {
                    next: self.frame.next as usize,
                    meter: &mut self.meter,
                },
                window: self.stack.window(base),
                captured: self.frames[self.depth - 1].captured(),
                heap: &mut self.heap,
                code: self.code,
            };
            let step = here.run_in_place();
            self.frame.next = here.way.next as u32;
            if self.step(step, base)? == Flow::Return && self.depth == floor {
                return Ok(());
            }
        }
    }
}

impl<'p> Here<'_, 'p> {
    /// Does steps until one cannot be done in place: that one.
    #[inline(always)]
    fn run_in_place(&mut self) -> &'p Step {
        let steps: &'p [Step] = &self.steps.steps;
        loop {
            let step = &steps[self.way.next];
            self.way.next += 1;
            if !self.do_in_place(step) {
                return step;
            }
        }
    }

    /// Does a step in place; false where it is to be done in full. One `match` over all steps: nested
    /// ones would be a jump each.
    #[inline(always)]
    fn do_in_place(&mut self, step: &'p Step) -> bool {
        use Step::*;
        let (way, window, heap) = (&mut self.way, &mut self.window, &mut self.heap);
        let code = self.code;
        match *step {
            Jump(to) => way.go(to, true),
            JumpIf(when, a, to) => way.go_if(truth(window[a]), when, to),
            JumpIfNullish(when, a, to) => way.go(to, window[a].is_nullish() == when),
            JumpIfDefined(a, to) => way.go(to, !window[a].is_undefined()),
            JumpEqualConstant(when, a, b, to) => {
                way.go_if(is_constant(window[a], code, b), when, to)
            }
            JumpLess(when, _, a, b, to) => way.go_if(window.less(a, b), when, to),
            JumpLessOrEqual(when, _, a, b, to) => way.go_if(window.up_to(a, b), when, to),
            JumpEqual(when, _, a, b, to) => way.go_if(window.equal(a, b), when, to),
            JumpLessInteger(when, a, b, to) => way.go_if(window.less_than(a, b), when, to),
            JumpLessOrEqualInteger(when, a, b, to) => way.go_if(window.at_most(a, b), when, to),
            JumpGreaterInteger(when, a, b, to) => way.go_if(window.more_than(a, b), when, to),
            JumpGreaterOrEqualInteger(when, a, b, to) => way.go_if(window.at_least(a, b), when, to),
            JumpEqualInteger(when, a, b, to) => way.go_if(window.is(a, b), when, to),
            IterateNext { to, slot, target } => {
                way.go_if(next_item(window, heap, to, slot), false, target)
            }
            Integer { to, number } => window.set_number(to, f64::from(number)),
            Add { to, left, right } => window.calculate(to, left, right, |a, b| a + b),
            Subtract { to, left, right } => window.calculate(to, left, right, |a, b| a - b),
            Multiply { to, left, right } => window.calculate(to, left, right, |a, b| a * b),
            Divide { to, left, right } => window.calculate(to, left, right, |a, b| a / b),
            Arithmetic(operator, to, a, b) => {
                window.calculate(to, a, b, |a, b| apply(operator, a, b))
            }
            AddInteger { to, left, number } => window.change(to, left, |a| a + f64::from(number)),
            SubtractInteger { to, left, number } => {
                window.change(to, left, |a| a - f64::from(number))
            }
            ArithmeticInteger(operator, to, a, b) => {
                window.change(to, a, |a| apply_integer(operator, a, b))
            }
            Increment { to, from } => window.change(to, from, |a| a + 1.0),
            Decrement { to, from } => window.change(to, from, |a| a - 1.0),
            Compare(comparison, to, a, b) => window.compare(comparison, to, a, b),
            CompareInteger(comparison, to, a, b) => window.compare_number(comparison, to, a, b),
            Not { to, from } => window.set_known(to, truth(window[from]), false),
            EqualConstant(when, to, a, b) => {
                window.set_known(to, is_constant(window[a], code, b), when)
            }
            PropertyEqual(when, to, object, key, b) => {
                let known = property_is_constant(window[object], code, key, b);
                window.set_known(to, known, when)
            }
            Move { to, from } => window.copy(to, from),
            Undefined { to } => window.set(to, Value::Undefined),
            Constant { to, constant } => window.set(to, code.constant(constant)),
            GetProperty { to, object, key } => get_property(window, heap, code, to, object, key),
            GetPath { to, object, path } => {
                get_path(window, heap, code, self.steps.path(path), (to, object))
            }
            GetElement { to, object, key } => get_element(window, heap, to, object, key),
            GetCapture { to, capture, .. } => self.captured.get(window, heap, code, to, capture),
            CallNumber { at, native } => call_number(way, window, code, at, native),
            _ => false,
        }
    }
}

/// Calls a function of one number, where there is one.
#[inline(always)]
fn call_number(
    way: &mut Way<'_>,
    window: &mut Window<'_, '_>,
    code: &Code,
    at: Register,
    native: u32,
) -> bool {
    match (code.links.of_one_number[native as usize], window.number(at)) {
        (Some(function), Some(number)) if way.meter.add(NATIVE_INSTRUCTIONS) => {
            window.set_number(at, function(number))
        }
        _ => false,
    }
}

impl Way<'_> {
    /// Goes on at a target where a condition holds; false where that would be too much for the turn.
    #[inline(always)]
    fn go(&mut self, target: Target, condition: bool) -> bool {
        if condition {
            if !self.meter.jump(target) {
                self.meter.undo(target);
                return false;
            }
            self.next = target.step as usize;
        }
        true
    }

    /// The same where the condition may not be known, which is then false too.
    #[inline(always)]
    fn go_if(&mut self, condition: Option<bool>, wanted: bool, target: Target) -> bool {
        match condition {
            Some(condition) => self.go(target, condition == wanted),
            None => false,
        }
    }
}
