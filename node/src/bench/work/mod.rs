//! Kinds of work, one file each: what it deploys, what one operation asks for, and how the end is read back.
//! Comes before `drive`, which sends the operations, and `rounds`, which measures them.

pub(super) mod adds;
pub(super) mod fan_in;
pub(super) mod mixed;
pub(super) mod ring;
pub(super) mod tally;
pub(super) mod timers;
pub(super) mod workflow;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use super::servers::Servers;

/// A script: its file's name and its text.
pub(super) type Script = (&'static str, &'static str);

/// One operation as a request.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// How.
    pub method: Method,
    /// Whom.
    pub path: String,
    /// What.
    pub body: Bytes,
}

impl Operation {
    /// A message or a start.
    pub(super) fn post(path: String, body: impl Into<Bytes>) -> Operation {
        Operation {
            method: Method::POST,
            path,
            body: body.into(),
        }
    }
}

/// Work of which each operation is one request.
pub(super) trait Work: Send + Sync + 'static {
    /// What the table calls one operation.
    fn name(&self) -> String;

    /// The scripts that it needs.
    fn scripts(&self) -> Vec<Script>;

    /// The operation of a number; no number comes twice.
    fn operation(&self, number: u64) -> Operation;

    /// It was done, with this answer. Says what is wrong with the answer, where something is.
    fn done(&self, number: u64, answer: &Bytes) -> Result<(), String>;

    /// It may have been done or not.
    fn unknown(&self, number: u64);

    /// What of an operation's time is meant, and no wait.
    fn meant(&self) -> Duration {
        Duration::ZERO
    }

    /// Waits until all that was done has had its effect; part of what is measured.
    fn settle(&self, _servers: &Servers) -> impl Future<Output = anyhow::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Reads back what was done. Returns what was found, for people.
    ///
    /// # Errors
    /// Something was lost or done twice; the error says what.
    fn check(&self, servers: &Servers) -> impl Future<Output = anyhow::Result<String>> + Send;
}
