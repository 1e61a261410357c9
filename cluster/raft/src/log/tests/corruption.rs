//! A damaged byte: in something flushed earlier it stops the log from opening, with file and
//! offset; in the last write it looks like a torn one and only that write is cut.

use super::*;
use crate::disk::{Disk, DiskFile, Fill};
use crate::log::format::{HEADER_BYTES, segment_name};

fn open_error(disk: &MemoryDisk) -> LogError {
    match Rig::open(disk.clone(), tiny()) {
        Ok(_) => panic!("a damaged log was opened"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_corrupt(error: &LogError, name: &str, at: std::ops::Range<u64>) {
    match error {
        LogError::Corrupt { file, offset, .. } => {
            assert_eq!(file, name);
            assert!(
                at.contains(offset),
                "offset {offset}, expected within {at:?}"
            );
        }
        other => panic!("not a corruption: {other}"),
    }
    assert!(error.to_string().starts_with("E-log-corrupt"));
    assert!(error.to_string().contains(name));
}

/// The end of what has been written to the first segment.
fn written_end(rig: &Rig) -> u64 {
    HEADER_BYTES as u64 + rig.log.statistics().bytes
}

#[test]
fn a_flipped_bit_in_an_earlier_write_refuses_the_log() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 2, 60);
    let second_write = written_end(&rig);
    rig.fill(1, 2, 1, 60);
    let end = written_end(&rig);
    rig.fill(1, 3, 2, 60);
    let disk = rig.disk.crash(1);
    for offset in second_write..end {
        disk.flip_bit(&segment_name(1), offset).unwrap();
        assert_corrupt(&open_error(&disk), &segment_name(1), second_write..end);
        disk.flip_bit(&segment_name(1), offset).unwrap();
    }
    assert_eq!(Rig::open(disk, tiny()).unwrap().entries(1).len(), 5);
}

#[test]
fn a_flipped_bit_in_the_last_write_is_a_torn_tail() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 3, 60);
    let start = written_end(&rig);
    rig.fill(1, 3, 1, 60);
    let end = written_end(&rig);
    for offset in [start, start + 20, start + 50, end - 1] {
        let mut rig = Rig::new(tiny());
        rig.fill(1, 0, 4, 60);
        let disk = rig.disk.crash(1);
        disk.flip_bit(&segment_name(1), offset).unwrap();
        let mut rig = Rig::open(disk, tiny()).unwrap();
        assert_eq!(rig.entries(1).len(), 3, "offset {offset}");
        // What was cut never comes back, whatever is written over it.
        rig.fill(1, 3, 1, 1);
        let rig = rig.crash(2).unwrap();
        assert_eq!(rig.entries(1)[3], (3, vec![3]));
        assert_eq!(rig.entries(1).len(), 4);
    }
}

#[test]
fn the_rest_of_a_torn_write_never_joins_a_later_one() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 1, 60);
    let start = written_end(&rig);
    let outcome = rig.append(1, 1, &[&[1; 60], &[2; 60], &[3; 60]]);
    rig.flush();
    assert!(outcome.is_flushed());
    let disk = rig.disk.crash(1);
    // The write's first sector is lost, its later records are whole.
    disk.flip_bit(&segment_name(1), start).unwrap();
    let mut rig = Rig::open(disk, tiny()).unwrap();
    assert_eq!(rig.entries(1).len(), 1);
    // The same number and length: it ends exactly where the second old record starts.
    rig.append(1, 1, &[&[9; 60]]);
    rig.flush();
    let rig = rig.crash(2).unwrap();
    assert_eq!(rig.entries(1)[1..], [(1, vec![9; 60])]);
}

#[test]
fn a_flipped_bit_in_a_closed_segment_refuses_the_log() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 40, 500);
    assert!(rig.log.statistics().segments >= 3);
    let disk = rig.disk.crash(1);
    for (offset, at) in [(7000, 6000..7001), (100, 64..101)] {
        disk.flip_bit(&segment_name(1), offset).unwrap();
        assert_corrupt(&open_error(&disk), &segment_name(1), at);
        disk.flip_bit(&segment_name(1), offset).unwrap();
    }
    disk.flip_bit(&segment_name(2), 3).unwrap();
    assert_corrupt(&open_error(&disk), &segment_name(2), 0..1);
    disk.flip_bit(&segment_name(2), 3).unwrap();
    disk.flip_bit(&segment_name(2), 70).unwrap();
    assert_corrupt(&open_error(&disk), &segment_name(2), 64..65);
    disk.flip_bit(&segment_name(2), 70).unwrap();
    Rig::open(disk, tiny()).unwrap();
}

#[test]
fn a_missing_segment_refuses_the_log() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 40, 500);
    let disk = rig.disk.crash(1);
    let other = MemoryDisk::default();
    copy(&disk, &other, &segment_name(2));
    assert_corrupt(&open_error(&disk), &segment_name(2), 0..1);
    copy(&other, &disk, &segment_name(2));
    copy(&disk, &other, &segment_name(1));
    let error = open_error(&disk);
    assert_corrupt(&error, &segment_name(2), 64..65);
    assert!(error.to_string().contains("is missing"), "{error}");
}

/// Moves a file from one disk to another.
fn copy(from: &MemoryDisk, to: &MemoryDisk, name: &str) {
    let source = from.open(name).unwrap();
    let mut bytes = vec![0; source.length_bytes().unwrap() as usize];
    source.read_at(0, &mut bytes).unwrap();
    let target = to.create(name, bytes.len() as u64, Fill::Zero).unwrap();
    target.write_at(0, &bytes).unwrap();
    target.sync_data().unwrap();
    from.remove(name).unwrap();
}

#[test]
fn a_log_of_another_node_or_version_is_refused() {
    let rig = Rig::new(tiny());
    let disk = rig.disk.crash(1);
    let mut other = config(tiny());
    other.node = 8;
    let error = Log::open(Arc::new(disk.clone()), other).err().unwrap();
    assert_eq!(error.code(), "E-log-foreign");
    let file = disk.open(&segment_name(1)).unwrap();
    rewrite_version(file.as_ref(), 2);
    let error = Log::open(Arc::new(disk), config(tiny())).err().unwrap();
    assert_eq!(error.code(), "E-log-version");
}

fn rewrite_version(file: &dyn DiskFile, version: u8) {
    let mut header = [0; HEADER_BYTES];
    file.read_at(0, &mut header).unwrap();
    header[8] = version;
    let checksum = crc32fast::hash(&header[..60]);
    header[60..64].copy_from_slice(&checksum.to_le_bytes());
    file.write_at(0, &header).unwrap();
}

#[test]
fn a_damaged_entry_is_not_handed_out() {
    let mut limits = tiny();
    limits.cache_bytes_max = 0;
    let mut rig = Rig::new(limits);
    rig.fill(1, 0, 3, 60);
    rig.disk
        .flip_bit(&segment_name(1), 64 + 41 + 25 + 30)
        .unwrap();
    let error = rig.log.read(GroupId(1), 0, 9, u64::MAX).unwrap_err();
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
}

#[test]
fn any_bytes_open_or_are_refused_without_a_panic() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 30, 300);
    rig.vote(2, b"vote");
    rig.purge(1, 4);
    rig.flush();
    let disk = rig.disk.crash(1);
    let mut refused = 0;
    for seed in 0..400_u64 {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = segment_name(1 + (mixed >> 60) as u32 % 2);
        let offset = (mixed >> 20) % 8192;
        disk.flip_bit(&name, offset).unwrap();
        // Opened on a crashed copy of the medium, so that a wipe does not reach the original.
        match Rig::open(disk.clone(), tiny()) {
            Ok(_) => {}
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), "E-log-corrupt", "{error}");
            }
        }
        disk.flip_bit(&name, offset).unwrap();
    }
    assert!(refused > 200, "{refused}");
}
