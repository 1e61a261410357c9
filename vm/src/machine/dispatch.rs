//! The step of the machine: fetch one instruction, do it.
//!
//! Before: `calls`, which runs steps until a call ends. After: one file per family of instructions.
//! Guarantees: every instruction is counted; the families together cover every instruction, checked
//! by the compiler. The verifier has made sure of operands, so a missing one is a bug.

use super::Machine;
use super::calls::Flow;
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::value::Value;

impl<'p> Machine<'p> {
    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Value {
        self.stack
            .pop()
            .expect("the verifier has counted the operands")
    }

    #[inline]
    pub(super) fn top(&self) -> &Value {
        self.stack
            .last()
            .expect("the verifier has counted the operands")
    }

    #[inline]
    fn jump(&mut self, target: u32) {
        self.frame.next = target;
    }

    #[inline]
    pub(super) fn step(&mut self) -> Result<Flow, Trap> {
        self.spend(1)?;
        let function = self
            .frame
            .function
            .expect("a call is open while the machine runs");
        let instruction = function.instructions[self.frame.next as usize];
        self.frame.next += 1;
        use Instruction::*;
        match instruction {
            Return => return Ok(Flow::Return(self.pop())),
            GetSlot(slot) => {
                let value = self.slot(slot).clone();
                self.push(value);
            }
            SetSlot(slot) => {
                let value = self.pop();
                self.set_slot(slot, value);
            }
            Constant(at) => {
                let value = Value::Frozen(self.code.constants[at as usize].clone());
                self.push(value);
            }
            Integer(number) => self.push(Value::number(f64::from(number))),
            GetProperty(key) => {
                let object = self.pop();
                let value = self.property_by_key(&object, key)?;
                self.push(value);
            }
            Call(arguments) => self.start_call(usize::from(arguments), None)?,
            CallMethod { arguments, key } => self.call_method(key, usize::from(arguments))?,
            CallNative { arguments, native } => {
                let native = self.code.links.natives[native as usize];
                self.call_native_from_stack(native, usize::from(arguments))?;
            }
            Jump(_)
            | JumpIfFalse(_)
            | JumpIfTrue(_)
            | JumpIfFalseKeep(_)
            | JumpIfTrueKeep(_)
            | JumpIfNotNullishKeep(_)
            | JumpIfDefinedKeep(_)
            | JumpIfNullish(_) => self.jumps(instruction)?,
            Add | Subtract | Multiply | Divide | Remainder | Power | BitAnd | BitOr | BitXor
            | ShiftLeft | ShiftRight | ShiftRightUnsigned | Negate | ToNumber | Increment
            | Decrement | BitNot | Template(_) => {
                self.arithmetic(instruction)?;
            }
            StrictEqual | StrictNotEqual | Equal | NotEqual | Less | LessOrEqual | Greater
            | GreaterOrEqual | Not | TypeOf | In | InstanceOf(_) => self.comparison(instruction)?,
            Undefined | Null | True | False | Native(_) | Ambient(_) | Shorthand(_) | Pop
            | Duplicate | DuplicatePair | Swap | Callee => self.constants(instruction)?,
            GetSlotChecked { .. }
            | TeeSlot(_)
            | SetSlotChecked { .. }
            | ClearSlot(_)
            | MakeCell(_)
            | ClearCell(_)
            | RenewCell(_)
            | GetCell { .. }
            | SetCell { .. }
            | InitCell(_)
            | GetCapture { .. }
            | SetCapture { .. }
            | Closure(_) => self.variables(instruction)?,
            GetMethod(_) | GetElement | GetElementMethod | SetProperty(_) | SetElement
            | DeleteProperty(_) | DeleteElement | RequireObject | ToPropertyKey => {
                self.properties(instruction)?;
            }
            NewObject | ObjectLiteral(_) | DefineProperty(_) | DefineElement | SpreadObject
            | ObjectRest(_) | NewArray(_) | ArrayPush | ArraySpread => self.objects(instruction)?,
            Iterate
            | IterateKeys
            | IterateNext { .. }
            | IterateNextOrUndefined(_)
            | IterateRest(_) => {
                self.iteration(instruction)?;
            }
            CallWithReceiver(_) | CallSpread | CallWithReceiverSpread => {
                self.other_calls(instruction)?;
            }
            Throw => return Err(Trap::throw(self.pop())),
            PushHandler(target) => self.push_handler(target),
            PopHandler => self.pop_handler(),
        }
        Ok(Flow::Next)
    }

    #[inline]
    fn jumps(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let (target, jump, keep) = match instruction {
            Instruction::Jump(target) => {
                self.jump(target);
                return Ok(());
            }
            Instruction::JumpIfFalse(target) => {
                let value = self.pop();
                if !self.condition(&value)? {
                    self.jump(target);
                }
                return Ok(());
            }
            Instruction::JumpIfTrue(target) => {
                let value = self.pop();
                if self.condition(&value)? {
                    self.jump(target);
                }
                return Ok(());
            }
            Instruction::JumpIfFalseKeep(target) => (target, !self.top_condition()?, true),
            Instruction::JumpIfTrueKeep(target) => (target, self.top_condition()?, true),
            Instruction::JumpIfNotNullishKeep(target) => (target, !self.top().is_nullish(), true),
            Instruction::JumpIfDefinedKeep(target) => (target, !self.top().is_undefined(), true),
            Instruction::JumpIfNullish(target) => (target, self.top().is_nullish(), false),
            _ => return Ok(()),
        };
        if jump {
            self.jump(target);
        }
        if jump != keep {
            self.pop();
        }
        Ok(())
    }

    fn top_condition(&mut self) -> Result<bool, Trap> {
        let value = self.top().clone();
        self.condition(&value)
    }

    fn constants(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let value = match instruction {
            Instruction::Null => Value::NULL,
            Instruction::True => Value::TRUE,
            Instruction::False => Value::FALSE,
            Instruction::Native(at) => Value::Native(self.code.links.natives[at as usize]),
            Instruction::Ambient(at) => {
                let code = self.code;
                self.host.ambient(self, &code.ambients[at as usize])?
            }
            Instruction::Shorthand(key) => {
                let code = self.code;
                self.host.shorthand(self, &code.keys[key as usize])?
            }
            Instruction::Pop => {
                self.pop();
                return Ok(());
            }
            Instruction::Duplicate => self.top().clone(),
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

    fn variables(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let value = match instruction {
            Instruction::GetSlotChecked { slot, name } => self.get_slot_checked(slot, name)?,
            Instruction::GetCell { slot, name } => self.get_cell(slot, name)?,
            Instruction::GetCapture { capture, name } => self.get_capture(capture, name)?,
            Instruction::Closure(index) => self.make_closure(index)?,
            other => return self.set_variable(other),
        };
        self.push(value);
        Ok(())
    }

    fn set_variable(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::TeeSlot(slot) => {
                let value = self.top().clone();
                self.set_slot(slot, value);
            }
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

    fn other_calls(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::CallWithReceiver(arguments) => {
                self.call_with_receiver_from_stack(usize::from(arguments))
            }
            Instruction::CallSpread => {
                let arguments = self.spread_arguments()?;
                self.start_call(arguments, None)
            }
            _ => {
                let arguments = self.spread_arguments()?;
                self.call_with_receiver_from_stack(arguments)
            }
        }
    }
}
