//! Text to numbers: `parseInt` and `parseFloat`.
//!
//! Before: the machine. Guarantees: as ECMAScript: the longest prefix that is a number, rounded to
//! the nearest double.

use crate::builtins::Family;
use crate::builtins::support::{argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::number::{digits_to_number, is_space, to_int32};
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "parseInt" / 2 => parse_int;
        "Number.parseInt" / 2 => parse_int;
        "parseFloat" / 1 => parse_float;
        "Number.parseFloat" / 1 => parse_float;
    },
    constants: &[],
};

/// The argument as text, counted and charged for reading it.
fn text_to_read<'p>(machine: &mut Machine<'p>, value: &Value<'p>) -> Result<String, Trap> {
    let text = machine.to_text(value)?;
    machine.spend(text.len() as u64 / 8)?;
    machine.charge(text.len() * 3)?;
    Ok(text.to_string_lossy())
}

fn parse_int<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = text_to_read(machine, argument(arguments, 0))?;
    let radix = to_int32(machine.to_number(argument(arguments, 1))?);
    let text = text.trim_start_matches(is_space);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if radix != 0 && !(2..=36).contains(&radix) {
        return Ok(Value::number(f64::NAN));
    }
    let after_prefix = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (radix, text) = match (radix, after_prefix) {
        (0 | 16, Some(rest)) => (16, rest),
        (0, None) => (10, text),
        (radix, _) => (radix as u32, text),
    };
    let end = text
        .find(|character: char| !character.is_digit(radix))
        .unwrap_or(text.len());
    let number = if radix == 10 && end > 0 {
        text[..end].parse().unwrap_or(f64::NAN)
    } else {
        digits_to_number(&text[..end], radix)
    };
    Ok(Value::number(if negative { -number } else { number }))
}

fn parse_float<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = text_to_read(machine, argument(arguments, 0))?;
    let text = text.trim_start_matches(is_space);
    let end = decimal_prefix(text.as_bytes());
    if end > 0 {
        return Ok(Value::number(text[..end].parse().unwrap_or(f64::NAN)));
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    Ok(Value::number(if rest.starts_with("Infinity") {
        sign * f64::INFINITY
    } else {
        f64::NAN
    }))
}

/// How many bytes of a decimal literal a text begins with; 0 where it begins with none.
fn decimal_prefix(bytes: &[u8]) -> usize {
    let digits_from = |from: usize| {
        bytes[from.min(bytes.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let signed = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits_from(signed);
    let mut end = signed + whole;
    let mut digits = whole;
    if bytes.get(end) == Some(&b'.') {
        let behind = digits_from(end + 1);
        digits += behind;
        end += 1 + behind;
    }
    if digits == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits_from(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}
