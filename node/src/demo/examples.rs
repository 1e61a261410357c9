//! The example workers and their transactions, built into the binary so that the demo needs no files.

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use super::cluster::Cluster;
use crate::api::DeployResponse;

const SCRIPTS: &[(&str, &str)] = &[
    (
        "transfer.js",
        include_str!("../../../examples/transfer/transfer.js"),
    ),
    (
        "ledger.js",
        include_str!("../../../examples/transfer/ledger.js"),
    ),
    (
        "notification.js",
        include_str!("../../../examples/transfer/notification.js"),
    ),
    (
        "monitor.js",
        include_str!("../../../examples/fraud/monitor.js"),
    ),
    (
        "alerts.js",
        include_str!("../../../examples/fraud/alerts.js"),
    ),
    (
        "report.js",
        include_str!("../../../examples/report/report.js"),
    ),
    (
        "aggregator.js",
        include_str!("../../../examples/report/aggregator.js"),
    ),
    (
        "formatting.js",
        include_str!("../../../examples/report/formatting.js"),
    ),
    (
        "email.js",
        include_str!("../../../examples/report/email.js"),
    ),
];
const TRANSACTIONS: &str = include_str!("../../../examples/data/transactions.jsonl");

/// Above this the example's ledger refuses a transfer: `TRANSFER_LIMIT` in `ledger.js`.
pub(super) const TRANSFER_LIMIT: u64 = 1_000_000;

/// One line of the data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    /// Unique.
    pub id: String,
    /// Who pays.
    pub user_id: String,
    /// Who is paid.
    pub to: String,
    /// In cents.
    pub amount: u64,
    /// When, ISO 8601.
    pub at: String,
    /// The line as it stands in the file.
    #[serde(skip)]
    pub line: String,
}

impl Transaction {
    /// The day of it.
    pub(super) fn day(&self) -> &str {
        self.at.get(..10).unwrap_or(&self.at)
    }

    /// The transfer that it asks for.
    pub(super) fn transfer(&self) -> serde_json::Value {
        json!({
            "type": "INITIATE_TRANSFER",
            "id": self.id,
            "from": self.user_id,
            "to": self.to,
            "amount": self.amount,
            "day": self.day(),
        })
    }

    /// Whether the example's ledger carries it out.
    pub(super) fn is_within_limit(&self) -> bool {
        self.amount <= TRANSFER_LIMIT
    }
}

/// The transactions, in the order of the file.
pub(super) fn transactions(limit: Option<usize>) -> anyhow::Result<Vec<Transaction>> {
    TRANSACTIONS
        .lines()
        .take(limit.unwrap_or(usize::MAX))
        .map(|line| {
            let mut transaction: Transaction =
                serde_json::from_str(line).context("in examples/data/transactions.jsonl")?;
            line.clone_into(&mut transaction.line);
            Ok(transaction)
        })
        .collect()
}

/// Deploys all examples; returns the names of their workers.
pub(super) async fn deploy(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let files: Vec<_> = SCRIPTS
        .iter()
        .map(|(name, source)| json!({ "name": name, "source": source }))
        .collect();
    let reply = cluster
        .client(0)
        .patient()
        .post("/v1/programs", None, &json!({ "files": files }))
        .await?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    anyhow::ensure!(
        reply.status.is_success(),
        "the examples were not deployed: {text}"
    );
    let response: DeployResponse = serde_json::from_str(&text)?;
    anyhow::ensure!(
        response.unserved.is_empty(),
        "the examples send to names that nothing serves: {:?}",
        response.unserved
    );
    let workers = response
        .programs
        .into_iter()
        .flat_map(|program| program.workers);
    Ok(workers.map(|worker| worker.name).collect())
}
