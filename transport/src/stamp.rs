//! The causal stamp that every message carries: id, cause, root, time, trace.
//! Before it: `origin` and `clock`. After it: the envelope, and the headers on the bus.
//! Guarantees: a caused message keeps the root and the trace of its cause. Encoded (`packed`), it takes no
//! byte for what follows from the rest of it.
//! Leaves to others: drawing ids and times.

mod packed;

use crate::clock::HybridTime;
use crate::ids::MessageId;
use crate::trace::{HopKind, TraceContext};

/// Says which message this is, what caused it, and which story it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The message's own id.
    pub id: MessageId,
    /// The message whose turn sent this one; none for the first of a story.
    pub cause: Option<MessageId>,
    /// The first message of the story; its own id for the first.
    pub root: MessageId,
    /// When it was sent.
    pub time: HybridTime,
    /// Trace and span under which the receiver goes on.
    pub trace: TraceContext,
}

impl Stamp {
    /// The stamp of a story's first message. `trace` is the caller's context where it gave one.
    #[must_use]
    pub fn root(id: MessageId, time: HybridTime, trace: Option<&TraceContext>) -> Self {
        let trace = match trace {
            Some(caller) => caller.child(id, HopKind::Door),
            None => TraceContext::root(id),
        };
        Self {
            id,
            cause: None,
            root: id,
            time,
            trace,
        }
    }

    /// The stamp of a message that the turn of this one sends.
    #[must_use]
    pub fn caused(&self, id: MessageId, time: HybridTime) -> Self {
        Self {
            id,
            cause: Some(self.id),
            root: self.root,
            time,
            trace: self.trace.child(id, HopKind::Send),
        }
    }
}

#[cfg(test)]
mod tests;
