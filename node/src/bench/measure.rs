//! What operations cost: CPU time of processes from the kernel, flushes from the nodes' metrics.

use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;

use super::OperationCosts;
use super::servers::Servers;

/// Costs up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    at: Instant,
    node_cpu: Duration,
    load_cpu: Duration,
    flushes: u64,
}

/// Costs of a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// How long it was.
    pub took: Duration,
    /// CPU time of the nodes.
    pub node_cpu: Duration,
    /// CPU time of this process.
    pub load_cpu: Duration,
    /// Flushes of the nodes' logs.
    pub flushes: u64,
}

impl Costs {
    /// Costs up to now.
    pub(super) async fn now(servers: &Servers) -> anyhow::Result<Costs> {
        let mut node_cpu = Duration::ZERO;
        for process in servers.processes() {
            node_cpu += cpu(&process.to_string())?;
        }
        let flushes = servers.flushes().await?;
        Ok(Costs {
            at: Instant::now(),
            node_cpu,
            load_cpu: cpu("self")?,
            flushes,
        })
    }

    /// Costs since then.
    pub(super) async fn spent(self, servers: &Servers) -> anyhow::Result<Spent> {
        let now = Costs::now(servers).await?;
        Ok(Spent {
            took: now.at - self.at,
            node_cpu: now.node_cpu.saturating_sub(self.node_cpu),
            load_cpu: now.load_cpu.saturating_sub(self.load_cpu),
            flushes: now.flushes - self.flushes,
        })
    }
}

impl Spent {
    /// What each of `count` operations cost.
    pub(super) fn of_each(&self, count: f64) -> OperationCosts {
        OperationCosts {
            node_cpu_us: self.node_cpu.as_secs_f64() * 1e6 / count,
            load_cpu_us: self.load_cpu.as_secs_f64() * 1e6 / count,
            flushes: self.flushes as f64 / count,
        }
    }
}

/// Waits at 50, 95 and 99 in 100 and the longest, in milliseconds.
pub(super) fn waits_ms(waits_us: &Histogram<u64>) -> [f64; 4] {
    [0.5, 0.95, 0.99, 1.0].map(|quantile| waits_us.value_at_quantile(quantile) as f64 / 1000.0)
}

/// User and system time of a process, from `/proc`.
fn cpu(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name in brackets and may hold blanks.
    let (_, fields) = text
        .rsplit_once(')')
        .context("a stat line has a name in brackets")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|field| field.parse::<u64>().ok())
    };
    let ticks = ticks(11)
        .zip(ticks(12))
        .context("a stat line has two CPU times")?;
    // Linux reports them in hundredths of a second (USER_HZ) on every platform that we build for.
    Ok(Duration::from_millis((ticks.0 + ticks.1) * 10))
}

/// Resident memory of a process, MiB.
pub(super) fn resident_mib(process: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("VmRSS is there")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}
