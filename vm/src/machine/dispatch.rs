//! The step of the machine: fetch one instruction, do it.
//!
//! Before: `calls`, which runs steps until a call ends. After: one file per family of instructions.
//! Guarantees: every instruction is counted, and belongs to one family. The verifier has made sure of operands, so a missing one is a bug.

use super::Machine;
use super::calls::Flow;
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::host::Misuse;
use crate::value::Value;

impl<'p> Machine<'p> {
    #[inline(always)]
    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Value {
        self.stack.pop()
    }

    #[inline(always)]
    pub(super) fn top(&self) -> &Value {
        self.stack.last()
    }

    /// Runs until as many calls are open as at `floor`.
    pub(super) fn run(&mut self, floor: usize, handler_floor: usize) -> Result<Value, Trap> {
        loop {
            match self.run_frame() {
                Ok(Some(value)) => {
                    self.leave();
                    if self.callers.len() == floor {
                        return Ok(value);
                    }
                    self.push(value);
                }
                Ok(None) => {}
                Err(trap) => self.unwind(trap, floor, handler_floor)?,
            }
        }
    }

    /// Runs the innermost call until it ends (then with its result) or calls another.
    /// Instructions are counted here and charged where the flow turns back, calls or ends: between
    /// two such points there are never more than a function has.
    fn run_frame(&mut self) -> Result<Option<Value>, Trap> {
        let instructions = self.frame.instructions;
        let mut at = self.frame.next as usize;
        let mut count = 0;
        loop {
            let instruction = instructions[at];
            at += 1;
            count += 1;
            self.frame.next = at as u32;
            match self.step(instruction) {
                Ok(Flow::Next) => {}
                Ok(Flow::Jump(target)) => {
                    let target = target as usize;
                    if target < at {
                        self.spend(std::mem::take(&mut count))?;
                    }
                    at = target;
                }
                Ok(Flow::Call) => {
                    self.spend(count)?;
                    return Ok(None);
                }
                Ok(Flow::Return(value)) => {
                    self.spend(count)?;
                    return Ok(Some(value));
                }
                Err(trap) => {
                    self.used.instructions += count;
                    return Err(trap);
                }
            }
        }
    }

    /// Does one instruction: the frequent ones here, so that they become one piece of code.
    #[inline(always)]
    fn step(&mut self, instruction: Instruction) -> Result<Flow, Trap> {
        use Instruction::*;
        match instruction {
            Return => return Ok(Flow::Return(self.pop())),
            GetSlot(slot) => match self.slot(slot) {
                Value::Frozen(Data::Number(number)) => {
                    let number = *number;
                    self.stack.push_number(number);
                }
                value => {
                    let value = value.clone();
                    self.push(value);
                }
            },
            SetSlot(slot) => match self.top() {
                Value::Frozen(Data::Number(number)) => {
                    let number = *number;
                    self.stack.drop_top();
                    self.set_slot_number(slot, number);
                }
                _ => {
                    let value = self.pop();
                    self.set_slot(slot, value);
                }
            },
            Constant(at) => {
                let value = Value::Frozen(self.code.constants[at as usize].clone());
                self.push(value);
            }
            Integer(number) => self.stack.push_number(f64::from(number)),
            GetSlotProperty { slot, key } => self.get_slot_property(slot, key)?,
            Jump(target) => return Ok(Flow::Jump(target)),
            JumpIfFalse(target) => {
                if !self.pop_condition()? {
                    return Ok(Flow::Jump(target));
                }
            }
            JumpIfTrue(target) => {
                if self.pop_condition()? {
                    return Ok(Flow::Jump(target));
                }
            }
            Add | Subtract | Multiply | Divide => {
                if !self.fast_arithmetic(instruction) {
                    self.arithmetic(instruction)?;
                }
            }
            Less | LessOrEqual | Greater | GreaterOrEqual => {
                if !self.fast_comparison(instruction) {
                    self.comparison(instruction)?;
                }
            }
            IncrementSlot(slot) => {
                let at = self.frame.base as usize + usize::from(slot);
                match &mut self.stack[at] {
                    Value::Frozen(Data::Number(number)) => *number += 1.0,
                    _ => self.arithmetic(instruction)?,
                }
            }
            AddInteger(added) => match self.stack.last_mut() {
                Value::Frozen(Data::Number(number)) => *number += f64::from(added),
                _ => self.arithmetic(instruction)?,
            },
            Pop => self.stack.drop_top(),
            StrictEqualConstant(at) => self.equal_constant(at, true)?,
            StrictNotEqualConstant(at) => self.equal_constant(at, false)?,
            _ => return self.step_into(instruction),
        }
        Ok(Flow::Next)
    }

    /// The instructions that may call, jump or end.
    #[inline(never)]
    fn step_into(&mut self, instruction: Instruction) -> Result<Flow, Trap> {
        use Instruction::*;
        match instruction {
            Call(arguments) => return self.start_call(usize::from(arguments), None),
            CallMethod { arguments, key } => return self.call_method(key, usize::from(arguments)),
            CallNative { arguments, native } => {
                let native = self.code.links.natives[native as usize];
                self.call_native_from_stack(native, usize::from(arguments))?;
            }
            CallWithReceiver(arguments) => {
                return self.call_with_receiver_from_stack(usize::from(arguments));
            }
            CallSpread => {
                let arguments = self.spread_arguments()?;
                return self.start_call(arguments, None);
            }
            CallWithReceiverSpread => {
                let arguments = self.spread_arguments()?;
                return self.call_with_receiver_from_stack(arguments);
            }
            JumpIfFalseKeep(target) => {
                let jump = !self.top_condition()?;
                return Ok(self.jump_or_pop(jump, target));
            }
            JumpIfTrueKeep(target) => {
                let jump = self.top_condition()?;
                return Ok(self.jump_or_pop(jump, target));
            }
            JumpIfNotNullishKeep(target) => {
                let jump = !self.top().is_nullish();
                return Ok(self.jump_or_pop(jump, target));
            }
            JumpIfDefinedKeep(target) => {
                let jump = !self.top().is_undefined();
                return Ok(self.jump_or_pop(jump, target));
            }
            JumpIfNullish(target) => {
                if self.top().is_nullish() {
                    self.pop();
                    return Ok(Flow::Jump(target));
                }
            }
            IterateNext { slot, target } => match self.next_of_slot(slot)? {
                Some(value) => self.push(value),
                None => return Ok(Flow::Jump(target)),
            },
            Throw => return Err(Trap::throw(self.pop())),
            other => self.step_plain(other)?,
        }
        Ok(Flow::Next)
    }

    /// The instructions that only work on values, by family.
    fn step_plain(&mut self, instruction: Instruction) -> Result<(), Trap> {
        use Instruction::*;
        match instruction {
            Remainder | Power | BitAnd | BitOr | BitXor | ShiftLeft | ShiftRight
            | ShiftRightUnsigned | Negate | ToNumber | Increment | Decrement | BitNot
            | Template(_) => self.arithmetic(instruction),
            StrictEqual | StrictNotEqual | Equal | NotEqual | Not | TypeOf | In | InstanceOf(_) => {
                self.comparison(instruction)
            }
            Undefined | Null | True | False | Native(_) | Ambient(_) | Shorthand(_) | Duplicate
            | DuplicatePair | Swap | Callee => self.constants(instruction),
            GetCapture { .. } | GetCell { .. } | GetSlotChecked { .. } | Closure(_) => {
                self.variables(instruction)
            }
            TeeSlot(_)
            | SetSlotChecked { .. }
            | ClearSlot(_)
            | MakeCell(_)
            | ClearCell(_)
            | RenewCell(_)
            | SetCell { .. }
            | InitCell(_)
            | SetCapture { .. } => self.set_variable(instruction),
            GetProperty(_) | GetMethod(_) | GetElement | GetElementMethod | SetProperty(_)
            | SetElement | DeleteProperty(_) | DeleteElement | RequireObject | ToPropertyKey => {
                self.properties(instruction)
            }
            NewObject | ObjectLiteral(_) | DefineProperty(_) | DefineElement | SpreadObject
            | ObjectRest(_) | NewArray(_) | ArrayPush | ArraySpread => self.objects(instruction),
            Iterate | IterateKeys | IterateNextOrUndefined(_) | IterateRest(_) => {
                self.iteration(instruction)
            }
            PushHandler(target) => {
                self.push_handler(target);
                Ok(())
            }
            PopHandler => {
                self.pop_handler();
                Ok(())
            }
            // `step` and `step_into` have done the others.
            _ => Ok(()),
        }
    }

    /// Arithmetic on two numbers, in the place of the first; false where one is none.
    #[inline(always)]
    fn fast_arithmetic(&mut self, instruction: Instruction) -> bool {
        let (Value::Frozen(Data::Number(left)), Value::Frozen(Data::Number(right))) =
            self.stack.last_two()
        else {
            return false;
        };
        match instruction {
            Instruction::Add => *left += right,
            Instruction::Subtract => *left -= right,
            Instruction::Multiply => *left *= right,
            _ => *left /= right,
        }
        self.stack.drop_top();
        true
    }

    /// Compares two numbers; false where one is none.
    #[inline(always)]
    fn fast_comparison(&mut self, instruction: Instruction) -> bool {
        let (left_place, right) = self.stack.last_two();
        let (Value::Frozen(Data::Number(left)), Value::Frozen(Data::Number(right))) =
            (&*left_place, right)
        else {
            return false;
        };
        let result = match instruction {
            Instruction::Less => left < right,
            Instruction::LessOrEqual => left <= right,
            Instruction::Greater => left > right,
            _ => left >= right,
        };
        *left_place = Value::boolean(result);
        self.stack.drop_top();
        true
    }

    /// Whether the topmost value, which is taken, is true.
    #[inline(always)]
    fn pop_condition(&mut self) -> Result<bool, Trap> {
        if let Value::Frozen(Data::Boolean(boolean)) = self.top() {
            let boolean = *boolean;
            self.stack.drop_top();
            return Ok(boolean);
        }
        let value = self.pop();
        self.condition(&value)
    }

    #[inline]
    fn get_slot_property(&mut self, slot: u16, key: u32) -> Result<(), Trap> {
        let code = self.code;
        let found = match self.slot(slot) {
            Value::Frozen(Data::Object(object)) => object
                .properties()
                .get(&code.keys[key as usize])
                .cloned()
                .map(Value::Frozen),
            Value::Object(id) => self
                .heap
                .object(*id)
                .properties
                .get(&code.keys[key as usize])
                .cloned(),
            _ => None,
        };
        let value = match found {
            Some(value) => value,
            None => {
                let object = self.slot(slot).clone();
                self.property_by_key(&object, key)?
            }
        };
        self.push(value);
        Ok(())
    }

    #[inline]
    fn equal_constant(&mut self, constant: u32, wanted: bool) -> Result<(), Trap> {
        let code = self.code;
        if let Data::Text(text) = &code.constants[constant as usize] {
            self.spend_on_units(text.len())?;
        }
        let place = self.stack.last_mut();
        let equal = match &*place {
            Value::Frozen(data) => *data == code.constants[constant as usize],
            Value::Host(host) => {
                let host = *host;
                let symbol = if wanted { "===" } else { "!==" };
                return Err(self.host.misuse(self, host, Misuse::Operator(symbol)));
            }
            _ => false,
        };
        *place = Value::boolean(equal == wanted);
        Ok(())
    }

    /// Jumps with the value, or drops it and goes on.
    #[inline]
    fn jump_or_pop(&mut self, jump: bool, target: u32) -> Flow {
        if jump {
            return Flow::Jump(target);
        }
        self.pop();
        Flow::Next
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
            _ => return Ok(()),
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
}
