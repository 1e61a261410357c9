//! `troupe dead-letters`: messages that could not be handed over, with why; sent again, or discarded.
//! A dead letter is named by its shard and number, as the list shows it: `3/17`.

use serde_json::Value;

use crate::arguments::{DeadLetterArguments, DeadLettersCommand, Output};
use crate::calendar;
use crate::client::Client;
use crate::output;

/// Characters of a message that a row of the list shows.
const SHOWN: usize = 60;

/// Carries out a command.
///
/// # Errors
/// There is no such dead letter, or the cluster cannot be reached.
pub(super) fn run(command: &DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List {
            from,
            limit,
            client,
        } => {
            let path = format!("/dead-letters?from={from}&limit={limit}");
            let page: Value = Client::new(client).get(&path)?;
            match client.output {
                Output::Json => output::json(&page),
                Output::Table => {
                    list(&page);
                    Ok(())
                }
            }
        }
        DeadLettersCommand::Show(arguments) => show(arguments),
        DeadLettersCommand::Retry(arguments) => {
            let path = format!("/dead-letters/{}/retry", arguments.letter);
            let done: Value = Client::new(&arguments.client).post(&path, &(), None)?;
            said(arguments, &done, "sent again")
        }
        DeadLettersCommand::Discard(arguments) => {
            let path = format!("/dead-letters/{}", arguments.letter);
            let done: Value = Client::new(&arguments.client).delete(&path)?;
            said(arguments, &done, "discarded")
        }
    }
}

fn list(page: &Value) {
    let letters = letters(page);
    if letters.is_empty() {
        return output::line("no dead letters");
    }
    let rows = letters.iter().map(|letter| {
        let message = output::shortened(&letter["message"].to_string(), SHOWN);
        vec![
            name(letter),
            time(letter),
            text(&letter["to"]),
            text(&letter["cause"]["code"]),
            message,
        ]
    });
    output::table(&["letter", "time", "to", "cause", "message"], rows);
}

/// Prints all of one dead letter.
fn show(arguments: &DeadLetterArguments) -> anyhow::Result<()> {
    let number = arguments.letter.split('/').nth(1).unwrap_or_default();
    let path = format!("/dead-letters?from={number}&limit=1000");
    let page: Value = Client::new(&arguments.client).get(&path)?;
    let found = letters(&page)
        .iter()
        .find(|letter| name(letter) == arguments.letter);
    let Some(letter) = found else {
        anyhow::bail!(
            "there is no dead letter `{}`; `troupe dead-letters list` shows them",
            arguments.letter
        );
    };
    if arguments.client.output == Output::Json {
        return output::json(letter);
    }
    let cause = &letter["cause"];
    output::line(&format!("letter   {}", arguments.letter));
    output::line(&format!("time     {}", time(letter)));
    output::line(&format!("from     {}", text(&letter["from"])));
    output::line(&format!("to       {}", text(&letter["to"])));
    output::line(&format!("id       {}", text(&letter["id"])));
    output::line(&format!(
        "cause    [{}] {}",
        text(&cause["code"]),
        text(&cause["message"])
    ));
    for frame in cause["stack"].as_array().into_iter().flatten() {
        output::line(&format!(
            "         at {} ({}:{}:{})",
            text(&frame["function"]),
            text(&frame["file"]),
            frame["line"],
            frame["column"]
        ));
    }
    output::line(&format!("message  {}", letter["message"]));
    Ok(())
}

fn said(arguments: &DeadLetterArguments, done: &Value, what: &str) -> anyhow::Result<()> {
    match arguments.client.output {
        Output::Json => output::json(done),
        Output::Table => {
            output::line(&format!("dead letter {} {what}", arguments.letter));
            Ok(())
        }
    }
}

fn letters(page: &Value) -> &[Value] {
    page["dead_letters"].as_array().map_or(&[], Vec::as_slice)
}

fn name(letter: &Value) -> String {
    format!("{}/{}", letter["shard"], letter["number"])
}

fn time(letter: &Value) -> String {
    calendar::iso(letter["at_ms"].as_u64().unwrap_or_default())
}

/// A text as it is, anything else as JSON; a dash for nothing.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
