//! What the memory disk promises, and that it does not promise more.

use super::*;

fn bytes_of(disk: &MemoryDisk, name: &str, length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    disk.open(name).unwrap().read_at(0, &mut buffer).unwrap();
    buffer
}

fn with_file(name: &str) -> (MemoryDisk, Arc<dyn DiskFile>) {
    let disk = MemoryDisk::default();
    let file = disk.create(name, 4096, Fill::Zero).unwrap();
    disk.sync_directory().unwrap();
    (disk, file)
}

#[test]
fn a_crash_keeps_flushed_bytes_and_loses_some_others() {
    let mut lost = 0;
    let mut torn = 0;
    for seed in 0..60 {
        let (disk, file) = with_file("a");
        file.write_at(0, &[1; 100]).unwrap();
        file.sync_data().unwrap();
        file.write_at(100, &[2; 2000]).unwrap();
        let after = bytes_of(&disk.crash(seed), "a", 2100);
        assert!(after[..100].iter().all(|byte| *byte == 1), "seed {seed}");
        let kept = after[100..].iter().filter(|byte| **byte == 2).count();
        match kept {
            0 => lost += 1,
            2000 => {}
            _ => torn += 1,
        }
    }
    assert!(lost > 0 && torn > 0, "lost {lost}, torn {torn}");
}

#[test]
fn names_need_a_flush_of_the_folder() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let (disk, _) = with_file("a");
        disk.rename("a", "b").unwrap();
        disk.create("c", 10, Fill::Zero).unwrap();
        outcomes.insert(disk.crash(seed).list().unwrap());
    }
    // Every prefix of the changes, and nothing but a prefix.
    let expected = [vec!["a"], vec!["b"], vec!["b", "c"]];
    let expected: std::collections::BTreeSet<Vec<String>> = expected
        .into_iter()
        .map(|names| names.into_iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn a_crash_fences_older_handles() {
    let (disk, file) = with_file("a");
    let restarted = disk.crash(1);
    assert!(file.write_at(0, &[1]).is_err());
    assert!(disk.list().is_err());
    assert_eq!(restarted.list().unwrap(), ["a"]);
}

#[test]
fn faults_strike_once_and_are_counted() {
    let (disk, file) = with_file("a");
    disk.fail_flush_after(1);
    file.sync_data().unwrap();
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    disk.fail_write_after(0);
    assert!(file.write_at(0, &[9; 10]).is_err());
    assert_eq!(bytes_of(&disk, "a", 10), [9, 9, 9, 9, 9, 0, 0, 0, 0, 0]);
    assert_eq!(disk.counters().flushes, 3);
    assert_eq!(disk.counters().written_bytes, 5);
}

#[test]
fn a_full_disk_refuses_a_new_file() {
    let disk = MemoryDisk::new(5000);
    disk.create("a", 4096, Fill::Zero).unwrap();
    let refused = disk.create("b", 4096, Fill::Reserve).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.free_bytes().unwrap(), 904);
    disk.remove("a").unwrap();
    disk.create("b", 4096, Fill::Reserve).unwrap();
}
