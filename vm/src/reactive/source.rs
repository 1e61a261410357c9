//! A source as data: what scripts make of `stateOf`, `effect`, `clock` and a call of a reactive function.
//!
//! The functions of the language make the object, `Source::read` reads it where it is used. What a
//! subscriber asks of an instance (`Part`, and the request that says it) is made from it.

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;

/// The property that says which kind of source an object is.
pub(crate) const KIND: &str = "source";
/// The property with the address of a worker, service or reactive function.
pub(crate) const OF: &str = "of";
/// The property with the arguments of a reactive function.
pub(crate) const ARGUMENTS: &str = "args";

/// Bytes of a key that shows the arguments; longer ones are shown as a hash.
const READABLE_KEY_BYTES_MAX: usize = 200;

/// The shortest period of a clock, in milliseconds: each tick is a turn.
pub(crate) const CLOCK_MIN_MS: f64 = 100.0;

/// Something that a reactive function can read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// The result of a reactive function for some arguments.
    Result { of: Address, arguments: Data },
    /// A named state of an instance.
    State { of: Address, name: String },
    /// The answer of a service to a request.
    Effect { service: Address, request: Data },
    /// The time, in steps of so many milliseconds.
    Clock { period_ms: u64 },
}

/// What of an instance is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// The result of a reactive function.
    Result,
    /// The state that `as` gave this name.
    State(String),
}

impl Part {
    /// What a request for a subscription is about; none where it is no such request.
    pub fn requested(request: &Data) -> Option<Part> {
        match (request.property("state"), request.property(ARGUMENTS)) {
            (Some(Data::Text(name)), _) => Some(Part::State(name.to_string())),
            (_, Some(Data::Array(_))) => Some(Part::Result),
            _ => None,
        }
    }

    /// The arguments in a request for a result: what the function's instance is started with.
    pub fn arguments(request: &Data) -> Data {
        request.property(ARGUMENTS).cloned().unwrap_or_default()
    }
}

/// The key of the instance that computes a reactive function for some arguments (an array).
pub fn instance_key(arguments: &Data) -> String {
    let text = arguments.to_json();
    if text.len() <= READABLE_KEY_BYTES_MAX {
        return text;
    }
    format!("#{}", blake3::hash(&arguments.encode()).to_hex())
}

/// What a subscription to a result says.
pub fn result_request(arguments: &Data) -> Data {
    Data::object_from([(ARGUMENTS, arguments.clone())]).unwrap_or_default()
}

/// What a subscription to a state says.
pub(crate) fn state_request(name: &str) -> Data {
    Data::object_from([("state", Data::from(name))]).unwrap_or_default()
}

impl Source {
    /// Reads a source that a function of the language made.
    pub(crate) fn read(value: &Data) -> Result<Source, ScriptError> {
        let property = |name: &str| value.property(name);
        let address = || match property(OF) {
            Some(Data::Address(address)) => Ok(Address::clone(address)),
            _ => Err(not_a_source(value)),
        };
        match property(KIND)
            .and_then(Data::as_text)
            .map(ToString::to_string)
            .as_deref()
        {
            Some("result") => match (address()?, property(ARGUMENTS)) {
                (of, Some(arguments @ Data::Array(_))) if of.key.is_none() => {
                    let arguments = arguments.clone();
                    Ok(Source::Result { of, arguments })
                }
                _ => Err(not_a_source(value)),
            },
            Some("state") => match property("name").and_then(Data::as_text) {
                Some(name) => Ok(Source::State {
                    of: address()?,
                    name: name.to_string(),
                }),
                None => Err(not_a_source(value)),
            },
            Some("effect") => Ok(Source::Effect {
                service: address()?,
                request: property("request").cloned().unwrap_or(Data::Null),
            }),
            Some("clock") => match property("ms") {
                Some(Data::Number(period)) if is_period(*period) => Ok(Source::Clock {
                    period_ms: *period as u64,
                }),
                _ => Err(not_a_source(value)),
            },
            _ => Err(not_a_source(value)),
        }
    }
}

/// Whether a clock can have this period.
pub(crate) fn is_period(period_ms: f64) -> bool {
    (CLOCK_MIN_MS..=crate::control::DELAY_MAX_MS).contains(&period_ms) && period_ms.fract() == 0.0
}

fn not_a_source(value: &Data) -> ScriptError {
    let what = format!(
        "{} is not a source: write `Name(…)` for a reactive function, `stateOf(worker(\"Name\", key), \"state\")`, `effect(Service, request)` or `clock(ms)`",
        crate::run::describe(value)
    );
    ScriptError::new(codes::NOT_A_SOURCE, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn keys_show_short_arguments_and_hash_long_ones() {
        let json = |text: &str| Data::from_json(text, &Limits::default()).unwrap();
        assert_eq!(instance_key(&json(r#"["ann", 2]"#)), r#"["ann",2]"#);
        let long = json(&format!("[\"{}\"]", "x".repeat(300)));
        let other = json(&format!("[\"{}y\"]", "x".repeat(299)));
        assert!(instance_key(&long).starts_with('#') && instance_key(&long).len() == 65);
        assert_ne!(instance_key(&long), instance_key(&other));
    }

    #[test]
    fn requests_say_what_is_read() {
        let arguments = Data::array(vec![Data::from("ann")]).unwrap();
        let request = result_request(&arguments);
        assert_eq!(Part::requested(&request), Some(Part::Result));
        assert_eq!(Part::arguments(&request), arguments);
        let state = Part::requested(&state_request("balance"));
        assert_eq!(state, Some(Part::State("balance".to_owned())));
        assert_eq!(Part::requested(&Data::Null), None);
    }
}
