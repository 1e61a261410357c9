//! The loop of the machine: fetch one step, do it.
//!
//! Before: `calls`, which runs steps until a call ends. After: one file per family of steps and
//! instructions. Guarantees: instructions are counted where the flow turns, calls or ends, and at a
//! trap: between two such points there are never more than a function has. The verifier has made
//! sure of operands, so a missing one is a bug.

use super::Machine;
use super::calls::Flow;
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::steps::{Register, Step};
use crate::value::Value;

impl<'p> Machine<'p> {
    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub(super) fn pop(&mut self) -> Value {
        self.stack.pop()
    }

    pub(super) fn top(&self) -> &Value {
        self.stack.last()
    }

    /// Runs until as many calls are open as at `floor`. The result is where the function was.
    pub(super) fn run(&mut self, floor: usize, handler_floor: usize) -> Result<(), Trap> {
        loop {
            match self.run_steps(floor) {
                Ok(()) => return Ok(()),
                Err(trap) => {
                    self.used.instructions += self.count_instructions();
                    self.unwind(trap, floor, handler_floor)?;
                }
            }
        }
    }

    fn run_steps(&mut self, floor: usize) -> Result<(), Trap> {
        while self.run_call()? != Flow::Return || self.depth != floor {}
        Ok(())
    }

    /// Runs the innermost call until it ends or calls another. The steps that turn the flow are here,
    /// and those that are frequent.
    fn run_call(&mut self) -> Result<Flow, Trap> {
        use Step::*;
        let steps: &'p [Step] = &self.frame.code.steps;
        let base = self.frame.base as usize;
        let r = |register: Register| base + usize::from(register);
        let mut at = self.frame.next as usize;
        loop {
            let step = &steps[at];
            at += 1;
            self.frame.next = at as u32;
            match *step {
                Move { to, from } => self.stack.copy(r(from), r(to)),
                GetProperty { to, object, key } => self.get_property(r(to), r(object), key)?,
                Jump { target } => at = self.jump(target)?,
                JumpIf(wanted, from, target) => {
                    if self.truth(r(from))? == wanted {
                        at = self.jump(target)?;
                    }
                }
                JumpIfNullish(wanted, from, target) => {
                    if self.stack[r(from)].is_nullish() == wanted {
                        at = self.jump(target)?;
                    }
                }
                JumpIfDefined(from, target) => {
                    if !self.stack[r(from)].is_undefined() {
                        at = self.jump(target)?;
                    }
                }
                JumpCompare(wanted, comparison, left, right, target) => {
                    if self.compare(comparison, r(left), r(right))? == wanted {
                        at = self.jump(target)?;
                    }
                }
                JumpCompareInteger(wanted, comparison, left, number, target) => {
                    if self.compare_integer(comparison, r(left), number)? == wanted {
                        at = self.jump(target)?;
                    }
                }
                JumpEqualConstant(wanted, left, constant, target) => {
                    if self.equals_constant(r(left), constant)? == wanted {
                        at = self.jump(target)?;
                    }
                }
                IterateNext { to, slot, target } => {
                    if !self.iterate_into(r(to), slot)? {
                        at = self.jump(target)?;
                    }
                }
                Call { .. } | CallMethod { .. } | Stack { .. } => {
                    if self.call_step(step, base)? == Flow::Call {
                        return Ok(Flow::Call);
                    }
                }
                Return { from } => {
                    self.settle()?;
                    self.return_from(r(from));
                    return Ok(Flow::Return);
                }
                _ => self.operation(step, base)?,
            }
        }
    }

    /// The steps that only work on values: what is frequent and short.
    #[inline(always)]
    fn operation(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        let (to, result) = match *step {
            Add { to, left, right } => return self.add_step(r(to), r(left), r(right)),
            Subtract { to, left, right } => return self.subtract(r(to), r(left), r(right)),
            Multiply { to, left, right } => return self.multiply(r(to), r(left), r(right)),
            Divide { to, left, right } => return self.divide(r(to), r(left), r(right)),
            AddInteger { to, left, number } => return self.add_integer(r(to), r(left), number),
            SubtractInteger { to, left, number } => {
                return self.subtract_integer(r(to), r(left), number);
            }
            Increment { to, from } => return self.increment(r(to), r(from)),
            GetCapture { to, capture, name } => return self.get_capture(r(to), capture, name),
            GetElement { to, object, key } => return self.get_element(r(to), r(object), r(key)),
            Not { to, from } => (to, !self.truth(r(from))?),
            Compare(comparison, to, left, right) => {
                (to, self.compare(comparison, r(left), r(right))?)
            }
            CompareInteger(comparison, to, left, number) => {
                (to, self.compare_integer(comparison, r(left), number)?)
            }
            EqualConstant(wanted, to, left, constant) => {
                (to, self.equals_constant(r(left), constant)? == wanted)
            }
            PropertyEqual(wanted, to, object, key, constant) => (
                to,
                self.property_equals(r(object), key, constant)? == wanted,
            ),
            _ => return self.other_step(step, base),
        };
        self.stack.set_boolean(r(to), result);
        Ok(())
    }

    /// The steps that are less frequent, or take long anyway.
    #[inline(never)]
    fn other_step(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        match *step {
            Take { to, from } => self.stack.move_to(r(from), r(to)),
            Integer { to, number } => self.stack.set_number(r(to), f64::from(number)),
            Undefined { to } => self.stack[r(to)] = Value::UNDEFINED,
            Null { to } => self.stack[r(to)] = Value::NULL,
            Boolean { to, value } => self.stack.set_boolean(r(to), value),
            Constant { to, constant } => {
                self.stack
                    .set_data(r(to), &self.code.constants[constant as usize]);
            }
            GetCell { to, slot, name } => self.get_cell(r(to), slot, name)?,
            GetChecked { to, slot, name } => self.get_slot_checked(r(to), slot, name)?,
            Text { to, from } => self.text_step(r(to), r(from))?,
            GetPath { to, object, path } => self.get_path(r(to), r(object), path)?,
            Arithmetic {
                operator,
                to,
                left,
                right,
            } => {
                self.arithmetic(operator, r(to), r(left), r(right))?;
            }
            ArithmeticInteger {
                operator,
                to,
                left,
                number,
            } => {
                self.arithmetic_integer(operator, r(to), r(left), number)?;
            }
            Decrement { to, from } => self.unary(Instruction::Decrement, r(to), r(from))?,
            CallNative {
                at,
                arguments,
                native,
            } => {
                let native = self.code.links.natives[native as usize];
                self.call_native_at(native, r(at), usize::from(arguments))?;
            }
            PushHandler { register, target } => self.push_handler(register, target),
            // `run_call` and `operation` have done the others.
            _ => {}
        }
        Ok(())
    }

    /// The steps that may call a function of the script.
    #[inline(always)]
    fn call_step(&mut self, step: &Step, base: usize) -> Result<Flow, Trap> {
        let r = |register: Register| base + usize::from(register);
        match *step {
            Step::Call { at, arguments } => {
                self.settle()?;
                self.start_call(r(at), usize::from(arguments), None)
            }
            Step::CallMethod { at, arguments, key } => {
                self.settle()?;
                self.call_method(key, r(at), usize::from(arguments))
            }
            Step::Stack {
                instruction,
                height,
            } => {
                let slots = usize::from(self.frame.code.slots);
                self.stack.set_top(base + slots + usize::from(height));
                self.stack_step(instruction)
            }
            _ => Ok(Flow::Next),
        }
    }

    /// Goes on at another step.
    #[inline(always)]
    fn jump(&mut self, target: u32) -> Result<usize, Trap> {
        self.settle()?;
        self.go_to(target);
        Ok(target as usize)
    }

    /// Counts the instructions so far; a trap when there are too many.
    #[inline(always)]
    fn settle(&mut self) -> Result<(), Trap> {
        let count = self.count_instructions();
        self.spend(count)
    }

    /// Ends the innermost call with what a place of the stack holds.
    #[inline(always)]
    fn return_from(&mut self, at: usize) {
        let place = self.frame.base as usize - 1;
        self.stack.move_to(at, place);
        self.leave();
    }

    /// An instruction on operands at the top of the stack.
    #[inline(never)]
    fn stack_step(&mut self, instruction: Instruction) -> Result<Flow, Trap> {
        use Instruction::*;
        let flow = match instruction {
            CallWithReceiver(arguments) => {
                self.settle()?;
                self.call_with_receiver_from_stack(usize::from(arguments))?
            }
            CallSpread => {
                self.settle()?;
                let arguments = self.spread_arguments()?;
                self.call_from_stack(arguments)?
            }
            CallWithReceiverSpread => {
                self.settle()?;
                let arguments = self.spread_arguments()?;
                self.call_with_receiver_from_stack(arguments)?
            }
            Throw => return Err(Trap::throw(self.pop())),
            other => {
                self.step_plain(other)?;
                Flow::Next
            }
        };
        if flow == Flow::Next {
            self.set_frame_top();
        }
        Ok(flow)
    }

    /// The instructions that only work on values, by family.
    fn step_plain(&mut self, instruction: Instruction) -> Result<(), Trap> {
        use Instruction::*;
        match instruction {
            Negate | ToNumber | BitNot | Template(_) => self.on_top(instruction),
            TypeOf | In | InstanceOf(_) => self.comparison(instruction),
            Undefined | Native(_) | Ambient(_) | Shorthand(_) | DuplicatePair | Swap | Callee => {
                self.constants(instruction)
            }
            Closure(index) => {
                let closure = self.make_closure(index)?;
                self.push(closure);
                Ok(())
            }
            SetSlotChecked { .. }
            | ClearSlot(_)
            | MakeCell(_)
            | ClearCell(_)
            | RenewCell(_)
            | SetCell { .. }
            | InitCell(_)
            | SetCapture { .. } => self.set_variable(instruction),
            GetElementMethod | SetProperty(_) | SetElement | DeleteProperty(_) | DeleteElement
            | RequireObject | ToPropertyKey => self.properties(instruction),
            NewObject | ObjectLiteral(_) | DefineProperty(_) | DefineElement | SpreadObject
            | ObjectRest(_) | NewArray(_) | ArrayPush | ArraySpread => self.objects(instruction),
            Iterate | IterateKeys | IterateNextOrUndefined(_) | IterateRest(_) => {
                self.iteration(instruction)
            }
            PopHandler => {
                self.pop_handler();
                Ok(())
            }
            // The others are steps of their own.
            _ => Ok(()),
        }
    }

    fn constants(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let value = match instruction {
            Instruction::Native(at) => Value::Native(self.code.links.natives[at as usize]),
            Instruction::Ambient(at) => {
                let code = self.code;
                self.host.ambient(self, &code.ambients[at as usize])?
            }
            Instruction::Shorthand(key) => {
                let code = self.code;
                self.host.shorthand(self, &code.keys[key as usize])?
            }
            Instruction::DuplicatePair => {
                let from = self.stack.len() - 2;
                let first = self.stack[from].clone();
                self.push(first);
                self.stack[from + 1].clone()
            }
            Instruction::Swap => {
                let last = self.stack.len() - 1;
                self.stack.swap(last, last - 1);
                return Ok(());
            }
            Instruction::Callee => self.stack[self.frame.base as usize - 1].clone(),
            _ => Value::Frozen(Data::Undefined),
        };
        self.push(value);
        Ok(())
    }

    fn set_variable(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::SetSlotChecked { slot, name } => {
                let value = self.pop();
                self.set_slot_checked(slot, name, value)?;
            }
            Instruction::ClearSlot(slot) => self.set_slot(slot, Value::Uninitialised),
            Instruction::ClearCell(slot) => self.make_cell(slot, Value::Uninitialised)?,
            Instruction::MakeCell(slot) => {
                let value = self.slot(slot).clone();
                self.make_cell(slot, value)?;
            }
            Instruction::RenewCell(slot) => self.renew_cell(slot)?,
            Instruction::SetCell { slot, name } => {
                let value = self.pop();
                self.set_cell(slot, name, value)?;
            }
            Instruction::InitCell(slot) => {
                let value = self.pop();
                self.init_cell(slot, value)?;
            }
            Instruction::SetCapture { capture, name } => {
                let value = self.pop();
                self.set_capture(capture, name, value)?;
            }
            _ => {}
        }
        Ok(())
    }
}
