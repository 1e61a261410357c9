//! The files of payloads on a disk that loses what was not flushed.

use super::*;
use crate::disk::MemoryDisk;

fn open(disk: &MemoryDisk) -> Arc<PayloadStore> {
    let limits = PayloadLimits {
        grace_ms: 60_000,
        ..PayloadLimits::default()
    };
    PayloadStore::open(Arc::new(disk.clone()), 1 << 10, limits).unwrap()
}

fn payload(number: u8, length: usize) -> (Reference, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|at| number ^ (at % 251) as u8).collect();
    (Reference::of(&bytes), bytes)
}

#[tokio::test]
async fn a_payload_is_read_back_and_kept_once() {
    let disk = MemoryDisk::new(1 << 20);
    let store = open(&disk);
    let (reference, bytes) = payload(1, 10_000);
    assert_eq!(store.get(reference).unwrap(), None);
    store.put(reference, &bytes).unwrap();
    let written = disk.counters().written_bytes;
    store.put(reference, &bytes).unwrap();
    assert_eq!(disk.counters().written_bytes, written);
    assert_eq!(store.get(reference).unwrap().unwrap(), bytes);
    let statistics = open(&disk).statistics();
    assert_eq!((statistics.count, statistics.bytes), (1, 10_000));
}

#[tokio::test]
async fn what_was_acknowledged_survives_any_crash_and_nothing_torn_is_read() {
    for seed in 0..300 {
        let mut disk = MemoryDisk::new(1 << 20);
        let store = open(&disk);
        let payloads: Vec<_> = (0..4).map(|number| payload(number, 3_000)).collect();
        for (reference, bytes) in &payloads[..2] {
            store.put(*reference, bytes).unwrap();
        }
        // The third fails in its middle, at a write, a flush, or between the two of its name.
        match seed % 3 {
            0 => disk.fail_write_after(0),
            step => disk.fail_flush_after(step - 1),
        }
        let third = store.put(payloads[2].0, &payloads[2].1).is_ok();
        disk = disk.crash(seed);
        let store = open(&disk);
        for (number, (reference, bytes)) in payloads.iter().enumerate() {
            let found = store.get(*reference).unwrap();
            match found {
                Some(found) => assert_eq!(found, bytes, "seed {seed}"),
                None => assert!(number > 2 || (number == 2 && !third), "seed {seed}"),
            }
        }
        assert!(
            !disk
                .list()
                .unwrap()
                .iter()
                .any(|name| name.starts_with(BEGUN))
        );
    }
}

#[tokio::test]
async fn a_damaged_payload_counts_as_missing_and_can_be_put_again() {
    let disk = MemoryDisk::new(1 << 20);
    let store = open(&disk);
    let (reference, bytes) = payload(3, 5_000);
    store.put(reference, &bytes).unwrap();
    disk.flip_bit(&file_name(reference.hash), 4_000).unwrap();
    assert_eq!(store.get(reference).unwrap(), None);
    assert!(!store.has(reference));
    assert_eq!(disk.list().unwrap(), Vec::<String>::new());
    store.put(reference, &bytes).unwrap();
    assert_eq!(store.get(reference).unwrap().unwrap(), bytes);
}

#[tokio::test]
async fn room_that_has_to_stay_free_is_not_used() {
    let disk = MemoryDisk::new(8 << 10);
    let store = open(&disk);
    let (reference, bytes) = payload(4, 7 << 10);
    store.put(reference, &bytes).unwrap();
    let (reference, bytes) = payload(5, 100);
    let refused = store.put(reference, &bytes).unwrap_err();
    assert!(
        matches!(refused, PayloadError::DiskFull { .. }),
        "{refused}"
    );
    assert!(!store.has(reference));
}

#[tokio::test(start_paused = true)]
async fn what_nothing_names_goes_after_a_while_and_what_is_named_stays() {
    let disk = MemoryDisk::new(1 << 20);
    let store = open(&disk);
    let grace = Duration::from_secs(60);
    let (named, unnamed) = (payload(6, 100), payload(7, 100));
    for (reference, bytes) in [&named, &unnamed] {
        store.put(*reference, bytes).unwrap();
    }
    let live = BTreeSet::from([named.0.hash]);
    assert_eq!(store.sweep(&live).unwrap(), 0);
    tokio::time::advance(grace).await;
    assert_eq!(store.sweep(&live).unwrap(), 1);
    assert!(store.has(named.0) && !store.has(unnamed.0));
    // It was named until now, and asking for it keeps it as well.
    tokio::time::advance(grace - Duration::from_secs(1)).await;
    assert!(store.has(named.0));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(store.sweep(&BTreeSet::new()).unwrap(), 0);
    tokio::time::advance(grace).await;
    assert_eq!(store.sweep(&BTreeSet::new()).unwrap(), 1);
    assert_eq!(disk.list().unwrap(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_claimed_stays_however_long_its_entry_waits() {
    let disk = MemoryDisk::new(1 << 20);
    let store = open(&disk);
    let (reference, bytes) = payload(1, 100);
    assert!(store.claim([reference]).is_none());
    store.put(reference, &bytes).unwrap();
    let claims = store.claim([reference, reference]).unwrap();
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(store.sweep(&BTreeSet::new()).unwrap(), 0);
    drop(claims);
    // The log may name it only a moment later.
    assert_eq!(store.sweep(&BTreeSet::new()).unwrap(), 0);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(store.sweep(&BTreeSet::new()).unwrap(), 1);
}

#[tokio::test]
async fn what_a_node_said_counts_no_more_once_it_refused_an_entry() {
    let store = open(&MemoryDisk::new(1 << 20));
    let (one, _) = payload(1, 100);
    let (two, _) = payload(2, 100);
    for (node, reference) in [(7, one), (7, two), (8, one)] {
        store.note_elsewhere(node, reference);
    }
    store.forget_elsewhere(7);
    assert!(!store.is_elsewhere(7, one) && !store.is_elsewhere(7, two));
    assert!(store.is_elsewhere(8, one));
}
