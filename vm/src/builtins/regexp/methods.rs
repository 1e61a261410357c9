//! `exec` and `test`, and `lastIndex` between two searches.
//!
//! Before: the machine. Guarantees: `RegExpBuiltinExec` of the standard: only the flags g and y read
//! and write `lastIndex`; a failure puts it back to 0.

use super::matches::{Found, found_array};
use super::receiver;
use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::machine::Machine;
use crate::regex::{Flags, From, RegExpData};
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "RegExp.prototype.exec" / 1 => exec;
        "RegExp.prototype.test" / 1 => test;
    },
    constants: &[],
};

/// The greatest length that a script can name.
const LENGTH_MAX: f64 = 9_007_199_254_740_991.0;

/// `lastIndex` as a length.
pub(in crate::builtins) fn last_index<'p>(
    machine: &mut Machine<'p>,
    expression: &Value<'p>,
) -> Result<f64, Trap> {
    let place = match expression {
        Value::Frozen(Data::RegExp(expression)) => machine.frozen_place(expression),
        expression => machine.property(expression, &Text::from("lastIndex"))?,
    };
    Ok(machine.to_integer(&place)?.clamp(0.0, LENGTH_MAX))
}

/// Sets `lastIndex`; an error where the expression was frozen by the script.
pub(in crate::builtins) fn set_last_index<'p>(
    machine: &mut Machine<'p>,
    expression: &Value<'p>,
    place: usize,
) -> Result<(), Trap> {
    let place = Value::number(place as f64);
    machine.set_property(expression, &Text::from("lastIndex"), place)
}

/// One search, as `exec` does it.
pub(in crate::builtins) fn search_once<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    expression: &RegExpData,
    text: &Text,
) -> Result<Option<Found>, Trap> {
    let flags = expression.flags();
    let only_there = flags.has(Flags::STICKY);
    let keeps_place = only_there || flags.has(Flags::GLOBAL);
    let last_index = last_index(machine, value)?;
    let start = if keeps_place { last_index } else { 0.0 };
    let mut found = None;
    if start <= text.len() as f64 {
        let from = From {
            place: start as usize,
            only_there,
        };
        found = machine.search(expression, text, from)?;
    }
    if keeps_place {
        let whole = found.as_ref().and_then(|found| found[0]);
        set_last_index(machine, value, whole.map_or(0, |(_, end)| end))?;
    }
    Ok(found)
}

fn exec<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let expression = receiver(machine, value, "exec")?;
    let text = machine.to_text(argument(arguments, 0))?;
    match search_once(machine, value, &expression, &text)? {
        Some(found) => found_array(machine, &expression, &text, &found),
        None => Ok(Value::Null),
    }
}

fn test<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let expression = receiver(machine, value, "test")?;
    let text = machine.to_text(argument(arguments, 0))?;
    let found = search_once(machine, value, &expression, &text)?;
    Ok(Value::boolean(found.is_some()))
}
