//! Many to one: each message goes to one of many senders, which pass it on to one worker that gathers. An
//! operation is a message that has arrived there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;

use super::tally::number;
use super::{Operation, Script, Work};
use crate::api::InstanceView;
use crate::bench::servers::Servers;

const GATHERER: &str = "/v1/workers/FanGatherer/instances/default";
/// How long messages may take to arrive once the last was acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Messages through so many senders.
pub(in crate::bench) struct FanIn {
    senders: u64,
    sure: AtomicU64,
    unsure: AtomicU64,
}

impl FanIn {
    /// Nothing sent yet.
    pub(in crate::bench) fn new(senders: u64) -> FanIn {
        FanIn {
            senders,
            sure: AtomicU64::new(0),
            unsure: AtomicU64::new(0),
        }
    }
}

async fn gathered(servers: &Servers) -> anyhow::Result<u64> {
    Ok(number(
        &servers.client(0).get::<InstanceView>(GATHERER).await?,
    ))
}

impl Work for FanIn {
    fn name(&self) -> String {
        "message, many to one".to_owned()
    }

    fn scripts(&self) -> Vec<Script> {
        vec![("fan_in.js", include_str!("../workers/fan_in.js"))]
    }

    fn operation(&self, number: u64) -> Operation {
        let sender = number % self.senders;
        Operation::post(
            format!("/v1/workers/FanSender/instances/s{sender}/messages"),
            Bytes::from_static(br#"{"type":"PASS"}"#),
        )
    }

    fn done(&self, _number: u64, _answer: &Bytes) -> Result<(), String> {
        self.sure.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn unknown(&self, _number: u64) {
        self.unsure.fetch_add(1, Ordering::Relaxed);
    }

    async fn settle(&self, servers: &Servers) -> anyhow::Result<()> {
        let (sure, deadline) = (self.sure.load(Ordering::Relaxed), Instant::now() + PATIENCE);
        loop {
            let there = gathered(servers).await?;
            if there >= sure {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{there} of {sure} messages arrived in {PATIENCE:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn check(&self, servers: &Servers) -> anyhow::Result<String> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (there, sure, unsure) = (gathered(servers).await?, of(&self.sure), of(&self.unsure));
        ensure!(
            (sure..=sure + unsure).contains(&there),
            "{sure} messages were acknowledged, {unsure} may have been carried out, {there} arrived"
        );
        Ok(format!("{there} messages arrived, once each"))
    }
}
