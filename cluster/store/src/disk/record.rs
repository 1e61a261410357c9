//! What is stored about a group beside its content: which keyspace holds it, and up to which index.
//!
//! Before it: the writer and replacements. After it: the node at its next start. Guarantees: the
//! index stands in the keyspace that it describes, so one table holds both; the record names
//! a keyspace only once its content is there, so a replacement switches content and index at once.

use cluster::store::{GroupId, StoreError};
use fjall::Keyspace;

use super::engine::io_error;
use super::key;

/// The keyspace of the records. It is small and changes when a group comes, goes or is replaced, so
/// it goes through fjall's journal.
pub(super) const RECORDS: &str = "groups";

/// Stands among the records, and is no group's: put at each start, under a number above all others.
pub(super) const STARTED: &[u8] = b"started";

/// The encoding that this code writes.
const VERSION: u8 = 2;

/// Which keyspace a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Raised by each replacement; part of the keyspace's name.
    pub(super) generation: u64,
}

impl Record {
    pub(super) fn encode(self) -> [u8; 9] {
        let mut bytes = [VERSION; 9];
        bytes[1..].copy_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    pub(super) fn decode(group: GroupId, bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((&VERSION, generation)) => number(generation),
            _ => None,
        }
        .map(|generation| Self { generation })
        .ok_or_else(|| StoreError::Corrupt {
            group,
            reason: format!(
                "its record of {} bytes is not of version {VERSION}",
                bytes.len()
            )
            .into(),
        })
    }
}

/// The value under [`key::INDEX`].
pub(super) fn encode_index(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// The index in a value under [`key::INDEX`].
pub(super) fn decode_index(group: GroupId, bytes: &[u8]) -> Result<u64, StoreError> {
    number(bytes).ok_or_else(|| StoreError::Corrupt {
        group,
        reason: format!("its index has {} bytes", bytes.len()).into(),
    })
}

/// The index of a keyspace that a record names.
pub(super) fn index_of(group: GroupId, base: &Keyspace) -> Result<u64, StoreError> {
    let bytes = base
        .get(key::INDEX)
        .map_err(|error| io_error("read a group's index", &error))?;
    let bytes = bytes.ok_or_else(|| StoreError::Corrupt {
        group,
        reason: format!("its files {} have no index", &**base.name()).into(),
    })?;
    decode_index(group, &bytes)
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The key of a group's record.
pub(super) fn record_key(group: GroupId) -> [u8; 4] {
    group.0.to_be_bytes()
}

/// The group whose record has this key.
pub(super) fn record_group(key: &[u8]) -> Option<GroupId> {
    Some(GroupId(u32::from_be_bytes(key.try_into().ok()?)))
}

/// The keyspace that holds one generation of a group's content. It keeps its name when it is set
/// aside, so a group's generations go on counting from that one.
pub(super) fn keyspace_name(group: GroupId, generation: u64) -> String {
    format!("group-{}-{generation}", group.home())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_encoding_and_other_bytes_are_corrupt() {
        let record = Record {
            generation: u64::MAX - 7,
        };
        let group = GroupId(3);
        assert_eq!(Record::decode(group, &record.encode()), Ok(record));
        for wrong in [&[][..], &[2; 8], &[1; 9], &[1; 17], &[2; 10]] {
            let refused = Record::decode(group, wrong);
            assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
        }
        assert_eq!(record_group(&record_key(group)), Some(group));
        assert_eq!(record_group(b"toolong"), None);
    }

    #[test]
    fn an_index_survives_encoding_and_other_bytes_are_corrupt() {
        let group = GroupId(3);
        assert_eq!(decode_index(group, &encode_index(700)), Ok(700));
        for wrong in [&[][..], &[0; 7], &[0; 9]] {
            let refused = decode_index(group, wrong);
            assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
        }
    }
}
