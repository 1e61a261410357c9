//! Bytes of what travels: one version byte, then postcard.
//! Before it: an envelope or a private message between nodes. After it: the payload on the bus.
//! Guarantees: encoding and decoding are bounded; decoding is total: it refuses an unknown
//! version, bytes left over and bytes too many with an error of its own, and never panics.
//! Leaves to others: the shape of the types, which changes only together with `VERSION`.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// First byte of everything encoded here.
pub const VERSION: u8 = 5;

/// Most of what is encoded here fits, and is put together without memory from the allocator.
const USUAL_BYTES: usize = 512;

/// Why something was not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is larger than may be sent.
    #[error("the message takes {bytes} bytes, at most {max} may travel; send less, or a reference")]
    TooLarge {
        /// Bytes that it takes.
        bytes: usize,
        /// Bytes that are allowed.
        max: usize,
    },
    /// A value that this encoding cannot write, such as a sequence of unknown length.
    #[error("the value cannot be encoded: {reason}")]
    Unencodable {
        /// What the encoder says.
        reason: String,
    },
}

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is not even a version byte.
    #[error("there are no bytes to decode")]
    Empty,
    /// Written by a version that this program does not know.
    #[error("encoded with version {found}, this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// More bytes than may arrive.
    #[error("{bytes} bytes arrived, at most {max} are allowed")]
    TooLarge {
        /// Bytes that arrived.
        bytes: usize,
        /// Bytes that are allowed.
        max: usize,
    },
    /// The bytes end early or are no value of this type.
    #[error("the bytes are no value of the expected kind: {reason}")]
    Malformed {
        /// What the decoder says.
        reason: String,
    },
    /// A value, and then more.
    #[error("{bytes} bytes are left over after the value")]
    Trailing {
        /// Bytes left over.
        bytes: usize,
    },
}

/// Encodes `value` into at most `max` bytes, the version byte included.
pub fn encode<T: Serialize + ?Sized>(value: &T, max: usize) -> Result<Bytes, EncodeError> {
    let unencodable = |error: postcard::Error| EncodeError::Unencodable {
        reason: error.to_string(),
    };
    let bytes = with_version(value, VERSION).map_err(unencodable)?;
    if bytes.len() > max {
        return Err(EncodeError::TooLarge {
            bytes: bytes.len(),
            max,
        });
    }
    Ok(bytes)
}

/// Encodes `value` after a version byte of the caller's choice, in no more memory than it takes.
///
/// # Errors
/// A value that postcard cannot write.
pub fn with_version<T: Serialize + ?Sized>(
    value: &T,
    version: u8,
) -> Result<Bytes, postcard::Error> {
    let mut usual = [version; USUAL_BYTES];
    match postcard::to_slice(value, &mut usual[1..]) {
        Ok(encoded) => {
            let length = 1 + encoded.len();
            Ok(Bytes::copy_from_slice(&usual[..length]))
        }
        Err(postcard::Error::SerializeBufferFull) => {
            let mut bytes = Vec::with_capacity(2 * USUAL_BYTES);
            bytes.push(version);
            Ok(Bytes::from(postcard::to_extend(value, bytes)?))
        }
        Err(error) => Err(error),
    }
}

/// Decodes what `encode` wrote, of at most `max` bytes.
///
/// `T` must not hold sequences of values that take no bytes (such as `Vec<()>`): their length is
/// not bounded by the input.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge {
            bytes: bytes.len(),
            max,
        });
    }
    let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if version != VERSION {
        return Err(DecodeError::Version { found: version });
    }
    let (value, rest) =
        postcard::take_from_bytes(body).map_err(|error| DecodeError::Malformed {
            reason: error.to_string(),
        })?;
    if !rest.is_empty() {
        return Err(DecodeError::Trailing { bytes: rest.len() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
