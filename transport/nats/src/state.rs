//! What the client library reports: connected or not, errors, overruns.
//! Before it: events of the connection. After it: `bus`, and whoever watches its state.
//! Guarantees: a lost connection fails all open requests at once.
//! Leaves to others: the connection itself (the client library).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::Event;
use tokio::sync::watch;
use transport::BusState;

use crate::inbox::Pending;
use crate::options::reconnect_delay;

/// What a bus and the callbacks of its connection share.
pub(crate) struct Shared {
    state: watch::Sender<BusState>,
    closed: AtomicBool,
    overruns: AtomicU64,
    last_error: Mutex<Option<String>>,
    pub(crate) pending: Pending,
}

/// The wait of a connection that nobody needs any more, and that the library still retries.
const ABANDONED_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Shared {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(BusState::Disconnected),
            closed: AtomicBool::new(false),
            overruns: AtomicU64::new(0),
            last_error: Mutex::new(None),
            pending: Pending::default(),
        }
    }
}

impl Shared {
    /// Takes note of an event of the connection.
    pub(crate) fn on_event(&self, event: &Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected to the bus");
                self.error(None);
                self.set(BusState::Connected);
            }
            Event::Disconnected => {
                tracing::warn!("lost the connection to the bus");
                self.set(BusState::Disconnected);
                self.pending.fail_all();
            }
            Event::SlowConsumer(_) => {
                let overruns = self.overruns.fetch_add(1, Ordering::Relaxed) + 1;
                // One line for each doubling, because these come by the thousand.
                if overruns.is_power_of_two() {
                    tracing::warn!(
                        overruns,
                        "messages of the bus were lost: the node is too busy"
                    );
                }
            }
            Event::LameDuckMode => tracing::info!("the server of the bus shuts down soon"),
            Event::ServerError(error) => {
                tracing::warn!(%error, "the server of the bus reports an error");
                self.error(Some(error.to_string()));
            }
            Event::ClientError(error) => self.error(Some(error.to_string())),
            Event::Draining | Event::Closed => {}
        }
    }

    /// The wait before an attempt to connect.
    pub(crate) fn reconnect_delay(&self, attempt: usize) -> Duration {
        match self.is_closed() {
            true => ABANDONED_DELAY,
            false => reconnect_delay(attempt),
        }
    }

    /// Changes the state; a closed bus stays closed.
    pub(crate) fn set(&self, state: BusState) {
        self.state.send_if_modified(|current| {
            let changes = *current != state && *current != BusState::Closed;
            if changes {
                *current = state;
            }
            changes
        });
    }

    /// Closes for good.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.set(BusState::Closed);
        self.pending.fail_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<BusState> {
        self.state.subscribe()
    }

    /// Messages that the client library dropped before they reached a subscriber's queue, as far
    /// as it told: under a flood it tells of some only.
    pub(crate) fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }

    /// What was last said about why there is no connection.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn error(&self, error: Option<String>) {
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Attempts repeat several times a second; the same complaint is written once.
        if let Some(error) = error.as_ref().filter(|error| last.as_ref() != Some(error)) {
            tracing::warn!(%error, "cannot connect to the bus");
        }
        *last = error;
    }
}
