//! What one raft entry of a shard carries: the leader's stamp and the commands that arrived while
//! the previous append was in flight.
//!
//! Before it: the proposer, which batches and stamps. After it: `Shard::apply`.
//! Guarantees: bytes are read back equal or refused; reading never panics and never takes more
//! memory than the bytes justify. Leaves to others: what the commands do.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::codec;
pub use transport::{DecodeError, EncodeError};

use crate::command::Command;
use crate::limits::ENTRY_BYTES_MAX;

/// What is not deterministic, stamped by the leader once for an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStamp {
    /// Shard time in milliseconds since 1970. Apply never lets it go back.
    pub time_ms: u64,
    /// Chance for the turns of this entry. Turns in two entries with equal entropy still draw
    /// different numbers, because the run and its step enter their seeds.
    pub entropy: [u8; 16],
}

/// The beginning of an entry's bytes: everything before its commands.
#[must_use]
pub fn encode_stamp(stamp: EntryStamp) -> Bytes {
    codec::with_version(&stamp, codec::VERSION).expect("numbers and bytes always encode")
}

/// The end of an entry's bytes, of a shard or of the system group: its commands.
///
/// # Errors
///
/// `TooLarge` where no entry could have them.
pub fn encode_commands<T: Serialize>(commands: &[T]) -> Result<Bytes, EncodeError> {
    // A stamp has fewer bytes than that, whatever its time.
    const STAMP_BYTES: usize = 64;
    let encoded = codec::encode(commands, ENTRY_BYTES_MAX - STAMP_BYTES)?;
    // Without the version, which stands before the stamp.
    Ok(encoded.slice(1..))
}

/// One entry of a shard's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Time and chance of the entry.
    pub stamp: EntryStamp,
    /// The commands, applied in this order. Splitting them into entries with the same stamp gives
    /// the same state.
    pub commands: Vec<Command>,
}

impl Entry {
    /// A version byte and postcard; at most [`ENTRY_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// `TooLarge`: the proposer puts fewer commands into an entry, or refuses the one command.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        codec::encode(self, ENTRY_BYTES_MAX)
    }

    /// Reads what [`Entry::encode`] wrote. Total: any bytes give an entry or an error.
    ///
    /// # Errors
    ///
    /// As of [`codec::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
        codec::decode(bytes, ENTRY_BYTES_MAX)
    }
}
