//! Crashes of a whole process: this test starts itself as a child that writes and aborts or is
//! killed, and then reads what the child left. Also tears files, as a loss of power can.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cluster::store::conformance::Random;
use cluster::store::{GroupId, StateStore, StoreProvider};
use cluster_store::{DiskSettings, DiskStores};
use tempfile::TempDir;

/// Names the folder for the child; without it the child's test does nothing.
const FOLDER: &str = "STORE_CRASH_FOLDER";
/// The seed for the child.
const SEED: &str = "STORE_CRASH_SEED";
const GROUPS: u32 = 3;

fn open(folder: &Path) -> DiskStores {
    DiskStores::open(folder, DiskSettings::tiny()).unwrap()
}

/// Unit `index` sets one of 64 keys and a counter; every seventh takes a key away.
fn write_unit(store: &mut dyn StateStore, index: u64) {
    let value = Bytes::from(vec![(index % 251) as u8; (index % 300) as usize]);
    store.put(&key_of(index), value);
    if index.is_multiple_of(7) {
        store.delete(&key_of(index - 3));
    }
    store.put(b"count", Bytes::copy_from_slice(&index.to_be_bytes()));
    store.commit(index).unwrap();
}

fn key_of(index: u64) -> Vec<u8> {
    format!("key {:02}", index * 31 % 64).into_bytes()
}

/// Checks that a group holds what its units up to its index leave; returns the index.
fn check_group(stores: &DiskStores, group: GroupId) -> u64 {
    let store = stores.open(group).unwrap();
    let index = store.committed();
    let memory =
        cluster::store::memory::MemoryStores::new(cluster::store::memory::FlushMode::EveryUnits(1));
    let mut model = memory.open(group).unwrap();
    for unit in 1..=index {
        write_unit(&mut *model, unit);
    }
    let wanted = model.scan(b"", None, usize::MAX).unwrap();
    assert_eq!(store.scan(b"", None, usize::MAX).unwrap(), wanted);
    index
}

/// What the child does: goes on with each group where it is, notes in a file what is flushed, and
/// aborts after a number of units that the seed chooses.
#[test]
fn child_writes_until_it_aborts() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let mut random = Random::new(std::env::var(SEED).unwrap().parse().unwrap());
    let stores = open(&folder.join("state"));
    let mut groups: Vec<_> = (0..GROUPS)
        .map(|group| stores.open(GroupId(group)).unwrap())
        .collect();
    for _ in 0..random.below(3000) {
        let group = random.below(u64::from(GROUPS)) as usize;
        let store = &mut groups[group];
        let index = store.committed() + 1;
        write_unit(&mut **store, index);
        if random.below(100) == 0 {
            store.flush().unwrap();
            assert_eq!(store.flushed(), index);
            std::fs::write(folder.join(format!("flushed-{group}")), index.to_string()).unwrap();
        }
    }
    std::process::abort();
}

fn child(test: &str, folder: &Path, seed: u64) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    child
}

fn run_child(folder: &Path, seed: u64) {
    let status = child("child_writes_until_it_aborts", folder, seed)
        .status()
        .unwrap();
    assert!(!status.success(), "the child ends by its abort");
    assert_eq!(
        status.code(),
        None,
        "seed {seed}: the child failed: {status}"
    );
}

fn flushed(folder: &Path, group: u32) -> u64 {
    let note = std::fs::read_to_string(folder.join(format!("flushed-{group}")));
    note.map_or(0, |note| note.parse().unwrap())
}

fn seed() -> u64 {
    let given = std::env::var("TROUPE_SEED").ok();
    given.map_or(20_262, |seed| seed.parse().unwrap())
}

#[test]
fn an_aborted_process_leaves_a_prefix_of_its_units() {
    let seed = seed();
    println!("seed {seed}");
    let folder = TempDir::new().unwrap();
    let mut written = 0;
    for round in 0..8 {
        run_child(folder.path(), seed + round);
        let stores = open(&folder.path().join("state"));
        for group in 0..GROUPS {
            let index = check_group(&stores, GroupId(group));
            let flushed = flushed(folder.path(), group);
            assert!(
                index >= flushed,
                "group {group}: {index} is before {flushed}"
            );
            written = written.max(index);
        }
    }
    assert!(written > 0, "the children wrote");
}

/// Limits with which the writer is nearly always in the middle of a table, and nothing is merged.
fn always_writing() -> DiskSettings {
    DiskSettings {
        flush_bytes: 64 * 1024,
        merged_tables: 250,
        unmerged_tables_max: 1000,
        ..DiskSettings::default()
    }
}

/// What the child does that is killed: writes without end, noting what is flushed.
#[test]
fn child_writes_until_it_is_killed() {
    let (Some(folder), Ok(seed)) = (std::env::var_os(FOLDER), std::env::var(SEED)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let mut random = Random::new(seed.parse().unwrap());
    let stores = DiskStores::open(&folder.join("state"), always_writing()).unwrap();
    let mut groups: Vec<_> = (0..GROUPS)
        .map(|group| stores.open(GroupId(group)).unwrap())
        .collect();
    let mut noted = [0; GROUPS as usize];
    loop {
        let group = random.below(u64::from(GROUPS)) as usize;
        let store = &mut groups[group];
        let index = store.committed() + 1;
        write_unit(&mut **store, index);
        let flushed = store.flushed();
        if flushed > noted[group] {
            noted[group] = flushed;
            let note = folder.join(format!("flushed-{group}"));
            // Whole or not at all, wherever the kill comes.
            let new = folder.join("new-note");
            std::fs::write(&new, flushed.to_string()).unwrap();
            std::fs::rename(new, note).unwrap();
        }
        while store.unflushed_bytes() > 1024 * 1024 {
            std::thread::yield_now();
        }
    }
}

/// Removes what no list of tables names, as each start does, and counts it. Without merges these are
/// tables that a kill left unfinished.
fn remove_unfinished_tables(state: &Path) -> usize {
    let tables = || -> BTreeSet<PathBuf> {
        let keyspaces = std::fs::read_dir(state.join("keyspaces")).unwrap();
        let folders = keyspaces.map(|entry| entry.unwrap().path().join("tables"));
        let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok());
        files.flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let before = tables();
    let database = fjall::Database::builder(state).worker_threads_unchecked(0);
    drop(database.open().unwrap());
    before.difference(&tables()).count()
}

#[test]
fn a_process_that_is_killed_in_the_middle_of_a_table_leaves_a_prefix_of_its_units() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let (mut written, mut unfinished) = (0, 0);
    for round in 0..12 {
        let mut child = child(
            "child_writes_until_it_is_killed",
            folder.path(),
            seed + round,
        )
        .spawn()
        .unwrap();
        let before: Vec<u64> = (0..GROUPS)
            .map(|group| flushed(folder.path(), group))
            .collect();
        let mut patience = 0;
        while (0..GROUPS).all(|group| flushed(folder.path(), group) == before[group as usize]) {
            patience += 1;
            assert!(patience < 20_000, "the child does not write");
            assert_eq!(child.try_wait().unwrap(), None, "the child has ended");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        unfinished += remove_unfinished_tables(&state);
        let stores = DiskStores::open(&state, always_writing()).unwrap();
        for group in 0..GROUPS {
            let index = check_group(&stores, GroupId(group));
            let flushed = flushed(folder.path(), group);
            assert!(
                index >= flushed,
                "group {group}: {index} is before {flushed}"
            );
            written = written.max(index);
        }
    }
    println!("{written} units at most in a group, {unfinished} tables unfinished");
    assert!(unfinished > 0, "some kill came in the middle of a table");
}

/// Cuts the journal, which says where a group's content is, while the second group comes to it.
#[test]
fn a_torn_journal_leaves_the_groups_before() {
    let mut random = Random::new(seed());
    let mut seen = BTreeSet::new();
    for round in 0..12 {
        let folder = TempDir::new().unwrap();
        let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
        let mut lengths = [0; 2];
        for (group, length) in (1..).zip(&mut lengths) {
            let mut store = stores.open(GroupId(group)).unwrap();
            write_unit(&mut *store, 1);
            store.flush().unwrap();
            *length = journal_length(&journal(folder.path()));
        }
        drop(stores);
        let torn = match round {
            0 => 0,
            _ => 1 + random.below(lengths[1] - lengths[0]),
        };
        let journal = OpenOptions::new().write(true).open(journal(folder.path()));
        journal.unwrap().set_len(lengths[1] - torn).unwrap();
        let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
        assert_eq!(check_group(&stores, GroupId(1)), 1);
        seen.insert((torn == 0, check_group(&stores, GroupId(2))));
        for group in [GroupId(1), GroupId(2)] {
            let mut store = stores.open(group).unwrap();
            let next = store.committed() + 1;
            write_unit(&mut *store, next);
            store.flush().unwrap();
        }
    }
    assert_eq!(Vec::from_iter(seen), [(false, 0), (true, 1)]);
}

/// What a loss of power can leave of a table and of the list that would name it.
#[test]
fn a_torn_table_that_no_list_names_is_as_if_it_were_not_there() {
    let folder = TempDir::new().unwrap();
    let group = GroupId(1);
    for round in 1..=6 {
        let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
        assert_eq!(check_group(&stores, group), (round - 1) * 10);
        let mut store = stores.open(group).unwrap();
        for index in (round - 1) * 10 + 1..=round * 10 {
            write_unit(&mut *store, index);
        }
        store.flush().unwrap();
        drop((store, stores));
        let keyspace = folder.path().join("keyspaces/2");
        let table = newest(&keyspace.join("tables"), "");
        let list = newest(&keyspace, "v");
        for (folder, prefix, number) in
            [(keyspace.join("tables"), "", table), (keyspace, "v", list)]
        {
            let whole = std::fs::read(folder.join(format!("{prefix}{number}"))).unwrap();
            let torn = &whole[..whole.len() * (round as usize - 1) / 5];
            std::fs::write(folder.join(format!("{prefix}{}", number + 1)), torn).unwrap();
        }
    }
}

/// The highest number of the files that are named by a prefix and a number.
fn newest(folder: &Path, prefix: &str) -> u64 {
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let numbers = names.filter_map(|name| name.strip_prefix(prefix)?.parse().ok());
    numbers.max().unwrap()
}

fn journal(folder: &Path) -> PathBuf {
    let mut journals: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jnl"))
        .collect();
    assert_eq!(journals.len(), 1, "little data fits in one journal");
    journals.remove(0)
}

/// The journal's bytes without the zeros that it was preallocated with.
fn journal_length(journal: &Path) -> u64 {
    let bytes = std::fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

#[test]
fn a_second_opening_of_the_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path());
    let refused = DiskStores::open(folder.path(), DiskSettings::tiny())
        .err()
        .unwrap();
    assert_eq!(refused.code(), "E-store-io");
    assert!(refused.to_string().contains("another process"), "{refused}");
    drop(first);
    open(folder.path());
}
