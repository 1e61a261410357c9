//! Arithmetic, bitwise and text operators.
//!
//! Before: `dispatch`. Guarantees: IEEE doubles and 32-bit integers as ECMAScript has them; `**`
//! from the portable implementation of `libm`; new texts are charged before they are made.

use super::Machine;
use super::comparison::primitive_number;
use super::conversion::{Preferred, primitive_text};
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::host::Misuse;
use crate::number::{to_int32, to_uint32};
use crate::steps::Operator;
use crate::text::Text;
use crate::value::Value;

/// Texts longer than this are refused, as engines do; in UTF-16 units.
const TEXT_UNITS_MAX: usize = 1 << 29;

impl<'p> Machine<'p> {
    /// An operator of two values that are not both numbers.
    pub(super) fn binary(
        &mut self,
        operator: Instruction,
        to: usize,
        left: usize,
        right: usize,
    ) -> Result<(), Trap> {
        if operator == Instruction::Add
            && let (Some(first), Some(second)) =
                (self.stack[left].as_text(), self.stack[right].as_text())
        {
            let units = first.len() + second.len();
            let bytes = first.byte_size() + second.byte_size();
            self.charge_concat(units, bytes)?;
            if let (Some(first), Some(second)) =
                (self.stack[left].as_text(), self.stack[right].as_text())
            {
                self.stack[to] = self.text(first.concat(second));
            }
            return Ok(());
        }
        let (left, right) = (self.stack[left], self.stack[right]);
        self.stack[to] = self.slow_binary(operator, &left, &right)?;
        Ok(())
    }

    /// An operator of a value that is no number, and a small number on its right.
    pub(super) fn binary_integer(
        &mut self,
        operator: Instruction,
        to: usize,
        left: usize,
        number: i32,
    ) -> Result<(), Trap> {
        let left = self.stack[left];
        let right = Value::number(f64::from(number));
        self.stack[to] = self.slow_binary(operator, &left, &right)?;
        Ok(())
    }

    /// An operator of one value.
    pub(super) fn unary(
        &mut self,
        operator: Instruction,
        to: usize,
        from: usize,
    ) -> Result<(), Trap> {
        let operand = self.stack[from];
        let result = self.unary_number(operator, &operand)?;
        self.stack[to] = Value::number(result);
        Ok(())
    }

    /// Operators of what is on top of the stack.
    pub(super) fn on_top(&mut self, instruction: Instruction) -> Result<(), Trap> {
        if let Instruction::Template(parts) = instruction {
            return self.template(usize::from(parts));
        }
        let top = self.stack.len() - 1;
        self.unary(instruction, top, top)
    }

    fn slow_binary(
        &mut self,
        instruction: Instruction,
        left: &Value<'p>,
        right: &Value<'p>,
    ) -> Result<Value<'p>, Trap> {
        for operand in [left, right] {
            if let Value::Host(host) = operand {
                return Err(self
                    .host
                    .misuse(self, *host, Misuse::Operator(symbol(instruction))));
            }
        }
        if instruction == Instruction::Add {
            return self.add(left, right);
        }
        let left = self.to_number(left)?;
        let right = self.to_number(right)?;
        Ok(Value::number(apply(instruction, left, right)))
    }

    fn add(&mut self, left: &Value<'p>, right: &Value<'p>) -> Result<Value<'p>, Trap> {
        let left = self.to_primitive(left, Preferred::Either)?;
        let right = self.to_primitive(right, Preferred::Either)?;
        if matches!(left, Data::Text(_)) || matches!(right, Data::Text(_)) {
            return self.concat(&primitive_text(&left), &primitive_text(&right));
        }
        Ok(Value::number(
            primitive_number(&left) + primitive_number(&right),
        ))
    }

    /// Both texts, one behind the other; charged and counted.
    pub fn concat(&mut self, left: &Text, right: &Text) -> Result<Value<'p>, Trap> {
        let bytes = left.byte_size() + right.byte_size();
        self.charge_concat(left.len() + right.len(), bytes)?;
        Ok(self.text(left.concat(right)))
    }

    /// Charges and counts a text that others are joined to.
    fn charge_concat(&mut self, units: usize, bytes: usize) -> Result<(), Trap> {
        if units > TEXT_UNITS_MAX {
            return Err(self.range_error("Invalid string length"));
        }
        self.charge(32 + bytes)?;
        self.spend(units as u64 / 64)
    }

    fn unary_number(&mut self, instruction: Instruction, operand: &Value<'p>) -> Result<f64, Trap> {
        if let Value::Host(host) = operand {
            return Err(self
                .host
                .misuse(self, *host, Misuse::Operator(symbol(instruction))));
        }
        let number = self.to_number(operand)?;
        Ok(match instruction {
            Instruction::Negate => -number,
            Instruction::Increment => number + 1.0,
            Instruction::Decrement => number - 1.0,
            Instruction::BitNot => f64::from(!to_int32(number)),
            _ => number,
        })
    }

    /// Joins so many texts, and what becomes text, from the top of the stack.
    fn template(&mut self, parts: usize) -> Result<(), Trap> {
        let from = self.stack.len() - parts;
        for at in from..from + parts {
            self.text_step(at, at)?;
        }
        let (mut units, mut bytes) = (0, 0);
        for text in (from..from + parts).filter_map(|at| self.stack[at].as_text()) {
            units += text.len();
            bytes += text.byte_size();
        }
        self.charge_concat(units, bytes)?;
        let texts = (from..from + parts).filter_map(|at| self.stack[at].as_text());
        let joined = Text::join(texts);
        self.stack.set_top(from);
        self.push(self.text(joined));
        Ok(())
    }

    /// Makes a part of a template a text, as it is now.
    #[inline]
    pub(super) fn text_step(&mut self, to: usize, from: usize) -> Result<(), Trap> {
        match &self.stack[from] {
            Value::Text(_) if to == from => Ok(()),
            Value::Text(_) => {
                self.stack[to] = self.stack[from];
                Ok(())
            }
            _ => self.make_text(to, from),
        }
    }

    #[inline(never)]
    fn make_text(&mut self, to: usize, from: usize) -> Result<(), Trap> {
        let value = self.stack[from];
        if let Value::Host(host) = value {
            return Err(self.host.misuse(self, host, Misuse::Template));
        }
        let text = self.to_text(&value)?;
        self.charge(32 + text.byte_size())?;
        self.stack[to] = self.text(text);
        Ok(())
    }
}

/// An operator of numbers, the right one small.
#[inline(never)]
pub(super) fn apply_integer(operator: Operator, left: f64, number: i32) -> f64 {
    apply(operator.instruction(), left, f64::from(number))
}

/// `&`
#[inline(always)]
pub(super) fn bit_and(left: f64, right: f64) -> f64 {
    f64::from(to_int32(left) & to_int32(right))
}

/// `|`
#[inline(always)]
pub(super) fn bit_or(left: f64, right: f64) -> f64 {
    f64::from(to_int32(left) | to_int32(right))
}

/// `%` by a small number.
#[inline(always)]
pub(super) fn remainder_of(left: f64, right: i32) -> f64 {
    let small = left as i32;
    if small > 0 && right > 0 && f64::from(small) == left {
        return f64::from(small % right);
    }
    long_remainder(left, f64::from(right))
}

/// An operator of numbers.
#[inline(never)]
pub(super) fn apply(instruction: Instruction, left: f64, right: f64) -> f64 {
    let shift = || to_uint32(right) & 31;
    match instruction {
        Instruction::Add => left + right,
        Instruction::Subtract => left - right,
        Instruction::Multiply => left * right,
        Instruction::Divide => left / right,
        Instruction::Remainder => remainder(left, right),
        Instruction::Power => power(left, right),
        Instruction::BitAnd => bit_and(left, right),
        Instruction::BitOr => bit_or(left, right),
        Instruction::BitXor => f64::from(to_int32(left) ^ to_int32(right)),
        Instruction::ShiftLeft => f64::from(to_int32(left) << shift()),
        Instruction::ShiftRight => f64::from(to_int32(left) >> shift()),
        Instruction::ShiftRightUnsigned => f64::from(to_uint32(left) >> shift()),
        _ => f64::NAN,
    }
}

/// `%`: of small whole numbers without the long way that doubles take.
#[inline(always)]
pub(super) fn remainder(left: f64, right: f64) -> f64 {
    let (small_left, small_right) = (left as i32, right as i32);
    // A negative number can have -0 as its remainder.
    if small_left > 0
        && small_right > 0
        && f64::from(small_left) == left
        && f64::from(small_right) == right
    {
        return f64::from(small_left % small_right);
    }
    long_remainder(left, right)
}

#[inline(never)]
fn long_remainder(left: f64, right: f64) -> f64 {
    left % right
}

/// `Number::exponentiate`: as `pow`, but one to the power of infinity or NaN is NaN.
pub fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (exponent.is_infinite() && base.abs() == 1.0) {
        return f64::NAN;
    }
    libm::pow(base, exponent)
}

/// How an operator is written.
pub(super) fn symbol(instruction: Instruction) -> &'static str {
    match instruction {
        Instruction::Add => "+",
        Instruction::Subtract | Instruction::Negate => "-",
        Instruction::Multiply => "*",
        Instruction::Divide => "/",
        Instruction::Remainder => "%",
        Instruction::Power => "**",
        Instruction::BitAnd => "&",
        Instruction::BitOr => "|",
        Instruction::BitXor => "^",
        Instruction::ShiftLeft => "<<",
        Instruction::ShiftRight => ">>",
        Instruction::ShiftRightUnsigned => ">>>",
        Instruction::ToNumber => "+",
        Instruction::Increment => "++",
        Instruction::Decrement => "--",
        Instruction::BitNot => "~",
        Instruction::StrictEqual => "===",
        Instruction::StrictNotEqual => "!==",
        Instruction::Equal => "==",
        Instruction::NotEqual => "!=",
        Instruction::Less => "<",
        Instruction::LessOrEqual => "<=",
        Instruction::Greater => ">",
        Instruction::GreaterOrEqual => ">=",
        Instruction::Not => "!",
        Instruction::TypeOf => "typeof",
        Instruction::In => "in",
        Instruction::InstanceOf(_) => "instanceof",
        _ => "an operator",
    }
}
