//! `sort` and `toSorted`: one stable merge sort.
//!
//! Before: the machine. Guarantees: stable; any comparator ends it with some order of the same
//! items, an inconsistent one too; without comparator by UTF-16 text; `undefined` last.

use std::cmp::Ordering;

use crate::builtins::Family;
use crate::builtins::support::{argument, array_length, mutable_array, natives};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.sort" / 1 @host => sort;
        "Array.prototype.toSorted" / 1 @host => to_sorted;
    },
    constants: &[],
};

fn sort<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let comparator = comparator(machine, arguments)?;
    let id = mutable_array(
        machine,
        receiver,
        "sort",
        "`list.toSorted(…)`, which copies",
    )?;
    let sorted = sorted(machine, receiver, comparator)?;
    // The comparator may have changed the array meanwhile: the sorted items are put at its front.
    let count = sorted.len();
    let length = machine.heap.array(id).len();
    machine.charge(count.saturating_sub(length) * 16)?;
    let array = machine.heap.array_mut(id);
    if array.len() <= count {
        *array = sorted;
    } else {
        array.splice(0..count, sorted);
    }
    Ok(*receiver)
}

fn to_sorted<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let comparator = comparator(machine, arguments)?;
    array_length(machine, receiver, "toSorted")?;
    let sorted = sorted(machine, receiver, comparator)?;
    Ok(Value::Array(machine.heap.add_array(sorted)))
}

fn comparator<'p, 'a>(
    machine: &mut Machine<'p>,
    arguments: &'a [Value<'p>],
) -> Result<Option<&'a Value<'p>>, Trap> {
    let comparator = argument(arguments, 0);
    if comparator.is_undefined() {
        return Ok(None);
    }
    if !comparator.is_function() {
        let what = machine.describe(comparator);
        return Err(machine.type_error(format!("the comparator must be a function, not {what}")));
    }
    Ok(Some(comparator))
}

/// The items in order, charged.
fn sorted<'p>(
    machine: &mut Machine<'p>,
    array: &Value<'p>,
    comparator: Option<&Value<'p>>,
) -> Result<Vec<Value<'p>>, Trap> {
    let length = machine.array_length(array).unwrap_or(0);
    machine.spend(length as u64)?;
    // The copy of the items and the room to merge into.
    machine.charge(32 + length * 32)?;
    let mut items = Vec::with_capacity(length);
    let mut undefined = 0;
    for at in 0..length {
        match machine.array_item(array, at) {
            Some(item) if item.is_undefined() => undefined += 1,
            Some(item) => items.push(item),
            None => {}
        }
    }
    let mut items = match comparator.map(|comparator| machine.callback(comparator)) {
        Some(comparator) => merge_sort(machine, items, |machine, left, right| {
            let answer = machine.call_back(&comparator, [*left, *right])?;
            match answer.as_number() {
                Some(number) => Ok(number),
                None => machine.to_number(&answer),
            }
        })?,
        None => sorted_by_text(machine, items)?,
    };
    items.resize(items.len() + undefined, Value::Undefined);
    Ok(items)
}

fn sorted_by_text<'p>(
    machine: &mut Machine<'p>,
    items: Vec<Value<'p>>,
) -> Result<Vec<Value<'p>>, Trap> {
    machine.charge(items.len() * 24)?;
    let mut keyed: Vec<(Text, Value<'p>)> = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((machine.to_text(&item)?, item));
    }
    let sorted = merge_sort(machine, keyed, |machine, (left, _), (right, _)| {
        machine.spend(left.len().min(right.len()) as u64 / 32)?;
        Ok(match left.cmp(right) {
            Ordering::Less => -1.0,
            Ordering::Equal => 0.0,
            Ordering::Greater => 1.0,
        })
    })?;
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

/// Merges runs of 1, 2, 4, … items until one run is left; takes from the left run unless the right
/// item is to stand before it. Their places are merged, so that an item moves once.
fn merge_sort<'p, T>(
    machine: &mut Machine<'p>,
    items: Vec<T>,
    mut compare: impl FnMut(&mut Machine<'p>, &T, &T) -> Result<f64, Trap>,
) -> Result<Vec<T>, Trap> {
    let count = items.len();
    let mut width = 1;
    let mut order: Vec<usize> = (0..count).collect();
    let mut merged: Vec<usize> = Vec::with_capacity(count);
    while width < count {
        machine.spend(count as u64)?;
        merged.clear();
        for run in order.chunks(width * 2) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some((first, others)), Some((second, more))) =
                (left.split_first(), right.split_first())
            {
                // NaN counts as 0.
                if compare(machine, &items[*first], &items[*second])? > 0.0 {
                    merged.push(*second);
                    right = more;
                } else {
                    merged.push(*first);
                    left = others;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut order, &mut merged);
        width *= 2;
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|at| items[at].take());
    Ok(sorted.collect())
}
