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
use transport::NodeId;

use super::DriverParts;

/// Proposes checkpoints and verdicts whenever this node leads.
pub(crate) async fn run(parts: Arc<DriverParts>) {
    let every = Duration::from_millis(parts.limits.checkpoint_ms);
    let look = Duration::from_millis(parts.limits.agreement_look_ms);
    let mut applied = parts.group.applied();
    let mut next = Instant::now() + every;
    let mut open = Open::default();
    loop {
        let undecided = parts.standing.undecided();
        let is_open = parts.group.leads() && undecided.is_some();
        match undecided.filter(|_| is_open) {
            Some(checkpoint) => {
                if settle(&parts, checkpoint, &mut open).await {
                    applied = parts.group.applied();
                }
                tokio::time::sleep(look).await;
            }
            None => tokio::time::sleep_until(next.min(Instant::now() + LOOK_FOR_LEAD)).await,
        }
        if Instant::now() < next || open.is_awaited(&parts, undecided) {
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
struct Open(Option<(u64, Instant)>);

impl Open {
    fn since(&mut self, unit: u64) -> Instant {
        match self.0 {
            Some((open, since)) if open == unit => since,
            _ => {
                let now = Instant::now();
                self.0 = Some((unit, now));
                now
            }
        }
    }

    /// Whether the next checkpoint waits for this one.
    fn is_awaited(&self, parts: &DriverParts, undecided: Option<(u64, StateHash)>) -> bool {
        let patience = Duration::from_millis(parts.limits.agreement_ms);
        let still_open = |(unit, _)| {
            parts
                .standing
                .undecided()
                .is_some_and(|(now, _)| now == unit)
        };
        undecided.is_some_and(still_open)
            && self.0.is_some_and(|(_, since)| since.elapsed() < patience)
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
        Decision::Impossible => {
            tracing::error!(
                code = cluster::codes::DISAGREEMENT,
                shard = %parts.shard,
                index = unit.saturating_sub(1),
                ?said,
                "the replicas of a shard have different states and no majority; the shard stops"
            );
            None
        }
        Decision::Open => return false,
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
