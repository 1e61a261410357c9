//! Text methods that build a longer text: `concat`, `repeat`, `padStart`, `padEnd`.
//!
//! Before: the machine. Guarantees: as ECMAScript; what grows is charged before it grows.

use super::{receiver_text, text_argument};
use crate::builtins::Family;
use crate::builtins::support::{TextBuilder, argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.concat" / 1 => concat;
        "String.prototype.repeat" / 1 => repeat;
        "String.prototype.padStart" / 2 => pad_start;
        "String.prototype.padEnd" / 2 => pad_end;
    },
    constants: &[],
};

fn concat<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "concat")?;
    let mut builder = TextBuilder::default();
    builder.push_text(machine, text)?;
    for at in 0..arguments.len() {
        let part = text_argument(machine, arguments, at)?;
        builder.push_text(machine, &part)?;
    }
    builder.finish_value(machine)
}

fn repeat<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "repeat")?;
    let count = machine.to_integer(argument(arguments, 0))?;
    if !(0.0..f64::INFINITY).contains(&count) {
        let count = crate::number::number_to_text(count);
        return Err(machine.range_error(format!("Invalid count value: {count}")));
    }
    let units = text.len() as f64 * count;
    // Far above every limit on memory: charging it is what fails.
    let units = units.min(1e15) as usize;
    let mut builder = TextBuilder::default();
    builder.push_repeated(machine, text, units)?;
    builder.finish_value(machine)
}

/// What to pad with, and how many units of it.
fn padding<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    arguments: &[Value<'p>],
) -> Result<(Text, usize), Trap> {
    let length = machine.to_integer(argument(arguments, 0))?;
    let filler = match argument(arguments, 1) {
        value if value.is_undefined() => Text::from(" "),
        value => machine.to_text(value)?,
    };
    let missing = (length - text.len() as f64).clamp(0.0, 1e15) as usize;
    Ok((filler, missing))
}

fn pad_start<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "padStart")?;
    let (filler, missing) = padding(machine, text, arguments)?;
    let mut builder = TextBuilder::default();
    builder.push_repeated(machine, &filler, missing)?;
    builder.push_text(machine, text)?;
    builder.finish_value(machine)
}

fn pad_end<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "padEnd")?;
    let (filler, missing) = padding(machine, text, arguments)?;
    let mut builder = TextBuilder::default();
    builder.push_text(machine, text)?;
    builder.push_repeated(machine, &filler, missing)?;
    builder.finish_value(machine)
}
