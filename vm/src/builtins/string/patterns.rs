//! Text methods that take a regular expression: `match`, `matchAll`, `search`, and `split` by one.
//!
//! Before: the machine. After: `regexp`. Guarantees: as ECMAScript; what is no regular expression
//! becomes one. `matchAll` finds all at once: nobody can see the difference, and all of it is counted.

use super::{receiver_text, slice_value};
use crate::builtins::Family;
use crate::builtins::regexp::{
    advanced, all_found, expression_of, found_array, found_from, from_argument, group_text,
    last_index, search_once,
};
use crate::builtins::support::{Items, argument, natives};
use crate::error::Trap;
use crate::heap::IteratorKind;
use crate::machine::Machine;
use crate::regex::{Flags, From, RegExpData};
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "String.prototype.match" / 1 => match_text;
        "String.prototype.matchAll" / 1 => match_all;
        "String.prototype.search" / 1 => search;
    },
    constants: &[],
};

/// The argument as a regular expression: as it is, or made from its text.
fn expression_argument<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    flags: &str,
) -> Result<(Value<'p>, std::sync::Arc<RegExpData>), Trap> {
    let mut value = *argument(arguments, 0);
    if expression_of(machine, &value).is_none() {
        value = from_argument(machine, &value, flags)?;
    }
    match expression_of(machine, &value) {
        Some(expression) => Ok((value, expression)),
        None => Err(machine.type_error("a regular expression is needed")),
    }
}

fn match_text<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "match")?;
    let (value, expression) = expression_argument(machine, arguments, "")?;
    if !expression.flags().has(Flags::GLOBAL) {
        return match search_once(machine, &value, &expression, text)? {
            Some(found) => found_array(machine, &expression, text, &found),
            None => Ok(Value::Null),
        };
    }
    let all = all_found(machine, &value, &expression, text)?;
    if all.is_empty() {
        return Ok(Value::Null);
    }
    let mut items = Items::default();
    for found in all {
        machine.spend(1)?;
        let item = group_text(machine, text, found[0])?;
        items.push(machine, item)?;
    }
    items.finish(machine)
}

fn match_all<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "matchAll")?;
    let (value, expression) = expression_argument(machine, arguments, "g")?;
    if !expression.flags().has(Flags::GLOBAL) {
        return Err(machine
            .type_error("`matchAll` needs a regular expression with the flag g: write `/…/g`"));
    }
    let start = last_index(machine, &value)?.min(text.len() as f64 + 1.0) as usize;
    let mut items = Items::default();
    for found in found_from(machine, &expression, text, start)? {
        let item = found_array(machine, &expression, text, &found)?;
        items.push(machine, item)?;
    }
    let items = items.finish(machine)?;
    machine.new_iterator(items, IteratorKind::Values)
}

fn search<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let text = receiver_text(machine, receiver, "search")?;
    let (_, expression) = expression_argument(machine, arguments, "")?;
    let from = From {
        place: 0,
        only_there: expression.flags().has(Flags::STICKY),
    };
    let found = machine.search(&expression, text, from)?;
    let start = found.and_then(|found| found[0]);
    Ok(Value::number(start.map_or(-1.0, |(start, _)| start as f64)))
}

/// `split` by a regular expression: the groups of each separator stand between the parts.
pub(super) fn split_by<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    expression: &RegExpData,
    limit: usize,
) -> Result<Value<'p>, Trap> {
    let mut items = Items::default();
    let mut count = 0;
    let (mut part, mut place) = (0, 0);
    while place < text.len() || text.is_empty() {
        let from = From {
            place,
            only_there: text.is_empty(),
        };
        let Some(found) = machine.search(expression, text, from)? else {
            break;
        };
        let (start, end) = found[0].unwrap_or((place, place));
        if text.is_empty() {
            return items.finish(machine);
        }
        if start >= text.len() {
            break;
        }
        if end == part {
            place = advanced(expression, text, start);
            continue;
        }
        let before = slice_value(machine, text, part, start)?;
        items.push(machine, before)?;
        count += 1;
        for group in &found[1..] {
            if count < limit {
                let item = group_text(machine, text, *group)?;
                items.push(machine, item)?;
                count += 1;
            }
        }
        if count >= limit {
            return items.finish(machine);
        }
        (part, place) = (end, end);
    }
    let rest = slice_value(machine, text, part, text.len())?;
    items.push(machine, rest)?;
    items.finish(machine)
}
