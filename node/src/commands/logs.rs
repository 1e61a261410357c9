//! `troupe logs`: what an instance wrote with `console.log`, and its errors, from its history; `--follow` goes
//! on as it comes and resumes by itself when the node that it talks to goes away.

use std::time::Duration;

use serde_json::json;

use crate::api::{HistoryEvent, HistoryPage, Problem};
use crate::arguments::{LogsArguments, Output};
use crate::client::{Client, instance_path};
use crate::{calendar, output};

/// How long to wait before a broken stream is opened again.
const RESUME_AFTER: Duration = Duration::from_millis(500);

/// Prints the lines, oldest first.
///
/// # Errors
/// There is no such instance, or the cluster cannot be reached.
pub(super) fn run(arguments: &LogsArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.instance.client);
    let path = format!("{}/history", instance_path(&arguments.instance.instance));
    let form = arguments.instance.client.output;
    let mut cursor = "0".to_owned();
    loop {
        let page: HistoryPage = client.get(&format!("{path}?limit=1000&cursor={cursor}"))?;
        page.events.iter().for_each(|event| print(event, form));
        let last = page.events.last().map(|event| (event.step + 1).to_string());
        cursor = last.unwrap_or(cursor);
        if page.next.is_none() {
            break;
        }
    }
    match arguments.follow {
        true => follow(&client, &path, cursor, form),
        false => Ok(()),
    }
}

fn follow(client: &Client, path: &str, mut cursor: String, form: Output) -> anyhow::Result<()> {
    loop {
        let followed = client.follow(&format!("{path}?cursor={cursor}"), None, |event| {
            let event: HistoryEvent = serde_json::from_str(&event.data)?;
            cursor = (event.step + 1).to_string();
            print(&event, form);
            Ok(true)
        });
        if let Err(error) = followed {
            let refused = error.downcast_ref::<Problem>();
            if refused.is_some_and(|problem| !problem.is_passing()) {
                return Err(error);
            }
            eprintln!("{error}; trying again");
        }
        std::thread::sleep(RESUME_AFTER);
    }
}

/// A line for each line of text; those after the first of a call stand below its text.
fn print(event: &HistoryEvent, form: Output) {
    for note in &event.notes {
        if form == Output::Json {
            let line = json!({ "at_ms": event.at_ms, "step": event.step, "line": note });
            output::line(&line.to_string());
            continue;
        }
        let mut margin = calendar::iso(event.at_ms);
        for line in note.lines() {
            output::line(&format!("{margin}  {line}"));
            margin = " ".repeat(margin.len());
        }
    }
}
