//! Simulation of the real node library: the groups of three or four nodes with openraft, the segmented log,
//! channels, driver and real scripts, on a simulated network, clock, disks and stores, in one thread, from one seed.
//!
//! Each seed runs in a process of its own, so that also what the standard library and tokio draw comes from it.
//! `TROUPE_TEST_SEED=N` runs one seed, `TROUPE_SIMULATION_SEEDS=N` so many, and `TROUPE_SIMULATION_TRACE=FILE` with
//! the test `one_seed` writes its events.
#![allow(clippy::unwrap_used)]

mod apply;
mod backup;
mod bug;
mod bus;
mod chance;
mod checks;
mod client;
mod disk;
mod faults;
mod machine;
mod network;
mod operator;
mod program;
mod stores;
mod trace;
mod world;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bug::Bug;
use tempfile::NamedTempFile;
use world::World;

/// Founders of the cluster.
pub(crate) const NODES: usize = 3;
pub(crate) const SHARDS: u32 = 3;
pub(crate) const CLIENTS: u64 = 5;

/// Seeds by default.
const SEEDS: u64 = 50;
/// Seeds within which each seeded bug must show.
const MUTANT_SEEDS: u64 = 20;
/// Processes at a time.
const PROCESSES: usize = 2;
/// A run takes seconds.
const PROCESS_PATIENCE: Duration = Duration::from_secs(240);

/// What the line begins with that a run ends with.
const REPORT: &str = "report: ";

/// Set in a process that runs one seed; the name of a seeded bug, or empty.
const PROCESS: &str = "TROUPE_SIMULATION_PROCESS";

/// Runs `TROUPE_TEST_SEED`, and shows all that it says.
#[test]
fn one_seed() {
    let seed = number("TROUPE_TEST_SEED").unwrap_or(SEEDS);
    if let Ok(bug) = std::env::var(PROCESS) {
        return run(seed, Bug::named(&bug));
    }
    let trace = std::env::var_os("TROUPE_SIMULATION_TRACE");
    let run = process(seed, Bug::None, trace.as_ref().map(Path::new));
    println!("{}", run.said);
    assert!(run.report.is_some(), "{}", say_again(seed, &run));
    println!("{}", run.report.unwrap_or_default());
}

/// One seed, in this process.
fn run(seed: u64, bug: Bug) {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .without_time()
        .with_ansi(false)
        .try_init();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Ok(mut panics) = world::PANICS.lock() {
            panics.push(panic.to_string());
        }
        hook(panic);
    }));
    let mut world = World::new(seed, bug);
    world.run();
    let backups = checks::check(&mut world);
    let adds = world.clients.iter().flat_map(|client| &client.finished);
    let known = adds.filter(|add| add.verdict == client::Verdict::Acknowledged);
    let reads: u64 = world.clients.iter().map(|client| client.reads).sum();
    let lives: u64 = world.machines.iter().map(|machine| machine.lives).sum();
    let (lines, hash) = world.trace.sum();
    println!(
        "{REPORT}seed {seed}: {} acknowledged, {reads} reads, {lives} lives, {backups} backups, {lines} events, \
         trace {hash}",
        known.count()
    );
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a process came to.
struct Run {
    /// The line that a run ends with, where it passed.
    report: Option<String>,
    /// What it said of its failure.
    said: String,
}

fn process(seed: u64, bug: Bug, trace: Option<&Path>) -> Run {
    let files = [(); 2].map(|()| NamedTempFile::new().unwrap());
    let [stdout, stderr] = &files;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "one_seed", "--nocapture"])
        .args(["--test-threads", "1"])
        .env("RUST_BACKTRACE", "0")
        .env("TROUPE_TEST_SEED", seed.to_string())
        .env(PROCESS, format!("{bug:?}"))
        .env_remove("TROUPE_SIMULATION_TRACE");
    if let Some(trace) = trace {
        command.env("TROUPE_SIMULATION_TRACE", trace);
    }
    let mut child = command
        .stdout(Stdio::from(stdout.reopen().unwrap()))
        .stderr(Stdio::from(stderr.reopen().unwrap()))
        .spawn()
        .unwrap();
    let began = Instant::now();
    let mut late = "";
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PROCESS_PATIENCE {
            // Time stands still for a node that never rests: a loop, not a slow machine.
            late = "\nit does not come to an end";
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = |file: &NamedTempFile| std::fs::read_to_string(file.path()).unwrap();
    Run {
        // It may stand behind the name of the test, which the test's runner has written before.
        report: text(stdout)
            .lines()
            .find_map(|line| line.find(REPORT).map(|at| line[at..].to_owned())),
        said: text(stderr) + late,
    }
}

fn say_again(seed: u64, run: &Run) -> String {
    let said = &run.said;
    format!(
        "seed {seed} failed: {said}\nagain, with its events in a file:\n  TROUPE_TEST_SEED={seed} \
         TROUPE_SIMULATION_TRACE=/tmp/trace-{seed} cargo test -p tests --test cluster_simulation one_seed -- \
         --nocapture"
    )
}

#[test]
fn the_same_seed_twice_gives_the_same_trace() {
    let folder = tempfile::tempdir().unwrap();
    for seed in [1, 2, 3] {
        let traces = ["first", "second"].map(|name| {
            let path = folder.path().join(name);
            let run = process(seed, Bug::None, Some(&path));
            assert!(run.report.is_some(), "{}", say_again(seed, &run));
            std::fs::read_to_string(path).unwrap()
        });
        let [mut first, mut second] = [traces[0].lines(), traces[1].lines()];
        for number in 1.. {
            let (one, other) = (first.next(), second.next());
            assert_eq!(one, other, "line {number} of the trace of seed {seed}");
            if one.is_none() {
                break;
            }
        }
    }
}

/// Runs seeds, as many processes at a time as there are cores; gives those that fail.
fn failures(seeds: impl Iterator<Item = u64>) -> Vec<String> {
    let seeds: Vec<u64> = seeds.collect();
    let mut failures = Vec::new();
    for together in seeds.chunks(PROCESSES) {
        std::thread::scope(|scope| {
            let started = together.iter().map(|seed| {
                let seed = *seed;
                (seed, scope.spawn(move || process(seed, Bug::None, None)))
            });
            let started: Vec<_> = started.collect();
            for (seed, process) in started {
                let run = process.join().unwrap();
                match &run.report {
                    Some(report) => println!("{report}"),
                    None => failures.push(say_again(seed, &run)),
                }
            }
        });
    }
    failures
}

#[test]
fn seeds() {
    let first = number("TROUPE_TEST_SEED");
    let count = number("TROUPE_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let failures = failures(first.map_or(0..count, |seed| seed..seed + 1));
    let failed = failures.len();
    assert!(
        failures.is_empty(),
        "{failed} seeds failed:\n{}",
        failures.join("\n")
    );
}

#[test]
fn seeded_bugs_are_caught() {
    for bug in Bug::ALL {
        let fails = |seed: &u64| process(*seed, bug, None).report.is_none();
        let found = (0..MUTANT_SEEDS).find(fails);
        println!("{bug:?}: {found:?}");
        assert!(
            found.is_some(),
            "{bug:?} is caught within {MUTANT_SEEDS} seeds"
        );
    }
}
