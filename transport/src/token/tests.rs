//! Tokens and texts are one to one.

use proptest::prelude::*;

use super::*;

#[test]
fn only_plain_bytes_stand_for_themselves() {
    assert_eq!(encode("Fraud_Monitor-1"), "Fraud_Monitor-1");
    assert_eq!(encode("user 42.x"), "user=2042=2Ex");
    assert_eq!(encode("a=b/*>"), "a=3Db=2F=2A=3E");
    assert_eq!(encode("é\n"), "=C3=A9=0A");
    assert_eq!(decode("=C3=A9=0A").unwrap(), "é\n");
}

#[test]
fn what_encode_does_not_write_is_refused() {
    // Lower case, an escape that is not needed, cut short, no digits, and raw bytes.
    for (token, at) in [
        ("a=2f", 1),
        ("=41", 0),
        ("ab=2", 2),
        ("=", 0),
        ("=GG", 0),
        ("a b", 1),
        ("é", 0),
    ] {
        assert_eq!(
            decode(token),
            Err(TokenError::Malformed { at }),
            "{token:?}"
        );
    }
    assert_eq!(decode("=C3"), Err(TokenError::NotText));
}

proptest! {
    #[test]
    fn every_text_has_one_token(text in any::<String>()) {
        let token = encode(&text);
        prop_assert!(token.bytes().all(|byte| is_plain(byte) || byte == b'='));
        let read = decode(&token).unwrap();
        prop_assert_eq!(read.as_ref(), text.as_str());
    }

    #[test]
    fn every_token_has_one_text(token in "[A-Za-z0-9_=-]{0,12}") {
        if let Ok(text) = decode(&token) {
            let written = encode(&text);
            prop_assert_eq!(written.as_ref(), token.as_str());
        }
    }
}
