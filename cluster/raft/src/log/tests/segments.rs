//! Segments come and go: files are reused without showing what they held, old ones are not pinned
//! by a slow group, and every crash in between leaves a log that opens.

use super::*;
use crate::disk::Disk;
use crate::log::format::{segment_sequence, spare_sequence};

fn segments_on(disk: &MemoryDisk) -> Vec<u32> {
    let names = disk.list().unwrap();
    names
        .iter()
        .filter_map(|name| segment_sequence(name))
        .collect()
}

fn spares_on(disk: &MemoryDisk) -> usize {
    let names = disk.list().unwrap();
    names
        .iter()
        .filter(|name| spare_sequence(name).is_some())
        .count()
}

#[test]
fn purged_segments_are_reused_and_show_nothing_old() {
    let mut rig = Rig::new(tiny());
    let mut next = 0;
    for _ in 0..12 {
        rig.fill(1, next, 16, 500);
        next += 16;
        rig.purge(1, next - 2);
        rig.flush();
    }
    let statistics = rig.log.statistics();
    assert!(statistics.segments_retired >= 8, "{statistics:?}");
    assert!(statistics.segments <= 3, "{statistics:?}");
    assert!(rig.disk.list().unwrap().len() <= 6);
    assert!(segments_on(&rig.disk)[0] > 8);
    // Every reused file still holds whole records of its former use behind the new ones.
    let rig = rig.crash(4).unwrap();
    let entries = rig.entries(1);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0], (next - 1, vec![(next - 1) as u8; 500]));
    assert_eq!(rig.log.groups(), [GroupId(1)]);
}

#[test]
fn old_records_at_the_very_end_of_the_new_ones_stay_dead() {
    // All batches have the same length, so that in a reused file an old one starts exactly where
    // the new ones end.
    for count in 60..80 {
        let mut rig = Rig::new(tiny());
        for index in 200..200 + count {
            rig.append(1, index, &[&[7; 500]]);
            rig.purge(1, index - 1);
            rig.flush();
        }
        assert!(rig.log.statistics().segments_retired > 1);
        let rig = rig.crash(count).unwrap();
        assert_eq!(rig.entries(1), [(199 + count, vec![7; 500])]);
    }
}

#[test]
fn a_slow_group_does_not_pin_old_segments() {
    let mut rig = Rig::new(tiny());
    rig.fill(2, 0, 3, 50);
    rig.vote(3, b"a vote of long ago");
    let mut next = 0;
    for _ in 0..20 {
        rig.fill(1, next, 16, 500);
        next += 16;
        rig.purge(1, next - 2);
        rig.flush();
    }
    let statistics = rig.log.statistics();
    assert!(statistics.entries_moved >= 3, "{statistics:?}");
    assert!(statistics.segments <= 6, "{statistics:?}");
    let expected: Vec<(u64, Vec<u8>)> =
        (0..3).map(|index| (index, vec![index as u8; 50])).collect();
    assert_eq!(rig.entries(2), expected);
    // The vote comes from a checkpoint, the entries from where they were moved to.
    let mut rig = rig.crash(6).unwrap();
    assert_eq!(rig.entries(2), expected);
    let vote = rig.log.group_state(GroupId(3)).vote;
    assert_eq!(vote.as_deref(), Some(&b"a vote of long ago"[..]));
    rig.truncate(2, 1);
    rig.fill(2, 1, 1, 7);
    let rig = rig.crash(7).unwrap();
    assert_eq!(rig.entries(2), [(0, vec![0; 50]), (1, vec![1; 7])]);
}

#[test]
fn what_is_dropped_while_it_waits_to_be_moved_stays_dropped() {
    let mut limits = tiny();
    limits.segments_pinned_max = 100;
    let mut rig = Rig::new(limits);
    rig.fill(2, 0, 8, 400);
    rig.fill(1, 0, 100, 500);
    rig.purge(1, 98);
    rig.flush();
    let mut rig = Rig::open(rig.disk.crash(1), tiny()).unwrap();
    // One step moves only a part; the rest is chosen already.
    assert!(rig.writer.step());
    let moved = rig.log.statistics().entries_moved;
    assert!((1..4).contains(&moved), "{moved}");
    rig.truncate(2, 5);
    rig.purge(2, 0);
    rig.flush();
    let expected: Vec<(u64, Vec<u8>)> = (1..5)
        .map(|index| (index, vec![index as u8; 400]))
        .collect();
    assert_eq!(rig.entries(2), expected);
    let rig = rig.crash(2).unwrap();
    assert_eq!(rig.entries(2), expected);
}

#[test]
fn moving_stops_when_there_is_no_room_and_goes_on_when_there_is() {
    let mut limits = tiny();
    limits.segments_pinned_max = 100;
    let mut rig = Rig::new(limits);
    rig.fill(2, 0, 8, 900);
    rig.fill(1, 0, 100, 500);
    rig.purge(1, 98);
    rig.flush();
    // Many segments are pinned by group 2. Now the disk gets full, to the last byte of the log.
    let disk = rig.disk.clone();
    disk.set_capacity_bytes(disk.list().unwrap().len() as u64 * 8192 + 100);
    let mut next = 100;
    while rig.log.check_accepting().is_ok() {
        rig.fill(1, next, 1, 500);
        next += 1;
    }
    let vote = &[9; 900];
    while {
        let outcome = rig.vote(3, vote);
        rig.flush();
        outcome.is_flushed()
    } {}
    let disk = rig.disk.crash(1);
    let mut rig = Rig::open(disk, tiny()).unwrap();
    rig.vote(1, b"vote");
    rig.flush();
    rig.disk.set_capacity_bytes(u64::MAX);
    assert_eq!(rig.log.statistics().entries_moved, 0);
    rig.fill(1, next, 2, 100);
    assert_eq!(rig.log.statistics().entries_moved, 8);
    assert!(rig.log.statistics().segments <= 4);
    assert_eq!(rig.crash(2).unwrap().entries(2).len(), 8);
}

#[test]
fn a_log_that_is_mostly_live_is_left_where_it_is() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 160, 500);
    let statistics = rig.log.statistics();
    assert!(statistics.segments > 10);
    assert_eq!(statistics.entries_moved, 0);
    assert_eq!(rig.crash(1).unwrap().entries(1).len(), 160);
}

#[test]
fn other_limits_apply_from_the_next_segment_on() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 20, 500);
    for (segment_bytes, write_bytes_max) in [(32768, 8192), (8192, 2048), (4096, 1024)] {
        let mut limits = tiny();
        limits.segment_bytes = segment_bytes;
        limits.write_bytes_max = write_bytes_max;
        let mut reopened = Rig::open(rig.disk.crash(9), limits).unwrap();
        let next = reopened.entries(1).len() as u64;
        assert!(next >= 20);
        let large = vec![5; write_bytes_max as usize - 30];
        let outcome = reopened.append(1, next, &[&large]);
        reopened.flush();
        assert!(outcome.is_flushed());
        reopened.fill(1, next + 1, 30, 500);
        rig = reopened;
    }
    let entries = rig.crash(2).unwrap().entries(1);
    assert_eq!(entries.len(), 20 + 3 * 31);
}

#[test]
fn restarts_do_not_use_up_segments() {
    let mut rig = Rig::new(tiny());
    for round in 0..30 {
        rig.fill(1, round, 1, 20);
        rig = rig.crash(round).unwrap();
    }
    assert_eq!(rig.entries(1).len(), 30);
    assert!(segments_on(&rig.disk).len() <= 2);
    assert!(spares_on(&rig.disk) <= 1);
}

#[test]
fn a_crash_while_a_segment_is_prepared_or_taken_back_leaves_a_log() {
    for flushes_before in 0..40 {
        let mut rig = Rig::new(tiny());
        rig.disk.fail_flush_after(flushes_before);
        let mut flushed = 0;
        let mut purged = None;
        for index in 0..40 {
            let outcome = Outcome::default();
            let payload = Bytes::from(vec![index as u8; 700]);
            let accepted = rig
                .log
                .append(GroupId(1), index, vec![payload], outcome.done());
            rig.writer.step();
            if accepted.is_err() || !outcome.is_flushed() {
                break;
            }
            flushed = index + 1;
            if index % 13 == 12 {
                let outcome = rig.purge(1, index - 1);
                rig.writer.step();
                purged = outcome.is_flushed().then_some(index - 1).or(purged);
            }
        }
        let rig = rig.crash(flushes_before).unwrap();
        let entries = rig.entries(1);
        let first = purged.map_or(0, |purged| purged + 1);
        let last = entries.last().map(|(index, _)| *index);
        assert!(
            flushed == 0 || last >= Some(flushed - 1),
            "after {flushes_before}"
        );
        assert!(
            entries
                .iter()
                .all(|(index, payload)| payload == &vec![*index as u8; 700])
        );
        assert!(
            flushed == 0 || entries[0].0 >= first.min(flushed - 1),
            "after {flushes_before}"
        );
    }
}

#[test]
fn the_threads_write_and_prepare_files() {
    let disk = MemoryDisk::default();
    let (log, threads) = Log::start(Arc::new(disk.clone()), config(tiny())).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    for index in 0..200_u64 {
        let tell = tell.clone();
        let done = Box::new(move |outcome: Result<(), LogError>| tell.send(outcome).unwrap());
        let payload = Bytes::from(vec![index as u8; 300]);
        log.append(GroupId(index % 4), index / 4, vec![payload], done)
            .unwrap();
    }
    for _ in 0..200 {
        told.recv().unwrap().unwrap();
    }
    let statistics = log.statistics();
    assert!(statistics.flushes < 200, "{statistics:?}");
    assert!(statistics.segments > 5);
    let mark = Bytes::from_static(b"mark");
    log.save_committed(GroupId(1), Some(mark.clone())).unwrap();
    threads.close();
    let rig = Rig::open(disk.crash(1), tiny()).unwrap();
    assert!((0..4).all(|group| rig.entries(group).len() == 50));
    assert_eq!(rig.log.group_state(GroupId(1)).committed, Some(mark));
}

#[test]
fn reads_go_on_while_segments_are_reused_and_entries_moved() {
    let mut limits = tiny();
    limits.cache_bytes_max = 0;
    let disk = MemoryDisk::default();
    let (log, threads) = Log::start(Arc::new(disk), config(limits)).unwrap();
    let write = |group, index: u64| {
        let (tell, told) = std::sync::mpsc::channel();
        let done = Box::new(move |outcome: Result<(), LogError>| tell.send(outcome).unwrap());
        let payload = Bytes::from(vec![index as u8; 300]);
        log.append(GroupId(group), index, vec![payload], done)
            .unwrap();
        told.recv().unwrap().unwrap();
    };
    (0..5).for_each(|index| write(2, index));
    let check = |group, entries: Vec<(u64, Bytes)>| {
        for (offset, (index, payload)) in entries.iter().enumerate() {
            assert_eq!(*index, entries[0].0 + offset as u64, "group {group}");
            assert!(payload.iter().all(|byte| *byte == *index as u8));
        }
        entries.len()
    };
    let finished = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !finished.load(std::sync::atomic::Ordering::Relaxed) {
                    let slow = log.read(GroupId(2), 0, 9, u64::MAX).unwrap();
                    assert_eq!(check(2, slow), 5);
                    check(1, log.read(GroupId(1), 0, u64::MAX, u64::MAX).unwrap());
                }
            });
        }
        for index in 0..3000 {
            write(1, index);
            if index % 16 == 15 {
                let marker = Bytes::from_static(b"marker");
                log.purge(GroupId(1), index - 8, marker, Box::new(drop))
                    .unwrap();
            }
        }
        finished.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let statistics = log.statistics();
    assert!(statistics.segments_retired > 20, "{statistics:?}");
    assert!(statistics.entries_moved >= 5, "{statistics:?}");
    threads.close();
}
