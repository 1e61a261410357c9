//! One group's view of the node's log, as openraft wants it. A group's raft core calls it; the
//! shared log comes after it. Guarantees: an append is reported, and a vote returned, only after
//! their flush; truncations and purges are in force at once and durable with the next flush (which
//! every later acknowledgement waits for); a read for replication is bounded in bytes. Left to
//! others: the state machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::io;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use bytes::Bytes;
use futures::channel::oneshot;
use futures::stream::{self, Stream, StreamExt};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{AsyncRuntime, OptionalSend};

use super::encoding::{
    decode_entry, decode_log_id, decode_vote, encode_entry, encode_log_id, encode_vote,
};
use super::handle::Log;
use super::{GroupId, LogError};
use crate::types::{
    Entry, LeaderId, LogId, Membership, NodeId, NodeInfo, Payload, TypeConfig, Vote,
};

/// The log of one group. Clones are the same log; a clone is also the reader.
pub struct GroupLog<R> {
    log: Log,
    group: GroupId,
    runtime: PhantomData<fn() -> R>,
}

impl<R> GroupLog<R> {
    /// The group's part of a node's log.
    #[must_use]
    pub fn new(log: Log, group: GroupId) -> Self {
        Self {
            log,
            group,
            runtime: PhantomData,
        }
    }

    fn read(&self, from: u64, to: u64, bytes_max: u64) -> io::Result<Vec<Entry>> {
        let stored = self.log.read(self.group, from, to, bytes_max)?;
        let decoded = stored
            .iter()
            .map(|(index, bytes)| Ok(decode_entry(*index, bytes)?));
        decoded.collect()
    }

    fn last_log_id(&self) -> io::Result<Option<LogId>> {
        let Some(last) = self.log.group_state(self.group).last else {
            return Ok(None);
        };
        let entries = self.read(last, last + 1, 0)?;
        Ok(entries.first().map(|entry| entry.log_id))
    }
}

impl<R> Clone for GroupLog<R> {
    fn clone(&self) -> Self {
        Self::new(self.log.clone(), self.group)
    }
}

impl<R> Debug for GroupLog<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupLog({})", self.group)
    }
}

impl<R: AsyncRuntime> GroupLog<R> {
    /// Drops entries that stand where the state has others: of what a quorum has, the state here may be durable before the
    /// log is, and a crash then brings back what had been replaced. Nobody was told that this node has what it lost.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn give_way(&mut self, applied: LogId) -> io::Result<()> {
        let log = self.log.group_state(self.group);
        let is_purged = log.purged.is_some_and(|(index, _)| index >= applied.index);
        if is_purged || log.last.is_none_or(|last| last < applied.index) {
            return Ok(());
        }
        let stored = self.read(applied.index, applied.index + 1, 0)?;
        if stored.first().is_some_and(|entry| entry.log_id == applied) {
            return Ok(());
        }
        tracing::warn!(group = %self.group, %applied, "the log ends with entries that were replaced; they are dropped");
        let dropped = Box::new(drop);
        self.log.truncate_from(self.group, applied.index, dropped)?;
        self.purge(applied).await
    }

    /// Makes `node` the only member of the group, by its own word, after everything that the log holds:
    /// for a group whose other members are gone. It votes for itself in a term that nobody else has.
    /// Durable when it returns. The group must not run here.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn claim(&mut self, node: NodeId, info: NodeInfo) -> io::Result<()> {
        let last = self.get_log_state().await?.last_log_id;
        let voted = self
            .read_vote()
            .await?
            .map_or(0, |vote| vote.leader_id.term);
        let written = last.map_or(0, |last| last.committed_leader_id().term);
        let leader = LeaderId {
            term: voted.max(written) + 1,
            node_id: node,
        };
        self.save_vote(&Vote::new(leader.term, node)).await?;
        let alone = BTreeSet::from([node]);
        let membership = Membership::new(vec![alone], BTreeMap::from([(node, info)]));
        let membership = membership.map_err(|error| io::Error::other(error.to_string()))?;
        let entry = Entry {
            log_id: LogId::new(leader, last.map_or(0, |last| last.index + 1)),
            payload: Payload::Membership(membership),
        };
        let (tell, flushed) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // Whoever waited is gone; the entry is written all the same.
            let _ = tell.send(outcome);
        });
        let encoded = vec![encode_entry(&entry)];
        self.log
            .append_decided(self.group, entry.log_id.index, encoded, done)?;
        let outcome: Result<(), LogError> = flushed.await.unwrap_or(Err(LogError::Closed));
        Ok(outcome?)
    }
}

impl<R: AsyncRuntime> RaftLogReader<TypeConfig<R>> for GroupLog<R> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = bounds(&range);
        self.read(from, to, u64::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, self.log.read_bytes_max())
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = bounds(&range);
        let reader = self.clone();
        // A part at a time: a long tail after a restart need not be in memory at once.
        let parts = stream::unfold(Some(from), move |from| {
            let part = from.map(|from| reader.read(from, to, reader.log.read_bytes_max()));
            std::future::ready(match part {
                None => None,
                Some(Err(error)) => Some((vec![Err(error)], None)),
                Some(Ok(entries)) => entries
                    .last()
                    .map(|last| last.log_id.index + 1)
                    .map(|next| {
                        let next = (next < to).then_some(next);
                        (entries.into_iter().map(Ok).collect(), next)
                    }),
            })
        });
        Box::pin(parts.flat_map(stream::iter))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        let stored = self.log.group_state(self.group).vote;
        Ok(stored.map(|vote| decode_vote(&vote)).transpose()?)
    }
}

impl<R: AsyncRuntime> RaftLogStorage<TypeConfig<R>> for GroupLog<R> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig<R>>, io::Error> {
        let purged = self.log.group_state(self.group).purged;
        let last_purged_log_id = purged
            .map(|(_, marker)| decode_log_id(&marker))
            .transpose()?;
        Ok(LogState {
            last_purged_log_id,
            last_log_id: self.last_log_id()?.or(last_purged_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (tell, flushed) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // Nobody may wait any more; the vote is saved all the same.
            let _ = tell.send(outcome);
        });
        self.log.save_vote(self.group, encode_vote(vote), done)?;
        let outcome: Result<(), LogError> = flushed.await.unwrap_or(Err(LogError::Closed));
        Ok(outcome?)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mark = committed.as_ref().map(encode_log_id);
        Ok(self.log.save_committed(self.group, mark)?)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let stored = self.log.group_state(self.group).committed;
        Ok(stored.map(|mark| decode_log_id(&mark)).transpose()?)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig<R>>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut first = None;
        let mut next = 0;
        let mut encoded: Vec<Bytes> = Vec::new();
        for entry in entries {
            let index = entry.log_id.index;
            if first.is_some() && index != next {
                return Err(LogError::Order {
                    group: self.group,
                    expected: next,
                    found: index,
                }
                .into());
            }
            first.get_or_insert(index);
            next = index + 1;
            encoded.push(encode_entry(&entry));
        }
        let done = Box::new(move |outcome: Result<(), LogError>| {
            callback.io_completed(outcome.map_err(io::Error::from));
        });
        Ok(self
            .log
            .append_decided(self.group, first.unwrap_or(0), encoded, done)?)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |last| last.index + 1);
        Ok(self.log.truncate_from(self.group, from, Box::new(drop))?)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let marker = encode_log_id(&log_id);
        Ok(self
            .log
            .purge(self.group, log_id.index, marker, Box::new(drop))?)
    }
}

/// A range as from (inclusive) and to (exclusive).
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}
