//! Measures work: rounds of the same load, each with its costs, and the median of them; at the end what was
//! done is read back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use super::drive::{Job, callers, drive, drive_at};
use super::measure::Costs;
use super::pace::{Load, Pace};
use super::progress::{self, Progress};
use super::report::{Row, Waits, median};
use super::seen::Seen;
use super::servers::Servers;
use super::work::Work;

/// The load before the first round, which makes workers and opens files; it is not measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// Installs the scripts of some work and lets it run for a moment.
///
/// # Errors
/// They are refused, or nothing can be done.
pub(super) async fn prepare<W: Work>(servers: &Servers, work: W) -> anyhow::Result<Arc<Job<W>>> {
    servers.deploy(&work.scripts()).await?;
    let job = Job::new(work);
    drive(&job, servers, &Load::closed(64, WARM_UP), &seen()).await?;
    job.work.settle(servers).await?;
    Ok(job)
}

/// The median of so many rounds.
///
/// # Errors
/// Nothing succeeds, or a node is gone.
pub(super) async fn measure<W: Work>(
    servers: &Servers,
    job: &Arc<Job<W>>,
    load: &Load,
    rounds: u32,
) -> anyhow::Result<Row> {
    let mut rows = Vec::new();
    for number in 1..=rounds {
        let (row, _) = round(servers, job, load).await?;
        progress::round(&row, number);
        rows.push(row);
    }
    median(rows)
}

/// One round, and what its clients saw.
///
/// # Errors
/// As for [`measure`].
pub(super) async fn round<W: Work>(
    servers: &Servers,
    job: &Arc<Job<W>>,
    load: &Load,
) -> anyhow::Result<(Row, Arc<Seen>)> {
    let seen = seen();
    let callers = callers(&servers.addresses, load).await;
    let before = Costs::now(servers).await?;
    let progress = Progress::of(job.work.name(), load.length, &seen);
    let pace = Pace::start(load);
    drive_at(pace, Arc::clone(job), callers, Arc::clone(&seen)).await?;
    job.work.settle(servers).await?;
    drop(progress);
    let spent = before.spent(servers).await?;
    let count = seen.count() as f64;
    ensure!(
        count > 0.0,
        "not one {} succeeded: {}",
        job.work.name(),
        seen.first_failure().unwrap_or("all were refused")
    );
    if let Some(why) = seen.first_failure() {
        progress::note(&format!("{} failed, the first: {why}", seen.failures()));
    }
    let row = Row {
        per_second: count / spent.took.saturating_sub(job.work.meant()).as_secs_f64(),
        waits_ms: Some(Waits::of(&seen.waits().from_due_us)),
        costs: Some(spent.of_each(count)),
        other_cores: Some(spent.other_cores()),
        ..row(servers, job, load, &seen)
    };
    Ok((row, seen))
}

/// What is known of a row without its costs.
pub(super) fn row<W: Work>(servers: &Servers, job: &Job<W>, load: &Load, seen: &Seen) -> Row {
    Row {
        work: job.work.name(),
        nodes: servers.settings.nodes,
        shards: servers.settings.shards,
        direct: servers.settings.direct,
        clients: load.clients,
        rate: load.rate,
        refused: seen.refusals().0,
        failed: seen.failures(),
        unsent: seen.unsent(),
        ..Row::default()
    }
}

/// Reads back what was done and says so.
///
/// # Errors
/// Something was lost or done twice.
pub(super) async fn check<W: Work>(servers: &Servers, job: &Job<W>) -> anyhow::Result<()> {
    let found = job.work.check(servers).await?;
    progress::note(&format!("{}: checked: {found}", job.work.name()));
    Ok(())
}

fn seen() -> Arc<Seen> {
    Arc::new(Seen::new())
}
