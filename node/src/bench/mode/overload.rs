//! Twice as much as the cluster can do: first what it does when clients wait for their answers, then twice
//! that rate whether they are answered or not. What is done should stay as much, what is done should not wait
//! ever longer, and the rest should be refused with a time to come back.

use std::time::Duration;

use anyhow::ensure;

use crate::arguments::BenchArguments;
use crate::bench::pace::Load;
use crate::bench::report::{Figure, Row, Waits};
use crate::bench::rounds::{check, measure, prepare, round};
use crate::bench::servers::Servers;
use crate::bench::work::adds::Adds;

/// Clients that wait for their answers, where `--clients` says nothing.
const WAITING: u32 = 256;
/// How much more than the cluster can do is sent.
const TIMES: f64 = 2.0;
/// Most requests that are under way at a time: more than a cluster should let wait.
const UNDER_WAY: u32 = 8_192;
/// Files beside connections that a process opens.
const FILES: u64 = 1_000;

/// Measures capacity, then the same work at twice that rate.
///
/// # Errors
/// Nothing is done, or something was lost.
pub(in crate::bench) async fn overload(
    servers: &Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<(Vec<Row>, Vec<Figure>)> {
    let job = prepare(
        servers,
        Adds::new("add under overload", "o", arguments.workers),
    )
    .await?;
    let length = Duration::from_secs(arguments.seconds);
    let waiting = arguments.clients.first().copied().unwrap_or(WAITING);
    let capacity = measure(
        servers,
        &job,
        &Load::closed(waiting, length),
        arguments.rounds,
    )
    .await?;
    let rate = arguments
        .rate
        .unwrap_or((capacity.per_second * TIMES) as u64);
    let load = Load {
        rate: Some(rate),
        ..Load::closed(UNDER_WAY, length)
    };
    let (over, seen) = round(servers, &job, &load).await?;
    check(servers, &job).await?;
    let (refused, without_time) = seen.refusals();
    ensure!(
        without_time == 0,
        "{without_time} of {refused} refusals did not say when to come back"
    );
    let nodes = servers.settings.nodes;
    let waits = seen.waits();
    let (done, refusals) = (Waits::of(&waits.from_sent_us), Waits::of(&waits.refused_us));
    let sent = (seen.count() + refused + seen.failures()) as f64;
    let seconds = seen.count() as f64 / over.per_second;
    let figure = |what: &str, unit: &str, value: f64| {
        Figure::of(format!("overload: {what}"), nodes, unit, &[value])
    };
    let figures = vec![
        figure("sent", "a second", sent / seconds)?,
        figure(
            "done, as part of what is done without overload",
            "times",
            over.per_second / capacity.per_second,
        )?,
        figure(
            "refused with a time to come back",
            "a second",
            refused as f64 / seconds,
        )?,
        figure("wait of what was done, median", "ms", done.p50)?,
        figure("wait of what was done, 99 in 100", "ms", done.p99)?,
        figure("wait for a refusal, 99 in 100", "ms", refusals.p99)?,
    ];
    Ok((vec![capacity, over], figures))
}

/// Lets this process and the nodes that it starts open as many connections as an overload takes.
///
/// # Errors
/// The system allows too few.
pub(in crate::bench) fn allow_many_files() -> anyhow::Result<()> {
    let wanted = u64::from(UNDER_WAY) + FILES;
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the struct is ours and lives for the call.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    ensure!(read == 0, "cannot read the limit of open files");
    if limit.rlim_cur >= wanted {
        return Ok(());
    }
    limit.rlim_cur = wanted.min(limit.rlim_max);
    // SAFETY: as above.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    ensure!(
        set == 0 && limit.rlim_cur >= wanted,
        "an overload takes {wanted} open files; allow them with `ulimit -n {wanted}`"
    );
    Ok(())
}
