//! How keys of the port stand in a group's keyspace, beside the one key that is the store's own.
//!
//! Before it: reads and the writer. After it: fjall. Guarantees: the order of keys is kept, and no
//! key of the port meets [`INDEX`]. Leaves to others: how long a key may be.
//!
//! Keys of zeros only stand one zero longer. They are the first of all keys, so nothing else has to
//! move, and the shortest of them is free. That is also why the port's keys are a byte shorter than
//! the engine's.

use std::borrow::Cow;
use std::ops::Bound;

use cluster::store::merge::Range;

/// Under this key stands the log index of the last unit in the keyspace.
pub(super) const INDEX: &[u8] = &[0];

/// The first key that a key of the port can stand under.
const FIRST: &[u8] = &[0, 0];

/// Bounds of a range of stored keys.
type Bounds<'a> = (Bound<Cow<'a, [u8]>>, Bound<Cow<'a, [u8]>>);

/// Where a key of the port stands. Nothing stands under the empty key.
pub(super) fn stored(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.is_empty() && key.iter().all(|byte| *byte == 0) {
        return Cow::Owned(vec![0; key.len() + 1]);
    }
    Cow::Borrowed(key)
}

/// The key of the port that stands here; not for [`INDEX`].
pub(super) fn given(stored: &[u8]) -> &[u8] {
    match stored.iter().all(|byte| *byte == 0) {
        true => stored.get(1..).unwrap_or_default(),
        false => stored,
    }
}

/// The bounds of a range that is not empty.
pub(super) fn bounds<'a>(range: &Range<'a>) -> Bounds<'a> {
    let from = match range.from {
        [] => Cow::Borrowed(FIRST),
        from => stored(from),
    };
    let until = range
        .until
        .map_or(Bound::Unbounded, |until| Bound::Excluded(stored(until)));
    (Bound::Included(from), until)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All keys of up to four bytes out of 0, 1 and 255.
    fn keys() -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = vec![Vec::new()];
        let mut begun = 0;
        for _ in 0..4 {
            let end = keys.len();
            for at in begun..end {
                for byte in [0, 1, 255] {
                    let mut longer = keys[at].clone();
                    longer.push(byte);
                    keys.push(longer);
                }
            }
            begun = end;
        }
        keys.remove(0);
        keys.sort();
        keys
    }

    #[test]
    fn stored_keys_keep_their_order_come_back_and_leave_one_key_free() {
        let keys = keys();
        assert_eq!(keys.len(), 120);
        for pair in keys.windows(2) {
            assert!(stored(&pair[0]) < stored(&pair[1]), "{pair:?}");
        }
        assert!(stored(b"").is_empty());
        for key in &keys {
            assert_eq!(given(&stored(key)), &key[..]);
            assert!(&*stored(key) > INDEX, "{key:?}");
        }
    }

    #[test]
    fn bounds_hold_the_keys_of_a_range_and_never_the_index() {
        let keys = keys();
        let some = [
            &b""[..],
            b"\0",
            b"\0\0",
            b"\0\0\0\0",
            b"\0\x01",
            b"\x01",
            b"\xff\0",
        ];
        for from in some {
            for until in some.into_iter().map(Some).chain([None]) {
                let range = Range::forward(from, until, 1);
                if range.is_empty() {
                    continue;
                }
                let (lower, upper) = bounds(&range);
                let inside = |key: &[u8]| {
                    let below = matches!(&lower, Bound::Included(from) if key < &**from);
                    let above = matches!(&upper, Bound::Excluded(until) if key >= &**until);
                    !below && !above
                };
                assert!(!inside(INDEX));
                for key in &keys {
                    let wanted = &key[..] >= from && until.is_none_or(|until| &key[..] < until);
                    assert_eq!(inside(&stored(key)), wanted, "{key:?} in {range:?}");
                }
            }
        }
    }
}
