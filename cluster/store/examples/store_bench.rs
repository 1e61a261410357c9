//! Measures the store on disk: commits with the writer thread, CPU, flushes, opening, memory.
//!
//! Before it: a person with a question about speed, who gives a folder on the disk in question.
//! After it: a table on standard output. Leaves to others: what a shard does with the store.
//!
//! `cargo run --release -p cluster-store --example store_bench -- [FOLDER] [UNITS]`

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::store::conformance::Random;
use cluster::store::{GroupId, StoreProvider};
use cluster_store::{DiskSettings, DiskStores};

const GROUPS: u32 = 16;
const VALUE_BYTES: usize = 200;

/// What one part of the measurement took.
struct Lap {
    begun: Instant,
    cpu: Duration,
}

impl Lap {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            cpu: cpu_time(),
        }
    }

    fn end(&self) -> (Duration, Duration) {
        (self.begun.elapsed(), cpu_time() - self.cpu)
    }
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--open").is_some() {
        let folder = arguments.next().unwrap_or_default();
        return open_here(Path::new(&folder));
    }
    let temporary = tempfile::TempDir::new()?;
    let folder = match arguments.next() {
        Some(folder) => tempfile::TempDir::new_in(folder)?,
        None => temporary,
    };
    let units: u64 = arguments
        .next()
        .map_or(Ok(1_000_000), |units| units.parse())?;
    println!(
        "folder {}, {units} units of one put, values of {VALUE_BYTES} bytes",
        folder.path().display()
    );

    idle(&folder.path().join("idle"))?;
    let busy = folder.path().join("busy");
    write(&busy, units, "new keys, 16 groups", GROUPS, u64::MAX)?;
    open(&busy, "after the writes")?;
    write(&busy, units, "1000 keys, 16 groups", GROUPS, 1000)?;
    write(
        &folder.path().join("one"),
        units,
        "new keys, 1 group",
        1,
        u64::MAX,
    )?;
    read(&folder.path().join("one"), units)?;
    replace(&folder.path().join("one"), units)?;
    Ok(())
}

/// A node with nothing to do.
fn idle(folder: &Path) -> anyhow::Result<()> {
    let before = resident_kib();
    let begun = Instant::now();
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let groups: Vec<_> = (0..=GROUPS)
        .map(|group| stores.open(GroupId(group)))
        .collect::<Result<_, _>>()?;
    let first = begun.elapsed();
    let mut groups = groups;
    for store in &mut groups {
        store.put(b"key", Bytes::from_static(b"value"));
        store.commit(1)?;
    }
    let begun = Instant::now();
    for store in &mut groups {
        store.flush()?;
    }
    println!(
        "first start with 17 groups {first:.1?}; first flush of all {:.1?}; {} KiB more resident",
        begun.elapsed(),
        resident_kib() - before
    );
    let lap = Lap::begin();
    std::thread::sleep(Duration::from_secs(2));
    let (took, cpu) = lap.end();
    println!("idle: {:.4} cores", cpu.as_secs_f64() / took.as_secs_f64());
    drop((groups, stores));
    open(folder, "with 17 groups of one key")
}

/// Opens in a process of its own, so that the memory is that of a fresh start.
fn open(folder: &Path, what: &str) -> anyhow::Result<()> {
    print!("open {what}: ");
    std::io::stdout().flush()?;
    let mut child = std::process::Command::new(std::env::current_exe()?);
    let status = child.arg("--open").arg(folder).status()?;
    anyhow::ensure!(status.success(), "opening failed: {status}");
    Ok(())
}

fn open_here(folder: &Path) -> anyhow::Result<()> {
    let lap = Lap::begin();
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    for group in 0..=GROUPS {
        stores.open(GroupId(group))?;
    }
    let (took, cpu) = lap.end();
    println!(
        "{took:.1?}, {cpu:.1?} of CPU, {} KiB resident",
        resident_kib()
    );
    Ok(())
}

fn write(folder: &Path, units: u64, what: &str, groups: u32, keys: u64) -> anyhow::Result<()> {
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let mut open: Vec<_> = (0..groups)
        .map(|group| stores.open(GroupId(group)))
        .collect::<Result<_, _>>()?;
    let mut random = Random::new(1);
    let mut slowest = Duration::ZERO;
    let mut most_unflushed = 0;
    let lap = Lap::begin();
    for unit in 0..units {
        let store = &mut open[(unit % u64::from(groups)) as usize];
        let key = if keys == u64::MAX {
            unit
        } else {
            random.below(keys)
        };
        let begun = Instant::now();
        store.put(key_of(key).as_bytes(), value(&mut random));
        store.commit(store.committed() + 1)?;
        slowest = slowest.max(begun.elapsed());
        if unit % 10_000 == 0 {
            most_unflushed = stores.stats().unflushed_bytes.max(most_unflushed);
        }
    }
    let (visible, _) = lap.end();
    for store in &mut open {
        store.flush()?;
    }
    let (durable, cpu) = lap.end();
    let stats = stores.stats();
    println!("{what}:");
    println!(
        "  {:.0} units/s visible, {:.0} units/s durable, {:.2} us of CPU a unit, slowest commit {slowest:.1?}",
        units as f64 / visible.as_secs_f64(),
        units as f64 / durable.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / units as f64,
    );
    println!(
        "  {} flushes, {} batches, {} changes in them, {} postponed, at most {} KiB unflushed",
        stats.flushes,
        stats.batches,
        stats.changes,
        stats.postponed,
        most_unflushed / 1024
    );
    println!(
        "  {} KiB on disk, {} KiB resident",
        stats.disk_bytes / 1024,
        resident_kib()
    );
    Ok(())
}

fn read(folder: &Path, units: u64) -> anyhow::Result<()> {
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let store = stores.open(GroupId(0))?;
    let mut random = Random::new(2);
    let lap = Lap::begin();
    for _ in 0..100_000 {
        let key = key_of(random.below(units));
        anyhow::ensure!(store.get(key.as_bytes())?.is_some(), "{key} is missing");
    }
    let gets = lap.end().0;
    let lap = Lap::begin();
    for _ in 0..20_000 {
        let found = store.scan(key_of(random.below(units)).as_bytes(), None, 1)?;
        anyhow::ensure!(!found.is_empty(), "nothing above a key that is there");
    }
    let scans = lap.end().0;
    let lap = Lap::begin();
    let view = store.view()?;
    let (mut after, mut pairs) = (None, 0);
    loop {
        let page = view.page(after.as_deref(), 256 * 1024)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        pairs += page.len();
    }
    println!(
        "reads: {:.0} gets/s, {:.0} scans of one/s, {:.0} pairs/s in pages of a view",
        100_000.0 / gets.as_secs_f64(),
        20_000.0 / scans.as_secs_f64(),
        pairs as f64 / lap.end().0.as_secs_f64()
    );
    Ok(())
}

fn replace(folder: &Path, units: u64) -> anyhow::Result<()> {
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let mut store = stores.open(GroupId(0))?;
    let mut random = Random::new(3);
    let lap = Lap::begin();
    let mut pairs = (0..units).map(|unit| Ok((key_of(unit).into(), value(&mut random))));
    store.replace(1, &mut pairs)?;
    println!(
        "replacement: {:.0} pairs/s",
        units as f64 / lap.end().0.as_secs_f64()
    );
    Ok(())
}

fn key_of(number: u64) -> String {
    format!("{number:016x}")
}

/// Bytes that do not compress.
fn value(random: &mut Random) -> Bytes {
    let words = (0..VALUE_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes());
    words.collect()
}

/// User and system time of this process, all threads.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}
