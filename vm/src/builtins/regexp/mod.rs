//! `RegExp`: construction, its properties, `toString`; searching stands beside.
//!
//! Before: the machine. After: `regex`, which matches. Guarantees: as ECMAScript 2024; a pattern is
//! checked when the expression is made; what it takes is counted by its length.

mod matches;
mod methods;

pub(super) use matches::{
    Found, advanced, all_found, found_array, found_from, group_text, named_groups,
};
pub(super) use methods::{last_index, search_once};

use std::sync::Arc;

use super::Family;
use super::support::{argument, natives};
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::machine::Machine;
use crate::regex::{Flags, RegExpData};
use crate::text::Text;
use crate::value::Value;

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 2] = [&FAMILY, &methods::FAMILY];

static FAMILY: Family = Family {
    natives: natives! {
        "RegExp" / 2 => as_function;
        "new RegExp" / 2 => new_expression;
        "RegExp.prototype.toString" / 0 => to_string;
    },
    constants: &[],
};

/// Instructions that compiling a pattern counts, and for each unit of it.
const COMPILING: (u64, u64) = (50, 32);

/// The regular expression that a value is.
pub(super) fn expression_of<'p>(
    machine: &Machine<'p>,
    value: &Value<'p>,
) -> Option<Arc<RegExpData>> {
    match value {
        Value::Frozen(Data::RegExp(expression)) => Some(expression.clone()),
        Value::Object(id) => match &machine.heap.object(*id).kind {
            ObjectKind::RegExp(expression, _) => Some(expression.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The regular expression that a method was called on.
fn receiver<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    method: &str,
) -> Result<Arc<RegExpData>, Trap> {
    match expression_of(machine, value) {
        Some(expression) => Ok(expression),
        None => {
            let what = machine.describe(value);
            Err(machine.type_error(format!("`{method}` needs a regular expression, not {what}")))
        }
    }
}

/// A property that the prototype holds for each regular expression, `undefined` where it has none.
pub(crate) fn expression_part<'p>(
    machine: &Machine<'p>,
    expression: &RegExpData,
    key: &Text,
) -> Value<'p> {
    let flag = match key.as_ascii().unwrap_or("") {
        "source" => return machine.text(expression.shown().clone()),
        "flags" => return machine.text(expression.flags().to_string()),
        "hasIndices" => Flags::INDICES,
        "global" => Flags::GLOBAL,
        "ignoreCase" => Flags::IGNORE_CASE,
        "multiline" => Flags::MULTILINE,
        "dotAll" => Flags::DOT_ALL,
        "unicode" => Flags::UNICODE,
        "unicodeSets" => Flags::UNICODE_SETS,
        "sticky" => Flags::STICKY,
        _ => return Value::Undefined,
    };
    Value::boolean(expression.flags().has(flag))
}

/// The expression as a literal.
pub(crate) fn expression_text(expression: &RegExpData) -> Text {
    let slash = Text::from("/");
    let flags = Text::from(expression.flags().to_string());
    slash
        .concat(expression.shown())
        .concat(&slash)
        .concat(&flags)
}

fn to_string<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let expression = receiver(machine, value, "toString")?;
    machine.charge(expression.source().byte_size() * 2)?;
    machine.new_text(expression_text(&expression))
}

fn as_function<'p>(
    machine: &mut Machine<'p>,
    this: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let pattern = argument(arguments, 0);
    if expression_of(machine, pattern).is_some() && argument(arguments, 1).is_undefined() {
        return Ok(*pattern);
    }
    new_expression(machine, this, arguments)
}

fn new_expression<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (pattern, flags) = (argument(arguments, 0), argument(arguments, 1));
    let data = match (expression_of(machine, pattern), flags.is_undefined()) {
        // A literal, or a copy: the program is there already.
        (Some(expression), true) => expression,
        (Some(expression), false) => {
            let flags = machine.to_text(flags)?;
            made(machine, expression.source().clone(), &flags)?
        }
        (None, no_flags) => {
            let pattern = text_or_empty(machine, pattern)?;
            let flags = if no_flags {
                Text::empty()
            } else {
                machine.to_text(flags)?
            };
            made(machine, pattern, &flags)?
        }
    };
    new_value(machine, data)
}

fn text_or_empty<'p>(machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Text, Trap> {
    if value.is_undefined() {
        return Ok(Text::empty());
    }
    machine.to_text(value)
}

/// A regular expression from a pattern and flags, counted and checked.
pub(super) fn made<'p>(
    machine: &mut Machine<'p>,
    pattern: Text,
    flags: &Text,
) -> Result<Arc<RegExpData>, Trap> {
    let known = flags.as_ascii().and_then(Flags::parse);
    let Some(known) = known else {
        let flags = flags.slice(0, 20);
        let message = format!("Invalid flags supplied to RegExp constructor '{flags}'");
        return Err(machine.error(ErrorKind::SyntaxError, message));
    };
    let data = RegExpData::new(pattern, known);
    machine.spend(COMPILING.0 + COMPILING.1 * data.source().len() as u64)?;
    machine.charge(data.byte_count() as usize)?;
    if let Err(error) = data.program() {
        let shown = data.source().slice(0, 80);
        let message = format!("Invalid regular expression: /{shown}/: {error}");
        return Err(machine.error(ErrorKind::SyntaxError, message));
    }
    Ok(Arc::new(data))
}

/// A regular expression from the argument of `match` and its like, where it is none.
pub(super) fn from_argument<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    flags: &str,
) -> Result<Value<'p>, Trap> {
    let pattern = text_or_empty(machine, value)?;
    let data = made(machine, pattern, &Text::from(flags))?;
    new_value(machine, data)
}

fn new_value<'p>(machine: &mut Machine<'p>, data: Arc<RegExpData>) -> Result<Value<'p>, Trap> {
    let kind = ObjectKind::RegExp(data, Value::number(0.0));
    super::json::new_object(machine, kind, PropertyTable::default())
}
