//! Bodies that show instances: their state, history and output. Made by the query handlers from a
//! linearisable read (or a local one where the client asked for it).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ReactiveView;

/// The body of `POST /v1/workers/{name}/instances`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// The key; without one a worker without `key` option gets a fresh key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The run's `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// The run's first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
}

/// One instance, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceView {
    /// The worker's name.
    pub name: String,
    /// The instance's key.
    pub key: String,
    /// The id of its current or last run.
    pub run: String,
    /// `waiting`, `paused`, `backing-off`, `completed`, `failed` or `killed`.
    pub status: String,
    /// Turns of this run so far.
    pub step: u64,
    /// The values of the open `withState` blocks, outermost first.
    pub state: Vec<Value>,
    /// Messages that wait in the mailbox.
    pub mailbox: u64,
    /// The content hash of its program.
    pub program: String,
    /// The shard that holds it.
    pub shard: u32,
    /// The node that led the shard when this was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What `complete` was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why the run failed, or the last failure of a daemon that went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// What a reactive function came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<ReactiveView>,
    /// What JSON cannot say of the state: where a `null` is not the script's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A script's error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorView {
    /// The stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Where, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
}

/// One frame of a script stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StackFrame {
    /// The function's name, or what kind of function it is.
    pub function: String,
    /// The source file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// One line of a list of instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceSummary {
    /// The worker's name.
    pub name: String,
    /// The instance's key.
    pub key: String,
    /// As in [`InstanceView`].
    pub status: String,
    /// Turns of this run so far.
    pub step: u64,
    /// The shard that holds it.
    pub shard: u32,
}

/// A page of instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstancePage {
    /// In the order of shard, name and key.
    pub instances: Vec<InstanceSummary>,
    /// Give it as `cursor` to get the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One step of an instance's history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// The turn's number in its run.
    pub step: u64,
    /// The run it belongs to.
    pub run: String,
    /// The input's time, milliseconds since 1970.
    pub at_ms: u64,
    /// `start`, `message`, `timer`, …
    pub input: String,
    /// The message's id, where the input has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The sender, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The message itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    /// What became of it: `taken`, `dropped`, `failed`, …
    pub outcome: String,
    /// Remarks: console output, dropped messages, errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The hash of the turn's effects, hexadecimal.
    pub effects_hash: String,
}

/// A page of history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Oldest first.
    pub events: Vec<HistoryEvent>,
    /// Give it as `cursor` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One message that a root instance put out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// `INCARNATION-NUMBER`: resumes a stream.
    pub id: String,
    /// When it was sent, milliseconds since 1970.
    pub at_ms: u64,
    /// The message's own id.
    pub message_id: String,
    /// The message.
    pub message: Value,
}

/// A page of an instance's output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboxPage {
    /// Oldest first.
    pub messages: Vec<OutboxMessage>,
    /// Give it as `after` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
