//! Keys and values of a state store: their limits, and the ends of ranges.
//!
//! Before it: callers that build ranges. After it: the adapters, which check every pair with it.
//! Guarantees: both adapters refuse the same pairs. Leaves to others: what a key means.

use super::StoreError;
pub use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Whether a pair is within the limits; a deletion has no value.
///
/// # Errors
///
/// `Limit`, which names the side that is outside.
pub fn check_pair(key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(StoreError::Limit {
            what: "key",
            bytes: key.len(),
            bytes_min: 1,
            bytes_max: KEY_BYTES_MAX,
        });
    }
    match value {
        Some(value) if value.len() > VALUE_BYTES_MAX => Err(StoreError::Limit {
            what: "value",
            bytes: value.len(),
            bytes_min: 0,
            bytes_max: VALUE_BYTES_MAX,
        }),
        _ => Ok(()),
    }
}

/// The smallest key above `key`: where a scan goes on after it.
pub fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The smallest key above all that start with `prefix`: the `until` of a scan over a prefix.
/// `None` where no key is above them.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_end_is_above_the_prefix_and_nothing_else() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(b"\xff\xff"), None);
        assert_eq!(prefix_end(b""), None);
    }

    #[test]
    fn limits_name_the_side_that_is_outside() {
        assert!(matches!(
            check_pair(b"", None),
            Err(StoreError::Limit { what: "key", .. })
        ));
        assert!(matches!(
            check_pair(b"k", Some(&vec![0; VALUE_BYTES_MAX + 1])),
            Err(StoreError::Limit { what: "value", .. })
        ));
        assert_eq!(check_pair(&[1; KEY_BYTES_MAX], Some(b"")), Ok(()));
    }
}
