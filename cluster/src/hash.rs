//! Hashes of what replicas compare and of where addresses live: fast ones, of the same bits everywhere.
//!
//! Before it: everything that chains records or spreads addresses. After it: the state's hash, histories,
//! the shard map. Guarantees: equal bytes give equal hashes on every platform and in every version of the
//! formats; different bytes give different ones up to chance (128 bits). Leaves to others: resisting
//! somebody who looks for two contents of one hash: names of programs and keys of clients are BLAKE3.

use transport::{Address, Namespace};
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed, xxh3_128};

/// The hash of a record.
pub(crate) fn record(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// The next link of a chain of hashes.
pub(crate) fn linked(chain: &[u8; 16], what: u8, bytes: &[u8]) -> [u8; 16] {
    let mut link = [0; 33];
    link[..16].copy_from_slice(chain);
    link[16] = what;
    link[17..].copy_from_slice(&xxh3_128(bytes).to_le_bytes());
    xxh3_128(&link).to_le_bytes()
}

/// By which an instance is found in memory. Nothing else may hold it.
pub(crate) fn address(address: &Address) -> u64 {
    let name = name(address.namespace(), address.name());
    xxh3_64_with_seed(address.key().unwrap_or("").as_bytes(), name)
}

/// Where a key lives, whoever's it is.
pub(crate) fn key(namespace: &Namespace, key: &str) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), within(namespace))
}

/// Where a name is at home.
pub(crate) fn name(namespace: &Namespace, name: &str) -> u64 {
    // A turn of the seed, so that a name is not at home where a key of that text lives.
    xxh3_64_with_seed(name.as_bytes(), !within(namespace))
}

fn within(namespace: &Namespace) -> u64 {
    xxh3_64_with_seed(namespace.as_str().as_bytes(), 0)
}

/// A hash over parts, each behind a tag and its length.
pub(crate) struct Parts(Xxh3);

impl Parts {
    pub(crate) fn new() -> Parts {
        Parts(Xxh3::new())
    }

    pub(crate) fn part(&mut self, tag: u8, bytes: &[u8]) {
        let mut head = [tag; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.update(&head);
        self.0.update(bytes);
    }

    pub(crate) fn finish(&self) -> [u8; 16] {
        self.0.digest128().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logs, stores and shard maps hold these: another value needs another version of the formats.
    #[test]
    fn hashes_stay_as_they_are() {
        let mut parts = Parts::new();
        parts.part(1, b"part");
        let hashes = [
            record(b"record"),
            u128::from_le_bytes(linked(&[7; 16], b'h', b"record")),
            u128::from(key(&Namespace::default(), "a")),
            u128::from(name(&Namespace::default(), "Counter")),
            u128::from_le_bytes(parts.finish()),
        ];
        let known = [
            304668884138787855031857754478841042687,
            284929379667315003410243370010784138209,
            8079261290825051519,
            17003480342573450528,
            316805507742518279749176503373805828188,
        ];
        assert_eq!(hashes, known);
    }

    #[test]
    fn where_a_part_ends_matters() {
        let (ab, a) = (Namespace::new("ab").unwrap(), Namespace::new("a").unwrap());
        assert_ne!(key(&ab, "c"), key(&a, "bc"));
        assert_ne!(key(&a, "b"), name(&a, "b"));
        let of = |first: &[u8], second: &[u8]| {
            let mut parts = Parts::new();
            parts.part(1, first);
            parts.part(1, second);
            parts.finish()
        };
        assert_ne!(of(b"ab", b"c"), of(b"a", b"bc"));
        assert_ne!(linked(&[0; 16], 1, b"x"), linked(&[0; 16], 2, b"x"));
        assert_ne!(linked(&[0; 16], 1, b"x"), linked(&[1; 16], 1, b"x"));
    }
}
