//! Opens the log of a group and starts the group on it. The supervisor comes before it, the node's
//! shared log after it. Guarantees: a group is opened on this node's log only. Left to others:
//! whether this node may take part with it (`groups`).

use std::sync::Arc;

use cluster::store::GroupId;
use openraft_rt_tokio::TokioRuntime;
use tokio::sync::oneshot;
use transport::Incarnation;

use crate::group::{Group, GroupError};
use crate::log::{self, GroupLog, Log};
use crate::network::Network;
use crate::settings::Timing;
use crate::state_machine::{Host, units};
use crate::types::{NodeId, NodeInfo};

/// Opens groups on a node's log.
#[derive(Clone)]
pub struct Opener {
    log: Log,
}

impl Opener {
    /// On that log.
    #[must_use]
    pub fn new(log: Log) -> Self {
        Self { log }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Starts a group, in its life `life`, on its log. Refused where the log was cut behind what the store holds: then
    /// the store was lost, and applying the rest would give another state.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn open(
        &self,
        (id, life): (GroupId, Incarnation),
        timing: &Timing,
        network: &Arc<Network>,
        host: Arc<Host>,
    ) -> Result<Group, GroupError> {
        let purged = self.log.group_state(number(id)).purged;
        let first_needed = units(host.last_applied());
        if let Some((index, _)) = purged
            && index + 1 > first_needed
        {
            return Err(GroupError::Stopped {
                group: id,
                reason: format!(
                    "E-store-behind-log: the log begins after entry {index}, the store ends at unit \
                     {first_needed}; the state store of this node was lost or replaced"
                ),
            });
        }
        let mut log = GroupLog::<TokioRuntime>::new(self.log.clone(), number(id));
        if let Some(applied) = host.last_applied() {
            let settled = log.give_way(applied).await;
            settled.map_err(|error| GroupError::Stopped {
                group: id,
                reason: error.to_string(),
            })?;
        }
        Group::open((id, life), timing, network, log, host).await
    }

    /// Makes this node the only member of a group that does not run, after what its log holds here.
    ///
    /// # Errors
    /// `Stopped` where the log has failed.
    pub async fn claim(&self, id: GroupId, node: NodeId, info: NodeInfo) -> Result<(), GroupError> {
        let mut log = GroupLog::<TokioRuntime>::new(self.log.clone(), number(id));
        let claimed = log.claim(node, info).await;
        claimed.map_err(|error| GroupError::Stopped {
            group: id,
            reason: error.to_string(),
        })
    }

    /// Whether anything of the group is in the log: a vote, an entry, a purge.
    #[must_use]
    pub fn holds(&self, id: GroupId) -> bool {
        let state = self.log.group_state(number(id));
        state.last.is_some() || state.purged.is_some() || state.vote.is_some()
    }

    /// Whether the log holds anything at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.groups().is_empty()
    }

    /// Forgets the group's log for good.
    ///
    /// # Errors
    /// `Stopped` where the log has failed.
    pub async fn remove(&self, id: GroupId) -> Result<(), GroupError> {
        let (done, flushed) = oneshot::channel();
        let stopped = |reason: String| GroupError::Stopped { group: id, reason };
        let forgotten = self.log.forget(
            number(id),
            Box::new(move |result| {
                // Nobody waits where the node stops.
                let _ = done.send(result);
            }),
        );
        forgotten.map_err(|error| stopped(error.to_string()))?;
        match flushed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(stopped(error.to_string())),
            Err(_) => Err(stopped("the log was closed".to_owned())),
        }
    }
}

/// A group's number in the log.
fn number(id: GroupId) -> log::GroupId {
    log::GroupId(u64::from(id.0))
}
