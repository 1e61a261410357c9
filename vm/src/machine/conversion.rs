//! Conversions of ECMAScript: to primitive, number, text, property key, boolean.
//!
//! Before: operators and built-ins. Guarantees: arrays, dates, errors and objects with their own
//! `toString` or `valueOf` become what the standard says; a build-stage value is refused through the
//! host; nesting of arrays is bounded.

use super::Machine;
use super::comparison::is_true;
use crate::builtins::date_text;
use crate::data::{Data, ErrorKind};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::host::Misuse;
use crate::number::{number_to_text, text_to_number};
use crate::text::Text;
use crate::value::Value;

/// Which primitive a conversion prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// Arithmetic.
    Number,
    /// Templates, keys, `String(…)`.
    Text,
    /// `+` and `==`: text for dates, else number.
    Either,
}

/// Whether a condition takes a value, that is not of the build stage, as true.
pub fn is_truthy<'p>(value: &Value<'p>) -> bool {
    match value {
        Value::Undefined | Value::Null => false,
        Value::Boolean(boolean) => boolean.get(),
        Value::Number(number) => is_true(number.get()),
        Value::Text(text) => !text.is_empty(),
        _ => true,
    }
}

impl<'p> Machine<'p> {
    /// Whether a condition takes the value as true.
    #[inline]
    pub fn condition(&mut self, value: &Value<'p>) -> Result<bool, Trap> {
        match value {
            Value::Boolean(boolean) => Ok(boolean.get()),
            Value::Host(host) => Err(self.host.misuse(self, *host, Misuse::Condition)),
            value => Ok(is_truthy(value)),
        }
    }

    /// `ToPrimitive`
    pub fn to_primitive(&mut self, value: &Value<'p>, preferred: Preferred) -> Result<Data, Trap> {
        match value {
            Value::Frozen(Data::Date(time)) => Ok(date_primitive(*time, preferred)),
            Value::Object(id) => match self.heap.object(*id).kind {
                ObjectKind::Date(time) => Ok(date_primitive(time, preferred)),
                _ => self.object_to_primitive(value, preferred),
            },
            Value::Host(host) => {
                Err(self
                    .host
                    .misuse(self, *host, Misuse::Operator("a conversion")))
            }
            value => match primitive(value) {
                Some(primitive) => Ok(primitive),
                None => self.object_to_primitive(value, preferred),
            },
        }
    }

    fn object_to_primitive(
        &mut self,
        value: &Value<'p>,
        preferred: Preferred,
    ) -> Result<Data, Trap> {
        let order = if preferred == Preferred::Text {
            ["toString", "valueOf"]
        } else {
            ["valueOf", "toString"]
        };
        for name in order {
            let function = match self.own_conversion(value, &Text::from(name)) {
                Some(function) if function.is_function() => function,
                None if name == "toString" => return Ok(Data::Text(self.default_text(value)?)),
                _ => continue,
            };
            let result = self.call_with_receiver(&function, value, &[])?;
            if let Some(primitive) = primitive(&result) {
                return Ok(primitive);
            }
        }
        Err(self.type_error("cannot convert object to primitive value"))
    }

    /// What an object itself has under a name, and so instead of what its prototype has.
    fn own_conversion(&self, value: &Value<'p>, name: &Text) -> Option<Value<'p>> {
        let is_object = matches!(value, Value::Object(_) | Value::Frozen(Data::Object(_)));
        is_object.then(|| self.own_property(value, name)).flatten()
    }

    /// What `toString` of the built-in prototypes gives.
    pub fn default_text(&mut self, value: &Value<'p>) -> Result<Text, Trap> {
        // Items of arrays and messages of errors may be arrays and errors again.
        self.enter_native()?;
        let text = self.prototype_text(value);
        self.native_depth -= 1;
        text
    }

    fn prototype_text(&mut self, value: &Value<'p>) -> Result<Text, Trap> {
        Ok(match value {
            Value::Array(_) | Value::Frozen(Data::Array(_)) => {
                self.join(value, &Text::from(","))?
            }
            Value::Frozen(Data::Address(address)) => Text::from(address.to_string()),
            Value::Frozen(Data::Error(_)) => self.error_text(value)?,
            Value::Frozen(Data::RegExp(expression)) => self.expression_text(expression)?,
            Value::Frozen(Data::Map(_)) => Text::from("[object Map]"),
            Value::Frozen(Data::Set(_)) => Text::from("[object Set]"),
            Value::Frozen(Data::Function(function)) => self.function_text(function.function.0)?,
            Value::Closure(id) => self.function_text(self.heap.closure(*id).function().0)?,
            Value::Native(native) => {
                let name = crate::builtins::native(*native).name;
                let name = name.rsplit(['.', ' ']).next().unwrap_or(name);
                Text::from(format!("function {name}() {{ [native code] }}"))
            }
            Value::Object(id) => match &self.heap.object(*id).kind {
                ObjectKind::Error(_) => self.error_text(value)?,
                ObjectKind::RegExp(expression, _) => {
                    let expression = expression.clone();
                    self.expression_text(&expression)?
                }
                ObjectKind::Map(_) => Text::from("[object Map]"),
                ObjectKind::Set(_) => Text::from("[object Set]"),
                ObjectKind::Date(time) => date_text(*time),
                ObjectKind::Plain => Text::from("[object Object]"),
            },
            _ => Text::from("[object Object]"),
        })
    }

    fn expression_text(&mut self, expression: &crate::regex::RegExpData) -> Result<Text, Trap> {
        self.charge(64 + expression.source().byte_size() * 2)?;
        Ok(crate::builtins::expression_text(expression))
    }

    fn function_text(&mut self, index: u32) -> Result<Text, Trap> {
        let code = self.code;
        let Some(function) = code.functions.get(index as usize) else {
            return Ok(Text::empty());
        };
        let text = code.sources.slice(function.span);
        self.charge(32 + text.len() * 2)?;
        Ok(Text::from(text))
    }

    fn error_text(&mut self, value: &Value<'p>) -> Result<Text, Trap> {
        let name = self.property(value, &Text::from("name"))?;
        let name = if name.is_undefined() {
            Text::from("Error")
        } else {
            self.to_text(&name)?
        };
        let message = self.property(value, &Text::from("message"))?;
        let message = if message.is_undefined() {
            Text::empty()
        } else {
            self.to_text(&message)?
        };
        if name.is_empty() || message.is_empty() {
            return Ok(name.concat(&message));
        }
        Ok(name.concat(&Text::from(": ")).concat(&message))
    }

    /// The items as texts with a separator between them; `undefined` and `null` are empty.
    pub fn join(&mut self, array: &Value<'p>, separator: &Text) -> Result<Text, Trap> {
        let mut joined: Vec<u16> = Vec::new();
        let mut at = 0;
        while let Some(item) = self.array_item(array, at) {
            self.spend(1)?;
            if at > 0 {
                self.spend(separator.len() as u64 / 16)?;
                self.charge(separator.len() * 2)?;
                joined.extend(separator.iter_units());
            }
            at += 1;
            if !item.is_nullish() {
                let text = self.to_text(&item)?;
                self.spend(text.len() as u64 / 16)?;
                self.charge(text.len() * 2)?;
                joined.extend(text.iter_units());
            }
        }
        self.charge(joined.len())?;
        Ok(Text::from_units(&joined))
    }

    /// `ToNumber`
    pub fn to_number(&mut self, value: &Value<'p>) -> Result<f64, Trap> {
        match value {
            Value::Number(number) => Ok(number.get()),
            Value::Text(text) => {
                self.spend(text.len() as u64 / 16)?;
                Ok(text_to_number(text))
            }
            value => match self.to_primitive(value, Preferred::Number)? {
                Data::Number(number) => Ok(number),
                Data::Undefined => Ok(f64::NAN),
                Data::Boolean(boolean) => Ok(f64::from(u8::from(boolean))),
                Data::Text(text) => Ok(text_to_number(&text)),
                _ => Ok(0.0),
            },
        }
    }

    /// `ToIntegerOrInfinity`
    pub fn to_integer(&mut self, value: &Value<'p>) -> Result<f64, Trap> {
        Ok(crate::number::to_integer(self.to_number(value)?))
    }

    /// `ToString`
    pub fn to_text(&mut self, value: &Value<'p>) -> Result<Text, Trap> {
        match value {
            Value::Text(text) => Ok((*text).clone()),
            Value::Number(number) => Ok(number_to_text(number.get())),
            value => match self.to_primitive(value, Preferred::Text)? {
                Data::Text(text) => Ok(text),
                primitive => Ok(primitive_text(&primitive)),
            },
        }
    }

    /// `ToPropertyKey`: every key is a text here.
    pub fn to_key(&mut self, value: &Value<'p>) -> Result<Text, Trap> {
        if let Value::Host(host) = value {
            return Err(self.host.misuse(self, *host, Misuse::Element));
        }
        let key = self.to_text(value)?;
        self.spend_on_units(key.len())?;
        Ok(key)
    }

    /// The receiver or argument as a function, or a `TypeError` that says what it is instead.
    pub fn require_function(&mut self, value: &Value<'p>) -> Result<(), Trap> {
        if value.is_function() || matches!(value, Value::Host(_)) {
            return Ok(());
        }
        let message = format!("{} is not a function", self.describe(value));
        Err(self.error(ErrorKind::TypeError, message))
    }
}

/// The text of a primitive.
pub(super) fn primitive_text(primitive: &Data) -> Text {
    match primitive {
        Data::Text(text) => text.clone(),
        Data::Number(number) => number_to_text(*number),
        Data::Boolean(true) => Text::from("true"),
        Data::Boolean(false) => Text::from("false"),
        Data::Null => Text::from("null"),
        _ => Text::from("undefined"),
    }
}

fn primitive(value: &Value<'_>) -> Option<Data> {
    value.is_primitive().then(|| value.as_data())?
}

fn date_primitive(time: f64, preferred: Preferred) -> Data {
    if preferred == Preferred::Number {
        Data::Number(time)
    } else {
        Data::Text(date_text(time))
    }
}
