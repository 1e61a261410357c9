//! Tests of data: JSON both ways, the codec, bounds.

use super::*;
use crate::limits::Limits;

fn round(json: &str) -> String {
    let data = Data::from_json(json, &Limits::default()).unwrap();
    let again = Data::decode(&data.encode()).unwrap();
    assert_eq!(data, again);
    assert_eq!(data.hash(), again.hash());
    again.to_json()
}

#[test]
fn json_is_written_as_javascript_writes_it() {
    for (from, to) in [
        (
            "{\"b\":1,\"2\":2,\"1\":[true,null]}",
            "{\"1\":[true,null],\"2\":2,\"b\":1}",
        ),
        (
            "[1e21, 1e-7, 0.1, 123456789012345680000, -0]",
            "[1e+21,1e-7,0.1,123456789012345680000,0]",
        ),
        ("\"\\u00e9\\ud83d\\ude00\\ud800\\n\"", "\"é😀\\ud800\\n\""),
        (
            "{\"a\":{\"$address\":\"Ledger/7\"}}",
            "{\"a\":{\"$address\":\"Ledger/7\"}}",
        ),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
    ] {
        assert_eq!(round(from), to);
    }
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    for (text, offset) in [
        ("{", 1),
        ("[1,]", 3),
        ("01", 2),
        ("\"a\nb\"", 2),
        ("{\"a\":1}x", 7),
        ("nul", 0),
        ("", 0),
        ("1.e", 2),
    ] {
        assert_eq!(
            Data::from_json(text, &Limits::default())
                .unwrap_err()
                .offset,
            offset,
            "{text}"
        );
    }
    assert!(Data::from_json("{\"$x\":1}", &Limits::default()).is_err());
}

#[test]
fn depth_and_size_are_bounded_while_reading() {
    let deep = "[".repeat(100_000);
    assert!(Data::from_json(&deep, &Limits::default()).is_err());
    let limits = Limits {
        value_bytes: 100,
        ..Limits::default()
    };
    assert!(Data::from_json("[1,2,3,4,5,6,7,8]", &limits).is_err());
    let mut data = Data::Null;
    for _ in 0..DEPTH_MAX {
        data = Data::array(vec![data]).unwrap();
    }
    assert_eq!(Data::array(vec![data]).unwrap_err(), TooDeep);
}

#[test]
fn shared_parts_count_each_time() {
    let mut data = Data::from("0123456789");
    for _ in 0..100 {
        data = Data::array(vec![data.clone(), data]).unwrap();
    }
    assert_eq!(data.shape().byte_count, u32::MAX);
}

#[test]
fn malformed_bytes_are_refused() {
    let good = Data::from_json(
        "{\"a\":[1.5,\"é\",{\"$address\":\"A/b\"}]}",
        &Limits::default(),
    )
    .unwrap()
    .encode();
    for end in 0..good.len() {
        assert!(Data::decode(&good[..end]).is_err());
    }
    assert_eq!(Data::decode(&[0, 0]), Err(DecodeError::Trailing));
    assert_eq!(Data::decode(&[7; 10_000]), Err(DecodeError::TooDeep));
    assert_eq!(Data::decode(&[250]), Err(DecodeError::Malformed));
    assert_eq!(
        Data::decode(&[7, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        Err(DecodeError::Truncated)
    );
}

#[test]
fn symbolic_addresses_are_resolved_at_any_depth() {
    let data = Data::array(vec![
        Data::from(1.0),
        Data::array(vec![Data::Symbolic(Symbolic::Itself)]).unwrap(),
    ])
    .unwrap();
    assert!(data.shape().has_symbolic);
    let resolved = data.resolve_symbolic(&|_| Data::address("Me")).unwrap();
    assert_eq!(resolved.to_json(), "[1,[{\"$address\":\"Me\"}]]");
    assert!(!resolved.shape().has_symbolic);
}

#[test]
fn expressions_and_matches_keep_their_parts() {
    let expression = Data::regular_expression(Text::from("a/é"), Flags::parse("gi").unwrap());
    let named = [(Text::from("index"), Data::from(3.0))]
        .into_iter()
        .collect();
    let found = Data::array_with(vec![Data::from("a")], named).unwrap();
    for data in [expression.clone(), found.clone()] {
        let again = Data::decode(&data.encode()).unwrap();
        assert_eq!(data, again);
        assert!(again.shape().needs_normalising);
    }
    assert_ne!(found, Data::array(vec![Data::from("a")]).unwrap());
    assert_ne!(
        expression,
        Data::regular_expression(Text::from("a/é"), Flags::default())
    );
    assert_eq!(expression.to_json(), "\"/a/é/gi\"");
    // Flags that exclude each other, and an empty table, are never written.
    assert_eq!(
        Data::decode(&[20, 0b0110_0000, 0]),
        Err(DecodeError::Malformed)
    );
    assert_eq!(Data::decode(&[21, 0, 0]), Err(DecodeError::Malformed));
}
