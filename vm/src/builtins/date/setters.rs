//! Methods that change a `Date`. Those of local time are those of UTC.
//!
//! Before: the machine. Guarantees: as ECMAScript; a frozen date is an error that names the copying
//! form; an invalid date stays invalid unless its whole time or its year is set.

use super::civil::{Parts, time_clip};
use super::receiver_time;
use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::machine::Machine;
use crate::value::Value;

/// The parts of a time that a setter takes, in the order of its arguments.
macro_rules! set {
    ($($part:ident),*) => {
        |machine, receiver, arguments| {
            let numbers = numbers(machine, receiver, arguments)?;
            let time = receiver_time(machine, receiver)?;
            let Some(mut parts) = Parts::of(time) else {
                return Ok(Value::number(f64::NAN));
            };
            let fields = [$(&mut parts.$part),*];
            for (field, number) in fields.into_iter().zip(numbers) {
                *field = number;
            }
            store(machine, receiver, parts.time())
        }
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Date.prototype.setTime" / 1 => set_time;
        "Date.prototype.setFullYear" / 3 => set_full_year;
        "Date.prototype.setUTCFullYear" / 3 => set_full_year;
        "Date.prototype.setMonth" / 2 => set!(month, day);
        "Date.prototype.setUTCMonth" / 2 => set!(month, day);
        "Date.prototype.setDate" / 1 => set!(day);
        "Date.prototype.setUTCDate" / 1 => set!(day);
        "Date.prototype.setHours" / 4 => set!(hour, minute, second, millisecond);
        "Date.prototype.setUTCHours" / 4 => set!(hour, minute, second, millisecond);
        "Date.prototype.setMinutes" / 3 => set!(minute, second, millisecond);
        "Date.prototype.setUTCMinutes" / 3 => set!(minute, second, millisecond);
        "Date.prototype.setSeconds" / 2 => set!(second, millisecond);
        "Date.prototype.setUTCSeconds" / 2 => set!(second, millisecond);
        "Date.prototype.setMilliseconds" / 1 => set!(millisecond);
        "Date.prototype.setUTCMilliseconds" / 1 => set!(millisecond);
    },
    constants: &[],
};

/// The arguments as numbers, at least one. An error for a date that can not be changed.
fn numbers<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Vec<f64>, Trap> {
    if matches!(receiver, Value::Frozen(Data::Date(_))) {
        return Err(machine.frozen_error("change a Date", "`new Date(date)` and change the copy"));
    }
    receiver_time(machine, receiver)?;
    let mut numbers = vec![machine.to_number(argument(arguments, 0))?];
    for value in arguments.iter().skip(1).take(3) {
        numbers.push(machine.to_number(value)?);
    }
    Ok(numbers)
}

fn store<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    time: f64,
) -> Result<Value<'p>, Trap> {
    if let Value::Object(id) = receiver {
        machine.heap.object_mut(*id).kind = ObjectKind::Date(time);
    }
    Ok(Value::number(time))
}

fn set_time<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let numbers = numbers(machine, receiver, arguments)?;
    store(machine, receiver, time_clip(numbers[0]))
}

fn set_full_year<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let numbers = numbers(machine, receiver, arguments)?;
    let time = receiver_time(machine, receiver)?;
    let start = if time.is_nan() { 0.0 } else { time };
    let Some(mut parts) = Parts::of(start) else {
        return Ok(Value::number(f64::NAN));
    };
    let fields = [&mut parts.year, &mut parts.month, &mut parts.day];
    for (field, number) in fields.into_iter().zip(numbers) {
        *field = number;
    }
    store(machine, receiver, parts.time())
}
