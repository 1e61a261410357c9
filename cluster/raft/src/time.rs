//! Time as a node's groups stamp it. The node's clocks and the reports of other nodes come before
//! it, the proposers and timers after it. Guarantees: a group's time never goes back and never
//! stands still, over restarts and new leaders too; once other nodes were heard it is at most the
//! setting ahead of the median of the peers; a node alone goes by its own clock. Left to others:
//! giving up leads where the own clock is wrong (`clock_watch`).

pub mod clocks;
pub mod slew;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cluster::SystemState;
use tokio::sync::watch;

use crate::ports::Clock;
use crate::types::NodeId;
use clocks::{Offset, PeerClocks, median, offset, wall};
use slew::{Base, Nanos};

/// How long the bounds of trust are used before they are computed anew, so that a stamp costs the
/// same with any number of nodes.
const BOUNDS_LAST: Nanos = 50_000_000;

/// How long after its start a member of a cluster waits for a word of another before it goes by its
/// own clock.
const ALONE_AFTER: Nanos = 5_000_000_000;

/// Between which offsets a wall clock is believed.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    computed: Nanos,
    /// None while nothing was heard of others that there are.
    trusted: Option<(Offset, Offset)>,
    median: Offset,
}

/// The clocks, as this node knows them. Shared by all of its groups.
pub struct NodeTime {
    clock: Arc<dyn Clock>,
    local: NodeId,
    began: Nanos,
    silent_after: Nanos,
    peers: Mutex<PeerClocks>,
    bounds: Mutex<Option<Bounds>>,
    states: OnceLock<watch::Receiver<Arc<SystemState>>>,
}

impl NodeTime {
    /// The clocks of node `local`. A clock that was not heard for `silent_after` counts no more.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        local: NodeId,
        silent_after: std::time::Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            began: clock.monotonic_nanos(),
            clock,
            local,
            silent_after: silent_after.as_nanos() as Nanos,
            peers: Mutex::default(),
            bounds: Mutex::default(),
            states: OnceLock::new(),
        })
    }

    /// Members and settings come from there from now on.
    pub fn follow(&self, states: watch::Receiver<Arc<SystemState>>) {
        // Set once, by the start of the node.
        let _ = self.states.set(states);
    }

    /// The wall clock of this node, to be told to others.
    #[must_use]
    pub fn wall(&self) -> Nanos {
        self.clock.unix_nanos()
    }

    /// The wall clock as far as it is believed, in milliseconds: for stamps of messages, so that one
    /// wrong clock does not carry all hybrid clocks away.
    #[must_use]
    pub fn believed_ms(&self) -> u64 {
        let target = self.target(self.clock.monotonic_nanos());
        target.unwrap_or_else(|| self.wall()) / 1_000_000
    }

    /// Another node's clock showed this when it sent what was just received.
    pub fn heard(&self, node: NodeId, wall: Nanos) {
        if node != self.local {
            lock(&self.peers).heard(node, wall, self.clock.monotonic_nanos());
        }
    }

    /// How far this node's clock is ahead of the median of the peers, and how far it may be. None
    /// while it cannot be known.
    #[must_use]
    pub fn ahead(&self) -> Option<(Offset, Offset)> {
        let monotonic = self.clock.monotonic_nanos();
        let bounds = self.compute(monotonic);
        let own = offset(self.clock.unix_nanos(), monotonic);
        bounds
            .trusted
            .map(|(low, high)| (own - bounds.median, (high - low) / 2))
    }

    /// How far the clock of another node is ahead of the median, where it was heard lately.
    #[must_use]
    pub fn ahead_of(&self, node: NodeId) -> Option<Offset> {
        let monotonic = self.clock.monotonic_nanos();
        let since = monotonic.saturating_sub(self.silent_after);
        let own = lock(&self.peers).offsets(since, |other| other == node);
        let median = self.bounds(monotonic).median;
        own.first().map(|offset| offset - median)
    }

    /// Where time should be: the wall clock, as far as it is believed.
    fn target(&self, monotonic: Nanos) -> Option<Nanos> {
        let (low, high) = self.bounds(monotonic).trusted?;
        let own = offset(self.clock.unix_nanos(), monotonic);
        Some(wall(own.clamp(low, high), monotonic))
    }

    fn bounds(&self, monotonic: Nanos) -> Bounds {
        let kept = *lock(&self.bounds);
        match kept {
            Some(bounds) if monotonic.saturating_sub(bounds.computed) < BOUNDS_LAST => bounds,
            _ => self.compute(monotonic),
        }
    }

    fn compute(&self, monotonic: Nanos) -> Bounds {
        let state = self.states.get().map(|states| Arc::clone(&states.borrow()));
        let members = state.as_ref().map(|state| &state.members);
        let is_member = |node: NodeId| {
            members.is_none_or(|all| all.is_empty() || all.contains_key(&transport::NodeId(node)))
        };
        let ahead_max_ms = state.as_ref().map_or_else(
            || cluster::system::SystemSettings::default().clock_ahead_max_ms,
            |state| state.settings.clock_ahead_max_ms,
        );
        let since = monotonic.saturating_sub(self.silent_after);
        let mut peers = lock(&self.peers);
        peers.forget(since);
        let others = peers.offsets(since, is_member);
        drop(peers);
        let has_others = members.is_some_and(|all| all.len() > 1);
        let is_early = monotonic.saturating_sub(self.began) < ALONE_AFTER;
        let waits = has_others && others.is_empty() && is_early;
        let own = offset(self.clock.unix_nanos(), monotonic);
        let median = median(own, others);
        let most = Offset::from(ahead_max_ms) * 1_000_000;
        let bounds = Bounds {
            computed: monotonic,
            trusted: (!waits).then_some((median - most, median + most)),
            median,
        };
        *lock(&self.bounds) = Some(bounds);
        bounds
    }
}

/// The time of one group on this node.
pub struct ShardTime {
    node: Arc<NodeTime>,
    base: Mutex<Base>,
}

impl ShardTime {
    /// Of a group that nothing was applied of yet.
    #[must_use]
    pub fn new(node: Arc<NodeTime>) -> Arc<Self> {
        let base = Base {
            time: 0,
            monotonic: node.clock.monotonic_nanos(),
        };
        Arc::new(Self {
            node,
            base: Mutex::new(base),
        })
    }

    /// The group's time was this at what was just applied or opened.
    pub fn observe(&self, time_ms: u64) {
        let time = time_ms.saturating_mul(1_000_000);
        let mut base = lock(&self.base);
        if time > base.time {
            *base = base.after_stamp(time, self.node.clock.monotonic_nanos());
        }
    }

    /// Shard time now, in milliseconds since 1970: what the next entry is stamped with.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let monotonic = self.node.clock.monotonic_nanos();
        let target = self.node.target(monotonic);
        let mut base = lock(&self.base);
        // A group that was never stamped has no time to go on from.
        let target = match base.time {
            0 => target.or_else(|| Some(self.node.clock.unix_nanos())),
            _ => target,
        };
        *base = base.advance(monotonic, target);
        base.time / 1_000_000
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
