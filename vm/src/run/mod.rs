//! The run stage: calls of script functions inside a turn, and what they may ask for.
//!
//! The control level calls through it; the expression machine runs the functions. It gives them the
//! time of the input, chance from a seed, and the addresses of the running worker, and turns traps
//! into errors with a script stack.

mod errors;
mod host;
mod reading;

use crate::codes;
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::host::NoHost;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::program::Program;
use crate::turn::Used;
use crate::value::Value;

pub(crate) use host::{RUN_STAGE_NAMES, RunHost};
pub(crate) use reading::{Reading, clock_source, effect_source, result_source, state_source};

/// The functions of a program, called within one turn and metered together.
pub(crate) struct Functions<'a> {
    machine: Machine<'a>,
    host: &'a RunHost<'a>,
}

impl<'a> Functions<'a> {
    /// Nothing used yet.
    #[inline(always)]
    pub(crate) fn new(
        program: &'a Program,
        host: &'a RunHost<'a>,
        limits: &'a Limits,
        memory: &'a Memory,
    ) -> Functions<'a> {
        Functions {
            machine: Machine::new(program.code(), host, limits, memory),
            host,
        }
    }

    /// What the machine asks.
    pub(crate) fn host(&self) -> &'a RunHost<'a> {
        self.host
    }

    /// The limits of the turn.
    pub(crate) fn limits(&self) -> &'a Limits {
        self.machine.limits
    }

    /// Counts one instruction of the control level.
    pub(crate) fn charge_instruction(&mut self) -> Result<(), ScriptError> {
        self.machine
            .spend(1)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// Calls a function with arguments that are moved out.
    pub(crate) fn call(
        &mut self,
        function: &Value<'a>,
        arguments: &[Value<'a>],
    ) -> Result<Value<'a>, ScriptError> {
        self.machine.forget_places();
        self.machine
            .call(function, arguments)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// Data of the turn as a value.
    pub(crate) fn value(&self, data: Data) -> Value<'a> {
        self.machine.value(data)
    }

    /// The function that reads the sources of a reactive function.
    pub(crate) fn get(&self) -> Value<'a> {
        Value::Host(host::GET)
    }

    /// Makes data of a value that outlives the turn.
    pub(crate) fn freeze(
        &mut self,
        value: &Value<'a>,
        purpose: Purpose,
    ) -> Result<Data, ScriptError> {
        self.machine
            .freeze(value, purpose)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// Counts memory that a message takes when it is sent: the same value again and again takes it each time.
    pub(crate) fn charge_bytes(&mut self, bytes: u32) -> Result<(), ScriptError> {
        self.machine
            .charge(bytes as usize)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// A new array of the turn.
    pub(crate) fn new_array(&mut self, items: Vec<Value<'a>>) -> Result<Value<'a>, ScriptError> {
        self.machine
            .new_array(items)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// A new object of the turn.
    pub(crate) fn new_object(
        &mut self,
        properties: PropertyTable<Value<'a>>,
    ) -> Result<Value<'a>, ScriptError> {
        self.machine
            .new_object(properties)
            .map_err(|trap| self.machine.script_error(trap))
    }

    /// A value of the turn in an error message.
    pub(crate) fn describe(&self, value: &Value<'a>) -> String {
        self.machine.describe(value)
    }

    /// What was used, and what was written to the console.
    pub(crate) fn finish(&mut self) -> (Used, Vec<String>) {
        let used = self.machine.used();
        let used = Used {
            instructions: used.instructions,
            allocated_bytes: used.allocated_bytes,
        };
        (used, self.host.take_lines())
    }
}

/// The key of the instance that takes a message.
pub(crate) fn key_of(
    program: &Program,
    worker: &str,
    message: &Data,
    limits: &Limits,
) -> Result<String, ScriptError> {
    let function = program
        .worker(worker)
        .and_then(|definition| definition.options.key.as_ref());
    let Some(function) = function else {
        return Err(ScriptError::new(
            codes::NO_KEY,
            format!("the worker `{worker}` has no `key`"),
        ));
    };
    let memory = program.spare.take();
    let key = key_in(&memory, program, function, message, limits);
    program.spare.give_back(memory);
    key_text(&key?)
}

fn key_in(
    memory: &Memory,
    program: &Program,
    function: &Data,
    message: &Data,
    limits: &Limits,
) -> Result<Data, ScriptError> {
    let mut machine = Machine::new(program.code(), &NoHost, limits, memory);
    let called = machine.call(&Value::of(function), &[Value::of(message)]);
    let key = called.and_then(|value| machine.freeze(&value, Purpose::Capture));
    key.map_err(|trap| machine.script_error(trap))
}

/// A key from a value: a string, or an integer as its digits.
pub(crate) fn key_text(value: &Data) -> Result<String, ScriptError> {
    match value {
        Data::Text(text) if !text.is_empty() => return Ok(text.to_string()),
        Data::Number(number)
            if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0 =>
        {
            return Ok(format!("{}", *number as i64));
        }
        _ => {}
    }
    Err(ScriptError::bad_key(&describe(value)))
}

/// A value in an error message: its kind, and what it is where that is short.
pub(crate) fn describe(value: &Data) -> String {
    let kind = match value {
        Data::Undefined => return "undefined".to_owned(),
        Data::Null => return "null".to_owned(),
        Data::Number(number) if number.is_nan() => return "NaN".to_owned(),
        Data::Boolean(_) => "the boolean",
        Data::Number(_) => "the number",
        Data::Text(_) => "the string",
        Data::Array(_) => "the array",
        Data::Object(_) => "the object",
        Data::Error(error) => return format!("an error ({})", ErrorKind::name(error.kind)),
        Data::Date(_) => return "a date".to_owned(),
        Data::RegExp(_) => return "a regular expression".to_owned(),
        Data::Map(_) => return "a Map".to_owned(),
        Data::Set(_) => return "a Set".to_owned(),
        Data::Address(address) => return format!("the address {address}"),
        Data::Symbolic(_) => return "an address".to_owned(),
        Data::Function(_) => return "a function".to_owned(),
    };
    let text = value.to_json();
    let short: String = text.chars().take(40).collect();
    let rest = if short.len() < text.len() { "…" } else { "" };
    format!("{kind} {short}{rest}")
}
