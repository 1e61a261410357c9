//! Nodes lost one after the other (`ways` says how) while adds are due at a constant rate: the longest wait of any request,
//! after the loss and again after the return. A client does as a careful program would: it goes on to the
//! next node with the same idempotency key until it is answered. At the end every counter has to hold
//! exactly what was acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::start::ms;
use super::ways::{Way, manner, needs_others, until_leads};
use crate::arguments::{BenchArguments, Fault};
use crate::bench::distribution::distribution;
use crate::bench::drive::{Job, callers, drive_at};
use crate::bench::pace::{Load, Pace};
use crate::bench::picture::{Mark, picture};
use crate::bench::progress::{self, Progress};
use crate::bench::report::{Figure, Row, Waits};
use crate::bench::rounds::{check, row};
use crate::bench::seen::Seen;
use crate::bench::series::Series;
use crate::bench::servers::Servers;
use crate::bench::work::Work;
use crate::bench::work::adds::Adds;
use crate::output;

/// Adds due each second, where `--rate` says nothing: what is measured is waiting, not throughput.
const RATE: u64 = 500;
/// Clients, where `--clients` says nothing: enough that no request waits for one while shards have no leader.
const CLIENTS: u32 = 512;
/// How long a client waits for a node before it goes on to the next.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where nodes may hang, which a client notices in no other way.
const PATIENCE_WITH_HANGS: Duration = Duration::from_millis(250);
/// How long leads may take to be spread again before the next loss: with few shards a node may get none.
const SPREAD_WITHIN: Duration = Duration::from_secs(5);

/// One node, gone and back.
struct Loss {
    way: Way,
    place: usize,
    led: u32,
    at: Instant,
    returns: Instant,
    back_after: Duration,
    end: Instant,
}

/// Loses as many nodes as asked. A single node is down until it is back.
///
/// # Errors
/// A node does not come back, or an add was lost or done twice.
pub(in crate::bench) async fn failover(
    servers: &mut Servers,
    arguments: &BenchArguments,
) -> anyhow::Result<(Vec<Row>, Vec<Figure>)> {
    let name = format!("add, {} × {}", arguments.kills, manner(arguments));
    let job = Job::new(Adds::new(&name, "failover", arguments.workers));
    servers.deploy(&job.work.scripts()).await?;
    let watch = Duration::from_secs(arguments.watch);
    let hangs = !arguments.planned && arguments.fault != Fault::Kill;
    ensure!(
        servers.addresses.len() > 1 || !needs_others(arguments),
        "a single node has no network or bus to lose: measure this with --nodes 3"
    );
    let load = Load {
        clients: arguments.clients.first().copied().unwrap_or(CLIENTS),
        rate: Some(arguments.rate.unwrap_or(RATE)),
        length: watch * 3 * (arguments.kills + 1) + Duration::from_secs(3600),
        count: None,
        careful: Some(if hangs { PATIENCE_WITH_HANGS } else { PATIENCE }),
    };
    let seen = Arc::new(Seen::over_time());
    let callers = callers(&servers.addresses, &load).await;
    let pace = Pace::start(&load);
    let driving = drive_at(
        Arc::clone(&pace),
        Arc::clone(&job),
        callers,
        Arc::clone(&seen),
    );
    let driving = tokio::spawn(driving);
    let (start, losses) = {
        let length = watch * 2 * arguments.kills;
        let progress = Progress::of(name.clone(), length, &seen);
        tokio::time::sleep(watch).await;
        let start = Instant::now();
        (start, lose_all(servers, arguments, &progress, &seen).await?)
    };
    let took = start.elapsed();
    pace.stop();
    driving.await??;
    check(servers, &job).await?;
    let series = seen.series().context("waits were kept over time")?;
    let waits = seen.waits();
    if let Some(path) = &arguments.picture {
        let svg = picture(&name, &series.points(), &marks(&series, &losses));
        std::fs::write(path, svg).with_context(|| format!("cannot write `{}`", path.display()))?;
        progress::note(&format!("drawn: {}", path.display()));
    }
    if arguments.output == crate::arguments::Form::Table {
        output::line(&distribution(&waits.from_due_us));
    }
    let answered = seen.count() as f64;
    let row = Row {
        per_second: answered / (took + watch).as_secs_f64(),
        waits_ms: Some(Waits::of(&waits.from_due_us)),
        ..row(servers, &job, &load, &seen)
    };
    Ok((vec![row], figures(servers, arguments, &series, &losses)?))
}

async fn lose_all(
    servers: &mut Servers,
    arguments: &BenchArguments,
    progress: &Progress,
    seen: &Seen,
) -> anyhow::Result<Vec<Loss>> {
    let watch = Duration::from_secs(arguments.watch);
    let mut losses = Vec::new();
    for turn in 0..arguments.kills {
        let place = turn as usize % servers.addresses.len();
        let way = Way::of(arguments, turn);
        let led = until_leads(servers, place, SPREAD_WITHIN, |leads| leads > 0).await?;
        let at = Instant::now();
        way.lose(servers, place).await?;
        if servers.addresses.len() > 1 {
            tokio::time::sleep(way.lasts().unwrap_or(watch)).await;
        }
        let returns = Instant::now();
        way.bring_back(servers, place).await?;
        let back_after = returns.elapsed();
        tokio::time::sleep(watch).await;
        let loss = Loss {
            way,
            place,
            led,
            at,
            returns,
            back_after,
            end: Instant::now(),
        };
        if let Some(series) = seen.series() {
            progress.note(&line(turn, &loss, &series));
        }
        losses.push(loss);
    }
    Ok(losses)
}

fn line(turn: u32, loss: &Loss, series: &Series) -> String {
    format!(
        "{} {}: {} led {} shards: longest wait {:.0} ms; back after {:.0} ms, longest wait then {:.0} ms",
        loss.way.name(),
        turn + 1,
        loss.way.of_whom(loss.place),
        loss.led,
        series.longest_ms(loss.at, loss.returns),
        ms(loss.back_after),
        series.longest_ms(loss.returns, loss.end),
    )
}

fn marks(series: &Series, losses: &[Loss]) -> Vec<Mark> {
    let marks = losses.iter().flat_map(|loss| {
        let node = loss.way.of_whom(loss.place);
        [
            Mark {
                at_s: series.seconds(loss.at),
                text: format!("{} {node}", loss.way.name()),
                is_loss: true,
            },
            Mark {
                at_s: series.seconds(loss.returns + loss.back_after),
                text: format!("{node} back"),
                is_loss: false,
            },
        ]
    });
    marks.collect()
}

fn figures(
    servers: &Servers,
    arguments: &BenchArguments,
    series: &Series,
    losses: &[Loss],
) -> anyhow::Result<Vec<Figure>> {
    let nodes = servers.settings.nodes;
    let manner = manner(arguments);
    let each = |measure: &dyn Fn(&Loss) -> f64| losses.iter().map(measure).collect::<Vec<_>>();
    let after_loss = each(&|loss| series.longest_ms(loss.at, loss.returns + loss.back_after));
    let back = each(&|loss| ms(loss.back_after));
    let after_return = each(&|loss| series.longest_ms(loss.returns, loss.end));
    let dips = each(&|loss| series.lowest_rate(loss.returns, loss.end));
    let mut figures = Vec::new();
    if nodes == 1 {
        figures.push(Figure::of(
            format!("{manner}, longest wait"),
            1,
            "ms",
            &after_loss,
        )?);
    } else {
        let until_return = each(&|loss| series.longest_ms(loss.at, loss.returns));
        figures.push(Figure::of(
            format!("{manner}, longest wait"),
            nodes,
            "ms",
            &until_return,
        )?);
        let what = format!("{manner}, longest wait after the return");
        figures.push(Figure::of(what, nodes, "ms", &after_return)?);
        let what = format!("{manner}, fewest answers in half a second after the return");
        figures.push(Figure::of(what, nodes, "a second", &dips)?);
    }
    figures.push(Figure::of(
        format!("{manner}, until the node is back"),
        nodes,
        "ms",
        &back,
    )?);
    Ok(figures)
}
