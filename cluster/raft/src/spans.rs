//! Spans of commits, deliveries, sends, turns, effects and timers. The proposer and the driver come
//! before it, the node's exporter after it. Guarantees: ids come from message ids, so the spans of
//! one request form one trace across nodes and failovers; only a leader makes them; nothing is
//! computed where nobody takes spans. Left to others: sampling beyond the trace's flag, export.

use std::sync::Arc;

use cluster::Parcel;
use cluster::action::TurnNews;
use cluster::command::Command;
use cluster::record::TurnOutcome;
use transport::span::{Attribute, Span, SpanSink};
use transport::{HopKind, MessageId, ShardId, Stamp};

use crate::proposer::CommitObserver;

/// One hop of one message between two times.
pub(crate) fn hop(stamp: &Stamp, hop: HopKind, parent: Option<[u8; 8]>, times: (u64, u64)) -> Span {
    Span {
        hop,
        context: stamp.trace.child(stamp.id, hop),
        parent,
        start_unix_nanos: times.0,
        end_unix_nanos: times.1.max(times.0),
        attributes: vec![("troupe.message.id", Attribute::Text(stamp.id.to_string()))],
        links: Vec::new(),
        error: None,
    }
}

/// The span id of a hop of a message.
fn id_of(message: MessageId, hop: HopKind) -> [u8; 8] {
    transport::trace::span_id(message, hop)
}

/// Makes the spans of committed commands.
pub struct CommitSpans {
    sink: Arc<dyn SpanSink>,
}

impl CommitSpans {
    /// Into that sink.
    #[must_use]
    pub fn new(sink: Arc<dyn SpanSink>) -> Self {
        Self { sink }
    }
}

impl<C: Committed> CommitObserver<C> for CommitSpans {
    fn is_enabled(&self) -> bool {
        self.sink.is_enabled()
    }

    fn committed(&self, commands: &[C], start_unix_nanos: u64, end_unix_nanos: u64) {
        for command in commands {
            command.spans((start_unix_nanos, end_unix_nanos), &*self.sink);
        }
    }
}

/// A command that may have spans.
pub trait Committed: Send + Sync + 'static {
    /// Makes them.
    fn spans(&self, times: (u64, u64), sink: &dyn SpanSink);
}

impl Committed for cluster::SystemCommand {
    fn spans(&self, _times: (u64, u64), _sink: &dyn SpanSink) {}
}

impl Committed for Command {
    fn spans(&self, times: (u64, u64), sink: &dyn SpanSink) {
        match self {
            Command::Send(request) | Command::Hear(request) => {
                commit(&request.door.stamp, times, sink);
            }
            Command::Start(request) => commit(&request.door.stamp, times, sink),
            Command::Kill(request) => commit(&request.door.stamp, times, sink),
            Command::Pause(request) => commit(&request.door.stamp, times, sink),
            Command::Deliver(deliver) => {
                for (bytes, number) in deliver.parcels.iter().zip(deliver.first..) {
                    if let Ok(parcel) = Parcel::decode(bytes) {
                        let leg = (deliver.source, number);
                        self::deliver(parcel.stamp(), leg, times, sink);
                    }
                }
            }
            _ => {}
        }
    }
}

/// From append to committed, below the door's span.
fn commit(stamp: &Stamp, times: (u64, u64), sink: &dyn SpanSink) {
    if stamp.trace.is_sampled() {
        let parent = id_of(stamp.id, HopKind::Door);
        sink.record(hop(stamp, HopKind::Commit, Some(parent), times));
    }
}

/// One leg of a message's way: the shard that sent it, and its number in the channel.
pub(crate) type Leg = (ShardId, u64);

/// Arrived at the shard at the end of a leg, below the span of the send.
fn deliver(stamp: &Stamp, leg: Leg, times: (u64, u64), sink: &dyn SpanSink) {
    if stamp.trace.is_sampled() {
        let parent = leg_id(stamp.id, HopKind::Send, leg);
        let mut span = hop(stamp, HopKind::Deliver, Some(parent), times);
        span.context.span_id = leg_id(stamp.id, HopKind::Deliver, leg);
        sink.record(span);
    }
}

fn leg_id(message: MessageId, hop: HopKind, (source, number): Leg) -> [u8; 8] {
    transport::trace::leg_span_id(message, hop, source, number)
}

/// Sent by a turn of its cause, to another shard, until that acknowledged it.
pub(crate) fn send(stamp: &Stamp, leg: Leg, times: (u64, u64), sink: &dyn SpanSink) {
    if stamp.trace.is_sampled() {
        // The home of a bare name sends on what came through a door: no turn sent it.
        let turn = stamp.cause.map(|cause| id_of(cause, HopKind::Turn));
        let parent = turn.unwrap_or(stamp.trace.span_id);
        let mut span = hop(stamp, HopKind::Send, Some(parent), times);
        span.context.span_id = leg_id(stamp.id, HopKind::Send, leg);
        sink.record(span);
    }
}

/// A call to an external service.
pub(crate) fn effect(
    stamp: &Stamp,
    service: &str,
    times: (u64, u64),
    error: Option<String>,
    sink: &dyn SpanSink,
) {
    if stamp.trace.is_sampled() {
        let parent = stamp.cause.map(|cause| id_of(cause, HopKind::Turn));
        let mut span = hop(stamp, HopKind::Effect, parent, times);
        let name = Attribute::Text(service.to_owned());
        span.attributes.push(("troupe.service", name));
        span.error = error;
        sink.record(span);
    }
}

/// What an input made its worker do. It hangs below the turn that sent the input, which is always
/// there (inside a shard there is no send), or else below the door.
pub(crate) fn turn(news: &TurnNews, times: (u64, u64), sink: &dyn SpanSink) {
    let stamp = &news.stamp;
    if !stamp.trace.is_sampled() {
        return;
    }
    let sender = stamp.cause.map(|cause| id_of(cause, HopKind::Turn));
    let parent = sender.unwrap_or(stamp.trace.span_id);
    let mut span = hop(stamp, HopKind::Turn, Some(parent), times);
    let worker = Attribute::Text(news.instance.to_string());
    span.attributes.push(("troupe.worker", worker));
    let step = Attribute::Integer(news.step as i64);
    span.attributes.push(("troupe.step", step));
    let instructions = Attribute::Integer(news.instructions as i64);
    span.attributes.push(("troupe.instructions", instructions));
    span.error = match &news.outcome {
        TurnOutcome::Failed(failure) | TurnOutcome::Trapped(failure) => {
            Some(format!("{}: {}", failure.code, failure.message))
        }
        _ => None,
    };
    sink.record(span);
}
