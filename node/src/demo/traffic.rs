//! The demo's traffic: every transaction goes to the fraud monitor and asks for a transfer, over HTTP,
//! from clients that go on to the next node when one fails. The idempotency key is the transaction's id,
//! so a request that is repeated is applied once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cluster::Cluster;
use super::examples::Transaction;
use crate::load::Client;

/// What the clients saw.
#[derive(Debug)]
pub(super) struct Sent {
    /// Requests that were answered as accepted.
    pub acknowledged: usize,
    /// Attempts that failed before.
    pub retries: u64,
    /// From the first to the last.
    pub took: Duration,
    /// The median wait.
    pub median_ms: f64,
    /// The wait that one in a hundred exceeds.
    pub p99_ms: f64,
    /// The longest wait, attempts together.
    pub longest_ms: f64,
}

/// Traffic under way.
pub(super) struct Traffic {
    clients: JoinSet<anyhow::Result<Seen>>,
    progress: watch::Receiver<usize>,
    bar: ProgressBar,
    total: usize,
    start: Instant,
}

struct Seen {
    waits_us: Histogram<u64>,
    acknowledged: usize,
    retries: u64,
}

impl Traffic {
    /// Starts the clients.
    pub(super) fn start(
        cluster: &Cluster,
        transactions: &[Transaction],
        clients: usize,
    ) -> Traffic {
        let work: Arc<[Transaction]> = transactions.into();
        let next = Arc::new(AtomicUsize::new(0));
        let (done, progress) = watch::channel(0);
        let done = Arc::new(done);
        let bar = ProgressBar::new(transactions.len() as u64);
        let style = "  {bar:40} {pos}/{len} transactions, {per_sec}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is well formed"));
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let client = cluster.client(number);
            let (work, next, done) = (Arc::clone(&work), Arc::clone(&next), Arc::clone(&done));
            tasks.spawn(send(client, work, next, done, bar.clone()));
        }
        Traffic {
            clients: tasks,
            progress,
            bar,
            total: transactions.len(),
            start: Instant::now(),
        }
    }

    /// Waits until that share of the transactions is sent.
    pub(super) async fn until(&self, share: f64) {
        // The share of a count that fits in memory: exact enough for a demo's milestones.
        let count = (self.total as f64 * share) as usize;
        // An error means that all clients ended, so that nothing is left to wait for.
        let _ = self.progress.clone().wait_for(|done| *done >= count).await;
    }

    /// Prints a line above the progress bar.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| super::report::fact(text));
    }

    /// Waits for all clients.
    pub(super) async fn finish(mut self) -> anyhow::Result<Sent> {
        let mut waits_us = Histogram::<u64>::new(3)?;
        let (mut acknowledged, mut retries) = (0, 0);
        while let Some(ended) = self.clients.join_next().await {
            let seen = ended??;
            waits_us.add(&seen.waits_us)?;
            acknowledged += seen.acknowledged;
            retries += seen.retries;
        }
        self.bar.finish_and_clear();
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        Ok(Sent {
            acknowledged,
            retries,
            took: self.start.elapsed(),
            median_ms: ms(waits_us.value_at_quantile(0.5)),
            p99_ms: ms(waits_us.value_at_quantile(0.99)),
            longest_ms: ms(waits_us.max()),
        })
    }
}

async fn send(
    mut client: Client,
    work: Arc<[Transaction]>,
    next: Arc<AtomicUsize>,
    done: Arc<watch::Sender<usize>>,
    bar: ProgressBar,
) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        waits_us: Histogram::new(3)?,
        acknowledged: 0,
        retries: 0,
    };
    while let Some(transaction) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
        let requests = [
            (
                "/v1/workers/FraudMonitor/messages",
                "seen",
                transaction.line.clone(),
            ),
            (
                "/v1/workers/FundTransfer/messages",
                "paid",
                transaction.transfer().to_string(),
            ),
        ];
        for (path, purpose, body) in requests {
            let key = format!("{}-{purpose}", transaction.id);
            let reply = client
                .call(Method::POST, path, Some(&key), Bytes::from(body))
                .await?;
            anyhow::ensure!(
                reply.status.is_success(),
                "{path}: {}: {}",
                reply.status,
                String::from_utf8_lossy(&reply.body)
            );
            seen.acknowledged += 1;
            seen.retries += u64::from(reply.retries);
            seen.waits_us
                .record(u64::try_from(reply.took.as_micros())?)?;
        }
        bar.inc(1);
        done.send_modify(|done| *done += 1);
    }
    Ok(seen)
}
