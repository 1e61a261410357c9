//! Which addresses are valid, how they print, and that decoding checks them too.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Address, AddressError> {
    Address::parse(Namespace::default(), text)
}

#[test]
fn a_name_and_a_key_are_told_apart_at_the_first_slash() {
    let bare = parse("Account").unwrap();
    assert_eq!((bare.name(), bare.key()), ("Account", None));
    let instance = parse("Account/a/b").unwrap();
    assert_eq!((instance.name(), instance.key()), ("Account", Some("a/b")));
    assert_eq!(instance.to_string(), "Account/a/b");
    assert_eq!(instance.without_key(), bare);
    assert_eq!(bare.with_key("a/b").unwrap(), instance);
    assert_eq!(instance.namespace().as_str(), "default");
    assert_eq!(format!("{instance:?}"), "Address(default:Account/a/b)");
}

#[test]
fn limits_are_named() {
    let long = |bytes: usize| "x".repeat(bytes);
    assert!(parse(&format!("{}/{}", long(NAME_BYTES_MAX), long(KEY_BYTES_MAX))).is_ok());
    let cases = [
        (parse(""), "E-address-empty"),
        (parse("/key"), "E-address-empty"),
        (parse("Name/"), "E-address-empty"),
        (parse(&long(NAME_BYTES_MAX + 1)), "E-address-long"),
        (
            parse(&format!("N/{}", long(KEY_BYTES_MAX + 1))),
            "E-address-long",
        ),
        (parse("a\nb"), "E-address-character"),
    ];
    for (refused, code) in cases {
        assert_eq!(refused.unwrap_err().code(), code);
    }
    for (name, code) in [
        ("", "E-address-empty"),
        ("a/b", "E-address-character"),
        (&long(NAMESPACE_BYTES_MAX + 1), "E-address-long"),
        ("node", "E-address-reserved"),
        ("shard", "E-address-reserved"),
        ("hello", "E-address-reserved"),
    ] {
        assert_eq!(Namespace::new(name).unwrap_err().code(), code, "{name:?}");
    }
}

#[test]
fn decoding_checks_what_it_reads() {
    let address = Address::instance(Namespace::new("shop").unwrap(), "Cart", "7").unwrap();
    let json = serde_json::to_string(&address).unwrap();
    assert_eq!(json, r#"{"namespace":"shop","name":"Cart","key":"7"}"#);
    assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    for bad in [
        r#"{"namespace":"node","name":"Cart","key":null}"#,
        r#"{"namespace":"shop","name":"a/b","key":null}"#,
        r#"{"namespace":"shop","name":"Cart","key":""}"#,
    ] {
        assert!(serde_json::from_str::<Address>(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(name in "[^/\\p{Cc}]{1,20}", key in proptest::option::of("\\PC{1,20}")) {
        let address = Address::new(Namespace::default(), name, key).unwrap();
        prop_assert_eq!(parse(&address.to_string()), Ok(address));
    }
}
