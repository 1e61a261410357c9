//! Every truncation and every flipped bit of a small file is found out, and said where.

use super::*;

fn head() -> Head {
    Head {
        cluster: ClusterId([7; 16]),
        name: "test".to_owned(),
        shard_count: 2,
        cut: 9,
        unix_ms: 1_700_000_000_000,
        program: "0.1.0".to_owned(),
    }
}

fn records() -> Vec<Record> {
    let mut records = vec![Record::Head(head())];
    for group in 0..3 {
        records.push(Record::Group {
            group,
            life: Incarnation(1),
            unit: 5,
        });
        let pair = |at: u8| (Bytes::from(vec![at]), Bytes::from(vec![at; 20]));
        records.push(Record::Pairs(vec![pair(1), pair(2)]));
        records.push(Record::Pairs(vec![pair(3)]));
        if group > 0 {
            records.push(Record::Entries(vec![(6, Bytes::from_static(b"entry"))]));
        }
        records.push(Record::GroupEnd {
            pairs: 3,
            entries: u64::from(group > 0),
        });
    }
    records
}

fn file_of(records: &[Record]) -> Vec<u8> {
    let mut bytes = beginning().to_vec();
    for record in records {
        bytes.extend_from_slice(&frame(record));
    }
    let hash = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&frame(&Record::End { hash }));
    bytes
}

fn check(bytes: &[u8]) -> Result<Summary, FormatError> {
    Reader::new(bytes)?.finish(|_| {})
}

#[test]
fn what_was_written_is_read_back() {
    let bytes = file_of(&records());
    let mut reader = Reader::new(&bytes[..]).unwrap();
    for record in records() {
        assert_eq!(reader.read().unwrap(), Some(record));
    }
    assert!(matches!(reader.read().unwrap(), Some(Record::End { .. })));
    assert_eq!(reader.read().unwrap(), None);
    let summary = check(&bytes).unwrap();
    let counted = (summary.pairs, summary.entries, summary.bytes);
    assert_eq!(counted, (9, 2, bytes.len() as u64));
    assert_eq!(summary.head, head());
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused_and_the_place_is_said() {
    let bytes = file_of(&records());
    assert!(matches!(check(&[]), Err(FormatError::Foreign)));
    for length in 1..bytes.len() {
        match check(&bytes[..length]) {
            Err(FormatError::Incomplete { offset }) => assert_eq!(offset, length as u64),
            other => panic!("cut after {length}: {other:?}"),
        }
    }
}

#[test]
fn a_bit_that_was_flipped_anywhere_is_found_out() {
    let bytes = file_of(&records());
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        let found = check(&flipped);
        match found {
            Err(FormatError::Foreign) => assert!(at < MARK.len() * 8),
            Err(FormatError::Version { .. }) => assert_eq!(at / 8, MARK.len()),
            // A length that leads behind the end.
            Err(FormatError::Incomplete { .. }) => {}
            Err(FormatError::Damaged { offset, .. }) => assert!(offset <= at as u64 / 8),
            other => panic!("bit {at}: {other:?}"),
        }
    }
}

#[test]
fn frames_in_another_order_twice_or_left_out_are_refused() {
    let all = records();
    for at in 0..all.len() {
        let mut missing = all.clone();
        missing.remove(at);
        assert!(check(&file_of(&missing)).is_err(), "without {:?}", all[at]);
        let mut doubled = all.clone();
        doubled.insert(at, all[at].clone());
        assert!(check(&file_of(&doubled)).is_err(), "twice {:?}", all[at]);
    }
    let mut longer = file_of(&all);
    longer.push(0);
    assert!(matches!(check(&longer), Err(FormatError::Damaged { .. })));
}

#[test]
fn something_else_is_no_backup() {
    for other in [&b"#!/bin/sh"[..], b"TROUPE", b"{}", &[0; 64]] {
        match check(other) {
            Err(FormatError::Foreign) => {}
            Err(FormatError::Incomplete { .. }) => assert_eq!(other, b"TROUPE"),
            found => panic!("{other:?}: {found:?}"),
        }
    }
    let mut newer = file_of(&records());
    newer[MARK.len()] = VERSION + 1;
    assert!(matches!(
        check(&newer),
        Err(FormatError::Version { found }) if found == VERSION + 1
    ));
}
