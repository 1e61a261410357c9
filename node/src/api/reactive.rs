//! The body that shows the result of a reactive function. Made by its handler from a linearisable read, and
//! from the function's output for a stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of a reactive function for some arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReactiveView {
    /// The function's name.
    pub name: String,
    /// The key of its instance: the arguments as JSON, or a hash of them where they are long.
    pub key: String,
    /// What it came to; absent for `undefined` and where there is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What it threw instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// What it was made of.
    pub sources: Vec<SourceView>,
}

/// A source of a reactive function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceView {
    /// What was read: `Account/ann balance`, `Exposure/["ann"]`, `clock 1000`, …
    pub source: String,
    /// Which step of the source made it; the time of a clock; absent as long as nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// One value of a stream of results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReactiveEvent {
    /// `INCARNATION-NUMBER`: resumes the stream.
    pub id: String,
    /// When it was computed, milliseconds since 1970.
    pub at_ms: u64,
    /// What the function came to.
    #[serde(flatten)]
    pub result: ReactiveView,
}
