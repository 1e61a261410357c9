//! What was asked of a shard's place, and why a move is made: for the planner and for people.
//!
//! Before it: an operator's transfer or rebalance, in the system group's log. After it: the planner.
//! Guarantees: a place that cannot be had now is kept and has no effect until it can.
//! Leaves to others: when it is forgotten (the controller, a later rebalance).

use serde::{Deserialize, Serialize};
use transport::NodeId;

use super::ShardView;

/// Where a shard was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The node that is to lead it; none where that is left to the controller.
    pub leader: Option<NodeId>,
    /// The nodes that are to hold it, ascending; empty where that is left to the controller.
    pub replicas: Vec<NodeId>,
    /// Who asked.
    pub wish: Wish,
}

/// How a place came to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// An operator named the leader: it stays so until a rebalance, also where leads are uneven.
    Transfer,
    /// A rebalance: forgotten once it is reached, since it is even by number.
    Rebalance,
}

impl Place {
    /// Whether the shard is where it was asked to be.
    #[must_use]
    pub fn is_reached(&self, shard: &ShardView) -> bool {
        let mut held = shard.replicas.clone();
        held.sort_unstable();
        self.leader.is_none_or(|node| shard.leader == Some(node))
            && (self.replicas.is_empty() || self.replicas == held)
    }
}

/// Why a move is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The replica was found to differ from the majority's.
    Differs,
    /// The shard has too few replicas.
    Missing,
    /// A node drains or is gone.
    Leaves,
    /// The shard has more replicas than it is to have.
    Surplus,
    /// Some nodes hold or lead more than others.
    Uneven,
    /// The leader's disk is full.
    Full,
    /// The leader's clock is wrong.
    WrongClock,
    /// An operator asked for this lead.
    Transfer,
    /// A rebalance asked for it.
    Rebalance,
}

impl From<Wish> for Reason {
    fn from(wish: Wish) -> Reason {
        match wish {
            Wish::Transfer => Reason::Transfer,
            Wish::Rebalance => Reason::Rebalance,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Reason::Differs => "the replica differs",
            Reason::Missing => "a replica is missing",
            Reason::Leaves => "a node drains or is gone",
            Reason::Surplus => "one replica too many",
            Reason::Uneven => "nodes hold or lead unequal numbers",
            Reason::Full => "the leader's disk is full",
            Reason::WrongClock => "the leader's clock is wrong",
            Reason::Transfer => "transfer",
            Reason::Rebalance => "rebalance",
        })
    }
}
