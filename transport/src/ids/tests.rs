//! Printed forms, JSON and bytes of the ids.

use super::*;

#[test]
fn byte_ids_print_all_digits_and_parse_back() {
    let id = MessageId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255]);
    assert_eq!(id.to_string(), "000102030405060708090a0b0c0dfeff");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(format!("{id:?}"), format!("MessageId({id})"));
}

#[test]
fn numbers_print_as_people_count_and_nodes_as_digits() {
    assert_eq!(ShardId(12).to_string(), "12");
    assert_eq!("12".parse(), Ok(ShardId(12)));
    assert_eq!(
        Incarnation(u32::MAX).to_string().parse(),
        Ok(Incarnation(u32::MAX))
    );
    assert_eq!(NodeId(0xabc).to_string(), "0000000000000abc");
    assert_eq!("0000000000000abc".parse(), Ok(NodeId(0xabc)));
}

#[test]
fn other_texts_are_refused_with_the_reason() {
    let digits = "0".repeat(32);
    let cases = [
        ("", "has 0 characters"),
        (&digits[..31], "has 31 characters"),
        (&format!("{digits}0"), "has 33 characters"),
        (&format!("{}A", &digits[..31]), "digits 0-9 and a-f"),
        (&format!("{}é", &digits[..30]), "digits 0-9 and a-f"),
        (&"é".repeat(32), "has 32 characters"),
    ];
    for (text, reason) in cases {
        let error = text.parse::<ClusterId>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text:?}: {error}");
    }
    for text in ["", "-1", "+1", " 1", "01", "4294967296", "1e3", "١"] {
        assert!(text.parse::<ShardId>().is_err(), "{text:?}");
    }
}

#[test]
fn json_has_the_printed_form_and_bytes_have_no_more_than_they_need() {
    let (run, node, shard) = (RunId([7; 16]), NodeId(u64::MAX), ShardId(3));
    let json = serde_json::to_string(&(run, node, shard)).unwrap();
    assert_eq!(json, format!("[\"{run}\",\"ffffffffffffffff\",3]"));
    assert_eq!(
        serde_json::from_str::<(RunId, NodeId, ShardId)>(&json).unwrap(),
        (run, node, shard)
    );
    assert!(serde_json::from_str::<RunId>("\"07\"").is_err());
    let bytes = postcard::to_stdvec(&run).unwrap();
    assert_eq!(bytes, [7; 16]);
    assert_eq!(postcard::from_bytes::<RunId>(&bytes).unwrap(), run);
}
