//! Measures the store on disk: commits with the writer thread, CPU, written bytes, opening also
//! after a kill, memory.
//!
//! Before it: a person with a question about speed, who gives a folder on the disk in question.
//! After it: a table on standard output. Leaves to others: what a shard does with the store.
//!
//! `cargo run --release -p cluster-store --example store_bench -- [FOLDER] [UNITS]`

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
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
    if arguments.next_if_eq("--messages").is_some() {
        let folder = arguments.next().unwrap_or_default();
        let mebibytes = arguments.next().map_or(Ok(0), |count| count.parse())?;
        return messages_until_killed(Path::new(&folder), mebibytes);
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

    for mebibytes in [0, 8, 35, 60, 200] {
        killed(
            &folder.path().join(format!("killed-{mebibytes}")),
            mebibytes,
        )?;
    }
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
    let mut units = 0;
    for group in 0..=GROUPS {
        units += stores.open(GroupId(group))?.committed();
    }
    let (took, cpu) = lap.end();
    println!(
        "{took:.1?}, {cpu:.1?} of CPU, {} KiB resident, {units} units there",
        resident_kib()
    );
    Ok(())
}

/// Lets a process write so many MiB as messages do, kills it with SIGKILL, and opens what it left.
fn killed(folder: &Path, mebibytes: u64) -> anyhow::Result<()> {
    let mut child = std::process::Command::new(std::env::current_exe()?)
        .args([OsStr::new("--messages"), folder.as_os_str()])
        .arg(mebibytes.to_string())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("the child has an output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    print!("{line}  ");
    open(folder, "after a kill")
}

/// A message rewrites the state of one of many workers and adds to the history. Waits where the
/// disk falls behind, as a node does that bounds its memory.
fn messages_until_killed(folder: &Path, mebibytes: u64) -> anyhow::Result<()> {
    const WORKERS: u64 = 10_000;
    const UNFLUSHED_BYTES_MAX: u64 = 16 << 20;
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let mut open: Vec<_> = (0..GROUPS)
        .map(|group| stores.open(GroupId(group)))
        .collect::<Result<_, _>>()?;
    let mut random = Random::new(4);
    let (mut bytes, mut units, written) = (0, 0_u64, written_bytes());
    let lap = Lap::begin();
    while bytes < mebibytes << 20 {
        let store = &mut open[(units % u64::from(GROUPS)) as usize];
        let state = format!("state/{}", key_of(random.below(WORKERS)));
        let history = format!("history/{}", key_of(units));
        let (value, step) = (value(&mut random), Bytes::from(vec![7; 60]));
        bytes += (state.len() + history.len() + value.len() + step.len()) as u64;
        store.put(state.as_bytes(), value);
        store.put(history.as_bytes(), step);
        store.commit(store.committed() + 1)?;
        units += 1;
        while units.is_multiple_of(1000) && stores.stats().unflushed_bytes > UNFLUSHED_BYTES_MAX {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (took, cpu) = lap.end();
    let each = |total: f64| total / (2 * units.max(1)) as f64;
    println!(
        "{units} messages of {mebibytes} MiB in {took:.1?}: {:.2} us of CPU and {:.0} of {:.0} bytes written a change",
        each(cpu.as_secs_f64() * 1e6),
        each((written_bytes() - written) as f64),
        each(bytes as f64),
    );
    std::io::stdout().flush()?;
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn write(folder: &Path, units: u64, what: &str, groups: u32, keys: u64) -> anyhow::Result<()> {
    let stores = DiskStores::open(folder, DiskSettings::default())?;
    let mut open: Vec<_> = (0..groups)
        .map(|group| stores.open(GroupId(group)))
        .collect::<Result<_, _>>()?;
    let mut random = Random::new(1);
    let mut slowest = Duration::ZERO;
    let mut most_unflushed = 0;
    let written = written_bytes();
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
        "  {} writes, {} changes in them, {} postponed, at most {} KiB unflushed",
        stats.writes,
        stats.changes,
        stats.postponed,
        most_unflushed / 1024
    );
    println!(
        "  {:.0} bytes written a unit, {} KiB on disk, {} KiB resident",
        (written_bytes() - written) as f64 / units as f64,
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
    let view = store.reader().view()?;
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

/// Bytes that this process has had written to disks.
fn written_bytes() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = counts.lines().find(|line| line.starts_with("write_bytes:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}
