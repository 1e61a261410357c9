//! Comparison operators, `typeof`, `in`, `instanceof`, `!`.
//!
//! Before: `dispatch`. Guarantees: as ECMAScript, with one addition: frozen compounds are equal when
//! their content is, since which of them share memory differs between machines.

use super::Machine;
use super::arithmetic::symbol;
use super::conversion::Preferred;
use crate::bytecode::Instruction;
use crate::data::{Data, ErrorKind};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::host::Misuse;
use crate::number::text_to_number;
use crate::text::Text;
use crate::value::Value;

/// `===`
pub fn strict_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Frozen(Data::Number(left)), Value::Frozen(Data::Number(right))) => left == right,
        (Value::Frozen(left), Value::Frozen(right)) => left == right,
        (Value::Object(left), Value::Object(right)) => left == right,
        (Value::Array(left), Value::Array(right)) => left == right,
        (Value::Closure(left), Value::Closure(right)) => left == right,
        (Value::Native(left), Value::Native(right)) => left == right,
        (Value::Iterator(left), Value::Iterator(right)) => left == right,
        (Value::Host(left), Value::Host(right)) => left == right,
        _ => false,
    }
}

/// `SameValueZero`: as `===`, but NaN equals NaN.
pub fn same_value_zero(left: &Value, right: &Value) -> bool {
    let is_nan = |value: &Value| value.as_number().is_some_and(f64::is_nan);
    strict_equal(left, right) || (is_nan(left) && is_nan(right))
}

impl Machine<'_> {
    #[inline]
    pub(super) fn comparison(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let right = self.pop();
        let result = match instruction {
            Instruction::Not => !self.condition(&right)?,
            Instruction::TypeOf => {
                let name = self.type_of(&right)?;
                self.push(Value::text(name));
                return Ok(());
            }
            Instruction::InstanceOf(class) => {
                let class = self.code.keys[class as usize].clone();
                self.is_instance(&right, &class)?
            }
            _ => {
                let left = self.pop();
                match (&left, &right) {
                    (Value::Frozen(Data::Number(left)), Value::Frozen(Data::Number(right))) => {
                        compare_numbers(instruction, *left, *right)
                    }
                    (Value::Frozen(Data::Text(left)), Value::Frozen(Data::Text(right)))
                        if instruction != Instruction::In =>
                    {
                        self.spend_on_texts(left, right)?;
                        compare_texts(instruction, left, right)
                    }
                    _ => self.slow_comparison(instruction, &left, &right)?,
                }
            }
        };
        self.push(Value::boolean(result));
        Ok(())
    }

    fn slow_comparison(
        &mut self,
        instruction: Instruction,
        left: &Value,
        right: &Value,
    ) -> Result<bool, Trap> {
        for operand in [left, right] {
            if let Value::Host(host) = operand {
                return Err(self
                    .host
                    .misuse(self, *host, Misuse::Operator(symbol(instruction))));
            }
        }
        match instruction {
            Instruction::StrictEqual => self.strict_equal_counted(left, right),
            Instruction::StrictNotEqual => Ok(!self.strict_equal_counted(left, right)?),
            Instruction::Equal => self.loose_equal(left, right),
            Instruction::NotEqual => Ok(!self.loose_equal(left, right)?),
            Instruction::In => {
                let key = self.to_key(left)?;
                self.has_property(right, &key)
            }
            _ => self.relation(instruction, left, right),
        }
    }

    /// `===`, counted by the size of what is compared.
    pub fn strict_equal_counted(&mut self, left: &Value, right: &Value) -> Result<bool, Trap> {
        if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
            self.spend_on_texts(left, right)?;
        } else if let (Value::Frozen(left), Value::Frozen(right)) = (left, right) {
            let (left, right) = (left.shape(), right.shape());
            if left.depth > 0 && right.depth > 0 {
                self.spend(u64::from(left.byte_count.min(right.byte_count)) / 16)?;
            }
        }
        Ok(strict_equal(left, right))
    }

    /// Counts what comparing two texts may look at.
    #[inline]
    fn spend_on_texts(&mut self, left: &Text, right: &Text) -> Result<(), Trap> {
        self.spend_on_units(left.len().min(right.len()))
    }

    fn loose_equal(&mut self, left: &Value, right: &Value) -> Result<bool, Trap> {
        if left.is_nullish() || right.is_nullish() {
            return Ok(left.is_nullish() && right.is_nullish());
        }
        let (left_primitive, right_primitive) = (is_primitive(left), is_primitive(right));
        if !left_primitive && !right_primitive {
            return self.strict_equal_counted(left, right);
        }
        let left = self.to_primitive(left, Preferred::Either)?;
        let right = self.to_primitive(right, Preferred::Either)?;
        if let (Data::Text(left), Data::Text(right)) = (&left, &right) {
            self.spend_on_texts(left, right)?;
        }
        Ok(match (&left, &right) {
            (Data::Text(left), Data::Text(right)) => left == right,
            (Data::Boolean(left), Data::Boolean(right)) => left == right,
            (Data::Undefined | Data::Null, _) | (_, Data::Undefined | Data::Null) => false,
            _ => primitive_number(&left) == primitive_number(&right),
        })
    }

    fn relation(
        &mut self,
        instruction: Instruction,
        left: &Value,
        right: &Value,
    ) -> Result<bool, Trap> {
        let left = self.to_primitive(left, Preferred::Number)?;
        let right = self.to_primitive(right, Preferred::Number)?;
        if let (Data::Text(left), Data::Text(right)) = (&left, &right) {
            self.spend_on_texts(left, right)?;
            return Ok(compare_texts(instruction, left, right));
        }
        Ok(compare_numbers(
            instruction,
            primitive_number(&left),
            primitive_number(&right),
        ))
    }

    fn type_of(&mut self, value: &Value) -> Result<&'static str, Trap> {
        Ok(match value {
            Value::Frozen(Data::Undefined) => "undefined",
            Value::Frozen(Data::Boolean(_)) => "boolean",
            Value::Frozen(Data::Number(_)) => "number",
            Value::Frozen(Data::Text(_)) => "string",
            Value::Host(host) => {
                return Err(self.host.misuse(self, *host, Misuse::Operator("typeof")));
            }
            value if value.is_function() => "function",
            _ => "object",
        })
    }

    fn is_instance(&mut self, value: &Value, class: &Text) -> Result<bool, Trap> {
        if let Value::Host(host) = value {
            return Err(self
                .host
                .misuse(self, *host, Misuse::Operator("instanceof")));
        }
        let class = class.as_ascii().unwrap_or("");
        let error_kind = match value {
            Value::Frozen(Data::Error(error)) => Some(error.kind),
            Value::Object(id) => match self.heap.object(*id).kind {
                ObjectKind::Error(kind) => Some(kind),
                _ => None,
            },
            _ => None,
        };
        let own_class = self
            .prototype_of(value)
            .map_or("", |prototype| prototype.name());
        Ok(match class {
            "Object" => !is_primitive(value),
            "Error" => error_kind.is_some(),
            "Array" | "Map" | "Set" | "Date" | "Function" | "RegExp" => {
                own_class == class && !is_primitive(value)
            }
            _ => error_kind.is_some_and(|kind: ErrorKind| kind.name() == class),
        })
    }
}

fn is_primitive(value: &Value) -> bool {
    matches!(
        value,
        Value::Frozen(
            Data::Undefined | Data::Null | Data::Boolean(_) | Data::Number(_) | Data::Text(_)
        )
    )
}

fn primitive_number(primitive: &Data) -> f64 {
    match primitive {
        Data::Number(number) => *number,
        Data::Boolean(boolean) => f64::from(u8::from(*boolean)),
        Data::Null => 0.0,
        Data::Text(text) => text_to_number(text),
        _ => f64::NAN,
    }
}

#[inline]
fn compare_numbers(instruction: Instruction, left: f64, right: f64) -> bool {
    match instruction {
        Instruction::StrictEqual | Instruction::Equal => left == right,
        Instruction::StrictNotEqual | Instruction::NotEqual => left != right,
        Instruction::Less => left < right,
        Instruction::LessOrEqual => left <= right,
        Instruction::Greater => left > right,
        Instruction::GreaterOrEqual => left >= right,
        _ => false,
    }
}

fn compare_texts(instruction: Instruction, left: &Text, right: &Text) -> bool {
    match instruction {
        Instruction::StrictEqual | Instruction::Equal => left == right,
        Instruction::StrictNotEqual | Instruction::NotEqual => left != right,
        Instruction::Less => left < right,
        Instruction::LessOrEqual => left <= right,
        Instruction::Greater => left > right,
        Instruction::GreaterOrEqual => left >= right,
        _ => false,
    }
}
