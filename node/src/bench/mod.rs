//! `troupe bench`: the project's own load generator. It starts nodes as processes of their own (several on a
//! real NATS server), sends durable work over HTTP from this process, and prints rates, waits, and what one
//! operation costs in CPU time, flushes and bytes. What was done is read back, and a run that lost something
//! fails. The load generator shares the machine, and what it takes is printed too.

mod compare;
mod distribution;
mod drive;
mod machine;
mod measure;
mod mode;
mod pace;
mod picture;
mod print;
mod process;
mod progress;
mod report;
mod rounds;
mod schedule;
mod seen;
mod series;
mod servers;
mod work;

pub use machine::Machine;
pub use report::{Figure, OperationCosts, Ratio, Report, Row, Waits};

use crate::arguments::{BenchArguments, Work};
use mode::{beside, curves, failover, load, overload, start, ways};
use servers::{Servers, Settings};
use work::adds::Adds;
use work::fan_in::FanIn;
use work::mixed::Mixed;
use work::workflow::{Steps, Workflows};

/// What one kind of work came to.
type Found = (Vec<Row>, Vec<Figure>);

/// Runs the benchmark and prints what it found.
///
/// # Errors
/// The nodes cannot be started, no operation succeeds, or something was lost or done twice.
pub async fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    // Read first: a name that is wrong should not cost minutes.
    let other = arguments.compare.as_deref().map(Report::read);
    let other = other.transpose()?;
    let mut report = Report {
        machine: Machine::look(arguments.data.as_deref())?,
        ..Report::default()
    };
    progress::note(&report.machine.line());
    let mut work = Vec::new();
    for &one in &arguments.work {
        if !work.contains(&one) {
            work.push(one);
        }
    }
    if work.contains(&Work::Overload) {
        overload::allow_many_files()?;
    }
    for &nodes in &arguments.nodes {
        measure(arguments, nodes, &work, &mut report).await?;
    }
    if let Some(other) = other {
        compare::compare(&mut report, &other);
    }
    if let Some(path) = &arguments.save {
        report.save(path)?;
    }
    print::print(&report, arguments.output)
}

/// Measures all work on clusters of one size; work that does not harm nodes shares them.
async fn measure(
    arguments: &BenchArguments,
    nodes: u32,
    all: &[Work],
    report: &mut Report,
) -> anyhow::Result<()> {
    let settings = Settings::new(arguments, nodes);
    let mut shared = None;
    for &work in all {
        let found = match work {
            Work::Start => of_figures(start::start(arguments, nodes).await?),
            Work::Restart => of_figures(start::restart(arguments, nodes).await?),
            Work::Shards => of_rows(curves::shards(arguments, nodes).await?),
            // What is idle, lost or killed has done nothing else before.
            Work::Idle => {
                let servers = Servers::start(&settings).await?;
                let figures = start::idle(&servers, arguments).await?;
                servers.stop()?;
                of_figures(figures)
            }
            Work::Failover | Work::Workers => {
                let mut settings = settings.clone();
                settings.apart = work == Work::Failover && ways::cuts(arguments);
                let mut servers = Servers::start(&settings).await?;
                let found = match work {
                    Work::Workers => curves::workers(&mut servers, arguments).await?,
                    _ => failover::failover(&mut servers, arguments).await?,
                };
                servers.stop()?;
                found
            }
            Work::Adds
            | Work::FanIn
            | Work::Workflow
            | Work::WorkflowAcross
            | Work::Mixed
            | Work::Ring
            | Work::Messages
            | Work::Timers
            | Work::Overload
            | Work::Backup
            | Work::Large => {
                let servers = match shared.take() {
                    Some(servers) => servers,
                    None => Servers::start(&settings).await?,
                };
                let found = on_servers(&servers, arguments, work).await?;
                shared = Some(servers);
                found
            }
        };
        report.extend(found.0, found.1);
    }
    shared.map_or(Ok(()), Servers::stop)
}

fn of_rows(rows: Vec<Row>) -> Found {
    (rows, Vec::new())
}

fn of_figures(figures: Vec<Figure>) -> Found {
    (Vec::new(), figures)
}

/// Measures work on nodes that run.
async fn on_servers(
    servers: &Servers,
    arguments: &BenchArguments,
    work: Work,
) -> anyhow::Result<Found> {
    let count = arguments.workers;
    Ok(of_rows(match work {
        Work::FanIn => load::requests(servers, arguments, FanIn::new(count), &[64]).await?,
        Work::Workflow => {
            let workflows = Workflows::new("w", Steps::Together, count);
            load::requests(servers, arguments, workflows, &[64]).await?
        }
        Work::WorkflowAcross => {
            let workflows = Workflows::new("a", Steps::Apart, count);
            load::requests(servers, arguments, workflows, &[64]).await?
        }
        Work::Mixed => load::requests(servers, arguments, Mixed::new(count), &[64]).await?,
        Work::Ring => vec![load::ring(servers, arguments).await?],
        Work::Messages => curves::messages(servers, arguments).await?,
        Work::Timers => return load::timers(servers, arguments).await,
        Work::Overload => return overload::overload(servers, arguments).await,
        Work::Backup | Work::Large => return beside::beside(servers, arguments, work).await,
        _ => {
            let adds = Adds::new("durable add", "c", count);
            load::requests(servers, arguments, adds, &[1, 64, 256]).await?
        }
    }))
}
