//! `act`: records a worker and its options.
//!
//! The factory is called when the whole module has been evaluated.

use super::super::arguments::Arguments;
use super::super::tables::{Kind, WorkerSpec, host};
use super::{hosting, timing};
use crate::error::Trap;
use crate::options::{Restart, RestartFrom, RestartPolicy, Reuse, WorkerOptions};
use crate::tree::FunctionId;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

const OPTIONS: &[&str] = &[
    "daemon",
    "key",
    "reuse",
    "restart",
    "schedule",
    "missed",
    "subscribe",
    "idle",
    "retention",
];

pub(super) fn act<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let factory = arguments.required(
        0,
        "a factory: `act((self, { complete, fail, outbox, config }) => …)`",
    )?;
    let is_command =
        matches!(&factory, Value::Host(host) if Kind::of(*host) == Some(Kind::Command));
    if !factory.is_function() && !is_command {
        let got = arguments.describe(&factory);
        return Err(arguments.refuse_with(
            format!("`act` needs a function that returns a command, got {got}"),
            "write `act((self, { complete, fail, outbox, config }) => …)`",
        ));
    }
    if arguments.stage.sealed.get() {
        return Err(arguments.refuse_with(
            "`act` is called inside the factory of a worker or command",
            "declare the worker at the top level of the module, and `spawn` it here",
        ));
    }
    let (options, key) = options(arguments)?;
    let mut tables = arguments.stage.tables.borrow_mut();
    let span = arguments.span;
    tables.workers.push(WorkerSpec {
        factory,
        computes: None,
        options,
        key,
        span,
        name: String::new(),
        exported: false,
    });
    Ok(host(Kind::Worker, tables.workers.len() - 1))
}

fn options<'p>(
    arguments: Arg<'_, '_, '_, '_, 'p>,
) -> Result<(WorkerOptions, Option<FunctionId>), Trap> {
    let Some(given) = arguments.optional(1) else {
        return Ok((WorkerOptions::defaults(false, false), None));
    };
    let given = arguments.options(&given, OPTIONS)?;
    let option = |name: &str| {
        given
            .iter()
            .find(|(key, value)| key == name && !value.is_undefined())
            .map(|(_, value)| value)
    };
    let daemon = match option("daemon") {
        None => false,
        Some(Value::Boolean(daemon)) => daemon.get(),
        Some(other) => return Err(arguments.bad_option("daemon", "true or false", other)),
    };
    let key = match option("key") {
        None => None,
        Some(value) if value.is_function() => Some(
            arguments
                .stage
                .tables
                .borrow_mut()
                .function(*value, arguments.span),
        ),
        Some(other) => {
            return Err(arguments.bad_option("key", "a function from a message to a key", other));
        }
    };
    let mut options = WorkerOptions::defaults(daemon, key.is_some());
    match option("reuse").map(|value| (value.as_text().and_then(|text| text.as_ascii()), value)) {
        None => {}
        Some((Some("restart"), _)) => options.reuse = Reuse::Restart,
        Some((Some("reject"), _)) => options.reuse = Reuse::Reject,
        Some((_, other)) => {
            return Err(arguments.bad_option("reuse", "\"restart\" or \"reject\"", other));
        }
    }
    if let Some(value) = option("restart").cloned() {
        options.restart = restart(arguments, &value, options.restart)?;
    }
    hosting::read(arguments, &given, &mut options)?;
    Ok((options, key))
}

fn restart<'p>(
    arguments: Arg<'_, '_, '_, '_, 'p>,
    value: &Value<'p>,
    defaults: Restart,
) -> Result<Restart, Trap> {
    // A restart that is asked for is meant to happen, also where the default is never.
    let mut restart = Restart {
        policy: RestartPolicy::OnFailure,
        ..defaults
    };
    for (option, value) in arguments.options(value, &["policy", "backoff", "attempts", "from"])? {
        let word = value
            .as_text()
            .and_then(|text| text.as_ascii())
            .map(str::to_owned);
        match (option.as_str(), word.as_deref()) {
            (_, None) if value.is_undefined() => {}
            ("policy", Some("never")) => restart.policy = RestartPolicy::Never,
            ("policy", Some("on-failure")) => restart.policy = RestartPolicy::OnFailure,
            ("policy", _) => {
                return Err(arguments.bad_option("policy", "\"never\" or \"on-failure\"", &value));
            }
            ("from", Some("wait")) => restart.from = RestartFrom::Wait,
            ("from", Some("start")) => restart.from = RestartFrom::Start,
            ("from", _) => {
                return Err(arguments.bad_option("from", "\"wait\" or \"start\"", &value));
            }
            ("attempts", _) => restart.attempts = timing::attempts(arguments, &value)?,
            ("backoff", Some("exponential")) => {}
            _ => restart.backoff = timing::backoff(arguments, &value)?,
        }
    }
    Ok(restart)
}
