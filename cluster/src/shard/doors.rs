//! What a shard remembers of the doors: a bounded window of requests for each node.
//!
//! Before it: door commands. After it: the same answer for the same sequence number.
//! Guarantees: a request is applied at most once, however often its door repeats it; one that is
//! older than the window is told so. Leaves to others: the clients' own idempotency keys.

use std::collections::{BTreeMap, BTreeSet};

use transport::{Incarnation, NodeId};

use super::ShardError;
use super::meta::Meta;
use crate::codes;
use crate::command::DoorSequence;
use crate::keys;
use crate::outcome::{Outcome, Refusal};
use crate::query::{decode, number_of};
use crate::store::{StateRead, StateStore};

/// The windows of all nodes.
#[derive(Default)]
pub(crate) struct Doors {
    windows: BTreeMap<NodeId, Window>,
}

#[derive(Default)]
struct Window {
    incarnation: Incarnation,
    highest: u64,
    sequences: BTreeSet<u64>,
}

/// What is known of a request.
pub(crate) enum Known {
    /// Nothing: apply it.
    New,
    /// It was answered.
    Answered(Outcome),
}

impl Doors {
    pub(crate) fn load(store: &dyn StateRead) -> Result<Doors, ShardError> {
        let mut doors = Doors::default();
        for (key, bytes) in super::scan_all(store, keys::DOOR)? {
            let (node, incarnation, _): (NodeId, Incarnation, Outcome) = decode(&key, &bytes)?;
            let sequence = number_of(&key)?;
            let window = doors.windows.entry(node).or_default();
            window.incarnation = incarnation;
            window.highest = window.highest.max(sequence);
            window.sequences.insert(sequence);
        }
        Ok(doors)
    }

    pub(crate) fn known(
        &self,
        store: &dyn StateRead,
        origin: DoorSequence,
        width: u64,
    ) -> Result<Known, ShardError> {
        let Some(window) = self.windows.get(&origin.node) else {
            return Ok(Known::New);
        };
        if origin.incarnation > window.incarnation {
            return Ok(Known::New);
        }
        if origin.incarnation < window.incarnation {
            return Ok(Known::Answered(too_old()));
        }
        if window.sequences.contains(&origin.sequence) {
            let key = keys::door(origin.node, origin.sequence);
            if let Some(bytes) = store.get(&key)? {
                let (_, _, outcome): (NodeId, Incarnation, Outcome) = decode(&key, &bytes)?;
                return Ok(Known::Answered(outcome));
            }
        }
        if origin.sequence.saturating_add(width) <= window.highest {
            return Ok(Known::Answered(too_old()));
        }
        Ok(Known::New)
    }

    /// Remembers an answer, and forgets what is out of the window by it.
    pub(crate) fn remember(
        &mut self,
        store: &mut dyn StateStore,
        meta: &mut Meta,
        origin: DoorSequence,
        width: u64,
        outcome: &Outcome,
    ) {
        let window = self.windows.entry(origin.node).or_default();
        if window.incarnation != origin.incarnation {
            for sequence in std::mem::take(&mut window.sequences) {
                store.delete(&keys::door(origin.node, sequence));
            }
            window.incarnation = origin.incarnation;
            window.highest = 0;
        }
        window.highest = window.highest.max(origin.sequence);
        window.sequences.insert(origin.sequence);
        let bytes = keys::encode_record(&(origin.node, origin.incarnation, outcome));
        meta.link(keys::DOOR, &bytes);
        store.put(&keys::door(origin.node, origin.sequence), bytes);
        while let Some(oldest) = window.sequences.first().copied() {
            if oldest.saturating_add(width) > window.highest {
                break;
            }
            window.sequences.pop_first();
            store.delete(&keys::door(origin.node, oldest));
        }
    }
}

fn too_old() -> Outcome {
    Outcome::Refused(Refusal::new(
        codes::OUTCOME_UNKNOWN,
        "the request is older than what this shard remembers of its door; whether an earlier \
         attempt took effect is unknown: look at the instance, then send again",
    ))
}
