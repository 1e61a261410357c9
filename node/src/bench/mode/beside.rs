//! What small adds wait for while something large goes on beside them: a backup that is read, or values of 8 MiB
//! that are committed. First the adds alone, then the same adds with it. Before it comes the command line; the nodes
//! come after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use bytes::Bytes;
use hyper::Method;
use tokio::task::JoinSet;

use crate::arguments::{BenchArguments, Work};
use crate::bench::drive::drive;
use crate::bench::pace::Load;
use crate::bench::report::{Figure, Row};
use crate::bench::rounds::{check, measure, prepare};
use crate::bench::seen::Seen;
use crate::bench::servers::Servers;
use crate::bench::work::Script;
use crate::bench::work::adds::Adds;
use crate::load::{Client, Reply};

/// Adds due each second, where `--rate` says nothing: far fewer than a node can do, so that waits are not those of a
/// queue.
const RATE: u64 = 1_000;
/// Clients, where `--clients` says nothing.
const CLIENTS: u32 = 64;
/// Clients that send large values, one after the other.
const LARGE_CLIENTS: usize = 2;
/// Bytes of the text of a large value: a little less than a message may have.
const LARGE_BYTES: usize = (8 << 20) - (1 << 10);
/// How long a backup may take.
const PATIENCE: Duration = Duration::from_secs(600);
const BLOB: Script = ("blob.js", include_str!("../workers/blob.js"));

/// What went on beside the adds.
#[derive(Default)]
struct Beside {
    done: AtomicU64,
    bytes: AtomicU64,
}

/// Measures adds alone, and beside backups or large values.
///
/// # Errors
/// Nothing succeeds, what should go on beside it fails, or something was lost or done twice.
pub(in crate::bench) async fn beside(
    servers: &Servers,
    arguments: &BenchArguments,
    work: Work,
) -> anyhow::Result<(Vec<Row>, Vec<Figure>)> {
    let (what, family) = match work {
        Work::Backup => ("a backup that is read", "b"),
        _ => ("values of 8 MiB", "l"),
    };
    let job = prepare(servers, Adds::new("add", family, arguments.workers)).await?;
    // Each counter once: a backup of none would take no time.
    let each = Load {
        count: Some(arguments.workers),
        ..Load::closed(CLIENTS, PATIENCE)
    };
    drive(&job, servers, &each, &Arc::new(Seen::new())).await?;
    servers.deploy(&[BLOB]).await?;
    let clients = arguments.clients.first().copied().unwrap_or(CLIENTS);
    let load = Load {
        rate: Some(arguments.rate.unwrap_or(RATE)),
        ..Load::closed(clients, Duration::from_secs(arguments.seconds))
    };
    let alone = measure(servers, &job, &load, arguments.rounds).await?;
    let (beside, start) = (Arc::new(Beside::default()), Instant::now());
    // It ends with this set.
    let mut others = others(servers, work, &beside);
    let together = tokio::select! {
        measured = measure(servers, &job, &load, arguments.rounds) => measured?,
        Some(ended) = others.join_next() => match ended? {
            Ok(()) => bail!("{what}: it ended by itself"),
            Err(error) => return Err(error.context(what)),
        },
    };
    let seconds = start.elapsed().as_secs_f64();
    others.shutdown().await;
    check(servers, &job).await?;
    let done = beside.done.load(Ordering::Relaxed) as f64;
    ensure!(
        done > 0.0,
        "{what}: not one was done meanwhile; measure for more --seconds"
    );
    let bytes = beside.bytes.load(Ordering::Relaxed) as f64;
    let nodes = servers.settings.nodes;
    let figure = |name: &str, unit: &str, value: f64| {
        Figure::of(
            format!("{what}, beside adds: {name}"),
            nodes,
            unit,
            &[value],
        )
    };
    let figures = vec![
        figure("done", "a second", done / seconds)?,
        figure("size", "MB a second", bytes / 1e6 / seconds)?,
    ];
    let named = |row: Row, work: String| Row { work, ..row };
    let rows = vec![
        named(alone, format!("add, before {what}")),
        named(together, format!("add beside {what}")),
    ];
    Ok((rows, figures))
}

fn others(servers: &Servers, work: Work, beside: &Arc<Beside>) -> JoinSet<anyhow::Result<()>> {
    let mut others = JoinSet::new();
    match work {
        Work::Backup => {
            let client = servers.client(0).attempting_for(PATIENCE);
            others.spawn(backups(client, Arc::clone(beside)));
        }
        _ => {
            for number in 0..LARGE_CLIENTS {
                let client = servers.client(number).patient();
                others.spawn(large(client, number, Arc::clone(beside)));
            }
        }
    }
    others
}

/// Reads backups, one after the other.
async fn backups(mut client: Client, beside: Arc<Beside>) -> anyhow::Result<()> {
    loop {
        let asked = client.call(Method::POST, "/v1/cluster/backup", None, Bytes::new());
        beside.count(&asked.await?)?;
    }
}

/// Sends large values to one instance, one after the other.
async fn large(mut client: Client, number: usize, beside: Arc<Beside>) -> anyhow::Result<()> {
    let path = format!("/v1/workers/Blob/instances/{number}/messages");
    let text = "x".repeat(LARGE_BYTES);
    let body = Bytes::from(format!(r#"{{"type":"KEEP","text":"{text}"}}"#));
    loop {
        let sent = client.call(Method::POST, &path, None, body.clone()).await?;
        beside
            .bytes
            .fetch_add(LARGE_BYTES as u64, Ordering::Relaxed);
        beside.count(&sent)?;
    }
}

impl Beside {
    fn count(&self, reply: &Reply) -> anyhow::Result<()> {
        let said = || String::from_utf8_lossy(&reply.body).into_owned();
        ensure!(reply.status.is_success(), "{}: {}", reply.status, said());
        self.bytes
            .fetch_add(reply.body.len() as u64, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
