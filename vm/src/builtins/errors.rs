//! `Error` and its kinds, with and without `new`.
//!
//! Before: the machine. Guarantees: an error has its own `message` and `cause` where they were given;
//! where it arose is in the script stack of the trap, not in the value.

use super::Family;
use super::support::{argument, natives, to_string};
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::Trap;
use crate::heap::{HeapObject, ObjectKind};
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

macro_rules! kind {
    ($kind:ident) => {
        |machine, _, arguments| new_error(machine, ErrorKind::$kind, arguments)
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Error" / 1 => kind!(Error);
        "new Error" / 1 => kind!(Error);
        "TypeError" / 1 => kind!(TypeError);
        "new TypeError" / 1 => kind!(TypeError);
        "RangeError" / 1 => kind!(RangeError);
        "new RangeError" / 1 => kind!(RangeError);
        "SyntaxError" / 1 => kind!(SyntaxError);
        "new SyntaxError" / 1 => kind!(SyntaxError);
        "ReferenceError" / 1 => kind!(ReferenceError);
        "new ReferenceError" / 1 => kind!(ReferenceError);
        "EvalError" / 1 => kind!(EvalError);
        "new EvalError" / 1 => kind!(EvalError);
        "URIError" / 1 => kind!(UriError);
        "new URIError" / 1 => kind!(UriError);
        "Error.prototype.toString" / 0 => to_string;
    },
    constants: &[],
};

fn new_error<'p>(
    machine: &mut Machine<'p>,
    kind: ErrorKind,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let mut properties = PropertyTable::with_capacity(2);
    let message = argument(arguments, 0);
    if !message.is_undefined() {
        let message = machine.to_text(message)?;
        properties.insert(Text::from("message"), machine.text(message));
    }
    let options = argument(arguments, 1);
    let has_properties = matches!(options, Value::Object(_) | Value::Frozen(Data::Object(_)));
    if has_properties && let Some(cause) = machine.own_property(options, &Text::from("cause")) {
        properties.insert(Text::from("cause"), cause);
    }
    machine.charge(64 + properties.len() * 40)?;
    let object = HeapObject {
        kind: ObjectKind::Error(kind),
        properties,
        base: None,
    };
    Ok(Value::Object(machine.heap.add_object(object)))
}
