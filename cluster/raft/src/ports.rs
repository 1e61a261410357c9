//! What the groups of a node are given from outside: bus, clock, chance, disks, stores, threads,
//! HTTP, spans. `node` builds them for production, a test or a simulation its own. Guarantees: nothing in
//! this crate reads a clock or draws chance that enters a log except through these. Left to others:
//! what stands behind a port.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cluster::engine::Engine;
use cluster::store::StoreProvider;
use transport::span::SpanSink;

use crate::apply::ApplyThreads;
use crate::disk::Disk;
use crate::http::HttpClient;
use crate::network::Buses;

/// The clocks of a machine.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: nanoseconds since 1970. People and programs set it, so it may go back.
    fn unix_nanos(&self) -> u64;

    /// Nanoseconds since some moment of this process. Never goes back.
    fn monotonic_nanos(&self) -> u64;

    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64 {
        self.unix_nanos() / 1_000_000
    }
}

/// Chance.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with what nobody can predict.
    fn fill(&self, bytes: &mut [u8]);

    /// A number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Everything that the groups of a node are given.
#[derive(Clone)]
pub struct Ports {
    /// Connections to the bus.
    pub buses: Buses,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The folder of the node's identity.
    pub identity_disk: Arc<dyn Disk>,
    /// The folder of the log.
    pub log_disk: Arc<dyn Disk>,
    /// The folder of snapshots that are being received. Emptied at the start.
    pub spool_disk: Arc<dyn Disk>,
    /// The folder of large payloads, beside the log.
    pub payload_disk: Arc<dyn Disk>,
    /// State stores.
    pub stores: Arc<dyn StoreProvider>,
    /// What runs turns: `cluster::engine::script::ScriptEngine`, or a model.
    pub engine: Arc<dyn Engine>,
    /// Where entries are applied.
    pub apply: Arc<dyn ApplyThreads>,
    /// Makes the HTTP requests of workers.
    pub http: Arc<dyn HttpClient>,
    /// Where spans go.
    pub spans: Arc<dyn SpanSink>,
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_nanos(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 is as good as none.
        since.map_or(0, |time| time.as_nanos() as u64)
    }

    fn monotonic_nanos(&self) -> u64 {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        BEGAN.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// Chance from the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while filled < bytes.len() {
            match rustix::rand::getrandom(
                &mut bytes[filled..],
                rustix::rand::GetRandomFlags::empty(),
            ) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("the kernel gives no random bytes: {error}"),
            }
        }
    }
}
