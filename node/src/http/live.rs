//! Live streams of server-sent events: what is there after a number, and then what comes. Comes after
//! `outbox` and `history`, which say what that is; before the client. Guarantees: nothing is left out and
//! nothing is sent twice; it ends when the client goes or the node leaves. A read that fails is tried again:
//! the leader may be changing. Leaves to others: which numbers are still kept.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use tokio::time::Instant;
use transport::{Incarnation, ShardId};

use super::Context;
use crate::door::{DoorError, Listener};

/// How long a stream listens at most before it begins anew: it never ends by itself.
const LISTEN_MAX: Duration = Duration::from_secs(3600);

/// Events that a stream reads at a time. A client that does not read keeps its stream holding them, so they
/// are few.
pub(super) const EVENTS_MAX: usize = 32;

/// Numbered things that a stream sends.
pub(super) trait Source: Send + 'static {
    /// Those with numbers from `from` on, at most [`EVENTS_MAX`], in order, each with its event.
    fn events(
        &self,
        from: u64,
    ) -> impl Future<Output = Result<Vec<(u64, Event)>, DoorError>> + Send;
}

/// A stream of what has numbers from `from` on. `listener` hears of news from before the first read.
pub(super) fn respond<S: Source + Sync>(
    context: Context,
    source: S,
    listener: Listener,
    from: u64,
) -> Response {
    let state = Live {
        context,
        source,
        listener,
        from,
        ready: Vec::new().into_iter(),
    };
    Sse::new(stream(state))
        .keep_alive(KeepAlive::default())
        .into_response()
}

struct Live<S> {
    context: Context,
    source: S,
    listener: Listener,
    from: u64,
    ready: std::vec::IntoIter<(u64, Event)>,
}

fn stream<S: Source + Sync>(live: Live<S>) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(live, |mut live| async move {
        loop {
            if let Some((number, event)) = live.ready.next() {
                live.from = number + 1;
                return Some((Ok(event), live));
            }
            if *live.context.leaving.borrow() {
                return None;
            }
            let events = live.source.events(live.from).await.unwrap_or_default();
            if events.is_empty() {
                live.await_news().await;
            }
            live.ready = events.into_iter();
        }
    })
}

impl<S> Live<S> {
    /// Until there is news, or a look is due, or the node leaves.
    async fn await_news(&mut self) {
        let deadline = Instant::now() + LISTEN_MAX;
        tokio::select! {
            _ = self.listener.next(deadline) => {}
            _ = self.context.leaving.changed() => {}
        }
    }
}

/// Whether the client wants a stream.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/event-stream"))
}

/// The number after the one that a client has, from the id of that: `INCARNATION-NUMBER`.
pub(super) fn number_after(id: &str) -> Result<u64, DoorError> {
    let number = id
        .split_once('-')
        .and_then(|(_, number)| number.parse::<u64>().ok());
    let number = number.and_then(|number| number.checked_add(1));
    number.ok_or_else(|| DoorError::BadRequest(format!("`{id}` is no id of a stream: 0-17")))
}

/// What `Last-Event-ID` says.
pub(super) fn last_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|id| id.to_str().ok())
}

/// Which life of a shard the numbers belong to.
pub(super) fn incarnation(context: &Context, shard: ShardId) -> Result<Incarnation, DoorError> {
    let system = context.door()?.system();
    let assignment = system.shards.get(&shard);
    Ok(assignment.map_or(Incarnation(0), |assignment| assignment.incarnation))
}

/// Refuses a number that is no longer kept.
pub(super) fn check_kept(from: u64, first: u64, incarnation: Incarnation) -> Result<(), DoorError> {
    if from == 0 || first <= from {
        return Ok(());
    }
    Err(DoorError::Gone {
        first: format!("{}-{first}", incarnation.0),
    })
}
