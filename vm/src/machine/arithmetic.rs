//! Arithmetic, bitwise and text operators.
//!
//! Before: `dispatch`. Guarantees: IEEE doubles and 32-bit integers as ECMAScript has them; `**`
//! from the portable implementation of `libm`; new texts are charged before they are made.

use super::Machine;
use super::conversion::{Preferred, primitive_text};
use crate::bytecode::Instruction;
use crate::data::Data;
use crate::error::Trap;
use crate::host::Misuse;
use crate::number::{to_int32, to_uint32};
use crate::text::Text;
use crate::value::Value;

/// Texts longer than this are refused, as engines do; in UTF-16 units.
const TEXT_UNITS_MAX: usize = 1 << 29;

impl Machine<'_> {
    #[inline]
    pub(super) fn arithmetic(&mut self, instruction: Instruction) -> Result<(), Trap> {
        use Instruction::*;
        match instruction {
            Add | Subtract | Multiply | Divide | Remainder | Power | BitAnd | BitOr | BitXor
            | ShiftLeft | ShiftRight | ShiftRightUnsigned => {
                let right = self.pop();
                let left = self.pop();
                let result = match (&left, &right) {
                    (Value::Frozen(Data::Number(left)), Value::Frozen(Data::Number(right))) => {
                        Value::number(apply(instruction, *left, *right))
                    }
                    _ => self.slow_binary(instruction, &left, &right)?,
                };
                self.push(result);
            }
            Template(parts) => self.template(usize::from(parts))?,
            IncrementSlot(slot) => {
                let operand = self.slot(slot).clone();
                let result = self.unary(Increment, &operand)?;
                self.set_slot(slot, Value::number(result));
            }
            AddInteger(number) => {
                let left = self.pop();
                let result = match left {
                    Value::Frozen(Data::Number(left)) => Value::number(left + f64::from(number)),
                    left => self.slow_binary(Add, &left, &Value::number(f64::from(number)))?,
                };
                self.push(result);
            }
            _ => {
                let operand = self.pop();
                let result = self.unary(instruction, &operand)?;
                self.push(Value::number(result));
            }
        }
        Ok(())
    }

    fn slow_binary(
        &mut self,
        instruction: Instruction,
        left: &Value,
        right: &Value,
    ) -> Result<Value, Trap> {
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

    fn add(&mut self, left: &Value, right: &Value) -> Result<Value, Trap> {
        let left = self.to_primitive(left, Preferred::Either)?;
        let right = self.to_primitive(right, Preferred::Either)?;
        if matches!(left, Data::Text(_)) || matches!(right, Data::Text(_)) {
            return self.concat(&primitive_text(&left), &primitive_text(&right));
        }
        let left = self.to_number(&Value::Frozen(left))?;
        let right = self.to_number(&Value::Frozen(right))?;
        Ok(Value::number(left + right))
    }

    /// Both texts, one behind the other; charged and counted.
    pub fn concat(&mut self, left: &Text, right: &Text) -> Result<Value, Trap> {
        let units = left.len() + right.len();
        if units > TEXT_UNITS_MAX {
            return Err(self.range_error("Invalid string length"));
        }
        self.charge(32 + left.byte_size() + right.byte_size())?;
        self.spend(units as u64 / 64)?;
        Ok(Value::from(left.concat(right)))
    }

    fn unary(&mut self, instruction: Instruction, operand: &Value) -> Result<f64, Trap> {
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

    fn template(&mut self, parts: usize) -> Result<(), Trap> {
        let values = self.stack.split_off(self.stack.len() - parts);
        let mut texts = Vec::with_capacity(parts);
        let (mut units, mut bytes) = (0, 0);
        for value in &values {
            if let Value::Host(host) = value {
                return Err(self.host.misuse(self, *host, Misuse::Template));
            }
            let text = self.to_text(value)?;
            units += text.len();
            bytes += text.byte_size();
            texts.push(text);
        }
        if units > TEXT_UNITS_MAX {
            return Err(self.range_error("Invalid string length"));
        }
        self.charge(32 + bytes)?;
        self.spend(units as u64 / 64)?;
        let joined = if texts.iter().all(|text| text.as_ascii().is_some()) {
            Text::from(texts.iter().filter_map(Text::as_ascii).collect::<String>())
        } else {
            Text::from_units(
                &texts
                    .iter()
                    .flat_map(Text::iter_units)
                    .collect::<Vec<u16>>(),
            )
        };
        self.push(Value::from(joined));
        Ok(())
    }
}

#[inline]
fn apply(instruction: Instruction, left: f64, right: f64) -> f64 {
    let shift = || to_uint32(right) & 31;
    match instruction {
        Instruction::Add => left + right,
        Instruction::Subtract => left - right,
        Instruction::Multiply => left * right,
        Instruction::Divide => left / right,
        Instruction::Remainder => left % right,
        Instruction::Power => power(left, right),
        Instruction::BitAnd => f64::from(to_int32(left) & to_int32(right)),
        Instruction::BitOr => f64::from(to_int32(left) | to_int32(right)),
        Instruction::BitXor => f64::from(to_int32(left) ^ to_int32(right)),
        Instruction::ShiftLeft => f64::from(to_int32(left) << shift()),
        Instruction::ShiftRight => f64::from(to_int32(left) >> shift()),
        Instruction::ShiftRightUnsigned => f64::from(to_uint32(left) >> shift()),
        _ => f64::NAN,
    }
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
