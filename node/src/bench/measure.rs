//! What operations cost: CPU time and written bytes of processes from the kernel, flushes from the nodes'
//! metrics, and how busy something else kept the machine meanwhile.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::report::OperationCosts;
use super::servers::Servers;

/// What the kernel counts CPU time in, on every platform that we build for (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// Costs up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    at: Instant,
    node_cpu: Duration,
    load_cpu: Duration,
    machine_cpu: Duration,
    written_bytes: u64,
    flushes: u64,
}

/// Costs of a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// How long it was.
    pub took: Duration,
    /// CPU time of the nodes and of NATS.
    pub node_cpu: Duration,
    /// CPU time of this process.
    pub load_cpu: Duration,
    /// CPU time of everything on the machine.
    pub machine_cpu: Duration,
    /// Bytes that the nodes had written to their disks.
    pub written_bytes: u64,
    /// Flushes of the nodes' logs.
    pub flushes: u64,
}

impl Costs {
    /// Costs up to now.
    ///
    /// # Errors
    /// A node does not answer, or is gone.
    pub(super) async fn now(servers: &Servers) -> anyhow::Result<Costs> {
        let flushes = servers.flushes().await?;
        let (mut node_cpu, mut written_bytes) = (Duration::ZERO, 0);
        for process in servers.processes() {
            node_cpu += cpu(&process.to_string())?;
            written_bytes += written(process)?;
        }
        Ok(Costs {
            at: Instant::now(),
            node_cpu,
            load_cpu: cpu("self")?,
            machine_cpu: machine_cpu()?,
            written_bytes,
            flushes,
        })
    }

    /// Costs since then.
    ///
    /// # Errors
    /// As for [`Costs::now`].
    pub(super) async fn spent(self, servers: &Servers) -> anyhow::Result<Spent> {
        let now = Costs::now(servers).await?;
        Ok(Spent {
            took: now.at - self.at,
            node_cpu: now.node_cpu.saturating_sub(self.node_cpu),
            load_cpu: now.load_cpu.saturating_sub(self.load_cpu),
            machine_cpu: now.machine_cpu.saturating_sub(self.machine_cpu),
            written_bytes: now.written_bytes.saturating_sub(self.written_bytes),
            flushes: now.flushes.saturating_sub(self.flushes),
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
            written_bytes: self.written_bytes as f64 / count,
        }
    }

    /// Cores that neither the nodes nor the load generator kept busy, but something did.
    pub(super) fn other_cores(&self) -> f64 {
        let other = self
            .machine_cpu
            .saturating_sub(self.node_cpu)
            .saturating_sub(self.load_cpu);
        other.as_secs_f64() / self.took.as_secs_f64()
    }
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
            .and_then(|field| field.parse::<u32>().ok())
    };
    let (user, system) = ticks(11)
        .zip(ticks(12))
        .context("a stat line has two CPU times")?;
    Ok(TICK * (user + system))
}

/// User and system time of everything, from `/proc/stat`.
fn machine_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let line = text.lines().next().unwrap_or("");
    Ok(TICK * busy_ticks(line).context("/proc/stat begins with CPU times")?)
}

/// Ticks of a line `cpu user nice system idle iowait irq softirq steal …` that were neither idle nor waiting.
fn busy_ticks(line: &str) -> Option<u32> {
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let busy = ticks.get(..8)?.iter().sum::<u64>() - ticks[3] - ticks[4];
    u32::try_from(busy).ok()
}

/// Bytes that a process had written to a disk, from `/proc`.
fn written(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/io");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.context("write_bytes is there")?.trim().parse()?)
}

/// Resident memory of a process, bytes.
///
/// # Errors
/// It is gone.
pub(super) fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("VmRSS is there")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}

/// Bytes that a folder's files take on their disk.
///
/// # Errors
/// It cannot be read.
pub(super) fn stored_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?
    {
        let Ok(entry) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) else {
            // Nodes remove files while this reads.
            continue;
        };
        sum += match entry.1.is_dir() {
            true => stored_bytes(&entry.0).unwrap_or(0),
            false => entry.1.blocks() * 512,
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_busy_when_it_is_neither_idle_nor_waiting() {
        let line = "cpu  100 20 30 5000 700 1 2 3 0 0";
        assert_eq!(busy_ticks(line), Some(100 + 20 + 30 + 1 + 2 + 3));
        assert_eq!(busy_ticks("cpu 1 2"), None);
    }

    #[test]
    fn this_process_has_costs() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        written(std::process::id()).unwrap();
        assert!(machine_cpu().unwrap() >= cpu("self").unwrap());
    }

    #[test]
    fn a_folder_takes_what_its_files_take() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::fs::write(folder.path().join("inner/file"), vec![1; 100_000]).unwrap();
        let file = std::fs::File::open(folder.path().join("inner/file")).unwrap();
        file.sync_all().unwrap();
        let bytes = stored_bytes(folder.path()).unwrap();
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
        assert!(stored_bytes(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn costs_are_divided_by_operations() {
        let spent = Spent {
            took: Duration::from_secs(2),
            node_cpu: Duration::from_secs(1),
            load_cpu: Duration::from_millis(500),
            machine_cpu: Duration::from_millis(2500),
            written_bytes: 8_000,
            flushes: 250,
        };
        let each = spent.of_each(1_000.0);
        assert_eq!(each.node_cpu_us, 1_000.0);
        assert_eq!(each.load_cpu_us, 500.0);
        assert_eq!((each.flushes, each.written_bytes), (0.25, 8.0));
        assert_eq!(spent.other_cores(), 0.5);
    }
}
