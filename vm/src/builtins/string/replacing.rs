//! `replace` and `replaceAll`, with a text or a regular expression as pattern.
//!
//! Before: the machine. Guarantees: as ECMAScript: `$$`, `$&`, `` $` ``, `$'`, `$1` and `$<name>` in
//! the replacement, or a function of match, groups, place, text and named groups, called once all
//! matches are found.

use super::searching::find;
use super::{receiver_text, slice_value, text_argument};
use crate::builtins::Family;
use crate::builtins::regexp::{
    Found, all_found, expression_of, group_text, named_groups, search_once,
};
use crate::builtins::support::{TextBuilder, argument, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::regex::{Flags, RegExpData};
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
enum Replacement<'p> {
    Text(Text),
    Function(Value<'p>),
}

/// One match that is to be replaced.
struct Place<'p> {
    start: usize,
    end: usize,
    /// The texts of the groups; the first is the match itself.
    groups: Vec<Value<'p>>,
    /// The object of the named groups, `undefined` where there are none.
    named: Value<'p>,
}

fn replace<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "replace")?;
    let pattern = argument(arguments, 0);
    if let Some(expression) = expression_of(machine, pattern) {
        return replace_by(machine, text, (pattern, &expression), arguments);
    }
    let wanted = text_argument(machine, arguments, 0)?;
    let replacement = replacement(machine, arguments)?;
    let place = find(machine, text, &wanted, 0)?;
    let places = place.map(|at| text_place(machine, at, &wanted));
    replaced(machine, text, &replacement, places.as_slice())
}

fn replace_all<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "replaceAll")?;
    let pattern = argument(arguments, 0);
    if let Some(expression) = expression_of(machine, pattern) {
        if !expression.flags().has(Flags::GLOBAL) {
            return Err(machine.type_error(
                "`replaceAll` needs a regular expression with the flag g: write `/…/g`",
            ));
        }
        return replace_by(machine, text, (pattern, &expression), arguments);
    }
    let wanted = text_argument(machine, arguments, 0)?;
    let replacement = replacement(machine, arguments)?;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = find(machine, text, &wanted, from)? {
        machine.spend(1)?;
        machine.charge(64)?;
        places.push(text_place(machine, at, &wanted));
        from = at + wanted.len().max(1);
    }
    replaced(machine, text, &replacement, &places)
}

fn text_place<'p>(machine: &Machine<'p>, at: usize, wanted: &Text) -> Place<'p> {
    Place {
        start: at,
        end: at + wanted.len(),
        groups: vec![machine.text(wanted.clone())],
        named: Value::Undefined,
    }
}

fn replacement<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
) -> Result<Replacement<'p>, Trap> {
    let value = argument(arguments, 1);
    if value.is_function() {
        return Ok(Replacement::Function(*value));
    }
    machine.to_text(value).map(Replacement::Text)
}

fn replace_by<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    (value, expression): (&Value<'p>, &RegExpData),
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let replacement = replacement(machine, arguments)?;
    let all = if expression.flags().has(Flags::GLOBAL) {
        all_found(machine, value, expression, text)?
    } else {
        Vec::from_iter(search_once(machine, value, expression, text)?)
    };
    let mut places = Vec::with_capacity(all.len());
    for found in all {
        places.push(found_place(machine, text, expression, &found)?);
    }
    replaced(machine, text, &replacement, &places)
}

fn found_place<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    expression: &RegExpData,
    found: &Found,
) -> Result<Place<'p>, Trap> {
    machine.charge(64 + found.len() * 16)?;
    machine.spend(found.len() as u64)?;
    let groups = found.iter().map(|group| group_text(machine, text, *group));
    let groups = groups.collect::<Result<Vec<Value<'p>>, Trap>>()?;
    let named = named_groups(machine, expression, &groups)?;
    let (start, end) = found[0].unwrap_or((0, 0));
    Ok(Place {
        start,
        end,
        groups,
        named,
    })
}

fn replaced<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    replacement: &Replacement<'p>,
    places: &[Place<'p>],
) -> Result<Value<'p>, Trap> {
    let mut builder = TextBuilder::default();
    let mut behind = 0;
    for place in places {
        machine.charge((place.start - behind) * 2)?;
        builder.push_text(machine, &text.slice(behind, place.start))?;
        behind = place.end;
        match replacement {
            Replacement::Function(function) => {
                let mut arguments = place.groups.clone();
                arguments.push(Value::number(place.start as f64));
                arguments.push(machine.text(text.clone()));
                if !place.named.is_undefined() {
                    arguments.push(place.named);
                }
                let result = machine.call(function, &arguments)?;
                let result = machine.to_text(&result)?;
                builder.push_text(machine, &result)?;
            }
            Replacement::Text(template) => expand(machine, &mut builder, template, (text, place))?,
        }
    }
    builder.push_text(machine, &text.slice(behind, text.len()))?;
    builder.finish_value(machine)
}

/// Adds a replacement with its `$` sequences filled in.
fn expand<'p>(
    machine: &mut Machine<'p>,
    builder: &mut TextBuilder,
    template: &Text,
    (text, place): (&Text, &Place<'p>),
) -> Result<(), Trap> {
    let dollar = Text::from("$");
    let mut from = 0;
    while let Some(sign) = find(machine, template, &dollar, from)? {
        builder.push_text(machine, &template.slice(from, sign))?;
        machine.spend(1)?;
        let (part, width) = sequence(machine, template, sign, (text, place))?;
        builder.push_text(machine, &part)?;
        from = sign + width;
    }
    builder.push_text(machine, &template.slice(from, template.len()))
}

/// What a `$` sequence stands for, and its width. A sign that begins none stands for itself.
fn sequence<'p>(
    machine: &mut Machine<'p>,
    template: &Text,
    sign: usize,
    (text, place): (&Text, &Place<'p>),
) -> Result<(Text, usize), Trap> {
    let unit = |at: usize| {
        template
            .unit_at(sign + at)
            .and_then(|unit| u8::try_from(unit).ok())
    };
    let digit = |at: usize| unit(at).filter(u8::is_ascii_digit).map(|unit| unit - b'0');
    let part = match unit(1) {
        Some(b'&') => text_of(machine, &place.groups[0])?,
        Some(b'`') => part(machine, text, 0, place.start)?,
        Some(b'\'') => part(machine, text, place.end, text.len())?,
        Some(b'<') if !place.named.is_undefined() => {
            return named_sequence(machine, template, sign, place);
        }
        Some(b'0'..=b'9') => {
            let one = usize::from(digit(1).unwrap_or(0));
            let two = digit(2).map(|second| one * 10 + usize::from(second));
            let is_group = |group: usize| (1..place.groups.len()).contains(&group);
            let (group, width) = match two.filter(|two| is_group(*two)) {
                Some(two) => (two, 3),
                None => (one, 2),
            };
            if !is_group(group) {
                return Ok((Text::from("$"), 1));
            }
            return Ok((text_of(machine, &place.groups[group])?, width));
        }
        Some(b'$') => Text::from("$"),
        _ => return Ok((Text::from("$"), 1)),
    };
    Ok((part, 2))
}

/// `$<name>`
fn named_sequence<'p>(
    machine: &mut Machine<'p>,
    template: &Text,
    sign: usize,
    place: &Place<'p>,
) -> Result<(Text, usize), Trap> {
    let Some(close) = find(machine, template, &Text::from(">"), sign + 2)? else {
        return Ok((Text::from("$"), 1));
    };
    let name = template.slice(sign + 2, close);
    let value = machine.property(&place.named, &name)?;
    Ok((text_of(machine, &value)?, close + 1 - sign))
}

/// The text of a group; one that took no part is empty.
fn text_of<'p>(machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Text, Trap> {
    match value {
        value if value.is_undefined() => Ok(Text::empty()),
        value => machine.to_text(value),
    }
}

fn part<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    start: usize,
    end: usize,
) -> Result<Text, Trap> {
    let value = slice_value(machine, text, start, end)?;
    text_of(machine, &value)
}
