//! Durable adds to one of 1000 counters over HTTP: a closed loop, one connection for each client.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::Method;
use tokio::task::JoinSet;

use super::measure::{self, Costs};
use super::servers::Servers;
use super::{Row, median};
use crate::arguments::BenchArguments;
use crate::load::Connection;

/// Counters that the adds are spread over.
const COUNTERS: usize = 1000;
/// How long one add may take before it counts as failed.
const DEADLINE: Duration = Duration::from_secs(10);

struct Seen {
    waits_us: Histogram<u64>,
    failed: u64,
}

/// Measures each number of clients.
pub(super) async fn measure(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let length = Duration::from_secs(arguments.seconds);
    // The first adds make the counters; they are not measured.
    round(servers, 64, Duration::from_secs(2)).await?;
    for &clients in &arguments.clients {
        let mut rounds = Vec::new();
        for number in 1..=arguments.rounds {
            let row = round(servers, clients, length).await?;
            eprintln!(
                "adds, {} node(s), {clients} clients, round {number}: {:.0}/s",
                row.nodes, row.per_second
            );
            rounds.push(row);
        }
        rows.extend(median(rounds));
    }
    Ok(rows)
}

async fn round(servers: &Servers, clients: u32, length: Duration) -> anyhow::Result<Row> {
    let before = Costs::now(servers).await?;
    let until = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for number in 0..clients as usize {
        let address = servers.addresses[number % servers.addresses.len()];
        tasks.spawn(async move { client(Connection::open(address).await?, number, until).await });
    }
    let (mut waits_us, mut failed) = (Histogram::<u64>::new(3)?, 0);
    while let Some(ended) = tasks.join_next().await {
        let seen: Seen = ended??;
        waits_us.add(&seen.waits_us)?;
        failed += seen.failed;
    }
    let spent = before.spent(servers).await?;
    anyhow::ensure!(!waits_us.is_empty(), "not one add succeeded");
    let count = waits_us.len() as f64;
    Ok(Row {
        work: "durable add".to_owned(),
        nodes: servers.count(),
        concurrency: clients,
        per_second: count / spent.took.as_secs_f64(),
        waits_ms: Some(measure::waits_ms(&waits_us)),
        costs: Some(spent.of_each(count)),
        failed,
    })
}

async fn client(mut connection: Connection, number: usize, until: Instant) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        waits_us: Histogram::new(3)?,
        failed: 0,
    };
    let body = Bytes::from_static(br#"{"type":"ADD","amount":1}"#);
    // Each client goes through the counters in an order of its own; 7919 is prime.
    let mut counter = number;
    while Instant::now() < until {
        counter = (counter * 31 + 7919) % COUNTERS;
        let path = format!("/v1/workers/Counter/instances/c{counter}/messages");
        let start = Instant::now();
        let (status, _) = connection
            .call(Method::POST, &path, None, body.clone(), DEADLINE)
            .await?;
        if status.is_success() {
            seen.waits_us
                .record(u64::try_from(start.elapsed().as_micros())?)?;
        } else {
            seen.failed += 1;
        }
    }
    Ok(seen)
}
