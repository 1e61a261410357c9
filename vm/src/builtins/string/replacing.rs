//! `replace` and `replaceAll` with a text as pattern.
//!
//! Before: the machine. Guarantees: as ECMAScript: `$$`, `$&`, `` $` `` and `$'` in the replacement,
//! or a function of match, place and text.

use super::searching::find;
use super::{receiver_text, text_argument};
use crate::builtins::Family;
use crate::builtins::support::{TextBuilder, argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.replace" / 2 => replace;
        "String.prototype.replaceAll" / 2 => replace_all;
    },
    constants: &[],
};

/// What stands in for each match.
enum Replacement {
    Text(Text),
    Function(Value),
}

fn replace(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    let text = receiver_text(machine, receiver, "replace")?;
    let wanted = text_argument(machine, arguments, 0)?;
    let replacement = replacement(machine, arguments)?;
    let places = find(machine, &text, &wanted, 0)?;
    replaced(machine, &text, &wanted, &replacement, places.as_slice())
}

fn replace_all(
    machine: &mut Machine<'_>,
    receiver: &Value,
    arguments: &[Value],
) -> Result<Value, Trap> {
    let text = receiver_text(machine, receiver, "replaceAll")?;
    let wanted = text_argument(machine, arguments, 0)?;
    let replacement = replacement(machine, arguments)?;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = find(machine, &text, &wanted, from)? {
        machine.spend(1)?;
        machine.charge(8)?;
        places.push(at);
        from = at + wanted.len().max(1);
    }
    replaced(machine, &text, &wanted, &replacement, &places)
}

fn replacement(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Replacement, Trap> {
    let value = argument(arguments, 1);
    if value.is_function() {
        return Ok(Replacement::Function(value.clone()));
    }
    machine.to_text(value).map(Replacement::Text)
}

fn replaced(
    machine: &mut Machine<'_>,
    text: &Text,
    wanted: &Text,
    replacement: &Replacement,
    places: &[usize],
) -> Result<Value, Trap> {
    let mut builder = TextBuilder::default();
    let mut behind = 0;
    for at in places {
        machine.charge((at - behind) * 2)?;
        builder.push_text(machine, &text.slice(behind, *at))?;
        behind = at + wanted.len();
        match replacement {
            Replacement::Function(function) => {
                let arguments = [
                    Value::from(wanted.clone()),
                    Value::number(*at as f64),
                    Value::from(text.clone()),
                ];
                let result = machine.call(function, &arguments)?;
                let result = machine.to_text(&result)?;
                builder.push_text(machine, &result)?;
            }
            Replacement::Text(template) => {
                expand(machine, &mut builder, template, (text, wanted, *at))?;
            }
        }
    }
    builder.push_text(machine, &text.slice(behind, text.len()))?;
    builder.finish_value(machine)
}

/// Adds a replacement with its `$` sequences filled in.
fn expand(
    machine: &mut Machine<'_>,
    builder: &mut TextBuilder,
    template: &Text,
    (text, wanted, at): (&Text, &Text, usize),
) -> Result<(), Trap> {
    let dollar = Text::from("$");
    let mut from = 0;
    while let Some(sign) = find(machine, template, &dollar, from)? {
        builder.push_text(machine, &template.slice(from, sign))?;
        let part = match template.unit_at(sign + 1) {
            Some(0x24) => Some(dollar.clone()),
            Some(0x26) => Some(wanted.clone()),
            Some(0x60) => Some(text.slice(0, at)),
            Some(0x27) => Some(text.slice(at + wanted.len(), text.len())),
            _ => None,
        };
        from = sign + if part.is_some() { 2 } else { 1 };
        builder.push_text(machine, part.as_ref().unwrap_or(&dollar))?;
    }
    builder.push_text(machine, &template.slice(from, template.len()))
}
