//! The options that say how long a command waits and how often it tries: `timeout`, `otherwise`, `retry`.
//!
//! Commands that wait ask here. The times of a retry are numbers of the script; a timeout may be a ref.

use super::super::arguments::Arguments;
use super::super::tables::{Recipe, TimeoutSpec};
use crate::control::instruction::Retry;
use crate::data::Data;
use crate::error::Trap;
use crate::options::{Backoff, DEFAULT_ATTEMPTS, DEFAULT_BACKOFF};
use crate::value::Value;

/// The most attempts that can be asked for.
const ATTEMPTS_MAX: f64 = 1_000_000.0;

/// What the options of a command say.
#[derive(Default)]
pub(super) struct Timing<'p> {
    pub(super) timeout: Option<TimeoutSpec<'p>>,
    pub(super) retry: Option<Retry>,
}

/// Reads the options of a command, of which `known` are allowed.
pub(super) fn read<'p>(
    arguments: &mut Arguments<'_, '_, '_, 'p>,
    options: &Value<'p>,
    known: &[&str],
) -> Result<Timing<'p>, Trap> {
    let mut milliseconds = None;
    let mut otherwise = None;
    let mut retry = None;
    for (option, value) in arguments.options(options, known)? {
        match option.as_str() {
            _ if value.is_undefined() => {}
            "timeout" => milliseconds = Some(time(arguments, &value)?),
            "retry" => retry = Some(tries(arguments, &value)?),
            _ => otherwise = Some(value),
        }
    }
    let timeout = match (milliseconds, otherwise) {
        (Some(milliseconds), otherwise) => Some(TimeoutSpec {
            milliseconds,
            otherwise,
        }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(arguments.refuse_with(
                format!("`{}` has `otherwise` without `timeout`", arguments.name),
                "say after how many milliseconds: `{ timeout: 1000, otherwise: … }`",
            ));
        }
    };
    Ok(Timing { timeout, retry })
}

/// The option `retry`: `{ attempts, backoff }`, as for the restarts of a worker.
pub(super) fn tries<'p>(
    arguments: &mut Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<Retry, Trap> {
    let mut retry = Retry {
        attempts: DEFAULT_ATTEMPTS,
        backoff: DEFAULT_BACKOFF,
    };
    for (option, value) in arguments.options(value, &["attempts", "backoff"])? {
        let word = value.as_text().and_then(|text| text.as_ascii());
        match (option.as_str(), word) {
            _ if value.is_undefined() => {}
            ("attempts", _) => retry.attempts = attempts(arguments, &value)?,
            (_, Some("exponential")) => {}
            _ => retry.backoff = backoff(arguments, &value)?,
        }
    }
    Ok(retry)
}

/// A time in milliseconds, or a ref to one.
fn time<'p>(arguments: &mut Arguments<'_, '_, '_, 'p>, value: &Value<'p>) -> Result<Recipe, Trap> {
    const EXPECTED: &str = "a time in milliseconds, or a ref to one";
    let is_time = match value {
        Value::Number(number) => !number.get().is_nan(),
        other => super::is_ref(other),
    };
    if is_time {
        arguments.operand(value)
    } else {
        Err(arguments.bad_option("timeout", EXPECTED, value))
    }
}

/// How often something is tried.
pub(super) fn attempts<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<u32, Trap> {
    match value.as_number() {
        Some(number) if number.fract() == 0.0 && (1.0..=ATTEMPTS_MAX).contains(&number) => {
            Ok(number as u32)
        }
        _ => Err(arguments.bad_option("attempts", "a whole number from 1 to 1000000", value)),
    }
}

/// The rests between attempts.
pub(super) fn backoff<'p>(
    arguments: &mut Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<Backoff, Trap> {
    const EXPECTED: &str = "\"exponential\", a number of milliseconds, or { first, factor, max }";
    if let Some(number) = value.as_number() {
        let rest =
            milliseconds(number).ok_or_else(|| arguments.bad_option("backoff", EXPECTED, value))?;
        return Ok(Backoff {
            first_ms: rest,
            factor: 1,
            max_ms: rest,
        });
    }
    if !matches!(value, Value::Object(_) | Value::Frozen(Data::Object(_))) {
        return Err(arguments.bad_option("backoff", EXPECTED, value));
    }
    let mut backoff = crate::options::DEFAULT_BACKOFF;
    for (option, value) in arguments.options(value, &["first", "factor", "max"])? {
        let number = value.as_number();
        match option.as_str() {
            "factor" => match number {
                Some(number) if number.fract() == 0.0 && (1.0..=1000.0).contains(&number) => {
                    backoff.factor = number as u32;
                }
                _ => {
                    return Err(arguments.bad_option(
                        "factor",
                        "a whole number from 1 to 1000",
                        &value,
                    ));
                }
            },
            name => {
                let expected = "a number of milliseconds from 0 to 100 years";
                let rest = number.and_then(milliseconds);
                let rest = rest.ok_or_else(|| arguments.bad_option(name, expected, &value))?;
                if name == "first" {
                    backoff.first_ms = rest;
                } else {
                    backoff.max_ms = rest;
                }
            }
        }
    }
    Ok(backoff)
}

fn milliseconds(number: f64) -> Option<u64> {
    (0.0..=crate::control::DELAY_MAX_MS)
        .contains(&number)
        .then_some(number.ceil() as u64)
}
