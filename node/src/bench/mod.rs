//! `troupe bench`: the project's own load generator. It starts nodes as processes of their own (three on a
//! real NATS server), sends durable work over HTTP from this process, and prints rates, waits, and what
//! one operation costs in CPU time and flushes. Medians over rounds; the load generator shares the
//! machine, and what it takes is printed too.

mod adds;
mod failover;
mod measure;
mod ring;
mod servers;

use serde::Serialize;

use crate::arguments::{BenchArguments, Output, Work};
use crate::output;
use servers::Servers;

/// One line of the results: a kind of work under one load, the median round.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// Nodes of the cluster.
    pub nodes: u32,
    /// Concurrent clients or tokens.
    pub concurrency: u32,
    /// Operations a second.
    pub per_second: f64,
    /// Waits in milliseconds at 50, 95 and 99 in 100 and the longest; none where operations have no wait
    /// of their own.
    pub waits_ms: Option<[f64; 4]>,
    /// What one operation cost; none where nodes were killed, whose costs are gone with them.
    #[serde(flatten)]
    pub costs: Option<OperationCosts>,
    /// Operations that failed.
    pub failed: u64,
}

/// What one operation cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OperationCosts {
    /// CPU time of all nodes and the bus, microseconds.
    pub node_cpu_us: f64,
    /// CPU time of the load generator, microseconds.
    pub load_cpu_us: f64,
    /// Flushes of all nodes' logs.
    pub flushes: f64,
}

/// Runs the benchmark and prints its table.
///
/// # Errors
/// The nodes cannot be started, or no operation succeeds.
pub async fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for &nodes in &arguments.nodes {
        let mut servers =
            Servers::start(nodes, arguments.nats.as_deref(), arguments.direct).await?;
        let started = servers.first_add_after.as_secs_f64() * 1000.0;
        eprintln!("{nodes} node(s): start to first durable add {started:.0} ms");
        eprintln!(
            "{nodes} node(s): resident memory when idle {}",
            servers.memory()?
        );
        for work in &arguments.work {
            match work {
                Work::Adds => rows.extend(adds::measure(&servers, arguments).await?),
                Work::Ring => rows.push(ring::measure(&servers, arguments).await?),
                Work::Failover => rows.extend(failover::measure(&mut servers, arguments).await?),
            }
        }
        servers.stop()?;
    }
    if arguments.output == Output::Json {
        return output::json(&rows);
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[Row]) {
    let heading = [
        "work",
        "nodes",
        "clients",
        "per second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "node CPU us",
        "load CPU us",
        "flushes",
        "failed",
    ];
    let cells = rows.iter().map(|row| {
        let wait = |place: usize| {
            row.waits_ms
                .map_or("-".to_owned(), |ms| format!("{:.2}", ms[place]))
        };
        let cost = |show: fn(OperationCosts) -> String| row.costs.map_or("-".to_owned(), show);
        vec![
            row.work.clone(),
            row.nodes.to_string(),
            row.concurrency.to_string(),
            format!("{:.0}", row.per_second),
            wait(0),
            wait(1),
            wait(2),
            wait(3),
            cost(|costs| format!("{:.1}", costs.node_cpu_us)),
            cost(|costs| format!("{:.1}", costs.load_cpu_us)),
            cost(|costs| format!("{:.3}", costs.flushes)),
            row.failed.to_string(),
        ]
    });
    output::table(&heading, cells);
}

/// The round with the median rate.
fn median(mut rounds: Vec<Row>) -> Option<Row> {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let middle = rounds.len() / 2;
    (!rounds.is_empty()).then(|| rounds.swap_remove(middle))
}
