//! Pumps one channel: sends its parcels to the shard that takes them, in order, until that has
//! them. The driver comes before it; the target's leader, here or on another node, after it.
//! Guarantees: one batch at a time; what the target expects is what is sent next, from state where
//! it is not at hand; how far it got is recorded in the source's log, lazily; parcels and records bring the
//! last cut of the shard that they come from. Left to others: taking each parcel once (the target's `Deliver`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::action::ChannelBatch;
use cluster::command::{ChannelAcked, Deliver};
use cluster::cut::{expected, marked};
use cluster::limits::{CHANNEL_BATCH_BYTES, CHANNEL_BATCH_PARCELS};
use cluster::{Command, Parcel, query};
use tokio::sync::mpsc;
use tokio::time::Instant;
use transport::{Incarnation, ShardId};

use super::DriverParts;
use crate::spans;

/// Parcels that an entry put into a channel.
pub(super) struct Announced {
    pub(super) batch: ChannelBatch,
    /// When the entry was applied, nanoseconds since 1970.
    pub(super) at_unix_nanos: u64,
}

/// A channel's target: shard and life.
type Target = (ShardId, Incarnation);

/// Sends what is announced, for as long as this node leads.
pub(super) async fn run(
    parts: Arc<DriverParts>,
    target: Target,
    announced: mpsc::UnboundedReceiver<Announced>,
) {
    let mut pump = Pump {
        parts,
        target,
        announced,
        ready: Ready::default(),
        next: 0,
        end: 0,
        acknowledged: 0,
        acknowledge_at: None,
        at_unix_nanos: 0,
        own_cut: 0,
        target_cut: 0,
        looks: true,
    };
    while pump.step().await.is_some() {}
}

/// Parcels at hand, without gaps.
#[derive(Default)]
struct Ready {
    first: u64,
    parcels: Vec<Bytes>,
    bytes: usize,
}

impl Ready {
    fn end(&self) -> u64 {
        self.first + self.parcels.len() as u64
    }

    /// Adds what follows without a gap; what does not is read from state when its turn comes.
    fn add(&mut self, batch: ChannelBatch, bytes_max: usize) {
        if self.parcels.is_empty() {
            self.first = batch.first;
        }
        if batch.first != self.end() || self.bytes > bytes_max {
            return;
        }
        self.bytes += batch.parcels.iter().map(Bytes::len).sum::<usize>();
        self.parcels.extend(batch.parcels);
    }

    /// Takes a batch that begins with `next`, where it is at hand.
    fn take(&mut self, next: u64) -> Vec<Bytes> {
        if next < self.first || next >= self.end() {
            *self = Self::default();
            return Vec::new();
        }
        self.parcels.drain(..(next - self.first) as usize);
        let mut bytes = 0;
        let fits = self.parcels.iter().take_while(|parcel| {
            bytes += parcel.len();
            bytes <= CHANNEL_BATCH_BYTES
        });
        let count = fits.count().clamp(1, CHANNEL_BATCH_PARCELS);
        let taken: Vec<Bytes> = self
            .parcels
            .drain(..count.min(self.parcels.len()))
            .collect();
        self.first = next + taken.len() as u64;
        self.bytes = self.parcels.iter().map(Bytes::len).sum();
        taken
    }
}

struct Pump {
    parts: Arc<DriverParts>,
    target: Target,
    announced: mpsc::UnboundedReceiver<Announced>,
    ready: Ready,
    /// Number of the parcel to be sent next; 0 before the first is known.
    next: u64,
    /// One after the last parcel that was announced.
    end: u64,
    /// Number of the last parcel that is recorded as taken.
    acknowledged: u64,
    acknowledge_at: Option<Instant>,
    at_unix_nanos: u64,
    /// The last cut of this shard that what was heard of knows.
    own_cut: u64,
    /// The last cut of the target that it told.
    target_cut: u64,
    /// Whether state may have more than was announced: what a new leader is told of a channel that is far
    /// behind is its first batch.
    looks: bool,
}

impl Pump {
    /// Does one thing. None when this node does not lead any more.
    async fn step(&mut self) -> Option<()> {
        while let Ok(announced) = self.announced.try_recv() {
            self.hear(announced);
        }
        if self.next < self.end {
            self.send().await;
            return Some(());
        }
        if self.looks && self.next > 0 {
            self.look();
            return Some(());
        }
        match self.acknowledge_at {
            None => {
                let announced = self.announced.recv().await?;
                self.hear(announced);
            }
            Some(at) => match tokio::time::timeout_at(at, self.announced.recv()).await {
                Ok(announced) => self.hear(announced?),
                Err(_) => self.acknowledge().await,
            },
        }
        Some(())
    }

    /// Goes on with what state has beyond what was announced.
    fn look(&mut self) {
        let (target, incarnation) = self.target;
        let reader = &*self.parts.reader;
        match query::channel(reader, target, incarnation, self.next, CHANNEL_BATCH_BYTES) {
            Ok(Some(batch)) => {
                self.end = self.end.max(batch.first + batch.parcels.len() as u64);
                self.ready
                    .add(batch, self.parts.limits.channel_memory_bytes);
            }
            Ok(None) => self.looks = false,
            Err(error) => {
                tracing::error!(%target, %error, "a channel cannot be read");
                self.looks = false;
            }
        }
    }

    fn hear(&mut self, announced: Announced) {
        let batch = announced.batch;
        if self.next == 0 {
            self.next = batch.first;
            self.acknowledged = batch.first.saturating_sub(1);
        }
        self.end = self.end.max(batch.first + batch.parcels.len() as u64);
        self.at_unix_nanos = announced.at_unix_nanos;
        self.own_cut = self.own_cut.max(batch.cut);
        self.ready
            .add(batch, self.parts.limits.channel_memory_bytes);
    }

    /// Sends a batch, and takes from the answer what to send next.
    async fn send(&mut self) {
        let Some(parcels) = self.batch() else {
            // Nothing from there on: all of it is acknowledged.
            self.next = self.end;
            return;
        };
        let spans = &self.parts.spans;
        let traced = spans.is_enabled().then(|| parcels.clone());
        // A target that has made the cut needs no mark.
        let cut = match self.own_cut > self.target_cut {
            true => self.own_cut,
            false => 0,
        };
        let deliver = Command::Deliver(Deliver {
            source: self.parts.shard,
            source_incarnation: self.parts.incarnation,
            target_incarnation: self.target.1,
            first: self.next,
            parcels,
        });
        let deadline = Duration::from_millis(self.parts.limits.channel_deadline_ms);
        let router = &self.parts.router;
        let sent = router
            .submit(self.target.0, marked(cut, deliver), deadline)
            .await;
        match sent.map(|outcomes| expected(&outcomes).ok_or(outcomes)) {
            Ok(Ok((next, cut))) => {
                self.target_cut = self.target_cut.max(cut);
                self.trace(&traced.unwrap_or_default(), next);
                self.taken(next);
            }
            other => {
                tracing::debug!(target = %self.target.0, ?other, "a channel is sent again");
                let pause = Duration::from_millis(self.parts.limits.channel_retry_ms);
                tokio::time::sleep(pause).await;
            }
        }
        if self.acknowledge_at.is_some_and(|at| at <= Instant::now()) {
            self.acknowledge().await;
        }
    }

    /// The next batch, from what is at hand or from state.
    fn batch(&mut self) -> Option<Vec<Bytes>> {
        let at_hand = self.ready.take(self.next);
        if !at_hand.is_empty() {
            return Some(at_hand);
        }
        let (target, incarnation) = self.target;
        let reader = &*self.parts.reader;
        let first = self.next;
        match query::channel(reader, target, incarnation, first, CHANNEL_BATCH_BYTES) {
            Ok(Some(batch)) => {
                self.next = batch.first;
                self.own_cut = self.own_cut.max(batch.cut);
                self.end = self.end.max(batch.first + batch.parcels.len() as u64);
                Some(batch.parcels)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%target, %error, "a channel cannot be read");
                None
            }
        }
    }

    /// The target has everything before `next`.
    fn taken(&mut self, next: u64) {
        self.next = next;
        if next > self.acknowledged + 1 && self.acknowledge_at.is_none() {
            let pause = Duration::from_millis(self.parts.limits.channel_acknowledge_ms);
            self.acknowledge_at = Some(Instant::now() + pause);
        }
    }

    async fn acknowledge(&mut self) {
        self.acknowledge_at = None;
        let through = self.next.saturating_sub(1);
        self.acknowledged = through;
        let acked = ChannelAcked {
            target: self.target.0,
            target_incarnation: self.target.1,
            through,
        };
        let acked = marked(self.target_cut, Command::ChannelAcked(acked));
        self.parts.propose_all(&acked).await;
    }

    fn trace(&self, parcels: &[Bytes], next: u64) {
        if next <= self.next {
            return;
        }
        let times = (self.at_unix_nanos, self.parts.clock.unix_nanos());
        for (bytes, number) in parcels.iter().zip(self.next..) {
            if let Ok(parcel) = Parcel::decode(bytes) {
                let leg = (self.parts.shard, number);
                spans::send(parcel.stamp(), leg, times, &*self.parts.spans);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, count: u64) -> ChannelBatch {
        ChannelBatch {
            target: ShardId(1),
            target_incarnation: Incarnation(1),
            first,
            parcels: (first..first + count)
                .map(|number| Bytes::from(number.to_string()))
                .collect(),
            cut: 0,
        }
    }

    #[test]
    fn what_is_at_hand_is_sent_without_gaps() {
        let mut ready = Ready::default();
        ready.add(batch(5, 3), 1_000);
        ready.add(batch(8, 2), 1_000);
        ready.add(batch(20, 1), 1_000);
        assert_eq!(ready.end(), 10);
        assert_eq!(ready.take(6), batch(6, 4).parcels);
        assert!(ready.take(10).is_empty());
    }

    #[test]
    fn what_is_not_at_hand_is_left_to_the_store() {
        let mut ready = Ready::default();
        ready.add(batch(5, 3), 1_000);
        assert!(ready.take(3).is_empty());
        ready.add(batch(9, 1), 1_000);
        assert_eq!(ready.take(9), batch(9, 1).parcels);
        ready.add(batch(10, 50), 10);
        ready.add(batch(60, 1), 10);
        assert_eq!(ready.end(), 60);
    }
}
