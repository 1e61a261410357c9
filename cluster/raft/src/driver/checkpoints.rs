//! Has the shard's state hashed from time to time, and records what its replicas say. It runs beside
//! the driver on every replica and acts only where that leads: the reports of the other nodes come
//! before it, the shard's proposer after it. Guarantees: nothing is proposed where nothing was
//! applied since; a checkpoint that an earlier leader left open is taken up; a shard that stopped
//! goes on once a majority is known. Left to others: what a replica in the minority does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::agreement::{Decision, Verdict, decide};
use cluster::limits::VERDICT_REPLICAS_MAX;
use cluster::{Command, StateHash};
use tokio::time::Instant;
use transport::{NodeId, ShardId};

use super::DriverParts;

/// Proposes checkpoints and verdicts whenever this node leads.
pub(crate) async fn run(parts: Arc<DriverParts>) {
    let every = Duration::from_millis(parts.limits.checkpoint_ms);
    let look = Duration::from_millis(parts.limits.agreement_look_ms);
    let mut applied = parts.group.applied();
    let mut next = Instant::now() + every;
    let mut open = Open::default();
    loop {
        let leads = parts.group.leads();
        if !leads {
            // What was awaited is for the next leader to settle.
            open = Open::default();
        }
        match parts.standing.undecided().filter(|_| leads) {
            Some(checkpoint) => {
                if settle(&parts, checkpoint, &mut open).await {
                    applied = parts.group.applied();
                }
                tokio::time::sleep(look).await;
            }
            None => tokio::time::sleep_until(next.min(Instant::now() + LOOK_FOR_LEAD)).await,
        }
        if Instant::now() < next || open.is_awaited(&parts) {
            continue;
        }
        next = Instant::now() + every;
        if parts.group.leads() && !parts.standing.is_stopped() && parts.group.applied() != applied {
            // Where it is not taken, the next time is soon enough.
            let _ = parts.proposer.propose(vec![Command::Checkpoint]).await;
            applied = parts.group.applied();
        }
    }
}

/// How soon a new leader takes up what the one before left open.
const LOOK_FOR_LEAD: Duration = Duration::from_secs(2);

/// The checkpoint that answers are awaited for, and since when.
#[derive(Default)]
struct Open {
    checkpoint: Option<(u64, Instant)>,
    has_warned: bool,
    is_given_up: bool,
}

impl Open {
    fn since(&mut self, unit: u64) -> Instant {
        match self.checkpoint {
            Some((open, since)) if open == unit => since,
            _ => {
                let now = Instant::now();
                *self = Self {
                    checkpoint: Some((unit, now)),
                    ..Self::default()
                };
                now
            }
        }
    }

    /// Says once that replicas differ, while it is not known which of them is wrong.
    fn warn(&mut self, shard: ShardId, said: &BTreeMap<NodeId, StateHash>) {
        let hashes: BTreeSet<&StateHash> = said.values().collect();
        if hashes.len() > 1 && !self.has_warned {
            self.has_warned = true;
            tracing::warn!(%shard, ?said, "replicas differ; the word of others is awaited");
        }
    }

    /// Whether the next checkpoint waits for this one: until there is a verdict, or none came of it
    /// although it was late.
    fn is_awaited(&self, parts: &DriverParts) -> bool {
        let (open, undecided) = (self.checkpoint, parts.standing.undecided());
        let is_same = open.map(|(unit, _)| unit) == undecided.map(|(unit, _)| unit);
        open.is_some() && is_same && !self.is_given_up
    }
}

/// Records a verdict, where what was said is enough for one. True where it did.
async fn settle(parts: &DriverParts, checkpoint: (u64, StateHash), open: &mut Open) -> bool {
    let (unit, own) = checkpoint;
    let said = said(parts, unit, own);
    let (voters, _) = parts.group.members();
    let voters: BTreeSet<NodeId> = voters.into_iter().map(NodeId).collect();
    let is_late = open.since(unit).elapsed() >= Duration::from_millis(parts.limits.agreement_ms);
    let lost = match is_late {
        true => voters.clone(),
        false => BTreeSet::new(),
    };
    let hash = match decide(&voters, &said, &lost) {
        Decision::Majority(hash) => Some(hash),
        Decision::Impossible if parts.standing.is_stopped() => return false,
        Decision::Impossible => None,
        Decision::Open => {
            open.warn(parts.shard, &said);
            open.is_given_up = is_late;
            return false;
        }
    };
    let said = said.into_iter().take(VERDICT_REPLICAS_MAX).collect();
    let verdict = Verdict { unit, hash, said };
    parts.propose(Command::Agreed(verdict)).await;
    true
}

/// What each replica says of the state at that unit, as far as it was heard.
fn said(parts: &DriverParts, unit: u64, own: StateHash) -> BTreeMap<NodeId, StateHash> {
    let router = &parts.router;
    let mut said = BTreeMap::from([(NodeId(router.network.local), own)]);
    for report in router.board.reports() {
        let of_shard = report.shards.iter().find(|one| one.shard == parts.shard);
        if let Some((at, hash)) = of_shard.and_then(|one| one.checkpoint)
            && at == unit
        {
            said.insert(NodeId(report.node), hash);
        }
    }
    said
}
