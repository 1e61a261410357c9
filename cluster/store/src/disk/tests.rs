//! What the suite of the port cannot see: a disk that stands still or fails, and leftovers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;

const GROUP: GroupId = GroupId(1);

fn opened(settings: DiskSettings) -> (TempDir, DiskStores, Box<dyn StateStore>) {
    let folder = TempDir::new().unwrap();
    let stores = DiskStores::open(folder.path(), settings).unwrap();
    let store = stores.open(GROUP).unwrap();
    (folder, stores, store)
}

fn group(stores: &DiskStores) -> Arc<Group> {
    Arc::clone(&lock(&stores.running.engine.groups)[&GROUP])
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_disk_that_stands_still_holds_up_neither_commits_nor_reads() {
    let (_folder, stores, mut store) = opened(DiskSettings::tiny());
    store.put(b"before", Bytes::from_static(b"1"));
    store.commit(1).unwrap();
    store.flush().unwrap();
    let group = group(&stores);
    let standing_still = lock(&group.writing);
    for index in 2..=2000_u64 {
        store.put(&index.to_be_bytes(), Bytes::from(vec![1; 100]));
        store.commit(index).unwrap();
    }
    assert_eq!((store.committed(), store.flushed()), (2000, 1));
    assert_eq!(store.unflushed_bytes(), 1999 * 108);
    assert_eq!(stores.stats().unflushed_bytes, 1999 * 108);
    assert_eq!(store.scan(b"", None, 5000).unwrap().len(), 2000);
    assert_eq!(store.reader().scan_back(b"", None, 1).unwrap().len(), 1);
    drop(standing_still);
    wait_until("the writer has caught up by itself", || {
        store.flushed() == 2000
    });
    assert_eq!(store.unflushed_bytes(), 0);
    assert_eq!(store.scan(b"", None, 5000).unwrap().len(), 2000);
}

#[test]
fn units_become_durable_without_being_asked() {
    let (_folder, _stores, mut store) = opened(DiskSettings::default());
    store.commit(5).unwrap();
    wait_until("an empty unit is durable", || store.flushed() == 5);
}

#[test]
fn many_units_of_a_round_are_one_batch_and_one_flush() {
    let (_folder, stores, mut store) = opened(DiskSettings {
        flush_interval: Duration::from_secs(3600),
        ..DiskSettings::default()
    });
    for index in 1..=1000 {
        store.put(b"same key", Bytes::from(vec![1; 100]));
        store.commit(index).unwrap();
    }
    store.flush().unwrap();
    let stats = stores.stats();
    assert_eq!((stats.flushes, stats.batches, stats.changes), (1, 1, 1));
    assert_eq!(stats.bytes, 108);
}

#[test]
fn after_a_failed_write_nothing_is_accepted_and_reads_go_on() {
    let (folder, stores, mut store) = opened(DiskSettings {
        flush_interval: Duration::from_secs(3600),
        ..DiskSettings::default()
    });
    store.put(b"flushed", Bytes::from_static(b"1"));
    store.commit(1).unwrap();
    store.flush().unwrap();
    store.put(b"lost", Bytes::from_static(b"1"));
    store.commit(2).unwrap();
    let engine = &stores.running.engine;
    engine.poison("flush a batch", &fjall::Error::Poisoned);
    let refused = store.commit(3).unwrap_err();
    assert_eq!(refused.code(), "E-store-stopped");
    assert!(refused.to_string().contains("flush a batch"), "{refused}");
    assert_eq!(store.flush(), Err(refused.clone()));
    assert_eq!(
        store.replace(9, &mut std::iter::empty()),
        Err(refused.clone())
    );
    assert_eq!(stores.remove(GROUP), Err(refused));
    assert!(store.get(b"lost").unwrap().is_some());
    drop((store, stores));
    let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
    let store = stores.open(GROUP).unwrap();
    assert_eq!((store.committed(), store.get(b"lost").unwrap()), (1, None));
}

#[test]
fn a_group_that_is_behind_is_left_for_later_and_comes_through() {
    let settings = DiskSettings {
        memtable_bytes: 1024,
        flush_interval: Duration::ZERO,
        ..DiskSettings::tiny()
    };
    let (_folder, stores, mut store) = opened(settings);
    let mut index = 0_u64;
    wait_until("a round leaves the group out", || {
        for _ in 0..50 {
            index += 1;
            store.put(&(index % 512).to_be_bytes(), Bytes::from(vec![1; 200]));
            store.commit(index).unwrap();
        }
        store.request_flush();
        stores.stats().postponed > 0
    });
    store.flush().unwrap();
    assert_eq!(store.flushed(), index);
    let expected = (index as usize).min(512);
    assert_eq!(store.scan(b"", None, 5000).unwrap().len(), expected);
}

#[test]
fn a_start_removes_what_a_crash_left_of_a_replacement() {
    let (folder, stores, mut store) = opened(DiskSettings::default());
    store.put(b"key", Bytes::from_static(b"1"));
    store.commit(1).unwrap();
    store.flush().unwrap();
    let half = stores.running.engine.keyspace("group-1-2").unwrap();
    half.insert("key", "of an unfinished snapshot").unwrap();
    drop((half, store, stores));

    let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
    let names = stores.running.engine.database.list_keyspace_names();
    let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["group-1-1", "groups"]);
    let mut store = stores.open(GROUP).unwrap();
    store.replace(2, &mut std::iter::empty()).unwrap();
    assert_eq!(store.scan(b"", None, 9).unwrap(), vec![]);
}

#[test]
fn a_group_without_its_files_is_corrupt_and_others_are_not() {
    let (folder, stores, mut store) = opened(DiskSettings::default());
    let mut other = stores.open(GroupId(2)).unwrap();
    for store in [&mut store, &mut other] {
        store.put(b"key", Bytes::from_static(b"1"));
        store.commit(1).unwrap();
        store.flush().unwrap();
    }
    let engine = &stores.running.engine;
    let files = engine.keyspace("group-1-1").unwrap();
    engine.database.delete_keyspace(files).unwrap();
    engine.records.insert(record_key(GroupId(3)), "?").unwrap();
    drop((store, other));
    let missing = stores.open(GROUP).err().unwrap();
    assert_eq!(missing.code(), "E-store-corrupt");
    let unreadable = stores.open(GroupId(3)).err().unwrap();
    assert_eq!(unreadable.code(), "E-store-corrupt");
    assert!(stores.open(GroupId(2)).is_ok());
    drop(stores);
    let refused = DiskStores::open(folder.path(), DiskSettings::default());
    assert_eq!(refused.err().unwrap(), unreadable);
}
