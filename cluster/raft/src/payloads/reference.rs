//! What stands in an entry of the log instead of its commands: hash and length, and the entry's stamp.
//! The proposer makes it; the log and the network look whether an entry names a payload; the state
//! machine puts the whole together. Guarantees: an entry without one is never taken for one with;
//! reading never panics. Left to others: what stamp and commands look like in bytes.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::types::{Entry, Payload};

/// First byte of an entry that names its commands; a whole entry begins with the codec's version.
const MARK: u8 = 0xc0;
const HASH_BYTES: usize = 32;
const HEAD_BYTES: usize = 1 + HASH_BYTES + 4;

const _: () = assert!(
    transport::codec::VERSION != MARK,
    "a whole entry must differ from one that names its commands"
);

/// Names a payload by its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// BLAKE3 of its bytes.
    pub hash: [u8; HASH_BYTES],
    /// How many there are.
    pub length: u32,
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash
            .iter()
            .try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self} ({} bytes)", self.length)
    }
}

impl Reference {
    /// The name of these bytes.
    ///
    /// # Panics
    /// Beyond 4 GiB, which no limit lets come here.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hash: *blake3::hash(bytes).as_bytes(),
            length: u32::try_from(bytes.len()).expect("a payload is far below 4 GiB"),
        }
    }

    /// Whether it names these bytes.
    #[must_use]
    pub fn names(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.length as usize && *blake3::hash(bytes).as_bytes() == self.hash
    }

    /// The data of an entry with that stamp whose commands it names.
    #[must_use]
    pub fn entry(&self, stamp: &[u8]) -> Bytes {
        let mut data = BytesMut::with_capacity(HEAD_BYTES + stamp.len());
        data.put_u8(MARK);
        data.put_slice(&self.hash);
        data.put_u32_le(self.length);
        data.put_slice(stamp);
        data.freeze()
    }

    /// The reference in the data of an entry and its stamp; none in a whole entry.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<(Self, &[u8])> {
        let (head, stamp) = data.split_at_checked(HEAD_BYTES)?;
        let (hash, length) = head.strip_prefix(&[MARK])?.split_at_checked(HASH_BYTES)?;
        let reference = Self {
            hash: hash.try_into().ok()?,
            length: u32::from_le_bytes(length.try_into().ok()?),
        };
        Some((reference, stamp))
    }

    /// The payload that an entry names.
    #[must_use]
    pub fn of_entry(entry: &Entry) -> Option<Self> {
        match &entry.payload {
            Payload::Normal(data) => Self::read(&data.0).map(|(reference, _)| reference),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use cluster::{Command, EntryStamp};

    use super::*;

    #[test]
    fn an_entry_is_put_together_from_stamp_and_commands() {
        let stamp = EntryStamp {
            time_ms: 1 << 40,
            entropy: [7; 16],
        };
        let commands = vec![Command::Continue, Command::Checkpoint];
        let payload = cluster::entry::encode_commands(&commands).unwrap();
        let reference = Reference::of(&payload);
        let data = reference.entry(&cluster::entry::encode_stamp(stamp));
        let (read, head) = Reference::read(&data).unwrap();
        assert_eq!(read, reference);
        let whole = [head, &payload].concat();
        let entry = cluster::Entry { stamp, commands };
        assert_eq!(whole, entry.encode().unwrap());
        assert_eq!(Reference::read(&whole), None);
    }

    #[test]
    fn other_bytes_are_no_reference() {
        let data = Reference::of(b"payload").entry(b"");
        for length in 0..data.len() {
            assert_eq!(Reference::read(&data[..length]), None);
        }
        assert!(Reference::of(b"payload").names(b"payload"));
        assert!(!Reference::of(b"payload").names(b"another"));
        assert!(!Reference::of(b"payload").names(b"payloads"));
    }
}
