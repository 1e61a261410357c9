//! What a search found, as scripts see it: the array of a match, all matches of a text.
//!
//! Before: `methods`, and the text methods that take regular expressions. Guarantees: as ECMAScript:
//! `index`, `input`, `groups`, and `indices` with the flag d; groups of one name give the one that
//! took part.

use super::methods::{last_index, set_last_index};
use crate::builtins::string::slice_value;
use crate::builtins::support::Items;
use crate::data::PropertyTable;
use crate::error::Trap;
use crate::machine::Machine;
use crate::regex::{Captures, Flags, From, RegExpData};
use crate::text::Text;
use crate::value::Value;

/// Begin and end of the match and of each group.
pub(in crate::builtins) type Found = Captures;

/// The place behind an empty match from which to go on.
pub(in crate::builtins) fn advanced(expression: &RegExpData, text: &Text, place: usize) -> usize {
    let width = match text.code_point_at(place) {
        Some((_, width)) if expression.flags().by_code_points() => width,
        _ => 1,
    };
    place + width
}

/// All matches from a place on, one behind the other; charged.
pub(in crate::builtins) fn found_from<'p>(
    machine: &mut Machine<'p>,
    expression: &RegExpData,
    text: &Text,
    mut place: usize,
) -> Result<Vec<Found>, Trap> {
    let only_there = expression.flags().has(Flags::STICKY);
    let mut all = Vec::new();
    while place <= text.len() {
        let from = From { place, only_there };
        let Some(found) = machine.search(expression, text, from)? else {
            break;
        };
        machine.charge(24 + found.len() * 24)?;
        let (start, end) = found[0].unwrap_or((place, place));
        place = if start == end {
            advanced(expression, text, end)
        } else {
            end
        };
        all.push(found);
    }
    Ok(all)
}

/// All matches of an expression with the flag g, as `match` and `replace` find them: from the begin,
/// and `lastIndex` is 0 afterwards.
pub(in crate::builtins) fn all_found<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    expression: &RegExpData,
    text: &Text,
) -> Result<Vec<Found>, Trap> {
    set_last_index(machine, value, 0)?;
    let found = found_from(machine, expression, text, 0)?;
    if last_index(machine, value)? != 0.0 {
        set_last_index(machine, value, 0)?;
    }
    Ok(found)
}

/// The text of a group, `undefined` where it took no part.
pub(in crate::builtins) fn group_text<'p>(
    machine: &mut Machine<'p>,
    text: &Text,
    group: Option<(usize, usize)>,
) -> Result<Value<'p>, Trap> {
    match group {
        Some((start, end)) => slice_value(machine, text, start, end),
        None => Ok(Value::Undefined),
    }
}

/// The array of a match.
pub(in crate::builtins) fn found_array<'p>(
    machine: &mut Machine<'p>,
    expression: &RegExpData,
    text: &Text,
    found: &Found,
) -> Result<Value<'p>, Trap> {
    let mut items = Items::default();
    for group in found {
        machine.spend(1)?;
        let item = group_text(machine, text, *group)?;
        items.push(machine, item)?;
    }
    let groups = named_groups(machine, expression, items.values())?;
    let array = items.finish(machine)?;
    let start = found[0].map_or(0, |(start, _)| start);
    let named = [
        (Text::from("index"), Value::number(start as f64)),
        (Text::from("input"), machine.text(text.clone())),
        (Text::from("groups"), groups),
    ];
    let mut named = PropertyTable::of_names(named.into_iter());
    if expression.flags().has(Flags::INDICES) {
        let indices = indices(machine, expression, found)?;
        named.insert(Text::from("indices"), indices);
    }
    name_parts(machine, &array, named)?;
    Ok(array)
}

fn name_parts<'p>(
    machine: &mut Machine<'p>,
    array: &Value<'p>,
    named: PropertyTable<Value<'p>>,
) -> Result<(), Trap> {
    machine.charge(96 + named.len() * 40)?;
    if let Value::Array(id) = array {
        machine.heap.name_parts(*id, named);
    }
    Ok(())
}

/// The object of the named groups, from the values of all; `undefined` where no group has a name.
pub(in crate::builtins) fn named_groups<'p>(
    machine: &mut Machine<'p>,
    expression: &RegExpData,
    values: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let Ok(program) = expression.program() else {
        return Ok(Value::Undefined);
    };
    if program.names().is_empty() {
        return Ok(Value::Undefined);
    }
    let mut properties = PropertyTable::with_capacity(program.names().len());
    for (name, groups) in program.names() {
        machine.spend(groups.len() as u64)?;
        let mut of_name = groups
            .iter()
            .filter_map(|group| values.get(*group as usize));
        let value = of_name.find(|value| !value.is_undefined());
        properties.insert(name.clone(), value.cloned().unwrap_or(Value::Undefined));
    }
    machine.new_object(properties)
}

/// Begin and end of each group, as `indices`.
fn indices<'p>(
    machine: &mut Machine<'p>,
    expression: &RegExpData,
    found: &Found,
) -> Result<Value<'p>, Trap> {
    let mut items = Items::default();
    for group in found {
        let pair = match group {
            Some((start, end)) => {
                let pair = [start, end].map(|place| Value::number(*place as f64));
                machine.new_array(pair.to_vec())?
            }
            None => Value::Undefined,
        };
        items.push(machine, pair)?;
    }
    let groups = named_groups(machine, expression, items.values())?;
    let array = items.finish(machine)?;
    let named = [(Text::from("groups"), groups)].into_iter().collect();
    name_parts(machine, &array, named)?;
    Ok(array)
}
