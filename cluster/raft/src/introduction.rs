//! Tells the cluster this node's name and address where the list of members has others: after a restart elsewhere,
//! or a restore. The start of a node comes before it, the system group's log after it. Guarantees: it goes on until
//! the list is right; whether the node drains stays as it is. Left to others: a node's first entry (`start`).

use std::sync::Arc;
use std::time::Duration;

use cluster::SystemCommand;
use cluster::system::Member;

use crate::local::Shared;
use crate::types::NodeInfo;

pub(crate) async fn run(shared: Arc<Shared>, info: NodeInfo) {
    let router = &shared.router;
    let deadline = Duration::from_millis(router.limits.request_ms);
    loop {
        let id = transport::NodeId(router.network.local);
        let known = router.states.borrow().members.get(&id).cloned();
        let Some(known) = known else { return };
        if (&known.name, &known.http) == (&info.name, &info.http) {
            return;
        }
        let member = Member {
            name: info.name.clone(),
            http: info.http.clone(),
            ..known
        };
        let told = router.submit_system(vec![SystemCommand::Join(member)], deadline);
        if let Err(error) = told.await {
            tracing::debug!(%error, "the name and address of this node are told again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Between two tries, and before the list is looked at again.
const PAUSE: Duration = Duration::from_millis(500);
