//! Makes a backup: holds, cuts, and then the bytes of the file, in order. The door of the node that was asked comes
//! before it, the holds of this and other nodes after it. Guarantees: every view is from before the cut, the cut is
//! begun by nobody else, and the system group's state is from after it; so no shard knows more than that one; what was not
//! given to its end can be gone on with for a while. Left to others: where the bytes go (`node`).

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use cluster::store::GroupId;
use cluster::{Command, Outcome, SystemState};
use futures::future::{join_all, try_join_all};
use tokio::time::Instant;
use transport::ShardId;

use super::format::{Head, Record, beginning, frame};
use super::hold::{HoldError, HoldRequest, Step};
use super::unfinished::Beginning;
use crate::groups::Groups;
use crate::proposer::ProposeError;
use crate::remote::{self, Request, Response};
use crate::router::group_of;
use crate::start::SYSTEM;
use crate::types::NodeId;

/// How often a backup is begun anew where a lead changed, or a log was cut, while it began.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// How long a shard may take to make the cut, and a node to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a node may take to say that it knows of backups.
const KNOWS_DEADLINE: Duration = Duration::from_secs(3);
/// How often other nodes are told to hold on.
const KEEP_EVERY: Duration = Duration::from_secs(15);

/// A backup whose cut is made, and whose bytes are read one after the other.
pub struct Backup {
    groups: Groups,
    head: Head,
    /// The groups of the file, in order, each with the node that holds it.
    parts: Vec<(GroupId, NodeId)>,
    /// The one that is read or will be next, and how much of it was read.
    reading: (usize, u64),
    holders: BTreeSet<NodeId>,
    kept: Instant,
    /// What was given of the file.
    given: Beginning,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It came to nothing, or has not come to anything yet.
    Failed,
    Begin,
    Groups,
    Done,
}

impl Groups {
    /// Makes the cut of a backup through all shards, and holds their states from before it.
    ///
    /// # Errors
    /// A shard has no leader, or something changed again and again while it began.
    pub async fn begin_backup(&self, program: &str) -> Result<Backup, HoldError> {
        let mut result = Err(HoldError::new("it was not tried"));
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            result = self.try_backup(program).await;
            match &result {
                Ok(_) => return result,
                Err(error) => tracing::warn!(%error, attempt, "a backup is begun anew"),
            }
        }
        result
    }

    /// Goes on with a backup that this node began, where a group's part begins: at that byte of the file.
    ///
    /// # Errors
    /// Nothing is held of it any more, or no part begins there.
    pub fn resume_backup(&self, cut: u64, offset: u64) -> Result<Backup, HoldError> {
        let found = self.shared().holds.unfinished.at(cut, offset);
        let (one, number) = found.ok_or_else(|| {
            HoldError::new(format!(
                "this node cannot go on with backup {cut} at byte {offset}: it was released, was not read for too \
                 long, or another node made it"
            ))
        })?;
        Ok(Backup {
            groups: self.clone(),
            head: one.head,
            holders: one.groups.iter().map(|(_, node)| *node).collect(),
            parts: one.groups,
            reading: (number, 0),
            kept: Instant::now(),
            given: one.begun[number].clone(),
            stage: Stage::Groups,
        })
    }

    /// Lets go what is held for a backup of this node, which is whole where it was wanted. False where nothing is held.
    #[must_use]
    pub fn release_backup(&self, cut: u64) -> bool {
        let Some(groups) = self.shared().holds.unfinished.finished(cut) else {
            return false;
        };
        self.let_go(cut, &groups.iter().map(|(_, node)| *node).collect());
        true
    }

    fn let_go(&self, backup: u64, holders: &BTreeSet<NodeId>) {
        // Without a runtime the process ends, and what it holds with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (groups, holders) = (self.clone(), holders.clone());
        drop(runtime.spawn(async move {
            for node in holders {
                let step = Step::Release;
                let released = groups.ask_holder(node, HoldRequest { backup, step }).await;
                if let Err(error) = released {
                    tracing::debug!(node, %error, "a node lets a backup go later by itself");
                }
            }
        }));
    }

    async fn try_backup(&self, program: &str) -> Result<Backup, HoldError> {
        // Numbers of changes of the system group grow, and no other backup gets this one.
        let number = self.change_nothing().await?;
        let state = self.system().borrow().clone();
        if !self.shared().holds.knows_cuts()? {
            self.check_readers(number, &state).await?;
        }
        let mut backup = Backup {
            head: self.head(number, program)?,
            groups: self.clone(),
            // Until it is known who holds something; all let go where it comes to nothing.
            holders: state.members.keys().map(|node| node.0).collect(),
            parts: Vec::new(),
            reading: (0, 0),
            kept: Instant::now(),
            given: Beginning {
                offset: 0,
                hasher: blake3::Hasher::new(),
            },
            stage: Stage::Failed,
        };
        let shards = state.shards.keys();
        let held = try_join_all(shards.map(|shard| self.hold(number, *shard))).await?;
        self.cut(number, &held).await?;
        let system = (SYSTEM, self.local());
        let groups = held.iter().map(|(shard, node)| (group_of(*shard), *node));
        backup.parts = std::iter::once(system).chain(groups).collect();
        backup.holders = backup.parts.iter().map(|(_, node)| *node).collect();
        backup.stage = Stage::Begin;
        let notes = &self.shared().holds.unfinished;
        notes.begin(&backup.head, &backup.parts);
        Ok(backup)
    }

    /// Asks every member whether its program knows of backups. From the first cut on the logs have commands that an
    /// older program cannot read, and who comes back with one could not go on.
    async fn check_readers(&self, backup: u64, state: &SystemState) -> Result<(), HoldError> {
        let others = state.members.values();
        let others = others.filter(|member| member.id.0 != self.local());
        let answers = others.map(|member| async move {
            let (network, step) = (&self.shared().router.network, Step::Keep);
            let request = Request::Hold(HoldRequest { backup, step });
            // That it holds nothing is an answer too.
            let answer = remote::ask(network, member.id.0, &request, KNOWS_DEADLINE).await;
            answer.is_err().then(|| member.name.clone())
        });
        let silent: Vec<String> = join_all(answers).await.into_iter().flatten().collect();
        if silent.is_empty() {
            return Ok(());
        }
        let silent = silent.join(", ");
        Err(HoldError::new(format!(
            "the first backup of a cluster writes what older programs cannot read, and has to know that no member runs \
             one; {silent} did not answer: start it with the program of the others, or remove it from the cluster"
        )))
    }

    /// The cut, the entries up to it, and the system group's state after it.
    async fn cut(&self, backup: u64, held: &[(ShardId, NodeId)]) -> Result<(), HoldError> {
        try_join_all(held.iter().map(|(shard, _)| self.cut_shard(backup, *shard))).await?;
        let tails = held.iter().map(|(shard, node)| {
            let step = Step::Tail(*shard);
            self.ask_holder(*node, HoldRequest { backup, step })
        });
        try_join_all(tails).await?;
        let version = self.change_nothing().await?;
        self.shared().holds.hold_system(backup, version).await
    }

    /// The number of a change of the system group that changes nothing.
    async fn change_nothing(&self) -> Result<u64, HoldError> {
        let version = self.shared().router.system_version(DEADLINE).await;
        version.map_err(HoldError::new)
    }

    /// Has a node hold a shard: this one where it has a replica, else the one that leads it.
    async fn hold(&self, backup: u64, shard: ShardId) -> Result<(ShardId, NodeId), HoldError> {
        let node = match self.holds(shard) {
            true => Some(self.local()),
            false => self.leader_of(shard),
        };
        let node = node.ok_or_else(|| HoldError::new(format!("shard {shard} has no leader")))?;
        let step = Step::View(shard);
        self.ask_holder(node, HoldRequest { backup, step }).await?;
        Ok((shard, node))
    }

    async fn cut_shard(&self, backup: u64, shard: ShardId) -> Result<(), HoldError> {
        let outcomes = self
            .submit(shard, vec![Command::Cut(backup)], DEADLINE)
            .await;
        match outcomes.map_err(HoldError::new)?.as_slice() {
            [Outcome::Cut(_)] => Ok(()),
            [Outcome::Refused(refusal)] => Err(HoldError::new(&refusal.message)),
            other => Err(HoldError::new(format!("shard {shard} said {other:?}"))),
        }
    }

    async fn ask_holder(&self, node: NodeId, request: HoldRequest) -> Result<Bytes, HoldError> {
        if node == self.local() {
            return self.shared().holds.answer(request).await;
        }
        let network = &self.shared().router.network;
        let asked = remote::ask(network, node, &Request::Hold(request), DEADLINE).await;
        match asked.map_err(HoldError::new)? {
            Response::Held(bytes) => Ok(bytes),
            Response::Failed(ProposeError::Unavailable { reason }) => Err(HoldError::new(reason)),
            other => Err(HoldError::new(format!("node {node} said {other:?}"))),
        }
    }

    fn head(&self, cut: u64, program: &str) -> Result<Head, HoldError> {
        let state = self.system();
        let state = state.borrow();
        Ok(Head {
            cluster: state
                .cluster
                .ok_or_else(|| HoldError::new("there is no cluster yet"))?,
            name: state.name.clone(),
            shard_count: state.shard_count,
            cut,
            unix_ms: self.shared().ports.clock.unix_ms(),
            program: program.to_owned(),
        })
    }
}

impl Backup {
    /// What it is of.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next bytes of the file; none after its end.
    ///
    /// # Errors
    /// A node that holds a part of it is gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HoldError> {
        let bytes = match self.stage {
            Stage::Done | Stage::Failed => return Ok(None),
            Stage::Begin => {
                self.stage = Stage::Groups;
                let mut bytes = beginning().to_vec();
                bytes.extend_from_slice(&frame(&Record::Head(self.head.clone())));
                Bytes::from(bytes)
            }
            Stage::Groups => match self.read_groups().await? {
                Some(bytes) => bytes,
                None => {
                    self.stage = Stage::Done;
                    let hash = *self.given.hasher.finalize().as_bytes();
                    frame(&Record::End { hash })
                }
            },
        };
        self.given.hasher.update(&bytes);
        self.given.offset += bytes.len() as u64;
        Ok(Some(bytes))
    }

    async fn read_groups(&mut self) -> Result<Option<Bytes>, HoldError> {
        self.keep().await?;
        loop {
            let (number, offset) = self.reading;
            let Some((group, node)) = self.parts.get(number).copied() else {
                return Ok(None);
            };
            if offset == 0 {
                let notes = &self.groups.shared().holds.unfinished;
                notes.reached(self.head.cut, number, &self.given);
            }
            let step = Step::Read {
                group: group.0,
                offset,
            };
            let bytes = self.ask(node, step).await?;
            if !bytes.is_empty() {
                self.reading = (number, offset + bytes.len() as u64);
                return Ok(Some(bytes));
            }
            self.reading = (number + 1, 0);
        }
    }

    /// Tells all that hold something to hold on, now and then: the last of them are read late.
    async fn keep(&mut self) -> Result<(), HoldError> {
        if self.kept.elapsed() > KEEP_EVERY {
            self.kept = Instant::now();
            self.groups.shared().holds.unfinished.used(self.head.cut);
            let told = self.holders.iter().map(|node| self.ask(*node, Step::Keep));
            try_join_all(told).await?;
        }
        Ok(())
    }

    /// Asks again where an answer may be lost: a step may be done twice.
    async fn ask(&self, node: NodeId, step: Step) -> Result<Bytes, HoldError> {
        let request = HoldRequest {
            backup: self.head.cut,
            step,
        };
        match self.groups.ask_holder(node, request.clone()).await {
            Ok(bytes) => Ok(bytes),
            Err(_) => self.groups.ask_holder(node, request).await,
        }
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        match self.stage {
            Stage::Failed => self.groups.let_go(self.head.cut, &self.holders),
            // Whoever lost it may go on, also where the last bytes were lost.
            Stage::Begin | Stage::Groups | Stage::Done => {
                self.groups.shared().holds.unfinished.used(self.head.cut);
            }
        }
    }
}
