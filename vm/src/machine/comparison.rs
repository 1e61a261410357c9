//! Comparison operators, `typeof`, `in`, `instanceof`, `!`.
//!
//! Before: `dispatch`. Guarantees: as ECMAScript, with one addition: frozen compounds are equal when
//! their content is, since which of them share memory differs between machines.

use super::Machine;
use super::arithmetic::symbol;
use super::conversion::Preferred;
use crate::bytecode::{Code, Instruction};
use crate::data::{Data, ErrorKind};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::host::Misuse;
use crate::number::text_to_number;
use crate::steps::Comparison;
use crate::text::Text;
use crate::value::{HostRef, Value};

/// `===`
#[inline]
pub fn strict_equal<'p>(left: &Value<'p>, right: &Value<'p>) -> bool {
    match (*left, *right) {
        (Value::Number(left), Value::Number(right)) => left.get() == right.get(),
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
        (Value::Boolean(left), Value::Boolean(right)) => left == right,
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

/// Equality with a constant, which is mostly a text.
#[inline(always)]
pub(super) fn same(value: Value<'_>, constant: &Data) -> bool {
    match (value, constant) {
        (Value::Text(text), Data::Text(constant)) => text == constant,
        (Value::Number(_), Data::Text(_)) => false,
        _ => strict_equal(&value, &Value::of(constant)),
    }
}

/// Whether a value is a constant of the code, where that is known without counting or refusing.
#[inline(always)]
pub(super) fn is_constant(value: Value<'_>, code: &Code, constant: u32) -> Option<bool> {
    let constant = &code.constants[constant as usize];
    match (value, constant) {
        (_, Data::Text(constant)) if !constant.is_short() => None,
        (Value::Host(_), _) => None,
        _ => Some(same(value, constant)),
    }
}

/// Whether a condition takes a value as true, where it is no value of the build stage.
#[inline(always)]
pub(super) fn truth(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(boolean) => Some(boolean.get()),
        Value::Undefined | Value::Null => Some(false),
        Value::Number(number) => Some(is_true(number.get())),
        Value::Text(text) => Some(!text.is_empty()),
        Value::Frozen(_) | Value::Object(_) | Value::Array(_) | Value::Closure(_) => Some(true),
        _ => None,
    }
}

/// Whether a condition takes a number as true.
#[inline(always)]
pub(super) fn is_true(number: f64) -> bool {
    number != 0.0 && !number.is_nan()
}

/// `SameValueZero`: as `===`, but NaN equals NaN.
pub fn same_value_zero<'p>(left: &Value<'p>, right: &Value<'p>) -> bool {
    let is_nan = |value: &Value<'p>| value.as_number().is_some_and(f64::is_nan);
    strict_equal(left, right) || (is_nan(left) && is_nan(right))
}

impl<'p> Machine<'p> {
    /// `typeof`, `instanceof` and `in` of what is on top of the stack.
    pub(super) fn comparison(&mut self, instruction: Instruction) -> Result<(), Trap> {
        let right = self.pop();
        let result = match instruction {
            Instruction::TypeOf => {
                let name = self.type_of(&right)?;
                self.push(self.text(name));
                return Ok(());
            }
            Instruction::InstanceOf(class) => {
                let class = self.code.keys[class as usize].clone();
                self.is_instance(&right, &class)?
            }
            _ => {
                let left = self.pop();
                self.slow_comparison(instruction, &left, &right)?
            }
        };
        self.push(Value::boolean(result));
        Ok(())
    }

    /// Whether a value is true.
    pub(super) fn truth(&mut self, at: usize) -> Result<bool, Trap> {
        let value = self.stack[at];
        self.condition(&value)
    }

    /// Compares two values.
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        left: usize,
        right: usize,
    ) -> Result<bool, Trap> {
        match (&self.stack[left], &self.stack[right]) {
            (Value::Number(left), Value::Number(right)) => {
                Ok(comparison.holds(left.get(), right.get()))
            }
            _ => self.compare_other(comparison, left, right),
        }
    }

    fn compare_other(
        &mut self,
        comparison: Comparison,
        left: usize,
        right: usize,
    ) -> Result<bool, Trap> {
        let instruction = comparison.instruction();
        match (&self.stack[left], &self.stack[right]) {
            (Value::Text(left), Value::Text(right)) => {
                let units = left.len().min(right.len());
                let result = compare_texts(instruction, left, right);
                self.spend_on_units(units)?;
                Ok(result)
            }
            (left, right) => {
                let (left, right) = (*left, *right);
                self.slow_comparison(instruction, &left, &right)
            }
        }
    }

    /// Compares a value with a small number.
    pub(super) fn compare_integer(
        &mut self,
        comparison: Comparison,
        left: usize,
        number: i32,
    ) -> Result<bool, Trap> {
        match &self.stack[left] {
            Value::Number(left) => Ok(comparison.holds(left.get(), f64::from(number))),
            left => {
                let (left, right) = (*left, Value::number(f64::from(number)));
                self.slow_comparison(comparison.instruction(), &left, &right)
            }
        }
    }

    /// Whether a value that is no number is a small number: there is none.
    pub(super) fn equals_integer(&mut self, left: usize, number: i32) -> Result<bool, Trap> {
        match self.stack[left] {
            Value::Host(host) => Err(self.equality_misuse(host)),
            ref left => Ok(left.as_number() == Some(f64::from(number))),
        }
    }

    /// Whether a value is a constant of the code.
    pub(super) fn equals_constant(&mut self, left: usize, constant: u32) -> Result<bool, Trap> {
        let code = self.code;
        let constant = &code.constants[constant as usize];
        if let Data::Text(text) = constant {
            self.spend_on_units(text.len())?;
        }
        match self.stack[left] {
            Value::Host(host) => Err(self.equality_misuse(host)),
            value => Ok(same(value, constant)),
        }
    }

    /// What is wrong with comparing a build-stage value.
    #[cold]
    pub(super) fn equality_misuse(&mut self, host: HostRef) -> Trap {
        let places = self.places();
        let instruction = places.first().and_then(|(function, at)| {
            let instructions = &self.code.function(*function).instructions;
            instructions.get(*at as usize)
        });
        let symbol = match instruction {
            Some(Instruction::StrictNotEqualConstant(_) | Instruction::StrictNotEqual) => "!==",
            _ => "===",
        };
        self.host.misuse(self, host, Misuse::Operator(symbol))
    }

    fn slow_comparison(
        &mut self,
        instruction: Instruction,
        left: &Value<'p>,
        right: &Value<'p>,
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
    pub fn strict_equal_counted(
        &mut self,
        left: &Value<'p>,
        right: &Value<'p>,
    ) -> Result<bool, Trap> {
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

    fn loose_equal(&mut self, left: &Value<'p>, right: &Value<'p>) -> Result<bool, Trap> {
        if left.is_nullish() || right.is_nullish() {
            return Ok(left.is_nullish() && right.is_nullish());
        }
        let (left_primitive, right_primitive) = (left.is_primitive(), right.is_primitive());
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
        left: &Value<'p>,
        right: &Value<'p>,
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

    fn type_of(&mut self, value: &Value<'p>) -> Result<&'static str, Trap> {
        Ok(match value {
            Value::Undefined => "undefined",
            Value::Boolean(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Host(host) => {
                return Err(self.host.misuse(self, *host, Misuse::Operator("typeof")));
            }
            value if value.is_function() => "function",
            _ => "object",
        })
    }

    fn is_instance(&mut self, value: &Value<'p>, class: &Text) -> Result<bool, Trap> {
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
            "Object" => !value.is_primitive(),
            "Error" => error_kind.is_some(),
            "Array" | "Map" | "Set" | "Date" | "Function" | "RegExp" => {
                own_class == class && !value.is_primitive()
            }
            _ => error_kind.is_some_and(|kind: ErrorKind| kind.name() == class),
        })
    }
}

pub(super) fn primitive_number(primitive: &Data) -> f64 {
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
