//! Frames parse back, and only in the very use of the file that they were written in.

use super::*;

fn header(sequence: u32) -> SegmentHeader {
    SegmentHeader {
        sequence,
        node: 3,
        stamp: 1_700_000_000_000,
        segment_bytes: 8192,
        write_bytes_max: 2048,
    }
}

fn framed(header: &SegmentHeader, kind: Kind, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    frame(&mut buffer, header.seed(), kind, GroupId(9), index, payload);
    buffer
}

#[test]
fn a_header_parses_back_and_shows_damage() {
    let header = header(5);
    let bytes = header.encode();
    assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
    for at in 0..HEADER_BYTES {
        let mut damaged = bytes;
        damaged[at] ^= 0x10;
        assert_eq!(SegmentHeader::decode(&damaged), Err(HeaderFault::Damaged));
    }
    assert_eq!(
        SegmentHeader::decode(&bytes[..63]),
        Err(HeaderFault::Damaged)
    );
}

#[test]
fn a_record_parses_back_and_shows_damage() {
    let header = header(5);
    let bytes = framed(&header, Kind::Entry, 77, b"payload");
    let record = parse(&bytes, 0, header.seed()).unwrap();
    assert_eq!(
        (record.kind, record.group, record.index),
        (Kind::Entry, GroupId(9), 77)
    );
    assert_eq!(record.payload(&bytes), b"payload");
    assert_eq!(record.end, bytes.len());
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x04;
        assert_eq!(parse(&damaged, 0, header.seed()), None, "byte {at}");
        assert_eq!(parse(&bytes[..at], 0, header.seed()), None);
    }
}

#[test]
fn a_record_of_another_use_of_the_file_does_not_parse() {
    let now = header(5);
    for before in 0..2000 {
        let old = header(before);
        let bytes = framed(&old, Kind::Vote, 1, b"vote");
        assert_eq!(parse(&bytes, 0, now.seed()).is_some(), before == 5);
        assert_eq!(old.mark() == now.mark(), before == 5);
    }
    let mut again = now;
    again.stamp += 1;
    assert_ne!(again.seed(), now.seed());
}

#[test]
fn later_batches_are_found_behind_damage() {
    let now = header(5);
    let head = |header: &SegmentHeader| BatchHead {
        mark: header.mark(),
        previous_sequence: 0,
        previous_end: 0,
    };
    let batch = |header: &SegmentHeader, number| {
        framed(header, Kind::Batch, number, &head(header).encode())
    };
    let mut buffer = vec![0xab; 300];
    buffer.extend(batch(&header(4), 90));
    buffer.extend(batch(&now, 7));
    let second = buffer.len();
    buffer.extend(batch(&now, 8));
    buffer.extend([0; 100]);
    assert_eq!(find_later_batch(&buffer, 10, &now, 7), Some(second));
    assert_eq!(find_later_batch(&buffer, 10, &now, 8), None);
    buffer[second + 30] ^= 1;
    assert_eq!(find_later_batch(&buffer, 10, &now, 7), None);
}

#[test]
fn a_mark_is_found_wherever_it_stands() {
    for needle in [*b"needle!!", [0, 0, 0, 1, 0, 0, 0, 2]] {
        for at in (0..40)
            .chain(4080..4110)
            .chain(8180..8200)
            .chain([20_000 - 8])
        {
            let mut haystack = vec![0; 20_000];
            assert_eq!(find(&haystack, &needle), None);
            haystack[at..at + 8].copy_from_slice(&needle);
            assert_eq!(find(&haystack, &needle), Some(at));
            assert_eq!(find(&haystack[..at + 7], &needle), None);
        }
    }
    assert!(is_zero(&[0; 10_000]) && is_zero(&[]));
    let mut bytes = vec![0; 10_000];
    bytes[9_999] = 1;
    assert!(!is_zero(&bytes));
}

#[test]
fn names_hold_their_numbers() {
    assert_eq!(segment_sequence(&segment_name(12)), Some(12));
    assert_eq!(spare_sequence(&spare_name(u32::MAX)), Some(u32::MAX));
    for other in [
        "raft-12.log",
        "raft-00000000x1.log",
        "lost+found",
        "spare-0000000001.log",
    ] {
        assert_eq!(segment_sequence(other), None, "{other}");
    }
}
