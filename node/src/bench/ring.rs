//! Hops around a ring of 1000 workers: 64 tokens, each passed on from worker to worker, across shards.
//! One operation is one hop: a message that was sent by a turn, delivered, and made the next turn.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::measure::Costs;
use super::servers::Servers;
use super::{Row, median};
use crate::api::InstanceView;
use crate::arguments::BenchArguments;

/// Workers of the ring.
const WORKERS: usize = 1000;
/// Tokens under way at a time.
const TOKENS: u32 = 64;
/// Hops of each token in the round that finds out how many a measured round makes.
const TRIAL_HOPS: u64 = 200;
/// How long a round may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Measures the ring.
pub(super) async fn measure(servers: &Servers, arguments: &BenchArguments) -> anyhow::Result<Row> {
    start_workers(servers).await?;
    let mut finished = 0;
    let trial = round(servers, TRIAL_HOPS, &mut finished).await?;
    let per_token = trial.per_second / f64::from(TOKENS) * arguments.seconds as f64;
    let hops = (per_token as u64).max(TRIAL_HOPS);
    let mut rounds = Vec::new();
    for number in 1..=arguments.rounds {
        let row = round(servers, hops, &mut finished).await?;
        eprintln!(
            "ring, {} node(s), round {number}: {:.0} hops/s",
            row.nodes, row.per_second
        );
        rounds.push(row);
    }
    median(rounds).ok_or_else(|| anyhow::anyhow!("--rounds is 0: there is nothing to measure"))
}

async fn start_workers(servers: &Servers) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for first in 0..16 {
        let mut client = servers.client(first);
        tasks.spawn(async move {
            for number in (first..WORKERS).step_by(16) {
                let next = format!("Ring/{}", (number + 1) % WORKERS);
                let start = json!({
                    "key": number.to_string(),
                    "config": { "next": { "$address": next } },
                });
                let key = format!("ring-{number}");
                let reply = client
                    .post("/v1/workers/Ring/instances", Some(&key), &start)
                    .await?;
                anyhow::ensure!(
                    reply.status.is_success(),
                    "a worker of the ring was not started: {}",
                    String::from_utf8_lossy(&reply.body)
                );
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn round(servers: &Servers, hops: u64, finished: &mut u64) -> anyhow::Result<Row> {
    let before = Costs::now(servers).await?;
    let mut client = servers.client(0);
    for token in 0..TOKENS as usize {
        let path = format!(
            "/v1/workers/Ring/instances/{}/messages",
            token * WORKERS / TOKENS as usize
        );
        let reply = client
            .post(&path, None, &json!({ "type": "TOKEN", "left": hops }))
            .await?;
        anyhow::ensure!(
            reply.status.is_success(),
            "a token was refused: {}",
            reply.status
        );
    }
    *finished += u64::from(TOKENS);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let path = "/v1/workers/RingFinish/instances/default";
        let view: InstanceView = client.get(path).await?;
        let done = view
            .state
            .first()
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(0.0);
        if done >= *finished as f64 {
            break;
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "{done} of {finished} tokens arrived in time"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let spent = before.spent(servers).await?;
    let count = (hops * u64::from(TOKENS)) as f64;
    Ok(Row {
        work: "hop in a ring".to_owned(),
        nodes: servers.count(),
        concurrency: TOKENS,
        per_second: count / spent.took.as_secs_f64(),
        waits_ms: None,
        costs: Some(spent.of_each(count)),
        failed: 0,
    })
}
