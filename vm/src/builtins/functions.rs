//! Methods of functions and of iterators.
//!
//! Before: the machine. Guarantees: `call` and `apply` pass a receiver to built-ins; script
//! functions have no `this` and get the arguments alone.

use super::Family;
use super::support::{argument, natives, to_string};
use crate::data::PropertyTable;
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Function.prototype.call" / 1 @host => call;
        "Function.prototype.apply" / 2 @host => apply;
        "Function.prototype.toString" / 0 => to_string;
        "Iterator.prototype.next" / 0 => next;
    },
    constants: &[],
};

fn call<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.require_function(receiver)?;
    let passed = arguments.get(1..).unwrap_or(&[]);
    machine.call_with_receiver(receiver, argument(arguments, 0), passed)
}

fn apply<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.require_function(receiver)?;
    let list = argument(arguments, 1);
    let passed = if list.is_nullish() {
        Vec::new()
    } else {
        machine.iterate_all(list)?
    };
    machine.call_with_receiver(receiver, argument(arguments, 0), &passed)
}

fn next<'p>(
    machine: &mut Machine<'p>,
    receiver: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let Value::Iterator(id) = receiver else {
        return Err(machine.type_error("`next` needs an iterator"));
    };
    let value = machine.iterator_next(*id)?;
    let done = value.is_none();
    let properties = [
        (Text::from("value"), value.unwrap_or(Value::Undefined)),
        (Text::from("done"), Value::boolean(done)),
    ];
    let properties: PropertyTable<Value<'p>> = properties.into_iter().collect();
    machine.new_object(properties)
}
