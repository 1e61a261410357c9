//! Which subscriptions a subject leads to.
//! Before it: `network`, with a message. After it: the queue of each subscription.
//! Guarantees: subscriptions without wildcards cost nothing to those of other subjects; each
//! queue group gets a message once, its members in turn.
//! Leaves to others: taking messages out of the queues (`subscriber`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;
use transport::{BusMessage, DropCounter, NodeId, Pattern};

use crate::links::Links;
use crate::network::Handed;

/// One subscription, as publishers see it.
pub(crate) struct Route {
    pub(crate) id: u64,
    pub(crate) bus: u64,
    pub(crate) node: NodeId,
    pub(crate) pattern: Pattern,
    pub(crate) group: Option<String>,
    pub(crate) queue: mpsc::Sender<BusMessage>,
    pub(crate) drops: DropCounter,
}

/// All subscriptions of a network.
#[derive(Default)]
pub(crate) struct Routes {
    table: RwLock<Table>,
    /// Chooses the member of a queue group that gets the next message.
    turn: AtomicUsize,
}

#[derive(Default)]
struct Table {
    plain: HashMap<Arc<str>, Vec<Arc<Route>>>,
    wildcard: Vec<Arc<Route>>,
}

impl Route {
    fn push(&self, message: BusMessage) {
        match self.queue.try_send(message) {
            // A closed queue is a subscription that is just being dropped.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => self.drops.add_one(),
        }
    }
}

impl Routes {
    /// Adds a subscription; messages published from now on reach it.
    pub(crate) fn add(&self, route: Arc<Route>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if route.pattern.is_plain() {
            let subject = Arc::from(route.pattern.as_str());
            table.plain.entry(subject).or_default().push(route);
        } else {
            table.wildcard.push(route);
        }
    }

    /// Removes a subscription.
    pub(crate) fn remove(&self, pattern: &Pattern, id: u64) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if !pattern.is_plain() {
            table.wildcard.retain(|route| route.id != id);
        } else if let Some(routes) = table.plain.get_mut(pattern.as_str()) {
            routes.retain(|route| route.id != id);
            if routes.is_empty() {
                table.plain.remove(pattern.as_str());
            }
        }
    }

    /// Removes all subscriptions of one bus, which ends them.
    pub(crate) fn remove_bus(&self, bus: u64) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.wildcard.retain(|route| route.bus != bus);
        table.plain.retain(|_, routes| {
            routes.retain(|route| route.bus != bus);
            !routes.is_empty()
        });
    }

    /// Hands a message to every subscription that listens, and to one of each queue group.
    pub(crate) fn deliver(&self, message: BusMessage, links: &Links, from: NodeId) -> Handed {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let plain = table.plain.get(message.subject.as_str());
        let wildcard = table
            .wildcard
            .iter()
            .filter(|route| route.pattern.matches(&message.subject));
        let mut matching = plain.into_iter().flatten().chain(wildcard);
        // Most subjects have one listener, who then gets the message itself.
        let Some(first) = matching.next() else {
            return Handed::Nobody;
        };
        let Some(second) = matching.next() else {
            return deliver_to(first, message, links, from);
        };
        let mut all: Vec<&Arc<Route>> = vec![first, second];
        all.extend(matching);
        all.retain(|route| links.is_connected(route.node));
        if all.is_empty() {
            return Handed::Nobody;
        }
        for route in self.chosen(&all) {
            hand_over(route, message.clone(), links, from);
        }
        Handed::Sent
    }

    /// Of the matching subscriptions, all without a group and one of each group.
    fn chosen<'r>(&self, all: &[&'r Arc<Route>]) -> Vec<&'r Arc<Route>> {
        let mut chosen = Vec::with_capacity(all.len());
        for (at, route) in all.iter().enumerate() {
            let Some(group) = &route.group else {
                chosen.push(*route);
                continue;
            };
            let same = |other: &&&Arc<Route>| other.group.as_ref() == Some(group);
            if all[..at].iter().any(|other| same(&other)) {
                continue;
            }
            let members: Vec<_> = all[at..].iter().filter(same).collect();
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            chosen.push(members[turn % members.len()]);
        }
        chosen
    }
}

fn deliver_to(route: &Arc<Route>, message: BusMessage, links: &Links, from: NodeId) -> Handed {
    if !links.is_connected(route.node) {
        return Handed::Nobody;
    }
    hand_over(route, message, links, from);
    Handed::Sent
}

/// Hands a message to a subscription as the link between the two nodes allows.
fn hand_over(route: &Arc<Route>, message: BusMessage, links: &Links, from: NodeId) {
    if !links.pass(from, route.node) {
        return;
    }
    if links.faults.concern(from, route.node) {
        let to = Arc::clone(route);
        let deliver = Box::new(move || to.push(message));
        links.faults.carry(from, route.node, deliver);
    } else {
        route.push(message);
    }
}
