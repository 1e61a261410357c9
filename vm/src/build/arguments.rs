//! Reading what a script gives to a function of the language.
//!
//! The functions of `commands` ask here. Objects and arrays of the heap are read once, when the call is
//! made; refs may stand at any depth of a literal. What does not fit is refused with what is expected.

use super::examples;
use super::places;
use super::refusals::noun;
use super::stage::Stage;
use super::tables::{Kind, Recipe};
use crate::codes;
use crate::compile::closest;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::error::Trap;
use crate::freeze::Purpose;
use crate::heap::ObjectKind;
use crate::machine::Machine;
use crate::source::Span;
use crate::text::Text;
use crate::value::{HostRef, Value};

/// The arguments of one call.
pub(super) struct Arguments<'a, 's, 'm, 'p> {
    pub(super) stage: &'a Stage<'s, 'p>,
    pub(super) machine: &'m mut Machine<'p>,
    pub(super) name: &'static str,
    pub(super) values: &'a [Value<'p>],
    pub(super) span: Span,
}

/// Nesting of literals; deeper ones are refused.
const LITERAL_DEPTH_MAX: u32 = 100;

impl<'p> Arguments<'_, '_, '_, 'p> {
    /// The argument at a place; `undefined` counts as left out.
    pub(super) fn optional(&self, index: usize) -> Option<Value<'p>> {
        self.values
            .get(index)
            .filter(|value| !value.is_undefined())
            .cloned()
    }

    /// The argument at a place, which has to be there.
    pub(super) fn required(&self, index: usize, what: &str) -> Result<Value<'p>, Trap> {
        self.optional(index)
            .ok_or_else(|| self.refuse(format!("`{}` needs {what}", self.name)))
    }

    /// A refusal of this call, with an example of one.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Trap {
        let mut diagnostic = Diagnostic::error(codes::BAD_ARGUMENT, self.span, message);
        diagnostic.hint = examples::command(self.name);
        Trap::refused(diagnostic)
    }

    /// A refusal of this call that shows what to write.
    pub(super) fn refuse_with(&self, message: impl Into<String>, hint: impl Into<String>) -> Trap {
        Trap::refused(Diagnostic::error(codes::BAD_ARGUMENT, self.span, message).with_hint(hint))
    }

    /// A value in words.
    pub(super) fn describe(&self, value: &Value<'p>) -> String {
        match value {
            Value::Host(host) => noun(self.stage, *host),
            Value::Object(_) => "an object".to_owned(),
            Value::Array(_) => "an array".to_owned(),
            Value::Closure(_) | Value::Native(_) => "a function".to_owned(),
            value => match value.as_data() {
                Some(data) => crate::run::describe(&data),
                None => "a value of the machine".to_owned(),
            },
        }
    }

    /// A function of the run stage, or a ref that resolves to one.
    pub(super) fn function(&mut self, index: usize, what: &str) -> Result<Recipe, Trap> {
        let value = self.required(index, what)?;
        match &value {
            Value::Host(host) if Kind::of(*host) == Some(Kind::Ref) => Ok(Recipe::Host(*host)),
            value if value.is_function() => Ok(Recipe::Function(
                self.stage.tables.borrow_mut().function(*value, self.span),
            )),
            other => Err(self.refuse(format!(
                "`{}` needs {what}, got {}",
                self.name,
                self.describe(other)
            ))),
        }
    }

    /// An operand of any form: a constant, a ref, an address, or a literal with such parts.
    pub(super) fn operand(&mut self, value: &Value<'p>) -> Result<Recipe, Trap> {
        self.recipe(value, LITERAL_DEPTH_MAX)
    }

    fn recipe(&mut self, value: &Value<'p>, depth: u32) -> Result<Recipe, Trap> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.refuse(format!(
                "a value given to `{}` contains itself or nests too deep",
                self.name
            )));
        };
        match value {
            Value::Frozen(Data::Function(_)) | Value::Closure(_) | Value::Native(_) => Ok(
                Recipe::Function(self.stage.tables.borrow_mut().function(*value, self.span)),
            ),
            Value::Host(host) => self.host_operand(*host),
            Value::Array(id) => {
                let items = self.machine.heap.array(*id).to_vec();
                self.machine.spend(items.len() as u64)?;
                self.machine.charge(items.len() * 32)?;
                let items = items
                    .iter()
                    .map(|item| self.recipe(item, depth))
                    .collect::<Result<Vec<_>, _>>()?;
                constant_array(items, self)
            }
            Value::Object(id) => {
                self.machine.settle_properties(*id)?;
                let object = self.machine.heap.object(*id);
                if !matches!(object.kind, ObjectKind::Plain) {
                    return Ok(Recipe::Constant(
                        self.machine.freeze(value, Purpose::Capture)?,
                    ));
                }
                let pairs: Vec<(Text, Value<'p>)> = object
                    .properties
                    .iter()
                    .map(|(key, value)| (key.clone(), *value))
                    .collect();
                self.machine.spend(pairs.len() as u64)?;
                self.machine.charge(pairs.len() * 48)?;
                let pairs = pairs
                    .into_iter()
                    .map(|(key, value)| Ok((key, self.recipe(&value, depth)?)));
                let pairs = pairs.collect::<Result<Vec<_>, Trap>>()?;
                constant_object(pairs, self)
            }
            other => match other.as_data() {
                Some(data) => Ok(Recipe::Constant(data)),
                None => Err(self.refuse(format!(
                    "`{}` cannot take {}",
                    self.name,
                    self.describe(other)
                ))),
            },
        }
    }

    fn host_operand(&self, host: HostRef) -> Result<Recipe, Trap> {
        match Kind::of(host) {
            Some(Kind::Ref | Kind::Place | Kind::Worker) => Ok(Recipe::Host(host)),
            Some(Kind::Command) => Err(self.refuse_with(
                format!("`{}` got a command where it takes a value", self.name),
                "a command has no result: put it before this one in a sequence",
            )),
            _ => Err(self.refuse(format!(
                "`{}` cannot take {}",
                self.name,
                noun(self.stage, host)
            ))),
        }
    }

    /// The properties of an options object, which may only be those that are known.
    pub(super) fn options(
        &mut self,
        value: &Value<'p>,
        known: &[&str],
    ) -> Result<Vec<(String, Value<'p>)>, Trap> {
        let pairs = self.properties(value)?;
        for (key, _) in &pairs {
            if !known.contains(&key.as_str()) {
                let list = known
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                let message = format!("`{}` has no option `{key}`", self.name);
                let place = places::option(self.stage.sources, self.span, key);
                let span = place.map_or(self.span, |place| place.name);
                let diagnostic = Diagnostic::error(codes::BAD_OPTION, span, message);
                let guess = closest(key, known.iter().copied())
                    .map(|guess| format!("did you mean `{guess}`? "))
                    .unwrap_or_default();
                return Err(Trap::refused(
                    diagnostic.with_hint(format!("{guess}the options are {list}")),
                ));
            }
        }
        Ok(pairs)
    }

    /// The properties of an object, in order.
    pub(super) fn properties(
        &mut self,
        value: &Value<'p>,
    ) -> Result<Vec<(String, Value<'p>)>, Trap> {
        match value {
            Value::Object(id) => {
                self.machine.settle_properties(*id)?;
                let properties = &self.machine.heap.object(*id).properties;
                Ok(properties
                    .iter()
                    .map(|(key, value)| (key.to_string(), *value))
                    .collect())
            }
            Value::Frozen(Data::Object(object)) => {
                let properties = object.properties().iter();
                Ok(properties
                    .map(|(key, value)| (key.to_string(), Value::of(value)))
                    .collect())
            }
            other => {
                let message = format!(
                    "`{}` takes its options as an object, got {}",
                    self.name,
                    self.describe(other)
                );
                let mut diagnostic = Diagnostic::error(codes::BAD_OPTION, self.span, message);
                diagnostic.hint = examples::command(self.name);
                Err(Trap::refused(diagnostic))
            }
        }
    }

    /// A refusal of an option's value.
    pub(super) fn bad_option(&self, option: &str, expected: &str, got: &Value<'p>) -> Trap {
        let message = format!(
            "the option `{option}` has to be {expected}, got {}",
            self.describe(got)
        );
        self.refuse_option(option, message, examples::option(option))
    }

    /// A refusal at the place of an option.
    pub(super) fn refuse_option(
        &self,
        option: &str,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Trap {
        let place = places::option(self.stage.sources, self.span, option);
        let span = place.map_or(self.span, |place| place.value);
        let mut diagnostic = Diagnostic::error(codes::BAD_OPTION, span, message);
        diagnostic.hint = hint;
        Trap::refused(diagnostic)
    }
}

/// An array of constants is a constant.
fn constant_array<'p>(
    items: Vec<Recipe>,
    arguments: &Arguments<'_, '_, '_, 'p>,
) -> Result<Recipe, Trap> {
    if !items.iter().all(|item| matches!(item, Recipe::Constant(_))) {
        return Ok(Recipe::Array(items));
    }
    let items = items.into_iter().filter_map(|item| {
        if let Recipe::Constant(data) = item {
            Some(data)
        } else {
            None
        }
    });
    Data::array(items.collect())
        .map(Recipe::Constant)
        .map_err(|error| arguments.refuse(error.to_string()))
}

/// An object of constants is a constant.
fn constant_object<'p>(
    pairs: Vec<(Text, Recipe)>,
    arguments: &Arguments<'_, '_, '_, 'p>,
) -> Result<Recipe, Trap> {
    if !pairs
        .iter()
        .all(|(_, value)| matches!(value, Recipe::Constant(_)))
    {
        return Ok(Recipe::Object(pairs));
    }
    let constants = pairs.into_iter().filter_map(|(key, value)| match value {
        Recipe::Constant(data) => Some((key, data)),
        _ => None,
    });
    Data::object(constants.collect())
        .map(Recipe::Constant)
        .map_err(|error| arguments.refuse(error.to_string()))
}
