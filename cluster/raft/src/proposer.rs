//! Puts commands into entries and entries into the log. Doors, channel pumps and the driver come
//! before it, the group's raft after it. Guarantees: the commands that arrive while appends are
//! under way share the next entry, in the order of arrival; every entry is stamped with time and
//! chance here and nowhere else; each proposal gets its own outcomes. Left to others: trying again
//! elsewhere (`remote`), what commands mean (`cluster`).

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::EntryStamp;
use cluster::store::GroupId;
use tokio::sync::{mpsc, oneshot};

use crate::group::{Group, GroupError};
use crate::limits::ProposerLimits;
use crate::log::{Log, LogError};
use crate::memory::Memory;
use crate::payloads::Claim;
use crate::ports::{Clock, Entropy};
use crate::time::ShardTime;
use crate::types::{EntryData, NodeId};

/// Why a proposal brought no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum ProposeError {
    /// Another node leads, or none.
    #[error("E-not-leader: this node does not lead {group}")]
    NotLeader {
        /// Which group, for people.
        group: String,
        /// The node that leads, where it is known.
        hint: Option<NodeId>,
    },
    /// Too many proposals wait; try again later.
    #[error("E-overloaded: too many proposals wait for {group}; try again in {retry_after_ms} ms")]
    Overloaded {
        /// Which group, for people.
        group: String,
        /// When it is worth trying again.
        retry_after_ms: u64,
    },
    /// One command is too large for an entry.
    #[error("E-too-large: a command of {bytes} bytes does not fit an entry of {bytes_max} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
    /// The disk of the leader is full; nothing was written.
    #[error("{reason}")]
    Full {
        /// What is free and what is needed.
        reason: String,
    },
    /// It may be committed or not; a repeated proposal must be one that is known by its sequence.
    #[error("E-outcome-unknown: {reason}; whether it took effect is not known here")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// The group does not run here, or cannot go on.
    #[error("E-unavailable: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// The shard has stopped, because its replicas have no majority for one state.
    #[error("E-disagreement: {reason}")]
    Halted {
        /// Which shard, and what to look at.
        reason: String,
    },
    /// The disk of the leader's state is too far behind for clients' work.
    #[error(
        "E-disk-behind: {bytes} bytes of state wait for the disk of the node that leads {group}; try again in {retry_after_ms} ms"
    )]
    Behind {
        /// Which group, for people.
        group: String,
        /// How far it is behind.
        bytes: u64,
        /// When it is worth trying again.
        retry_after_ms: u64,
    },
}

impl ProposeError {
    /// Whether the proposal certainly had no effect.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(
            self,
            Self::Overloaded { .. }
                | Self::Behind { .. }
                | Self::TooLarge { .. }
                | Self::Full { .. }
                | Self::Halted { .. }
        )
    }
}

/// What kind of entries a group takes.
pub trait Protocol: Send + Sync + 'static {
    /// One thing to do.
    type Command: Send + Clone + 'static;
    /// The answer to it.
    type Outcome: Send + 'static;

    /// An entry's bytes.
    fn encode(stamp: EntryStamp, commands: Vec<Self::Command>) -> Result<Bytes, String>;

    /// The end of an entry's bytes, behind `cluster::entry::encode_stamp`: its commands.
    fn encode_commands(commands: &[Self::Command]) -> Result<Bytes, String>;

    /// The outcomes that the machine encoded, one for each command.
    fn outcomes(bytes: &[u8]) -> Result<Vec<Self::Outcome>, String>;

    /// About how many bytes a command has when encoded.
    fn size(command: &Self::Command) -> usize;

    /// Whether a client asks for it, who can be told to come back. What shards and drivers propose is
    /// never held back for want of room.
    fn is_of_client(command: &Self::Command) -> bool;
}

/// What happened to an entry, told to whoever exports spans.
pub trait CommitObserver<C>: Send + Sync + 'static {
    /// Whether it wants to know.
    fn is_enabled(&self) -> bool;

    /// These commands were appended and committed between two times, nanoseconds since 1970.
    fn committed(&self, commands: &[C], start_unix_nanos: u64, end_unix_nanos: u64);
}

struct Proposal<P: Protocol> {
    commands: Vec<P::Command>,
    bytes: usize,
    /// The payload that has the commands, on a quorum already: then it has an entry of its own.
    placed: Option<Claim>,
    answer: oneshot::Sender<Result<Vec<P::Outcome>, ProposeError>>,
}

/// Takes proposals for one group. Clones share the queue.
pub struct Proposer<P: Protocol> {
    group: Group,
    queue: mpsc::Sender<Proposal<P>>,
    limits: Arc<ProposerLimits>,
    memory: Arc<Memory>,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Clone for Proposer<P> {
    fn clone(&self) -> Self {
        Self {
            group: self.group.clone(),
            queue: self.queue.clone(),
            limits: Arc::clone(&self.limits),
            memory: Arc::clone(&self.memory),
            protocol: PhantomData,
        }
    }
}

/// What a proposer works with.
pub struct ProposerParts<C> {
    /// Where entries go.
    pub group: Group,
    /// For spans.
    pub clock: Arc<dyn Clock>,
    /// Stamps time.
    pub time: Arc<ShardTime>,
    /// Stamps chance.
    pub entropy: Arc<dyn Entropy>,
    /// Bounds.
    pub limits: Arc<ProposerLimits>,
    /// Is told of commits.
    pub observer: Arc<dyn CommitObserver<C>>,
    /// Says whether there is room for entries.
    pub log: Log,
    /// Says whether the disk of the state keeps up.
    pub memory: Arc<Memory>,
}

impl<P: Protocol> Proposer<P> {
    /// Starts the task that makes entries; it ends when all clones are gone.
    #[must_use]
    pub fn start(parts: ProposerParts<P::Command>) -> Self {
        let (queue, proposals) = mpsc::channel(parts.limits.queue_proposals_max);
        let proposer = Self {
            group: parts.group.clone(),
            queue,
            limits: Arc::clone(&parts.limits),
            memory: Arc::clone(&parts.memory),
            protocol: PhantomData,
        };
        tokio::spawn(make_entries::<P>(parts, proposals));
        proposer
    }

    /// Proposes commands, which stay together and in order, and waits for their outcomes.
    ///
    /// # Errors
    /// As in `ProposeError`.
    pub async fn propose(
        &self,
        commands: Vec<P::Command>,
    ) -> Result<Vec<P::Outcome>, ProposeError> {
        let bytes: usize = commands.iter().map(P::size).sum();
        let group = self.group.id();
        if bytes > self.limits.command_bytes_max {
            return Err(ProposeError::TooLarge {
                bytes,
                bytes_max: self.limits.command_bytes_max,
            });
        }
        if let Some(bytes) = self.memory.behind()
            && commands.iter().any(P::is_of_client)
        {
            return Err(ProposeError::Behind {
                group: name(group),
                bytes,
                retry_after_ms: self.limits.retry_after_ms,
            });
        }
        let placed = match bytes >= self.limits.payload_bytes_min {
            true => Some(self.place(&commands).await?),
            false => None,
        };
        let (answer, answered) = oneshot::channel();
        let proposal = Proposal {
            commands,
            bytes,
            placed,
            answer,
        };
        match self.queue.try_send(proposal) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(ProposeError::Overloaded {
                    group: name(group),
                    retry_after_ms: self.limits.retry_after_ms,
                });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(closed(group)),
        }
        answered.await.map_err(|_| closed(group))?
    }

    /// Puts commands on a quorum, beside the log. Small proposals go on meanwhile.
    async fn place(&self, commands: &[P::Command]) -> Result<Claim, ProposeError> {
        if !self.group.leads() {
            return Err(ProposeError::NotLeader {
                group: name(self.group.id()),
                hint: self.group.leader(),
            });
        }
        let encoded = P::encode_commands(commands);
        let payload = encoded.map_err(|reason| ProposeError::Unavailable { reason })?;
        let deadline = Duration::from_millis(self.limits.append_deadline_ms);
        self.group.place(payload, deadline).await
    }
}

fn closed(group: GroupId) -> ProposeError {
    ProposeError::Unavailable {
        reason: format!("{} is being closed on this node", name(group)),
    }
}

/// A group's name for people.
#[must_use]
pub fn name(group: GroupId) -> String {
    match group.0 {
        0 => "the system group".to_owned(),
        number => format!("shard {}", number - 1),
    }
}

/// Takes what waits, up to an entry's bounds, and writes it: one append of a group at a time, so
/// that what arrives meanwhile shares the next entry. An entry passes some ten tasks and threads, a
/// command in it none.
async fn make_entries<P: Protocol>(
    parts: ProposerParts<P::Command>,
    mut proposals: mpsc::Receiver<Proposal<P>>,
) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match proposals.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
            // What other tasks are about to propose shares the entry: nothing is waited for where there is
            // nothing else to do.
            tokio::task::yield_now().await;
        }
        while waiting.len() < parts.limits.entry_commands_max {
            match proposals.try_recv() {
                Ok(more) => waiting.push_back(more),
                Err(_) => break,
            }
        }
        let batch = take_batch::<P>(&mut waiting, &parts.limits);
        append::<P>(&parts, batch).await;
    }
}

/// At least one proposal, and more while the entry stays within its bounds.
fn take_batch<P: Protocol>(
    waiting: &mut VecDeque<Proposal<P>>,
    limits: &ProposerLimits,
) -> Vec<Proposal<P>> {
    let (mut bytes, mut commands) = (0, 0);
    let mut batch = Vec::new();
    while let Some(next) = waiting.front() {
        bytes += next.bytes;
        commands += next.commands.len();
        let is_full = bytes > limits.entry_bytes || commands > limits.entry_commands_max;
        let is_alone = next.placed.is_some();
        if (is_full || is_alone) && !batch.is_empty() {
            break;
        }
        batch.extend(waiting.pop_front());
        if is_alone {
            break;
        }
    }
    batch
}

async fn append<P: Protocol>(parts: &ProposerParts<P::Command>, batch: Vec<Proposal<P>>) {
    let mut commands = Vec::new();
    let mut answers = Vec::with_capacity(batch.len());
    let mut placed = None;
    for proposal in batch {
        placed = placed.or(proposal.placed);
        answers.push((proposal.commands.len(), proposal.answer));
        commands.extend(proposal.commands);
    }
    match write::<P>(parts, commands, placed).await {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for (count, answer) in answers {
                // Whoever stopped waiting asks again with the same sequence.
                let _ = answer.send(Ok(outcomes.by_ref().take(count).collect()));
            }
        }
        Err(error) => {
            for (_, answer) in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

async fn write<P: Protocol>(
    parts: &ProposerParts<P::Command>,
    commands: Vec<P::Command>,
    placed: Option<Claim>,
) -> Result<Vec<P::Outcome>, ProposeError> {
    let group = parts.group.id();
    if let Err(error @ LogError::DiskFull { .. }) = parts.log.check_accepting() {
        return Err(ProposeError::Full {
            reason: error.to_string(),
        });
    }
    let observed = parts.observer.is_enabled().then(|| commands.clone());
    let count = commands.len();
    let start = parts.clock.unix_nanos();
    let mut entropy = [0; 16];
    parts.entropy.fill(&mut entropy);
    let stamp = EntryStamp {
        time_ms: parts.time.now_ms(),
        entropy,
    };
    let data = match &placed {
        Some(claim) => Ok(claim
            .reference()
            .entry(&cluster::entry::encode_stamp(stamp))),
        None => P::encode(stamp, commands),
    };
    let data = data.map_err(|reason| ProposeError::Unavailable { reason })?;
    let deadline = Duration::from_millis(parts.limits.append_deadline_ms);
    let written = parts.group.write(EntryData(data), deadline).await;
    let answer = written.map_err(|error| propose_error(group, error))?;
    if let Some(commands) = observed {
        let end = parts.clock.unix_nanos();
        parts.observer.committed(&commands, start, end);
    }
    let outcomes = P::outcomes(&answer).map_err(|reason| ProposeError::Unavailable { reason })?;
    if outcomes.len() != count {
        return Err(ProposeError::Unknown {
            reason: format!("{count} commands got {} outcomes", outcomes.len()),
        });
    }
    Ok(outcomes)
}

/// What a group's error means to whoever proposed.
#[must_use]
pub fn propose_error(group: GroupId, error: GroupError) -> ProposeError {
    match error {
        GroupError::NotLeader { leader, .. } => ProposeError::NotLeader {
            group: name(group),
            hint: leader,
        },
        GroupError::Deadline { .. } => ProposeError::Unknown {
            reason: error.to_string(),
        },
        other => ProposeError::Unavailable {
            reason: other.to_string(),
        },
    }
}
