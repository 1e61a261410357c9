//! Work under load on nodes that run: adds, fan-in, workflows, timers, a mixture, and the ring.

use std::time::Duration;

use crate::arguments::BenchArguments;
use crate::bench::pace::Load;
use crate::bench::progress;
use crate::bench::report::{Figure, Row};
use crate::bench::rounds::{check, measure, prepare};
use crate::bench::servers::Servers;
use crate::bench::work::Work;
use crate::bench::work::ring::Ring;
use crate::bench::work::timers::{DELAY, Timers};

/// Timers that become due each second, where `--rate` says nothing.
const TIMERS: u64 = 500;

/// Measures each number of clients, and reads back.
///
/// # Errors
/// Nothing succeeds, or something was lost or done twice.
pub(in crate::bench) async fn requests<W: Work>(
    servers: &Servers,
    arguments: &BenchArguments,
    work: W,
    clients: &[u32],
) -> anyhow::Result<Vec<Row>> {
    let job = prepare(servers, work).await?;
    let mut rows = Vec::new();
    for &clients in chosen(arguments, clients) {
        let load = Load {
            rate: arguments.rate,
            ..Load::closed(clients, Duration::from_secs(arguments.seconds))
        };
        rows.push(measure(servers, &job, &load, arguments.rounds).await?);
    }
    check(servers, &job).await?;
    Ok(rows)
}

/// The clients that the arguments name, or these.
fn chosen<'a>(arguments: &'a BenchArguments, clients: &'a [u32]) -> &'a [u32] {
    if arguments.clients.is_empty() {
        clients
    } else {
        &arguments.clients
    }
}

/// Measures timers that become due at a rate.
///
/// # Errors
/// As for [`requests`].
pub(in crate::bench) async fn timers(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<(Vec<Row>, Vec<Figure>)> {
    let rate = arguments.rate.unwrap_or(TIMERS);
    let job = prepare(servers, Timers::new()).await?;
    // As many as wait at a time, twice over.
    let waiting = rate * u64::try_from(DELAY.as_millis()).unwrap_or(u64::MAX) / 1000;
    let clients = u32::try_from(waiting * 2).unwrap_or(u32::MAX).max(64);
    let load = Load {
        rate: Some(rate),
        ..Load::closed(clients, Duration::from_secs(arguments.seconds))
    };
    let row = measure(servers, &job, &load, arguments.rounds).await?;
    check(servers, &job).await?;
    let (p99, max) = job.work.late_ms();
    let nodes = servers.settings.nodes;
    let figure = |what: &str, ms: u64| Figure::of(what, nodes, "ms", &[ms as f64]);
    let figures = vec![
        figure("timer late by its shard's time, 99 in 100", p99)?,
        figure("timer late by its shard's time, the latest", max)?,
    ];
    Ok((vec![row], figures))
}

/// Measures the ring.
///
/// # Errors
/// A token or a hop is lost.
pub(in crate::bench) async fn ring(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<Row> {
    let tokens = chosen(arguments, &[64])[0];
    progress::note("starting the workers of the ring");
    let mut ring = Ring::start(servers, arguments.workers, tokens).await?;
    ring.measure(arguments.seconds, arguments.rounds).await
}
