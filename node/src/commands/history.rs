//! `troupe history`: what an instance received and did, step by step.

use crate::api::HistoryPage;
use crate::arguments::{Output, PageArguments};
use crate::client::{Client, instance_path, segment};
use crate::{calendar, output};

/// Prints history, oldest first, up to the limit.
///
/// # Errors
/// There is no such instance, or the cluster cannot be reached.
pub(super) fn run(arguments: &PageArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.instance.client);
    let base = format!("{}/history", instance_path(&arguments.instance.instance));
    let mut all = HistoryPage {
        events: Vec::new(),
        next: None,
    };
    loop {
        let left = arguments.limit - all.events.len();
        let cursor = all
            .next
            .as_ref()
            .map(|next| format!("&cursor={}", segment(next)));
        let path = format!("{base}?limit={left}{}", cursor.unwrap_or_default());
        let page: HistoryPage = client.get(&path)?;
        all.events.extend(page.events);
        all.next = page.next;
        if all.next.is_none() || all.events.len() >= arguments.limit {
            break;
        }
    }
    if arguments.instance.client.output == Output::Json {
        return output::json(&all);
    }
    let rows = all.events.iter().map(|event| {
        let message = event
            .message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        vec![
            event.step.to_string(),
            calendar::iso(event.at_ms),
            event.input.clone(),
            event.from.clone().unwrap_or_default(),
            event.outcome.clone(),
            cell(&message, &event.notes),
        ]
    });
    output::table(
        &["step", "time", "input", "from", "outcome", "message"],
        rows,
    );
    if all.next.is_some() {
        eprintln!("there are more: raise --limit");
    }
    Ok(())
}

/// A message, and below it each line of what was written and of errors.
fn cell(message: &str, notes: &[String]) -> String {
    let lines = notes.iter().flat_map(|note| note.lines());
    let notes = lines.map(|line| format!("\n| {line}"));
    let first = output::shortened(message, 60);
    std::iter::once(first).chain(notes).collect()
}
