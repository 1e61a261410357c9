//! Errors that the machine throws, and what others get to see of a trap.
//!
//! Before: any instruction or built-in. After: `ScriptError`, with code, message and script stack.
//! Guarantees: making the report never fails and does not depend on the limits that are used up.

use super::Machine;
use crate::bytecode::Code;
use crate::codes;
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::{Places, ScriptError, StackFrame, Trap, TrapKind};
use crate::freeze::Purpose;
use crate::heap::{HeapObject, ObjectKind};
use crate::text::Text;
use crate::value::Value;

impl<'p> Machine<'p> {
    /// A trap that throws a new error, as `throw new TypeError(message)` does.
    pub fn error(&mut self, kind: ErrorKind, message: impl Into<String>) -> Trap {
        let mut properties = PropertyTable::with_capacity(1);
        properties.insert(Text::from("message"), self.text(message.into()));
        let object = HeapObject {
            kind: ObjectKind::Error(kind),
            properties,
            base: None,
        };
        let object = self.heap.add_object(object);
        self.throw(Value::Object(object))
    }

    /// A trap that throws a `TypeError`.
    pub fn type_error(&mut self, message: impl Into<String>) -> Trap {
        self.error(ErrorKind::TypeError, message)
    }

    /// A trap that throws a `RangeError`.
    pub fn range_error(&mut self, message: impl Into<String>) -> Trap {
        self.error(ErrorKind::RangeError, message)
    }

    /// A trap that says that a frozen value was to be changed; `hint` is the copying form.
    pub fn frozen_error(&mut self, what: &str, hint: &str) -> Trap {
        let mut trap = self.type_error(format!("cannot {what}: the value is frozen; write {hint}"));
        trap.0.code = Some(codes::FROZEN);
        trap
    }

    pub(super) fn not_a_function(&mut self, value: &Value<'p>, method: Option<&Text>) -> Trap {
        let what = match method {
            Some(name) if value.is_nullish() => {
                let value = self.describe(value);
                return self.type_error(format!(
                    "cannot read properties of {value} (reading '{name}')"
                ));
            }
            Some(name) if *name == *"bind" && value.is_function() => {
                return self.type_error(
                    "functions have no `bind`, as there is no `this`: write `(...rest) => f(first, ...rest)`",
                );
            }
            Some(name) => format!("`.{name}` of {}", self.describe(value)),
            None => self.describe(value),
        };
        self.type_error(format!("{what} is not a function"))
    }

    /// A few words for a value, for messages.
    pub fn describe(&self, value: &Value<'p>) -> String {
        match value {
            Value::Undefined => "undefined".into(),
            Value::Text(text) => {
                let shown = text.slice(0, 40);
                if shown.len() < text.len() {
                    format!("the text '{shown}…'")
                } else {
                    format!("the text '{shown}'")
                }
            }
            Value::Null => "null".into(),
            Value::Boolean(boolean) => boolean.get().to_string(),
            Value::Number(number) => crate::number::number_to_text(number.get()).to_string(),
            Value::Frozen(Data::Array(_)) | Value::Array(_) => "an array".into(),
            Value::Frozen(Data::Address(address)) => format!("the address {address}"),
            Value::Frozen(Data::Symbolic(_)) => "an address".into(),
            Value::Host(_) => "a command".into(),
            Value::Iterator(_) => "an iterator".into(),
            _ if value.is_function() => "a function".into(),
            _ => "an object".into(),
        }
    }

    /// What others get to see of a trap.
    pub fn script_error(&mut self, trap: Trap) -> ScriptError {
        let data = *trap.0;
        let stack = script_stack(self.code, &data.places);
        match data.kind {
            TrapKind::Fatal { code, message } => ScriptError {
                code: code.code.into(),
                message,
                stack,
                value: None,
            },
            TrapKind::Refused(diagnostic) => ScriptError {
                code: diagnostic.code.code.into(),
                message: diagnostic.message,
                stack,
                value: None,
            },
            TrapKind::Throw => {
                let value = self.thrown;
                let code = data.code.unwrap_or(codes::THROWN);
                let message = self.thrown_message(&value);
                let value = self.freeze(&value, Purpose::State).ok();
                ScriptError {
                    code: code.code.into(),
                    message,
                    stack,
                    value,
                }
            }
        }
    }

    /// An error as its `toString` gives it, without running any of the script; in words what is no error.
    fn thrown_message(&self, value: &Value<'p>) -> String {
        let own = |name: &str| -> Option<Text> {
            let key = Text::from(name);
            let found = match value {
                Value::Object(id) => self.heap.object(*id).properties.get(&key).copied(),
                Value::Frozen(Data::Error(error)) => error.properties().get(&key).map(Value::of),
                _ => None,
            };
            match found {
                Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
                _ => None,
            }
        };
        let kind = match value {
            Value::Object(id) => match self.heap.object(*id).kind {
                ObjectKind::Error(kind) => kind,
                _ => return format!("{} was thrown", self.describe(value)),
            },
            Value::Frozen(Data::Error(error)) => error.kind,
            _ => return format!("{} was thrown", self.describe(value)),
        };
        let name = own("name").unwrap_or_else(|| Text::from(kind.name()));
        match own("message") {
            Some(message) => format!("{name}: {message}"),
            None => name.to_string(),
        }
    }
}

/// The script stack of some places.
pub(super) fn script_stack(code: &Code, places: &Places) -> Vec<StackFrame> {
    let frames = places.iter().filter_map(|(index, instruction)| {
        let function = code.functions.get(index.0 as usize)?;
        let (source, position) = code.sources.locate(function.place(*instruction).start)?;
        let name = if index.0 == 0 {
            "(module)".to_owned()
        } else if function.name.is_empty() {
            "(anonymous)".to_owned()
        } else {
            function.name.to_string()
        };
        Some(StackFrame {
            function: name,
            file: source.name.clone(),
            line: position.line,
            column: position.column,
        })
    });
    frames.collect()
}
