//! Text methods that look for a text: `includes`, `indexOf`, `startsWith`, …
//!
//! Before: the machine. Guarantees: as ECMAScript; the comparisons are counted while searching.

use super::{receiver_text, text_argument};
use crate::builtins::Family;
use crate::builtins::regexp::expression_of;
use crate::builtins::support::{argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::{Text, Units};
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.includes" / 1 => includes;
        "String.prototype.indexOf" / 1 => index_of;
        "String.prototype.lastIndexOf" / 1 => last_index_of;
        "String.prototype.startsWith" / 1 => starts_with;
        "String.prototype.endsWith" / 1 => ends_with;
    },
    constants: &[],
};

/// Units compared between two counts of the work.
const STRIDE: usize = 4096;

/// The first place of a text in another, at or behind `from`.
pub(super) fn find<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    wanted: &Text,
    from: usize,
) -> Result<Option<usize>, Trap> {
    if wanted.len() + from > text.len() {
        return Ok(None);
    }
    match (text.units(), wanted.units()) {
        (Units::Ascii(text), Units::Ascii(wanted)) => {
            // This search takes linear time.
            let found = match wanted {
                [unit] => memchr::memchr(*unit, &text[from..]),
                wanted => memchr::memmem::find(&text[from..], wanted),
            };
            let found = found.map(|at| at + from);
            let looked_at = found.unwrap_or(text.len()) - from + wanted.len();
            machine.spend(looked_at as u64 / 16)?;
            Ok(found)
        }
        (Units::Ascii(_), Units::Wide(_)) => Ok(None),
        (Units::Wide(_), _) => {
            let last = text.len() - wanted.len();
            find_wide(machine, text, wanted, from..last + 1)
        }
    }
}

/// The first of some places at which a text stands in another.
fn find_wide<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    wanted: &Text,
    places: impl Iterator<Item = usize>,
) -> Result<Option<usize>, Trap> {
    let mut compared = 0;
    for at in places {
        compared += 1;
        let mut matched = 0;
        while matched < wanted.len() && text.unit_at(at + matched) == wanted.unit_at(matched) {
            matched += 1;
            compared += 1;
            if compared >= STRIDE {
                machine.spend(compared as u64 / 4)?;
                compared = 0;
            }
        }
        if matched == wanted.len() {
            machine.spend(compared as u64 / 4)?;
            return Ok(Some(at));
        }
        if compared >= STRIDE {
            machine.spend(compared as u64 / 4)?;
            compared = 0;
        }
    }
    machine.spend(compared as u64 / 4)?;
    Ok(None)
}

/// A regular expression is no text to look for: the standard refuses it here.
fn refuse_expression<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    method: &str,
) -> Result<(), Trap> {
    if expression_of(machine, argument(arguments, 0)).is_none() {
        return Ok(());
    }
    Err(machine.type_error(format!(
        "`{method}` takes a text, not a regular expression: write `re.test(text)`"
    )))
}

/// The text that is looked for, and the clamped place to begin at.
fn wanted<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    arguments: &[Value<'p>],
) -> Result<(Text, usize), Trap> {
    let wanted = text_argument(machine, arguments, 0)?;
    let from = machine.to_integer(argument(arguments, 1))?;
    Ok((wanted, from.clamp(0.0, text.len() as f64) as usize))
}

fn includes<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "includes")?;
    refuse_expression(machine, arguments, "includes")?;
    let (wanted, from) = wanted(machine, text, arguments)?;
    Ok(Value::boolean(
        find(machine, text, &wanted, from)?.is_some(),
    ))
}

fn place<'p>(found: Option<usize>) -> Value<'p> {
    Value::number(found.map_or(-1.0, |at| at as f64))
}

fn index_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "indexOf")?;
    let (wanted, from) = wanted(machine, text, arguments)?;
    find(machine, text, &wanted, from).map(place)
}

fn last_index_of<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "lastIndexOf")?;
    let wanted = text_argument(machine, arguments, 0)?;
    let from = machine.to_number(argument(arguments, 1))?;
    let from = if from.is_nan() {
        f64::INFINITY
    } else {
        from.trunc()
    };
    let Some(last) = text.len().checked_sub(wanted.len()) else {
        return Ok(place(None));
    };
    let start = from.clamp(0.0, last as f64) as usize;
    find_wide(machine, text, &wanted, (0..=start).rev()).map(place)
}

/// Whether a text stands in another at a place.
fn stands_at<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    wanted: &Text,
    at: Option<usize>,
) -> Result<Value<'p>, Trap> {
    let Some(at) = at.filter(|at| at + wanted.len() <= text.len()) else {
        return Ok(Value::boolean(false));
    };
    let found = find_wide(machine, text, wanted, std::iter::once(at))?;
    Ok(Value::boolean(found.is_some()))
}

fn starts_with<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "startsWith")?;
    refuse_expression(machine, arguments, "startsWith")?;
    let (wanted, from) = wanted(machine, text, arguments)?;
    stands_at(machine, text, &wanted, Some(from))
}

fn ends_with<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "endsWith")?;
    refuse_expression(machine, arguments, "endsWith")?;
    let wanted = text_argument(machine, arguments, 0)?;
    let end = match argument(arguments, 1) {
        value if value.is_undefined() => text.len() as f64,
        value => machine.to_integer(value)?.clamp(0.0, text.len() as f64),
    };
    let at = (end as usize).checked_sub(wanted.len());
    stands_at(machine, text, &wanted, at)
}
