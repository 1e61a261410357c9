//! `Date`: construction, reading, changing, text. Local time is UTC.
//!
//! Before: the machine. Guarantees: as ECMAScript; the time of `new Date()` and `Date.now()` is that
//! of the input, and an error at the build stage; texts are read in the ISO format only.

mod civil;
mod format;
mod getters;
mod parse;
mod setters;

pub(crate) use format::date_text;

use super::Family;
use super::support::{argument, natives};
use crate::data::{Data, PropertyTable};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::machine::{Machine, Preferred};
use crate::value::Value;
use civil::{make_date, make_day, make_time, time_clip};

/// The families of this folder.
pub(super) static FAMILIES: [&Family; 4] =
    [&FAMILY, &getters::FAMILY, &setters::FAMILY, &format::FAMILY];

static FAMILY: Family = Family {
    natives: natives! {
        "Date" / 7 => as_function;
        "new Date" / 7 => new_date;
        "Date.now" / 0 => now;
        "now" / 0 => now;
        "Date.parse" / 1 => parse_text;
        "Date.UTC" / 7 => utc;
    },
    constants: &[],
};

/// The time of a date that a method was called on.
fn receiver_time<'p>(machine: &mut Machine<'p>, receiver: &Value<'p>) -> Result<f64, Trap> {
    match time_of(machine, receiver) {
        Some(time) => Ok(time),
        None => {
            let what = machine.describe(receiver);
            Err(machine.type_error(format!("the method needs a Date, not {what}")))
        }
    }
}

fn time_of<'p>(machine: &Machine<'p>, value: &Value<'p>) -> Option<f64> {
    match value {
        Value::Frozen(Data::Date(time)) => Some(*time),
        Value::Object(id) => match machine.heap.object(*id).kind {
            ObjectKind::Date(time) => Some(time),
            _ => None,
        },
        _ => None,
    }
}

fn as_function<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let now = machine.host.now_ms()?;
    machine.new_text(date_text(now))
}

fn now<'p>(machine: &mut Machine<'p>, _: &Value<'p>, _: &[Value<'p>]) -> Result<Value<'p>, Trap> {
    machine.host.now_ms().map(Value::number)
}

fn new_date<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let time = match arguments {
        [] => machine.host.now_ms()?,
        [only] => match time_of(machine, only) {
            Some(time) => time,
            None => match machine.to_primitive(only, Preferred::Either)? {
                Data::Text(text) => parse::parse(machine, &text)?,
                primitive => {
                    let primitive = machine.value(primitive);
                    time_clip(machine.to_number(&primitive)?)
                }
            },
        },
        parts => from_parts(machine, parts)?,
    };
    super::json::new_object(machine, ObjectKind::Date(time), PropertyTable::default())
}

fn parse_text<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = machine.to_text(argument(arguments, 0))?;
    parse::parse(machine, &text).map(Value::number)
}

fn utc<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    from_parts(machine, arguments).map(Value::number)
}

/// The time of year, month, day, hour, minute, second and millisecond.
fn from_parts<'p>(machine: &mut Machine<'p>, parts: &[Value<'p>]) -> Result<f64, Trap> {
    let mut numbers = [f64::NAN, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = machine.to_number(part)?;
    }
    let [year, month, day, hour, minute, second, millisecond] = numbers;
    let whole = year.trunc();
    let year = if (0.0..=99.0).contains(&whole) {
        1900.0 + whole
    } else {
        year
    };
    let day = make_day(year, month, day);
    Ok(time_clip(make_date(
        day,
        make_time(hour, minute, second, millisecond),
    )))
}
