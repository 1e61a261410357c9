//! How long it takes until something is done: from nothing, after a kill, and what nodes take that do
//! nothing.

use std::time::{Duration, Instant};

use crate::arguments::BenchArguments;
use crate::bench::drive::{Job, drive};
use crate::bench::measure::{Costs, resident_bytes};
use crate::bench::pace::Load;
use crate::bench::progress;
use crate::bench::report::Figure;
use crate::bench::seen::Seen;
use crate::bench::servers::{Servers, Settings};
use crate::bench::work::Work;
use crate::bench::work::adds::Adds;

/// How long nodes rest before they are looked at: what a start changed of the state is written 5 s after it, a table
/// for each shard, and is no part of doing nothing.
const REST: Duration = Duration::from_secs(10);
/// How long they are looked at, at least.
const LOOK: Duration = Duration::from_secs(5);
/// Clients that make workers before a kill.
const CLIENTS: u32 = 64;

/// Adds before each further kill.
const TAIL: u64 = 10_000;

/// From the start of the processes to the first durable add.
///
/// # Errors
/// They do not serve.
pub(in crate::bench) async fn start(
    arguments: &BenchArguments,
    nodes: u32,
) -> anyhow::Result<Vec<Figure>> {
    let settings = Settings::new(arguments, nodes);
    let mut took = Vec::new();
    for number in 1..=arguments.rounds {
        let servers = Servers::start(&settings).await?;
        took.push(ms(servers.first_add_after));
        progress::note(&format!(
            "{nodes} node(s), start {number}: first durable add after {:.0} ms",
            ms(servers.first_add_after)
        ));
        servers.stop()?;
    }
    let what = "start to first durable add";
    Ok(vec![Figure::of(what, nodes, "ms", &took)?])
}

/// A node with workers is killed and started again: until it serves, and until an add through it is durable.
///
/// # Errors
/// It does not come back, or something was lost.
pub(in crate::bench) async fn restart(
    arguments: &BenchArguments,
    nodes: u32,
) -> anyhow::Result<Vec<Figure>> {
    let mut servers = Servers::start(&Settings::new(arguments, nodes)).await?;
    let job = Job::new(Adds::new("durable add", "restart", arguments.workers));
    servers.deploy(&job.work.scripts()).await?;
    let (mut serves, mut added) = (Vec::new(), Vec::new());
    for number in 1..=arguments.rounds {
        // All of them once; then a few, so that each start finds something in its log.
        let adds = if number == 1 {
            arguments.workers
        } else {
            arguments.workers.min(TAIL)
        };
        make(&servers, &job, adds).await?;
        let place = number as usize % servers.addresses.len();
        servers.kill(place)?;
        let start = Instant::now();
        servers.restart(place).await?;
        serves.push(ms(start.elapsed()));
        servers.first_add(place).await?;
        added.push(ms(start.elapsed()));
        progress::note(&format!(
            "{} workers, kill {number}: serves after {:.0} ms",
            arguments.workers,
            ms(start.elapsed())
        ));
    }
    let found = job.work.check(&servers).await?;
    progress::note(&format!("restart: checked: {found}"));
    servers.stop()?;
    let workers = arguments.workers;
    Ok(vec![
        Figure::of(
            format!("kill -9, {workers} workers, to ready"),
            nodes,
            "ms",
            &serves,
        )?,
        Figure::of(
            format!("kill -9, {workers} workers, to durable add"),
            nodes,
            "ms",
            &added,
        )?,
    ])
}

/// Adds to each of so many counters.
///
/// # Errors
/// A client panicked.
pub(in crate::bench) async fn make(
    servers: &Servers,
    job: &std::sync::Arc<Job<Adds>>,
    counters: u64,
) -> anyhow::Result<()> {
    let load = Load {
        count: Some(counters),
        ..Load::closed(CLIENTS, Duration::from_secs(3600))
    };
    drive(job, servers, &load, &std::sync::Arc::new(Seen::new())).await
}

/// Memory and CPU of nodes that do nothing.
///
/// # Errors
/// A node is gone.
pub(in crate::bench) async fn idle(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<Vec<Figure>> {
    let nodes = servers.settings.nodes;
    tokio::time::sleep(REST).await;
    let before = Costs::now(servers).await?;
    tokio::time::sleep(LOOK.max(Duration::from_secs(arguments.seconds))).await;
    let spent = before.spent(servers).await?;
    let resident: Vec<f64> = servers
        .node_processes()
        .map(|process| Ok(resident_bytes(process)? as f64 / f64::from(1 << 20)))
        .collect::<anyhow::Result<_>>()?;
    let cores = spent.node_cpu.as_secs_f64() / spent.took.as_secs_f64() / f64::from(nodes);
    Ok(vec![
        Figure::of("resident memory of an idle node", nodes, "MiB", &resident)?,
        Figure::of(
            "CPU of an idle node, with its share of NATS",
            nodes,
            "cores",
            &[cores],
        )?,
    ])
}

/// Milliseconds.
pub(in crate::bench) fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
