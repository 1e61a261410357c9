//! `console.log` and `uuid`.
//!
//! Before: the machine. After: the host, which puts lines into history and trace, and has chance.
//! Guarantees: a text is written as it is, everything else as JSON where it has one.

use super::Family;
use super::json::to_json;
use super::support::natives;
use crate::data::Data;
use crate::error::{Trap, TrapKind};
use crate::machine::Machine;
use crate::value::Value;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "console.log" / 0 => log;
        "uuid" / 0 => uuid;
    },
    constants: &[],
};

fn log<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let mut line = String::new();
    for (at, value) in arguments.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        let shown = shown(machine, value)?;
        machine.charge(shown.len())?;
        line.push_str(&shown);
    }
    machine.host.print(line);
    Ok(Value::Undefined)
}

fn shown<'p>(machine: &mut Machine<'p>, value: &Value<'p>) -> Result<String, Trap> {
    let is_error = machine.prototype_of(value) == Some(super::Prototype::Error);
    let plain = match value {
        Value::Frozen(Data::Address(_)) => true,
        value => is_error || value.is_primitive() || value.is_function(),
    };
    if !plain {
        match to_json(machine, value) {
            Ok(Value::Text(json)) => return Ok(json.to_string_lossy()),
            Ok(_) => {}
            // A cycle, or a `toJSON` that throws: said in a few words. Limits end the turn.
            Err(trap) if matches!(trap.0.kind, TrapKind::Throw) => {
                return Ok(machine.describe(value));
            }
            Err(trap) => return Err(trap),
        }
    }
    machine.to_text(value).map(|text| text.to_string_lossy())
}

/// A version 4 UUID from the host's chance.
fn uuid<'p>(machine: &mut Machine<'p>, _: &Value<'p>, _: &[Value<'p>]) -> Result<Value<'p>, Trap> {
    let high = (machine.host.random_bits()? & !0xF000) | 0x4000;
    let low = (machine.host.random_bits()? & !(0b11 << 62)) | (0b10 << 62);
    machine.new_text(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    ))
}
