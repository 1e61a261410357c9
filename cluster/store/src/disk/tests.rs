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

fn tables(stores: &DiskStores) -> usize {
    let base = group(stores).read().unwrap().base.clone().unwrap();
    base.table_count()
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
    let (_folder, _stores, mut store) = opened(DiskSettings {
        flush_interval: Duration::from_millis(20),
        ..DiskSettings::default()
    });
    for index in [5, 7] {
        store.commit(index).unwrap();
        wait_until("an empty unit is durable", || store.flushed() == index);
    }
}

#[test]
fn many_units_are_one_table() {
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
    assert_eq!((stats.writes, stats.changes, stats.bytes), (1, 1, 108));
    assert_eq!(tables(&stores), 1);
}

#[test]
fn the_largest_groups_are_written_first_and_only_until_little_is_left() {
    let (_folder, stores, mut small) = opened(DiskSettings {
        flush_interval: Duration::from_secs(3600),
        flush_bytes: 10_000,
        ..DiskSettings::default()
    });
    let mut large = stores.open(GroupId(2)).unwrap();
    small.put(b"key", Bytes::from(vec![1; 4000]));
    small.commit(1).unwrap();
    // Always the same key: little to write, much to replay.
    for index in 1..=7 {
        assert_eq!((small.flushed(), large.flushed()), (0, 0));
        large.put(b"key", Bytes::from(vec![1; 1000]));
        large.commit(index).unwrap();
    }
    wait_until("the large group is written", || large.flushed() == 7);
    assert_eq!((small.flushed(), stores.stats().writes), (0, 1));
    assert_eq!(stores.stats().bytes, 1003);
    small.request_flush();
    wait_until("the small group is, on demand", || small.flushed() == 1);
}

#[test]
fn a_unit_waits_no_longer_than_the_interval_whatever_other_groups_do() {
    let (_folder, stores, mut quiet) = opened(DiskSettings {
        flush_interval: Duration::from_millis(50),
        ..DiskSettings::default()
    });
    let mut busy = stores.open(GroupId(2)).unwrap();
    quiet.commit(1).unwrap();
    let mut index = 0;
    wait_until("the quiet group is durable", || {
        index += 1;
        busy.commit(index).unwrap();
        busy.request_flush();
        quiet.flushed() == 1
    });
    drop(stores);
}

#[test]
fn keys_of_zeros_are_keys_like_others() {
    let longest = vec![0; cluster::store::KEY_BYTES_MAX];
    let keys = [&b"\0"[..], b"\0\0", b"\0\0\0", &longest, b"\0\x01", b"\x01"];
    let (folder, stores, mut store) = opened(DiskSettings::default());
    for key in keys {
        store.put(key, Bytes::copy_from_slice(&key[..1]));
    }
    store.commit(1).unwrap();
    store.flush().unwrap();
    drop((store, stores));
    let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
    let mut store = stores.open(GROUP).unwrap();
    let found = |pairs: Vec<(Bytes, Bytes)>| -> Vec<Bytes> {
        pairs.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(found(store.scan(b"", None, 9).unwrap()), keys);
    assert_eq!(
        found(store.scan(b"\0\0", Some(b"\0\x01"), 9).unwrap()),
        keys[1..4]
    );
    assert_eq!(
        found(store.reader().view().unwrap().page(None, 1 << 20).unwrap()),
        keys
    );
    assert!(store.get(&longest).unwrap().is_some());
    assert_eq!(store.get(b"").unwrap(), None);
    assert_eq!(store.reader().view().unwrap().get(b"").unwrap(), None);
    store.delete(b"\0");
    store.commit(2).unwrap();
    store.flush().unwrap();
    assert_eq!(store.get(b"\0").unwrap(), None);
    assert_eq!(
        found(store.scan_back(b"", None, 9).unwrap())
            .last()
            .unwrap(),
        keys[1]
    );
    assert_eq!(store.reader().view().unwrap().index(), 2);
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
    engine.poison("write a table", &fjall::Error::Poisoned);
    let refused = store.commit(3).unwrap_err();
    assert_eq!(refused.code(), "E-store-stopped");
    assert!(refused.to_string().contains("write a table"), "{refused}");
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
        unmerged_tables_max: 1,
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
    stores.running.engine.keyspace("group-7-1").unwrap();
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
fn old_lists_of_tables_are_not_left_to_the_next_start() {
    let (_folder, stores, mut store) = opened(DiskSettings {
        merged_tables: 100,
        unmerged_tables_max: 200,
        ..DiskSettings::default()
    });
    for index in 1..=20 {
        store.commit(index).unwrap();
        store.flush().unwrap();
    }
    assert_eq!(tables(&stores), 20);
    let base = group(&stores).read().unwrap().base.clone().unwrap();
    let files = std::fs::read_dir(base.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let lists = names.filter(|name| name.starts_with('v')).count();
    assert!((1..=3).contains(&lists), "{lists} lists");
}

#[test]
fn keyspaces_keep_their_names_whatever_came_and_went_before_a_crash() {
    let folder = TempDir::new().unwrap();
    let open = || DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
    let stores = open();
    for generation in 1..=20 {
        let name = format!("group-9-{generation}");
        stores.running.engine.keyspace(&name).unwrap();
    }
    drop(stores);
    // This start removes them all, and the next gives their numbers to others.
    drop(open());
    for index in 1..=3 {
        let stores = open();
        for group in 1..=3 {
            let mut store = stores.open(GroupId(group)).unwrap();
            assert_eq!(store.committed(), index - 1);
            store.commit(index).unwrap();
            store.flush().unwrap();
        }
    }
    let names = open().running.engine.database.list_keyspace_names();
    let names: BTreeSet<String> = names.iter().map(|name| name.to_string()).collect();
    let wanted = (1..=3).map(|group| format!("group-{group}-1"));
    assert_eq!(names, wanted.chain([RECORDS.to_owned()]).collect());
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

#[test]
fn what_comes_and_goes_before_it_is_durable_is_never_written() {
    let (folder, stores, mut store) = opened(DiskSettings {
        flush_interval: Duration::from_secs(3600),
        ..DiskSettings::default()
    });
    let value = || Bytes::from(vec![1; 100]);
    for index in 1..=100_u64 {
        store.put_new(&index.to_be_bytes(), value());
        store.commit(2 * index - 1).unwrap();
        if index < 100 {
            store.delete(&index.to_be_bytes());
        }
        store.commit(2 * index).unwrap();
    }
    assert_eq!(store.unflushed_bytes(), 108);
    store.flush().unwrap();
    assert_eq!(
        (stores.stats().changes, stores.stats().bytes),
        (1, 108),
        "only the last one stayed"
    );
    // What the disk has is removed from it.
    store.delete(&100_u64.to_be_bytes());
    store.put_new(&100_u64.to_be_bytes(), value());
    store.delete(&100_u64.to_be_bytes());
    store.commit(201).unwrap();
    store.flush().unwrap();
    drop((store, stores));
    let stores = DiskStores::open(folder.path(), DiskSettings::default()).unwrap();
    let store = stores.open(GROUP).unwrap();
    assert_eq!(store.scan(b"", None, 10).unwrap(), []);
}
