//! Array methods that change the array: `push`, `pop`, `shift`, `unshift`, `splice`, `reverse`, `fill`.
//!
//! Before: the machine. Guarantees: a frozen array is an error that names the copying form; work is
//! counted by the items that move.

use crate::builtins::Family;
use crate::builtins::support::{argument, array_length, mutable_array, natives, relative_index};
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::{ArrayId, Value};

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Array.prototype.push" / 1 @host => push;
        "Array.prototype.pop" / 0 @host => pop;
        "Array.prototype.shift" / 0 @host => shift;
        "Array.prototype.unshift" / 1 @host => unshift;
        "Array.prototype.splice" / 2 @host => splice;
        "Array.prototype.reverse" / 0 @host => reverse;
        "Array.prototype.fill" / 1 @host => fill;
        "Array.prototype.copyWithin" / 2 @host => copy_within;
    },
    constants: &[],
};

fn push<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable_array(machine, receiver, "push", "`[...list, item]`, which copies")?;
    machine.spend(arguments.len() as u64 / 4)?;
    machine.charge(arguments.len() * 16)?;
    let array = machine.heap.array_mut(id);
    array.extend_from_slice(arguments);
    Ok(Value::number(array.len() as f64))
}

fn pop<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable_array(
        machine,
        receiver,
        "pop",
        "`list.slice(0, -1)`, which copies",
    )?;
    Ok(machine.heap.array_mut(id).pop().unwrap_or(Value::Undefined))
}

fn shift<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable_array(machine, receiver, "shift", "`list.slice(1)`, which copies")?;
    spend_moving(machine, id)?;
    let array = machine.heap.array_mut(id);
    if array.is_empty() {
        return Ok(Value::Undefined);
    }
    Ok(array.remove(0))
}

/// Counts the moving of all items of an array.
fn spend_moving<'p>(machine: &mut Machine<'p>, id: ArrayId) -> Result<(), Trap> {
    machine.spend(machine.heap.array(id).len() as u64 / 32)
}

fn unshift<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable_array(
        machine,
        receiver,
        "unshift",
        "`[item, ...list]`, which copies",
    )?;
    machine.charge(arguments.len() * 16)?;
    machine.spend(arguments.len() as u64 / 4)?;
    spend_moving(machine, id)?;
    let array = machine.heap.array_mut(id);
    array.splice(0..0, arguments.iter().cloned());
    Ok(Value::number(array.len() as f64))
}

/// The range that `splice(start, count, …)` and `toSpliced` take out.
pub(super) fn spliced_range<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    length: usize,
) -> Result<std::ops::Range<usize>, Trap> {
    let start = relative_index(machine, argument(arguments, 0), length, 0)?;
    let count = match arguments.len() {
        0 => 0,
        1 => length - start,
        _ => {
            let count = machine.to_integer(&arguments[1])?;
            count.clamp(0.0, (length - start) as f64) as usize
        }
    };
    Ok(start..start + count)
}

fn splice<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`list.toSpliced(…)`, which copies";
    let id = mutable_array(machine, receiver, "splice", hint)?;
    let length = machine.heap.array(id).len();
    let range = spliced_range(machine, arguments, length)?;
    // Reading the arguments may have run a `valueOf` that shortened the array.
    let length = machine.heap.array(id).len();
    let range = range.start.min(length)..range.end.min(length);
    let inserted = arguments.get(2..).unwrap_or(&[]);
    machine.charge(inserted.len() * 16)?;
    machine.spend((range.len() + inserted.len()) as u64 / 4)?;
    spend_moving(machine, id)?;
    let array = machine.heap.array_mut(id);
    let removed: Vec<Value<'p>> = array.splice(range, inserted.iter().cloned()).collect();
    machine.new_array(removed)
}

fn reverse<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`list.toReversed()`, which copies";
    let id = mutable_array(machine, receiver, "reverse", hint)?;
    machine.spend(machine.heap.array(id).len() as u64 / 16)?;
    machine.heap.array_mut(id).reverse();
    Ok(*receiver)
}

fn fill<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let id = mutable_array(
        machine,
        receiver,
        "fill",
        "`list.map(() => value)`, which copies",
    )?;
    let length = array_length(machine, receiver, "fill")?;
    let start = relative_index(machine, argument(arguments, 1), length, 0)?;
    let end = relative_index(machine, argument(arguments, 2), length, length)?;
    machine.spend(end.saturating_sub(start) as u64 / 8)?;
    let array = machine.heap.array_mut(id);
    for item in array.iter_mut().take(end).skip(start) {
        *item = *argument(arguments, 0);
    }
    Ok(*receiver)
}

fn copy_within<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let hint = "`list.slice()` and change the copy";
    let id = mutable_array(machine, receiver, "copyWithin", hint)?;
    let length = array_length(machine, receiver, "copyWithin")?;
    let target = relative_index(machine, argument(arguments, 0), length, 0)?;
    let start = relative_index(machine, argument(arguments, 1), length, 0)?;
    let end = relative_index(machine, argument(arguments, 2), length, length)?;
    let length = length.min(machine.heap.array(id).len());
    let count = end
        .min(length)
        .saturating_sub(start)
        .min(length.saturating_sub(target));
    machine.spend(count as u64 / 4)?;
    machine.charge(count * 16)?;
    if count > 0 {
        let array = machine.heap.array_mut(id);
        let copied = array[start..start + count].to_vec();
        array[target..target + count].clone_from_slice(&copied);
    }
    Ok(*receiver)
}
