//! Crashes of a whole process: this test starts itself as a child that writes and aborts, and then
//! reads what the child left. Also tears the end of the journal, as a loss of power can.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

fn run_child(folder: &Path, seed: u64) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_writes_until_it_aborts", "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
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

/// Cuts the journal at every kind of place. Usual limits and little data: all of it is in the
/// journal, so that whatever is left of it is a prefix.
#[test]
fn a_torn_journal_leaves_a_prefix_of_the_units() {
    let mut random = Random::new(seed());
    let group = GroupId(1);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..12 {
        let folder = TempDir::new().unwrap();
        let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
        let mut store = stores.open(group).unwrap();
        for index in 1..=40 {
            write_unit(&mut *store, index);
            if index % 4 == 0 {
                store.flush().unwrap();
            }
        }
        drop((store, stores));
        let journal = journal(folder.path());
        let length = journal_length(&journal);
        let left = match round {
            0 => length,
            _ => length - random.below(length / 2),
        };
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(&journal)
            .unwrap();
        file.set_len(left).unwrap();
        let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
        let index = check_group(&stores, group);
        assert!(
            index.is_multiple_of(4),
            "units of one batch come or go together"
        );
        assert!(
            round > 0 || index == 40,
            "nothing is lost of a whole journal"
        );
        seen.insert(index);
        let mut store = stores.open(group).unwrap();
        write_unit(&mut *store, index + 1);
        store.flush().unwrap();
    }
    assert!(
        seen.len() > 3,
        "cuts left prefixes of several lengths: {seen:?}"
    );
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
