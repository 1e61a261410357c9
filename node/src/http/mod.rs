//! The HTTP interface, hop 1 of a message: parses a request, holds it to its limits, hands it to the door
//! and says what came of it as JSON or as problem details. One file for each family of calls. Leaves to
//! others: everything that a request means (`door`).

mod backup;
mod cluster;
mod dead_letters;
mod health;
mod history;
mod instances;
mod live;
mod messages;
mod metrics;
mod openapi;
mod outbox;
mod problems;
mod programs;
mod reactive;
mod recovery;
mod request;
mod routes;
mod stories;
mod unsaid;
pub mod views;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use axum::Router;
use cluster_raft::beginning::Beginning;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::door::{Door, DoorError};
use crate::telemetry::SinkCounts;
use routes::Routes;

/// What every handler knows.
#[derive(Clone)]
pub struct Context {
    /// The cluster's name, as it is set.
    pub cluster: String,
    /// What the node's start waits for.
    pub beginning: Beginning,
    /// The node's door, once the node is a member of its cluster.
    pub door: Arc<OnceLock<Arc<Door>>>,
    /// True once the node is going away: it does not call itself ready then.
    pub leaving: watch::Receiver<bool>,
    /// What became of the spans, where they are exported.
    pub spans: Option<Arc<SinkCounts>>,
    /// Turns of large bodies, so that memory has a bound.
    pub large_bodies: Arc<Semaphore>,
}

impl Context {
    /// The turns of large bodies.
    #[must_use]
    pub fn large_bodies() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(request::LARGE_BODIES))
    }

    /// The door.
    ///
    /// # Errors
    /// The node is not a member of its cluster yet.
    pub fn door(&self) -> Result<&Arc<Door>, DoorError> {
        self.door.get().ok_or_else(|| match self.beginning.waits() {
            waits if waits.is_empty() => DoorError::NotReady,
            waits => DoorError::Starting(waits),
        })
    }

    fn spans_exported(&self) -> u64 {
        self.spans
            .as_ref()
            .map_or(0, |counts| counts.exported.load(Ordering::Relaxed))
    }

    fn spans_dropped(&self) -> u64 {
        self.spans
            .as_ref()
            .map_or(0, |counts| counts.dropped.load(Ordering::Relaxed))
    }
}

/// A listener that serves until it is told to stop.
pub struct Server {
    /// Where it listens; the port is real also where 0 was asked for.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves the interface at a listener that is already bound.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(listener: TcpListener, context: Context) -> std::io::Result<Server> {
        let address = listener.local_addr()?;
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let served = axum::serve(NoDelay(listener), router(context)).with_graceful_shutdown(
                async move {
                    // An error means that the server was dropped, which stops it as well.
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                },
            );
            if let Err(error) = served.await {
                tracing::error!(%error, "the HTTP listener stopped");
            }
        });
        Ok(Server {
            address,
            stop,
            task,
        })
    }

    /// Lets requests that are under way finish, for a moment, then stops.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let mut task = self.task;
        // Live streams never end by themselves.
        if tokio::time::timeout(std::time::Duration::from_secs(2), &mut task)
            .await
            .is_err()
        {
            task.abort();
        }
    }
}

impl Server {
    /// Stops at once; requests under way are not answered.
    pub async fn abort(self) {
        self.task.abort();
        // It was aborted, which is the error that it ends with.
        let _ = self.task.await;
    }
}

/// Accepts connections that send small answers at once.
struct NoDelay(TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot send small answers at once");
        }
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What is there in each namespace.
fn in_namespace() -> Routes {
    Routes::default()
        .get("/programs", programs::list)
        .post("/programs", programs::deploy)
        .get("/programs/{name}", programs::show)
        .delete("/programs/{name}", programs::undeploy)
        .post("/workers/{name}/messages", messages::send_to_name)
        .get("/workers/{name}/instances", instances::list_of_name)
        .post("/workers/{name}/instances", instances::start)
        .get("/workers/{name}/instances/{key}", instances::get)
        .delete("/workers/{name}/instances/{key}", instances::kill)
        .post(
            "/workers/{name}/instances/{key}/messages",
            messages::send_to_instance,
        )
        .post("/workers/{name}/instances/{key}/pause", instances::pause)
        .post("/workers/{name}/instances/{key}/resume", instances::resume)
        .get(
            "/workers/{name}/instances/{key}/history",
            history::page_or_stream,
        )
        .get(
            "/workers/{name}/instances/{key}/outbox",
            outbox::page_or_stream,
        )
        .get("/reactive/{name}", reactive::read)
        .get("/instances", instances::list)
        .get("/messages/{id}", stories::message)
        .get("/messages/{id}/trace", stories::trace)
        .get("/dead-letters", dead_letters::list)
        .post("/dead-letters/{shard}/{number}/retry", dead_letters::retry)
        .delete("/dead-letters/{shard}/{number}", dead_letters::discard)
}

/// What is there once for a node or its cluster.
fn of_cluster() -> Routes {
    Routes::default()
        .get("/v1/cluster", cluster::show)
        .post("/v1/cluster/backup", backup::make)
        .delete("/v1/cluster/backup", backup::release)
        .post("/v1/cluster/rebalance", cluster::rebalance)
        .post("/v1/cluster/semantics", cluster::raise_semantics)
        .post("/v1/cluster/shards/{shard}/transfer", cluster::transfer)
        .post(
            "/v1/cluster/shards/{shard}/recover",
            recovery::recover_shard,
        )
        .post("/v1/cluster/system/recover", recovery::recover_system)
        .delete("/v1/cluster/nodes/{node}", cluster::remove)
        .post("/v1/cluster/nodes/{node}/drain", cluster::drain)
        .post("/v1/cluster/nodes/{node}/undrain", cluster::undrain)
        .get("/healthz", health::live)
        .get("/readyz", health::ready)
        .get("/metrics", metrics::show)
        .get("/openapi.json", openapi::show)
}

fn router(context: Context) -> Router {
    of_cluster()
        .router()
        .nest("/v1", in_namespace().router())
        .nest("/v1/ns/{namespace}", in_namespace().router())
        .fallback(problems::not_found)
        .method_not_allowed_fallback(problems::method_not_allowed)
        .with_state(context)
}
