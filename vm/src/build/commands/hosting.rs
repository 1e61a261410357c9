//! The options of `act` that say when and by what a worker is started, and how long it is kept: `schedule`,
//! `missed`, `subscribe`, `idle`, `retention`.
//!
//! `act` asks here. What is read is checked, so that whoever hosts instances finds nothing wrong with it.

use super::super::arguments::Arguments;
use crate::error::Trap;
use crate::options::{Subscription, WorkerOptions, duration_ms};
use crate::schedule::{Missed, Schedule, ScheduleError};
use crate::value::Value;

const DURATION: &str =
    "a time such as \"30d\", \"12h\", \"90m\" or \"10s\", or a number of milliseconds";

/// Reads what the options say into `options`, in which `daemon` and `key` are there.
pub(super) fn read<'p>(
    arguments: &mut Arguments<'_, '_, '_, 'p>,
    given: &[(String, Value<'p>)],
    options: &mut WorkerOptions,
) -> Result<(), Trap> {
    let mut missed = None;
    for (name, value) in given.iter().filter(|(_, value)| !value.is_undefined()) {
        match name.as_str() {
            "schedule" => options.schedule = Some(schedule(arguments, value)?),
            "missed" => missed = Some(missed_ticks(arguments, value)?),
            "subscribe" => options.subscribe = Some(subscription(arguments, value)?),
            "idle" => options.idle_ms = Some(duration(arguments, name, value)?),
            "retention" => options.retention_ms = Some(duration(arguments, name, value)?),
            _ => {}
        }
    }
    match (&mut options.schedule, missed) {
        (Some(_), _) if options.daemon => Err(refuse(
            arguments,
            "schedule",
            "a daemon runs always, so it cannot have a `schedule`",
            "leave `daemon` out: each time of the schedule starts a run; or use `delay` in a loop",
        )),
        (Some(schedule), Some(missed)) => {
            schedule.missed = missed;
            Ok(())
        }
        (None, Some(_)) => Err(refuse(
            arguments,
            "missed",
            "`missed` says what becomes of missed times of a `schedule`, and there is none",
            "say when: `schedule: \"0 6 * * *\"`, or leave `missed` out",
        )),
        _ => Ok(()),
    }
}

fn schedule<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<Schedule, Trap> {
    const EXPECTED: &str = "the text of a cron: \"0 6 * * *\", or \"TZ=Europe/Berlin 0 6 * * *\"";
    let Some(text) = text(value) else {
        return Err(arguments.bad_option("schedule", EXPECTED, value));
    };
    Schedule::parse(text, Missed::default()).map_err(|error| {
        let hint = match error {
            ScheduleError::Zone { .. } => "zones have names such as `Europe/Berlin` and `America/New_York`",
            ScheduleError::Never(_) => "no year has that day: give another day or month",
            ScheduleError::Pattern { .. } => {
                "minute, hour, day of the month, month, day of the week: `0 6 * * 1-5` is six o'clock \
                 on working days, in UTC or behind `TZ=Europe/Berlin `"
            }
        };
        refuse(arguments, "schedule", &error.to_string(), hint)
    })
}

fn missed_ticks<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<Missed, Trap> {
    match text(value) {
        Some("skip") => Ok(Missed::Skip),
        Some("one") => Ok(Missed::One),
        Some("all") => Ok(Missed::All),
        _ => Err(arguments.bad_option("missed", "\"skip\", \"one\" or \"all\"", value)),
    }
}

fn subscription<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    value: &Value<'p>,
) -> Result<Subscription, Trap> {
    const EXPECTED: &str = "a subject of the bus, or \"jetstream:STREAM\"";
    let Some(text) = text(value) else {
        return Err(arguments.bad_option("subscribe", EXPECTED, value));
    };
    let refused = |hint| {
        refuse(
            arguments,
            "subscribe",
            &format!("`{text}` cannot be subscribed to"),
            hint,
        )
    };
    Subscription::parse(text).map_err(refused)
}

fn duration<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    name: &str,
    value: &Value<'p>,
) -> Result<u64, Trap> {
    let time_ms = match value {
        Value::Number(number) => (1.0..=crate::control::DELAY_MAX_MS)
            .contains(&number.get())
            .then_some(number.get().ceil() as u64),
        other => text(other).and_then(duration_ms),
    };
    time_ms.ok_or_else(|| arguments.bad_option(name, DURATION, value))
}

fn refuse<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    option: &str,
    message: &str,
    hint: &str,
) -> Trap {
    arguments.refuse_option(option, message, Some(hint.to_owned()))
}

fn text<'p>(value: &Value<'p>) -> Option<&'p str> {
    value.as_text().and_then(|text| text.as_ascii())
}
