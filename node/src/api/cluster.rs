//! The body of `GET /v1/cluster`: who is there, and who holds what.

use serde::{Deserialize, Serialize};

/// The cluster as the answering node sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterView {
    /// The cluster's name.
    pub name: String,
    /// The cluster's id.
    pub id: String,
    /// The node that answered.
    pub answered_by: u64,
    /// What the answering node waits for before it serves; none where it does. What else it says is from its
    /// disk then.
    #[serde(default)]
    pub waits: Option<String>,
    /// The version of what scripts mean that is in force.
    #[serde(default)]
    pub semantics: u32,
    /// Replicas that a shard has where there are enough nodes.
    #[serde(default)]
    pub replicas: u32,
    /// All members.
    pub nodes: Vec<NodeView>,
    /// All shards.
    pub shards: Vec<ShardView>,
}

/// One member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeView {
    /// Its id, made once.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The address of its HTTP interface.
    pub http: String,
    /// `live`, `silent` or `draining`.
    pub state: String,
    /// The oldest and the newest version of what scripts mean that its program runs.
    #[serde(default)]
    pub semantics: [u32; 2],
    /// Milliseconds that its clock is ahead of the median of the nodes, where that is known.
    #[serde(default)]
    pub clock_ahead_ms: Option<i64>,
    /// Whether its clock is so far off that it leads nothing.
    #[serde(default)]
    pub wrong_clock: bool,
    /// Shards that it leads.
    pub leads: u32,
    /// Shards of which it holds a replica.
    pub replicas: u32,
    /// Messages and other commands in a second, of the shards that it leads, lately.
    #[serde(default)]
    pub load: u64,
}

/// One shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardView {
    /// Its number.
    pub id: u32,
    /// Which life of it: the first, and one more for each recovery.
    #[serde(default)]
    pub incarnation: u32,
    /// The node that leads it, where one does.
    pub leader: Option<u64>,
    /// The nodes that hold it.
    pub replicas: Vec<u64>,
    /// The last log index applied, on the answering node or as its leader reports it.
    pub applied: u64,
    /// The hash of its state at the last checkpoint, or now where the node holds a replica.
    pub state_hash: String,
    /// Whether it takes work: not after its replicas were found to differ without a majority.
    #[serde(default)]
    pub stopped: bool,
    /// The log index of the last checkpoint that its replicas gave a verdict on.
    #[serde(default)]
    pub agreed: Option<u64>,
    /// What the majority of the replicas computed there; empty before, and where there was none.
    #[serde(default)]
    pub agreed_hash: String,
    /// The nodes whose replica was found to differ from the majority's, until it has begun anew.
    #[serde(default)]
    pub fenced: Vec<u64>,
    /// The move of it that is under way.
    #[serde(default)]
    pub moving: Option<String>,
    /// Why it moves.
    #[serde(default)]
    pub reason: Option<String>,
    /// How much of the log a replica that is added has, of 100.
    #[serde(default)]
    pub caught_up_percent: Option<u64>,
    /// Messages and other commands that it took in a second, lately.
    #[serde(default)]
    pub load: u64,
    /// Replicas that catch up with their leader.
    #[serde(default)]
    pub behind: Vec<BehindView>,
    /// Where it was asked to be, until it is there or the cluster is asked for something else.
    #[serde(default)]
    pub asked: Option<PlaceView>,
}

/// A replica that catches up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehindView {
    /// The node that holds it.
    pub node: u64,
    /// Entries that it has not applied yet.
    pub entries: u64,
    /// Bytes that came so far of a snapshot that it is being sent.
    pub snapshot_bytes: Option<u64>,
}

/// Where a shard was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceView {
    /// The shard.
    pub shard: u32,
    /// `transfer` or `rebalance`.
    pub by: String,
    /// The node that is to lead it, where that changes.
    pub leader: Option<u64>,
    /// The nodes that are to hold it; empty where they do not change.
    pub replicas: Vec<u64>,
}

/// The body of `POST /v1/cluster/semantics`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemanticsRequest {
    /// The version that is to be in force.
    pub to: u32,
}

/// The body of `POST /v1/cluster/shards/{shard}/transfer`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// Name or id of the node that is to lead.
    pub to: String,
}

/// The body of `POST /v1/cluster/shards/{shard}/recover` and `POST /v1/cluster/system/recover`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverRequest {
    /// Name or id of the node to go on from.
    pub from: String,
    /// Whether to do it, and not only to say what it would mean.
    #[serde(default)]
    pub confirmed: bool,
}

/// What a shard goes on from, and what is left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecoveryView {
    /// The shard.
    pub shard: u32,
    /// The life that ends.
    pub incarnation: u32,
    /// Whether it had stopped because its replicas differ.
    pub stopped: bool,
    /// The replica that it goes on from.
    pub from: ReplicaView,
    /// The others, as they were heard last.
    pub others: Vec<ReplicaView>,
    /// Whether it was done.
    pub done: bool,
}

/// A replica, as it was heard last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplicaView {
    /// The node that holds it.
    pub node: u64,
    /// How long it has been silent.
    pub silent_ms: u64,
    /// Entries applied, all of them committed; none where it was never heard.
    pub applied: Option<u64>,
    /// Entries in its log, whether committed or not.
    pub held: Option<u64>,
    /// Entries that it had applied and that the shard goes on without, where that is known.
    pub lost: Option<u64>,
}

/// The body of `POST /v1/cluster/rebalance`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebalanceRequest {
    /// Only say what would move.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a rebalance asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RebalanceView {
    /// The shards that are to move.
    pub changes: Vec<PlaceView>,
    /// The cluster as it is.
    pub cluster: ClusterView,
}
