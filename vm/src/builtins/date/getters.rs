//! Methods that read a `Date`. Those of local time are those of UTC.
//!
//! Before: the machine. Guarantees: NaN for an invalid date.

use super::civil::Parts;
use super::receiver_time;
use crate::builtins::Family;
use crate::builtins::support::natives;
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::Value;

macro_rules! part {
    ($part:ident) => {
        |machine, receiver, _| {
            let time = receiver_time(machine, receiver)?;
            Ok(Value::number(
                Parts::of(time).map_or(f64::NAN, |parts| parts.$part),
            ))
        }
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Date.prototype.getTime" / 0 => get_time;
        "Date.prototype.valueOf" / 0 => get_time;
        "Date.prototype.getTimezoneOffset" / 0 => get_timezone_offset;
        "Date.prototype.getFullYear" / 0 => part!(year);
        "Date.prototype.getUTCFullYear" / 0 => part!(year);
        "Date.prototype.getMonth" / 0 => part!(month);
        "Date.prototype.getUTCMonth" / 0 => part!(month);
        "Date.prototype.getDate" / 0 => part!(day);
        "Date.prototype.getUTCDate" / 0 => part!(day);
        "Date.prototype.getDay" / 0 => part!(weekday);
        "Date.prototype.getUTCDay" / 0 => part!(weekday);
        "Date.prototype.getHours" / 0 => part!(hour);
        "Date.prototype.getUTCHours" / 0 => part!(hour);
        "Date.prototype.getMinutes" / 0 => part!(minute);
        "Date.prototype.getUTCMinutes" / 0 => part!(minute);
        "Date.prototype.getSeconds" / 0 => part!(second);
        "Date.prototype.getUTCSeconds" / 0 => part!(second);
        "Date.prototype.getMilliseconds" / 0 => part!(millisecond);
        "Date.prototype.getUTCMilliseconds" / 0 => part!(millisecond);
    },
    constants: &[],
};

fn get_time<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    receiver_time(machine, receiver).map(Value::number)
}

fn get_timezone_offset<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let time = receiver_time(machine, receiver)?;
    Ok(Value::number(if time.is_nan() { f64::NAN } else { 0.0 }))
}
