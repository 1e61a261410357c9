//! `troupe demo`: a three-node cluster in one process, at work on the examples' transactions. It loses a
//! node in the middle, brings it back, and then checks what was promised: every acknowledged message
//! applied exactly once, equal state on every replica, a replay from the log that gives the same effects.
//! What it prints is what it measured; its exit code says whether all of it held.

mod checks;
mod cluster;
mod examples;
mod report;
mod traffic;

use std::time::{Duration, Instant};

use crate::arguments::DemoArguments;

/// Concurrent clients.
const CLIENTS: usize = 32;

/// Runs the demo.
///
/// # Errors
/// The cluster cannot be started, or something that was promised did not hold.
pub async fn run(arguments: &DemoArguments) -> anyhow::Result<()> {
    let start = Instant::now();
    report::heading("A cluster of three nodes, in this process");
    let mut cluster = cluster::Cluster::start(arguments).await?;
    report::done(
        &format!("3 nodes serve {} shards", cluster.shard_count()),
        start.elapsed(),
    );

    report::heading("The examples");
    let step = Instant::now();
    let workers = examples::deploy(&cluster).await?;
    report::done(&format!("deployed {}", workers.join(", ")), step.elapsed());

    let transactions = examples::transactions(arguments.limit)?;
    report::heading(&format!(
        "{} transactions, {CLIENTS} clients",
        transactions.len()
    ));
    let traffic = traffic::Traffic::start(&cluster, &transactions, CLIENTS);
    traffic.until(0.4).await;
    let lost = cluster.lose_busiest_node().await?;
    traffic.note(&format!(
        "{lost} is gone, without a word: it led the most shards"
    ));
    traffic.until(0.75).await;
    cluster.bring_back().await?;
    traffic.note(&format!("{lost} is back"));
    let sent = traffic.finish().await?;
    report::traffic(&sent);

    report::heading("Checks");
    let mut checks = checks::Checks::new(&cluster, &transactions);
    checks.exactly_once().await?;
    checks.replicas_agree().await?;
    checks.replays_agree().await?;
    checks.report_of_the_day().await?;
    checks.causal_trace().await?;
    let held = checks.held();
    cluster.stop().await;
    report::end(held, start.elapsed());
    if held {
        Ok(())
    } else {
        anyhow::bail!("not everything held that was promised")
    }
}

/// How long the demo waits for the cluster to settle before it says that it did not.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
