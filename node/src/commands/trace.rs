//! `troupe trace`: the causal tree of a message, from the log: who sent what to whom, when, on which
//! node.

use std::collections::BTreeMap;

use crate::api::{StoryMessage, StoryView};
use crate::arguments::{Output, TraceArguments};
use crate::client::{Client, segment};
use crate::output;

/// Prints the tree of the story that the message belongs to.
///
/// # Errors
/// The message is unknown, or the cluster cannot be reached.
pub fn run(arguments: &TraceArguments) -> anyhow::Result<()> {
    let path = format!("/messages/{}/trace", segment(&arguments.message));
    let story: StoryView = Client::new(&arguments.client).get(&path)?;
    if arguments.client.output == Output::Json {
        return output::json(&story);
    }
    output::line(&format!("trace {}", story.trace));
    for line in tree(&story, &arguments.message) {
        output::line(&line);
    }
    Ok(())
}

/// The lines of the tree; the message that was asked for is marked.
#[must_use]
pub fn tree(story: &StoryView, asked: &str) -> Vec<String> {
    let known: BTreeMap<&str, &StoryMessage> = story
        .messages
        .iter()
        .map(|message| (message.id.as_str(), message))
        .collect();
    let mut children: BTreeMap<&str, Vec<&StoryMessage>> = BTreeMap::new();
    let mut roots = Vec::new();
    for message in &story.messages {
        match message
            .cause
            .as_deref()
            .filter(|cause| known.contains_key(cause))
        {
            Some(cause) => children.entry(cause).or_default().push(message),
            None => roots.push(message),
        }
    }
    let start_ms = story.messages.first().map_or(0, |message| message.at_ms);
    let mut lines = Vec::new();
    // An explicit stack: a story may be deeper than the program's own.
    let mut open: Vec<(&StoryMessage, String, bool, bool)> = roots
        .iter()
        .rev()
        .map(|root| (*root, String::new(), true, true))
        .collect();
    while let Some((message, indent, last, root)) = open.pop() {
        let branch = match (root, last) {
            (true, _) => "",
            (false, true) => "└─ ",
            (false, false) => "├─ ",
        };
        lines.push(line(message, &format!("{indent}{branch}"), start_ms, asked));
        let below = if root {
            indent
        } else {
            format!("{indent}{}", if last { "   " } else { "│  " })
        };
        let sent = children
            .get(message.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        for (place, child) in sent.iter().enumerate().rev() {
            open.push((child, below.clone(), place + 1 == sent.len(), false));
        }
    }
    lines
}

fn line(message: &StoryMessage, indent: &str, start_ms: u64, asked: &str) -> String {
    let node = message
        .node
        .as_ref()
        .map(|node| format!(" on {node}"))
        .unwrap_or_default();
    let outcome = if message.outcome == "taken" {
        String::new()
    } else {
        format!(" [{}]", message.outcome)
    };
    let mark = if message.id == asked { "  <" } else { "" };
    let after_ms = message.at_ms.saturating_sub(start_ms);
    format!(
        "{indent}{} → {}  +{after_ms} ms, shard {}{node}{outcome}{mark}",
        message.kind, message.to, message.shard
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, cause: Option<&str>) -> StoryMessage {
        StoryMessage {
            id: id.into(),
            cause: cause.map(Into::into),
            from: None,
            to: format!("W/{id}"),
            kind: "K".into(),
            step: Some(1),
            at_ms: 5,
            shard: 0,
            node: None,
            outcome: "taken".into(),
        }
    }

    #[test]
    fn branches_are_drawn_under_their_cause() {
        let messages = vec![
            message("a", None),
            message("b", Some("a")),
            message("c", Some("b")),
            message("d", Some("a")),
        ];
        let story = StoryView {
            root: "a".into(),
            trace: "t".into(),
            messages,
        };
        let lines = tree(&story, "c");
        assert_eq!(lines[0], "K → W/a  +0 ms, shard 0");
        assert_eq!(lines[1], "├─ K → W/b  +0 ms, shard 0");
        assert_eq!(lines[2], "│  └─ K → W/c  +0 ms, shard 0  <");
        assert_eq!(lines[3], "└─ K → W/d  +0 ms, shard 0");
    }
}
