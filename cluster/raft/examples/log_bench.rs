//! Measures the raft log on a real folder against one bare flushed write at a time on the same
//! disk: appends a second, flushes, and the time from request to completion. It comes before
//! nothing and after `Log::start`. Run it with `cargo run --release -p cluster-raft --example
//! log_bench [FOLDER]`; without a folder it works under the current one and cleans up.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster_raft::disk::FileDisk;
use cluster_raft::limits::LogLimits;
use cluster_raft::log::{GroupId, Log, LogConfig};

const ENTRY_BYTES: usize = 200;
const ROUNDS: usize = 3;
const ROUND_SECONDS: u64 = 2;

/// What one round of one case measured.
#[derive(Clone, Copy)]
struct Measured {
    entries_per_second: f64,
    flushes_per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

fn main() {
    let folder = match std::env::args().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_dir().unwrap(),
    };
    let folder = tempfile::tempdir_in(folder).unwrap();
    println!("{ENTRY_BYTES}-byte entries, {ROUND_SECONDS} s a round, medians of {ROUNDS} rounds");
    println!(
        "{:<34} {:>11} {:>10} {:>9} {:>9}",
        "case", "entries/s", "flushes/s", "p50 us", "p99 us"
    );
    report("bare write + fdatasync, zero-filled", || raw(folder.path()));
    for (groups, entries) in [(1, 1), (1, 16), (64, 1), (64, 16)] {
        let name = format!("log, {groups} group(s) x {entries} entries");
        report(&name, || log(folder.path(), groups, entries));
    }
}

fn report(name: &str, run: impl Fn() -> Measured) {
    let rounds: Vec<Measured> = (0..ROUNDS).map(|_| run()).collect();
    let median = |value: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{name:<34} {:>11.0} {:>10.0} {:>9.0} {:>9.0}",
        median(|round| round.entries_per_second),
        median(|round| round.flushes_per_second),
        median(|round| round.p50_us),
        median(|round| round.p99_us),
    );
}

/// One write and one flush after the other, into a file that has been filled with zeros.
fn raw(folder: &Path) -> Measured {
    let path = folder.join("raw");
    let file = std::fs::File::create(&path).unwrap();
    let length = 32 << 20;
    file.write_all_at(&vec![0; length], 0).unwrap();
    file.sync_all().unwrap();
    let entry = [0x5a; ENTRY_BYTES];
    let mut times = Vec::new();
    let began = Instant::now();
    let mut offset = 0;
    while began.elapsed() < Duration::from_secs(ROUND_SECONDS) {
        let started = Instant::now();
        file.write_all_at(&entry, offset).unwrap();
        file.sync_data().unwrap();
        times.push(started.elapsed());
        offset = (offset + ENTRY_BYTES as u64) % (length as u64 - ENTRY_BYTES as u64);
    }
    let count = times.len() as u64;
    std::fs::remove_file(&path).unwrap();
    measured(began.elapsed(), count, count, times)
}

/// Each group has one append of so many entries outstanding, over and over.
fn log(folder: &Path, groups: u64, entries: usize) -> Measured {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let disk = Arc::new(FileDisk::open(folder.path()).unwrap());
    let config = LogConfig {
        node: 1,
        stamp: 1,
        limits: LogLimits::default(),
    };
    let (log, threads) = Log::start(disk, config).unwrap();
    let entry = Bytes::from(vec![0x5a; ENTRY_BYTES]);
    let (tell, told) = channel();
    let mut next = vec![0_u64; groups as usize];
    for group in 0..groups {
        submit(&log, group, 0, vec![entry.clone(); entries], &tell);
    }
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(ROUND_SECONDS) {
        let (group, started): (u64, Instant) = told.recv().unwrap();
        times.push(started.elapsed());
        let index = &mut next[group as usize];
        *index += entries as u64;
        // As a snapshot would: keep the last ten thousand entries.
        if index.is_multiple_of(16_384) && *index > 10_000 {
            let done = Box::new(drop);
            log.purge(GroupId(group), *index - 10_000, Bytes::new(), done)
                .unwrap();
        }
        submit(&log, group, *index, vec![entry.clone(); entries], &tell);
    }
    let elapsed = began.elapsed();
    let count = times.len() as u64 * entries as u64;
    let flushes = log.statistics().flushes;
    threads.close();
    measured(elapsed, count, flushes, times)
}

fn submit(log: &Log, group: u64, first: u64, entries: Vec<Bytes>, tell: &Sender<(u64, Instant)>) {
    let tell = tell.clone();
    let started = Instant::now();
    let done = Box::new(move |outcome: Result<(), _>| {
        outcome.unwrap();
        // Nobody listens any more once the round is over.
        let _ = tell.send((group, started));
    });
    log.append(GroupId(group), first, entries, done).unwrap();
}

fn measured(elapsed: Duration, entries: u64, flushes: u64, mut times: Vec<Duration>) -> Measured {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    Measured {
        entries_per_second: entries as f64 / elapsed.as_secs_f64(),
        flushes_per_second: flushes as f64 / elapsed.as_secs_f64(),
        p50_us: at(0.5),
        p99_us: at(0.99),
    }
}
