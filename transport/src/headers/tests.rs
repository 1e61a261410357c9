//! Headers are bounded, and a stamp survives them.

use proptest::prelude::*;

use super::*;
use crate::ids::{ClusterId, Incarnation, NodeId, ShardId};
use crate::origin::{DoorOrigin, RunOrigin};
use crate::trace::TraceState;

fn story() -> (Stamp, Stamp) {
    let door = DoorOrigin {
        cluster: ClusterId([1; 16]),
        node: NodeId(1),
        node_incarnation: Incarnation(1),
        sequence: 1,
    };
    let run = RunOrigin {
        cluster: ClusterId([1; 16]),
        shard: ShardId(3),
        incarnation: Incarnation(1),
        run_began_at: 77,
        run_ordinal: 0,
    };
    let root = Stamp::root(
        MessageId::root(&door),
        HybridTime::new(1_700_000_000_000, 1),
        None,
    );
    let time = HybridTime::new(1_700_000_000_001, 0);
    let id = MessageId::derived(root.id, &run.message(2, 0), time);
    let mut caused = root.caused(id, time);
    caused.trace.state = Some(TraceState::new("vendor=1").unwrap());
    (root, caused)
}

#[test]
fn a_stamp_is_read_back_equal() {
    let (root, caused) = story();
    for stamp in [&root, &caused] {
        assert_eq!(&Headers::of_stamp(stamp).stamp().unwrap(), stamp);
    }
    assert_eq!(Headers::of_stamp(&root).len(), 4);
    assert_eq!(Headers::of_stamp(&caused).len(), 6);
    assert!(
        caused
            .id
            .to_string()
            .starts_with(&root.id.to_string()[..12])
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let (_, caused) = story();
    for name in [MESSAGE_ID, CORRELATION_ID, TIMESTAMP, TRACEPARENT] {
        let mut headers = Headers::new();
        for (other, value) in Headers::of_stamp(&caused)
            .iter()
            .filter(|(other, _)| *other != name)
        {
            headers.set(other.to_owned(), value).unwrap();
        }
        assert_eq!(headers.stamp(), Err(HeaderError::Missing { name }));
    }
    for name in [
        MESSAGE_ID,
        CAUSATION_ID,
        CORRELATION_ID,
        TIMESTAMP,
        TRACEPARENT,
    ] {
        let mut headers = Headers::of_stamp(&caused);
        headers.set(name, "wrong").unwrap();
        assert!(
            headers.stamp().unwrap_err().to_string().contains(name),
            "{name}"
        );
    }
    assert_eq!(Headers::new().trace(), Ok(None));
}

#[test]
fn names_compare_without_case_and_a_second_value_replaces_the_first() {
    let mut headers = Headers::new();
    headers.set("X-One", "1").unwrap();
    headers.set("x-one", "2").unwrap();
    assert_eq!((headers.len(), headers.get("X-ONE")), (1, Some("2")));
    let mut other = Headers::new();
    other.set("Two", "").unwrap();
    assert_ne!(headers, other);
    headers.set("two", "").unwrap();
    other.set("X-ONE", "2").unwrap();
    assert_eq!(headers, other);
}

#[test]
fn what_would_break_a_line_is_refused() {
    let mut headers = Headers::new();
    for name in [
        "",
        "a b",
        "a:b",
        "é",
        "a\r\n",
        &"n".repeat(HEADER_NAME_BYTES_MAX + 1),
    ] {
        let refused = headers.set(name.to_owned(), "1");
        assert!(matches!(refused, Err(HeaderError::Name { .. })), "{name:?}");
    }
    for value in [
        "a\r\nB: 1",
        "\u{0}",
        "é",
        " a",
        "a ",
        &"v".repeat(HEADER_VALUE_BYTES_MAX + 1),
    ] {
        let refused = headers.set("A", value);
        assert!(
            matches!(refused, Err(HeaderError::Value { .. })),
            "{value:?}"
        );
    }
    for n in 0..HEADERS_MAX {
        headers.set(format!("A{n}"), "1").unwrap();
    }
    assert_eq!(headers.set("B", "1"), Err(HeaderError::TooMany));
    assert_eq!(headers.set("a0", "2"), Ok(()));
}

#[test]
fn their_size_is_that_of_the_lines() {
    let mut headers = Headers::new();
    assert_eq!(headers.wire_bytes(), 0);
    headers.set("A", "bc").unwrap();
    assert_eq!(headers.wire_bytes(), "NATS/1.0\r\nA: bc\r\n\r\n".len());
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(name in "\\PC{0,8}", value in any::<String>()) {
        let mut headers = Headers::new();
        if headers.set(name.clone(), value.clone()).is_ok() {
            prop_assert_eq!(headers.get(&name), Some(value.as_str()));
        }
        let mut headers = Headers::new();
        if headers.set(MESSAGE_ID, value.clone()).is_ok() && headers.set(TRACEPARENT, value).is_ok() {
            let _ = headers.stamp();
        }
    }
}
