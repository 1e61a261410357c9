//! Whether cost stays flat as work grows: over ever more workers, after ever more messages to one worker,
//! over ever more shards.

use std::time::Duration;

use super::load::ring;
use super::start::{make, ms};
use crate::arguments::BenchArguments;
use crate::bench::drive::Job;
use crate::bench::measure::{resident_bytes, stored_bytes};
use crate::bench::pace::Load;
use crate::bench::progress;
use crate::bench::report::{Figure, Row, median};
use crate::bench::rounds::{check, measure, round};
use crate::bench::servers::{Servers, Settings};
use crate::bench::work::Work;
use crate::bench::work::adds::Adds;

/// Clients.
const CLIENTS: u32 = 64;
/// Where curves over workers and messages end, unless `--up-to` says otherwise.
const UP_TO: u64 = 100_000;
/// Where the curve over shards ends, unless `--up-to` says otherwise.
const SHARDS_UP_TO: u64 = 64;
/// Workers from which on what they take shows beside what the node takes.
const MANY: u64 = 10_000;
/// How long nodes rest before that is read: longer than their state takes to be written.
const REST: Duration = Duration::from_secs(8);
/// Adds of one measurement on the curve over messages, at most: few beside those that came before.
const ADDS: u64 = 5_000;

/// Powers of a base from 1 up to a number, which is the last.
fn powers(base: u64, up_to: u64) -> Vec<u64> {
    let below = std::iter::successors(Some(1), |power| Some(power * base));
    let mut powers: Vec<u64> = below.take_while(|power| *power < up_to).collect();
    powers.push(up_to.max(1));
    powers
}

/// Over 1, 10, 100 … workers: their first messages, then adds to any of them; and where there are many, what
/// they take in memory and in files, and a restart. Those of one number stay when the next comes.
///
/// # Errors
/// Nothing succeeds, or something was lost.
pub(in crate::bench) async fn workers(
    servers: &mut Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<(Vec<Row>, Vec<Figure>)> {
    let (mut rows, mut figures) = (Vec::new(), Vec::new());
    for count in powers(10, arguments.up_to.unwrap_or(UP_TO)) {
        let family = format!("of{count}-");
        let adds = Adds::new(&format!("add over {count} workers"), &family, count);
        let job = Job::new(adds);
        let first = Load {
            count: Some(count),
            ..Load::closed(CLIENTS, Duration::from_secs(3600))
        };
        let before = resident(servers)?;
        let (row, _) = round(servers, &job, &first).await?;
        rows.push(Row {
            work: format!("first add to each of {count} workers"),
            ..row
        });
        let load = Load::closed(CLIENTS, Duration::from_secs(arguments.seconds));
        rows.push(measure(servers, &job, &load, arguments.rounds).await?);
        if count >= MANY {
            figures.extend(at_rest(servers, count, before).await?);
        }
        check(servers, &job).await?;
    }
    Ok((rows, figures))
}

/// What a cluster with many workers takes that does nothing, and how long a node of it needs after a kill.
async fn at_rest(servers: &mut Servers, count: u64, before: u64) -> anyhow::Result<Vec<Figure>> {
    let nodes = servers.settings.nodes;
    tokio::time::sleep(REST).await;
    let (resident_after, state, log) = (
        resident(servers)?,
        files(servers, "state")?,
        files(servers, "log")?,
    );
    servers.kill(0)?;
    let serves = servers.restart(0).await?;
    let each = |bytes: u64| bytes as f64 / f64::from(nodes);
    let mib = |bytes: u64| each(bytes) / f64::from(1 << 20);
    let figure = |what: &str, unit: &str, value: f64| {
        Figure::of(format!("{count} workers: {what}"), nodes, unit, &[value])
    };
    let grown = resident_after.saturating_sub(before);
    Ok(vec![
        figure("resident memory of a node", "MiB", mib(resident_after))?,
        figure(
            "what it grew by, for each",
            "bytes",
            each(grown) / count as f64,
        )?,
        figure("files of a node's state", "MiB", mib(state))?,
        figure("files of a node's log", "MiB", mib(log))?,
        figure("kill -9 to ready", "ms", ms(serves))?,
        figure("resident memory after that", "MiB", mib(resident(servers)?))?,
    ])
}

fn resident(servers: &Servers) -> anyhow::Result<u64> {
    servers.node_processes().map(resident_bytes).sum()
}

/// Bytes of all nodes' files in a folder of their data.
fn files(servers: &Servers, name: &str) -> anyhow::Result<u64> {
    (0..servers.addresses.len())
        .map(|place| stored_bytes(&servers.data(place).join(name)))
        .sum()
}

/// Adds to one worker after 1, 10, 100 … messages.
///
/// # Errors
/// Nothing succeeds, or something was lost.
pub(in crate::bench) async fn messages(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<Vec<Row>> {
    let up_to = arguments.up_to.unwrap_or(UP_TO);
    let mut rows = Vec::new();
    for count in powers(10, up_to) {
        let mut rounds = Vec::new();
        for number in 1..=arguments.rounds {
            // A worker that has had exactly so many.
            let family = format!("after{count}-{number}-");
            let adds = Adds::new(&format!("add to a worker after {count}"), &family, 1);
            let job = Job::new(adds);
            make(servers, &job, count).await?;
            let load = Load {
                count: Some(ADDS),
                ..Load::closed(CLIENTS, Duration::from_secs(arguments.seconds))
            };
            let (row, _) = round(servers, &job, &load).await?;
            progress::round(&row, number);
            job.work.check(servers).await?;
            rounds.push(row);
        }
        rows.push(median(rounds)?);
    }
    Ok(rows)
}

/// Adds and hops over 1, 4, 16 … shards, each on a cluster of its own.
///
/// # Errors
/// Nothing succeeds, or something was lost.
pub(in crate::bench) async fn shards(
    arguments: &BenchArguments,
    nodes: u32,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in powers(4, arguments.up_to.unwrap_or(SHARDS_UP_TO)) {
        let settings = Settings {
            shards: u32::try_from(count)?,
            ..Settings::new(arguments, nodes)
        };
        let servers = Servers::start(&settings).await?;
        let job = Job::new(Adds::new("durable add", "c", arguments.workers));
        make(&servers, &job, arguments.workers).await?;
        let load = Load::closed(CLIENTS, Duration::from_secs(arguments.seconds));
        rows.push(measure(&servers, &job, &load, arguments.rounds).await?);
        check(&servers, &job).await?;
        rows.push(ring(&servers, arguments).await?);
        servers.stop()?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_where_it_should() {
        assert_eq!(powers(10, 1_000), [1, 10, 100, 1_000]);
        assert_eq!(powers(4, 20), [1, 4, 16, 20]);
        assert_eq!(powers(4, 1), [1]);
        assert_eq!(powers(10, 0), [1]);
    }
}
