//! The one entry for everything from outside: HTTP, the bus and the command line. Hop 2 of a message:
//! before it the HTTP handler or the bus, after it the raft group of the target's shard (here, or on the
//! node that leads it). It stamps a message, finds its shard, proposes it, and tries again with the same
//! sequence until its deadline, so that nothing is applied twice. Leaves to others: batching and
//! durability (`cluster-raft`), what a message means (`cluster`).

mod arrivals;
mod backup;
mod bus;
mod calls;
mod deploy;
mod error;
mod listen;
mod members;
mod places;
mod programs;
mod reactive;
mod reads;
mod recovery;
mod replay;
mod route;
mod served;
mod stories;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::SystemState;
use cluster::command::{DoorHeader, DoorSequence, Idempotency};
use cluster_raft::Groups;
use transport::{
    Address, Bus, DoorOrigin, HybridTime, MessageId, Namespace, NodeId, ShardId, SpanSink, Stamp,
    TraceContext,
};

pub use bus::serve_bus;
pub use calls::{Admitted, Delivery, KillCall, SendCall, StartCall, Wait};
pub use deploy::{Deployed, Scripts};
pub use error::DoorError;
pub(crate) use listen::Heard;
pub use listen::Listener;
pub use places::DoorLimits;
pub use reads::{Answer, Consistency, Query, Shown, answer_queries};
pub use recovery::Recovery;
pub(crate) use stories::mismatch;
pub use stories::{Known, Story};

/// How long the door tries to hand a request over before it says that it could not. Longer than any
/// election, shorter than a client's patience.
pub const HANDOVER_DEADLINE: Duration = Duration::from_secs(10);

/// The key of the one instance of a worker without `key`.
const DEFAULT_KEY: &str = "default";

/// The door of one node.
pub struct Door {
    groups: Groups,
    bus: Arc<dyn Bus>,
    spans: Arc<dyn SpanSink>,
    limits: vm::Limits,
    message_bytes_max: usize,
    places: places::Places,
    programs: programs::Programs<vm::Program>,
    sequence: AtomicU64,
    clock: AtomicU64,
    heard_refused: AtomicU64,
}

impl Door {
    /// A door to the groups of a node.
    #[must_use]
    pub fn new(
        groups: Groups,
        bus: Arc<dyn Bus>,
        spans: Arc<dyn SpanSink>,
        limits: DoorLimits,
    ) -> Door {
        Door {
            groups,
            bus,
            spans,
            limits: cluster::limits::ShardLimits::default().turn,
            message_bytes_max: limits.message_bytes_max,
            places: places::Places::new(limits),
            programs: programs::Programs::default(),
            sequence: AtomicU64::new(1),
            clock: AtomicU64::new(0),
            heard_refused: AtomicU64::new(0),
        }
    }

    /// A message of the bus was given up, because no worker can take it.
    pub(crate) fn count_heard_refused(&self) {
        self.heard_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn heard_refused(&self) -> u64 {
        self.heard_refused.load(Ordering::Relaxed)
    }

    /// The groups behind it.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Requests of clients under way now, and those that wait for a place.
    #[must_use]
    pub fn requests(&self) -> (u64, u64) {
        self.places.counts()
    }

    /// The bus that it speaks on.
    #[must_use]
    pub fn bus(&self) -> &dyn Bus {
        &*self.bus
    }

    /// Members, shard map, programs and names, as this node knows them.
    #[must_use]
    pub fn system(&self) -> Arc<SystemState> {
        Arc::clone(&self.groups.system().borrow())
    }

    /// What a message body may be.
    #[must_use]
    pub fn limits(&self) -> &vm::Limits {
        &self.limits
    }

    /// The shard that an address belongs to.
    ///
    /// # Errors
    /// The cluster has not begun yet.
    pub fn shard_of(&self, address: &Address) -> Result<ShardId, DoorError> {
        let shard_count = self.system().shard_count;
        if shard_count == 0 {
            return Err(DoorError::NotReady);
        }
        Ok(cluster::shard_of(address, shard_count))
    }

    /// An address from the parts of a request.
    ///
    /// # Errors
    /// A name or key that no worker can have.
    pub fn address(
        &self,
        namespace: &str,
        name: &str,
        key: Option<&str>,
    ) -> Result<Address, DoorError> {
        let namespace = Namespace::new(namespace)?;
        Ok(match key {
            Some(key) => Address::instance(namespace, name, key)?,
            None => Address::bare(namespace, name)?,
        })
    }

    /// Stamps a request: its sequence at this door, its id, its time and its trace.
    fn header(
        &self,
        trace: Option<&TraceContext>,
        idempotency: Option<Idempotency>,
    ) -> Result<DoorHeader, DoorError> {
        let cluster = self.groups.cluster().ok_or(DoorError::NotReady)?;
        let origin = DoorSequence {
            node: NodeId(self.groups.local()),
            incarnation: self.groups.incarnation(),
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
        };
        let id = MessageId::root(&DoorOrigin {
            cluster,
            node: origin.node,
            node_incarnation: origin.incarnation,
            sequence: origin.sequence,
        });
        Ok(DoorHeader {
            origin,
            stamp: Stamp::root(id, self.tick(), trace),
            idempotency,
        })
    }

    fn tick(&self) -> HybridTime {
        let wall_ms = self.groups.wall_ms();
        let ticked = self
            .clock
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
                Some(HybridTime::from_packed(packed).tick(wall_ms).packed())
            });
        let before = ticked.unwrap_or_else(|packed| packed);
        HybridTime::from_packed(before).tick(wall_ms)
    }
}

/// Nanoseconds since 1970 by this machine's clock, for spans.
pub(crate) fn unix_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
