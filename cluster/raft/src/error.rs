//! Why a node's groups do not start, or do not go on in a new life. Every step of a start comes before
//! it, the composition of the node after it.

use transport::BusError;

use crate::bootstrap::BootstrapError;
use crate::fences::FenceError;
use crate::group::GroupError;
use crate::identity::IdentityError;
use crate::lives::LivesError;
use crate::log::LogError;
use crate::types::NodeId;

/// Why a node's groups do not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The fences cannot be read.
    #[error(transparent)]
    Fences(#[from] FenceError),
    /// No cluster.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The bus refuses.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A group does not open.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The lives of this node's groups cannot be read or noted.
    #[error(transparent)]
    Lives(#[from] LivesError),
    /// The system group's state cannot be read.
    #[error("E-system-state: the system group's state cannot be read: {0}")]
    System(String),
    /// Another process runs under this node's id.
    #[error("{}", crate::failure::twice(*node, other))]
    Twice {
        /// The id.
        node: NodeId,
        /// The other's name and address.
        other: String,
    },
    /// The log of a node that has no others to learn from is gone.
    #[error(
        "E-log-lost: the log of node {node} is gone, and there is no other node to learn from; restore the log folder, or remove the whole data folder to begin a new cluster"
    )]
    LogLost {
        /// The node.
        node: NodeId,
    },
}
