//! Where one replica stands in the agreement of its shard: its own hash at the last checkpoint, the
//! last verdict, and whether they differ. The shard's machine writes it in log order; the leader's
//! collector, the report to other nodes, the router and the fences read it. Guarantees: the own hash
//! is kept in the same unit of the store as the checkpoint, so that a restart does not lose it. Left
//! to others: deciding (`cluster::agreement`), what a replica that differs does (`fencing`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cluster::StateHash;
use cluster::agreement::{Agreement, Verdict};
use cluster::store::StateRead;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use transport::ShardId;

use crate::machine::{MachineError, RAFT_KEY_PREFIX};
use crate::network::wire;
use crate::proposer::ProposeError;
use crate::types::NodeId;

/// The code under which a replica stops that differs from the majority.
pub const DIVERGED: &str = "E-diverged";

/// Where a replica keeps its own hash. Not part of the shard's state: replicas may differ in it.
const OWN_KEY: &[u8] = &[RAFT_KEY_PREFIX, b'c'];

/// What stands there: the node that computed it, the unit of the checkpoint, the hash.
type OwnRecord = (NodeId, u64, StateHash);

/// A replica whose state is not what the majority has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The shard.
    pub shard: ShardId,
    /// The unit of the checkpoint: the index of its entry, plus one.
    pub unit: u64,
    /// The hash that this replica computed.
    pub own: StateHash,
    /// The hash that the majority computed.
    pub majority: StateHash,
    /// What each replica said that the verdict knows of.
    pub said: Vec<(NodeId, StateHash)>,
}

impl Divergence {
    /// The index of the checkpoint's entry.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.unit.saturating_sub(1)
    }
}

#[derive(Default)]
struct State {
    own: Option<(u64, StateHash)>,
    agreement: Agreement,
    divergence: Option<Divergence>,
    /// The life that its log is to begin has not begun.
    awaits_life: bool,
}

/// Where a replica stands.
pub struct Standing {
    shard: ShardId,
    local: NodeId,
    state: Mutex<State>,
    /// Rung when a replica of this node differs.
    alarm: Arc<Notify>,
}

impl Standing {
    /// Of the replica on node `local`, of which nothing is known yet.
    #[must_use]
    pub fn new(shard: ShardId, local: NodeId, alarm: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            shard,
            local,
            state: Mutex::default(),
            alarm,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its own hash at the last checkpoint, with the unit of it.
    #[must_use]
    pub fn own(&self) -> Option<(u64, StateHash)> {
        self.state().own
    }

    /// The last verdict.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        self.state().agreement.clone()
    }

    /// The last checkpoint, where no verdict with a majority is known of it.
    #[must_use]
    pub fn undecided(&self) -> Option<(u64, StateHash)> {
        let state = self.state();
        let decided = |unit: u64| {
            unit < state.agreement.unit
                || (unit == state.agreement.unit && !state.agreement.is_stopped())
        };
        state.own.filter(|(unit, _)| !decided(*unit))
    }

    /// Whether the shard has stopped for want of a majority.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state().agreement.is_stopped()
    }

    /// How this replica differs, where it does.
    #[must_use]
    pub fn divergence(&self) -> Option<Divergence> {
        self.state().divergence.clone()
    }

    /// What the machine says after a new life has begun, or is still to begin.
    pub(crate) fn begin_life(&self, agreement: &Agreement, awaits_life: bool) {
        let mut state = self.state();
        state.agreement = agreement.clone();
        state.awaits_life = awaits_life;
    }

    /// Whether the life that the shard map says is still to begin here.
    #[must_use]
    pub fn awaits_life(&self) -> bool {
        self.state().awaits_life
    }

    /// Whether the shard takes work.
    ///
    /// # Errors
    /// `Halted` where it has stopped for want of a majority, `Unavailable` before its life has begun.
    pub fn check(&self) -> Result<(), ProposeError> {
        if self.awaits_life() {
            return Err(ProposeError::Unavailable {
                reason: format!("shard {} is about to go on in a new life", self.shard),
            });
        }
        if !self.is_stopped() {
            return Ok(());
        }
        Err(ProposeError::Halted {
            reason: format!(
                "shard {} has stopped: its replicas disagree about its state, and none has a majority; see `cluster status`",
                self.shard
            ),
        })
    }

    /// Begins from what the store holds. A hash that came with the snapshot of another node is no
    /// word of this one: who computed nothing has no vote.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn load(&self, store: &dyn StateRead) -> Result<(), MachineError> {
        let broken = |error: &dyn std::fmt::Display| MachineError::Broken(error.to_string());
        let kept: Option<OwnRecord> = match store.get(OWN_KEY)? {
            Some(bytes) => Some(wire::decode(&bytes).map_err(|error| broken(&error))?),
            None => None,
        };
        let own = kept.filter(|(node, ..)| *node == self.local);
        let agreement = Agreement::read(store).map_err(|error| broken(&error))?;
        *self.state() = State {
            own: own.map(|(_, unit, hash)| (unit, hash)),
            agreement,
            ..State::default()
        };
        Ok(())
    }

    /// Keeps the hash of a checkpoint. Gives what the store has to hold of it, in the same unit.
    pub(crate) fn keep(&self, unit: u64, hash: StateHash) -> (&'static [u8], Bytes) {
        self.state().own = Some((unit, hash));
        let record: OwnRecord = (self.local, unit, hash);
        (OWN_KEY, wire::encode(&record))
    }

    /// Takes a verdict that was applied.
    ///
    /// # Errors
    /// `Diverged` where this replica is in the minority.
    pub(crate) fn judge(
        &self,
        verdict: &Verdict,
        agreement: &Agreement,
    ) -> Result<(), MachineError> {
        let mut state = self.state();
        state.agreement = agreement.clone();
        if agreement.is_stopped() {
            tracing::error!(
                code = cluster::codes::DISAGREEMENT,
                shard = %self.shard,
                index = agreement.unit.saturating_sub(1),
                own = ?state.own,
                said = ?agreement.said,
                "the replicas of a shard have different states and no majority; the shard stops"
            );
        }
        let (Some((unit, own)), Some(majority)) = (state.own, verdict.hash) else {
            return Ok(());
        };
        if unit != verdict.unit || own == majority {
            return Ok(());
        }
        let said = verdict.said.iter().map(|(node, hash)| (node.0, *hash));
        let divergence = Divergence {
            shard: self.shard,
            unit,
            own,
            majority,
            said: said.collect(),
        };
        state.divergence = Some(divergence.clone());
        drop(state);
        tracing::error!(
            code = DIVERGED,
            shard = %self.shard,
            index = divergence.index(),
            %own,
            %majority,
            "this replica's state differs from the majority's; it stops and begins anew"
        );
        self.alarm.notify_one();
        Err(MachineError::Diverged(Box::new(divergence)))
    }
}

#[cfg(test)]
mod tests {
    use cluster::store::memory::{FlushMode, MemoryStores};
    use cluster::store::{GroupId, StoreProvider};

    use super::*;

    fn standing(local: NodeId) -> Arc<Standing> {
        Standing::new(ShardId(3), local, Arc::default())
    }

    fn hash(of: u8) -> StateHash {
        StateHash([of; 32])
    }

    fn verdict(unit: u64, of: Option<u8>) -> (Verdict, Agreement) {
        let verdict = Verdict {
            unit,
            hash: of.map(hash),
            said: vec![(transport::NodeId(4), hash(4))],
        };
        let agreement = Agreement {
            count: 1,
            unit,
            hash: verdict.hash,
            ..Agreement::default()
        };
        (verdict, agreement)
    }

    #[test]
    fn a_replica_compares_itself_with_the_verdict_on_its_own_checkpoint_only() {
        let standing = standing(17);
        assert_eq!(standing.undecided(), None);
        let judge = |unit, of| {
            let (verdict, agreement) = verdict(unit, of);
            standing.judge(&verdict, &agreement)
        };
        judge(5, Some(9)).unwrap();
        standing.keep(8, hash(1));
        assert_eq!(standing.undecided(), Some((8, hash(1))));
        judge(7, Some(9)).unwrap();
        judge(8, None).unwrap();
        assert!(standing.is_stopped() && standing.check().is_err());
        assert_eq!(
            standing.undecided(),
            Some((8, hash(1))),
            "a majority may come"
        );
        judge(8, Some(1)).unwrap();
        assert!(standing.check().is_ok());
        assert_eq!((standing.undecided(), standing.divergence()), (None, None));
        let differs = judge(8, Some(2));
        assert!(matches!(differs, Err(MachineError::Diverged(_))));
        let divergence = standing.divergence().unwrap();
        assert_eq!((divergence.index(), divergence.own), (7, hash(1)));
        assert_eq!(divergence.majority, hash(2));
    }

    #[test]
    fn what_a_replica_said_survives_a_restart() {
        let stores = MemoryStores::new(FlushMode::EveryUnits(1));
        let mut store = stores.open(GroupId(4)).unwrap();
        let first = standing(17);
        first.load(&*store).unwrap();
        assert_eq!(first.own(), None);
        let (key, record) = first.keep(8, hash(1));
        store.put(key, record);
        store.commit(8).unwrap();
        let again = standing(17);
        again.load(&*store).unwrap();
        assert_eq!(again.own(), Some((8, hash(1))));
        let other = standing(18);
        other.load(&*store).unwrap();
        assert_eq!(other.own(), None, "it came with a snapshot");
        store.put(OWN_KEY, Bytes::from_static(b"no record"));
        assert!(again.load(&*store).is_err());
    }
}
