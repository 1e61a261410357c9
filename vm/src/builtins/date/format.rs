//! Dates to text.
//!
//! Before: the machine, `String(date)`, `JSON.stringify`. Guarantees: as ECMAScript writes them in
//! UTC; the `toLocale…` methods give the plain form.

use super::civil::Parts;
use super::receiver_time;
use crate::builtins::Family;
use crate::builtins::support::natives;
use crate::error::Trap;
use crate::machine::Machine;
use crate::number::iso_time;
use crate::text::Text;
use crate::value::Value;

macro_rules! written {
    ($write:expr) => {
        |machine, receiver, _| {
            let time = receiver_time(machine, receiver)?;
            let write: fn(&Parts) -> String = $write;
            let text = Parts::of(time).map_or_else(|| "Invalid Date".to_owned(), |it| write(&it));
            machine.new_text(text)
        }
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Date.prototype.toISOString" / 0 => to_iso_string;
        "Date.prototype.toJSON" / 1 => to_json;
        "Date.prototype.toString" / 0 => written!(whole);
        "Date.prototype.toLocaleString" / 0 => written!(whole);
        "Date.prototype.toDateString" / 0 => written!(date);
        "Date.prototype.toLocaleDateString" / 0 => written!(date);
        "Date.prototype.toTimeString" / 0 => written!(time);
        "Date.prototype.toLocaleTimeString" / 0 => written!(time);
        "Date.prototype.toUTCString" / 0 => written!(utc);
    },
    constants: &[],
};

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `String(date)`
pub(crate) fn date_text(time: f64) -> Text {
    let text = Parts::of(time).map_or_else(|| "Invalid Date".to_owned(), |parts| whole(&parts));
    Text::from(text)
}

fn year(parts: &Parts) -> String {
    let sign = if parts.year < 0.0 { "-" } else { "" };
    format!("{sign}{:04}", parts.year.abs())
}

fn weekday(parts: &Parts) -> &'static str {
    WEEKDAYS[parts.weekday as usize % 7]
}

fn month(parts: &Parts) -> &'static str {
    MONTHS[parts.month as usize % 12]
}

fn clock(parts: &Parts) -> String {
    format!(
        "{:02}:{:02}:{:02} GMT",
        parts.hour, parts.minute, parts.second
    )
}

fn date(parts: &Parts) -> String {
    let (weekday, month, year) = (weekday(parts), month(parts), year(parts));
    format!("{weekday} {month} {:02} {year}", parts.day)
}

fn time(parts: &Parts) -> String {
    format!("{}+0000 (Coordinated Universal Time)", clock(parts))
}

fn whole(parts: &Parts) -> String {
    format!("{} {}", date(parts), time(parts))
}

fn utc(parts: &Parts) -> String {
    let (weekday, month, year) = (weekday(parts), month(parts), year(parts));
    format!(
        "{weekday}, {:02} {month} {year} {}",
        parts.day,
        clock(parts)
    )
}

fn to_iso_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let time = receiver_time(machine, receiver)?;
    match iso_time(time) {
        Some(iso) => machine.new_text(iso),
        None => Err(machine.range_error("Invalid time value")),
    }
}

fn to_json<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let time = receiver_time(machine, receiver)?;
    match iso_time(time) {
        Some(iso) => machine.new_text(iso),
        None => Ok(Value::Null),
    }
}
