//! What a reactive function reads while it runs: `get`, and the functions that make sources.
//!
//! `control/react` says what is known before the function runs and asks afterwards what it read. A source
//! that is not known ends the run of the function, which a script cannot catch.

use std::collections::BTreeMap;

use super::RunHost;
use crate::codes::{self, ErrorCode};
use crate::data::{Address, Data, PropertyTable};
use crate::error::Trap;
use crate::freeze::Purpose;
use crate::machine::Machine;
use crate::reactive::{self, ARGUMENTS, KIND, Knowledge, OF, Said, Source};
use crate::text::Text;
use crate::value::Value;

/// The sources of one run of a reactive function.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Places of the known sources, by their encoding.
    places: BTreeMap<Vec<u8>, usize>,
    said: Vec<Option<Said>>,
    /// Which of them were read.
    pub(crate) read: Vec<bool>,
    /// The source at which it stopped, because nothing is known of it.
    pub(crate) missing: Option<Data>,
}

impl Reading {
    /// Nothing read yet.
    pub(crate) fn of(knowledge: &Knowledge) -> Reading {
        let known = knowledge.sources.iter();
        let places = known
            .enumerate()
            .map(|(at, known)| (known.source.encode(), at));
        Reading {
            places: places.collect(),
            said: knowledge
                .sources
                .iter()
                .map(|known| known.said.clone())
                .collect(),
            read: vec![false; knowledge.sources.len()],
            missing: None,
        }
    }

    fn look_up(&mut self, source: &Data) -> Option<Said> {
        let place = self.places.get(&source.encode()).copied();
        if let Some(read) = place.and_then(|place| self.read.get_mut(place)) {
            *read = true;
        }
        let said = place.and_then(|place| self.said.get(place).cloned().flatten());
        if said.is_none() {
            self.missing = Some(source.clone());
        }
        said
    }
}

impl RunHost<'_> {
    /// A reactive function runs from here on.
    pub(crate) fn begin_reading(&self, reading: Reading) {
        *self.reading.borrow_mut() = Some(reading);
    }

    /// What it has read.
    pub(crate) fn end_reading(&self) -> Reading {
        self.reading.borrow_mut().take().unwrap_or_default()
    }

    /// Why a reactive function may not ask for time or chance.
    pub(super) fn impure(&self, what: &str, hint: &str) -> Result<(), Trap> {
        if self.reading.borrow().is_none() {
            return Ok(());
        }
        let what = format!("a reactive function has no {what} of its own: {hint}");
        Err(Trap::fatal(codes::IMPURE, what))
    }

    /// `get(source)`
    pub(super) fn get<'p>(
        &self,
        machine: &mut Machine<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        const SOURCE_INSTRUCTIONS: u64 = 20;
        machine.spend(SOURCE_INSTRUCTIONS)?;
        let value = arguments.first().cloned().unwrap_or(Value::Undefined);
        let source = match &value {
            Value::Object(_) | Value::Frozen(Data::Object(_)) => {
                machine.freeze(&value, Purpose::Message)?
            }
            value => value.as_data().unwrap_or_default(),
        };
        if let Err(error) = Source::read(&source) {
            return Err(with_code(
                machine.type_error(error.message),
                codes::NOT_A_SOURCE,
            ));
        }
        let mut reading = self.reading.borrow_mut();
        match reading
            .as_mut()
            .and_then(|reading| reading.look_up(&source))
        {
            Some(Said::Value(value)) => Ok(machine.value(value)),
            Some(Said::Error(error)) => {
                let error = machine.value(error);
                Err(machine.throw(error))
            }
            None => Err(Trap::fatal(
                codes::NOT_A_SOURCE,
                "nothing is known of the source yet",
            )),
        }
    }
}

fn with_code(mut trap: Trap, code: ErrorCode) -> Trap {
    trap.0.code = Some(code);
    trap
}

/// `stateOf(address, name)` of a running worker.
pub(super) fn state_of<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let of = address(machine, arguments, "stateOf")?;
    let name = arguments.get(1).cloned().unwrap_or(Value::Undefined);
    if name.as_text().is_none_or(Text::is_empty) {
        return Err(machine.type_error(
            "`stateOf` needs the name that `as` gave a state: `stateOf(worker(\"Account\", id), \"balance\")`",
        ));
    }
    state_source(machine, of, name)
}

/// `effect(Service, request)` of a running worker.
pub(super) fn effect<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let of = address(machine, arguments, "effect")?;
    let request = arguments.get(1).cloned().unwrap_or(Value::Null);
    effect_source(machine, of, request)
}

/// `clock(ms)` of a running worker.
pub(super) fn clock<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let period = arguments.first().cloned().unwrap_or(Value::Undefined);
    match period.as_number() {
        Some(number) if reactive::is_period(number) => clock_source(machine, period),
        _ => {
            let got = machine.describe(&period);
            Err(machine.range_error(format!(
                "`clock` needs whole milliseconds, 100 at least, got {got}"
            )))
        }
    }
}

/// What a call of a reactive function is: a source.
pub(super) fn result_of<'p>(
    machine: &mut Machine<'p>,
    of: &Address,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    if of.key.is_some() {
        let what = format!("{of} is the address of an instance, which is no function");
        return Err(machine.type_error(what));
    }
    let of = machine.value(Data::from(of.clone()));
    result_source(machine, of, arguments)
}

fn address<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    name: &str,
) -> Result<Value<'p>, Trap> {
    match arguments.first() {
        Some(address @ Value::Frozen(Data::Address(_) | Data::Symbolic(_))) => Ok(*address),
        other => {
            let got = other.map_or("nothing".to_owned(), |other| machine.describe(other));
            Err(machine.type_error(format!("`{name}` needs an address, got {got}")))
        }
    }
}

/// The source that is a state.
pub(crate) fn state_source<'p>(
    machine: &mut Machine<'p>,
    of: Value<'p>,
    name: Value<'p>,
) -> Result<Value<'p>, Trap> {
    source(machine, "state", [(OF, of), ("name", name)])
}

/// The source that is what a service answers.
pub(crate) fn effect_source<'p>(
    machine: &mut Machine<'p>,
    of: Value<'p>,
    request: Value<'p>,
) -> Result<Value<'p>, Trap> {
    source(machine, "effect", [(OF, of), ("request", request)])
}

/// The source that is the time.
pub(crate) fn clock_source<'p>(
    machine: &mut Machine<'p>,
    period: Value<'p>,
) -> Result<Value<'p>, Trap> {
    source(machine, "clock", [("ms", period)])
}

/// The source that is the result of a reactive function.
pub(crate) fn result_source<'p>(
    machine: &mut Machine<'p>,
    of: Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let arguments = machine.new_array(arguments.to_vec())?;
    source(machine, "result", [(OF, of), (ARGUMENTS, arguments)])
}

fn source<'p, const N: usize>(
    machine: &mut Machine<'p>,
    kind: &str,
    properties: [(&str, Value<'p>); N],
) -> Result<Value<'p>, Trap> {
    let mut table: PropertyTable<Value<'p>> = PropertyTable::with_capacity(N + 1);
    table.insert(Text::from(KIND), machine.text(kind));
    for (name, value) in properties {
        table.insert(Text::from(name), value);
    }
    machine.new_object(table)
}
