//! The codec is total: every input is decoded or refused with the error that fits.

use proptest::prelude::*;

use super::*;

#[test]
fn each_fault_has_its_error() {
    let bytes = encode(&(1u64, "two"), 100).unwrap();
    assert_eq!(bytes[0], VERSION);
    assert_eq!(
        decode::<(u64, String)>(&bytes, 100),
        Ok((1, "two".to_owned()))
    );
    assert_eq!(decode::<u64>(&[], 100), Err(DecodeError::Empty));
    assert_eq!(
        decode::<u64>(&[9, 1], 100),
        Err(DecodeError::Version { found: 9 })
    );
    assert_eq!(
        decode::<u64>(&bytes, 3),
        Err(DecodeError::TooLarge {
            bytes: bytes.len(),
            max: 3
        })
    );
    assert_eq!(
        decode::<u64>(&bytes, 100),
        Err(DecodeError::Trailing {
            bytes: bytes.len() - 2
        })
    );
    for cut in 1..bytes.len() {
        let cut = decode::<(u64, String)>(&bytes[..cut], 100);
        assert!(matches!(cut, Err(DecodeError::Malformed { .. })), "{cut:?}");
    }
}

#[test]
fn what_would_be_refused_is_not_encoded() {
    let exact = encode("123", 5).unwrap();
    assert_eq!(exact.len(), 5);
    assert_eq!(
        encode("1234", 5),
        Err(EncodeError::TooLarge { bytes: 6, max: 5 })
    );
    assert_eq!(decode::<String>(&exact, 5).unwrap(), "123");
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // A vector that claims 2^63 bytes.
    let mut bytes = vec![VERSION];
    bytes.extend([0xff; 9]);
    bytes.push(0x01);
    assert!(matches!(
        decode::<Vec<u8>>(&bytes, 100),
        Err(DecodeError::Malformed { .. })
    ));
    assert!(matches!(
        decode::<Vec<u64>>(&bytes, 100),
        Err(DecodeError::Malformed { .. })
    ));
    assert!(matches!(
        decode::<String>(&bytes, 100),
        Err(DecodeError::Malformed { .. })
    ));
    assert!(matches!(
        decode::<Bytes>(&bytes, 100),
        Err(DecodeError::Malformed { .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut versioned = vec![VERSION];
        versioned.extend(&bytes);
        for bytes in [&bytes, &versioned] {
            let _ = decode::<Vec<(String, Option<u64>)>>(bytes, 201);
            let _ = decode::<(bool, char, Bytes)>(bytes, 201);
        }
    }
}

#[test]
fn values_around_the_usual_size_are_read_back() {
    for length in USUAL_BYTES - 6..USUAL_BYTES + 6 {
        let value = "x".repeat(length);
        let bytes = encode(&value, usize::MAX).unwrap();
        assert_eq!(bytes.len(), 1 + 2 + length);
        assert_eq!(decode::<String>(&bytes, usize::MAX), Ok(value));
    }
}
