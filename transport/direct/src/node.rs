//! A node's end of all direct connections: its listener, its lanes, and what it knows of the others.
//! Before it: the node's settings. After it: one `DirectBus` for each lane.
//! Guarantees: dropping it ends every task and connection. Leaves to others: the buses below.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use transport::{Bus, Subjects};

use crate::book::Book;
use crate::bus::DirectBus;
use crate::handshake::{Token, fresh_token};
use crate::lane::{Lane, LaneKind};
use crate::tls::{Tls, TlsFiles};
use crate::{accept, announce};

/// How other nodes reach this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectOptions {
    /// Where to listen: `HOST:PORT`; port 0 is any free one.
    pub listen: String,
    /// What others are told, `HOST` or `HOST:PORT`; the address that is listened at where nothing is said.
    pub advertise: Option<String>,
    /// Certificates, where connections are to be safe.
    pub tls: Option<TlsFiles>,
}

/// Why a node cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened at.
    #[error("cannot listen for other nodes at `{address}`: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The certificates cannot be used.
    #[error("the certificates for connections between nodes cannot be used: {0}")]
    Tls(String),
}

/// What all tasks of a node share.
pub(crate) struct Shared {
    pub(crate) subjects: Subjects,
    pub(crate) address: String,
    pub(crate) token: Token,
    pub(crate) tls: Tls,
    pub(crate) book: Book,
    pub(crate) lanes: [Arc<Lane>; 3],
    /// An address was heard that is new.
    pub(crate) moved: Notify,
    /// This node answers under another id.
    pub(crate) renamed: Notify,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    pub(crate) fn lane(&self, kind: LaneKind) -> &Arc<Lane> {
        match kind {
            LaneKind::Control => &self.lanes[0],
            LaneKind::Log => &self.lanes[1],
            LaneKind::Traffic => &self.lanes[2],
        }
    }

    /// Starts a task that ends with the node.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(task));
    }

    fn end(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

/// A node that others may connect to.
pub struct Direct {
    shared: Arc<Shared>,
}

impl Direct {
    /// Listens, and tells the other nodes of the cluster on `control`, the bus below.
    ///
    /// # Errors
    /// The address or the certificates cannot be used.
    pub async fn start(
        options: &DirectOptions,
        subjects: Subjects,
        control: Arc<dyn Bus>,
    ) -> Result<Direct, StartError> {
        let failed = |error| StartError::Listen {
            address: options.listen.clone(),
            error,
        };
        let tls = match &options.tls {
            Some(files) => Tls::read(files).map_err(StartError::Tls)?,
            None => Tls::None,
        };
        let listener = TcpListener::bind(&options.listen).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let address = match &options.advertise {
            None => local.to_string(),
            Some(host) if host.contains(':') && !host.ends_with(']') => host.clone(),
            Some(host) => format!("{host}:{}", local.port()),
        };
        let shared = Arc::new(Shared {
            subjects,
            address,
            token: fresh_token().map_err(failed)?,
            tls,
            book: Book::default(),
            lanes: LaneKind::ALL.map(|kind| Arc::new(Lane::new(kind))),
            moved: Notify::new(),
            renamed: Notify::new(),
            tasks: Mutex::default(),
        });
        shared.spawn(accept::accept(Arc::clone(&shared), listener));
        shared.spawn(announce::announce(Arc::clone(&shared), control));
        Ok(Direct { shared })
    }

    /// What the other nodes are told to connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The bus of one kind of traffic, over `below`.
    #[must_use]
    pub fn bus(&self, kind: LaneKind, below: Arc<dyn Bus>) -> DirectBus {
        let lane = Arc::clone(self.shared.lane(kind));
        DirectBus::new(Arc::clone(&self.shared), lane, below)
    }

    /// The nodes that this one is connected to in a lane.
    #[must_use]
    pub fn connected(&self, kind: LaneKind) -> Vec<transport::NodeId> {
        let lane = self.shared.lane(kind);
        let known = self.shared.book.nodes().into_iter();
        known
            .filter(|node| lane.connection(*node).is_some())
            .collect()
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        self.shared.end();
    }
}
