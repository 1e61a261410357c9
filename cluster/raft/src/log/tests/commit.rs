//! One flush serves all that wait; nothing is told before it; after a failure nothing goes on.

use super::*;
use crate::disk::Disk;

#[test]
fn one_flush_serves_all_groups_that_wait() {
    let mut rig = Rig::new(tiny());
    let outcomes: Vec<Outcome> = (0..8)
        .map(|group| rig.append(group, 0, &[b"a", b"b"]))
        .chain([rig.vote(9, b"vote")])
        .collect();
    assert!(outcomes.iter().all(|outcome| outcome.get().is_none()));
    let before = rig.disk.counters();
    assert!(rig.writer.step());
    assert!(outcomes.iter().all(Outcome::is_flushed));
    // The first step also prepares the next segment: a header and a filled file.
    let statistics = rig.log.statistics();
    assert_eq!(
        (statistics.flushes, statistics.requests, statistics.entries),
        (1, 9, 16)
    );
    let again = rig.append(0, 2, &[b"c"]);
    let other = rig.append(1, 2, &[b"c"]);
    let before_second = rig.disk.counters();
    assert!(before_second.flushes > before.flushes);
    rig.flush();
    assert!(again.is_flushed() && other.is_flushed());
    let after = rig.disk.counters();
    assert_eq!(after.flushes - before_second.flushes, 1);
    assert_eq!(after.writes - before_second.writes, 1);
}

#[test]
fn entries_are_readable_before_they_are_flushed() {
    let rig = Rig::new(tiny());
    let outcome = rig.append(3, 5, &[b"x", b"y"]);
    assert_eq!(rig.entries(3), [(5, b"x".to_vec()), (6, b"y".to_vec())]);
    assert_eq!(outcome.get(), None);
    rig.truncate(3, 6);
    assert_eq!(rig.entries(3), [(5, b"x".to_vec())]);
    rig.purge(3, 5);
    assert!(rig.entries(3).is_empty());
}

#[test]
fn an_append_out_of_order_changes_nothing() {
    let mut rig = Rig::new(tiny());
    rig.append(1, 4, &[b"a"]);
    for found in [3, 4, 6] {
        let refused = rig.log.append(
            GroupId(1),
            found,
            vec![Bytes::from_static(b"b")],
            Box::new(|_| panic!("a refused request is not completed")),
        );
        let expected = LogError::Order {
            group: GroupId(1),
            expected: 5,
            found,
        };
        assert_eq!(refused, Err(expected));
    }
    rig.flush();
    assert_eq!(rig.entries(1).len(), 1);
    let large = Bytes::from(vec![0; 3000]);
    let refused = rig.log.append(GroupId(1), 5, vec![large], Box::new(drop));
    assert_eq!(refused.unwrap_err().code(), "E-log-entry-size");
}

#[test]
fn a_large_append_goes_out_in_several_writes_and_completes_once() {
    let mut rig = Rig::new(tiny());
    let payload = [7_u8; 500];
    let outcome = rig.append(1, 0, &[&payload[..]; 20]);
    rig.writer.step();
    assert_eq!(outcome.get(), None);
    rig.flush();
    assert!(outcome.is_flushed());
    assert!(rig.log.statistics().flushes >= 6);
    let rig = rig.crash(1).unwrap();
    assert_eq!(rig.entries(1).len(), 20);
}

#[test]
fn a_failed_flush_poisons_the_log() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 2, 10);
    let caught = rig.append(1, 2, &[b"lost"]);
    rig.disk.fail_flush_after(0);
    rig.flush();
    let failure = caught.get().unwrap().unwrap_err();
    assert_eq!(failure.code(), "E-log-poisoned");
    // Nothing is tried again, though the disk would work.
    let writes = rig.disk.counters().writes;
    let vote = rig
        .log
        .save_vote(GroupId(1), Bytes::from_static(b"v"), Box::new(drop));
    assert_eq!(vote, Err(failure.clone()));
    assert_eq!(rig.log.check_accepting(), Err(failure));
    rig.flush();
    assert_eq!(rig.disk.counters().writes, writes);
    // What was flushed is there after a restart, and the log works again.
    let mut rig = rig.crash(3).unwrap();
    assert_eq!(rig.entries(1)[..2], [(0, vec![0; 10]), (1, vec![1; 10])]);
    let next = rig.entries(1).len() as u64;
    rig.fill(1, next, 3, 10);
}

#[test]
fn requests_behind_a_failed_write_fail_with_it() {
    let mut limits = tiny();
    limits.write_bytes_max = 600;
    let mut rig = Rig::new(limits);
    rig.fill(1, 0, 1, 10);
    let first = rig.append(1, 1, &[&[1; 500]]);
    let second = rig.append(2, 0, &[&[2; 500]]);
    rig.disk.fail_write_after(0);
    assert!(rig.writer.step());
    for outcome in [first, second] {
        assert_eq!(outcome.get().unwrap().unwrap_err().code(), "E-log-poisoned");
    }
}

#[test]
fn a_full_disk_refuses_appends_and_keeps_the_rest() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 3, 100);
    let files = rig.disk.list().unwrap().len() as u64;
    rig.disk.set_capacity_bytes(files * 8192 + 500);
    // Noticed with the next append, which is still accepted.
    rig.fill(1, 3, 1, 100);
    let written = rig.disk.counters().written_bytes;
    let refused = rig.log.append(
        GroupId(1),
        4,
        vec![Bytes::from_static(b"x")],
        Box::new(drop),
    );
    assert_eq!(refused.unwrap_err().code(), "E-disk-full");
    assert_eq!(rig.log.check_accepting().unwrap_err().code(), "E-disk-full");
    rig.flush();
    assert_eq!(rig.disk.counters().written_bytes, written);
    assert_eq!(rig.entries(1).len(), 4);
    let vote = rig.vote(1, b"vote");
    let purge = rig.purge(1, 1);
    rig.flush();
    assert!(vote.is_flushed() && purge.is_flushed());
    rig.disk.set_capacity_bytes(u64::MAX);
    rig.fill(1, 4, 3, 100);
}

#[test]
fn a_full_disk_does_not_let_an_accepted_append_be_half_there() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 2, 100);
    rig.disk.set_capacity_bytes(0);
    // Accepted before the shortage is seen; the queue is longer than what is left of both files.
    let outcomes: Vec<Outcome> = (0..16)
        .map(|number| rig.append(1, 2 + number, &[&[9; 1500]]))
        .collect();
    rig.flush();
    let flushed = outcomes
        .iter()
        .filter(|outcome| outcome.is_flushed())
        .count();
    assert!(flushed > 0 && flushed < 16, "{flushed}");
    let refused = outcomes[flushed].get().unwrap().unwrap_err();
    assert_eq!(refused.code(), "E-disk-full");
    assert!(
        outcomes[flushed..]
            .iter()
            .all(|outcome| !outcome.is_flushed())
    );
    assert_eq!(rig.entries(1).len(), 2 + flushed);
    // Room again: the log goes on where it stopped, in memory and on disk.
    rig.disk.set_capacity_bytes(u64::MAX);
    rig.fill(1, 2 + flushed as u64, 2, 100);
    let rig = rig.crash(5).unwrap();
    assert_eq!(rig.entries(1).len(), 4 + flushed);
}

#[test]
fn a_committed_mark_costs_no_flush_and_survives_a_close() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 1, 10);
    let mark = Some(Bytes::from_static(b"mark"));
    rig.log.save_committed(GroupId(1), mark.clone()).unwrap();
    assert!(!rig.writer.step());
    assert_eq!(rig.log.group_state(GroupId(1)).committed, mark);
    rig.log.close();
    rig.flush();
    let refused = rig.log.save_committed(GroupId(1), None);
    assert_eq!(refused, Err(LogError::Closed));
    let rig = rig.crash(1).unwrap();
    assert_eq!(rig.log.group_state(GroupId(1)).committed, mark);
}

#[test]
fn a_forgotten_group_leaves_nothing() {
    let mut rig = Rig::new(tiny());
    rig.fill(1, 0, 3, 10);
    rig.vote(1, b"vote");
    rig.fill(2, 0, 1, 10);
    rig.log.forget(GroupId(1), Box::new(drop)).unwrap();
    assert_eq!(rig.log.groups(), [GroupId(2)]);
    rig.flush();
    let mut rig = rig.crash(1).unwrap();
    assert_eq!(rig.log.groups(), [GroupId(2)]);
    rig.fill(1, 40, 1, 10);
    assert_eq!(rig.crash(2).unwrap().entries(1), [(40, vec![40; 10])]);
}

#[test]
fn a_driven_writer_ends_when_the_log_is_closed() {
    let rig = Rig::new(tiny());
    let outcome = rig.append(1, 0, &[b"a"]);
    rig.log.close();
    block_on(rig.writer.drive(|| std::future::ready(())));
    assert!(outcome.is_flushed());
}
