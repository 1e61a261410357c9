//! Links that lose and delay messages, chosen by a seed.
//! Before it: `routes` and `pending`, with a message for another node. After it: its delivery,
//! now, later or never.
//! Guarantees: what passes one link keeps its order; the n-th message of a link meets the same
//! fate with the same seed; a network without faults pays one load per message.
//! Leaves to others: cuts and partitions (`links`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use transport::NodeId;

/// What happens to messages between two different nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFaults {
    /// Chooses who is lost and how long the others take.
    pub seed: u64,
    /// Messages lost of every thousand; 1,000 loses all.
    pub lost_per_thousand: u16,
    /// Each message takes up to this long; one that comes after a slow one waits behind it.
    pub delay_max: Duration,
}

/// The faults of all links of a network.
#[derive(Default)]
pub(crate) struct Faults {
    /// Whether there ever were faults; messages that are still late must not be overtaken.
    active: AtomicBool,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    faults: Option<LinkFaults>,
    links: BTreeMap<(NodeId, NodeId), Link>,
}

struct Link {
    /// Messages that took this link so far.
    count: u64,
    /// When the last of them arrives.
    last_due: Instant,
    late: mpsc::UnboundedSender<(Instant, Delivery)>,
}

type Delivery = Box<dyn FnOnce() + Send>;

impl Faults {
    /// Sets the faults from now on; none ends them.
    pub(crate) fn set(&self, faults: Option<LinkFaults>) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.faults = faults;
        if faults.is_some() {
            self.active.store(true, Ordering::Release);
        }
    }

    /// Whether a message between these nodes goes by `carry`.
    pub(crate) fn concern(&self, from: NodeId, to: NodeId) -> bool {
        self.active.load(Ordering::Acquire) && from != to
    }

    /// Delivers now, later or never.
    pub(crate) fn carry(&self, from: NodeId, to: NodeId, deliver: Delivery) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = table.faults;
        let link = table.links.entry((from, to)).or_insert_with(Link::new);
        let mut delay = Duration::ZERO;
        if let Some(faults) = faults {
            let draw = draw(faults.seed, from, to, link.count);
            link.count += 1;
            if draw % 1_000 < u64::from(faults.lost_per_thousand) {
                return;
            }
            let steps = u32::try_from(draw >> 32).unwrap_or(u32::MAX);
            delay = faults
                .delay_max
                .mul_f64(f64::from(steps) / f64::from(u32::MAX));
        }
        link.last_due = link.last_due.max(Instant::now() + delay);
        // The task ends only with the link.
        let _ = link.late.send((link.last_due, deliver));
    }
}

impl Link {
    fn new() -> Self {
        let (late, queue) = mpsc::unbounded_channel();
        tokio::spawn(deliver_late(queue));
        Self {
            count: 0,
            last_due: Instant::now(),
            late,
        }
    }
}

async fn deliver_late(mut queue: mpsc::UnboundedReceiver<(Instant, Delivery)>) {
    while let Some((due, deliver)) = queue.recv().await {
        sleep_until(due).await;
        deliver();
    }
}

/// A number that only these arguments choose: SplitMix64 over their mixture.
fn draw(seed: u64, from: NodeId, to: NodeId, count: u64) -> u64 {
    let mut mixed = seed;
    for part in [from.0, to.0, count] {
        mixed = mixed.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed
}
