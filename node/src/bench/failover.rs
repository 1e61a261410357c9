//! Nodes killed with `kill -9` and started again, one after the other, while clients add: the longest wait of
//! any request, after the kill and again after the return. A client does as a careful program would: it
//! goes on to the next node with the same idempotency key, until it is answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;

use super::Row;
use super::measure;
use super::servers::Servers;
use crate::arguments::BenchArguments;
use crate::load::Client;

/// Clients at a time.
const CLIENTS: u32 = 64;
/// Counters that the adds are spread over, and so all shards.
const COUNTERS: u64 = 1000;
/// How long the cluster is watched after a kill, and again after a return.
const WATCHED: Duration = Duration::from_secs(3);
/// A client's rest between two adds: what is measured is waiting, not throughput.
const PAUSE: Duration = Duration::from_millis(10);

/// What the clients share.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    adds: AtomicU64,
    failed: AtomicU64,
    /// The longest wait since it was last taken, microseconds.
    longest_us: AtomicU64,
    waits_us: Mutex<Option<Histogram<u64>>>,
}

impl Seen {
    fn take_longest_ms(&self) -> f64 {
        self.longest_us.swap(0, Ordering::Relaxed) as f64 / 1000.0
    }

    fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.adds.fetch_add(1, Ordering::Relaxed);
        self.longest_us.fetch_max(us, Ordering::Relaxed);
        let mut waits = self.waits_us.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waits) = waits.as_mut() {
            // The histogram grows as it must: no wait is too long for it.
            let _ = waits.record(us);
        }
    }
}

/// Kills each node in turn, as often as asked. A single node is down until it is back.
pub(super) async fn measure(
    servers: &mut Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<Option<Row>> {
    let seen = Arc::new(Seen {
        waits_us: Mutex::new(Some(Histogram::new(3)?)),
        ..Seen::default()
    });
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS as usize {
        clients.spawn(work(
            servers.client(number),
            number as u64,
            Arc::clone(&seen),
        ));
    }
    tokio::time::sleep(WATCHED).await;
    eprintln!(
        "longest wait before any kill {:.0} ms",
        seen.take_longest_ms()
    );
    let (start, before) = (Instant::now(), seen.adds.load(Ordering::Relaxed));
    for number in 0..arguments.kills {
        let place = number as usize % servers.addresses.len();
        servers.kill(place)?;
        if servers.addresses.len() > 1 {
            tokio::time::sleep(WATCHED).await;
        }
        let killed = seen.take_longest_ms();
        let back = servers.restart(place).await?;
        tokio::time::sleep(WATCHED).await;
        eprintln!(
            "kill {}: longest wait {killed:.0} ms; node-{} back in {:.0} ms, longest wait {:.0} ms",
            number + 1,
            place + 1,
            back.as_secs_f64() * 1000.0,
            seen.take_longest_ms(),
        );
    }
    let took = start.elapsed();
    let count = (seen.adds.load(Ordering::Relaxed) - before) as f64;
    seen.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended?;
    }
    let waits = seen
        .waits_us
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    Ok(waits.map(|waits| Row {
        work: format!("add, {} nodes killed", arguments.kills),
        nodes: servers.count(),
        concurrency: CLIENTS,
        per_second: count / took.as_secs_f64(),
        waits_ms: Some(measure::waits_ms(&waits)),
        costs: None,
        failed: seen.failed.load(Ordering::Relaxed),
    }))
}

async fn work(mut client: Client, number: u64, seen: Arc<Seen>) {
    let body = json!({ "type": "ADD", "amount": 1 });
    let mut add = number;
    while !seen.stop.load(Ordering::Relaxed) {
        add += u64::from(CLIENTS);
        let path = format!("/v1/workers/Counter/instances/c{}/messages", add % COUNTERS);
        let start = Instant::now();
        let reply = client
            .post(&path, Some(&format!("failover-{add}")), &body)
            .await;
        match reply {
            Ok(reply) if reply.status.is_success() => seen.add(start.elapsed()),
            _ => {
                seen.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
