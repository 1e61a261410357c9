//! What `GET /v1/cluster` says, as tests want to see it. Fields that no test reads are left out.

use serde::Deserialize;

/// The cluster as one node sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct View {
    /// The id of the node that answered.
    pub answered_by: u64,
    /// All members.
    pub nodes: Vec<MemberView>,
    /// All shards.
    pub shards: Vec<ShardView>,
}

/// One member.
#[derive(Clone, Debug, Deserialize)]
pub struct MemberView {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `live`, `silent` or `leaving`.
    pub state: String,
    /// Shards that it leads.
    pub leads: u32,
    /// Shards of which it holds a replica.
    pub replicas: u32,
    /// Messages and other commands in a second, of the shards that it leads.
    pub load: u64,
}

/// One shard.
#[derive(Clone, Debug, Deserialize)]
pub struct ShardView {
    /// Its number.
    pub id: u32,
    /// The id of the node that leads it.
    pub leader: Option<u64>,
    /// The ids of the nodes that hold it.
    pub replicas: Vec<u64>,
    /// The last index applied, on the node that answered where it holds a replica.
    pub applied: u64,
    /// The hash of its state there.
    pub state_hash: String,
}

impl View {
    /// The name of the node that leads a shard.
    #[must_use]
    pub fn leader_of(&self, shard: u32) -> Option<&str> {
        let leader = self.shards.iter().find(|one| one.id == shard)?.leader?;
        self.nodes
            .iter()
            .find(|node| node.id == leader)
            .map(|node| node.name.as_str())
    }

    /// The member of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&MemberView> {
        self.nodes.iter().find(|node| node.name == name)
    }
}
