//! Hops around a ring of workers: tokens, each passed on from worker to worker, across shards, or inside one
//! where there is only one. An operation is one hop: a message that was sent by a turn, delivered, and made
//! the next turn. No client waits for one, so that a hop has no wait of its own.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::tally::number;
use crate::api::InstanceView;
use crate::bench::measure::Costs;
use crate::bench::progress;
use crate::bench::report::{Row, median};
use crate::bench::servers::Servers;

/// Hops of each token in the round that finds out how many a measured round makes.
const TRIAL_HOPS: u64 = 200;
/// How long a round may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Requests at a time, where many workers are started or read.
const AT_A_TIME: usize = 16;

/// A ring.
pub(in crate::bench) struct Ring<'a> {
    servers: &'a Servers,
    workers: u64,
    tokens: u32,
    /// Tokens that have arrived, of all rounds.
    arrived: u64,
    /// Hops that were made, of all rounds.
    hops: u64,
}

impl<'a> Ring<'a> {
    /// Starts the workers.
    ///
    /// # Errors
    /// They are refused.
    pub(in crate::bench) async fn start(
        servers: &'a Servers,
        workers: u64,
        tokens: u32,
    ) -> anyhow::Result<Ring<'a>> {
        servers
            .deploy(&[("ring.js", include_str!("../workers/ring.js"))])
            .await?;
        let starts = (0..workers).map(|number| start_worker(servers, number, workers));
        stream::iter(starts)
            .buffer_unordered(AT_A_TIME)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(Ring {
            servers,
            workers,
            tokens,
            arrived: 0,
            hops: 0,
        })
    }

    /// The median of so many rounds of about so many seconds; then the hops are counted.
    ///
    /// # Errors
    /// A token is lost, or hops are.
    pub(in crate::bench) async fn measure(
        &mut self,
        seconds: u64,
        rounds: u32,
    ) -> anyhow::Result<Row> {
        let trial = self.round(TRIAL_HOPS).await?;
        let for_token = trial.per_second / f64::from(self.tokens) * seconds as f64;
        let hops = (for_token as u64).max(TRIAL_HOPS);
        let mut rows = Vec::new();
        for number in 1..=rounds {
            let row = self.round(hops).await?;
            progress::round(&row, number);
            rows.push(row);
        }
        self.check().await?;
        median(rows)
    }

    async fn round(&mut self, hops: u64) -> anyhow::Result<Row> {
        let before = Costs::now(self.servers).await?;
        let mut client = self.servers.client(0);
        let token = json!({ "type": "TOKEN", "left": hops });
        for number in 0..u64::from(self.tokens) {
            let place = number * self.workers / u64::from(self.tokens);
            let path = format!("/v1/workers/Ring/instances/{place}/messages");
            let reply = client.post(&path, None, &token).await?;
            ensure!(
                reply.status.is_success(),
                "a token was refused: {}",
                reply.status
            );
        }
        self.arrived += u64::from(self.tokens);
        self.hops += u64::from(self.tokens) * hops;
        self.until_arrived().await?;
        let spent = before.spent(self.servers).await?;
        let count = (hops * u64::from(self.tokens)) as f64;
        let settings = &self.servers.settings;
        Ok(Row {
            work: "hop in a ring".to_owned(),
            nodes: settings.nodes,
            shards: settings.shards,
            direct: settings.direct,
            clients: self.tokens,
            per_second: count / spent.took.as_secs_f64(),
            costs: Some(spent.of_each(count)),
            other_cores: Some(spent.other_cores()),
            ..Row::default()
        })
    }

    async fn until_arrived(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        let mut client = self.servers.client(0);
        loop {
            let path = "/v1/workers/RingFinish/instances/default";
            let arrived = number(&client.get::<InstanceView>(path).await?);
            if arrived >= self.arrived {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{arrived} of {} tokens arrived in time",
                self.arrived
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Each worker counts its turns: one for its start, one for each token that it was given.
    async fn check(&self) -> anyhow::Result<()> {
        let reads = (0..self.workers).map(|number| async move {
            let path = format!("/v1/workers/Ring/instances/{number}");
            let mut client = self.servers.client(number as usize);
            anyhow::Ok(client.get::<InstanceView>(&path).await?.step)
        });
        let steps: Vec<u64> = stream::iter(reads)
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        let turns = steps.iter().sum::<u64>();
        // A token with no hops left is given once more, to the one that puts it out.
        let wanted = self.workers + self.hops + self.arrived;
        ensure!(
            turns == wanted,
            "{} tokens made {} hops, which are {wanted} turns of {} workers; there were {turns}",
            self.arrived,
            self.hops,
            self.workers
        );
        progress::note(&format!(
            "hop in a ring: checked: {} tokens made {} hops, each once",
            self.arrived, self.hops
        ));
        Ok(())
    }
}

async fn start_worker(servers: &Servers, number: u64, workers: u64) -> anyhow::Result<()> {
    let next = format!("Ring/{}", (number + 1) % workers);
    let start = json!({
        "key": number.to_string(),
        "config": { "next": { "$address": next } },
    });
    let key = format!("ring-{number}");
    let mut client = servers.client(number as usize);
    let reply = client
        .post("/v1/workers/Ring/instances", Some(&key), &start)
        .await?;
    ensure!(
        reply.status.is_success(),
        "a worker of the ring was not started: {}",
        String::from_utf8_lossy(&reply.body)
    );
    Ok(())
}
