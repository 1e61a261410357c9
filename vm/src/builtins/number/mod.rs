//! `Number`: conversions, tests and constants; formatting and parsing stand beside it.
//!
//! Before: the machine. Guarantees: as ECMAScript.

mod digits;
mod formatting;
mod parsing;

use super::support::{argument, natives};
use super::{Constant, Family};
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::Value;

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 3] = [&FAMILY, &formatting::FAMILY, &parsing::FAMILY];

static FAMILY: Family = Family {
    natives: natives! {
        "Number" / 1 => number;
        "Number.isInteger" / 1 => is_integer;
        "Number.isSafeInteger" / 1 => is_safe_integer;
        "Number.isFinite" / 1 => is_finite;
        "Number.isNaN" / 1 => is_nan;
        "isFinite" / 1 => global_is_finite;
        "isNaN" / 1 => global_is_nan;
    },
    constants: &[
        Constant {
            name: "Number.EPSILON",
            value: f64::EPSILON,
        },
        Constant {
            name: "Number.MAX_SAFE_INTEGER",
            value: MAX_SAFE_INTEGER,
        },
        Constant {
            name: "Number.MIN_SAFE_INTEGER",
            value: -MAX_SAFE_INTEGER,
        },
        Constant {
            name: "Number.MAX_VALUE",
            value: f64::MAX,
        },
        Constant {
            name: "Number.MIN_VALUE",
            value: 5e-324,
        },
        Constant {
            name: "Number.POSITIVE_INFINITY",
            value: f64::INFINITY,
        },
        Constant {
            name: "Number.NEGATIVE_INFINITY",
            value: f64::NEG_INFINITY,
        },
        Constant {
            name: "Number.NaN",
            value: f64::NAN,
        },
    ],
};

const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

fn number<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    match arguments.first() {
        None => Ok(Value::number(0.0)),
        Some(value) => machine.to_number(value).map(Value::number),
    }
}

fn holds<'p>(arguments: &[Value<'p>], test: impl Fn(f64) -> bool) -> Result<Value<'p>, Trap> {
    Ok(Value::boolean(
        argument(arguments, 0).as_number().is_some_and(test),
    ))
}

fn is_whole(number: f64) -> bool {
    number.is_finite() && number.trunc() == number
}

fn is_integer<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    holds(arguments, is_whole)
}

fn is_safe_integer<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    holds(arguments, |number| {
        is_whole(number) && number.abs() <= MAX_SAFE_INTEGER
    })
}

fn is_finite<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    holds(arguments, f64::is_finite)
}

fn is_nan<'p>(
    _: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    holds(arguments, f64::is_nan)
}

fn global_is_finite<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = machine.to_number(argument(arguments, 0))?;
    Ok(Value::boolean(number.is_finite()))
}

fn global_is_nan<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = machine.to_number(argument(arguments, 0))?;
    Ok(Value::boolean(number.is_nan()))
}
