//! What the demo checks, against what the data file says must be: each check prints what it saw, and a
//! check that finds nothing to look at fails.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::examples::Transaction;
use super::{SETTLE_WITHIN, report};
use crate::api::{Accepted, InstanceView, StoryView};
use crate::commands::trace;
use crate::load::Client;

/// Instances whose whole history is run again.
const REPLAYED_INSTANCES: usize = 60;
/// How often a state that should settle is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of the causal tree that are printed.
const TREE_LINES: usize = 14;

/// The checks and what came of them.
pub(super) struct Checks<'a> {
    cluster: &'a Cluster,
    transactions: &'a [Transaction],
    client: Client,
    held: bool,
}

impl<'a> Checks<'a> {
    /// Nothing checked yet.
    pub(super) fn new(cluster: &'a Cluster, transactions: &'a [Transaction]) -> Checks<'a> {
        Checks {
            cluster,
            transactions,
            client: cluster.client(0),
            held: true,
        }
    }

    /// Whether all checks so far held.
    pub(super) fn held(&self) -> bool {
        self.held
    }

    fn record(&mut self, held: bool, text: &str) {
        report::check(held, text);
        self.held &= held;
    }

    /// Every acknowledged message was applied exactly once: the workers counted each transaction once,
    /// and every account has the balance that the file gives it, to the cent.
    pub(super) async fn exactly_once(&mut self) -> anyhow::Result<()> {
        let (mut seen, mut balances) = (BTreeMap::new(), BTreeMap::new());
        let (mut paid, mut refused) = (0_u64, 0_u64);
        for transaction in self.transactions {
            *seen.entry(transaction.user_id.as_str()).or_insert(0_u64) += 1;
            if transaction.is_within_limit() {
                paid += 1;
                let amount = i64::try_from(transaction.amount)?;
                *balances.entry(transaction.user_id.as_str()).or_insert(0) -= amount;
                *balances.entry(transaction.to.as_str()).or_insert(0) += amount;
            } else {
                refused += 1;
            }
        }
        let notices = json!({ "successes": paid, "failures": refused });
        let settled = self
            .settles("NotificationService", "default", &notices)
            .await?;
        self.record(
            settled,
            &format!("{paid} transfers confirmed, {refused} refused, each told once"),
        );
        let wrong = self.differing("FraudMonitor", "seen", &seen).await?;
        let count = self.transactions.len();
        self.record(
            wrong.is_empty() && count > 0,
            &format!(
                "{} fraud monitors saw {count} transactions, each once{}",
                seen.len(),
                list(&wrong)
            ),
        );
        let wrong = self
            .differing("LedgerService", "balance", &balances)
            .await?;
        let sum: i64 = balances.values().sum();
        self.record(
            wrong.is_empty() && sum == 0 && count > 0,
            &format!(
                "{} accounts are right to the cent, their sum is 0{}",
                balances.len(),
                list(&wrong)
            ),
        );
        Ok(())
    }

    /// Waits until the outermost state of an instance has these properties.
    async fn settles(&mut self, name: &str, key: &str, expected: &Value) -> anyhow::Result<bool> {
        let start = Instant::now();
        loop {
            let path = format!("/v1/workers/{name}/instances/{key}");
            let view: InstanceView = self.client.get(&path).await?;
            let state = view.state.first().cloned().unwrap_or_default();
            let wanted = expected
                .as_object()
                .context("the expectation is an object")?;
            if wanted
                .iter()
                .all(|(property, value)| state.get(property) == Some(value))
            {
                return Ok(true);
            }
            if start.elapsed() > SETTLE_WITHIN {
                report::fact(&format!("{name}/{key} is {state}, expected {expected}"));
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Instances whose state has another value of a property than it should, once it had time to settle.
    async fn differing<T: Copy + Into<Value>>(
        &mut self,
        name: &str,
        property: &str,
        expected: &BTreeMap<&str, T>,
    ) -> anyhow::Result<Vec<String>> {
        let start = Instant::now();
        let mut wrong: Vec<String> = expected.keys().map(|key| (*key).to_owned()).collect();
        loop {
            let mut still = Vec::new();
            for key in wrong {
                let path = format!("/v1/workers/{name}/instances/{key}");
                let view: InstanceView = self.client.get(&path).await?;
                let value = view
                    .state
                    .first()
                    .and_then(|state| state.get(property))
                    .cloned();
                if value != Some(expected[key.as_str()].into()) {
                    still.push(key);
                }
            }
            if still.is_empty() || start.elapsed() > SETTLE_WITHIN {
                return Ok(still);
            }
            wrong = still;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Every replica of every shard has the same state.
    pub(super) async fn replicas_agree(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let mut replicas: BTreeMap<u32, Vec<(u64, String)>> = BTreeMap::new();
            for node in self.cluster.live() {
                let groups = node.door.groups();
                for shard in groups.status().await.shards {
                    if let Some(hash) = shard.state_hash.filter(|_| groups.holds(shard.shard)) {
                        let state = (shard.applied, hash.to_string());
                        replicas.entry(shard.shard.0).or_default().push(state);
                    }
                }
            }
            let equal = replicas.values().filter(|states| {
                states.len() == 3 && states.iter().all(|state| *state == states[0])
            });
            let equal = equal.count();
            let all = self.cluster.shard_count();
            if equal == all || start.elapsed() > SETTLE_WITHIN {
                let text = format!("{equal} of {all} shards have equal state hashes on 3 replicas");
                self.record(equal == all && all > 0, &text);
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The recorded inputs, run again, give the recorded effects.
    pub(super) async fn replays_agree(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        let users: std::collections::BTreeSet<&str> = self
            .transactions
            .iter()
            .map(|transaction| transaction.user_id.as_str())
            .collect();
        let node = self.cluster.live().next().context("a node lives")?;
        let (mut turns, mut differing) = (0_u64, Vec::new());
        for user in users.into_iter().take(REPLAYED_INSTANCES / 2) {
            for name in ["FraudMonitor", "LedgerService"] {
                let address = node.door.address("default", name, Some(user))?;
                let replayed = node.door.replay(&address).await?;
                turns += replayed.turns;
                if let Some(step) = replayed.first_difference {
                    differing.push(format!("{name}/{user} at step {step}"));
                }
            }
        }
        let text = format!(
            "{turns} recorded turns run again in {} ms, the same effects{}",
            start.elapsed().as_millis(),
            list(&differing)
        );
        self.record(differing.is_empty() && turns > 0, &text);
        Ok(())
    }

    /// The task of the examples, started by hand: the report of the busiest day.
    pub(super) async fn report_of_the_day(&mut self) -> anyhow::Result<()> {
        let mut days: BTreeMap<&str, u64> = BTreeMap::new();
        for transaction in self
            .transactions
            .iter()
            .filter(|each| each.is_within_limit())
        {
            *days.entry(transaction.day()).or_default() += 1;
        }
        let (day, count) = days
            .iter()
            .max_by_key(|(_, count)| **count)
            .context("there is a day")?;
        let settled = self
            .settles("DataAggregatorService", day, &json!({ "count": count }))
            .await?;
        let start = json!({ "config": { "day": day } });
        let path = "/v1/workers/DailyReport/instances?wait=outcome";
        let reply = self.client.post(path, Some("demo-report"), &start).await?;
        let accepted: Accepted = serde_json::from_slice(&reply.body)
            .with_context(|| String::from_utf8_lossy(&reply.body).into_owned())?;
        let result = accepted
            .outcome
            .and_then(|outcome| outcome.result)
            .unwrap_or_default();
        let held = settled && result["title"] == json!(format!("Trades of {day}"));
        self.record(
            held,
            &format!("the daily report of {day} adds up {count} transfers: {result}"),
        );
        Ok(())
    }

    /// One transfer's story, over all nodes, from the log.
    pub(super) async fn causal_trace(&mut self) -> anyhow::Result<()> {
        let last = self.transactions.last().context("there is a transaction")?;
        // The same key gives the id of the first request, and applies nothing.
        let key = format!("{}-paid", last.id);
        let path = "/v1/workers/FundTransfer/messages";
        let reply = self.client.post(path, Some(&key), &last.transfer()).await?;
        let accepted: Accepted = serde_json::from_slice(&reply.body)
            .with_context(|| String::from_utf8_lossy(&reply.body).into_owned())?;
        let path = format!("/v1/messages/{}/trace", accepted.message);
        let story: StoryView = self.client.get(&path).await?;
        let nodes: std::collections::BTreeSet<_> = story
            .messages
            .iter()
            .filter_map(|message| message.node.as_deref())
            .collect();
        let text = format!(
            "the story of transfer {}: {} messages in shards led by {}",
            last.id,
            story.messages.len(),
            nodes.into_iter().collect::<Vec<_>>().join(", ")
        );
        // Initiate, execute, credit, confirm, notify, emit: fewer would mean that some are missing.
        let held = accepted.duplicate && story.messages.len() >= 5;
        self.record(held, &text);
        for line in trace::tree(&story, &accepted.message)
            .into_iter()
            .take(TREE_LINES)
        {
            report::fact(&format!("     {line}"));
        }
        Ok(())
    }
}

fn list(wrong: &[String]) -> String {
    if wrong.is_empty() {
        return String::new();
    }
    format!(
        "; wrong: {}",
        wrong.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
    )
}
