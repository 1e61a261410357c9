//! What the replicas of a shard say about its state, and what follows from it.
//!
//! Before it: the hashes that replicas have kept of a checkpoint, collected by the leader. After it:
//! a logged [`Verdict`], which each replica compares with its own hash. Guarantees: the same answers
//! give the same decision; verdicts are chained, each to the one before.
//! Leaves to others: collecting the answers, and what a replica in the minority does (`cluster-raft`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use transport::NodeId;

use crate::keys;
use crate::outcome::StateHash;
use crate::query::{QueryError, decode};
use crate::store::StateRead;

/// What is recorded of one checkpoint, as an entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The unit of the checkpoint: the index of its entry, plus one.
    pub unit: u64,
    /// What the majority says; none where no majority is possible, and then the shard stops.
    pub hash: Option<StateHash>,
    /// What each replica said that was heard, at most [`crate::limits::VERDICT_REPLICAS_MAX`].
    pub said: Vec<(NodeId, StateHash)>,
}

/// Where a shard stands: its last verdict, chained to all before it. Part of the shard's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Verdicts so far.
    pub count: u64,
    /// The unit of the last one.
    pub unit: u64,
    /// What the majority said there; none before the first verdict, and where there was none.
    pub hash: Option<StateHash>,
    /// What each replica said there.
    pub said: Vec<(NodeId, StateHash)>,
    /// A hash over all verdicts: who knows the last one knows whether any was changed.
    pub chain: [u8; 32],
}

impl Agreement {
    /// Whether the shard has stopped, because its replicas have no majority.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.count > 0 && self.hash.is_none()
    }

    /// Whether a verdict says more than the last one: it is about a later place, or it settles
    /// what had no majority.
    #[must_use]
    pub fn is_news(&self, verdict: &Verdict) -> bool {
        let settles = self.is_stopped() && verdict.hash.is_some();
        verdict.unit > self.unit || (verdict.unit == self.unit && settles)
    }

    /// Takes a verdict.
    pub(crate) fn take(&mut self, verdict: &Verdict) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.chain);
        hasher.update(&keys::encode_record(verdict));
        *self = Agreement {
            count: self.count + 1,
            unit: verdict.unit,
            hash: verdict.hash,
            said: verdict.said.clone(),
            chain: *hasher.finalize().as_bytes(),
        };
    }

    /// Reads it from a shard's state.
    ///
    /// # Errors
    ///
    /// The store's, or a corrupt record.
    pub fn read(store: &dyn StateRead) -> Result<Agreement, QueryError> {
        match store.get(&[keys::AGREEMENT])? {
            Some(bytes) => decode(&[keys::AGREEMENT], &bytes),
            None => Ok(Agreement::default()),
        }
    }
}

/// What the answers so far lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// More than half of the voters say this.
    Majority(StateHash),
    /// Whatever the others say, no hash can get a majority.
    Impossible,
    /// More answers are needed.
    Open,
}

/// Decides from what each voter said of one checkpoint. Of `lost` voters no answer is expected any
/// more. Answers of nodes that do not vote count for nothing.
#[must_use]
pub fn decide(
    voters: &BTreeSet<NodeId>,
    said: &BTreeMap<NodeId, StateHash>,
    lost: &BTreeSet<NodeId>,
) -> Decision {
    let majority = voters.len() / 2 + 1;
    let mut votes: BTreeMap<StateHash, usize> = BTreeMap::new();
    for (_, hash) in said.iter().filter(|(node, _)| voters.contains(node)) {
        *votes.entry(*hash).or_default() += 1;
    }
    let most = votes.iter().max_by_key(|(_, count)| **count);
    let Some((hash, count)) = most else {
        return Decision::Open;
    };
    if *count >= majority {
        return Decision::Majority(*hash);
    }
    let is_awaited = |node: &&NodeId| !said.contains_key(*node) && !lost.contains(*node);
    let awaited = voters.iter().filter(is_awaited).count();
    match count + awaited < majority && votes.len() > 1 {
        true => Decision::Impossible,
        // Silence alone is no disagreement.
        false => Decision::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(of: u8) -> StateHash {
        StateHash([of; 32])
    }

    fn decided(voters: u64, said: &[(u64, u8)], lost: &[u64]) -> Decision {
        let said = said.iter().map(|(node, of)| (NodeId(*node), hash(*of)));
        decide(
            &(1..=voters).map(NodeId).collect(),
            &said.collect(),
            &lost.iter().map(|node| NodeId(*node)).collect(),
        )
    }

    #[test]
    fn more_than_half_of_the_voters_decide() {
        assert_eq!(decided(1, &[(1, 7)], &[]), Decision::Majority(hash(7)));
        assert_eq!(decided(3, &[(1, 7)], &[]), Decision::Open);
        assert_eq!(
            decided(3, &[(1, 7), (3, 7)], &[]),
            Decision::Majority(hash(7))
        );
        let split = [(1, 7), (2, 8), (3, 8)];
        assert_eq!(decided(3, &split, &[]), Decision::Majority(hash(8)));
        assert_eq!(decided(3, &[(1, 7), (9, 7), (8, 7)], &[]), Decision::Open);
        assert_eq!(decided(4, &[(1, 7), (2, 7)], &[]), Decision::Open);
    }

    #[test]
    fn where_no_majority_is_possible_the_shard_stops() {
        assert_eq!(decided(3, &[(1, 7), (2, 8)], &[]), Decision::Open);
        assert_eq!(decided(3, &[(1, 7), (2, 8)], &[3]), Decision::Impossible);
        let three = [(1, 7), (2, 8), (3, 9)];
        assert_eq!(decided(3, &three, &[]), Decision::Impossible);
        assert_eq!(decided(2, &[(1, 7), (2, 8)], &[]), Decision::Impossible);
        let halves = [(1, 7), (2, 7), (3, 8), (4, 8)];
        assert_eq!(decided(4, &halves, &[]), Decision::Impossible);
    }

    #[test]
    fn silence_is_no_disagreement() {
        assert_eq!(decided(3, &[(1, 7)], &[2, 3]), Decision::Open);
        assert_eq!(decided(3, &[], &[1, 2, 3]), Decision::Open);
        assert_eq!(decided(5, &[(1, 7), (2, 7)], &[3, 4, 5]), Decision::Open);
    }

    #[test]
    fn verdicts_are_chained_and_never_go_back() {
        let verdict = |unit, of: Option<u8>| Verdict {
            unit,
            hash: of.map(hash),
            said: vec![(NodeId(1), hash(1))],
        };
        let mut one = Agreement::default();
        assert!(!one.is_stopped());
        one.take(&verdict(5, Some(1)));
        let mut other = one.clone();
        assert!(!one.is_news(&verdict(5, Some(2))));
        assert!(!one.is_news(&verdict(4, None)));
        assert!(one.is_news(&verdict(6, None)));
        one.take(&verdict(6, None));
        other.take(&verdict(6, Some(1)));
        assert!(one.is_stopped() && !other.is_stopped());
        assert!(one.is_news(&verdict(6, Some(3))));
        assert!(!one.is_news(&verdict(6, None)));
        one.take(&verdict(7, Some(2)));
        other.take(&verdict(7, Some(2)));
        assert_eq!((one.count, one.unit, one.hash), (3, 7, other.hash));
        assert_ne!(
            one.chain, other.chain,
            "what was said before stays in the chain"
        );
    }
}
