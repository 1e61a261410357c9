//! `troupe watch`: what a reactive function comes to, and again whenever that changes; resumes by itself
//! when the node that it talks to goes away.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::api::{Problem, ReactiveEvent, ReactiveView};
use crate::arguments::{Output, WatchArguments};
use crate::client::{Client, segment};
use crate::{calendar, output};

/// How long to wait before a broken stream is opened again.
const RESUME_AFTER: Duration = Duration::from_millis(500);

/// Prints the results.
///
/// # Errors
/// There is no such function, the cluster cannot be reached at first, or with `--once` there is no value.
pub(super) fn run(arguments: &WatchArguments) -> anyhow::Result<()> {
    let values: Value = serde_json::from_str(&arguments.args).with_context(|| {
        format!(
            "`{}` is no JSON; write an array: '[\"ann\"]'",
            arguments.args
        )
    })?;
    anyhow::ensure!(values.is_array(), "the arguments are an array: '[\"ann\"]'");
    let args = segment(&values.to_string());
    let path = format!("/reactive/{}?args={args}", segment(&arguments.name));
    let client = Client::new(&arguments.client);
    let form = arguments.client.output;
    if arguments.once {
        let view: ReactiveView = client.get(&path)?;
        if form == Output::Json {
            return output::json(&view);
        }
        if view.error.is_some() {
            anyhow::bail!("{}", said(&view).trim_start_matches("error: "));
        }
        output::line(&said(&view));
        return Ok(());
    }
    let mut last: Option<String> = None;
    let mut connected = false;
    loop {
        let after = last.clone();
        let followed = client.follow(&path, after.as_deref(), |event| {
            connected = true;
            last = Some(event.id.clone());
            print(&event.data, form)?;
            Ok(true)
        });
        if let Err(error) = followed {
            let refused = error.downcast_ref::<Problem>();
            if refused.is_some_and(|problem| !problem.is_passing()) || !connected {
                return Err(error);
            }
            eprintln!("{error}; trying again");
        }
        std::thread::sleep(RESUME_AFTER);
    }
}

fn print(data: &str, form: Output) -> anyhow::Result<()> {
    match form {
        Output::Json => output::line(data),
        Output::Table => {
            let event: ReactiveEvent = serde_json::from_str(data)?;
            let time = calendar::iso(event.at_ms);
            output::line(&format!("{time}  {}", said(&event.result)));
        }
    }
    Ok(())
}

/// The value or error, and what it was made of.
pub(super) fn said(view: &ReactiveView) -> String {
    let said = match (&view.value, &view.error) {
        (_, Some(error)) => {
            let message = error.get("message").and_then(Value::as_str);
            format!(
                "error: {}",
                message.map_or_else(|| error.to_string(), str::to_owned)
            )
        }
        (Some(value), None) => value.to_string(),
        (None, None) => "undefined".to_owned(),
    };
    let sources = view.sources.iter().map(|source| {
        let version = source.version.map(|version| format!(" @{version}"));
        format!("{}{}", source.source, version.unwrap_or_default())
    });
    let sources: Vec<String> = sources.collect();
    match sources.is_empty() {
        true => said,
        false => format!("{said}  ({})", sources.join(", ")),
    }
}
