//! Lets the word of a commit travel with the group's entries. openraft's replication comes before it, the gatherer
//! after it. Guarantees: entries pass at once and in order; what is committed is told at once where entries are rare or
//! somebody on another node waits for it, else after a bounded time, so that a follower applies in larger runs and
//! an entry needs no second message. Left to others: heartbeats, which say what is committed too.

use std::time::Duration;

use futures::stream::{self, Fuse};
use futures::{Stream, StreamExt};
use openraft::raft::AppendEntriesRequest;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::state_machine::units;
use crate::types::{Config, LogId};

type Append = AppendEntriesRequest<Config>;

/// How many units of a group's store somebody on another node waits for: that they are committed is told at once.
#[derive(Debug, Clone)]
pub(crate) struct Awaited(watch::Sender<u64>);

impl Default for Awaited {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Awaited {
    /// Somebody waits for so many units.
    pub(crate) fn raise(&self, units: u64) {
        self.0.send_if_modified(|awaited| {
            let is_more = units > *awaited;
            *awaited = units.max(*awaited);
            is_more
        });
    }
}

/// The requests of `input`, which say what is committed no more often than every `linger`, where entries come that often.
pub(super) fn ride<S>(
    input: S,
    awaited: &Awaited,
    linger: Duration,
) -> impl Stream<Item = Append> + Unpin + Send + use<S>
where
    S: Stream<Item = Append> + Unpin + Send,
{
    let riding = Riding {
        input: input.fuse(),
        changes: awaited.0.subscribe(),
        awaited: awaited.clone(),
        linger,
        last_entry: None,
        is_busy: false,
        told: None,
        told_at: None,
        owed: None,
    };
    Box::pin(stream::unfold(riding, Riding::next))
}

struct Riding<S> {
    input: Fuse<S>,
    awaited: Awaited,
    changes: watch::Receiver<u64>,
    linger: Duration,
    /// When the last entry passed.
    last_entry: Option<Instant>,
    /// Whether it came soon after the one before, so that another will.
    is_busy: bool,
    /// What the peer was told to be committed.
    told: Option<LogId>,
    /// When.
    told_at: Option<Instant>,
    /// What it has not been told yet: a request without entries, behind all that passed.
    owed: Option<Append>,
}

impl<S: Stream<Item = Append> + Unpin> Riding<S> {
    async fn next(mut self) -> Option<(Append, Self)> {
        while let Some(request) = self.arrived().await {
            let now = Instant::now();
            if !request.entries.is_empty() {
                let last = self.last_entry.replace(now);
                self.is_busy = last.is_some_and(|last| now - last <= self.linger);
            }
            if request.leader_commit > self.told && !self.is_due(now) {
                if let Some(request) = self.owe(request) {
                    return Some((request, self));
                }
                continue;
            }
            self.told = self.told.max(request.leader_commit);
            self.told_at = Some(now);
            self.owed = None;
            return Some((request, self));
        }
        self.owed.take().map(|owed| (owed, self))
    }

    /// The next request, or what is owed once it is due.
    async fn arrived(&mut self) -> Option<Append> {
        let (Some(_), Some(told_at)) = (&self.owed, self.told_at) else {
            return self.input.next().await;
        };
        let told = units(self.told);
        tokio::select! {
            biased;
            next = self.input.next() => next,
            _ = self.changes.wait_for(|units| *units > told) => self.owed.take(),
            () = sleep_until(told_at + self.linger) => self.owed.take(),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let is_awaited = || *self.awaited.0.borrow() > units(self.told);
        let is_late = |told_at: Instant| now >= told_at + self.linger;
        !self.is_busy || self.told_at.is_none_or(is_late) || is_awaited()
    }

    /// Keeps what the request says of commits; gives its entries, where it has any, with what the peer was told before.
    fn owe(&mut self, mut request: Append) -> Option<Append> {
        let entries = std::mem::take(&mut request.entries);
        let last = entries.last().map(|entry| entry.log_id);
        let passing = Append {
            vote: request.vote,
            prev_log_id: request.prev_log_id,
            leader_commit: self.told,
            entries,
        };
        request.prev_log_id = last.or(request.prev_log_id);
        self.owed = Some(request);
        last.map(|_| passing)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::time::{advance, timeout};

    use super::*;
    use crate::types::{Entry, EntryData, LeaderId, Payload, Vote};

    const LINGER: Duration = Duration::from_millis(20);
    const SOON: Duration = Duration::from_millis(8);

    fn id(index: u64) -> LogId {
        let leader = LeaderId {
            term: 1,
            node_id: 1,
        };
        LogId::new(leader, index)
    }

    /// The entry before, that which is appended, and up to which all is committed.
    type Said = (u64, Option<u64>, u64);

    fn append((previous, entry, committed): Said) -> Append {
        let entry = entry.map(|index| Entry {
            log_id: id(index),
            payload: Payload::Normal(EntryData(Bytes::new())),
        });
        Append {
            vote: Vote::new_committed(1, 1),
            prev_log_id: Some(id(previous)),
            entries: entry.into_iter().collect(),
            leader_commit: Some(id(committed)),
        }
    }

    fn said(append: &Append) -> Said {
        let index = |id: Option<LogId>| id.unwrap().index();
        let entry = append.entries.last().map(|entry| entry.log_id.index());
        (
            index(append.prev_log_id),
            entry,
            index(append.leader_commit),
        )
    }

    struct Peer {
        asked: UnboundedSender<Append>,
        riding: std::pin::Pin<Box<dyn Stream<Item = Append> + Send>>,
        awaited: Awaited,
    }

    impl Peer {
        fn new() -> Self {
            let (asked, mut requests) = unbounded_channel();
            let awaited = Awaited::default();
            let input = stream::poll_fn(move |context| requests.poll_recv(context));
            let riding = Box::pin(ride(input, &awaited, LINGER));
            Self {
                asked,
                riding,
                awaited,
            }
        }

        /// Was told of index 4 twice as long ago as an entry takes to come, and has the entry of index 6.
        async fn busy() -> Self {
            let mut peer = Self::new();
            for (previous, index, committed) in [(4, 5, 4), (5, 6, 4)] {
                let entry = (previous, Some(index), committed);
                assert_eq!(peer.pass(entry).await, entry);
                advance(SOON).await;
            }
            peer
        }

        fn ask(&self, request: Said) {
            self.asked.send(append(request)).unwrap();
        }

        async fn next(&mut self) -> Said {
            said(&self.riding.next().await.unwrap())
        }

        async fn pass(&mut self, request: Said) -> Said {
            self.ask(request);
            self.next().await
        }

        /// Whether nothing passes for a moment.
        async fn holds(&mut self) -> bool {
            let moment = Duration::from_millis(1);
            timeout(moment, self.riding.next()).await.is_err()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_word_of_a_commit_travels_with_a_later_entry() {
        let mut peer = Peer::busy().await;
        peer.ask((6, None, 5));
        assert!(peer.holds().await);
        let masked = peer.pass((6, Some(7), 5)).await;
        assert_eq!(masked, (6, Some(7), 4), "entries do not wait");
        advance(LINGER).await;
        let told = (7, Some(8), 7);
        assert_eq!(peer.pass(told).await, told);
        drop(peer.asked);
        assert!(peer.riding.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn it_travels_alone_once_it_is_late() {
        let mut peer = Peer::busy().await;
        let before = Instant::now();
        assert_eq!(peer.pass((6, Some(7), 6)).await, (6, Some(7), 4));
        assert_eq!(peer.next().await, (7, None, 6));
        assert!(before.elapsed() <= LINGER);
        assert!(peer.holds().await, "nothing is told twice");
        peer.ask((7, None, 7));
        assert!(peer.holds().await);
        drop(peer.asked);
        let last = said(&peer.riding.next().await.unwrap());
        assert_eq!(last, (7, None, 7), "nothing is held at the end");
        assert!(peer.riding.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn where_entries_are_rare_it_waits_for_nothing() {
        let mut peer = Peer::new();
        for index in [5, 6, 7] {
            for request in [(index - 1, Some(index), index - 1), (index, None, index)] {
                peer.ask(request);
                let passed = timeout(Duration::ZERO, peer.riding.next()).await;
                assert_eq!(said(&passed.unwrap().unwrap()), request);
            }
            advance(LINGER * 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_on_another_node_hears_of_it_at_once() {
        let mut peer = Peer::busy().await;
        let before = Instant::now();
        peer.ask((6, None, 5));
        assert!(peer.holds().await);
        // Unit 7 holds the entry of index 6.
        peer.awaited.raise(7);
        assert_eq!(peer.next().await, (6, None, 5));
        let told = (6, Some(7), 6);
        assert_eq!(peer.pass(told).await, told);
        peer.ask((7, None, 7));
        assert!(peer.holds().await, "nobody waits for more");
        assert!(before.elapsed() < LINGER);
    }
}
