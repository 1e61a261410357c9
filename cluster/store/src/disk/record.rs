//! What is stored about a group beside its content: which keyspace holds it, and up to which index.
//!
//! Before it: the writer, which puts it in the batch of the content that it describes. After it: the
//! node at its next start. Guarantees: one value says both, so a replacement switches them at once.

use cluster::store::{GroupId, StoreError};

/// The keyspace of the records.
pub(super) const RECORDS: &str = "groups";

/// The encoding that this code writes.
const VERSION: u8 = 1;

/// What is on disk of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Raised by each replacement; part of the keyspace's name.
    pub(super) generation: u64,
    /// The last log index in it.
    pub(super) index: u64,
}

impl Record {
    pub(super) fn encode(self) -> [u8; 17] {
        let mut bytes = [VERSION; 17];
        bytes[1..9].copy_from_slice(&self.generation.to_be_bytes());
        bytes[9..].copy_from_slice(&self.index.to_be_bytes());
        bytes
    }

    pub(super) fn decode(group: GroupId, bytes: &[u8]) -> Result<Self, StoreError> {
        let number = |range: std::ops::Range<usize>| {
            let eight = bytes.get(range)?.try_into().ok()?;
            Some(u64::from_be_bytes(eight))
        };
        match (bytes.first(), bytes.len(), number(1..9), number(9..17)) {
            (Some(&VERSION), 17, Some(generation), Some(index)) => Ok(Self { generation, index }),
            _ => Err(StoreError::Corrupt {
                group,
                reason: format!(
                    "its record of {} bytes is not of version {VERSION}",
                    bytes.len()
                )
                .into(),
            }),
        }
    }
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
            generation: 7,
            index: u64::MAX,
        };
        let group = GroupId(3);
        assert_eq!(Record::decode(group, &record.encode()), Ok(record));
        for wrong in [&[][..], &[1; 16], &[2; 17], &[1; 18]] {
            let refused = Record::decode(group, wrong);
            assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
        }
        assert_eq!(record_group(&record_key(group)), Some(group));
        assert_eq!(record_group(b"toolong"), None);
    }
}
