//! What workers hear on the bus: the option `subscribe` of `act`. The leader of the shard at home of a
//! worker's name listens for it; after it the door, like a client's message to the bare name.
//! Guarantees: one node listens for a name at a time, and where two do for a moment, they share the
//! messages; what was heard from a subject may be lost with the node (the bus promises no more), what a
//! stream holds is heard once, because it is acknowledged after the commit and known by its number.
//! Leaves to others: keys, runs, dead letters (the shard).

mod feed;
mod jetstream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::SystemState;
use tokio::task::JoinHandle;
use transport::Address;
use vm::options::Subscription;

use crate::door::Door;

/// How often it is looked which names this node listens for: within this time after an election, somebody
/// does.
const LOOK: Duration = Duration::from_millis(500);

/// Listens for the workers whose names are at home in shards that this node leads, until it is aborted.
#[must_use]
pub fn serve_subscriptions(door: &Arc<Door>) -> JoinHandle<()> {
    let door = Arc::clone(door);
    tokio::spawn(async move {
        let mut system = door.groups().system();
        let mut running: BTreeMap<Address, Running> = BTreeMap::new();
        loop {
            let state = Arc::clone(&system.borrow_and_update());
            adjust(&door, &state, &mut running);
            // A change of the names at once, one of the leads soon.
            let _ = tokio::time::timeout(LOOK, system.changed()).await;
        }
    })
}

/// A subscription that is served here; dropping it ends that.
struct Running {
    subscription: Subscription,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts and ends what has changed.
fn adjust(door: &Arc<Door>, state: &SystemState, running: &mut BTreeMap<Address, Running>) {
    let all = subscriptions(state);
    let leads = |name: &Address| {
        let home = door.shard_of(name);
        home.is_ok_and(|home| door.groups().leads(home))
    };
    running.retain(|name, served| {
        let wanted = all.get(name);
        if wanted != Some(&served.subscription)
            && let Subscription::Stream(stream) = &served.subscription
        {
            // Another program serves the name, which hears something else or nothing.
            tokio::spawn(jetstream::forget(
                Arc::clone(door),
                name.clone(),
                stream.clone(),
            ));
        }
        wanted == Some(&served.subscription) && leads(name)
    });
    for (name, subscription) in all {
        if !running.contains_key(&name) && leads(&name) {
            let task = match &subscription {
                Subscription::Subject(subject) => {
                    tokio::spawn(feed::hear(Arc::clone(door), name.clone(), subject.clone()))
                }
                Subscription::Stream(stream) => tokio::spawn(jetstream::hear(
                    Arc::clone(door),
                    name.clone(),
                    stream.clone(),
                )),
            };
            running.insert(name, Running { subscription, task });
        }
    }
}

/// What the programs say that serve names now.
fn subscriptions(state: &SystemState) -> BTreeMap<Address, Subscription> {
    let mut found = BTreeMap::new();
    for ((namespace, name), active) in &state.names {
        let program = state.programs.get(&active.program);
        let said = program.and_then(|program| {
            let mut all = program.subscriptions.iter();
            all.find(|(worker, _)| worker == name)
        });
        let address = Address::bare(namespace.clone(), name.as_str());
        if let (Some((_, subscription)), Ok(address)) = (said, address) {
            found.insert(address, subscription.clone());
        }
    }
    found
}
