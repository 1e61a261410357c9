//! Bodies about messages: what became of one, and the story that it belongs to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ErrorView;

/// The answer to a message that was sent or a run that was started: it is on a quorum's disks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The message's id.
    pub message: String,
    /// The trace that it belongs to.
    pub trace: String,
    /// `NAME/KEY`, where it is known already: a bare name is routed after it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The run, where one was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The message that the run was started with, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Whether the idempotency key was known: nothing was applied a second time.
    #[serde(default)]
    pub duplicate: bool,
    /// What came of it, where it was waited for or is known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// How a turn or a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// `waiting`, `completed`, `failed`, `killed`, or `dead-letter`.
    pub status: String,
    /// What `complete` was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// `SHARD/NUMBER` of the dead letter that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<String>,
}

/// The body of `GET /v1/messages/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// The message's id.
    pub id: String,
    /// `accepted`, `applied`, `dead-letter` or `unknown`.
    pub status: String,
    /// Where it was applied, and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<StoryMessage>,
    /// What came of it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// One message of a story.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoryMessage {
    /// Its id.
    pub id: String,
    /// The message whose turn sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The instance that took it.
    pub to: String,
    /// The message's `type`, or what kind of input it was.
    pub kind: String,
    /// The step of that instance which it caused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// When it was applied, or since when it waits, milliseconds since 1970.
    pub at_ms: u64,
    /// The shard that applied it.
    pub shard: u32,
    /// The node that leads that shard now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `taken`, `dropped`, `failed`, `dead-letter`, …
    pub outcome: String,
}

/// The body of `GET /v1/messages/{id}/trace`: the causal tree, as a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoryView {
    /// The first message of the story.
    pub root: String,
    /// The trace id, as Jaeger knows it.
    pub trace: String,
    /// In the order in which they were applied; each names its cause.
    pub messages: Vec<StoryMessage>,
}
