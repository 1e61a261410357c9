//! A snapshot far larger than what may be in memory is received and read back.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use cluster::store::Pair;
use cluster_raft::disk::{Disk, FileDisk};
use cluster_raft::spool::Spool;

/// What the snapshot has, and what the process may grow by while it is received.
const SNAPSHOT_BYTES: usize = 192 << 20;
const GROWTH_BYTES_MAX: u64 = 32 << 20;

const CHUNK_PAIRS: usize = 64;
const VALUE_BYTES: usize = 4 << 10;

/// The most memory that this process ever had resident. It has one test, so that no other counts.
fn most_resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() << 10
}

fn pair(number: usize) -> Pair {
    let key = Bytes::from(number.to_be_bytes().to_vec());
    let value = Bytes::from(vec![number as u8; VALUE_BYTES]);
    (key, value)
}

#[test]
fn a_snapshot_that_does_not_fit_memory_is_received() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::open(folder.path()).unwrap());
    let before = most_resident_bytes();
    let mut spool = Spool::new(Arc::clone(&disk), 1 << 20);
    let count = SNAPSHOT_BYTES / VALUE_BYTES;
    for chunk in 0..count / CHUNK_PAIRS {
        let first = chunk * CHUNK_PAIRS;
        let pairs: Vec<Pair> = (first..first + CHUNK_PAIRS).map(pair).collect();
        spool.append(&pairs).unwrap();
    }
    let mut read = 0;
    for (number, found) in spool.pairs().enumerate() {
        assert!(found.unwrap() == pair(number));
        read += 1;
    }
    assert_eq!(read, count);
    let growth = most_resident_bytes() - before;
    println!("the process grew by {growth} bytes");
    assert!(growth < GROWTH_BYTES_MAX, "it grew by {growth} bytes");
    assert!(disk.list().unwrap().len() > 4);
    drop(spool);
    assert!(disk.list().unwrap().is_empty());
}
