//! What only the leader does, after an entry is committed.
//!
//! Before it: `Shard::apply`, on every replica. After it: the leader's driver; the others drop it.
//! Guarantees: losing an action loses nothing, because `Shard::rebuild_actions` derives what is
//! still owed from state. Leaves to others: when and how (pumps, timers, the bus).

use bytes::Bytes;
use transport::{Address, Incarnation, RunId, ShardId, Stamp};

use crate::message::Body;
use crate::outcome::Outcome;
use crate::record::{InstanceStatus, TurnOutcome};

/// What applying one entry gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One for each command, in order.
    pub outcomes: Vec<Outcome>,
    /// What the leader does, in order.
    pub actions: Vec<Action>,
}

/// One thing for the leader to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send parcels of a channel. Those before `first` were announced before.
    Send(ChannelBatch),
    /// Propose `TimerFired` when shard time reaches this. Replaces what was armed before.
    Timer {
        /// In milliseconds of shard time.
        at_ms: u64,
    },
    /// Ask an external service or perform a built-in one, then propose `EffectDone`.
    Perform(ServiceCall),
    /// Propose `Continue`.
    Continue,
    /// Publish what a root instance emitted.
    Output(OutputNews),
    /// Tell those who wait for a turn, and export its span.
    Turn(TurnNews),
    /// Tell those who wait for the end of a run.
    RunEnded(RunEnded),
    /// Tell a shard of this one's new life (`Meet`), then propose `Met`.
    Meet(ShardId),
}

/// Parcels `first`, `first + 1`, … of the channel to `target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelBatch {
    /// The shard that takes them.
    pub target: ShardId,
    /// Which life of it.
    pub target_incarnation: Incarnation,
    /// Number of the first.
    pub first: u64,
    /// Encoded parcels; `query::channel` reads them again from state.
    pub parcels: Vec<Bytes>,
    /// The number of the last cut of the shard that sends; 0 before the first. The target makes it before it
    /// takes them.
    pub cut: u64,
}

/// A message for an external service, at least once. Its id is the idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCall {
    /// The service.
    pub service: Address,
    /// Which message, why, when.
    pub stamp: Stamp,
    /// Who asks.
    pub from: Option<Address>,
    /// What is asked.
    pub body: Body,
    /// Counts from 0; goes back into `EffectDone`.
    pub attempt: u32,
    /// When it is given up, in milliseconds of shard time.
    pub expires_ms: u64,
}

/// One value that a root instance emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputNews {
    /// The instance.
    pub instance: Address,
    /// The run.
    pub run: RunId,
    /// Its number in the output of the instance, from 1, without gaps.
    pub number: u64,
    /// Its stamp.
    pub stamp: Stamp,
    /// The value.
    pub body: Body,
}

/// One turn that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnNews {
    /// The instance.
    pub instance: Address,
    /// The run.
    pub run: RunId,
    /// The step of the instance.
    pub step: u64,
    /// The stamp of its input; for a message, the message's.
    pub stamp: Stamp,
    /// How it ended.
    pub outcome: TurnOutcome,
    /// Instructions that it took.
    pub instructions: u64,
    /// Shard time in milliseconds.
    pub time_ms: u64,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnded {
    /// The instance.
    pub instance: Address,
    /// The run.
    pub run: RunId,
    /// `Completed`, `Failed` or `Killed`.
    pub status: InstanceStatus,
    /// The value of `complete`, where there is one.
    pub result: Option<Body>,
    /// The error, where it failed.
    pub error: Option<crate::record::Failure>,
}
