//! Hashes of what replicas compare and of where addresses live: fast ones, of the same bits everywhere.
//!
//! Before it: everything that chains records or spreads addresses. After it: the state's hash, histories,
//! the shard map. Guarantees: equal bytes give equal hashes on every platform and in every version of the
//! formats; different bytes give different ones up to chance (128 bits). Leaves to others: resisting
//! somebody who looks for two contents of one hash: names of programs and keys of clients are BLAKE3.

use transport::Address;
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

/// Where an address lives: the hash of its key (empty for a bare name), seeded with that of its name,
/// seeded with that of its namespace.
pub(crate) fn address(address: &Address) -> u64 {
    let namespace = xxh3_64_with_seed(address.namespace().as_str().as_bytes(), 0);
    let name = xxh3_64_with_seed(address.name().as_bytes(), namespace);
    xxh3_64_with_seed(address.key().unwrap_or("").as_bytes(), name)
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
    use transport::Namespace;

    fn at(text: &str) -> u64 {
        address(&Address::parse(Namespace::default(), text).unwrap())
    }

    /// Logs, stores and shard maps hold these: another value needs another version of the formats.
    #[test]
    fn hashes_stay_as_they_are() {
        let mut parts = Parts::new();
        parts.part(1, b"part");
        let hashes = [
            record(b"record"),
            u128::from_le_bytes(linked(&[7; 16], b'h', b"record")),
            u128::from(at("Counter/a")),
            u128::from(at("Counter")),
            u128::from_le_bytes(parts.finish()),
        ];
        let known = [
            304668884138787855031857754478841042687,
            284929379667315003410243370010784138209,
            16957186743765462958,
            2210558641598412460,
            316805507742518279749176503373805828188,
        ];
        assert_eq!(hashes, known);
    }

    #[test]
    fn where_a_part_ends_matters() {
        assert_ne!(at("ab/c"), at("a/bc"));
        assert_ne!(at("a"), at("a/a"));
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
