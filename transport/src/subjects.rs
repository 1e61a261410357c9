//! All subjects of a cluster: built here, parsed here, and nowhere else.
//! Before it: an address, a shard or a node to reach. After it: the bus.
//! Guarantees: every built subject parses back to what it was built from; two targets never
//! share a subject.
//! Leaves to others: who subscribes to what.

use crate::address::{Address, AddressError, Namespace, check};
use crate::ids::{IdError, NodeId, ShardId};
use crate::limits::CLUSTER_NAME_BYTES_MAX;
use crate::subject::{Pattern, Subject};
use crate::token::{self, TokenError};

/// Why a subject stands for nothing of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It belongs to another cluster, or to another program.
    #[error("the subject {subject:?} is not one of this cluster")]
    Foreign {
        /// The subject, as received.
        subject: String,
    },
    /// It is of this cluster, but no form that is known.
    #[error("the subject {subject:?} has no meaning here")]
    Unknown {
        /// The subject, as received.
        subject: String,
    },
    /// One of its tokens is not written as a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its tokens are no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its node or shard is none.
    #[error(transparent)]
    Id(#[from] IdError),
}

/// The name of a cluster: 1 to 64 bytes, no `/`, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterName(String);

impl ClusterName {
    /// A cluster's name.
    pub fn new(name: &str) -> Result<Self, AddressError> {
        let allowed = |character: char| character != '/' && !character.is_control();
        check("a cluster's name", name, CLUSTER_NAME_BYTES_MAX, allowed)?;
        Ok(Self(name.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What raft sends between nodes; each on a subject of its own, so that one never waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RaftChannel {
    /// Votes, pre-votes, heartbeats, hand-overs: small and urgent.
    Vote,
    /// Entries of the log.
    Append,
    /// Chunks of snapshots.
    Snapshot,
}

impl RaftChannel {
    const ALL: [Self; 3] = [Self::Vote, Self::Append, Self::Snapshot];

    const fn token(self) -> &'static str {
        match self {
            Self::Vote => "vote",
            Self::Append => "append",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What a subject stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Nodes find each other.
    Hello,
    /// Nodes say where they can be connected to.
    Peers,
    /// Requests of one kind to one node.
    Node {
        /// The node.
        node: NodeId,
        /// The kind, as text.
        kind: String,
    },
    /// Raft between nodes.
    Raft {
        /// The node that receives.
        node: NodeId,
        /// What is sent.
        channel: RaftChannel,
    },
    /// Whoever leads a shard.
    Shard(ShardId),
    /// Messages for an external service.
    Service(Address),
    /// Messages for a worker or an instance.
    Worker(Address),
    /// What a root instance emits.
    Outbox(Address),
    /// What a stream of the bus delivers for a worker.
    Stream(Address),
}

/// Builds and parses the subjects of one cluster.
#[derive(Debug, Clone)]
pub struct Subjects {
    /// `troupe.C.`
    prefix: String,
}

impl Subjects {
    /// The subjects of the cluster of that name.
    #[must_use]
    pub fn new(cluster: &ClusterName) -> Self {
        Self {
            prefix: format!("troupe.{}.", token::encode(cluster.as_str())),
        }
    }

    /// `troupe.C.hello`: every node listens and answers.
    #[must_use]
    pub fn hello(&self) -> Subject {
        self.build("hello")
    }

    /// `troupe.C.peers`: nodes that take connections say where.
    #[must_use]
    pub fn peers(&self) -> Subject {
        self.build("peers")
    }

    /// `troupe.C.node.N.KIND`: requests of one kind to one node.
    #[must_use]
    pub fn node(&self, node: NodeId, kind: &str) -> Subject {
        self.build(&format!("node.{node}.{}", token::encode(kind)))
    }

    /// `troupe.C.node.N.>`: everything to one node, raft included.
    #[must_use]
    pub fn node_all(&self, node: NodeId) -> Pattern {
        self.pattern(&format!("node.{node}.>"))
    }

    /// `troupe.C.node.N.raft.CHANNEL`: raft to one node.
    #[must_use]
    pub fn raft(&self, node: NodeId, channel: RaftChannel) -> Subject {
        self.build(&format!("node.{node}.raft.{}", channel.token()))
    }

    /// `troupe.C.shard.N`: the leader of a shard listens.
    #[must_use]
    pub fn shard(&self, shard: ShardId) -> Subject {
        self.build(&format!("shard.{shard}"))
    }

    /// `troupe.C.NS.service.NAME`: messages for an external service. The key plays no part.
    #[must_use]
    pub fn service(&self, address: &Address) -> Subject {
        let name = token::encode(address.name());
        self.build(&format!(
            "{}.service.{name}",
            token::encode(address.namespace().as_str())
        ))
    }

    /// `troupe.C.NS.worker.NAME` or `….NAME.KEY`: requests for a worker or an instance.
    #[must_use]
    pub fn worker(&self, address: &Address) -> Subject {
        self.addressed("worker", address)
    }

    /// `troupe.C.NS.outbox.NAME` or `….NAME.KEY`: what a root instance emits.
    #[must_use]
    pub fn outbox(&self, address: &Address) -> Subject {
        self.addressed("outbox", address)
    }

    /// `troupe.C.NS.stream.NAME`: where a stream of the bus delivers what a worker subscribes to.
    #[must_use]
    pub fn stream(&self, address: &Address) -> Subject {
        self.addressed("stream", &address.without_key())
    }

    /// `troupe.C.*.worker.>`: what every node's door listens to, as one queue group.
    #[must_use]
    pub fn all_workers(&self) -> Pattern {
        self.pattern("*.worker.>")
    }

    /// `troupe.C.NS.outbox.>`: everything that a namespace emits.
    #[must_use]
    pub fn all_outboxes(&self, namespace: &Namespace) -> Pattern {
        self.pattern(&format!("{}.outbox.>", token::encode(namespace.as_str())))
    }

    /// What a subject stands for. Refuses subjects of other clusters and unknown forms.
    pub fn parse(&self, subject: &str) -> Result<Route, RouteError> {
        let Some(rest) = subject.strip_prefix(self.prefix.as_str()) else {
            return Err(RouteError::Foreign {
                subject: subject.to_owned(),
            });
        };
        let tokens: Vec<&str> = rest.splitn(6, '.').collect();
        match tokens.as_slice() {
            ["hello"] => Ok(Route::Hello),
            ["peers"] => Ok(Route::Peers),
            ["shard", shard] => Ok(Route::Shard(shard.parse()?)),
            ["node", node, kind] => Ok(Route::Node {
                node: node.parse()?,
                kind: token::decode(kind)?.into_owned(),
            }),
            ["node", node, "raft", channel] => {
                let node = node.parse()?;
                match RaftChannel::ALL
                    .into_iter()
                    .find(|known| known.token() == *channel)
                {
                    Some(channel) => Ok(Route::Raft { node, channel }),
                    None => Err(RouteError::Unknown {
                        subject: subject.to_owned(),
                    }),
                }
            }
            [namespace, "service", name] => Ok(Route::Service(address(namespace, name, None)?)),
            [namespace, "worker", name] => Ok(Route::Worker(address(namespace, name, None)?)),
            [namespace, "worker", name, key] => {
                Ok(Route::Worker(address(namespace, name, Some(key))?))
            }
            [namespace, "stream", name] => Ok(Route::Stream(address(namespace, name, None)?)),
            [namespace, "outbox", name] => Ok(Route::Outbox(address(namespace, name, None)?)),
            [namespace, "outbox", name, key] => {
                Ok(Route::Outbox(address(namespace, name, Some(key))?))
            }
            _ => Err(RouteError::Unknown {
                subject: subject.to_owned(),
            }),
        }
    }

    fn addressed(&self, family: &str, address: &Address) -> Subject {
        let namespace = token::encode(address.namespace().as_str());
        let name = token::encode(address.name());
        match address.key() {
            Some(key) => self.build(&format!(
                "{namespace}.{family}.{name}.{}",
                token::encode(key)
            )),
            None => self.build(&format!("{namespace}.{family}.{name}")),
        }
    }

    fn build(&self, rest: &str) -> Subject {
        Subject::trusted(format!("{}{rest}", self.prefix))
    }

    fn pattern(&self, rest: &str) -> Pattern {
        Pattern::new(&format!("{}{rest}", self.prefix)).expect("builders make valid patterns")
    }
}

fn address(namespace: &str, name: &str, key: Option<&str>) -> Result<Address, RouteError> {
    let namespace = Namespace::new(&token::decode(namespace)?)?;
    let key = key.map(token::decode).transpose()?;
    Ok(Address::new(namespace, token::decode(name)?, key)?)
}

#[cfg(test)]
mod tests;
