//! What an operator asks of the cluster's members: that a node hands its work over, that it takes work again,
//! that one that is gone is forgotten; that a shard is led elsewhere, that all are spread evenly. Comes after the HTTP handlers; before the system group, whose leader
//! moves replicas and leads. Guarantees: a node that holds a replica or still runs is never forgotten.
//! Leaves to others: the moves (`cluster_raft::placement`), waiting for them (clients).

use cluster::codes;
use cluster::outcome::Refusal;
use cluster::placement::{Place, Wish};
use cluster::system::{MemberState, SystemCommand, SystemOutcome};
use transport::{NodeId, ShardId};

use super::{Door, DoorError};

impl Door {
    /// The member of that id or name.
    ///
    /// # Errors
    /// `E-member-unknown`, or a name that several members have.
    pub fn member(&self, text: &str) -> Result<NodeId, DoorError> {
        let system = self.system();
        let by_id = text.parse().ok().map(NodeId);
        if let Some(id) = by_id.filter(|id| system.members.contains_key(id)) {
            return Ok(id);
        }
        let named: Vec<NodeId> = system
            .members
            .values()
            .filter(|member| member.name == text)
            .map(|member| member.id)
            .collect();
        match named.as_slice() {
            [one] => Ok(*one),
            [] => Err(DoorError::Refused(Refusal::new(
                codes::MEMBER_UNKNOWN,
                format!("there is no member `{text}`; `troupe cluster status` lists them"),
            ))),
            several => Err(DoorError::BadRequest(format!(
                "{} members have the name `{text}`; say the id of one, as `troupe cluster status` \
                 shows it",
                several.len()
            ))),
        }
    }

    /// Lets a member hand its work over, or take work again.
    ///
    /// # Errors
    /// The system group has no leader in time.
    pub async fn set_draining(&self, node: NodeId, draining: bool) -> Result<(), DoorError> {
        let state = match draining {
            true => MemberState::Draining,
            false => MemberState::Active,
        };
        self.change(SystemCommand::SetMemberState { node, state })
            .await
    }

    /// Forgets a member that is gone for good.
    ///
    /// # Errors
    /// `E-member-in-use` while it runs or holds a replica, or the system group has no leader in time.
    pub async fn remove_member(&self, node: NodeId) -> Result<(), DoorError> {
        let status = self.groups().status().await;
        let known = status.nodes.iter().find(|known| known.member.id == node);
        if let Some(known) = known.filter(|known| !known.is_silent) {
            return Err(DoorError::Refused(Refusal::new(
                codes::MEMBER_IN_USE,
                format!(
                    "node {} ({node}) runs; drain it, stop it, and then remove it",
                    known.member.name
                ),
            )));
        }
        self.change(SystemCommand::Remove { node }).await
    }

    /// Asks that a node leads a shard from now on.
    ///
    /// # Errors
    /// `E-move-impossible` where it holds no replica of it, or the system group has no leader in time.
    pub async fn transfer(&self, shard: ShardId, to: NodeId) -> Result<(), DoorError> {
        let place = Place {
            leader: Some(to),
            replicas: Vec::new(),
            wish: Wish::Transfer,
        };
        self.change(SystemCommand::Place(vec![(shard, Some(place))]))
            .await
    }

    /// Has scripts mean what that version says from now on.
    ///
    /// # Errors
    /// `E-semantics` where a member does not support it, or the system group has no leader in time.
    pub async fn raise_semantics(&self, to: u32) -> Result<(), DoorError> {
        self.change(SystemCommand::RaiseSemantics { to }).await
    }

    /// What would have to move for replicas and leads to be even by number and by load.
    #[must_use]
    pub fn uneven(&self) -> Vec<(ShardId, Place)> {
        self.groups().even_by_load()
    }

    /// Asks for these places, and forgets all that was asked for before.
    ///
    /// # Errors
    /// The system group has no leader in time.
    pub async fn rebalance(&self, places: Vec<(ShardId, Place)>) -> Result<(), DoorError> {
        let system = self.system();
        let asked = system.shards.iter().filter(|(_, one)| one.place.is_some());
        let forgotten = asked.map(|(shard, _)| (*shard, None));
        let wanted = places
            .into_iter()
            .map(|(shard, place)| (shard, Some(place)));
        let all: Vec<_> = forgotten.chain(wanted).collect();
        if all.is_empty() {
            return Ok(());
        }
        self.change(SystemCommand::Place(all)).await
    }

    pub(super) async fn change(&self, command: SystemCommand) -> Result<(), DoorError> {
        match self.propose_system(command).await? {
            SystemOutcome::Done { .. } => Ok(()),
            SystemOutcome::Refused(refusal) => Err(DoorError::Refused(refusal)),
        }
    }
}
