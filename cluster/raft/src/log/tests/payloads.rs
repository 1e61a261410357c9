//! Which payloads the log names: as appended, truncated, purged and forgotten, and the same after a crash.

use super::*;
use crate::log::encode_entry;
use crate::payloads::Reference;
use crate::types::{Entry, EntryData, LeaderId, LogId, Payload};

fn reference(number: u64) -> Reference {
    Reference::of(&number.to_le_bytes())
}

/// An entry that names the payload of its index, or one that has its own commands.
fn entry(index: u64, names: bool) -> Vec<u8> {
    let data = match names {
        true => reference(index).entry(b"stamp"),
        false => Bytes::from_static(b"\x02commands of its own, longer than any reference is"),
    };
    let leader_id = LeaderId {
        term: 1,
        node_id: 1,
    };
    let payload = Payload::Normal(EntryData(data));
    let log_id = LogId { leader_id, index };
    encode_entry(&Entry { log_id, payload }).to_vec()
}

fn append(rig: &mut Rig, group: u64, indexes: std::ops::Range<u64>, names: bool) {
    for index in indexes {
        rig.append(group, index, &[&entry(index, names)]);
    }
    rig.flush();
}

fn named(rig: &Rig, group: u64) -> Vec<u64> {
    let found = rig.log.payloads_of(GroupId(group));
    (0..200)
        .filter(|number| found.contains(&reference(*number)))
        .collect()
}

#[test]
fn the_log_knows_what_its_entries_name_also_after_a_crash() {
    let mut rig = Rig::new(tiny());
    append(&mut rig, 1, 0..4, true);
    append(&mut rig, 1, 4..8, false);
    append(&mut rig, 2, 0..2, true);
    append(&mut rig, 1, 8..10, true);
    assert_eq!(named(&rig, 1), [0, 1, 2, 3, 8, 9]);
    rig.truncate(1, 9);
    append(&mut rig, 1, 9..10, false);
    rig.purge(1, 1);
    rig.flush();
    for seed in 0..4 {
        assert_eq!(named(&rig, 1), [2, 3, 8]);
        assert_eq!(named(&rig, 2), [0, 1]);
        rig = rig.crash(seed).unwrap();
    }
    let all = rig.log.payloads();
    assert_eq!(all.len(), 5, "0 to 3 of both groups, and 8");
}

#[test]
fn what_is_moved_forward_or_forgotten_is_counted_once_or_not_at_all() {
    let mut rig = Rig::new(tiny());
    append(&mut rig, 3, 0..2, true);
    // Other groups fill segments, until the entries of the first are rewritten in front of them.
    for round in 0..200 {
        append(&mut rig, 4, round * 8..round * 8 + 8, false);
        rig.purge(4, round * 8 + 6);
        rig.flush();
    }
    assert!(rig.log.statistics().entries_moved > 0);
    rig = rig.crash(9).unwrap();
    assert_eq!(named(&rig, 3), [0, 1]);
    rig.log
        .forget(GroupId(3), Outcome::default().done())
        .unwrap();
    rig.flush();
    rig = rig.crash(10).unwrap();
    assert_eq!(named(&rig, 3), [0; 0]);
    assert!(rig.log.payloads().is_empty());
}
