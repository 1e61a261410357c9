//! Steps in full: whatever their operands are.
//!
//! Before: `run`, which does in place what it can. After: one file per family of steps and
//! instructions. Guarantees: the verifier has made sure of operands, so a missing one is a bug.

use super::Machine;
use super::calls::Flow;
use crate::bytecode::Instruction;
use crate::error::Trap;
use crate::steps::{Comparison, Register, Step, Target};
use crate::value::Value;

impl<'p> Machine<'p> {
    pub(super) fn push(&mut self, value: Value<'p>) {
        self.stack.push(value);
    }

    pub(super) fn pop(&mut self) -> Value<'p> {
        self.stack.pop()
    }

    pub(super) fn top(&self) -> Value<'p> {
        self.stack.last()
    }

    /// Does a step in full, but for a call and a return, which `run` does.
    #[inline(never)]
    pub(super) fn step(&mut self, step: &Step, base: usize) -> Result<Flow, Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        match *step {
            CallMethod { at, arguments, key } => {
                self.call_method(key, r(at), usize::from(arguments))
            }
            CallWithReceiver { at, arguments } => {
                self.call_with_receiver_at(r(at), usize::from(arguments))
            }
            Stack {
                instruction,
                height,
            } => {
                let slots = usize::from(self.frame.code.slots);
                self.stack.set_top(base + slots + usize::from(height));
                self.stack_step(instruction)
            }
            CallNative {
                at,
                arguments,
                native,
            } => {
                let native = self.code.links.natives[native as usize];
                self.call_native_at(native, r(at), usize::from(arguments))?;
                Ok(Flow::Next)
            }
            CallNumber { at, native } => {
                let native = self.code.links.natives[native as usize];
                self.call_native_at(native, r(at), 1)?;
                Ok(Flow::Next)
            }
            GetPath { to, object, path } => {
                self.path_step(r(to), r(object), path)?;
                Ok(Flow::Next)
            }
            Text { to, from } => {
                self.text_step(r(to), r(from))?;
                Ok(Flow::Next)
            }
            _ => self.work_step(step, base),
        }
    }

    /// A step that neither calls nor ends the call.
    fn work_step(&mut self, step: &Step, base: usize) -> Result<Flow, Trap> {
        match self.jump_step(step, base)? {
            Some((target, true)) => self.jump(target),
            Some((_, false)) => Ok(Flow::Next),
            None => self.operation(step, base).map(|()| Flow::Next),
        }
    }

    /// Of a step that may jump where to, and whether it does.
    fn jump_step(&mut self, step: &Step, base: usize) -> Result<Option<(Target, bool)>, Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        Ok(Some(match *step {
            Jump(target) => (target, true),
            JumpIf(wanted, from, target) => (target, self.truth(r(from))? == wanted),
            JumpIfNullish(wanted, from, target) => {
                (target, self.stack[r(from)].is_nullish() == wanted)
            }
            JumpIfDefined(from, target) => (target, !self.stack[r(from)].is_undefined()),
            JumpLess(wanted, comparison, left, right, target)
            | JumpLessOrEqual(wanted, comparison, left, right, target)
            | JumpEqual(wanted, comparison, left, right, target) => {
                let (left, right) = match comparison.is_reversed() {
                    true => (right, left),
                    false => (left, right),
                };
                let wanted = wanted != comparison.is_negated();
                (
                    target,
                    self.compare(comparison, r(left), r(right))? == wanted,
                )
            }
            JumpLessInteger(wanted, left, number, target) => {
                let less = self.compare_integer(Comparison::Less, r(left), number)?;
                (target, less == wanted)
            }
            JumpLessOrEqualInteger(wanted, left, number, target) => {
                let less = self.compare_integer(Comparison::LessOrEqual, r(left), number)?;
                (target, less == wanted)
            }
            JumpGreaterInteger(wanted, left, number, target) => {
                let greater = self.compare_integer(Comparison::Greater, r(left), number)?;
                (target, greater == wanted)
            }
            JumpGreaterOrEqualInteger(wanted, left, number, target) => {
                let greater = self.compare_integer(Comparison::GreaterOrEqual, r(left), number)?;
                (target, greater == wanted)
            }
            JumpEqualInteger(wanted, left, number, target) => {
                (target, self.equals_integer(r(left), number)? == wanted)
            }
            JumpEqualConstant(wanted, left, constant, target) => {
                (target, self.equals_constant(r(left), constant)? == wanted)
            }
            IterateNext {
                when,
                to,
                slot,
                target,
            } => (target, self.iterate_into(r(to), slot)? == when),
            _ => return Ok(None),
        }))
    }

    /// The steps that only work on values.
    fn operation(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        let (to, result) = match *step {
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
        self.stack[r(to)] = Value::boolean(result);
        Ok(())
    }

    fn other_step(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        let (operator, to, left, right) = match *step {
            Add { to, left, right } => (Instruction::Add, to, left, right),
            Subtract { to, left, right } => (Instruction::Subtract, to, left, right),
            Multiply { to, left, right } => (Instruction::Multiply, to, left, right),
            Divide { to, left, right } => (Instruction::Divide, to, left, right),
            Remainder { to, left, right } => (Instruction::Remainder, to, left, right),
            BitAnd { to, left, right } => (Instruction::BitAnd, to, left, right),
            BitOr { to, left, right } => (Instruction::BitOr, to, left, right),
            Arithmetic(operator, to, left, right) => (operator, to, left, right),
            Increment { to, from } => return self.unary(Instruction::Increment, r(to), r(from)),
            Decrement { to, from } => return self.unary(Instruction::Decrement, r(to), r(from)),
            _ => return self.integer_step(step, base),
        };
        self.binary(operator, r(to), r(left), r(right))
    }

    /// The operators with a small number on their right.
    fn integer_step(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        let (operator, to, left, number) = match *step {
            AddInteger { to, left, number } => (Instruction::Add, to, left, number),
            SubtractInteger { to, left, number } => (Instruction::Subtract, to, left, number),
            MultiplyInteger { to, left, number } => (Instruction::Multiply, to, left, number),
            DivideInteger { to, left, number } => (Instruction::Divide, to, left, number),
            RemainderInteger { to, left, number } => (Instruction::Remainder, to, left, number),
            BitAndInteger { to, left, number } => (Instruction::BitAnd, to, left, number),
            BitOrInteger { to, left, number } => (Instruction::BitOr, to, left, number),
            ArithmeticInteger(operator, to, left, number) => {
                (operator.instruction(), to, left, number)
            }
            _ => return self.value_step(step, base),
        };
        self.binary_integer(operator, r(to), r(left), number)
    }

    /// The steps that read values, and what is left.
    fn value_step(&mut self, step: &Step, base: usize) -> Result<(), Trap> {
        use Step::*;
        let r = |register: Register| base + usize::from(register);
        match *step {
            Undefined { to } => self.stack[r(to)] = Value::Undefined,
            Null { to } => self.stack[r(to)] = Value::Null,
            Boolean { to, value } => self.stack[r(to)] = Value::boolean(value),
            Integer { to, number } => self.stack[r(to)] = Value::number(f64::from(number)),
            Constant { to, constant } => self.stack[r(to)] = self.code.constant(constant),
            Move { to, from } => self.stack[r(to)] = self.stack[r(from)],
            GetProperty { to, object, key } => self.property_step(r(to), r(object), key)?,
            GetElement { to, object, key } => self.element_step(r(to), r(object), r(key))?,
            GetCapture { to, capture, name } => self.get_capture(r(to), capture, name)?,
            GetCell { to, slot, name } => self.get_cell(r(to), slot, name)?,
            GetChecked { to, slot, name } => self.get_slot_checked(r(to), slot, name)?,
            PushHandler { register, target } => self.push_handler(register, target.step),
            // The others are done in families of their own.
            _ => {}
        }
        Ok(())
    }

    fn jump(&mut self, target: Target) -> Result<Flow, Trap> {
        if !self.meter.jump(target) {
            self.meter.undo(target);
            return Err(self.too_far());
        }
        self.frame.next = target.step;
        Ok(Flow::Jump)
    }

    /// An instruction on operands at the top of the stack.
    #[inline(never)]
    fn stack_step(&mut self, instruction: Instruction) -> Result<Flow, Trap> {
        use Instruction::*;
        let flow = match instruction {
            CallSpread => {
                let arguments = self.spread_arguments()?;
                self.call_from_stack(arguments)?
            }
            CallWithReceiverSpread => {
                let arguments = self.spread_arguments()?;
                self.call_with_receiver_from_stack(arguments)?
            }
            Throw => {
                let value = self.pop();
                return Err(self.throw(value));
            }
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
                let first = self.stack[from];
                self.push(first);
                self.stack[from + 1]
            }
            Instruction::Swap => {
                let last = self.stack.len() - 1;
                self.stack.swap(last, last - 1);
                return Ok(());
            }
            Instruction::Callee => self.stack[self.frame.base as usize - 1],
            _ => Value::Undefined,
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
                let value = self.slot(slot);
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
