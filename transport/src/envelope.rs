//! A message with everything that its target needs: stamp, sender, target, program, body.
//! Before it: the outbox or a door, which fills it in. After it: `codec`, the bus, a `Deliver`.
//! Guarantees: its bytes are read back equal or refused, see `codec`.
//! Leaves to others: what the body means (JSON text, normalised by `vm`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::codec::{self, DecodeError, EncodeError};
use crate::limits::ENVELOPE_BYTES_MAX;
use crate::stamp::Stamp;

/// One message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Which message, why, when.
    pub stamp: Stamp,
    /// The sender; none where it came through a door.
    pub from: Option<Address>,
    /// The target: an instance, or a bare name.
    pub to: Address,
    /// Hash of the program that the sender fixed for a run that this message starts.
    pub program: Option<[u8; 32]>,
    /// The message itself.
    pub body: Bytes,
}

impl Envelope {
    /// The bytes that travel; refused where they exceed the limit of an envelope.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        codec::encode(self, ENVELOPE_BYTES_MAX)
    }

    /// Reads what `encode` wrote. Never panics, whatever the bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, ENVELOPE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests;
