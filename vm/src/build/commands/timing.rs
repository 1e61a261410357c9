//! The options that say how long a command waits and how often it tries: `timeout`, `otherwise`, `retry`.
//!
//! Commands that wait ask here. The times of a retry are numbers of the script; a timeout may be a ref.

use super::super::arguments::Arguments;
use super::super::tables::{Recipe, TimeoutSpec};
use crate::data::Data;
use crate::error::Trap;
use crate::value::Value;

/// What the options of a command say.
#[derive(Default)]
pub(super) struct Timing {
    pub(super) timeout: Option<TimeoutSpec>,
}

/// Reads the options of a command, of which `known` are allowed.
pub(super) fn read(
    arguments: &mut Arguments<'_, '_, '_, '_>,
    options: &Value,
    known: &[&str],
) -> Result<Timing, Trap> {
    let mut milliseconds = None;
    let mut otherwise = None;
    for (option, value) in arguments.options(options, known)? {
        match option.as_str() {
            _ if value.is_undefined() => {}
            "timeout" => milliseconds = Some(time(arguments, &value)?),
            _ => otherwise = Some(value),
        }
    }
    let timeout = match (milliseconds, otherwise) {
        (Some(milliseconds), otherwise) => Some(TimeoutSpec {
            milliseconds,
            otherwise,
        }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(arguments.refuse_with(
                format!("`{}` has `otherwise` without `timeout`", arguments.name),
                "say after how many milliseconds: `{ timeout: 1000, otherwise: … }`",
            ));
        }
    };
    Ok(Timing { timeout })
}

/// A time in milliseconds, or a ref to one.
fn time(arguments: &mut Arguments<'_, '_, '_, '_>, value: &Value) -> Result<Recipe, Trap> {
    const EXPECTED: &str = "a time in milliseconds, or a ref to one";
    let is_time = match value {
        Value::Frozen(Data::Number(number)) => !number.is_nan(),
        other => super::is_ref(other),
    };
    if is_time {
        arguments.operand(value)
    } else {
        Err(arguments.bad_option("timeout", EXPECTED, value))
    }
}
