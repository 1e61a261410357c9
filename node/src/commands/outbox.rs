//! `troupe outbox`: what a root instance put out; `--follow` goes on as it comes and resumes by itself
//! when the node that it talks to goes away.

use std::time::Duration;

use crate::api::{OutboxMessage, OutboxPage, Problem};
use crate::arguments::{OutboxArguments, Output};
use crate::client::{Client, instance_path, segment};
use crate::{calendar, output};

/// How long to wait before a broken stream is opened again.
const RESUME_AFTER: Duration = Duration::from_millis(500);

/// Prints the output.
///
/// # Errors
/// There is no such instance, the cluster cannot be reached at first, or the place to resume is no
/// longer kept.
pub(super) fn run(arguments: &OutboxArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.page.instance.client);
    let path = format!(
        "{}/outbox",
        instance_path(&arguments.page.instance.instance)
    );
    let form = arguments.page.instance.client.output;
    let mut last: Option<String> = None;
    let mut printed = 0;
    while printed < arguments.page.limit || arguments.follow {
        let after = last
            .as_ref()
            .map(|id| format!("&after={}", segment(id)))
            .unwrap_or_default();
        let page: OutboxPage = client.get(&format!("{path}?limit=100{after}"))?;
        for message in page.messages.iter().take(arguments.page.limit.max(1)) {
            print(message, form)?;
            last = Some(message.id.clone());
            printed += 1;
        }
        if page.next.is_none() {
            break;
        }
    }
    if printed == 0 && form == Output::Table {
        eprintln!(
            "{} has put out nothing yet",
            arguments.page.instance.instance
        );
    }
    if arguments.follow {
        follow(&client, &path, last, form)
    } else {
        Ok(())
    }
}

fn follow(
    client: &Client,
    path: &str,
    mut last: Option<String>,
    form: Output,
) -> anyhow::Result<()> {
    loop {
        let after = last.clone();
        let followed = client.follow(path, after.as_deref(), |event| {
            print(&serde_json::from_str(&event.data)?, form)?;
            last = Some(event.id);
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

fn print(message: &OutboxMessage, form: Output) -> anyhow::Result<()> {
    match form {
        Output::Json => output::line(&serde_json::to_string(message)?),
        Output::Table => output::line(&format!(
            "{}  {}",
            calendar::iso(message.at_ms),
            message.message
        )),
    }
    Ok(())
}
