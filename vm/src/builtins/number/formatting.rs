//! Numbers to text: `toString(radix)`, `toFixed`, `toPrecision`, `toExponential`.
//!
//! Before: the machine. Guarantees: exact for decimal formats; for another radix the shortest
//! fraction that still tells the number from its neighbours, by one written algorithm.

use super::digits::Digits;
use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::number::number_to_text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Number.prototype.toString" / 1 => to_string;
        "Number.prototype.toLocaleString" / 0 => to_locale_string;
        "Number.prototype.valueOf" / 0 => value_of;
        "Number.prototype.toFixed" / 1 => to_fixed;
        "Number.prototype.toPrecision" / 1 => to_precision;
        "Number.prototype.toExponential" / 1 => to_exponential;
    },
    constants: &[],
};

/// What exact digits cost, in instructions.
const DIGITS_COST: u64 = 100;

fn receiver_number<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    method: &str,
) -> Result<f64, Trap> {
    match receiver.as_number() {
        Some(number) => Ok(number),
        None => {
            let what = machine.describe(receiver);
            Err(machine.type_error(format!("`{method}` needs a number, not {what}")))
        }
    }
}

fn value_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    receiver_number(machine, receiver, "valueOf").map(Value::number)
}

fn to_locale_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = receiver_number(machine, receiver, "toLocaleString")?;
    machine.new_text(number_to_text(number))
}

fn to_string<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = receiver_number(machine, receiver, "toString")?;
    let radix = match argument(arguments, 0) {
        value if value.is_undefined() => 10.0,
        value => machine.to_integer(value)?,
    };
    if !(2.0..=36.0).contains(&radix) {
        return Err(machine.range_error("toString() radix must be between 2 and 36"));
    }
    if radix == 10.0 || !number.is_finite() {
        return machine.new_text(number_to_text(number));
    }
    machine.spend(DIGITS_COST)?;
    machine.new_text(in_radix(number, radix))
}

/// The value of a digit's character.
fn character(digit: f64) -> u8 {
    let digit = digit as u8;
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}

/// A finite number in a radix. Fraction digits are made until what is left is below half the
/// distance to the next double; the last one is rounded, which may carry.
fn in_radix(number: f64, radix: f64) -> String {
    let value = number.abs();
    let mut whole = value.floor();
    let mut fraction = value - whole;
    let next = f64::from_bits(value.to_bits() + 1);
    let mut delta = (0.5 * (next - value)).max(f64::from_bits(1));
    let mut behind: Vec<u8> = Vec::new();
    if fraction >= delta {
        loop {
            fraction *= radix;
            delta *= radix;
            let digit = fraction.floor();
            behind.push(digit as u8);
            fraction -= digit;
            if (fraction > 0.5 || (fraction == 0.5 && digit % 2.0 == 1.0)) && fraction + delta > 1.0
            {
                whole += round_up(&mut behind, radix as u8);
                break;
            }
            if fraction < delta {
                break;
            }
        }
    }
    let mut before = whole_digits(whole, radix);
    if number < 0.0 {
        before.push(b'-');
    }
    before.reverse();
    if !behind.is_empty() {
        before.push(b'.');
        before.extend(behind.iter().map(|digit| character(f64::from(*digit))));
    }
    before.into_iter().map(char::from).collect()
}

/// Adds one to the last of some fraction digits; returns what is carried before the point.
fn round_up(digits: &mut Vec<u8>, radix: u8) -> f64 {
    while let Some(last) = digits.pop() {
        if last + 1 < radix {
            digits.push(last + 1);
            return 0.0;
        }
    }
    1.0
}

/// The digits of a whole number, the last first. Digits beyond the precision of a double are zeros.
fn whole_digits(mut whole: f64, radix: f64) -> Vec<u8> {
    let mut digits = Vec::new();
    while whole / radix >= 9_007_199_254_740_992.0 {
        whole /= radix;
        digits.push(b'0');
    }
    loop {
        let rest = whole % radix;
        digits.push(character(rest));
        whole = (whole - rest) / radix;
        if whole <= 0.0 {
            return digits;
        }
    }
}

/// The count of digits that a format was asked for.
fn digit_count<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    method: &str,
    least: f64,
) -> Result<i32, Trap> {
    let count = machine.to_integer(value)?;
    if !(least..=100.0).contains(&count) {
        let message = format!("{method}() argument must be between {least} and 100");
        return Err(machine.range_error(message));
    }
    machine.spend(DIGITS_COST)?;
    Ok(count as i32)
}

fn to_fixed<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = receiver_number(machine, receiver, "toFixed")?;
    let count = digit_count(machine, argument(arguments, 0), "toFixed", 0.0)?;
    if !number.is_finite() || number.abs() >= 1e21 {
        return machine.new_text(number_to_text(number));
    }
    let mut digits = Digits::exact(number.abs());
    digits.round(digits.point + count);
    let sign = if number < 0.0 { "-" } else { "" };
    let whole = if digits.point > 0 {
        digits.text(0..digits.point)
    } else {
        "0".to_owned()
    };
    let behind = digits.text(digits.point..digits.point + count);
    let point = if count > 0 { "." } else { "" };
    machine.new_text(format!("{sign}{whole}{point}{behind}"))
}

/// `d.ddde±x` with some digits behind the point.
fn exponential(digits: &Digits, behind: i32, sign: &str) -> String {
    let exponent = if digits.digits.is_empty() {
        0
    } else {
        digits.point - 1
    };
    let point = if behind > 0 { "." } else { "" };
    let (first, rest) = (digits.digit(0), digits.text(1..behind + 1));
    format!("{sign}{first}{point}{rest}e{exponent:+}")
}

fn to_exponential<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = receiver_number(machine, receiver, "toExponential")?;
    let asked = argument(arguments, 0);
    let count = machine.to_integer(asked)?;
    if !number.is_finite() {
        return machine.new_text(number_to_text(number));
    }
    let count = digit_count(machine, &Value::number(count), "toExponential", 0.0)?;
    let sign = if number < 0.0 { "-" } else { "" };
    if asked.is_undefined() {
        let digits = Digits::shortest(number.abs());
        let behind = digits.digits.len().saturating_sub(1) as i32;
        return machine.new_text(exponential(&digits, behind, sign));
    }
    let mut digits = Digits::exact(number.abs());
    digits.round(count + 1);
    machine.new_text(exponential(&digits, count, sign))
}

fn to_precision<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let number = receiver_number(machine, receiver, "toPrecision")?;
    let asked = argument(arguments, 0);
    if asked.is_undefined() {
        return machine.new_text(number_to_text(number));
    }
    let count = machine.to_integer(asked)?;
    if !number.is_finite() {
        return machine.new_text(number_to_text(number));
    }
    let count = digit_count(machine, &Value::number(count), "toPrecision", 1.0)?;
    let sign = if number < 0.0 { "-" } else { "" };
    let mut digits = Digits::exact(number.abs());
    digits.round(count);
    let exponent = if digits.digits.is_empty() {
        0
    } else {
        digits.point - 1
    };
    if exponent < -6 || exponent >= count {
        return machine.new_text(exponential(&digits, count - 1, sign));
    }
    let all = if exponent >= 0 {
        let behind = digits.text(exponent + 1..count);
        let point = if behind.is_empty() { "" } else { "." };
        format!("{}{point}{behind}", digits.text(0..exponent + 1))
    } else {
        let zeros = "0".repeat((-exponent - 1) as usize);
        format!("0.{zeros}{}", digits.text(0..count))
    };
    machine.new_text(format!("{sign}{all}"))
}
