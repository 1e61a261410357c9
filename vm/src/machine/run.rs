//! The loop of the machine: fetch one step, do it.
//!
//! Before: `calls`, which runs a function to its end. After: `dispatch`, which does in full what is
//! not done here. Here is done in place what is frequent, as long as the operands are what they mostly
//! are: numbers, texts, properties that are there; and calls of scripts and their ends. Guarantees: what is
//! done in place neither fails nor calls; a step whose operands are others is left to `dispatch` untouched.

use std::slice::Iter;

use super::Machine;
use super::arithmetic::{apply, apply_integer, bit_and, bit_or, remainder, remainder_of};
use super::calls::{Flow, NATIVE_INSTRUCTIONS};
use super::comparison::{is_constant, truth};
use super::frames::{Captured, Frame};
use super::iteration::next_item;
use super::meter::Meter;
use super::properties::{get_element, get_path, get_property, own_property, property_is_constant};
use super::stack::{WINDOW, Window};
use super::variables::get_cell;
use crate::bytecode::{Code, Instruction};
use crate::error::Trap;
use crate::heap::Heap;
use crate::number::to_int32;
use crate::steps::{Register, Step, Steps, Target};
use crate::value::Value;

/// Where the innermost call is, and what its steps reach.
struct Here<'m, 'p> {
    code: &'p Code,
    way: Way<'m, 'p>,
    window: Window<'m, 'p>,
    captured: Captured<'p>,
    heap: &'m mut Heap<'p>,
}

/// The steps that follow, and what was used on the way.
struct Way<'m, 'p> {
    steps: &'p Steps,
    rest: Iter<'p, Step>,
    meter: &'m mut Meter,
}

impl<'p> Machine<'p> {
    /// Runs a call that is prepared, and those that it makes, until as many are open as at `floor`. The
    /// innermost one waits for it behind so many of its instructions. The result is its own.
    #[inline(always)]
    pub(super) fn run(
        &mut self,
        call: &Frame<'p>,
        counted: u32,
        floor: usize,
        handler_floor: usize,
    ) -> Result<Value<'p>, Trap> {
        let mut result = self.run_calls(call, Some(counted), floor);
        while let Err(trap) = result {
            self.unwind(trap, floor, handler_floor)?;
            let call = self.waiting(0);
            result = self.run_calls(&call, None, floor);
        }
        result
    }

    /// Runs from a call on until as many calls are open as at `floor`. By itself, so that it has the processor's
    /// registers to itself. The innermost call is known to the machine only where it is settled. Where one waits
    /// for the first, which is behind so many of its instructions, that is opened only when something has to
    /// know: mostly nothing has.
    #[inline(never)]
    fn run_calls(
        &mut self,
        call: &Frame<'p>,
        mut waiting: Option<u32>,
        floor: usize,
    ) -> Result<Value<'p>, Trap> {
        let mut call = Frame { ..*call };
        loop {
            let base = call.base as usize;
            let step = self.run_in_place(&mut call);
            let counted = match *step {
                Step::Return { counted, .. }
                | Step::ReturnAdd { counted, .. }
                | Step::ReturnSubtract { counted, .. }
                | Step::ReturnMultiply { counted, .. }
                | Step::ReturnProperty { counted, .. } => counted,
                Step::Call {
                    at,
                    arguments,
                    counted,
                } => {
                    self.open_first(&mut waiting);
                    let at = base + usize::from(at);
                    call = self.call_from(call, (at, usize::from(arguments)), counted)?;
                    continue;
                }
                _ => {
                    self.open_first(&mut waiting);
                    self.settle(&call);
                    if self.step(step, base)? != Flow::Next {
                        call = self.waiting(0);
                    }
                    continue;
                }
            };
            let result = match self.result_of(step, base) {
                Some(result) => result,
                None => {
                    self.open_first(&mut waiting);
                    self.settle(&call);
                    self.other_result_of(step, base)?
                }
            };
            if !self.meter.is_within_with(counted) {
                self.open_first(&mut waiting);
                self.settle(&call);
                return Err(self.too_far());
            }
            if let Some(before) = waiting {
                self.meter.turn(counted, before);
                return Ok(result);
            }
            call = self.close(counted);
            if self.frames.len() == floor {
                self.settle(&call);
                return Ok(result);
            }
            self.stack[base - 1] = result;
        }
    }

    /// Opens the first call, where it is not open yet.
    #[inline(always)]
    fn open_first(&mut self, waiting: &mut Option<u32>) {
        if let Some(counted) = waiting.take() {
            self.wait(counted);
        }
    }

    /// Runs the innermost call up to a step that cannot be done in place: that one.
    #[inline(always)]
    fn run_in_place(&mut self, call: &mut Frame<'p>) -> &'p Step {
        let steps = call.code;
        let rest = steps.steps[call.next as usize..].iter();
        let meter = &mut self.meter;
        let mut here = Here {
            code: self.code,
            way: Way { steps, rest, meter },
            window: self.stack.window(call.base as usize),
            captured: call.captured,
            heap: &mut self.heap,
        };
        let step = match steps.registers as usize <= WINDOW {
            true => here.run(),
            false => here.way.step(),
        };
        call.next = (steps.steps.len() - here.way.rest.len()) as u32;
        step
    }

    /// Calls what stands at a place of the stack, with so many arguments behind it, from a call that is behind
    /// so many of its instructions. The result is the call that goes on.
    #[inline(always)]
    fn call_from(
        &mut self,
        call: Frame<'p>,
        (at, arguments): (usize, usize),
        counted: u32,
    ) -> Result<Frame<'p>, Trap> {
        let function = self.stack[at].by_words();
        if let Some(called) = self.script_function(function) {
            let waiting = Frame { counted, ..call };
            let opened = self.open(called, at, arguments, waiting);
            if opened.is_err() {
                self.settle(&call);
            }
            return opened;
        }
        self.settle(&call);
        self.call_at_once(function, (at, arguments), Value::Undefined)?;
        Ok(call)
    }

    /// What a step gives that ends the call; nothing where that takes more than a look.
    #[inline(always)]
    fn result_of(&self, step: &Step, base: usize) -> Option<Value<'p>> {
        let value = |register: Register| self.stack[base + usize::from(register)].by_words();
        let number = |register: Register| value(register).as_number();
        let result = match *step {
            Step::Return { from, .. } => return Some(value(from)),
            Step::ReturnAdd { left, right, .. } => number(left)? + number(right)?,
            Step::ReturnSubtract { left, right, .. } => number(left)? - number(right)?,
            Step::ReturnMultiply { left, right, .. } => number(left)? * number(right)?,
            Step::ReturnProperty { object, key, .. } => {
                return own_property(value(object), &self.heap, self.code, key);
            }
            _ => return None,
        };
        Some(Value::number(result))
    }

    /// The same, in full.
    #[inline(never)]
    fn other_result_of(&mut self, step: &Step, base: usize) -> Result<Value<'p>, Trap> {
        let r = |register: Register| base + usize::from(register);
        let (operator, left, right) = match *step {
            Step::ReturnProperty { object, key, .. } => {
                let object = self.stack[r(object)];
                return self.property_by_key(&object, key);
            }
            Step::ReturnAdd { left, right, .. } => (Instruction::Add, left, right),
            Step::ReturnSubtract { left, right, .. } => (Instruction::Subtract, left, right),
            Step::ReturnMultiply { left, right, .. } => (Instruction::Multiply, left, right),
            _ => return Ok(Value::Undefined),
        };
        // The register is not read any more.
        self.binary(operator, r(left), r(left), r(right))?;
        Ok(self.stack[r(left)])
    }
}

impl<'p> Here<'_, 'p> {
    /// Does steps until one cannot be done in place: that one.
    #[inline(always)]
    fn run(&mut self) -> &'p Step {
        loop {
            let step = self.way.step();
            if !self.do_in_place(step) {
                return step;
            }
        }
    }

    /// Does a step in place; false where it is to be done in full. One `match` over all steps: nested
    /// ones would be a jump each.
    #[inline(always)]
    #[rustfmt::skip]
    fn do_in_place(&mut self, step: &'p Step) -> bool {
        use Step::*;
        let (way, w, heap, code) = (&mut self.way, &mut self.window, &mut self.heap, self.code);
        match *step {
            Jump(to) => way.go(to, true),
            JumpIf(when, a, to) => way.go_if(truth(w[a]), when, to),
            JumpIfNullish(when, a, to) => way.go(to, w[a].is_nullish() == when),
            JumpIfDefined(a, to) => way.go(to, !w[a].is_undefined()),
            JumpEqualConstant(when, a, b, to) => way.go_if(is_constant(w[a], code, b), when, to),
            JumpLess(when, _, a, b, to) => way.go_if(w.less(a, b), when, to),
            JumpLessOrEqual(when, _, a, b, to) => way.go_if(w.up_to(a, b), when, to),
            JumpEqual(when, _, a, b, to) => way.go_if(w.equal(a, b), when, to),
            JumpLessInteger(when, a, b, to) => way.go_if(w.less_than(a, b), when, to),
            JumpLessOrEqualInteger(when, a, b, to) => way.go_if(w.at_most(a, b), when, to),
            JumpGreaterInteger(when, a, b, to) => way.go_if(w.more_than(a, b), when, to),
            JumpGreaterOrEqualInteger(when, a, b, to) => way.go_if(w.at_least(a, b), when, to),
            JumpEqualInteger(when, a, b, to) => way.go_if(w.is(a, b), when, to),
            IterateNext { when, to, slot, target } => way.go_if(next_item(w, heap, to, slot), when, target),
            Null { to } => w.set(to, Value::Null),
            Boolean { to, value } => w.set_boolean(to, value),
            Integer { to, number } => w.set_number(to, f64::from(number)),
            Add { to, left, right } => w.calculate(to, left, right, |a, b| a + b),
            Subtract { to, left, right } => w.calculate(to, left, right, |a, b| a - b),
            Multiply { to, left, right } => w.calculate(to, left, right, |a, b| a * b),
            Divide { to, left, right } => w.calculate(to, left, right, |a, b| a / b),
            Remainder { to, left, right } => w.calculate(to, left, right, remainder),
            BitAnd { to, left, right } => w.calculate(to, left, right, bit_and),
            BitOr { to, left, right } => w.calculate(to, left, right, bit_or),
            Arithmetic(operator, to, a, b) => w.calculate(to, a, b, |a, b| apply(operator, a, b)),
            AddInteger { to, left, number } => w.change(to, left, |a| a + f64::from(number)),
            SubtractInteger { to, left, number } => w.change(to, left, |a| a - f64::from(number)),
            MultiplyInteger { to, left, number } => w.change(to, left, |a| a * f64::from(number)),
            DivideInteger { to, left, number } => w.change(to, left, |a| a / f64::from(number)),
            RemainderInteger { to, left, number } => w.change(to, left, |a| remainder_of(a, number)),
            BitAndInteger { to, left, number } => w.change(to, left, |a| f64::from(to_int32(a) & number)),
            BitOrInteger { to, left, number } => w.change(to, left, |a| f64::from(to_int32(a) | number)),
            ArithmeticInteger(operator, to, a, b) => w.change(to, a, |a| apply_integer(operator, a, b)),
            Increment { to, from } => w.change(to, from, |a| a + 1.0),
            Decrement { to, from } => w.change(to, from, |a| a - 1.0),
            Compare(comparison, to, a, b) => w.compare(comparison, to, a, b),
            CompareInteger(comparison, to, a, b) => w.compare_number(comparison, to, a, b),
            Not { to, from } => w.set_known(to, truth(w[from]), false),
            EqualConstant(when, to, a, b) => w.set_known(to, is_constant(w[a], code, b), when),
            PropertyEqual(when, to, object, key, b) =>
                w.set_known(to, property_is_constant(w[object], code, key, b), when),
            Move { to, from } => w.copy(to, from),
            Undefined { to } => w.set(to, Value::Undefined),
            Constant { to, constant } => w.set(to, code.constant(constant)),
            GetProperty { to, object, key } => get_property(w, heap, code, to, object, key),
            GetPath { to, object, path } => get_path(w, heap, code, &way.steps.paths[path as usize], (to, object)),
            GetElement { to, object, key } => get_element(w, heap, to, object, key),
            GetCapture { to, capture, .. } => self.captured.get(w, heap, code, to, capture),
            GetCell { to, slot, .. } => get_cell(w, heap, to, slot),
            GetChecked { to, slot, .. } => w.set_declared(to, w[slot]),
            CallNumber { at, native } => call_number(way, w, code, at, native),
            // These turn the flow, or take what is not at hand here.
            Call { .. } | CallMethod { .. } | CallWithReceiver { .. } | CallNative { .. } => false,
            Return { .. } => false,
            ReturnAdd { .. } | ReturnSubtract { .. } | ReturnMultiply { .. } | ReturnProperty { .. } => false,
            Text { .. } | PushHandler { .. } | Stack { .. } => false,
        }
    }
}

/// Calls a function of one number, where there is one.
#[inline(always)]
fn call_number(
    way: &mut Way<'_, '_>,
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

impl<'p> Way<'_, 'p> {
    /// The next step.
    #[inline(always)]
    fn step(&mut self) -> &'p Step {
        self.rest.next().expect("the last step ends the call")
    }

    /// Goes on at a target where a condition holds; false where that would be too much for the turn.
    #[inline(always)]
    fn go(&mut self, target: Target, condition: bool) -> bool {
        if condition {
            if !self.meter.jump(target) {
                self.meter.undo(target);
                return false;
            }
            self.rest = self.steps.steps[target.step as usize..].iter();
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
