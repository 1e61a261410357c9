//! An instance of a local run: its worker, its mailbox, and how it stands.
//!
//! Routing finds or makes it; `turns` runs it.

use std::collections::VecDeque;

use super::{LocalEnd, LocalStatus};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::turn::{CallId, Input};
use crate::worker::Worker;

/// One instance through all of its runs.
pub(super) struct Instance {
    /// The current or last run.
    pub(super) worker: Worker,
    pub(super) status: LocalStatus,
    /// Messages that wait, in order.
    pub(super) mailbox: VecDeque<Letter>,
    /// How many of them, from the first, were offered and are not wanted as the worker waits now.
    pub(super) offered: usize,
    /// Who is told of its end.
    pub(super) watcher: Option<Address>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// How it goes on when its rest after a failure is over; while there is something, it rests.
    pub(super) resting: Option<Resume>,
    /// How many runs there were: part of the run id.
    pub(super) lives: u64,
    /// When it last received something, or was started.
    pub(super) heard_ms: u64,
    /// Since when a reactive function has no reader, in virtual milliseconds.
    pub(super) unread_since_ms: u64,
    pub(super) result: Data,
    pub(super) error: Option<ScriptError>,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Letter {
    pub(super) body: Data,
    pub(super) sender: Option<Address>,
    pub(super) call: Option<CallId>,
}

impl Letter {
    pub(super) fn input(&self) -> Input {
        Input::Message {
            body: self.body.clone(),
            sender: self.sender.clone(),
            call: self.call,
        }
    }
}

/// How an instance goes on after a failure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resume {
    /// At its wait, with the timers and replies that came meanwhile and the one that the failing turn had
    /// taken from it.
    AtWait(Vec<Input>),
    /// At the beginning.
    AtStart,
}

impl Instance {
    /// A new instance, about to start.
    pub(super) fn new(worker: Worker, lives: u64, now_ms: u64) -> Instance {
        Instance {
            worker,
            status: LocalStatus::Waiting,
            mailbox: VecDeque::new(),
            offered: 0,
            watcher: None,
            failures: 0,
            resting: None,
            lives,
            heard_ms: now_ms,
            unread_since_ms: 0,
            result: Data::Undefined,
            error: None,
        }
    }

    /// Whether it can take a message now.
    pub(super) fn is_ready(&self) -> bool {
        self.is_alive() && self.resting.is_none() && self.worker.accepts_messages()
    }

    /// Whether its run is not over.
    pub(super) fn is_alive(&self) -> bool {
        self.status == LocalStatus::Waiting
    }

    /// How it stands.
    pub(super) fn end(&self) -> LocalEnd {
        LocalEnd {
            status: self.status,
            result: self.result.clone(),
            error: self.error.clone(),
            state: self.worker.open_states(),
        }
    }
}
